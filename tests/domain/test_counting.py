"""Ends of periods in days or longer: case, question, expected day with its weekday."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import CountingRule
from mla_tracker.domain.vocabulary import Roll
from tests.builders.counting import (
    BERLIN,
    FORWARD,
    INCLUSIVE,
    REGULATION,
    WORKING,
    codes,
    count,
    spoken,
    words,
)

DAYS: list[tuple[str, dict[str, Any], str]] = [
    ("60 days under a treaty", {"start": "2026-03-02", "amount": 60, "unit": "days"}, "Fri 2026-05-01"),
    (
        "60 days that roll over a holiday and a weekend",
        {"start": "2026-03-02", "amount": 60, "unit": "days", "rule": FORWARD},
        "Mon 2026-05-04",
    ),
    (
        "an instant counts as its local day",
        {"start": "2026-03-02T23:30:00+00:00", "amount": 1, "unit": "days"},
        "Wed 2026-03-04",
    ),
    (
        "6 months starting with the day of arrest",
        {"start": "2026-01-31", "amount": 6, "unit": "months", "rule": INCLUSIVE},
        "Thu 2026-07-30",
    ),
    (
        "7 days starting with the day",
        {"start": "2026-03-02", "amount": 7, "unit": "days", "rule": INCLUSIVE},
        "Sun 2026-03-08",
    ),
    (
        "1 week starting with the day",
        {"start": "2026-03-02", "amount": 1, "unit": "weeks", "rule": INCLUSIVE},
        "Sun 2026-03-08",
    ),
    (
        "no time at all, starting with the day",
        {"start": "2026-03-02", "amount": 0, "unit": "days", "rule": INCLUSIVE},
        "Mon 2026-03-02",
    ),
    ("50 days before", {"start": "2026-04-22", "amount": -50, "unit": "days"}, "Tue 2026-03-03"),
    (
        "7 days before, the day itself counted",
        {"start": "2026-03-08", "amount": -7, "unit": "days", "rule": INCLUSIVE},
        "Mon 2026-03-02",
    ),
    (
        "1 month before, the day itself counted",
        {"start": "2026-04-14", "amount": -1, "unit": "months", "rule": INCLUSIVE},
        "Sun 2026-03-15",
    ),
    (
        "backwards the next working day is not sought",
        {"start": "2026-04-20", "amount": -14, "unit": "days", "rule": REGULATION},
        "Mon 2026-04-06",
    ),
    (
        "backwards onto a working day",
        {"start": "2026-04-21", "amount": -14, "unit": "days", "rule": REGULATION},
        "Tue 2026-04-07",
    ),
    (
        "a reminder goes back over Easter",
        {
            "start": "2026-04-08",
            "amount": -2,
            "unit": "days",
            "rule": CountingRule(roll=Roll.PREVIOUS_WORKING_DAY),
        },
        "Thu 2026-04-02",
    ),
    (
        "forwards it may go back as well",
        {
            "start": "2026-04-02",
            "amount": 4,
            "unit": "days",
            "rule": CountingRule(roll=Roll.PREVIOUS_WORKING_DAY),
        },
        "Thu 2026-04-02",
    ),
    (
        "10 working days over Easter",
        {"start": "2026-04-01", "amount": 10, "unit": "working_days", "rule": WORKING},
        "Fri 2026-04-17",
    ),
    (
        "days are working days under the rule of working days",
        {"start": "2026-04-01", "amount": 10, "unit": "days", "rule": WORKING},
        "Fri 2026-04-17",
    ),
    (
        "10 working days starting with a working day",
        {"start": "2026-04-01", "amount": 10, "unit": "working_days", "rule": INCLUSIVE},
        "Thu 2026-04-16",
    ),
    (
        "5 working days starting with a Sunday",
        {"start": "2026-03-01", "amount": 5, "unit": "working_days", "rule": INCLUSIVE},
        "Fri 2026-03-06",
    ),
    (
        "2 working days back, starting with the day",
        {"start": "2026-04-07", "amount": -2, "unit": "working_days", "rule": INCLUSIVE},
        "Thu 2026-04-02",
    ),
    (
        "no working days from a Saturday",
        {"start": "2026-03-07", "amount": 0, "unit": "working_days"},
        "Sat 2026-03-07",
    ),
    (
        "an event on Saturday counts as one on Monday",
        {"start": "2026-03-07", "amount": 1, "unit": "working_days", "rule": CountingRule(shift_start=True)},
        "Tue 2026-03-10",
    ),
    (
        "an event on Saturday shifted, nothing added",
        {"start": "2026-03-07", "amount": 0, "unit": "days", "rule": CountingRule(shift_start=True)},
        "Mon 2026-03-09",
    ),
    (
        "an event on a working day is not shifted",
        {"start": "2026-03-06", "amount": 1, "unit": "days", "rule": CountingRule(shift_start=True)},
        "Sat 2026-03-07",
    ),
    (
        "backwards a start on Saturday shifts to Friday",
        {"start": "2026-03-07", "amount": -1, "unit": "working_days", "rule": CountingRule(shift_start=True)},
        "Thu 2026-03-05",
    ),
    (
        "a month and fourteen days",
        {"start": "2026-03-01", "amount": 1, "unit": "months", "plus": [(14, "days")]},
        "Wed 2026-04-15",
    ),
    (
        "a month and fourteen days starting with the day",
        {"start": "2026-03-01", "amount": 1, "unit": "months", "plus": [(14, "days")], "rule": INCLUSIVE},
        "Tue 2026-04-14",
    ),
    (
        "the end between two periods does not roll",
        {"start": "2026-03-03", "amount": 1, "unit": "months", "plus": [(1, "days")], "rule": FORWARD},
        "Tue 2026-04-07",
    ),
    (
        "48 hours and then two days",
        {"start": "2026-03-02T20:00:00+00:00", "amount": 48, "unit": "hours", "plus": [(2, "days")]},
        "Fri 2026-03-06",
    ),
]


@pytest.mark.parametrize(("question", "expected"), [pytest.param(q, e, id=name) for name, q, e in DAYS])
def test_a_period_in_days_ends(question: dict[str, Any], expected: str) -> None:
    due = count(**question)
    assert spoken(due.due_on) == expected, words(due)
    assert due.due_at == datetime.combine(due.due_on + timedelta(days=1), datetime.min.time(), tzinfo=BERLIN)
    assert not due.imprecise
    assert words(due)


MONTHS = [
    ("2027-01-31", 1, "Sun 2027-02-28", "Sun 2027-02-28"),
    ("2027-01-30", 1, "Sun 2027-02-28", "Sun 2027-02-28"),
    ("2027-01-29", 1, "Sun 2027-02-28", "Sun 2027-02-28"),
    ("2027-01-28", 1, "Sun 2027-02-28", "Sat 2027-02-27"),
    ("2028-01-31", 1, "Tue 2028-02-29", "Tue 2028-02-29"),
    ("2028-01-30", 1, "Tue 2028-02-29", "Tue 2028-02-29"),
    ("2028-01-29", 1, "Tue 2028-02-29", "Mon 2028-02-28"),
    ("2026-03-01", 1, "Wed 2026-04-01", "Tue 2026-03-31"),
    ("2026-03-31", 1, "Thu 2026-04-30", "Thu 2026-04-30"),
    ("2026-03-15", 1, "Wed 2026-04-15", "Tue 2026-04-14"),
    ("2026-12-31", 2, "Sun 2027-02-28", "Sun 2027-02-28"),
    ("2028-02-29", 12, "Wed 2029-02-28", "Wed 2029-02-28"),
    ("2026-01-15", 18, "Thu 2027-07-15", "Wed 2027-07-14"),
    ("2026-04-15", -1, "Sun 2026-03-15", "Mon 2026-03-16"),
    ("2026-03-31", -1, "Sat 2026-02-28", "Sun 2026-03-01"),
    ("2026-03-01", 0, "Sun 2026-03-01", "Sun 2026-03-01"),
]


@pytest.mark.parametrize(("start", "months", "excluded", "included"), MONTHS)
def test_months_end_on_the_same_number_or_the_last_day(
    start: str, months: int, excluded: str, included: str
) -> None:
    """BGB § 188(2) and (3); Reg. 1182/71 Art. 3(2)(c)."""
    assert spoken(count(start, months, "months").due_on) == excluded
    assert spoken(count(start, months, "months", INCLUSIVE).due_on) == included
    if months % 12 == 0:
        assert spoken(count(start, months // 12, "years").due_on) == excluded


REGULATION_CASES = [
    ("2026-04-02", 1, "days", "Tue 2026-04-07", "one day needs no two working days, Art. 3(5)"),
    ("2026-04-02", 2, "days", "Wed 2026-04-08", "two days hold two working days, Art. 3(5)"),
    ("2026-04-02", 1, "working_days", "Tue 2026-04-07", "one working day is one day"),
    ("2026-04-01", 1, "weeks", "Wed 2026-04-08", "the day of the event counts towards the minimum, C-171/03"),
    ("2026-04-03", 1, "weeks", "Fri 2026-04-10", "a week holds two working days anyway"),
    ("2026-03-03", 1, "months", "Tue 2026-04-07", "Good Friday to Easter Monday, Art. 3(4)"),
    (
        "2026-03-03",
        10,
        "working_days",
        "Tue 2026-03-17",
        "Art. 3(3): working days only if the period says so",
    ),
]


@pytest.mark.parametrize(("start", "amount", "unit", "expected", "why"), REGULATION_CASES)
def test_regulation_1182_71_counts(start: str, amount: int, unit: str, expected: str, why: str) -> None:
    due = count(start, amount, unit, REGULATION)
    assert spoken(due.due_on) == expected, f"{why}\n{words(due)}"


def test_a_week_in_which_nothing_is_worked_is_extended_to_two_working_days() -> None:
    closed = {date(2025, 12, 24) + timedelta(days=n): "office closed" for n in range(12)}
    office = WorkingCalendar("EC", holidays=closed)
    due = count("2025-12-24", 1, "weeks", REGULATION, calendar=office)
    assert spoken(due.due_on) == "Tue 2026-01-06"
    assert "minimum-extends" in codes(due)
    included = replace(REGULATION, count_start_day=True)
    assert spoken(count("2025-12-23", 1, "weeks", included, calendar=office).due_on) == "Mon 2026-01-05"
    assert spoken(count("2025-12-23", 1, "weeks", REGULATION, calendar=office).due_on) == "Mon 2026-01-05"


def test_a_minimum_without_rolling_ends_on_a_working_day() -> None:
    rule = CountingRule(min_working_days=2)
    assert spoken(count("2026-04-03", 2, "days", rule).due_on) == "Wed 2026-04-08"
    assert spoken(count("2026-04-08", -2, "days", rule).due_on) == "Mon 2026-04-06"
