"""Ends of periods in days or longer: the same day-number, working days one by one, rolling, within bounds."""

import calendar as gregorian
from collections.abc import Callable, Sequence
from datetime import date

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting_rules import MONTH_UNITS, Period
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.vocabulary import Unit

FIRST_DAY = date(2, 1, 1)
LAST_DAY = date(9998, 12, 31)
"""Days outside cannot be counted: the day before and after, in every time zone, must exist."""

LONGEST_YEARS = 100
HORIZON_DAYS = 101 * 366
"""No count leads further than this from its start."""

_LONGEST = {
    Unit.MINUTES: 366 * LONGEST_YEARS * 24 * 60,
    Unit.HOURS: 366 * LONGEST_YEARS * 24,
    Unit.DAYS: 366 * LONGEST_YEARS,
    Unit.WEEKS: 53 * LONGEST_YEARS,
    Unit.MONTHS: 12 * LONGEST_YEARS,
    Unit.YEARS: LONGEST_YEARS,
    Unit.WORKING_SECONDS: 366 * LONGEST_YEARS * 24 * 3600,
    Unit.WORKING_MINUTES: 366 * LONGEST_YEARS * 24 * 60,
    Unit.WORKING_HOURS: 366 * LONGEST_YEARS * 24,
    Unit.WORKING_DAYS: 366 * LONGEST_YEARS,
}


def check_amount(period: Period, pointer: str) -> None:
    """Raises InvalidEntry for a period of more than a hundred years."""
    if abs(period.amount) > _LONGEST[period.unit]:
        most = f"{_LONGEST[period.unit]} {period.unit.replace('_', ' ')}"
        sentence = f"The period is too long: at most {most} are counted. Give a shorter one."
        raise InvalidEntry(sentence, fields=((pointer, sentence),))


def too_far(pointer: str, since: date) -> InvalidEntry:
    """The error for a count that comes to no end in sensible time."""
    sentence = (
        f"Counted from {since.isoformat()} the period comes to no end within {LONGEST_YEARS} years or before "
        f"the year {LAST_DAY.year + 1}. Give a shorter period, or a calendar with enough working time."
    )
    return InvalidEntry(sentence, fields=((pointer, sentence),))


def moved(day: date, days: int, pointer: str) -> date:
    """The day so many days later (earlier if negative). Raises InvalidEntry beyond the days that count."""
    ordinal = day.toordinal() + days
    if not FIRST_DAY.toordinal() <= ordinal <= LAST_DAY.toordinal():
        raise too_far(pointer, day)
    return date.fromordinal(ordinal)


def same_number(day: date, months: int, pointer: str, *, number: int | None = None) -> date:
    """So many months on, the day of that number (by default the day's own) or the last day of the month."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not FIRST_DAY.year <= years <= LAST_DAY.year:
        raise too_far(pointer, day)
    last = gregorian.monthrange(years, month + 1)[1]
    return date(years, month + 1, min(number or day.day, last))


def months_end(day: date, months: int, pointer: str, *, include: bool) -> date:
    """The last day of a period in months (negative: counted backwards).

    With the starting day included the period ends on the day before the one of the same number, or on the
    last day of a month that lacks that day (BGB § 188(2) alternative 2 and (3)): 15 March leads to 14 April,
    and 29, 30 and 31 January lead to 28 February, in leap years 30 and 31 January to the 29th.
    """
    if not include or months == 0:
        return same_number(day, months, pointer)
    if months < 0:
        return same_number(moved(day, 1, pointer), months, pointer)
    if day.day == 1:
        return moved(same_number(day, months, pointer), -1, pointer)
    return same_number(day, months, pointer, number=day.day - 1)


def plain_end(day: date, period: Period, pointer: str, *, include: bool) -> date:
    """The last day of a period in days, weeks, months or years, counting every day."""
    if period.unit in MONTH_UNITS:
        months = period.amount * 12 if period.unit is Unit.YEARS else period.amount
        return months_end(day, months, pointer, include=include)
    days = period.amount * 7 if period.unit is Unit.WEEKS else period.amount
    if include and days:
        days -= 1 if days > 0 else -1
    return moved(day, days, pointer)


def nth_working_day(
    day: date, number: int, calendar: WorkingCalendar, pointer: str, skipped: list[date]
) -> date:
    """The n-th working day after the day (before it if negative); notes holidays passed over in `skipped`."""
    step = 1 if number > 0 else -1
    ordinal, left = day.toordinal(), abs(number)
    last = _horizon(ordinal, step)
    is_working_day, holidays, found = calendar.is_working_day, calendar.holidays, day
    while left:
        ordinal += step
        if ordinal * step > last:
            raise too_far(pointer, day)
        found = date.fromordinal(ordinal)
        if is_working_day(found):
            left -= 1
        elif found in holidays:
            skipped.append(found)
    return found


def working_days_between(first: date, after: date, calendar: WorkingCalendar) -> int:
    """How many working days there are from the first day up to, but without, `after`."""
    return sum(
        calendar.is_working_day(date.fromordinal(ordinal))
        for ordinal in range(first.toordinal(), after.toordinal())
    )


def next_due_day(
    day: date, step: int, may_be_due: Callable[[date], bool], pointer: str
) -> tuple[date, list[date]]:
    """The day itself if it may be due, else the next in the direction of `step`; and the days passed over."""
    ordinal = day.toordinal()
    last = _horizon(ordinal, step)
    passed: list[date] = []
    while not may_be_due(found := date.fromordinal(ordinal)):
        passed.append(found)
        ordinal += step
        if ordinal * step > last:
            raise too_far(pointer, day)
    return found, passed


def runs_of_years(years: Sequence[int]) -> str:
    """Years as they are spoken of: "2027, 2030–2033"."""
    runs: list[list[int]] = []
    for year in sorted(years):
        if runs and runs[-1][-1] == year - 1:
            runs[-1][1:] = [year]
        else:
            runs.append([year])
    return ", ".join("–".join(map(str, run)) for run in runs)


def _horizon(ordinal: int, step: int) -> int:
    """The furthest ordinal to look at, as `ordinal * step` grows."""
    edge = LAST_DAY if step > 0 else FIRST_DAY
    return min(ordinal * step + HORIZON_DAYS, edge.toordinal() * step)
