"""Working calendars of countries from the `holidays` package, and calendars as documents that can be stored."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from importlib import metadata
from typing import Any

import holidays
from holidays import HolidayBase

from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.calendars import Hours, WorkingCalendar, clock_time_of, minutes_of

FIRST_YEAR = 1990
YEARS_AHEAD = 10

_FRIDAY_SATURDAY = frozenset({4, 5})
_SATURDAY_SUNDAY = frozenset({5, 6})

WEEKEND_CORRECTIONS: Mapping[str, tuple[tuple[date, frozenset[int]], ...]] = {
    # Friday and Saturday (so CLDR 48); the package leaves its default of Saturday and Sunday.
    "LY": ((date.min, _FRIDAY_SATURDAY),),
    # Saturday and Sunday since 1 October 2014 (so CLDR 48); the package has only the weekend before.
    "MR": ((date.min, _FRIDAY_SATURDAY), (date(2014, 10, 1), _SATURDAY_SUNDAY)),
    # The package names the weekly day of rest of all employees, Sunday; authorities do not work on Saturdays
    # either, and CLDR 48 gives Saturday and Sunday.
    **dict.fromkeys(("AI", "CD", "HK", "KN", "NE", "PY", "TK", "VE"), ((date.min, _SATURDAY_SUNDAY),)),
}
"""Where the package's weekend is not that of authorities. A country's own calendar overrides these too."""

PARTLY_SILENT: Mapping[str, range] = {
    # Outside these years the package has fixed holidays there, but not (all) those of the Hindu calendar.
    **dict.fromkeys(("BT", "FJ", "GY", "IN", "MU", "NP", "SR"), range(2001, 2036)),
}
"""The years of which the package knows all holidays, where it has only some of other years."""


def source() -> str:
    """What these calendars were made from: package and version."""
    return f"holidays {metadata.version('holidays')}"


def years_around(today: date) -> range:
    """The years a calendar is made for: from 1990 to ten years ahead."""
    return range(FIRST_YEAR, today.year + YEARS_AHEAD + 1)


def subdivisions(country: str) -> tuple[str, ...]:
    """The regions for which the country has holidays of their own, e.g. "MD" of "ES-MD"."""
    return tuple(_offered().get(country, ()))


def offered(country: str, years: range) -> range:
    """Those of the years of which the package says anything at all of a country."""
    return _years_of(country, years)


def country_calendar(country: str, subdivision: str | None = None, *, years: range) -> WorkingCalendar:
    """The public holidays, weekends and worked weekend days of a country or region in those years.

    Names are English where the package has them; "(estimated)" in one marks a date that depends on the moon.
    Years the package says nothing about are in `years_without_holidays` or outside `known_years`, since it
    returns nothing for them without saying so. Raises KeyError for a country or region it does not have.
    """
    if country not in _offered() or (subdivision and subdivision not in subdivisions(country)):
        raise KeyError(f"{country}-{subdivision}" if subdivision else country)
    known = _years_of(country, years)
    days = _entity(country, subdivision, known)
    found = {day: name for day, name in sorted(days.items()) if day.year in known}
    return WorkingCalendar(
        code=f"{country}-{subdivision}" if subdivision else country,
        weekends=WEEKEND_CORRECTIONS.get(country) or _weekends(days, known),
        holidays=found,
        extra_working_days=frozenset(day for day in days.weekend_workdays if day.year in known),
        years_without_holidays=frozenset(known) - {day.year for day in found},
        known_years=known,
    )


def to_document(calendar: WorkingCalendar) -> dict[str, Any]:
    """The calendar as plain JSON; the same calendar always gives the same document."""
    known = calendar.known_years
    return {
        "code": calendar.code,
        "weekends": [[start.isoformat(), sorted(weekdays)] for start, weekdays in calendar.weekends],
        "holidays": {day.isoformat(): calendar.holidays[day] for day in sorted(calendar.holidays)},
        "extra_working_days": [day.isoformat() for day in sorted(calendar.extra_working_days)],
        "recess": [[first.isoformat(), last.isoformat()] for first, last in sorted(calendar.recess)],
        "hours": {str(weekday): _hours_out(calendar.hours[weekday]) for weekday in sorted(calendar.hours)},
        "date_hours": {
            day.isoformat(): _hours_out(calendar.date_hours[day]) for day in sorted(calendar.date_hours)
        },
        "years_without_holidays": sorted(calendar.years_without_holidays),
        "known_years": None if known is None else [known.start, known.stop - 1],
    }


def from_document(document: Mapping[str, Any]) -> WorkingCalendar:
    """The calendar that `to_document` wrote. Raises ValueError, KeyError or InvalidEntry for anything else."""
    known = document["known_years"]
    return WorkingCalendar(
        code=document["code"],
        weekends=tuple((_day(start), frozenset(weekdays)) for start, weekdays in document["weekends"]),
        holidays={_day(day): name for day, name in document["holidays"].items()},
        extra_working_days=frozenset(map(_day, document["extra_working_days"])),
        recess=tuple((_day(first), _day(last)) for first, last in document["recess"]),
        hours={int(weekday): _hours_in(spans) for weekday, spans in document["hours"].items()},
        date_hours={_day(day): _hours_in(spans) for day, spans in document["date_hours"].items()},
        years_without_holidays=frozenset(document["years_without_holidays"]),
        known_years=None if known is None else range(known[0], known[1] + 1),
    )


def own_from_words(words: Mapping[str, Any]) -> CalendarOverrides:
    """What a country said of its days in the words in which they are stored (the body of PUT /calendars)."""
    return CalendarOverrides(
        holidays=tuple((_day(holiday["date"]), holiday["name"]) for holiday in words.get("holidays", [])),
        not_holidays=tuple(map(_day, words.get("not_holidays", []))),
        extra_working_days=tuple(map(_day, words.get("extra_working_days", []))),
        recess=tuple((_day(first), _day(last)) for first, last in words.get("recess", [])),
        hours={int(weekday): _hours_in(spans) for weekday, spans in words.get("hours", {}).items()},
        date_hours={_day(day): _hours_in(spans) for day, spans in words.get("date_hours", {}).items()},
        weekend=frozenset(words["weekend"]) if words.get("weekend") is not None else None,
        weekend_from=_day(words["weekend_from"]) if words.get("weekend_from") else None,
        complete_years=frozenset(words.get("complete_years", [])),
    )


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the document, in hexadecimal: two calendars are the same if and only if their digests are."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def _offered() -> Mapping[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=False)


def _years_of(country: str, years: range) -> range:
    bare = holidays.country_holidays(country)
    whole = PARTLY_SILENT.get(country, years)
    return range(
        max(years.start, whole.start, bare.start_year), min(years.stop, whole.stop, bare.end_year + 1)
    )


def _entity(country: str, subdivision: str | None, years: range) -> HolidayBase:
    languages = holidays.country_holidays(country).supported_languages
    language = "en_US" if "en_US" in languages else None
    return holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)


def _weekends(days: HolidayBase, years: range) -> tuple[tuple[date, frozenset[int]], ...]:
    """Asked day by day: the package changes a country's weekend from year to year, even within one."""
    weekends: list[tuple[date, frozenset[int]]] = []
    day = date(years.start, 1, 1)
    while day.year < years.stop:
        if not weekends or (day.weekday() in weekends[-1][1]) != days.is_weekend(day):
            week = (day + timedelta(days=ahead) for ahead in range(7))
            weekdays = frozenset(other.weekday() for other in week if days.is_weekend(other))
            weekends.append((day if weekends else date.min, weekdays))
        day += timedelta(days=1)
    return tuple(weekends)


def _hours_out(hours: Hours) -> list[list[str]]:
    return [[clock_time_of(opening), clock_time_of(closing)] for opening, closing in hours]


def _hours_in(spans: Iterable[Iterable[str]]) -> Hours:
    return tuple((minutes_of(opening), minutes_of(closing)) for opening, closing in spans)


def _day(text: str) -> date:
    return date.fromisoformat(text)
