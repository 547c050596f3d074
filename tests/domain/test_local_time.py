"""Where days begin and what clocks show, also on the nights when the clock is changed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.local_time import (
    day_begins_at,
    hour_begins_at,
    hour_ends_at,
    instant_of_wall_time,
    instant_on,
    local_day,
)

BEGINNINGS = [
    ("Europe/Madrid", "2026-03-29", "2026-03-28T23:00Z", "an ordinary midnight before the change at 02:00"),
    ("America/Asuncion", "2023-10-01", "2023-10-01T04:00Z", "00:00 is skipped, the day begins at 01:00"),
    ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00Z", "00:00 is skipped"),
    ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00Z", "00:00 is skipped"),
    ("America/Santiago", "2024-09-08", "2024-09-08T04:00Z", "00:00 is skipped"),
    ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z", "23:30 to 00:30 is skipped"),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", "the whole day is skipped"),
    ("America/Havana", "2024-11-03", "2024-11-03T04:00Z", "00:00 to 01:00 comes twice, the first counts"),
    ("Atlantic/Azores", "2024-10-27", "2024-10-27T00:00Z", "00:00 to 01:00 comes twice, the first counts"),
    ("Asia/Beirut", "2025-10-26", "2025-10-25T22:00Z", "the clock returns from 00:00 to the day before"),
    (
        "America/St_Johns",
        "2006-10-29",
        "2006-10-29T03:30Z",
        "00:01 returns to the day before, so it ends later",
    ),
]


@pytest.mark.parametrize(("zone", "day", "instant", "why"), BEGINNINGS)
def test_a_day_begins_when_the_day_before_has_ended_for_good(
    zone: str, day: str, instant: str, why: str
) -> None:
    begins = day_begins_at(date.fromisoformat(day), ZoneInfo(zone))
    assert begins == datetime.fromisoformat(instant), why
    assert begins.tzinfo is UTC


def test_the_local_day_is_that_of_the_zone() -> None:
    arrested = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    assert local_day(arrested, ZoneInfo("Europe/Madrid")) == date(2026, 3, 3)
    assert local_day(arrested, ZoneInfo("America/Guayaquil")) == date(2026, 3, 2)


def test_a_time_the_clock_skips_is_the_instant_of_the_change() -> None:
    berlin, day = ZoneInfo("Europe/Berlin"), date(2026, 3, 29)
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert instant_on(day, 2 * 60, berlin) == change
    assert instant_on(day, 2 * 60 + 45, berlin) == change
    assert instant_on(day, 3 * 60, berlin) == change
    assert instant_of_wall_time(datetime(2026, 3, 29, 2, 30, 15), berlin) == change  # noqa: DTZ001


def test_of_a_time_shown_twice_the_first_is_meant() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert instant_on(date(2026, 10, 25), 150, berlin) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant_of_wall_time(datetime(2026, 10, 25, 2, 30), berlin) == datetime(  # noqa: DTZ001
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_midnight_at_both_ends_of_a_day_is_where_the_days_meet() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    assert instant_on(date(2024, 4, 26), 0, cairo) == instant_on(date(2024, 4, 25), 1440, cairo)


def test_an_hour_of_the_clock_has_a_beginning_and_an_end_in_zones_with_half_hours_too() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    event = datetime(2026, 3, 3, 9, 50, 7, 3, tzinfo=UTC)  # 15:20 there
    assert hour_begins_at(event, kolkata) == datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
    assert hour_ends_at(event, kolkata) == datetime(2026, 3, 3, 10, 30, tzinfo=UTC)
