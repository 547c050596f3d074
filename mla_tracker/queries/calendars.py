"""Countries' calendars of working days: the one in force, as the engine reads it and as people look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mla_tracker.domain.calendars import Hours, WorkingCalendar
from mla_tracker.domain.counting_days import runs_of_years
from mla_tracker.domain.explanation import Step
from mla_tracker.storage.calendar_versions import StoredCalendar, version_in_force
from mla_tracker.storage.database import Tx
from mla_tracker.storage.law import calendars_in_force


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


async def calendar_in_force(tx: Tx, country: str, now: datetime) -> WorkingCalendar:
    """The working calendar by which clocks count in a country now. On its first use the one that ships is stored."""
    return (await calendars_in_force(tx, [country], now))[country]


async def calendar(tx: Tx, country: str, *, first: date, last: date, now: datetime) -> CalendarView:
    """The calendar in force of a country (ISO alpha-2) and its days. On its first use the one that ships is stored."""
    return view_of(await version_in_force(tx, country, now), first=first, last=last)


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
