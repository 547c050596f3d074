"""Rows that stay with the server until they are asked for, in a way that leaves nothing on the connection."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    _Connection = PoolConnectionProxy[asyncpg.Record]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Rows that are fetched some at a time; it ends with its transaction."""

    connection: "_Connection"
    name: str

    async def fetch(self, number: int) -> list[asyncpg.Record]:
        """The next rows; none when there are no more."""
        return await self.connection.fetch(f"FETCH FORWARD {number:d} FROM {self.name}")


async def declared(connection: "_Connection", query: str, *args: Any) -> Cursor:
    """A cursor over the rows of a query; one per query and transaction.

    The driver's own cursors leave a statement behind on the connection, under a name that other processes give too:
    behind a pooler they meet. Equal queries get equal names, so that a FETCH that is kept is one of equal columns.
    """
    name = f"rows_{crc32(query.encode()):08x}"
    await connection.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {query}", *args)
    return Cursor(connection, name)
