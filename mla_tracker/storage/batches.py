"""A transaction in which the same question is asked once: for batches, whose rows ask of the same law."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from mla_tracker.storage.database import DbRole, Tx


class AskingOnce(Tx):
    """Answers of the transaction that it stands for, kept until it is let go.

    Only for what nothing that runs meanwhile in this transaction changes: law, accounts, agreements.
    """

    __slots__ = ("_answers", "_role", "_tx")

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx.connection, tx.vault)
        self._tx = tx
        self._answers: dict[tuple[str, str, str, str], Any] = {}
        self._role = ""

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        key = (self._role, "fetch", query, repr(args))
        if key not in self._answers:
            self._answers[key] = await self._tx.fetch(query, *args)
        rows: list[asyncpg.Record] = self._answers[key]
        return rows

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        key = (self._role, "fetchrow", query, repr(args))
        if key not in self._answers:
            self._answers[key] = await self._tx.fetchrow(query, *args)
        row: asyncpg.Record | None = self._answers[key]
        return row

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        key = (self._role, "fetchval", query, repr(args))
        if key not in self._answers:
            self._answers[key] = await self._tx.fetchval(query, *args)
        return self._answers[key]

    @asynccontextmanager
    async def acting_as(self, role: DbRole) -> AsyncIterator[None]:
        """In the name of another role; answers are kept apart by role."""
        before, self._role = self._role, role.value
        try:
            async with self._tx.acting_as(role):
                yield
        finally:
            self._role = before
