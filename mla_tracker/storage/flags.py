"""Flags: raised from what has come due, set-based; and the mark that an officer has seen one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import FlagKind
from mla_tracker.storage.audited import AUDITED
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight

LOOKED_AT: Final = "looked_at"

# A check that another node or a writer holds is left to them. Writers delete the checks of a request before they change
# its clocks, so whoever holds a check sees the clock as the check meant it. Checks are deleted by their place and
# clocks looked up one by one: a plan made for any number of due checks reads both tables whole for each batch.
_RAISE_DUE: Final = f"""
with due as (
    select ctid as place, clock_id, kind, level, due_at from clock_check
    where at <= $1 order by at limit $2 for update skip locked
), gone as (
    delete from clock_check where ctid = any(array(select place from due))
), raised as (
    insert into flag (id, request_id, requesting_country, requested_country, clock_id, clock_key, limit_id, stage,
        obligor, kind, level, due_at, raised_at)
    select mla_uuid7($1), of.request_id, of.requesting_country, of.requested_country, due.clock_id,
        of.clock_key, of.limit_id, of.stage, of.obligor, due.kind, due.level, due.due_at, $1
    from due cross join lateral (
        select request_id, requesting_country, requested_country, clock_key, limit_id, stage, obligor, state
        from clock where clock.id = due.clock_id limit 1) of
    where of.state = 'running' and not (due.kind = 'warning' and due.due_at <= $1)
    on conflict (request_id, clock_key, kind, level, due_at) do update
        set cleared_at = null, cleared_reason = null, settled_at = null, raised_at = excluded.raised_at
        where flag.cleared_at is not null
    returning flag.kind
)
select '{LOOKED_AT}' as what, count(*) as number from due
union all
select kind, count(*) from raised group by kind
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """How many checks were taken up, and how many flags of each kind were raised from them."""

    looked_at: int
    raised: dict[FlagKind, int]


async def raise_due(tx: Tx, now: datetime, size: int) -> Batch:
    """Raise the flags of up to `size` checks that have come due at `now` (inclusive), oldest first, in one statement.

    A flag that was cleared is raised again; one that stands or is settled stays as it is. A warning that is taken
    up only after the due instant raises nothing: the flag of that instant says more.
    """
    numbers = {row["what"]: row["number"] for row in await tx.fetch(_RAISE_DUE, now, size)}
    looked_at = numbers.pop(LOOKED_AT)
    return Batch(looked_at, {FlagKind(kind): number for kind, number in numbers.items()})


async def lock_request(tx: Tx, flag_id: UUID) -> Record | None:
    """The id and both countries of the request of a flag, held against other writers."""
    return await tx.fetchrow(
        """
        select id, array[requesting_country, requested_country] as countries from request
        where id = (select request_id from flag where flag.id = $1) for no key update
        """,
        flag_id,
    )


async def acknowledgements(tx: Tx, flag_id: UUID) -> Record | None:
    """Who has noted on each side that they have seen a flag, and when; with what names the row."""
    return await tx.fetchrow(f"select {', '.join(AUDITED['flag'].columns)} from flag where id = $1", flag_id)


async def acknowledge(tx: Tx, flag_id: UUID, *, actor: Actor, now: datetime) -> bool:
    """Note that an officer has seen a flag; each side's first note stays, and is its own.

    False if the account sees no such flag.
    """
    sight = Sight.of(actor, countries="$2", account="$3")
    seen = await tx.fetchval(
        f"""
        update flag set
            acknowledged_requesting_by = case when flag.requesting_country = any($2)
                then coalesce(flag.acknowledged_requesting_by, $3) else flag.acknowledged_requesting_by end,
            acknowledged_requesting_at = case when flag.requesting_country = any($2)
                then coalesce(flag.acknowledged_requesting_at, $4) else flag.acknowledged_requesting_at end,
            acknowledged_requested_by = case when flag.requested_country = any($2)
                then coalesce(flag.acknowledged_requested_by, $3) else flag.acknowledged_requested_by end,
            acknowledged_requested_at = case when flag.requested_country = any($2)
                then coalesce(flag.acknowledged_requested_at, $4) else flag.acknowledged_requested_at end
        from request
        where flag.id = $1 and request.id = flag.request_id
            and {sight.is_party("flag")} and {sight.seen("request")}
        returning true
        """,
        flag_id, list(actor.countries), actor.account_id, now,
    )  # fmt: skip
    return seen is not None
