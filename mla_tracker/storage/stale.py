"""Requests that wait to be counted anew: a calendar, an agreement, a policy or a list of parties changed under them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from mla_tracker.domain.vocabulary import Side
from mla_tracker.storage.database import Tx

LOOK_BACK: Final = timedelta(minutes=10)
"""For how long after a change it is looked for requests that were being written meanwhile."""

MEANWHILE: Final = timedelta(minutes=5)
"""More than any write takes, and more than the clocks of two nodes may differ."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The days on which two versions of a calendar differ lie between these two, both inclusive."""

    first: date
    last: date


# Rows are locked in one order, so that two changes at once wait for each other instead of deadlocking. A request
# that is marked already is marked again: it may be in the hands of a recount that began before this change.
_MARK: Final = """
with concerned as (select id from request where {condition} order by id for no key update)
update request set stale_since = $1 from concerned where request.id = concerned.id
"""


async def mark_for_country(tx: Tx, country: str, now: datetime, changed: Changed) -> int:
    """Mark the requests to and from a country whose calendar changed; gives how many wait now.

    Closed requests are left alone unless a changed day lies in the time of one of their clocks.
    """
    condition = """
        (requesting_country = $2 or requested_country = $2)
        and (status <> 'closed' or exists (
            select from clock where clock.request_id = request.id
                and least(started_on, due_on) <= $4 and greatest(started_on, due_on, stopped_on) >= $3))
    """
    done = await tx.execute(_MARK.format(condition=condition), now, country, changed.first, changed.last)
    return _number(done)


# Which version of a limit counts is judged on the day of an act, or of recording where there is none.
OF_POLICY: Final = """
    case $3 when 'requesting' then requesting_country else requested_country end = $2
    and (created_at >= $4::date - 1 or exists (
        select from request_event as act where act.request_id = request.id
            and coalesce(act.occurred_on, act.occurred_at::date) >= $4::date - 1))
"""
"""The requests that a policy of country $2 can reach, its duty on side $3, if it is valid from the day $4."""


async def mark_for_policy(tx: Tx, country: str, side: Side, since: date, now: datetime) -> int:
    """Mark the requests that a policy of a country can reach, whose duty is on `side`; gives how many wait now.

    Valid from `since`, it can reach only what has acts of that day or later.
    """
    return _number(await tx.execute(_MARK.format(condition=OF_POLICY), now, country, side.value, since))


async def mark_for_agreement(tx: Tx, agreement_id: UUID, now: datetime) -> int:
    """Mark the requests that rely on an agreement which changed; gives how many wait now."""
    return _number(await tx.execute(_MARK.format(condition="agreement_id = $2"), now, agreement_id))


async def mark_for_conventions(tx: Tx, ids: Collection[str], now: datetime) -> int:
    """Mark the requests that name one of these conventions, since a list of parties changed; gives how many wait now.

    Ended and closed ones too: their warnings tell of which day the list is.
    """
    return _number(await tx.execute(_MARK.format(condition="convention = any($2)"), now, sorted(ids)))


async def mark_slipped(tx: Tx, now: datetime) -> int:
    """Mark what was being written while a calendar, an agreement, a policy or a list of parties changed.

    Such a request was not seen by the mark of the change.

    Looks back `LOOK_BACK` from `now`. Marking a request that was counted rightly does no harm.
    """
    done = await tx.execute(
        _MARK.format(
            condition="""
                stale_since is null and id in (
                    select written.id from calendar_version as version join request as written
                        on (written.requesting_country = version.country or written.requested_country = version.country)
                        and written.created_at between version.applied_at - $3::interval
                            and version.applied_at + $3::interval
                    where version.version > 1 and version.applied_at > $1::timestamptz - $2::interval
                    union all
                    select written.id from agreement join request as written on written.agreement_id = agreement.id
                        and written.updated_at between agreement.updated_at - $3::interval
                            and agreement.updated_at + $3::interval
                    where agreement.version > 1 and agreement.updated_at > $1::timestamptz - $2::interval
                    union all
                    select written.id from limit_version as policy join request as written
                        on (written.requesting_country = policy.country or written.requested_country = policy.country)
                        and written.updated_at between policy.recorded_at - $3::interval
                            and policy.recorded_at + $3::interval
                    where policy.basis = 'policy' and policy.recorded_at > $1::timestamptz - $2::interval
                    union all
                    -- Asked once: without a list of these minutes no request is looked at.
                    select written.id from request as written where written.convention is not null and exists (
                            select from convention_version where recorded_at > $1::timestamptz - $2::interval)
                        and written.updated_at between
                            (select min(recorded_at) from convention_version
                                where recorded_at > $1::timestamptz - $2::interval) - $3::interval
                            and (select max(recorded_at) from convention_version) + $3::interval)
            """
        ),
        now,
        LOOK_BACK,
        MEANWHILE,
    )
    return _number(done)


async def claim(tx: Tx, now: datetime, number: int) -> list[UUID]:
    """Lock up to `number` requests marked until `now` (inclusive), longest waiting first, but none in other hands."""
    rows = await tx.fetch(
        """
        select id from request where stale_since <= $1
        order by stale_since, id limit $2 for no key update skip locked
        """,
        now,
        number,
    )
    return [row["id"] for row in rows]


async def settle(tx: Tx, request_id: UUID) -> None:
    """Take the mark from a request that proved to be counted rightly."""
    await tx.execute("update request set stale_since = null where id = $1", request_id)


async def put_off(tx: Tx, request_id: UUID, until: datetime) -> None:
    """Let a request that cannot be counted wait until an instant, out of the way of the others."""
    await tx.execute("update request set stale_since = $2 where id = $1", request_id, until)


def _number(tag: str) -> int:
    return int(tag.rsplit(" ", 1)[-1])
