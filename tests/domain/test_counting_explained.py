"""The reasons that come with a date, and the warnings."""

from datetime import date, timedelta

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import RULES, CountingRule
from tests.builders.counting import FORWARD, LAW, REGULATION, WORKING, codes, count, words


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
