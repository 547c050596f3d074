"""Commands for files of records: import one, export what an account may see, show a sample."""

import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal
from uuid import UUID

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready
from mla_tracker.commands import importing
from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.imports import import_view, remarks
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.durable import created
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.imports import CHUNK_BYTES, Counted, ImportSpec

Kind = Literal["agreements", "requests", "directory"]
Format = Literal["csv", "ndjson"]
Encoding = Literal["utf-8", "utf-16", "windows-1252", "windows-1256", "iso-8859-1"]
Days = Literal["iso", "day_first", "month_first"]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
Plain = Annotated[bool, Parameter(negative="")]

MOST_TOLD: Final = 20


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(import_file, name="import")
    app.command(export)


def import_file(
    file: Path | None = None,
    *,
    kind: Kind | None = None,
    sample: Kind | None = None,
    account: UUID | None = None,
    country: str | None = None,
    format_: Annotated[Format | None, Parameter(name="--format")] = None,
    encoding: Encoding = "utf-8",
    days: Days = "iso",
    dry_run: Plain = False,
    all_or_nothing: Annotated[bool, Parameter(name="--all-or-nothing", negative="--row-by-row")] = False,
    refused: Path | None = None,
    as_json: AsJson = False,
) -> None:
    """Import agreements, requests with their histories, or the directory, by the rules of the API.

    A file that was broken off is gone on with where it stands when it is given again.

    Parameters
    ----------
    file
        CSV or NDJSON, with the columns of docs/imports.md.
    kind
        What the file holds.
    sample
        Print a sample file of this kind instead, as CSV or, with --format ndjson, as NDJSON.
    account
        In whose name: the id of an account that may record these.
    country
        Or of which country: it must have one such account only.
    format_
        By default by the end of the file's name.
    encoding
        Of the file. Nothing is guessed; a byte order mark is believed.
    days
        How 03/04/2019 is meant: iso for not at all.
    dry_run
        Record nothing; say what would become of each row.
    all_or_nothing
        Record all rows or none; by default each row that can be.
    refused
        Write what was refused to this new file, as CSV with row, column and reason.
    as_json
        Print the outcome as JSON.
    """
    if sample is not None:
        from mla_tracker.api.files.samples import sample_file

        sys.stdout.write(sample_file(sample, format_ or "csv"))
        return
    if file is None or kind is None:
        raise CannotRun("Give a file and --kind agreements, requests or directory; or --sample of a kind.")
    form = format_ or ("ndjson" if file.suffix.lower() in (".ndjson", ".jsonl") else "csv")
    spec = ImportSpec(kind, form, encoding, days, all_or_nothing, dry_run)
    told = run(_import(load_settings(), file, spec, account, country, refused))
    if as_json:
        print(json.dumps(told, default=str))
    else:
        print("\n".join(_sentences(told)))
    if told["status"] == "failed" or told["refused"]:
        raise SystemExit(1)


def export(
    kind: Kind,
    *,
    account: UUID | None = None,
    country: str | None = None,
    format_: Annotated[Format, Parameter(name="--format")] = "csv",
    to: Path | None = None,
) -> None:
    """Write everything of a kind that an account may see, as a file that can be imported again.

    Parameters
    ----------
    kind
        What to export.
    account
        As whom: the id of an account.
    country
        Or of which country: it must have one such account only.
    format_
        CSV or NDJSON.
    to
        The file, which must not be there yet; by default standard output.
    """
    run(_export(load_settings(), kind, format_, account, country, to))


async def _import(
    settings: Settings,
    file: Path,
    spec: ImportSpec,
    account: UUID | None,
    country: str | None,
    refused: Path | None,
) -> dict[str, Any]:
    from mla_tracker.api.files.reading import read_rows
    from mla_tracker.api.files.remarks import remarks_as_csv

    digest, size = _looked_at(file)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(ready(settings))
        actor = await _actor(database, account, country, importing.KINDS[spec.kind])
        # Made first: not after an hour is it to be found that it cannot be.
        written = None if refused is None else stack.enter_context(_private(refused))
        with _progress(size) as told:
            import_id, _, before = await importing.carry_out_file(
                database, spec, digest, size, lambda: _content(file, told), read_rows,
                actor=actor, now=now(), told=told.rows,
            )  # fmt: skip
        async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            view = await import_view(tx, import_id, actor=actor)
            shown = await remarks(tx, import_id, limit=MOST_TOLD)
        if written is not None:
            await _written(remarks_as_csv(database, import_id, actor=actor), written.write)
    return {**view, "taken_before": before, "remarks": shown}


