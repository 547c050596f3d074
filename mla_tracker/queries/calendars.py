"""Countries' calendars of working days: the one in force, as the engine reads it and as people look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendars import Hours, WorkingCalendar
from mla_tracker.domain.counting_days import runs_of_years
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.explanation import Step
from mla_tracker.storage.calendar_versions import OVERRIDES, StoredCalendar, version_in_force
from mla_tracker.storage.database import Tx
from mla_tracker.storage.date_moves import MOVE, SOURCES, move_view
from mla_tracker.storage.local_days import days_in_force
from mla_tracker.storage.stale import by_calendar
from mla_tracker.storage.visibility import Sight

MOST_VERSIONS: Final = 500
MOST_MOVES: Final = 200


@dataclass(frozen=True, slots=True)
class CalendarView:
    """The calendar in force, with what it says of the days from `first` to `last`, both inclusive.

    `weekends` pairs the first day of each (None: since ever) with weekdays, Monday 0. `known_years`: first and last
    year of which holidays are known at all. `recess` holds whole spells, also those that only reach into the days.
    """

    country: str
    region: str | None
    version: int
    zone: str
    first: date
    last: date
    weekends: tuple[tuple[date | None, tuple[int, ...]], ...]
    holidays: tuple[tuple[date, str], ...]
    extra_working_days: tuple[date, ...]
    recess: tuple[tuple[date, date], ...]
    hours: Mapping[int, Hours]
    date_hours: Mapping[date, Hours]
    known_years: tuple[int, int] | None
    years_without_holidays: tuple[int, ...]
    warnings: tuple[Step, ...]
    overrides: Mapping[str, Any]
    source: str
    applied_at: datetime


async def calendar_in_force(tx: Tx, country: str, now: datetime) -> tuple[WorkingCalendar, ZoneInfo]:
    """The working calendar and the zone by which clocks count in a country now.

    On the first use of a country those that ship are stored.
    """
    days = await days_in_force(tx, [country], now)
    return days.calendars[country], days.zones[country]


async def calendar(tx: Tx, country: str, *, first: date, last: date, now: datetime) -> CalendarView:
    """The calendar in force of a country (ISO alpha-2) and its days. On its first use the one that ships is stored."""
    return view_of(await version_in_force(tx, country, now), first=first, last=last)


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version of a calendar, and what it did to what the account sees.

    `open_clocks`: how many open clocks its country saw counted there when it was applied; None for accounts of others
    and where nothing was asked. `moved`: how many ends of clocks moved. `waiting`: requests still to be counted anew.
    """

    version: int
    zone: str
    overrides: Mapping[str, Any]
    source: str
    applied_at: datetime
    open_clocks: int | None
    moved: int
    waiting: int


def _seen(actor: Actor) -> str:
    sight = Sight.of(actor, countries="$2", account="$3")
    return f"{sight.is_party('r')} and {sight.seen('r')}"


async def versions(tx: Tx, country: str, *, actor: Actor) -> list[VersionView]:
    """The versions of a country's calendar, newest first, at most 500; none for a country never met."""
    seen = _seen(actor)
    rows = await tx.fetch(
        f"""
        select version, zone, coalesce(document -> '{OVERRIDES}', '{{}}') as overrides, source, applied_at,
            case when country = any($2::text[]) then open_clocks end as open_clocks,
            (select count(*) from date_move m join request r on r.id = m.request_id
                where m.causes @> array['calendar ' || v.country || ' ' || v.version] and {seen}) as moved,
            (select count(*) from request r where r.stale_since is not null
                and r.stale_causes @> array['calendar ' || v.country || ' ' || v.version] and {seen}) as waiting
        from calendar_version v where country = $1 and region = '' order by version desc limit {MOST_VERSIONS}
        """,
        country,
        list(actor.countries),
        actor.account_id,
    )
    return [VersionView(**dict(row)) for row in rows]


async def moves_by(tx: Tx, country: str, version: int, *, actor: Actor) -> list[dict[str, Any]]:
    """What a version moved of what the account sees, the first 200 by their new date.

    Raises NotFound for a version that there is not.
    """
    if not await tx.fetchval(
        "select true from calendar_version where country = $1 and region = '' and version = $2",
        country,
        version,
    ):
        raise NotFound(f"The calendar of {country[:20]!r} has no version {version}.")
    rows = await tx.fetch(
        f"""
        select {MOVE}, {SOURCES} as why from date_move m join request r on r.id = m.request_id
        where m.causes @> array[$1::text] and {_seen(actor)}
        order by coalesce(m.due_on_after, m.due_on_before), m.id limit {MOST_MOVES}
        """,
        by_calendar(country, version),
        list(actor.countries),
        actor.account_id,
    )
    return [move_view(row) for row in rows]


def view_of(version: StoredCalendar, *, first: date, last: date) -> CalendarView:
    """A version of a calendar and its days."""
    held = version.calendar
    known = held.known_years
    return CalendarView(
        country=version.country,
        region=held.code.partition("-")[2] or None,
        version=version.version,
        zone=version.zone,
        first=first,
        last=last,
        weekends=tuple(
            (None if since == date.min else since, tuple(sorted(weekdays)))
            for since, weekdays in held.weekends
        ),
        holidays=tuple((day, held.holidays[day]) for day in sorted(held.holidays) if first <= day <= last),
        extra_working_days=tuple(day for day in sorted(held.extra_working_days) if first <= day <= last),
        recess=tuple((begin, end) for begin, end in held.recess if begin <= last and first <= end),
        hours=held.hours,
        date_hours={day: held.date_hours[day] for day in sorted(held.date_hours) if first <= day <= last},
        known_years=(known.start, known.stop - 1) if known else None,
        years_without_holidays=tuple(sorted(held.years_without_holidays)),
        warnings=_warnings(held, first, last),
        overrides=version.overrides,
        source=version.source,
        applied_at=version.applied_at,
    )


def _warnings(calendar: WorkingCalendar, first: date, last: date) -> tuple[Step, ...]:
    silent = [year for year in range(first.year, last.year + 1) if not calendar.knows_holidays_of(year)]
    if not silent:
        return ()
    return (Step("no-holidays-known", {"calendar": calendar.code, "years": runs_of_years(silent)}),)
