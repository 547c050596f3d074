"""Time counted only while offices are open: walking opening hours of a calendar in a time zone, both ways."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting_days import FIRST_DAY, HORIZON_DAYS, LAST_DAY, too_far
from mla_tracker.domain.local_time import ONE_DAY, instant_on, local_day

ZERO = timedelta()


def add_working_time(
    start: datetime, amount: timedelta, calendar: WorkingCalendar, zone: ZoneInfo, pointer: str
) -> datetime:
    """The instant (UTC) at which so much working time has passed since the start (backwards if negative).

    A count that ends exactly at closing time ends then, not at the next opening; backwards likewise at
    opening time. Raises InvalidEntry if the calendar does not hold that much within a hundred years.
    """
    at = start.astimezone(UTC)
    left = abs(amount)
    forward = amount > ZERO
    if not left:
        return at
    for day in _days(local_day(start, zone), forward=forward):
        spans = open_spans(day, calendar, zone)
        for opens, closes in spans if forward else reversed(spans):
            since, until = (max(opens, at), closes) if forward else (opens, min(closes, at))
            if until - since >= left:
                return since + left if forward else until - left
            if until > since:
                left -= until - since
    raise too_far(pointer, local_day(start, zone))


def working_time_between(
    since: datetime, until: datetime, calendar: WorkingCalendar, zone: ZoneInfo
) -> timedelta:
    """How long offices are open between two instants."""
    total = ZERO
    day, last = local_day(since, zone), local_day(until, zone)
    while day <= last:
        for opens, closes in open_spans(day, calendar, zone):
            total += max(ZERO, min(closes, until) - max(opens, since))
        day += ONE_DAY
    return total


def open_spans(day: date, calendar: WorkingCalendar, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The opening hours of a day as instants (UTC), [opening, closing), by the clocks of the zone."""
    return [
        (instant_on(day, opening, zone), instant_on(day, closing, zone))
        for opening, closing in calendar.opening_hours(day)
    ]


def _days(day: date, *, forward: bool) -> Iterator[date]:
    step = 1 if forward else -1
    for passed in range(HORIZON_DAYS):
        ordinal = day.toordinal() + step * passed
        if not FIRST_DAY.toordinal() <= ordinal <= LAST_DAY.toordinal():
            return
        yield date.fromordinal(ordinal)
