"""Ends of periods in hours, minutes and working time, at exact instants, over changes of the clock too."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import CountingRule
from tests.builders.counting import INSTANTS, LAW, REGULATION, count, words

HOURS = [
    (
        "24 hours over the spring change",
        "2026-03-28T12:00:00+01:00",
        24,
        "hours",
        INSTANTS,
        "2026-03-29T13:00:00+02:00",
    ),
    (
        "24 hours over the autumn change",
        "2026-10-24T12:00:00+02:00",
        24,
        "hours",
        INSTANTS,
        "2026-10-25T11:00:00+01:00",
    ),
    ("90 minutes", "2026-03-02T23:00:00+01:00", 90, "minutes", INSTANTS, "2026-03-03T00:30:00+01:00"),
    ("72 hours before", "2026-03-05T10:00:00+01:00", -72, "hours", INSTANTS, "2026-03-02T10:00:00+01:00"),
    (
        "the hour of the event is not counted",
        "2025-04-03T14:18:30+02:00",
        2,
        "hours",
        REGULATION,
        "2025-04-03T17:00:00+02:00",
    ),
    (
        "not even from its first second",
        "2025-04-03T14:00:00+02:00",
        2,
        "hours",
        REGULATION,
        "2025-04-03T17:00:00+02:00",
    ),
    ("backwards neither", "2025-04-03T14:18:30+02:00", -2, "hours", REGULATION, "2025-04-03T12:00:00+02:00"),
    ("nothing is nothing", "2025-04-03T14:18:30+02:00", 0, "hours", REGULATION, "2025-04-03T14:18:30+02:00"),
    (
        "minutes exclude no hour",
        "2025-04-03T14:18:30+02:00",
        5,
        "minutes",
        REGULATION,
        "2025-04-03T14:23:30+02:00",
    ),
    ("hours do not roll", "2026-04-02T12:00:00+02:00", 24, "hours", REGULATION, "2026-04-03T13:00:00+02:00"),
    (
        "working hours over Easter",
        "2026-04-02T16:00:00+02:00",
        2,
        "working_hours",
        LAW,
        "2026-04-07T10:00:00+02:00",
    ),
    (
        "a whole day ends at closing time",
        "2026-03-02T09:00:00+01:00",
        8,
        "working_hours",
        LAW,
        "2026-03-02T17:00:00+01:00",
    ),
    (
        "back to opening time",
        "2026-03-02T17:00:00+01:00",
        -8,
        "working_hours",
        LAW,
        "2026-03-02T09:00:00+01:00",
    ),
    ("before opening", "2026-03-02T05:00:00+01:00", 30, "working_minutes", LAW, "2026-03-02T09:30:00+01:00"),
    ("after closing", "2026-03-06T18:00:00+01:00", 30, "working_seconds", LAW, "2026-03-09T09:00:30+01:00"),
    (
        "back from after closing",
        "2026-03-08T18:00:00+01:00",
        -30,
        "working_minutes",
        LAW,
        "2026-03-06T16:30:00+01:00",
    ),
    (
        "back from before opening",
        "2026-03-09T08:00:00+01:00",
        -9,
        "working_hours",
        LAW,
        "2026-03-05T16:00:00+01:00",
    ),
    (
        "no working time at all",
        "2026-03-07T18:00:00+01:00",
        0,
        "working_hours",
        LAW,
        "2026-03-07T18:00:00+01:00",
    ),
]


@pytest.mark.parametrize(
    ("start", "amount", "unit", "rule", "expected"), [pytest.param(*rest, id=name) for name, *rest in HOURS]
)
def test_a_period_in_hours_ends_at_an_instant(
    start: str, amount: int, unit: str, rule: CountingRule, expected: str
) -> None:
    due = count(start, amount, unit, rule)
    assert due.due_at == datetime.fromisoformat(expected), words(due)
    assert due.due_on == datetime.fromisoformat(expected).date()
    assert due.due_at.tzinfo is UTC
    assert words(due)


def test_opening_hours_lose_an_hour_when_the_clock_does() -> None:
    night = WorkingCalendar("X", weekends=((date.min, frozenset()),), hours={6: ((0, 1440),)})
    start = "2026-03-29T00:00:00+01:00"
    assert count(start, 23, "working_hours", calendar=night).due_at == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert count(start, 24, "working_hours", calendar=night).due_on == date(2026, 4, 5)


def test_hours_up_to_midnight_go_on_with_the_next_day() -> None:
    round_the_clock = WorkingCalendar("X", hours=dict.fromkeys(range(7), ((0, 1440),)))
    due = count("2026-03-02T20:00:00+01:00", 10, "working_hours", calendar=round_the_clock)
    assert due.due_at == datetime(2026, 3, 3, 5, tzinfo=UTC)


def test_hours_from_a_bare_date_run_from_its_beginning_and_say_so() -> None:
    for unit, expected in (("hours", "2026-03-03T00:00+01:00"), ("working_hours", "2026-03-04T17:00+01:00")):
        due = count("2026-03-02", 24, unit, INSTANTS)
        assert due.due_at == datetime.fromisoformat(expected)
        assert due.imprecise
        assert [warning.code for warning in due.warnings] == ["start-imprecise"]


def test_hours_counted_on_from_a_day_run_from_its_end() -> None:
    due = count("2026-03-02", 2, "days", plus=[(24, "hours")])
    assert due.due_at == datetime(2026, 3, 5, 23, tzinfo=UTC)
    assert not due.imprecise


def test_the_due_instant_is_the_end_of_the_day_where_midnight_is_skipped() -> None:
    due = count("2023-09-29", 1, "days", zone=ZoneInfo("America/Asuncion"))
    assert due.due_on == date(2023, 9, 30)
    assert due.due_at == datetime(2023, 10, 1, 4, tzinfo=UTC)
