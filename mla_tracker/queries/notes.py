"""Notes that a side keeps on a request for itself."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.queries.requests import visible_row
from mla_tracker.storage.database import Tx
from mla_tracker.storage.texts import opened

FIELD: Final = "side_note"


async def notes(
    tx: Tx,
    request_id: UUID,
    *,
    actor: Actor,
    after: tuple[datetime, UUID] | None,
    as_of: datetime,
    limit: int,
) -> list[dict[str, Any]]:
    """The notes of the account's own side, last first, erased ones without text. Raises NotFound."""
    await visible_row(tx, request_id, actor)
    found = await tx.fetch(
        f"""
        {_SHOWN} and t.recorded_at <= $3 and ($4::timestamptz is null or (t.recorded_at, t.id) < ($4, $5::uuid))
        order by t.recorded_at desc, t.id desc limit $6
        """,
        request_id,
        list(actor.countries),
        as_of,
        *(after or (None, None)),
        limit,
    )
    return [_view(tx, row, actor) for row in found]


async def note(tx: Tx, request_id: UUID, note_id: UUID, *, actor: Actor) -> dict[str, Any]:
    """One note of the account's own side. Raises NotFound."""
    row = await tx.fetchrow(f"{_SHOWN} and t.id = $3", request_id, list(actor.countries), note_id)
    if row is None:
        raise NotFound("There is no such note of your side on this request.")
    return _view(tx, row, actor)


# An account of several countries is seen by none of them alone: its name is left out then.
_SHOWN: Final = f"""
    select t.id, t.request_id, t.owner_country, t.sealed, t.recorded_by_account, t.recorded_at, t.erased_at,
        t.erased_for, k.wrapped, author.name as author
    from free_text t left join record_key k using (request_id)
    left join account author on author.id = t.recorded_by_account
    where t.request_id = $1 and t.field = '{FIELD}' and t.owner_country = any($2::text[])
"""


def _view(tx: Tx, row: Record, actor: Actor) -> dict[str, Any]:
    shown = row["sealed"] is not None and may(actor, Deed.READ_NOTES)
    text = opened(tx.vault, row["request_id"], row["wrapped"], row) if shown else None
    return {
        "id": row["id"],
        "request_id": row["request_id"],
        "country": row["owner_country"],
        "text": text,
        "account_id": row["recorded_by_account"],
        "author": row["author"],
        "recorded_at": row["recorded_at"],
        "erased_at": row["erased_at"],
        "erased_for": row["erased_for"],
    }
