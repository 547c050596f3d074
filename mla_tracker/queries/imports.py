"""How imports go and went, as the accounts of their country see it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotAllowed, NotFound
from mla_tracker.storage.database import Tx
from mla_tracker.storage.import_remarks import remarks_of

_SHOWN = """
    i.id, i.kind, i.format, i.encoding, i.days, i.all_or_nothing, i.dry_run, i.status, i.position as rows, i.recorded,
    i.skipped, i.refused, i.warned, i.bytes, i.error, i.account_id, i.country, i.created_at, i.updated_at, i.finished_at
"""


async def import_view(tx: Tx, import_id: UUID, *, actor: Actor) -> dict[str, Any]:
    """One import. Raises NotFound for one of another country."""
    row = await tx.fetchrow(
        f"select {_SHOWN} from bulk_import i where i.id = $1 and i.country = any($2::text[])",
        import_id,
        list(actor.countries),
    )
    if row is None:
        raise NotFound("There is no such import, or this account may not see it.")
    return dict(row)


async def own_import(tx: Tx, import_id: UUID, *, actor: Actor) -> None:
    """Raises NotFound for an import of another country, NotAllowed for one that another account has handed in."""
    if (await import_view(tx, import_id, actor=actor))["account_id"] != actor.account_id:
        raise NotAllowed(
            "What was told of the rows of a file is for the account that handed it in, since it may tell of cases that "
            "others do not see. Ask there."
        )


async def imports(
    tx: Tx, *, actor: Actor, after: tuple[datetime, UUID] | None, as_of: datetime, limit: int
) -> list[dict[str, Any]]:
    """Imports of the account's countries, the last first."""
    rows = await tx.fetch(
        f"""
        select {_SHOWN} from bulk_import i
        where i.country = any($5::text[]) and i.created_at <= $1
            and ($2::timestamptz is null or (i.created_at, i.id) < ($2, $3))
        order by i.created_at desc, i.id desc limit $4
        """,
        as_of, *(after or (None, None)), limit, list(actor.countries),
    )  # fmt: skip
    return [dict(row) for row in rows]


async def remarks(
    tx: Tx, import_id: UUID, *, after: tuple[int, int] = (-1, 0), limit: int
) -> list[dict[str, Any]]:
    """What was told of rows, in their order."""
    return [
        {"row": one["row_number"], "field": one["field"], "refused": one["refused"], "reason": one["reason"],
         "number": one["number"]}
        for one in await remarks_of(tx, import_id, after=after, limit=limit)
    ]  # fmt: skip
