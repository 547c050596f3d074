"""Ends of periods: case, question, expected day with its weekday, and the reasons given."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import RULES, CountingRule, Deadline, Period, deadline
from mla_tracker.domain.explanation import render
from mla_tracker.domain.vocabulary import Roll, Unit
from mla_tracker.domain.wording import TEMPLATES

BERLIN = ZoneInfo("Europe/Berlin")
GERMANY_2026 = WorkingCalendar(
    "DE",
    holidays={
        date(2026, 1, 1): "New Year's Day",
        date(2026, 4, 3): "Good Friday",
        date(2026, 4, 6): "Easter Monday",
        date(2026, 5, 1): "Labour Day",
        date(2026, 5, 14): "Ascension Day",
        date(2026, 12, 25): "Christmas Day",
        date(2026, 12, 26): "",
    },
)
PLAIN = WorkingCalendar("inline")
LAW = RULES["calendar"]
REGULATION = RULES["eu-1182-71"]
FORWARD = RULES["roll-forward"]
INCLUSIVE = RULES["inclusive"]
INSTANTS = RULES["instants"]
WORKING = RULES["working-days"]


def count(
    start: str,
    amount: int,
    unit: str,
    rule: CountingRule = LAW,
    *,
    calendar: WorkingCalendar = GERMANY_2026,
    zone: ZoneInfo = BERLIN,
    pauses: Sequence[tuple[str, str]] = (),
    plus: Sequence[tuple[int, str]] = (),
) -> Deadline:
    return deadline(
        moment(start),
        Period(amount, Unit(unit)),
        rule=rule,
        calendar=calendar,
        zone=zone,
        pauses=[(moment(since), moment(until)) for since, until in pauses],
        plus=[Period(more, Unit(other)) for more, other in plus],
    )


def moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def spoken(day: date) -> str:
    return f"{day:%a} {day.isoformat()}"


def codes(due: Deadline) -> list[str]:
    return [step.code for step in due.steps]


def words(due: Deadline) -> str:
    return "\n".join(render(step, TEMPLATES) for step in (*due.steps, *due.warnings))


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


# --- explanations


def test_a_rolled_end_names_every_day_it_passes() -> None:
    due = count("2026-03-03", 1, "months", REGULATION)
    assert codes(due) == [
        "event-day-excluded",
        "period-months",
        "falls-on-holiday",
        "falls-on-weekend",
        "falls-on-weekend",
        "falls-on-holiday",
        "rolled-forward",
        "due-on",
    ]
    assert "Friday 3 April 2026 is not a working day: Good Friday." in words(due)
    assert "Art. 3(4)" in words(due)


def test_a_limit_in_calendar_days_says_that_it_does_not_move() -> None:
    assert "does-not-roll" in codes(count("2026-03-03", 1, "months"))
    assert "does-not-roll" not in codes(count("2026-03-02", 1, "months"))


def test_a_holiday_without_a_name_is_a_public_holiday() -> None:
    due = count("2026-12-23", 3, "days", FORWARD)
    assert "Saturday 26 December 2026 is not a working day: public holiday." in words(due)


def test_working_days_name_the_holidays_they_pass() -> None:
    due = count("2026-04-01", 10, "working_days", WORKING)
    skipped = [step.args["name"] for step in due.steps if step.code == "holiday-skipped"]
    assert skipped == ["Good Friday", "Easter Monday"]


def test_a_long_count_sums_up_its_holidays() -> None:
    fridays = {date(2026, 1, 2) + timedelta(weeks=n): "half-holiday" for n in range(52)}
    due = count("2026-01-01", 150, "working_days", calendar=WorkingCalendar("X", holidays=fridays))
    assert [step.args["number"] for step in due.steps if step.code == "holidays-skipped"] == [38]


def test_a_short_month_says_why_it_ends_on_its_last_day() -> None:
    assert "month-without-day" in codes(count("2026-01-31", 1, "months"))


def test_opening_hours_that_were_assumed_are_said_to_be() -> None:
    assert "office-hours-assumed" in codes(count("2026-03-02T10:00:00+01:00", 1, "working_hours"))


def test_the_source_of_a_rule_is_named_once_and_where_it_rolls() -> None:
    due = count("2026-03-03", 1, "months", FORWARD)
    assert [step.code for step in due.steps if step.source] == ["event-day-excluded", "rolled-forward"]


def test_every_rule_has_its_name_and_a_source() -> None:
    assert all(rule.name == name and rule.source for name, rule in RULES.items())
    assert set(RULES) == {"calendar", "eu-1182-71", "roll-forward", "inclusive", "instants", "working-days"}


# --- warnings

UKRAINE = WorkingCalendar(
    "UA", known_years=range(1991, 2037), years_without_holidays=frozenset(range(2023, 2037))
)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "rule", "years"),
    [
        ("2026-03-02", 10, "working_days", WORKING, "2026"),
        ("2022-12-28", 10, "working_days", WORKING, "2023"),
        ("2035-12-20", 300, "working_days", WORKING, "2035–2037"),
        ("2026-03-02", 60, "days", FORWARD, "2026"),
        ("2026-03-02T10:00:00+01:00", 9, "working_hours", LAW, "2026"),
        ("2026-03-07", 1, "days", CountingRule(shift_start=True), "2026"),
    ],
)
def test_a_year_without_known_holidays_is_a_warning(
    start: str, amount: int, unit: str, rule: CountingRule, years: str
) -> None:
    due = count(start, amount, unit, rule, calendar=UKRAINE)
    assert [(step.code, step.args["years"]) for step in due.warnings] == [("no-holidays-known", years)]


@pytest.mark.parametrize(
    ("start", "rule"), [("2026-03-02", LAW), ("2022-03-02", FORWARD), ("2022-03-02", WORKING)]
)
def test_a_calendar_that_does_not_matter_gives_no_warning(start: str, rule: CountingRule) -> None:
    assert count(start, 60, "days", rule, calendar=UKRAINE).warnings == ()


def test_an_estimated_holiday_that_moved_the_end_is_a_warning() -> None:
    feast = WorkingCalendar("MA", holidays={date(2026, 5, 27): "Eid al-Adha (estimated)"})
    due = count("2026-05-26", 1, "days", FORWARD, calendar=feast)
    assert [warning.code for warning in due.warnings] == ["holiday-estimated"]
    assert count("2026-05-26", 2, "days", FORWARD, calendar=feast).warnings == ()
    again = count("2026-05-25", 2, "working_days", calendar=feast, pauses=[("2026-05-26", "2026-05-27")])
    assert [warning.code for warning in again.warnings] == ["holiday-estimated"]
