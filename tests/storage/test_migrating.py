"""Migrations against a real server: once each, one process at a time, and never backwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from mla_tracker.storage import migrating
from mla_tracker.storage.database import Database, DbRole, Isolation, Tx
from mla_tracker.storage.errors import CannotRun, DatabaseNewer
from tests.builders.keys import the_keys


async def test_an_empty_database_gets_every_migration_once(empty_database_url: str) -> None:
    async with await Database.open(empty_database_url, vault=the_keys(), pool_size=1) as database:
        assert await migrating.pending(database) == migrating.known()
        heard: list[str] = []
        assert await migrating.migrate(database, told=heard.append) == migrating.known() == heard
        assert await migrating.migrate(database) == []
        assert await migrating.pending(database) == []


async def test_two_processes_at_once_run_each_migration_once(empty_database_url: str) -> None:
    async with (
        await Database.open(empty_database_url, vault=the_keys(), pool_size=1) as one,
        await Database.open(empty_database_url, vault=the_keys(), pool_size=1) as two,
    ):
        done = await asyncio.gather(migrating.migrate(one), migrating.migrate(two))
        async with one.transaction(DbRole.OWNER) as tx:
            recorded = await tx.fetch("SELECT name FROM migration ORDER BY name")
    assert sorted(name for names in done for name in names) == migrating.known()
    assert [row["name"] for row in recorded] == migrating.known()


async def test_a_newer_database_is_refused(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "INSERT INTO migration (name, app_name, ran_on) VALUES ('2999_01_01_later', 'mla_tracker', now())"
        )
    for ask in (migrating.migrate, migrating.pending, migrating.require_up_to_date):
        with pytest.raises(DatabaseNewer, match=r"migrated by a newer mla-tracker.*2999_01_01_later"):
            await ask(db)


async def recorded(db: Database, name: str, beside: str | None) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "INSERT INTO migration (name, app_name, ran_on, beside) VALUES ($1, 'mla_tracker', now(), $2)",
            name,
            beside,
        )


async def test_what_serves_goes_on_beside_migrations_that_allow_it_and_nothing_else_does(
    db: Database,
) -> None:
    await recorded(db, "2999_01_01_later", migrating.known()[-1])
    await recorded(db, "2999_01_02_later_still", migrating.known()[-2])
    await migrating.require_up_to_date(db, beside_newer=True)
    async with db.transaction(DbRole.API) as tx:
        assert (await migrating.schema_in(tx)).newer == ("2999_01_01_later", "2999_01_02_later_still")
    for ask in (migrating.migrate, migrating.pending, migrating.require_up_to_date):
        with pytest.raises(DatabaseNewer, match="2999_01_02_later_still"):
            await ask(db)


@pytest.mark.parametrize("beside", [None, "2999_01_01_later", ""])
async def test_nothing_goes_on_beside_a_migration_that_needs_one_which_is_not_known(
    db: Database, beside: str | None
) -> None:
    await recorded(db, "2999_01_01_later", migrating.known()[-1])
    await recorded(db, "2999_01_02_breaking", beside)
    with pytest.raises(DatabaseNewer, match="2999_01_02_breaking"):
        await migrating.require_up_to_date(db, beside_newer=True)


async def test_a_database_that_lacks_one_migration_and_has_others_is_of_another_program(db: Database) -> None:
    await recorded(db, "2999_01_01_later", migrating.known()[-1])
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("DELETE FROM migration WHERE name = $1", migrating.known()[1])
    with pytest.raises(DatabaseNewer):
        await migrating.require_up_to_date(db, beside_newer=True)


def test_a_migration_says_whether_older_programs_work_on_beside_it() -> None:
    """Those that landed with the marker itself, or before it, need not: no program can ask them."""
    for name in migrating.known():
        assert migrating.beside(name) in (None, *migrating.known())
        if name > "2026_11_26t06":
            text = (migrating.MIGRATIONS / f"{name}.py").read_text()
            assert "\nBESIDE = " in text, "name the newest migration that they must know, or say None"


async def test_a_database_that_lacks_a_migration_is_told(empty_database_url: str) -> None:
    async with await Database.open(empty_database_url, vault=the_keys(), pool_size=1) as database:
        with pytest.raises(CannotRun, match="Run: mla-tracker migrate"):
            await migrating.require_up_to_date(database)


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = migrating.known()[0]
    (tmp_path / f"{name}.py").write_text("")
    (tmp_path / f"{name}.sql").write_text("CREATE TABLE half (n int); SELECT 1 / 0;")
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)
    async with await Database.open(empty_database_url, vault=the_keys(), pool_size=1) as database:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrating.migrate(database)
        async with database.transaction(DbRole.OWNER) as tx:
            assert await tx.fetchval("SELECT to_regclass('half')") is None
            assert await tx.fetchval("SELECT to_regclass('migration')") is None


async def test_a_table_in_use_is_not_waited_for_without_end(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = migrating.known()[0]
    (tmp_path / f"{name}.py").write_text("")
    (tmp_path / f"{name}.sql").write_text("ALTER TABLE busy ADD COLUMN more int;")
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)
    monkeypatch.setattr(migrating, "WAIT_FOR_A_TABLE", 50)
    async with await Database.open(empty_database_url, vault=the_keys(), pool_size=2) as database:
        async with database.transaction(DbRole.OWNER) as tx:
            await tx.execute("CREATE TABLE busy (n int)")
        async with database.transaction(DbRole.OWNER) as tx:
            await tx.execute("SELECT * FROM busy")
            with pytest.raises(CannotRun, match="uses a table that must change"):
                await asyncio.create_task(migrating.migrate(database))


@pytest.fixture
async def lacking(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Database]:
    """A database in use that lacks one migration, which changes tables in an order that is not the program's."""
    for name in migrating.known():
        (tmp_path / f"{name}.py").write_text("")
    changes = "ALTER TABLE request ADD COLUMN more int; ALTER TABLE request_event ADD COLUMN more int;"
    (tmp_path / f"{name}.sql").write_text(changes)
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)
    async with await Database.open(database_url, vault=the_keys(), pool_size=3) as database:
        async with database.transaction(DbRole.OWNER) as tx:
            await tx.execute("DELETE FROM migration WHERE name = $1", name)
        yield database


