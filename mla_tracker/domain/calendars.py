"""Which days are worked and when offices are open: weekends, holidays, worked weekend days, recess, hours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TypeAlias

from mla_tracker.domain.errors import InvalidEntry

Hours: TypeAlias = tuple[tuple[int, int], ...]
"""Opening hours of a day in minutes from midnight, each [opening, closing), closing at most 1440."""

DAY = 24 * 60
OFFICE_HOURS: Hours = ((9 * 60, 17 * 60),)
"""What a working day is taken to be where a calendar gives no opening hours at all: 09:00 to 17:00."""

SATURDAY_SUNDAY = frozenset({5, 6})


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The working days of a country, of one of its regions, or of a caller's own making.

    `weekends` pairs the day from which it holds (inclusive) with weekdays, Monday 0; sorted, the first from
    `date.min`. `extra_working_days` are worked although weekend, holiday or recess. `recess` names first and
    last day, both inclusive: no working days, and periods in days or longer stand still there. `date_hours`
    replaces the hours of its day and opens it even where it is not a working day; no spans means closed.
    Where `hours` is empty every working day is open as `OFFICE_HOURS`. `known_years` are those the source was
    asked about, None for a calendar written by hand; `years_without_holidays` those it had no answer for.

    Raises InvalidEntry, pointing below /calendar, for hours or recess that make no sense.
    """

    code: str
    weekends: tuple[tuple[date, frozenset[int]], ...] = ((date.min, SATURDAY_SUNDAY),)
    holidays: Mapping[date, str] = field(default_factory=dict)
    extra_working_days: frozenset[date] = frozenset()
    recess: tuple[tuple[date, date], ...] = ()
    hours: Mapping[int, Hours] = field(default_factory=dict)
    date_hours: Mapping[date, Hours] = field(default_factory=dict)
    years_without_holidays: frozenset[int] = frozenset()
    known_years: range | None = None

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.weekends]
        if not starts or starts[0] != date.min or starts != sorted(set(starts)):
            raise _wrong("/weekend", "Weekends begin with the calendar and follow each other in time.")
        if any(not 0 <= weekday <= 6 for _, weekdays in self.weekends for weekday in weekdays):
            raise _wrong("/weekend", "Weekdays are numbered from 0 (Monday) to 6 (Sunday).")
        for weekday, hours in self.hours.items():
            if not 0 <= weekday <= 6:
                raise _wrong(f"/hours/{weekday}", "Weekdays are numbered from 0 (Monday) to 6 (Sunday).")
            _check_hours(f"/hours/{weekday}", hours)
        for day, hours in self.date_hours.items():
            _check_hours(f"/date_hours/{day.isoformat()}", hours)
        for index, (first, last) in enumerate(self.recess):
            if last < first:
                raise _wrong(f"/recess/{index}", f"The recess ends ({last}) before it begins ({first}).")

    def weekend_on(self, day: date) -> frozenset[int]:
        """The weekdays that were weekend at that time."""
        for start, weekdays in reversed(self.weekends):
            if start <= day:
                return weekdays
        raise AssertionError("the first weekend starts with the calendar")  # pragma: no cover

    def is_working_day(self, day: date) -> bool:
        """Whether the day is neither weekend nor holiday nor recess, or is worked nevertheless."""
        if day in self.extra_working_days:
            return True
        if day in self.holidays:
            return False
        weekends = self.weekends
        weekend = weekends[0][1] if len(weekends) == 1 else self.weekend_on(day)
        return day.weekday() not in weekend and not (self.recess and self.in_recess(day))

    def in_recess(self, day: date) -> bool:
        """Whether the day lies in a recess."""
        return any(first <= day <= last for first, last in self.recess)

    def without_recess(self) -> "WorkingCalendar":
        """The same calendar for what does not stand still while courts are in recess."""
        return replace(self, recess=()) if self.recess else self

    def with_recess_after(self, day: date) -> "WorkingCalendar":
        """The same calendar, with what of a recess lies after the day."""
        if all(first > day for first, _ in self.recess):
            return self
        left = tuple((max(first, day + timedelta(days=1)), last) for first, last in self.recess if last > day)
        return replace(self, recess=left)

    def opening_hours(self, day: date) -> Hours:
        """When offices are open on the day, in minutes from midnight.

        A worked weekend day without hours of its own is open like the first day of the week that has hours.
        """
        if day in self.date_hours:
            return self.date_hours[day]
        if not self.is_working_day(day):
            return ()
        if not self.hours:
            return OFFICE_HOURS
        own = self.hours.get(day.weekday(), ())
        if own or day not in self.extra_working_days:
            return own
        return next((hours for _, hours in sorted(self.hours.items()) if hours), ())

    def knows_holidays_of(self, year: int) -> bool:
        """Whether the source had holidays for the year; always so for a calendar written by hand."""
        if self.known_years is not None and year not in self.known_years:
            return False
        return year not in self.years_without_holidays


def minutes_of(clock_time: str) -> int:
    """Minutes from midnight of "HH:MM", up to "24:00". Raises ValueError for anything else."""
    hour, _, minute = clock_time.partition(":")
    if not (len(hour) == 2 and len(minute) == 2 and (hour + minute).isascii() and (hour + minute).isdigit()):
        raise ValueError(f"{clock_time!r} is not a time of day such as 09:00")
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > DAY:
        raise ValueError(f"{clock_time!r} is not a time of day such as 09:00")
    return minutes


def clock_time_of(minutes: int) -> str:
    """ "HH:MM" of minutes from midnight; 1440 is "24:00"."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _check_hours(pointer: str, hours: Iterable[tuple[int, int]]) -> None:
    previous = 0
    for index, (opening, closing) in enumerate(hours):
        if not 0 <= opening < closing <= DAY:
            raise _wrong(f"{pointer}/{index}", "Opening hours begin before they end, at 24:00 at the latest.")
        if opening < previous:
            raise _wrong(f"{pointer}/{index}", "Opening hours of one day follow each other without overlap.")
        previous = closing


def _wrong(pointer: str, sentence: str) -> InvalidEntry:
    return InvalidEntry(sentence, fields=((f"/calendar{pointer}", sentence),))
