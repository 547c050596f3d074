"""Rows of several tables written by one statement: one round trip for a record and all that hangs on it."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mla_tracker.storage.database import Tx

Row = Mapping[str, Any]


async def insert(tx: Tx, rows: Mapping[str, Sequence[Row]]) -> None:
    """Insert rows by table, each row by column name and all rows of a table with the same columns.

    Columns that are left out take their default. Foreign keys between the tables are checked when all rows stand.
    """
    filled = {table: found for table, found in rows.items() if found}
    if filled:
        shape = tuple((table, tuple(found[0])) for table, found in filled.items())
        await tx.execute(_statement(shape), *(list(found) for found in filled.values()))


@cache
def _statement(shape: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    parts = [
        f"into_{table} as ({insertion(table, columns, place)})"
        for place, (table, columns) in enumerate(shape, start=1)
    ]
    return f"with {', '.join(parts)} select 1"


def insertion(table: str, columns: Sequence[str], place: int) -> str:
    """The INSERT of the rows that stand, as a JSON list, in the parameter of number `place`."""
    names = ", ".join(columns)
    return f"insert into {table} ({names}) select {names} from jsonb_populate_recordset(null::{table}, ${place}::jsonb)"


def octets(value: bytes) -> str:
    """Bytes as a row holds them on its way in."""
    return "\\x" + value.hex()


def bytes_in(value: str) -> bytes:
    """The bytes that a row holds on its way in."""
    return bytes.fromhex(value.removeprefix("\\x"))
