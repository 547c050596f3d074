"""Pauses of a case and recess of the courts: what they take from a period, and what not."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from tests.builders.counting import FORWARD, INCLUSIVE, codes, count, spoken, words

PAUSES: list[tuple[str, dict[str, Any], list[tuple[str, str]], str]] = [
    (
        "within",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-03-05", "2026-03-08")],
        "Sun 2026-03-15",
    ),
    (
        "on the due day",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-03-12", "2026-03-14")],
        "Sat 2026-03-14",
    ),
    (
        "after the due day",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-03-13", "2026-03-20")],
        "Thu 2026-03-12",
    ),
    (
        "before the start",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-02-01", "2026-03-03")],
        "Thu 2026-03-12",
    ),
    (
        "over the start",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-02-01", "2026-03-06")],
        "Sun 2026-03-15",
    ),
    (
        "empty",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-03-05", "2026-03-05")],
        "Thu 2026-03-12",
    ),
    (
        "overlapping",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-03-06", "2026-03-10"), ("2026-03-05", "2026-03-08"), ("2026-03-06", "2026-03-07")],
        "Tue 2026-03-17",
    ),
    (
        "one pushes the end into the next",
        {"start": "2026-03-02", "amount": 10, "unit": "days"},
        [("2026-03-15", "2026-03-17"), ("2026-03-05", "2026-03-08")],
        "Tue 2026-03-17",
    ),
    (
        "in months",
        {"start": "2026-03-02", "amount": 1, "unit": "months"},
        [("2026-03-05", "2026-03-08")],
        "Sun 2026-04-05",
    ),
    (
        "the end rolls after the pause",
        {"start": "2026-03-02", "amount": 1, "unit": "months", "rule": FORWARD},
        [("2026-03-05", "2026-03-08")],
        "Tue 2026-04-07",
    ),
    (
        "the end does not roll into a pause",
        {"start": "2026-02-27", "amount": 1, "unit": "days", "rule": FORWARD},
        [("2026-03-01", "2026-03-04")],
        "Wed 2026-03-04",
    ),
    (
        "working days lose working days",
        {"start": "2026-03-02", "amount": 5, "unit": "working_days"},
        [("2026-03-05", "2026-03-10")],
        "Thu 2026-03-12",
    ),
    (
        "a weekend takes no working day",
        {"start": "2026-03-02", "amount": 5, "unit": "working_days"},
        [("2026-03-07", "2026-03-09")],
        "Mon 2026-03-09",
    ),
    (
        "backwards",
        {"start": "2026-03-12", "amount": -10, "unit": "days"},
        [("2026-03-05", "2026-03-08")],
        "Fri 2026-02-27",
    ),
    (
        "backwards, past it",
        {"start": "2026-03-12", "amount": -10, "unit": "days"},
        [("2026-02-20", "2026-03-02")],
        "Mon 2026-03-02",
    ),
    (
        "backwards in working days",
        {"start": "2026-03-12", "amount": -5, "unit": "working_days"},
        [("2026-03-09", "2026-03-11")],
        "Tue 2026-03-03",
    ),
    (
        "starting with the day",
        {"start": "2026-03-02", "amount": 10, "unit": "days", "rule": INCLUSIVE},
        [("2026-03-02", "2026-03-03")],
        "Thu 2026-03-12",
    ),
    (
        "given as instants",
        {"start": "2026-03-02T10:00:00+01:00", "amount": 10, "unit": "days"},
        [("2026-03-04T23:30:00+00:00", "2026-03-08T10:00:00+01:00")],
        "Sun 2026-03-15",
    ),
]


@pytest.mark.parametrize(
    ("question", "pauses", "expected"), [pytest.param(q, p, e, id=name) for name, q, p, e in PAUSES]
)
def test_a_pause_moves_the_end(
    question: dict[str, Any], pauses: list[tuple[str, str]], expected: str
) -> None:
    due = count(**question, pauses=pauses)
    assert spoken(due.due_on) == expected, words(due)
    assert sum(code in {"stood-still", "pause-without-effect"} for code in codes(due)) == len(pauses)


def test_a_pause_in_hours_moves_the_instant() -> None:
    start, paused = "2026-03-02T10:00:00+01:00", ("2026-03-02T12:00:00+01:00", "2026-03-02T13:30:00+01:00")
    assert count(start, 4, "hours", pauses=[paused]).due_at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert count(start, 2, "hours", pauses=[paused]).due_at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    late = ("2026-03-02T16:00:00+01:00", "2026-03-03T10:00:00+01:00")
    assert count(start, 4, "working_hours", pauses=[paused, late]).due_at == datetime(
        2026, 3, 2, 14, 30, tzinfo=UTC
    )
    assert count(start, 6, "working_hours", pauses=[paused, late]).due_at == datetime(
        2026, 3, 3, 10, 30, tzinfo=UTC
    )


def test_a_pause_in_hours_counts_backwards_too() -> None:
    paused = ("2026-03-02T12:00:00+01:00", "2026-03-02T13:30:00+01:00")
    due = count("2026-03-02T16:00:00+01:00", -4, "hours", pauses=[paused])
    assert due.due_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    due = count("2026-03-02T16:00:00+01:00", -4, "working_hours", pauses=[paused])
    assert due.due_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_pause_of_hours_may_be_given_in_days() -> None:
    due = count("2026-03-02T10:00:00+01:00", 24, "hours", pauses=[("2026-03-03", "2026-03-05")])
    assert due.due_at == datetime(2026, 3, 5, 9, tzinfo=UTC)


RECESS = WorkingCalendar("CH", recess=((date(2025, 7, 15), date(2025, 8, 15)),))
ZURICH = ZoneInfo("Europe/Zurich")
RECESS_CASES = [
    ("2025-07-10", 10, "days", "Thu 2025-08-21", "ZPO Art. 145: the period stands still"),
    ("2025-07-20", 10, "days", "Mon 2025-08-25", "ZPO Art. 146(1): it begins on the day after the recess"),
    ("2025-07-10", 1, "months", "Thu 2025-09-11", "months go on for as many days as stood still"),
    ("2025-07-10", 10, "working_days", "Wed 2025-08-27", "no working days"),
    ("2025-07-02", 10, "days", "Mon 2025-07-14", "over before it begins: Saturday rolls to Monday"),
    ("2025-07-03", 10, "days", "Mon 2025-07-14", "over before it begins: Sunday rolls to Monday"),
]


@pytest.mark.parametrize(("start", "amount", "unit", "expected", "why"), RECESS_CASES)
def test_a_period_stands_still_in_recess(start: str, amount: int, unit: str, expected: str, why: str) -> None:
    due = count(start, amount, unit, FORWARD, calendar=RECESS, zone=ZURICH)
    assert spoken(due.due_on) == expected, f"{why}\n{words(due)}"


def test_an_end_does_not_roll_into_recess() -> None:
    from_monday = WorkingCalendar("CH", recess=((date(2025, 7, 14), date(2025, 8, 15)),))
    due = count("2025-07-02", 10, "days", FORWARD, calendar=from_monday, zone=ZURICH)
    assert spoken(due.due_on) == "Mon 2025-08-18"
    assert "falls-in-recess" in codes(due)


def test_hours_run_on_in_recess() -> None:
    due = count("2025-07-14T12:00:00+02:00", 48, "hours", calendar=RECESS, zone=ZURICH)
    assert due.due_at == datetime(2025, 7, 16, 10, tzinfo=UTC)


def test_a_recess_at_the_end_of_the_calendar_is_harmless() -> None:
    endless = WorkingCalendar("X", recess=((date(9998, 1, 1), date.max),))
    assert spoken(count("2026-03-02", 1, "days", calendar=endless).due_on) == "Tue 2026-03-03"
