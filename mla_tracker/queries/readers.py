"""The accounts that are named to a confidential request, as their own side sees them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Reader:
    """An account that is named. `name` and `role` are None of one that speaks for other countries too."""

    account_id: UUID
    country: str
    name: str | None
    role: str | None
    closed: bool
    named_by: UUID | None
    named_at: datetime


async def readers(tx: Tx, request_id: UUID, actor: Actor) -> list[Reader]:
    """Who is named of the account's own side, first named first; of the other side nobody is shown."""
    rows = await tx.fetch(
        """
        select n.account_id, n.country, a.name, a.role, a.disabled_at is not null as closed, n.named_by, n.named_at
        from request_reader n left join account a on a.id = n.account_id
        where n.request_id = $1 and n.country = any($2::text[]) order by n.named_at, n.account_id
        """,
        request_id,
        list(actor.countries),
    )
    return [Reader(**dict(row)) for row in rows]
