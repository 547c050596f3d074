"""Stating an opening balance that is not what the record counts, so that it stays visible as such."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.errors import DatedInFuture, NotAllowed
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import RequestKind, Side
from mla_tracker.queries import opening_balances as queries
from mla_tracker.queries.agreements import today_in
from mla_tracker.storage import rows
from mla_tracker.storage.audit import entry_rows, lock_chain
from mla_tracker.storage.audited import added
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7


@dataclass(frozen=True, slots=True)
class NewBalance:
    """A statement: the number of requests on the books of a country as a span began. `kind` None: of all kinds."""

    country: str
    side: Side
    kind: RequestKind | None
    first_day: date
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class BalanceStated:
    """The statement as it reads now; `replayed` where the same call had made it before."""

    view: dict[str, Any]
    replayed: bool


async def restate_opening(
    db: Database,
    entry: NewBalance,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> BalanceStated:
    """Record the statement beside those that stand: reports show the last one next to what is counted.

    Raises NotAllowed for another country's balance or another role, DatedInFuture for a span that has not begun.
    """
    require(actor, Deed.STATE_BALANCES)
    if not actor.speaks_for(entry.country):
        raise NotAllowed(
            f"The opening balance of {entry.country} is stated by the head of its authority or its ministry.",
            fields=[("/country", "Not yours to state.")],
        )
    if entry.first_day > today_in(entry.country, now):
        raise DatedInFuture(
            f"A span that begins on {entry.first_day.isoformat()} has no opening balance yet. State it then.",
            fields=[("/first_day", "Lies in the future.")],
        )
    made = uuid7(now)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        done = await claim(tx, idempotency, now)
        if done:
            made = UUID(done["id"])
        else:
            row = {
                "id": made,
                "country": entry.country,
                "side": entry.side.value,
                "kind": entry.kind.value if entry.kind else None,
                "first_day": entry.first_day,
                "count": entry.count,
                "reason": entry.reason,
                "recorded_by_account": actor.account_id,
                "recorded_at": now,
            }
            chain = Chain.named(ChainKind.BALANCE, entry.country)
            await lock_chain(tx, chain)
            told = await entry_rows(
                tx, chain, What.BALANCE_STATED, [added("opening_balance", row)],
                actor=actor, now=now, seen_by=[entry.country],
            )  # fmt: skip
            await rows.insert(tx, {"opening_balance": [row], **told})
            await complete(tx, idempotency, {"id": str(made)})
        view = await queries.balance(tx, made)
    return BalanceStated(view, replayed=bool(done))
