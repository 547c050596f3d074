"""PostgreSQL's programs that copy a whole database out and in: found, held against the server, run to their end."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.postgres import PROGRAMS

LEFT_OUT: Final = ("record_key", "import_chunk")
"""Tables whose rows are not in the copy, so that what is forgotten is forgotten in copies too: record keys are kept
apart, files that wait to be imported are handed in again."""

PIECE: Final = 1024 * 1024
LOCK_WAIT_MILLISECONDS: Final = 30_000
SINCE_TIMEOUTS: Final = 17
"""Programs from this major version on write a setting that older servers do not know."""

_MOST_SAID: Final = 64 * 1024
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


@dataclass(frozen=True, slots=True)
class Programs:
    """pg_dump and pg_restore of one folder."""

    folder: Path
    major: int
    version: str

    @classmethod
    async def found(cls, folder: Path | None) -> Self:
        """Those of the folder, or those that come with the program. Raises CannotRun."""
        folder = folder or PROGRAMS
        async with _running(
            folder / "pg_dump", "--version", url=None, out=asyncio.subprocess.PIPE
        ) as program:
            said, _ = await program.communicate()
        match = _VERSION.search(said.decode(errors="replace"))
        if match is None:
            raise CannotRun(f"{folder / 'pg_dump'} does not tell its version. Correct MLA_POSTGRES_PROGRAMS.")
        return cls(folder, int(match[1]), f"{match[1]}{match[2]}")

    def require_fit(self, server: int) -> None:
        """Raises CannotRun unless a server of this major version can be copied out of, and into, by these programs."""
        other = f"set MLA_POSTGRES_PROGRAMS to the folder of pg_dump and pg_restore of version {server}"
        if self.major < server:
            raise CannotRun(
                f"The server is PostgreSQL {server}, the programs in {self.folder} are of {self.major} and do not know "
                f"it: {other}."
            )
        if server < SINCE_TIMEOUTS <= self.major:
            raise CannotRun(
                f"The server is PostgreSQL {server}, which does not take what programs of version {self.major} write: "
                f"{other}."
            )

    async def dump(
        self, url: str, snapshot: str, into: IO[bytes], told: Callable[[int], None]
    ) -> tuple[int, str]:
        """Copy the database as a snapshot sees it into a file, in pg_dump's custom format; gives size and SHA-256.

        `told` hears how many bytes were written. Raises CannotRun, and OSError where the file takes no more.
        """
        left_out = [f"--exclude-table-data=public.{table}" for table in LEFT_OUT]
        arguments = [
            "--format=custom", f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_WAIT_MILLISECONDS}",
            "--no-publications", "--no-subscriptions", *left_out,
        ]  # fmt: skip
        digest, written = hashlib.sha256(), 0
        async with _running(
            self.folder / "pg_dump", *arguments, url=url, out=asyncio.subprocess.PIPE
        ) as program:
            saying = asyncio.create_task(_last_words(program))
            assert program.stdout is not None
            while piece := await program.stdout.read(PIECE):
                into.write(piece)
                digest.update(piece)
                written += len(piece)
                told(written)
            if await program.wait() != 0:
                raise CannotRun(f"The database could not be copied: {await saying}")
            await saying
        return written, digest.hexdigest()

    async def load(self, url: str, copy: Path) -> None:
        """Put such a copy into an empty database, all of it or nothing. Raises CannotRun."""
        arguments = ["--single-transaction", "--exit-on-error", "--no-owner", str(copy)]
        async with _running(
            self.folder / "pg_restore", *arguments, url=url, out=asyncio.subprocess.DEVNULL
        ) as program:
            said = await _last_words(program)
            if await program.wait() != 0:
                raise CannotRun(
                    f"The copy {copy} could not be loaded, and nothing of it was kept: {said} It was made by a "
                    "program of another version, or the login may not create tables."
                )


@asynccontextmanager
async def _running(
    program: Path, *arguments: str, url: str | None, out: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of the programs at work, ended when the block is left. Others can read arguments: none holds the password."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    environment["LC_ALL"] = "C"
    target: list[str] = []
    if url is not None:
        address, password = without_password(url)
        target = [f"--dbname={address}", "--no-password"]
        environment |= {"PGPASSWORD": password} if password is not None else {}
    try:
        process = await asyncio.create_subprocess_exec(
            program, *target, *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=asyncio.subprocess.PIPE,
            env=environment, cwd="/", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise CannotRun(
            f"PostgreSQL's program {program} could not be run ({error.strerror}). Install it, or correct "
            "MLA_POSTGRES_PROGRAMS."
        ) from error
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def without_password(url: str) -> tuple[str, str | None]:
    """The address without its password, and the password."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = given.pop("password", None)
    user, at, place = parts.netloc.rpartition("@")
    if ":" in user:
        user, _, written = user.partition(":")
        password = unquote(written)
    return urlunsplit(parts._replace(netloc=f"{user}{at}{place}", query=urlencode(given, safe="/"))), password


async def _last_words(program: asyncio.subprocess.Process) -> str:
    """What went wrong, in one line: no DETAIL and no CONTEXT, which quote rows."""
    assert program.stderr is not None
    said = b""
    while piece := await program.stderr.read(PIECE):
        said = (said + piece)[-_MOST_SAID:]
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    telling = [line for line in lines if "error:" in line or "FATAL" in line]
    return f"{(telling or ['it told no reason'])[0].split(' CONTEXT: ')[0]}."
