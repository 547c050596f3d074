"""Questions the engine refuses: each with a sentence and a pointer to the field, none with a crash."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import RULES, CountingRule, Period, deadline
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.vocabulary import Roll, Unit

EVERY_DAY_OFF = WorkingCalendar("inline", weekends=((date.min, frozenset(range(7))),))
ONE_MINUTE_A_WEEK = WorkingCalendar("inline", hours={0: ((0, 1),)})
PLAIN = WorkingCalendar("inline")
TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def refusal(
    start: date | datetime,
    amount: int,
    unit: str,
    *,
    rule: CountingRule = RULES["calendar"],
    calendar: WorkingCalendar = PLAIN,
    pauses: Sequence[tuple[date | datetime, date | datetime]] = (),
    plus: Sequence[Period] = (),
) -> str:
    with pytest.raises(InvalidEntry) as refused:
        deadline(
            start,
            Period(amount, Unit(unit)),
            rule=rule,
            calendar=calendar,
            zone=ZoneInfo("Europe/Madrid"),
            pauses=pauses,
            plus=plus,
        )
    [(pointer, sentence)] = refused.value.fields
    assert sentence == refused.value.detail
    assert sentence.endswith(".")
    return pointer


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("amount", [10**12, -(10**12), pytest.param(10**5000, id="five thousand digits")])
def test_a_period_of_absurd_length_is_refused(unit: str, amount: int) -> None:
    assert refusal(TODAY, amount, unit) == "/amount"


def test_a_second_period_of_absurd_length_is_refused_too() -> None:
    assert refusal(TODAY, 1, "days", plus=[Period(10**9, Unit.DAYS)]) == "/plus/amount"


@pytest.mark.parametrize(
    "unit", ["days", "weeks", "months", "years", "working_days", "hours", "working_hours"]
)
@pytest.mark.parametrize("day", [date(9998, 12, 20), date(2, 1, 10)])
def test_a_count_that_leaves_the_calendar_is_refused(unit: str, day: date) -> None:
    amount = 90 if day.year > 9000 else -90
    amount *= 24 if unit == "hours" else 1
    assert refusal(day, amount, unit) == "/amount"


@pytest.mark.parametrize(
    "start",
    [
        date.min,
        date.max,
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(2026, 3, 2, 12),  # noqa: DTZ001
    ],
)
def test_a_start_that_cannot_be_counted_from_is_refused(start: date | datetime) -> None:
    assert refusal(start, 1, "days") == "/start"


def test_a_pause_that_resumes_before_it_stops_is_refused() -> None:
    reversed_days = [(date(2026, 3, 3), date(2026, 3, 4)), (date(2026, 3, 9), date(2026, 3, 8))]
    assert refusal(TODAY, 10, "days", pauses=reversed_days) == "/pauses/1"
    within_a_day = [(datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2026, 3, 3, 11, tzinfo=UTC))]
    assert refusal(TODAY, 10, "days", pauses=within_a_day) == "/pauses/0"


def test_a_pause_must_be_countable_at_both_ends() -> None:
    assert refusal(TODAY, 10, "days", pauses=[(date.min, TODAY)]) == "/pauses/0/0"
    assert refusal(TODAY, 10, "days", pauses=[(TODAY, date.max)]) == "/pauses/0/1"


@pytest.mark.parametrize("unit", ["days", "months", "working_days", "hours", "working_hours"])
def test_a_pause_without_end_is_refused(unit: str) -> None:
    assert refusal(TODAY, 100, unit, pauses=[(date(2026, 3, 3), date(9990, 1, 1))]) == "/pauses/0"


@pytest.mark.parametrize("unit", ["working_days", "working_hours"])
@pytest.mark.parametrize("amount", [1, -1])
def test_a_calendar_without_a_working_day_never_ends_a_period(unit: str, amount: int) -> None:
    assert refusal(TODAY, amount, unit, calendar=EVERY_DAY_OFF) == "/amount"


@pytest.mark.parametrize(
    "rule",
    [
        CountingRule(roll=Roll.NEXT_WORKING_DAY),
        CountingRule(roll=Roll.PREVIOUS_WORKING_DAY),
        CountingRule(min_working_days=1),
        CountingRule(shift_start=True),
    ],
)
def test_a_rule_that_seeks_a_working_day_finds_none_in_such_a_calendar(rule: CountingRule) -> None:
    assert refusal(TODAY, 1, "days", rule=rule, calendar=EVERY_DAY_OFF) == "/amount"


def test_opening_hours_too_short_for_the_period_are_refused() -> None:
    assert refusal(NOON, 800_000, "working_hours", calendar=ONE_MINUTE_A_WEEK) == "/amount"


@pytest.mark.parametrize("amount", [1, -1])
def test_hours_at_the_very_edge_are_refused(amount: int) -> None:
    edge = datetime(9998, 12, 30, 23, 30, tzinfo=UTC) if amount > 0 else datetime(2, 1, 1, 0, 30, tzinfo=UTC)
    assert refusal(edge, amount * 24 * 3, "hours") == "/amount"
