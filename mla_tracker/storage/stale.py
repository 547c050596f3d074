"""Requests that wait to be counted anew: a calendar, an agreement, a policy or a list of parties changed under them."""

from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from mla_tracker.domain.vocabulary import Side
from mla_tracker.storage.database import DbRole, Tx

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
with concerned as (select id, {cause}::text as cause from request where {condition} order by id for no key update)
update request set stale_since = $1,
    stale_causes = case when cause = any(stale_causes) then stale_causes else stale_causes || cause end
from concerned where request.id = concerned.id
"""


def by_calendar(country: str, version: int) -> str:
    """The cause that is kept with a mark: a version of a country's calendar."""
    return f"calendar {country} {version}"


def by_zone(name: str, version: int) -> str:
    """The cause that is kept with a mark: a version of a zone's rules."""
    return f"zone {name} {version}"


def by_limit(limit_id: str, version: int) -> str:
    """The cause that is kept with a mark: a version of a limit."""
    return f"limit {limit_id} {version}"


def by_agreement(agreement_id: UUID, version: int) -> str:
    """The cause that is kept with a mark: a version of an agreement."""
    return f"agreement {agreement_id} {version}"


def by_catalogue(version: str) -> str:
    """The cause that is kept with a mark: limits that a version of the program brought along."""
    return f"catalogue {version}"


async def mark_all(tx: Tx, now: datetime, cause: str) -> int:
    """Mark every request; gives how many wait now."""
    return _number(await tx.execute(_MARK.format(condition="true", cause="$2"), now, cause))


async def mark_for_country(tx: Tx, country: str, now: datetime, changed: Changed, cause: str) -> int:
    """Mark the requests to and from a country whose calendar changed; gives how many wait now.

    Closed requests are left alone unless a changed day lies in the time of one of their clocks.
    """
    condition = """
        (requesting_country = $2 or requested_country = $2)
        and (status <> 'closed' or exists (
            select from clock where clock.request_id = request.id
                and least(started_on, due_on) <= $4 and greatest(started_on, due_on, stopped_on) >= $3))
    """
    mark = _MARK.format(condition=condition, cause="$5")
    return _number(await tx.execute(mark, now, country, changed.first, changed.last, cause))


async def mark_all_of_country(tx: Tx, country: str, now: datetime, cause: str) -> int:
    """Mark all requests to and from a country, whose days begin elsewhere now; gives how many wait now."""
    mark = _MARK.format(condition="requesting_country = $2 or requested_country = $2", cause="$3")
    return _number(await tx.execute(mark, now, country, cause))


OF_ZONE: Final = """
    (exists (
        select from (
            select distinct on (country) country, zone from calendar_version where region = ''
            order by country, version desc
        ) held
        where held.zone = $2 and held.country in (request.requesting_country, request.requested_country))
    or exists (
        select from request_event as act where act.request_id = request.id and act.type = 'forwarded'
            and act.data ->> 'zone' = $2))
    and (status <> 'closed' or exists (
        select from clock where clock.request_id = request.id
            and greatest(started_on, due_on, stopped_on) >= $3::date - 1)
    or exists (
        select from request_event as act where act.request_id = request.id
            and coalesce(act.occurred_on, act.occurred_at::date) >= $3::date - 1))
"""
"""The requests whose days are those of the zone $2, if its rules differ from the day $3 on."""


async def mark_for_zone(tx: Tx, name: str, now: datetime, since: date, cause: str) -> int:
    """Mark the requests whose days are those of a zone with other rules since a day; gives how many wait now."""
    return _number(await tx.execute(_MARK.format(condition=OF_ZONE, cause="$4"), now, name, since, cause))


# Which version of a limit counts is judged on the day of an act, or of recording where there is none.
OF_POLICY: Final = """
    case $3 when 'requesting' then requesting_country else requested_country end = $2
    and (created_at >= $4::date - 1 or exists (
        select from request_event as act where act.request_id = request.id
            and coalesce(act.occurred_on, act.occurred_at::date) >= $4::date - 1))
"""
"""The requests that a policy of country $2 can reach, its duty on side $3, if it is valid from the day $4."""


