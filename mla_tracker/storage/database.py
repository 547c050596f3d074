"""Connections and transactions: role, countries, time limits and isolation are part of every BEGIN."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from mla_tracker import tracing
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.connecting import CONNECT_SECONDS, described, nothing_to_reset, why_no_connection
from mla_tracker.storage.cursors import Cursor, declared
from mla_tracker.storage.errors import CommitFailed, DatabaseBusy, DatabaseUnavailable
from mla_tracker.storage.json_columns import read_and_write_json
from mla_tracker.storage.pool_measures import PoolMeasures
from mla_tracker.storage.vault import Vault

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from piccolo.querystring import QueryString

    _Pool = asyncpg.Pool[asyncpg.Record]
    _Connection = PoolConnectionProxy[asyncpg.Record]

OLDEST_SERVER = 15
ACQUIRE_SECONDS = 5.0
END_SECONDS = 30.0

_COUNTRY = re.compile(r"[A-Z]{2}")


class DbRole(StrEnum):
    """In whose name a transaction runs."""

    API = "mla_api"
    JOBS = "mla_jobs"
    OWNER = "owner"
    """The login itself, which owns the tables: for migrations and diagnosis only."""


class Isolation(StrEnum):
    """What a transaction sees of the others."""

    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long the server lets a transaction do what, in milliseconds; 0 is without end."""

    statement: int
    lock: int
    idle: int


LIMITS: dict[DbRole, TimeLimits] = {
    DbRole.API: TimeLimits(statement=15_000, lock=5_000, idle=15_000),
    DbRole.JOBS: TimeLimits(statement=60_000, lock=5_000, idle=60_000),
    DbRole.OWNER: TimeLimits(statement=60_000, lock=5_000, idle=60_000),
}


