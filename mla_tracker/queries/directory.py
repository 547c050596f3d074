"""The directory of authorities as everybody reads it."""

from datetime import date
from typing import Any
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.storage.database import Tx
from mla_tracker.storage.directory import COLUMNS

Key = tuple[str, str, UUID]
_NAMES = ", ".join(COLUMNS)


async def directory(
    tx: Tx,
    *,
    actor: Actor,
    country: str | None = None,
    kind: str | None = None,
    on: date | None = None,
    after: Key | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Entries by country and name; `kind`: those who take requests of it, `on`: those that hold on the day."""
    rows = await tx.fetch(
        f"""
        select {_NAMES} from directory_entry
        where ($1::text is null or country = $1)
            and ($2::text is null or functions = '{{}}' or $2 = any(functions))
            and ($3::date is null or coalesce(valid_from <= $3, true) and coalesce(valid_to > $3, true))
            and ($4::text is null or (country, authority, id) > ($4, $5, $6))
        order by country, authority, id limit $7
        """,
        country, kind, on, *(after or (None, None, None)), limit,
    )  # fmt: skip
    return [_shown(row, actor) for row in rows]


async def entry(tx: Tx, entry_id: UUID, *, actor: Actor) -> dict[str, Any]:
    """One entry. Raises NotFound."""
    row = await tx.fetchrow(f"select {_NAMES} from directory_entry where id = $1", entry_id)
    if row is None:
        raise NotFound("There is no such entry of the directory.")
    return _shown(row, actor)


def _shown(row: Record, actor: Actor) -> dict[str, Any]:
    """The row; the reference is for the country itself."""
    own = actor.speaks_for(row["country"])
    return {**dict(row), "external_reference": row["external_reference"] if own else None}


async def directory_documents(
    tx: Tx, *, actor: Actor, after: Key | None, limit: int
) -> tuple[list[dict[str, Any]], Key | None]:
    """The next entries as documents that can be imported again, and after what to go on (None: no more)."""
    rows = await directory(tx, actor=actor, after=after, limit=limit)
    found = []
    for row in rows:
        plain = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in row.items()
            if name not in ("created_at", "updated_at") and value not in (None, [])
        }
        found.append({**plain, "id": str(row["id"])})
    last = rows[-1] if len(rows) == limit else None
    return found, (last["country"], last["authority"], last["id"]) if last else None
