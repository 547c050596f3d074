"""Copying the database into a backup, and the keys of its records into a file apart that each backup replaces."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from uuid import uuid4

import mla_tracker
from mla_tracker.commands.keys import require_keys
from mla_tracker.storage import record_keys
from mla_tracker.storage.backups import COPY, Manifest, write_manifest
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database, DbRole, Isolation, TimeLimits, Tx
from mla_tracker.storage.durable import UNFINISHED, created, flushed, whole_folder
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.migrating import APP_NAME, pending_in, require_owner
from mla_tracker.storage.record_keys import Kept
from mla_tracker.storage.restoring import refuse_unfinished

NO_END: Final = TimeLimits(statement=0, lock=5_000, idle=0)


@dataclass(frozen=True, slots=True)
class BackedUp:
    """Where the backup lies and what it is of, and what was kept apart."""

    folder: Path
    manifest: Manifest
    record_keys: Kept


async def back_up(
    db: Database,
    url: str,
    folder: Path,
    record_keys_file: Path,
    *,
    programs: Programs,
    now: datetime,
    told: Callable[[int, int], None] = lambda _written, _of: None,
) -> BackedUp:
    """Copy the database at `url`, which `db` has open, as of one instant, beside everything else that goes on.

    `folder` has its name only when all is done. `told` hears how many bytes were written, and the size of the database,
    of which a copy is a fraction. Raises CannotRun; then neither is changed.
    """
    await require_keys(db)
    assert db.vault is not None
    try:
        with whole_folder(folder) as unfinished:
            with created(unfinished / COPY) as copy:
                begun = await _copy(db, url, copy, programs, told)
                flushed(copy)
            kept = await keep_record_keys(db, record_keys_file)
            manifest = Manifest(
                id=str(uuid4()),
                made_at=now.isoformat(),
                program=mla_tracker.__version__,
                programs=programs.version,
                keys=dict(db.vault.fingerprints()),
                record_keys_at=kept.made_at.isoformat(),
                **begun,
            )
            write_manifest(unfinished, manifest, db.vault)
    except FileExistsError as error:
        raise CannotRun(f"{error} A backup replaces nothing: give another name.") from None
    except OSError as error:
        raise CannotRun(
            f"The backup {folder} could not be written ({error.strerror}), and nothing of it was kept. Give a place "
            "that can be written, with enough room."
        ) from error
    return BackedUp(folder, manifest, kept)


async def keep_record_keys(db: Database, path: Path) -> Kept:
    """Replace the copy of the record keys by what stands now. Raises CannotRun; then the former one stands."""
    if path.name.endswith(UNFINISHED):
        raise CannotRun(f"Give the record keys a name that does not end with {UNFINISHED}.")
    await require_keys(db)
    with record_keys.alone_with(path):
        async with _as_of_one_instant(db) as tx:
            await require_owner(tx, db.where)
            return await record_keys.keep(tx, path)


async def _copy(
    db: Database, url: str, copy: IO[bytes], programs: Programs, told: Callable[[int, int], None]
) -> dict[str, Any]:
    """Write the copy; gives what the manifest says of it, as of the same instant."""
    async with _as_of_one_instant(db) as tx:
        await refuse_unfinished(tx)
        await pending_in(tx)  # raises where a newer program has migrated it
        if await tx.fetchval("select to_regclass('record_key')") is None:
            raise CannotRun(
                f"There is nothing to back up in the database {db.where}. Run: mla-tracker migrate"
            )
        await require_owner(tx, db.where)
        programs.require_fit(tx.connection.get_server_version().major)
        facts = await _facts(tx)
        whole = await tx.fetchval("select pg_database_size(current_database())")
        snapshot = await tx.fetchval("select pg_export_snapshot()")
        size, digest = await programs.dump(url, snapshot, copy, lambda written: told(written, whole))
    return {**facts, "bytes": size, "sha256": digest}


async def _facts(tx: Tx) -> dict[str, Any]:
    names = await tx.fetch("select name from migration where app_name = $1 order by name", APP_NAME)
    return {
        "server": await tx.fetchval("select split_part(current_setting('server_version'), ' ', 1)"),
        "migrations": tuple(row["name"] for row in names),
        "requests": await tx.fetchval("select count(*) from request"),
        "audit_entries": await tx.fetchval("select count(*) from audit_entry"),
        "checkpoint": await tx.fetchval("select note from audit_checkpoint order by number desc limit 1"),
    }


def _as_of_one_instant(db: Database) -> AbstractAsyncContextManager[Tx]:
    return db.transaction(DbRole.OWNER, isolation=Isolation.REPEATABLE_READ, read_only=True, limits=NO_END)
