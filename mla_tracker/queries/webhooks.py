"""The endpoints of an account, and what became of what was sent to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.queries.changes import ChangeView, of_ids
from mla_tracker.storage.database import Tx
from mla_tracker.storage.webhooks import WebhookRow, load, of_account

Key = tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class WebhookView:
    """An endpoint as its account sees it; the secret itself is told once and never again."""

    id: UUID
    url: str
    types: tuple[ChangeKind, ...] | None
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    former_secret_until: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What became of telling an endpoint of a change."""

    id: UUID
    change: ChangeView
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None
    status: int | None
    fault: str | None


async def webhooks(tx: Tx, actor: Actor, now: datetime) -> list[WebhookView]:
    """All endpoints of the account, oldest first."""
    return [_view(row, now) for row in await of_account(tx, actor.account_id)]


async def webhook(tx: Tx, webhook_id: UUID, actor: Actor, now: datetime) -> WebhookView | None:
    """One endpoint of the account, or None."""
    row = await load(tx, webhook_id, account_id=actor.account_id)
    return None if row is None else _view(row, now)


async def deliveries(
    tx: Tx, webhook_id: UUID, actor: Actor, now: datetime, *, state: str | None, after: Key, limit: int
) -> Sequence[DeliveryView]:
    """Deliveries of an endpoint of the account, newest first, of what the account sees still."""
    found: list[DeliveryView] = []
    while True:
        rows = await tx.fetch(
            f"""
            {_DELIVERY} where d.webhook_id = $1 and ($2::text is null or d.state = $2)
                and ($3::timestamptz is null or (d.created_at, d.id) < ($3, $4))
            order by d.created_at desc, d.id desc limit $5
            """,
            webhook_id, state, *(after or (None, None)), limit,
        )  # fmt: skip
        seen = {one.id: one for one in await of_ids(tx, actor, [row["change_id"] for row in rows], now)}
        found += [
            DeliveryView(
                row["id"], seen[row["change_id"]], row["state"], row["attempts"], row["created_at"], row["next_at"],
                row["last_at"], row["status"], row["fault"],
            )
            for row in rows if row["change_id"] in seen
        ]  # fmt: skip
        if len(found) >= limit or len(rows) < limit:
            return found[:limit]
        after = (rows[-1]["created_at"], rows[-1]["id"])


async def delivery(tx: Tx, delivery_id: UUID, actor: Actor, now: datetime) -> DeliveryView | None:
    """One delivery of an endpoint of which it is known that it is the account's, if the account sees its change."""
    row = await tx.fetchrow(f"{_DELIVERY} where d.id = $1", delivery_id)
    seen = [] if row is None else await of_ids(tx, actor, [row["change_id"]], now)
    if row is None or not seen:
        return None
    return DeliveryView(
        row["id"], seen[0], row["state"], row["attempts"], row["created_at"], row["next_at"], row["last_at"],
        row["status"], row["fault"],
    )  # fmt: skip


_DELIVERY: Final = """
    select d.id, d.change_id, d.state, d.attempts, d.created_at, d.next_at, d.last_at, d.status, d.fault
    from webhook_delivery d
"""


def _view(row: WebhookRow, now: datetime) -> WebhookView:
    until = row.former_until if row.former_until is not None and now < row.former_until else None
    return WebhookView(
        row.id, row.url, None if row.kinds is None else tuple(ChangeKind(kind) for kind in row.kinds),
        row.disabled_at is None, row.disabled_at, row.disabled_reason, row.failing_since, until, row.created_at,
        row.updated_at, row.version,
    )  # fmt: skip
