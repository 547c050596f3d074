"""A PostgreSQL older than the private one, as operators have their own, with the logins of docs/operations.md."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mla_tracker.storage.database import OLDEST_SERVER
from mla_tracker.storage.postgres import MAJOR, SYSTEM_USER

SUPERUSER: Final = "postgres"
OPERATIONS: Final = Path(__file__).parents[2] / "docs" / "operations.md"
SETTINGS: Final = (
    "-c listen_addresses= -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off"
)


def programs_of_older() -> Path | None:
    """Those of the oldest PostgreSQL that we promise to work with and that is installed here, as Debian installs it."""
    found = {int(path.parts[-2]): path for path in Path("/usr/lib/postgresql").glob("[1-9]*/bin")}
    return next(
        (found[major] for major in range(OLDEST_SERVER, MAJOR) if (found.get(major, Path()) / "initdb").exists()), None
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OlderServer:
    """One at work, behind a socket."""

    folder: Path
    programs: Path

    def url(self, user: str, database: str = "mla") -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='/')}"

    def run(self, sql: str) -> None:
        """What a superuser does."""
        subprocess.run(
            [self.programs / "psql", "-qX", "-v", "ON_ERROR_STOP=1", self.url(SUPERUSER, "postgres")],
            input=sql, check=True, text=True, capture_output=True,
        )  # fmt: skip


@contextmanager
def older_server(programs: Path) -> Iterator[OlderServer]:
    """An empty one, with the logins and the database that docs/operations.md has the operator make."""
    with tempfile.TemporaryDirectory(prefix="mla-older-", dir="/tmp") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)

        def run(program: str, *arguments: str) -> None:
            by: dict[str, Any] = {"user": SYSTEM_USER, "group": SYSTEM_USER} if os.geteuid() == 0 else {}
            subprocess.run(
                [programs / program, "-D", folder / "pg", *arguments],
                check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **by,
            )  # fmt: skip

        run(
            "initdb",
            "--username",
            SUPERUSER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        )
        run("pg_ctl", "--wait", "--log", str(folder / "log"), "--options",
            f"{SETTINGS} -c unix_socket_directories={folder}", "start")  # fmt: skip
        try:
            server = OlderServer(folder, programs)
            server.run(statements_of_the_page())
            yield server
        finally:
            run("pg_ctl", "--wait", "--mode", "immediate", "stop")


def statements_of_the_page() -> str:
    (found,) = re.findall(r"```sql\n(create role mla_owner.*?)```", OPERATIONS.read_text(), re.S)
    return str(found)
