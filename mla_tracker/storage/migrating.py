"""Brings the schema up to date: one process at a time, each migration in a transaction of its own.

A migration whose module says BESIDE, the name of the newest migration that an older program must know to work on beside
it, lets such programs run on while nodes are replaced one by one. Without it every node must know it.
"""

import asyncio
import contextlib
import importlib
import io
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import asyncpg

from mla_tracker.storage.database import ENGINE, Database, DbRole, TimeLimits, Tx
from mla_tracker.storage.errors import CannotRun, DatabaseNewer

if TYPE_CHECKING:  # Piccolo's migrations take 0.1 s to import, and few commands run any
    from piccolo.apps.migrations.auto.migration_manager import MigrationManager

APP_NAME = "mla_tracker"
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6D6C6174  # any number that only we use: "mlat"
WAIT_FOR_OTHER_PROCESS = 120_000
WAIT_FOR_A_TABLE = 5_000
WAIT_FOR_CALLS = 2_000  # new calls wait behind it, for less than their own patience
TRIES = 10
PAUSE_SECONDS = 1.0

PATIENT = TimeLimits(statement=0, lock=WAIT_FOR_OTHER_PROCESS, idle=60_000)


class CallsUnderWay(CannotRun):
    """Somebody was at work in the database for as long as a migration may let all others wait."""


