"""In time or late: the last day, its last instant where it is counted, hours, summer time, the ends of February."""

from datetime import UTC, datetime

import pytest

from mla_tracker.domain.clocks import Clock, state_at
from mla_tracker.domain.limits import Span, Trigger
from mla_tracker.domain.vocabulary import Act, ClockState, Effect, Obligor, Stage, Unit
from tests.builders.histories import (
    HistoryBuilder,
    a_limit,
    a_request,
    a_warrant,
    an_extradition,
    an_order,
    spoken,
    words,
)

MET, LATE, RUNNING = ClockState.MET, ClockState.MET_LATE, ClockState.RUNNING


def at(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


def seen(clock: Clock, now: str) -> ClockState:
    return state_at(clock.state, clock.limit.effect, clock.due_at, at(now))


ORDER = an_order().received("2026-03-03")
LAST_DAY = [
    # the history, the limit, its last day, what it came to, the source
    (ORDER, "eio-acknowledge", "Tue 2026-03-10", RUNNING, "Directive 2014/41 Art. 16(1)"),
    (ORDER.acknowledged("2026-03-10"), "eio-acknowledge", "Tue 2026-03-10", MET, "on the last day"),
    (ORDER.acknowledged("2026-03-11"), "eio-acknowledge", "Tue 2026-03-10", LATE, "on the day after"),
    (
        ORDER.acknowledged("2026-03-10T23:59:59+01:00"),
        "eio-acknowledge",
        "Tue 2026-03-10",
        MET,
        "in its last second in Madrid, which is the day after in Helsinki",
    ),
    (
        ORDER.acknowledged("2026-03-11T00:00:00+01:00"),
        "eio-acknowledge",
        "Tue 2026-03-10",
        LATE,
        "at the midnight that ends it",
    ),
    (an_order().received("2026-03-05"), "eio-acknowledge", "Thu 2026-03-12", RUNNING, "Thursday to Thursday"),
    (an_order().received("2026-03-04"), "eio-decide", "Fri 2026-04-03", RUNNING, "Good Friday: no roll"),
    (ORDER.accepted("2026-04-02"), "eio-decide", "Thu 2026-04-02", MET, "Directive 2014/41 Art. 12(3)"),
    (ORDER.accepted("2026-04-03"), "eio-decide", "Thu 2026-04-02", LATE, "Directive 2014/41 Art. 12(3)"),
    (
        an_order().received("2028-01-30"),
        "eio-decide",
        "Tue 2028-02-29",
        RUNNING,
        "a leap year has a 29 February",
    ),
    (an_order().received("2027-01-30"), "eio-decide", "Mon 2027-03-01", RUNNING, "and another year has none"),
    (
        an_order().received("2028-02-29"),
        "eio-decide",
        "Thu 2028-03-30",
        RUNNING,
        "begun on 29 February",
    ),
    (
        a_request().sent("2026-03-02"),
        "default-receive",
        "Mon 2026-03-16",
        RUNNING,
        "default policy: 10 working days",
    ),
    (
        a_request().with_holidays("MA", "2026-03-11").sent("2026-03-02"),
        "default-receive",
        "Tue 2026-03-17",
        RUNNING,
        "a holiday of the country whose duty it is",
    ),
    (
        a_request().with_holidays("EC", "2026-03-11").sent("2026-03-02"),
        "default-receive",
        "Mon 2026-03-16",
        RUNNING,
        "a holiday of the other country is none",
    ),
    (
        a_warrant().received("2028-01-01").arrested("2028-01-01"),
        "eaw-decide",
        "Wed 2028-03-01",
        RUNNING,
        "60 days over a 29 February",
    ),
]


@pytest.mark.parametrize(("history", "limit", "due", "state", "source"), LAST_DAY)
def test_the_last_day_is_in_time_to_its_last_instant(
    history: HistoryBuilder, limit: str, due: str, state: ClockState, source: str
) -> None:
    clock = history.clock(limit)
    assert (spoken(clock.due_on), clock.state) == (due, state), source


def test_a_running_clock_reads_overdue_from_the_midnight_that_ends_the_last_day_where_it_is_counted() -> None:
    clock = ORDER.clock("eio-acknowledge")
    assert clock.due_at == at("2026-03-11T00:00+01:00")
    assert seen(clock, "2026-03-10T23:59:59+01:00") is RUNNING
    assert seen(clock, "2026-03-11T00:00+01:00") is ClockState.OVERDUE


def test_the_end_of_custody_reads_expired_and_a_time_not_to_act_before_reads_nothing() -> None:
    arrest = an_extradition().provisional_arrest_requested("2026-03-02").provisionally_arrested("2026-03-03")
    assert seen(arrest.clock("ets24-provisional-arrest-may"), "2026-03-22T12:00+01:00") is ClockState.EXPIRED
    waiting = a_request().with_limits(a_limit(effect=Effect.NOT_BEFORE)).received("2026-03-03")
    assert seen(waiting.clock("test-limit"), "2027-01-01T00:00+00:00") is RUNNING
    assert waiting.clock("test-limit").checks == ()
    assert (
        state_at(ClockState.PENDING, Effect.DEADLINE, None, at("2026-01-01T00:00+00:00"))
        is ClockState.PENDING
    )


def test_what_came_before_its_time_is_told() -> None:
    waiting = a_request().with_limits(a_limit(effect=Effect.NOT_BEFORE)).received("2026-03-03")
    early = waiting.accepted("2026-04-02").clock("test-limit")
    assert early.state is MET
    assert "came before its time" in words(early.steps)
    assert "came before its time" not in words(waiting.accepted("2026-04-03").clock("test-limit").steps)


# Where it is counted: the country whose duty it is or, of custody, where the person is held.


def test_an_arrest_in_madrid_at_three_in_the_morning_is_counted_in_madrid() -> None:
    sought = an_extradition().in_zones(requesting="America/Guayaquil")
    held = sought.provisional_arrest_requested("2026-03-02").provisionally_arrested("2026-03-03T03:00+01:00")
    assert held.due("ets24-provisional-arrest-may") == "Sat 2026-03-21"
    assert held.clock("ets24-provisional-arrest-may").due_at == at("2026-03-22T00:00+01:00")


def test_a_duty_of_quito_begins_on_the_day_it_was_there() -> None:
    asked = (a_request().between("EC", "ES").sent("2026-02-02").received("2026-02-20")).information_requested(
        "2026-03-03T03:00+01:00"
    )
    clock = asked.clock("default-supply-information")
    assert (spoken(clock.started_on), spoken(clock.due_on)) == ("Mon 2026-03-02", "Wed 2026-04-01")
    assert clock.due_at == at("2026-04-02T00:00-05:00")
    in_time = asked.information_supplied("2026-04-01T23:30-05:00")
    assert in_time.clock("default-supply-information").state is MET
    assert (
        asked.information_supplied("2026-04-02T00:00-05:00").clock("default-supply-information").state is LATE
    )


def test_a_bare_date_is_the_day_where_the_act_took_place_and_counts_as_it_stands() -> None:
    asked = a_request().between("EC", "ES").sent("2026-02-02").received("2026-02-20")
    assert asked.information_requested("2026-03-03").due("default-supply-information") == "Thu 2026-04-02"


# Hours run from instant to instant.

MEASURE = an_order().about("provisional_measure")
HOURS = [
    ("2026-03-03T15:30+01:00", "2026-03-04T15:30+01:00", False),
    ("2026-03-28T15:30+01:00", "2026-03-29T16:30+02:00", False),  # the night that loses an hour
    ("2026-10-24T15:30+02:00", "2026-10-25T14:30+01:00", False),  # the night that has one more
    ("2026-03-03", "2026-03-04T00:00+01:00", True),
    ("2026-03-29", "2026-03-30T01:00+02:00", True),  # a day of 23 hours
]


@pytest.mark.parametrize(("received", "due", "imprecise"), HOURS)
def test_twenty_four_hours_are_elapsed_hours(received: str, due: str, imprecise: bool) -> None:
    clock = MEASURE.received(received).clock("eio-provisional")
    assert clock.due_at == at(due)
    assert clock.imprecise is imprecise
    assert ("Only the date of the start is known" in words(clock.warnings)) is imprecise


def test_hours_end_at_the_instant_and_the_instant_itself_is_in_time() -> None:
    received = MEASURE.received("2026-03-03T15:30+01:00")
    assert received.accepted("2026-03-04T15:30+01:00").clock("eio-provisional").state is MET
    assert received.accepted("2026-03-04T15:31+01:00").clock("eio-provisional").state is LATE


def test_a_bare_date_of_the_act_is_taken_for_the_better_and_said_to_be_imprecise() -> None:
    received = MEASURE.received("2026-03-03T15:30+01:00")
    kept = received.accepted("2026-03-04").clock("eio-provisional")
    assert (kept.state, kept.imprecise) == (MET, True)
    assert received.accepted("2026-03-05").clock("eio-provisional").state is LATE
    by_days = received.accepted("2026-03-05").clock("eio-decide")
    assert not by_days.imprecise


def test_days_in_summer_time_end_at_the_midnight_of_the_new_time() -> None:
    order = a_request().between("FI", "ES").under("eio").sent("2026-02-20")
    clock = order.received("2026-02-27").clock("eio-decide")
    assert (spoken(clock.due_on), clock.due_at) == ("Sun 2026-03-29", datetime(2026, 3, 29, 22, tzinfo=UTC))


# A date on the request instead of a number.


def test_a_date_wished_for_is_the_goal_itself_and_is_never_flagged_as_overdue() -> None:
    wished = ORDER.wished("2026-04-05").clock("eio-requested-date")
    assert spoken(wished.due_on) == "Sun 2026-04-05"
    assert [check.kind.value for check in wished.checks] == ["warning"]


# Backwards: the hearing is fixed, and the act is due so long before.

BEFORE_HEARING = a_limit(
    "before-hearing",
    "-50 days",
    stage=Stage.SERVE,
    starts_on=(Trigger(Act.HEARING_FIXED, date_field="date"),),
    stops_on=(Trigger(Act.SUMMONS_SERVED),),
    warning_lead=Span(10, Unit.DAYS),
)


@pytest.mark.parametrize("counting", ["calendar", "roll-forward", "eu-1182-71"])
def test_a_period_counted_back_from_the_hearing_does_not_roll(counting: str) -> None:
    limit = a_limit(
        "before-hearing",
        "-50 days",
        **{
            name: getattr(BEFORE_HEARING, name) for name in ("stage", "starts_on", "stops_on", "warning_lead")
        },
        counting=counting,
    )
    history = a_request().with_limits(limit).sent("2026-03-02").received("2026-03-03")
    fixed = history.hearing_fixed("2026-03-10", date="2026-06-08")
    assert fixed.due("before-hearing") == "Sun 2026-04-19"
    assert fixed.summons_served("2026-04-19").clock("before-hearing").state is MET
    assert fixed.summons_served("2026-04-20").clock("before-hearing").state is LATE


def test_a_backward_clock_warns_before_its_end_and_not_on_the_day_of_the_hearing() -> None:
    fixed = a_request().with_limits(BEFORE_HEARING).sent("2026-03-02").received("2026-03-03")
    clock = fixed.hearing_fixed("2026-03-10", date="2026-06-08").clock("before-hearing")
    assert clock.due_at is not None
    warned, overdue = clock.checks
    assert (spoken(warned.at.date()), overdue.at) == ("Thu 2026-04-09", clock.due_at)


def test_a_backward_clock_does_not_stand_still() -> None:
    fixed = a_request().with_limits(BEFORE_HEARING).sent("2026-03-02").received("2026-03-03")
    postponed = fixed.hearing_fixed("2026-03-10", date="2026-06-08").postponed("2026-03-12")
    assert postponed.clock("before-hearing").state is RUNNING


# Warnings come before the end and never before the start; escalations after it.


def test_checks_stand_at_the_warning_the_end_and_the_days_after() -> None:
    clock = an_order().received("2026-03-03").clock("eio-decide")
    assert [(check.kind.value, check.level, spoken(check.at.date())) for check in clock.checks] == [
        ("warning", 0, "Thu 2026-03-26"),
        ("overdue", 0, "Thu 2026-04-02"),
        ("escalation", 1, "Thu 2026-04-09"),
        ("escalation", 2, "Sat 2026-05-02"),
    ]


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (Span(90, Unit.MINUTES), "2026-04-02T21:30+00:00"),
        (Span(6, Unit.HOURS), "2026-04-02T17:00+00:00"),
        (Span(1, Unit.WEEKS), "2026-03-26T23:00+00:00"),
        (Span(40, Unit.DAYS), "2026-03-03T00:00+00:00"),
    ],
)
def test_a_warning_leads_by_its_span_and_comes_no_earlier_than_the_start(lead: Span, expected: str) -> None:
    limit = a_limit(warning_lead=lead)
    clock = a_request().with_limits(limit).sent("2026-03-02").received("2026-03-03").clock("test-limit")
    assert clock.checks[0].at == at(expected)


def test_a_duty_of_a_provider_is_counted_where_the_provider_is_reached() -> None:
    limit = a_limit(obligor=Obligor.PROVIDER, counted_in=Obligor.PROVIDER)
    clock = a_request().with_limits(limit).sent("2026-03-02").received("2026-03-03").clock("test-limit")
    assert clock.counted_in_country == "MA"