MORE = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'request' AND column_name = 'more'"


async def waits(tx: Tx) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE datname = current_database() AND NOT granted AND relation = 'migration'::regclass"
    )
    for _ in range(100):
        if await tx.fetchval(waiting):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_migration_never_stands_against_a_call_that_is_under_way(lacking: Database) -> None:
    async with lacking.transaction(DbRole.API) as tx:
        await tx.execute("SELECT 1 FROM request_event")
        migration = asyncio.create_task(migrating.migrate(lacking))
        assert await waits(tx)
        await tx.execute("SELECT 1 FROM request")  # what it would have taken by now
    assert await migration == [migrating.known()[-1]]


@pytest.mark.parametrize("isolation", list(Isolation))
@pytest.mark.parametrize("role", [DbRole.API, DbRole.JOBS])
async def test_what_comes_meanwhile_waits_and_finds_the_new_schema(
    lacking: Database, role: DbRole, isolation: Isolation
) -> None:
    async def a_call() -> int:
        async with lacking.transaction(role, isolation=isolation, read_only=True) as tx:
            found: int = await tx.fetchval("SELECT count(*) FROM migration")
            return found

    async with lacking.transaction(DbRole.API) as tx:
        migration = asyncio.create_task(migrating.migrate(lacking))
        assert await waits(tx)
        call = asyncio.create_task(a_call())
        await asyncio.sleep(0.1)
        assert not call.done()
    assert await call == len(migrating.known()), "the snapshot is of after the wait"
    assert await migration != []


async def test_calls_that_do_not_end_are_not_waited_for_without_end(
    lacking: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "WAIT_FOR_CALLS", 50)
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.01)
    async with lacking.transaction(DbRole.JOBS):
        with pytest.raises(CannotRun, match=r"calls, jobs or a backup .* Nothing of this migration was done"):
            await asyncio.create_task(migrating.migrate(lacking))
    async with lacking.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval(MORE) == 0
    assert await migrating.migrate(lacking) != []
    async with lacking.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval(MORE) == 1


async def test_the_runtime_roles_own_nothing(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        owned = await tx.fetch(
            "SELECT relname FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner "
            "WHERE rolname IN ('mla_api', 'mla_jobs')"
        )
        logins = await tx.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname IN ('mla_api', 'mla_jobs') AND rolcanlogin"
        )
    assert owned == []
    assert logins == []