async def migrate(database: Database, *, told: Callable[[str], None] = lambda _: None) -> list[str]:
    """Run what is pending, and answer the names of what this call ran. `told` hears each name before it runs.

    A second process waits for the first one and then finds nothing to do. Raises DatabaseNewer where the
    database holds a migration that this program does not know.
    """
    done: list[str] = []
    while True:
        name = await _run_next_patiently(database, told)
        if name is None:
            return done
        done.append(name)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database lacks of the migrations of this program, and what it has beyond them; both in order."""

    missing: tuple[str, ...]
    newer: tuple[str, ...] = ()


async def pending(database: Database) -> list[str]:
    """The migrations that have not run, in order. Raises DatabaseNewer as `migrate` does."""
    async with database.transaction(DbRole.OWNER, read_only=True) as tx:
        return await pending_in(tx)


async def require_up_to_date(database: Database, *, beside_newer: bool = False) -> None:
    """Raise CannotRun unless every migration has run and none is unknown.

    `beside_newer`: for what works on while a newer program takes over; migrations that allow it may be unknown then.
    """
    async with database.transaction(DbRole.OWNER, read_only=True) as tx:
        missing = (await schema_in(tx)).missing if beside_newer else await pending_in(tx)
    if missing:
        raise CannotRun(
            f"The database {database.where} lacks {len(missing)} migration(s). Run: mla-tracker migrate"
        )


async def require_owner(tx: Tx, where: str) -> None:
    """Raise CannotRun where the login does not own the tables: what the walls hide from it would seem to be gone."""
    owned = "select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('record_key')"
    if await tx.fetchval(owned) is False:
        raise CannotRun(
            f"The login of the database {where} does not own it, and so does not see all of it. Use the login that "
            "runs mla-tracker migrate."
        )


def known() -> list[str]:
    """The names of all migrations that this program ships, in order."""
    return sorted(path.stem for path in MIGRATIONS.glob("*.py") if path.stem != "__init__")


def beside(name: str) -> str | None:
    """The newest migration that an older program must know to work on beside this one; None if none may."""
    said: str | None = getattr(_module(name), "BESIDE", None)
    return said


async def run_sql(name: str) -> None:
    """Run the SQL file `name`.sql of the migrations folder in the current transaction."""
    tx: Tx = ENGINE.current_transaction.get()
    await tx.execute((MIGRATIONS / f"{name}.sql").read_text(encoding="utf-8"))


def from_sql(name: str, description: str) -> "MigrationManager":
    """A migration that consists of its SQL file."""
    from piccolo.apps.migrations.auto.migration_manager import MigrationManager

    manager = MigrationManager(migration_id=name, app_name=APP_NAME, description=description)

    async def run() -> None:
        await run_sql(name)

    manager.add_raw(run)
    return manager


async def lock_set_up(tx: Tx) -> None:
    """Be the one process that changes what ships with the program, until the transaction ends.

    The lock is one of the transaction: a pooler may give the connection to somebody else after it.
    """
    await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK)


async def _run_next_patiently(database: Database, told: Callable[[str], None]) -> str | None:
    for _ in range(TRIES - 1):
        try:
            return await _run_next(database, told)
        except CallsUnderWay:
            await asyncio.sleep(PAUSE_SECONDS)
    return await _run_next(database, told)


async def _run_next(database: Database, told: Callable[[str], None]) -> str | None:
    try:
        async with database.transaction(DbRole.OWNER, limits=PATIENT) as tx:
            await lock_set_up(tx)
            missing = await pending_in(tx)
            if not missing:
                return None
            await _wait_for_calls(tx)
            await tx.execute(f"SET LOCAL lock_timeout = {WAIT_FOR_A_TABLE}")
            name = missing[0]
            told(name)
            await _run(tx, name)
            return name
    except asyncpg.LockNotAvailableError as error:
        raise CannotRun(
            "The schema could not be changed: another process migrates it or uses a table that must change. "
            "Nothing of this migration was done; run it again when the other one has ended."
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CannotRun(
            f"The login of the database {database.where} may not do what a migration needs ({error}). It must own "
            "the database and have CREATEROLE, or be granted roles mla_api and mla_jobs that someone else made."
        ) from error


async def _wait_for_calls(tx: Tx) -> None:
    """Be the only one at work until the transaction ends: `Database.transaction` lets the runtime roles wait.

    A migration takes tables one by one and in an order of its own. Whoever held one of them and wanted another would
    stand against it, and the server would end one of the two.
    """
    if await tx.fetchval("SELECT to_regclass('migration')") is None:
        return
    await tx.execute(f"SET LOCAL lock_timeout = {WAIT_FOR_CALLS}")
    try:
        await tx.execute("LOCK TABLE migration IN ACCESS EXCLUSIVE MODE")
    except asyncpg.LockNotAvailableError as error:
        raise CallsUnderWay(
            "The schema could not be changed: calls, jobs or a backup that began before have not ended. "
            "Nothing of this migration was done; run it again when they have."
        ) from error


async def pending_in(tx: Tx) -> list[str]:
    """What `pending` answers, asked in a transaction of any role."""
    schema = await schema_in(tx)
    if schema.newer:
        raise _newer(schema.newer[-1])
    return list(schema.missing)


async def schema_in(tx: Tx) -> Schema:
    """How far the database is. Raises DatabaseNewer where it holds one beside which this program cannot work."""
    names = known()
    if await tx.fetchval("SELECT to_regclass('migration')") is None:
        return Schema(tuple(names))
    # The column itself came with a migration, so it is asked for in a way that does not need it.
    rows = await tx.fetch(
        "SELECT name, to_jsonb(migration) ->> 'beside' AS beside FROM migration WHERE app_name = $1 ORDER BY name",
        APP_NAME,
    )
    recorded = {row["name"] for row in rows}
    newer = [row for row in rows if row["name"] not in names]
    missing = tuple(name for name in names if name not in recorded)
    for row in newer:
        if row["beside"] not in names or missing:
            raise _newer(row["name"])
    return Schema(missing, tuple(row["name"] for row in newer))


def _newer(name: str) -> DatabaseNewer:
    return DatabaseNewer(
        f"The database was migrated by a newer mla-tracker: this one, {version('mla-tracker')}, does not know "
        f'"{name}". Install the newer program, or restore a backup from before.'
    )


async def _run(tx: Tx, name: str) -> None:
    """Run one migration and record it in Piccolo's table."""
    from piccolo.apps.migrations.tables import Migration

    # Piccolo looks its engine up by this name, and prints what it does.
    os.environ["PICCOLO_CONF"] = "mla_tracker.storage.piccolo_conf"
    Migration._meta.db = ENGINE
    forwards: Callable[[], Awaitable[MigrationManager]] = _module(name).forwards
    manager = await forwards()
    with contextlib.redirect_stdout(io.StringIO()):
        await manager.run()
    await Migration.create_table(if_not_exists=True)
    await Migration.insert(Migration(name=name, app_name=APP_NAME))
    if (oldest := beside(name)) is not None:
        await tx.execute("UPDATE migration SET beside = $2 WHERE name = $1", name, oldest)
    await tx.execute("GRANT SELECT ON migration TO mla_api, mla_jobs")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"mla_tracker.storage.migrations.{name}")