async def mark_for_policy(tx: Tx, country: str, side: Side, since: date, now: datetime, cause: str) -> int:
    """Mark the requests that a policy of a country can reach, whose duty is on `side`; gives how many wait now.

    Valid from `since`, it can reach only what has acts of that day or later.
    """
    mark = _MARK.format(condition=OF_POLICY, cause="$5")
    return _number(await tx.execute(mark, now, country, side.value, since, cause))


async def mark_for_agreement(tx: Tx, agreement_id: UUID, now: datetime, cause: str) -> int:
    """Mark the requests that rely on an agreement which changed; gives how many wait now."""
    mark = _MARK.format(condition="agreement_id = $2", cause="$3")
    return _number(await tx.execute(mark, now, agreement_id, cause))


_MARK_SLIPPED: Final = """
with slipped as (
    select id, array_agg(distinct cause) as causes from (
        select written.id, 'calendar ' || version.country || ' ' || version.version as cause
        from calendar_version as version join request as written
            on (written.requesting_country = version.country or written.requested_country = version.country)
            and written.created_at between version.applied_at - $3::interval and version.applied_at + $3::interval
        where version.version > 1 and version.applied_at > $1::timestamptz - $2::interval
        union all
        select written.id, 'zone ' || rules.name || ' ' || rules.version
        from zone_version as rules join request as written
            on written.updated_at between rules.applied_at - $3::interval and rules.applied_at + $3::interval
        where rules.version > 1 and rules.applied_at > $1::timestamptz - $2::interval
        union all
        select written.id, 'agreement ' || agreement.id || ' ' || agreement.version
        from agreement join request as written on written.agreement_id = agreement.id
            and written.updated_at between agreement.updated_at - $3::interval and agreement.updated_at + $3::interval
        where agreement.version > 1 and agreement.updated_at > $1::timestamptz - $2::interval
        union all
        select written.id, 'limit ' || policy.id || ' ' || policy.version
        from limit_version as policy join request as written
            on (written.requesting_country = policy.country or written.requested_country = policy.country)
            and written.updated_at between policy.recorded_at - $3::interval and policy.recorded_at + $3::interval
        where policy.basis = 'policy' and policy.recorded_at > $1::timestamptz - $2::interval
        union all
        select written.id, 'parties ' || list.convention || ' ' || list.version
        from convention_version as list join request as written on written.convention is not null
            and written.updated_at between list.recorded_at - $3::interval and list.recorded_at + $3::interval
        where list.recorded_at > $1::timestamptz - $2::interval
    ) found group by id
),
concerned as (
    select request.id, slipped.causes from request join slipped on slipped.id = request.id
    where stale_since is null order by request.id for no key update of request
)
update request set stale_since = $1, stale_causes = concerned.causes from concerned where request.id = concerned.id
"""


async def mark_for_conventions(tx: Tx, ids: Collection[str], now: datetime, cause: str) -> int:
    """Mark the requests that name one of these conventions, since a list of parties changed; gives how many wait now.

    Ended and closed ones too: their warnings tell of which day the list is.
    """
    mark = _MARK.format(condition="convention = any($2)", cause="$3")
    return _number(await tx.execute(mark, now, sorted(ids), cause))


async def mark_slipped(tx: Tx, now: datetime) -> int:
    """Mark what was being written while a calendar, an agreement, a policy or a list of parties changed.

    Such a request was not seen by the mark of the change.

    Looks back `LOOK_BACK` from `now`. Marking a request that was counted rightly does no harm.
    """
    done = await tx.execute(_MARK_SLIPPED, now, LOOK_BACK, MEANWHILE)
    return _number(done)


async def mark_beyond(tx: Tx, marking: Awaitable[object], cause: str) -> int:
    """Let a mark reach requests that the viewer does not see; gives how many wait of those that it does see."""
    async with tx.acting_as(DbRole.JOBS):
        await marking
    waiting: int = await tx.fetchval("select count(*) from request where $1 = any(stale_causes)", cause)
    return waiting


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
    await tx.execute("update request set stale_since = null, stale_causes = '{}' where id = $1", request_id)


async def put_off(tx: Tx, request_id: UUID, until: datetime) -> None:
    """Let a request that cannot be counted wait until an instant, out of the way of the others."""
    await tx.execute("update request set stale_since = $2 where id = $1", request_id, until)


def _number(tag: str) -> int:
    return int(tag.rsplit(" ", 1)[-1])
