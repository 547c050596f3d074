"""JSON and JSONB columns: they come back as Python values.

Going in, text is taken as JSON already written (Piccolo writes it so) and every other value is written as JSON.
"""

from typing import Any

import asyncpg
from pydantic_core import from_json, to_json


async def read_and_write_json(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Set a connection so."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_write_json, decoder=from_json)


def _write_json(value: Any) -> str:
    if isinstance(value, str):
        return value
    return to_json(value, inf_nan_mode="constants").decode()