class _Told:
    """Progress on standard error, while that is a terminal."""

    def __init__(self, progress: Progress, size: int) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=size or None, rows="")

    def bytes(self, number: int) -> None:
        """So many more were read."""
        self._progress.advance(self._task, number)

    def rows(self, counted: Counted) -> None:
        """So many rows were taken."""
        self._progress.update(
            self._task,
            rows=f"{counted.position} rows: {counted.recorded} recorded, {counted.skipped} skipped, "
            f"{counted.refused} refused",
        )

    def __enter__(self) -> "_Told":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _progress(size: int) -> _Told:
    shown = Progress(
        BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[rows]}"), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    return _Told(shown, size)


def _looked_at(file: Path) -> tuple[bytes, int]:
    """SHA-256 and size of a file."""
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").digest()
            return digest, content.tell()
    except OSError as error:
        raise CannotRun(f"The file {file} cannot be read ({error.strerror or error}).") from None


async def _content(file: Path, told: _Told) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            told.bytes(len(chunk))
            yield chunk


async def _actor(database: Database, account: UUID | None, country: str | None, may: Any) -> Actor:
    """The account in whose name it is done. Raises CannotRun where that is not certain."""
    from mla_tracker.domain.permissions import roles_of

    if (account is None) == (country is None):
        raise CannotRun("Give either --account, or --country where only one account of it may do this.")
    async with database.transaction(DbRole.OWNER, read_only=True) as tx:
        rows = await tx.fetch(
            """
            select id, countries, role, name from account
            where disabled_at is null and ($1::uuid is null or id = $1) and ($2::text is null or $2 = any(countries))
                and ($1::uuid is not null or role = any($3::text[]))
            order by created_at, id
            """,
            account, country, [role.value for role in roles_of(may)],
        )  # fmt: skip
    if len(rows) != 1:
        known = "; ".join(f"{row['id']} ({row['name']}, {row['role']})" for row in rows[:10])
        raise CannotRun(
            f"There are several such accounts: {known}. Name one with --account."
            if rows
            else "There is no such account that is open. See mla-tracker account list, or make one."
        )
    [row] = rows
    return Actor(
        UUID(int=row["id"].int),
        tuple(row["countries"]),
        Role(row["role"]),
        row["name"],
        origin=Origin(credential="program"),
    )


def _sentences(told: dict[str, Any]) -> list[str]:
    would = "would be " if told["dry_run"] else ""
    first = (
        f"{told['rows']} row(s): {told['recorded']} {would}recorded, {told['skipped']} {would}skipped as recorded "
        f"already, {told['refused']} {would}refused, {told['warned']} with warnings."
    )
    lines = [first]
    if told["taken_before"]:
        lines.append(f"{told['taken_before']} of them were taken before it was broken off.")
    if told["error"]:
        lines.append(told["error"])
    lines += [
        f"Row {one['row']}, {one['field'] or 'as a whole'}: {'' if one['refused'] else 'warning: '}{one['reason']}"
        for one in told["remarks"]
    ]
    return lines


async def _export(
    settings: Settings, kind: str, form: str, account: UUID | None, country: str | None, to: Path | None
) -> None:
    from mla_tracker.api.files.writing import READ_BY, exported

    async with ready(settings) as database:
        actor = await _actor(database, account, country, READ_BY[kind])
        content = exported(database, kind, form, actor=actor, now=now(), route=f"mla-tracker export {kind}")
        if to is None:
            await _written(content, sys.stdout.buffer.write)
            sys.stdout.buffer.flush()
            return
        with _private(to) as target:
            await _written(content, target.write)


def _private(file: Path) -> IO[bytes]:
    """A new file that this user alone may read. Raises CannotRun."""
    try:
        return created(file)
    except OSError as error:
        raise CannotRun(f"The file {file} cannot be written ({error.strerror or error}).") from None


async def _written(content: AsyncIterator[bytes], write: Callable[[bytes], object]) -> None:
    async for part in content:
        write(part)