class Tx:
    """An open transaction: raw SQL with $1, $2, … on the connection that Piccolo's queries use meanwhile."""

    __slots__ = ("_savepoints", "_task", "_vault", "connection")

    def __init__(self, connection: "_Connection", vault: Vault | None = None) -> None:
        self.connection = connection
        self._vault = vault
        self._task = asyncio.current_task()
        self._savepoints = 0

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        return await self.connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self.connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self.connection.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        """Run for the effect; answers the server's command tag, as "UPDATE 3"."""
        return await self.connection.execute(query, *args)

    async def executemany(self, query: str, args: Iterable[Sequence[Any]]) -> None:
        """Run once per set of arguments, in one round trip."""
        await self.connection.executemany(query, args)

    async def cursor(self, query: str, *args: Any) -> Cursor:
        """A cursor over the rows, of which the server holds those that were not fetched yet."""
        return await declared(self.connection, query, *args)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What happens inside is undone alone when it raises; the transaction goes on."""
        self._savepoints += 1
        name = f"s{self._savepoints}"
        await self.connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            await self.connection.execute(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            raise
        await self.connection.execute(f"RELEASE SAVEPOINT {name}")

    @asynccontextmanager
    async def acting_as(self, role: "DbRole") -> AsyncIterator[None]:
        """What happens inside is done in the name of another role, for what goes beyond what the viewer sees.

        An error ends the transaction, so the role is put back only where there is none.
        """
        before: str = await self.fetchval("select current_setting('role')")
        await self.connection.execute(f"set local role {role.value}")
        yield
        await self.connection.execute(f"set local role {before}")

    async def see_also(self, country: str) -> None:
        """Let the viewer see as this country does too, until the transaction ends."""
        await self.execute(
            "select set_config('mla.countries', current_setting('mla.countries') || ',' || $1, true)", country
        )

    @property
    def vault(self) -> Vault:
        """The keys that stand outside the database."""
        if self._vault is None:
            raise RuntimeError("The database was opened without its keys: texts and audit need them.")
        return self._vault

    @property
    def runs_here(self) -> bool:
        """Whether the task that asks is the one that opened it."""
        return self._task is asyncio.current_task()


class _TransactionEngine(PostgresEngine):
    """Piccolo's way to the database: always the connection of the transaction around the query.

    It has no pool of its own, so a query outside a transaction cannot silently open a connection.
    """

    def __init__(self) -> None:
        super().__init__(config={})
        self.current_transaction: ContextVar[Any] = ContextVar("mla_tracker_transaction", default=None)

    async def check_version(self) -> None:
        """Nothing to ask: Database.open does it on its own connection."""

    async def prep_database(self) -> None:
        """No extensions are used."""

    async def run_querystring(self, querystring: "QueryString", in_pool: bool = True) -> Any:
        """Run one Piccolo query."""
        query, args = querystring.compile_string(engine_type=self.engine_type)
        return await self._connection().fetch(query, *args)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        """Run one statement of a migration."""
        return await self._connection().fetch(ddl)

    def _connection(self) -> "_Connection":
        tx = self.current_transaction.get()
        if tx is None:
            raise RuntimeError(
                "A Piccolo query ran outside a transaction: open one with Database.transaction()."
            )
        connection: _Connection = tx.connection
        return connection


ENGINE = _TransactionEngine()
"""The engine to give to every table: `class Request(Table, db=ENGINE)`."""


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(
        self,
        pool: "_Pool",
        where: str,
        acquire_seconds: float = ACQUIRE_SECONDS,
        vault: Vault | None = None,
    ) -> None:
        self._pool = pool
        self._acquire_seconds = acquire_seconds
        self.where = where
        self.vault = vault
        self.measures = PoolMeasures(pool)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        pool_size: int = 10,
        statement_cache: bool = True,
        acquire_seconds: float = ACQUIRE_SECONDS,
        vault: Vault | None = None,
    ) -> Self:
        """Connect to a `postgresql://` address; without `vault` neither texts nor the audit can be read or written.

        `statement_cache=False` is for a pooler that changes the server connection between transactions, such
        as PgBouncer in transaction mode. Raises DatabaseUnavailable with a sentence that holds no password.
        """
        where = described(url)
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=pool_size,
                timeout=CONNECT_SECONDS,
                statement_cache_size=256 if statement_cache else 0,
                server_settings={"application_name": "mla-tracker"},
                init=_made_ready,
                reset=nothing_to_reset,
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise DatabaseUnavailable(why_no_connection(error, where)) from error
        database = cls(pool, where, acquire_seconds, vault)
        async with database._connection() as connection:
            version = connection.get_server_version()
        if version.major < OLDEST_SERVER:
            await pool.close()
            raise DatabaseUnavailable(
                f"The database {where} is PostgreSQL {version.major}; "
                f"mla-tracker needs {OLDEST_SERVER} or newer."
            )
        return database

    async def close(self) -> None:
        """Wait a moment for transactions that run, then close every connection."""
        try:
            await asyncio.wait_for(self._pool.close(), timeout=END_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ping(self) -> None:
        """Ask the server for a sign of life; raises DatabaseUnavailable or DatabaseBusy."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1", timeout=CONNECT_SECONDS)

    @asynccontextmanager
    async def transaction(
        self,
        role: DbRole,
        *,
        viewer: Actor | None = None,
        isolation: Isolation = Isolation.READ_COMMITTED,
        read_only: bool = False,
        limits: TimeLimits | None = None,
    ) -> AsyncIterator[Tx]:
        """A transaction in the name of `role`; as DbRole.API it sees what `viewer` may see, and without one no request.

        COMMIT at the end, ROLLBACK on an error. It does not nest: pass the `Tx` on instead.

        Raises DatabaseUnavailable where no connection can be made, DatabaseBusy where none becomes free in time.
        """
        outer: Tx | None = ENGINE.current_transaction.get()
        if outer is not None and outer.runs_here:
            raise RuntimeError("A transaction is open already: pass its Tx on instead of opening another.")
        begin = _begin(role, viewer, isolation, read_only, limits or LIMITS[role])
        async with self._connection(f"transaction {role.value}") as connection:
            try:
                await connection.execute(begin, timeout=END_SECONDS)
                tx = Tx(connection, self.vault)
                token = ENGINE.current_transaction.set(tx)
                try:
                    yield tx
                finally:
                    ENGINE.current_transaction.reset(token)
                done = await connection.execute("COMMIT", timeout=END_SECONDS)
            except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                await _roll_back(connection)
                if not _is_lost(connection):
                    raise
                # What the driver says of a connection that was lost under its hands.
                raise self._broken_off() from error
            except BaseException:
                await _roll_back(connection)
                raise
            if done != "COMMIT":
                raise CommitFailed(
                    "Nothing was saved: a statement had failed and its error was not passed on."
                )

    @asynccontextmanager
    async def alone(self, lock: int) -> AsyncIterator[bool]:
        """Hold a lock of the server while the block runs, beside any transactions; False where another has it."""
        async with self._connection() as connection:
            ours: bool = await connection.fetchval("select pg_try_advisory_lock($1)", lock)
            try:
                yield ours
            finally:
                if ours and not _is_lost(connection):
                    await connection.execute(f"select pg_advisory_unlock({lock})")

    @asynccontextmanager
    async def _connection(self, name: str = "connection") -> AsyncIterator["_Connection"]:
        """A connection of the pool, which gets it back whatever happens; `name` is what traces call this."""
        with tracing.span(name):
            try:
                with self.measures.acquiring():
                    connection = await self._pool.acquire(timeout=self._acquire_seconds)
            except TimeoutError as error:
                raise DatabaseBusy(
                    f"No connection to the database {self.where} became free within "
                    f"{self._acquire_seconds:g} seconds. Try again; if it stays so, raise MLA_POOL_SIZE."
                ) from error
            except (OSError, asyncpg.PostgresError) as error:
                raise DatabaseUnavailable(why_no_connection(error, self.where)) from error
            except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                raise self._broken_off() from error  # while it was made ready
            try:
                yield connection
            finally:
                try:
                    await self._pool.release(connection)
                except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                    raise self._broken_off() from error

    def _broken_off(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The connection to the database {self.where} broke off.")


def _is_lost(connection: "_Connection") -> bool:
    """Whether the server is gone from it; the pool takes such a connection back at once, and it answers no more."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


async def _roll_back(connection: "_Connection") -> None:
    """End the transaction; where even that fails, end the connection, and the server undoes it."""
    if _is_lost(connection):
        return
    try:
        await connection.execute("ROLLBACK", timeout=END_SECONDS)
    except BaseException:  # noqa: BLE001 - the error that led here is on its way up already
        connection.terminate()


def _begin(
    role: DbRole, viewer: Actor | None, isolation: Isolation, read_only: bool, limits: TimeLimits
) -> str:
    """BEGIN and all settings of the transaction, in one round trip.

    The runtime roles hold the table of migrations open for reading, so that a migration which wants it alone finds
    nobody at work in any table. The lock is taken before the snapshot: who waited reads what the migration made.

    Everything in it is an enum, a number, an id or two capital letters, so it can be text: no statement to prepare,
    and a pooler between us and the server sees one query.
    """
    countries = viewer.countries if viewer else ()
    wrong = [country for country in countries if not _COUNTRY.fullmatch(country)]
    if wrong:
        raise ValueError(f"Not a country code of two capital letters: {wrong[0]!r}.")
    settings = {
        "mla.countries": ",".join(countries),
        "mla.account": UUID(int=viewer.account_id.int) if viewer else "",
        "mla.account_role": Role(viewer.role).value if viewer else "",
        "TimeZone": "UTC",
        "statement_timeout": limits.statement,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle,
    }
    gate = ""
    if role is not DbRole.OWNER:
        settings["role"] = role.value
        gate = f"SET LOCAL lock_timeout = {limits.lock}; LOCK TABLE migration IN ACCESS SHARE MODE; "
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    access = " READ ONLY" if read_only else ""
    return f"BEGIN ISOLATION LEVEL {isolation.value}{access}; {gate}SELECT {calls}"


async def _made_ready(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await read_and_write_json(connection)
    tracing.watch(connection)
