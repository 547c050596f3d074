"""Days and clock times of a time zone as instants, also where summer time skips an hour or repeats it."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import DAY

ONE_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day it is in the zone at an (aware) instant: the one way from an instant to a date."""
    return instant.astimezone(zone).date()


@lru_cache(maxsize=8192)
def day_begins_at(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the day before ends and the day begins in the zone.

    Usually local midnight. Where the clock skips midnight it is the instant of the change; where the clock
    returns to the day before, it is the midnight after which the day before never comes back.
    """
    wall = datetime.combine(day, time(), tzinfo=zone)
    instant = _instant(wall, zone)
    again = wall.replace(fold=1).astimezone(UTC)
    if again > instant and local_day(again - _MOMENT, zone) < day:
        return again
    return instant


def instant_on(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which clocks show that many minutes after midnight; 1440 is the end of the day.

    A time the clock skips is the instant of the change; of a time it shows twice, the first is meant.
    """
    if minutes == 0:
        return day_begins_at(day, zone)
    if minutes == DAY:
        return day_begins_at(day + ONE_DAY, zone)
    return _instant(datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone), zone)


def instant_of_wall_time(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) meant by a date and time without an offset, read in the zone."""
    return _instant(wall.replace(tzinfo=zone, fold=0), zone)


def hour_ends_at(instant: datetime, zone: ZoneInfo) -> datetime:
    """The end (UTC) of the local hour in which the instant lies."""
    return hour_begins_at(instant, zone) + timedelta(hours=1)


def hour_begins_at(instant: datetime, zone: ZoneInfo) -> datetime:
    """The beginning (UTC) of the local hour in which the instant lies."""
    local = instant.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return instant.astimezone(UTC) - into


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    instant = wall.astimezone(UTC)
    offset = wall.utcoffset()
    if instant.astimezone(zone).utcoffset() == offset:
        return instant
    # The clock never shows this time. Read with the offset after the change it lies before the change, read
    # with the offset before the change it lies after it: the change, always on a full second, is in between.
    before, after = int(wall.replace(fold=1).timestamp()), int(instant.timestamp())
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return datetime.fromtimestamp(after, UTC)
