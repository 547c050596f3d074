"""A worker's own database, open from test to test: what a test wrote is taken out again, so that plans stay warm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import asyncpg

from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from tests.builders.keys import the_keys

POOL_SIZE = 5
TESTS_PER_DATABASE = 60
"""Dead rows stay in the pages; a new database is cheaper than to clean them."""

_SHAPE = """
    select (select array[count(*), coalesce(max(xmin::text::bigint), 0)] from pg_policy)
        || (select array[count(*), coalesce(max(xmin::text::bigint), 0)] from pg_trigger)
        || (select array[count(*), coalesce(max(xmin::text::bigint), 0)] from pg_proc)
        || (select array[count(*), coalesce(max(xmin::text::bigint), 0)] from pg_class)
        || (select array[count(*), coalesce(max(xmin::text::bigint), 0)] from pg_attribute)
        || (select array[count(*), coalesce(max(xmin::text::bigint), 0)] from pg_constraint)
"""


@dataclass
class WorkerDatabase:
    """A copy of the template with the connections of the program and one of the superuser's."""

    server: Server
    name: str
    database: Database
    cleaner: asyncpg.Connection
    used: int = 0
    empty: Sequence[str] = ()
    filled: Sequence[str] = ()
    shape: Sequence[int] = ()
    content: asyncpg.Record | None = None
    newest: int = 0

    @classmethod
    async def made(cls, server: Server, template: str) -> Self:
        """A fresh one."""
        name = f"t{uuid4().hex}"
        await as_superuser(server, f"CREATE DATABASE {name} OWNER mla TEMPLATE {template}")
        cleaner = await asyncpg.connect(server.url(name, "postgres"))
        database = await Database.open(server.url(name), pool_size=POOL_SIZE, vault=the_keys())
        made = cls(server, name, database, cleaner)
        await made._look()
        return made

    async def cleaned(self) -> bool:
        """Take out what a test wrote. False where only a new copy would do: it changed what ships, or the tables."""
        self.used += 1
        if self.database._pool.is_closing():  # what only a test can ask
            return False
        if self.used >= TESTS_PER_DATABASE or await self.cleaner.fetchval(_SHAPE) != self.shape:
            return False
        try:
            await self.cleaner.fetch(self._emptying())
        except asyncpg.PostgresError:  # a transaction that a test left open holds what would have to go
            return False
        return await self.cleaner.fetchrow(self._counting()) == self.content

    async def ended(self) -> None:
        """Close what is open and drop the database."""
        self.database._pool.terminate()  # a test that failed may hold a connection for ever
        await self.cleaner.close()
        await as_superuser(self.server, f"DROP DATABASE {self.name} WITH (FORCE)")

    async def _look(self) -> None:
        tables = await self.cleaner.fetch(
            "select tablename from pg_tables where schemaname = 'public' order by 1"
        )
        names = [row["tablename"] for row in tables]
        held = {name: await self.cleaner.fetchval(f"select exists (select from {name})") for name in names}
        self.empty = [name for name in names if not held[name]]
        self.filled = [name for name in names if held[name]]
        self.shape = await self.cleaner.fetchval(_SHAPE)
        self.newest = await self.cleaner.fetchval("select pg_current_xact_id()::text::bigint")
        self.content = await self.cleaner.fetchrow(self._counting())
        await self.cleaner.execute("set lock_timeout = '2s'")
        await self.cleaner.execute("set session_replication_role = replica")

    def _emptying(self) -> str:
        added = [f"delete from {name} where xmin::text::bigint >= {self.newest}" for name in self.filled]
        steps = [*(f"delete from {name}" for name in self.empty), *added]
        return f"with {', '.join(f'd{i} as ({step})' for i, step in enumerate(steps))} select"

    def _counting(self) -> str:
        """How many rows of what ships are there; one that was changed has a younger transaction, and so is gone."""
        return "select " + ", ".join(f"(select count(*) from {name})" for name in self.filled)


async def as_superuser(server: Server, statement: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
