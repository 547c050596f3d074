"""Transactions against a real server: what they set, how they end, and that no connection is ever lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from piccolo.columns import JSONB, Integer, Text
from piccolo.table import Table

from mla_tracker.storage.database import ENGINE, Database, DbRole, Isolation, TimeLimits
from mla_tracker.storage.errors import CommitFailed, DatabaseBusy, DatabaseUnavailable
from tests.builders.actors import seen_by
from tests.builders.keys import the_keys


class Sample(Table, tablename="sample", db=ENGINE):
    """A table of these tests only."""

    number = Integer()
    words = Text()
    facts = JSONB()


@pytest.fixture
async def small(database_url: str) -> AsyncIterator[Database]:
    """Two connections and a short patience, so that a lost connection shows at once."""
    async with await Database.open(
        database_url, vault=the_keys(), pool_size=2, acquire_seconds=0.3
    ) as database:
        async with database.transaction(DbRole.OWNER) as tx:
            await tx.execute(
                "CREATE TABLE sample (id serial PRIMARY KEY, number int UNIQUE DEFERRABLE INITIALLY DEFERRED, "
                "words text, facts jsonb); GRANT ALL ON sample, sample_id_seq TO mla_api"
            )
        yield database


async def _count(database: Database) -> int:
    async with database.transaction(DbRole.API) as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM sample")
        return count


async def test_a_transaction_runs_in_its_role_with_its_countries_and_time_limits(db: Database) -> None:
    async with db.transaction(DbRole.API, viewer=seen_by("MA", "ES")) as tx:
        row = await tx.fetchrow(
            "SELECT current_user AS who, current_setting('mla.countries') AS countries,"
            " current_setting('mla.account') AS account, current_setting('mla.account_role') AS role,"
            " current_setting('TimeZone') AS zone,"
            " current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock"
        )
    assert row is not None
    assert dict(row) == {
        "who": "mla_api",
        "countries": "MA,ES",
        "account": "00000000-0000-0000-0000-000000000001",
        "role": "officer",
        "zone": "UTC",
        "statement": "15s",
        "lock": "5s",
    }


async def test_nothing_of_a_transaction_is_left_on_its_connection(database_url: str) -> None:
    async with await Database.open(database_url, vault=the_keys(), pool_size=1) as database:
        async with database.transaction(DbRole.API, viewer=seen_by("MA")):
            pass
        async with database.transaction(DbRole.OWNER) as tx:
            assert await tx.fetchval("SELECT current_user") == "mla"
            assert await tx.fetchval("SELECT current_setting('mla.countries')") == ""


async def test_the_login_is_neither_superuser_nor_above_row_policies(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "SELECT rolname FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND rolname LIKE 'mla%'"
        )
    assert rows == []


@pytest.mark.parametrize("country", ["ma", "MAR", "M'", "", "É1"])
async def test_a_country_that_is_no_code_never_reaches_the_server(db: Database, country: str) -> None:
    with pytest.raises(ValueError, match="Not a country code"):
        async with db.transaction(DbRole.API, viewer=seen_by(country)):
            pass


async def test_an_error_undoes_everything(small: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with small.transaction(DbRole.API) as tx:
            await tx.execute("INSERT INTO sample (number) VALUES (1)")
            raise ZeroDivisionError
    assert await _count(small) == 0


class Breaking:
    """A pool whose connections break off at one step."""

    def __init__(self, pool: Any, step: str, error: Exception) -> None:
        self._pool, self._step, self._error = pool, step, error

    async def acquire(self, **given: Any) -> Any:
        if self._step == "acquire":
            raise self._error
        return await self._pool.acquire(**given)

    async def release(self, connection: Any) -> None:
        await self._pool.release(connection)
        if self._step == "release":
            raise self._error


@pytest.mark.parametrize("step", ["acquire", "release"])
@pytest.mark.parametrize("error", [asyncpg.InterfaceError, asyncpg.InternalClientError])
async def test_a_connection_that_breaks_off_while_it_is_taken_or_given_back_is_no_fault_of_the_program(
    small: Database, monkeypatch: pytest.MonkeyPatch, step: str, error: type[Exception]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(small, "_pool", Breaking(small._pool, step, error("connection is closed")))
        with pytest.raises(DatabaseUnavailable, match="broke off"):
            async with small.transaction(DbRole.API):
                pass


async def test_a_failing_begin_never_costs_a_connection(small: Database) -> None:
    impossible = TimeLimits(statement=-1, lock=0, idle=0)
    for _ in range(5):
        with pytest.raises(asyncpg.InvalidParameterValueError):
            async with small.transaction(DbRole.JOBS, limits=impossible):
                pytest.fail("it began")
    assert await _count(small) == 0


async def test_a_failing_commit_never_costs_a_connection(small: Database) -> None:
    for _ in range(5):
        with pytest.raises(asyncpg.UniqueViolationError):
            async with small.transaction(DbRole.API) as tx:
                await tx.execute("INSERT INTO sample (number) VALUES (1), (1)")
    assert await _count(small) == 0
    assert ENGINE.current_transaction.get() is None


async def test_a_swallowed_error_cannot_pass_for_a_commit(small: Database) -> None:
    with pytest.raises(CommitFailed, match="Nothing was saved"):
        async with small.transaction(DbRole.API) as tx:
            await tx.execute("INSERT INTO sample (number) VALUES (1)")
            with pytest.raises(asyncpg.DivisionByZeroError):
                await tx.execute("SELECT 1 / 0")
    assert await _count(small) == 0


async def test_a_cancelled_transaction_gives_its_connection_back(small: Database) -> None:
    async def endless() -> None:
        async with small.transaction(DbRole.API) as tx:
            await tx.execute("INSERT INTO sample (number) VALUES (1)")
            await tx.execute("SELECT pg_sleep(60)")

    for _ in range(5):
        tasks = [asyncio.create_task(endless()) for _ in range(2)]
        await asyncio.sleep(0.03)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert await _count(small) == 0


async def test_a_connection_that_the_server_ends_is_replaced(small: Database) -> None:
    for _ in range(3):
        with pytest.raises(
            (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)
        ):
            async with small.transaction(DbRole.OWNER) as tx:
                await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await _count(small) == 0


async def test_waiting_for_a_connection_ends_with_a_sentence(small: Database) -> None:
    async def hold(until: asyncio.Event) -> None:
        async with small.transaction(DbRole.API):
            await until.wait()

    done = asyncio.Event()
    holders = [asyncio.create_task(hold(done)) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(DatabaseBusy, match=r"became free within 0\.3 seconds"):
        async with small.transaction(DbRole.API):
            pytest.fail("there was a third connection")
    done.set()
    await asyncio.gather(*holders)
    assert await _count(small) == 0


async def test_a_transaction_does_not_nest(small: Database) -> None:
    async with small.transaction(DbRole.API):
        with pytest.raises(RuntimeError, match="open already"):
            async with small.transaction(DbRole.API):
                pytest.fail("it nested")


async def test_a_savepoint_is_undone_alone(small: Database) -> None:
    async with small.transaction(DbRole.API) as tx:
        await tx.execute("INSERT INTO sample (number) VALUES (1)")
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with tx.savepoint():
                await tx.execute("INSERT INTO sample (number) VALUES (2)")
                await tx.execute("SELECT 1 / 0")
    assert await _count(small) == 1


async def test_piccolo_uses_the_connection_of_the_transaction(small: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with small.transaction(DbRole.API) as tx:
            await Sample.insert(Sample(number=1, words="one", facts={"a": [1, None]}))
            assert await tx.fetchval("SELECT facts FROM sample") == {"a": [1, None]}
            assert (await Sample.select(Sample.facts).first()) == {"facts": {"a": [1, None]}}
            raise ZeroDivisionError
    assert await _count(small) == 0


async def test_piccolo_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        await Sample.select()


async def test_json_comes_back_as_it_went_in(db: Database) -> None:
    entered = {"day": "2026-03-02", "number": 1.5, "empty": None, "list": [1, "é", {"x": True}]}
    async with db.transaction(DbRole.API) as tx:
        assert await tx.fetchval("SELECT $1::jsonb", entered) == entered
        assert await tx.fetchval("SELECT $1::jsonb", '{"as": "text"}') == {"as": "text"}
        identifier = uuid4()
        assert await tx.fetchval("SELECT $1::jsonb", [identifier]) == [str(identifier)]
        assert await tx.fetchval("SELECT '[1]'::json") == [1]


async def test_a_number_that_json_does_not_have_is_refused(db: Database) -> None:
    with pytest.raises(asyncpg.PostgresError):
        async with db.transaction(DbRole.API) as tx:
            await tx.fetchval("SELECT $1::jsonb", [float("nan")])


async def test_instants_come_back_aware_and_in_utc(db: Database) -> None:
    instant = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    async with db.transaction(DbRole.API) as tx:
        found = await tx.fetchval("SELECT $1::timestamptz", instant)
    assert found == instant
    assert found.tzinfo is UTC


async def test_a_statement_that_takes_too_long_is_ended(small: Database) -> None:
    limits = TimeLimits(statement=50, lock=50, idle=1000)
    with pytest.raises(asyncpg.QueryCanceledError):
        async with small.transaction(DbRole.API, limits=limits) as tx:
            await tx.execute("SELECT pg_sleep(5)")


async def test_a_read_only_transaction_cannot_write(small: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with small.transaction(DbRole.API, read_only=True) as tx:
            await tx.execute("INSERT INTO sample (number) VALUES (1)")


async def test_a_snapshot_stays_the_same(small: Database) -> None:
    async def write() -> None:
        async with small.transaction(DbRole.API) as other:
            await other.execute("INSERT INTO sample (number) VALUES (1)")

    async with small.transaction(DbRole.API, isolation=Isolation.REPEATABLE_READ) as tx:
        assert await tx.fetchval("SELECT count(*) FROM sample") == 0
        await asyncio.create_task(write())
        assert await tx.fetchval("SELECT count(*) FROM sample") == 0
    assert await _count(small) == 1


async def test_it_works_without_prepared_statements_kept(database_url: str) -> None:
    async with await Database.open(
        database_url, vault=the_keys(), pool_size=1, statement_cache=False
    ) as database:
        for _ in range(2):
            async with database.transaction(DbRole.API, viewer=seen_by("MA")) as tx:
                assert await tx.fetchval("SELECT $1::int + 1", 1) == 2


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/x", '"x" at 127.0.0.1:1 cannot be reached'),
        ("postgresql://nobody:secret@/x?host=/nowhere", '"x" cannot be reached'),
        ("mysql://nobody:secret@localhost/x", "is not an address of the form postgresql://"),
        ("postgresql://nobody:secret@localhost:port/x", "is not an address of the form postgresql://"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database.open(url)
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_told(database_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match='There is no database "missing"'):
        await Database.open(database_url.replace(database_url.split("/")[3].split("?")[0], "missing"))
