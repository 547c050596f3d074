"""The clocks of extradition: provisional arrest, collection, our policy, limits for those who consent."""

import pytest

from mla_tracker.domain.limits import Conditions, Span, Trigger
from mla_tracker.domain.vocabulary import Act, ClockState, Effect, Stage, Unit
from tests.builders.histories import (
    HistoryBuilder,
    a_limit,
    a_request,
    a_warrant,
    an_extradition,
    spoken,
)

PENDING, RUNNING, PAUSED = ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED
MET, LATE, GONE = ClockState.MET, ClockState.MET_LATE, ClockState.CANCELLED

# Provisional arrest: eighteen and forty days for the formal request with its documents (ETS 24 Art. 16(4)).

SOUGHT = an_extradition().provisional_arrest_requested("2026-03-02")
ARRESTED = SOUGHT.provisionally_arrested("2026-03-03")
PROVISIONAL = [
    (ARRESTED, RUNNING, RUNNING, "18 and 40 days"),
    (ARRESTED.sent("2026-03-10"), RUNNING, RUNNING, "sending stops nothing"),
    (ARRESTED.sent("2026-03-10").received("2026-03-12"), RUNNING, RUNNING, "nor receipt without documents"),
    (
        ARRESTED.sent("2026-03-10").received("2026-03-12", documents=False),
        RUNNING,
        RUNNING,
        "nor receipt that says so",
    ),
    (ARRESTED.sent("2026-03-10").received("2026-03-21", documents=True), MET, MET, "on the 18th day"),
    (ARRESTED.sent("2026-03-10").received("2026-03-22", documents=True), LATE, MET, "between the two"),
    (ARRESTED.sent("2026-03-10").received("2026-04-13", documents=True), LATE, LATE, "after both"),
    (
        SOUGHT.sent("2026-03-02").received("2026-03-02", documents=True).provisionally_arrested("2026-03-03"),
        MET,
        MET,
        "received before the arrest: there is nothing to wait for",
    ),
    (
        SOUGHT.sent("2026-03-02")
        .received("2026-03-02", documents=True)
        .provisionally_arrested("2026-03-03")
        .received("2026-05-04", documents=True),
        MET,
        MET,
        "a second set of documents makes it no later",
    ),
    (ARRESTED.released("2026-03-10"), GONE, GONE, "release ends what would have lapsed"),
    (
        ARRESTED.released("2026-03-10").sent("2026-03-10").received("2026-03-12", documents=True),
        GONE,
        GONE,
        "released before the request came",
    ),
    (ARRESTED.withdrawn("2026-03-10"), GONE, GONE, "withdrawn"),
]


@pytest.mark.parametrize(("history", "may", "shall", "source"), PROVISIONAL)
def test_the_formal_request_after_a_provisional_arrest(
    history: HistoryBuilder, may: ClockState, shall: ClockState, source: str
) -> None:
    after_18, after_40 = (
        history.clock("ets24-provisional-arrest-may"),
        history.clock("ets24-provisional-arrest-shall"),
    )
    assert (spoken(after_18.due_on), spoken(after_40.due_on)) == ("Sat 2026-03-21", "Sun 2026-04-12")
    assert (after_18.state, after_40.state) == (may, shall), source


def test_each_provisional_arrest_has_a_clock_of_its_own() -> None:
    again = ARRESTED.released("2026-03-10").provisionally_arrested("2026-03-20")
    clocks = again.clocks()
    first, second = (clocks[f"ets24-provisional-arrest-may:provisionally_arrested-{n}"] for n in (1, 2))
    assert (first.state, second.state) == (GONE, RUNNING)
    assert spoken(second.due_on) == "Tue 2026-04-07"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"by": "MD"}, MET),
        ({"by": "ES"}, MET),
    ],
)
def test_either_side_may_say_that_the_documents_came(said: dict[str, str], state: ClockState) -> None:
    history = ARRESTED.sent("2026-03-10").received("2026-03-12", documents=True, **said)
    assert history.clock("ets24-provisional-arrest-may").state is state


def test_what_the_receiver_says_of_the_documents_prevails() -> None:
    claimed = ARRESTED.sent("2026-03-10").received("2026-03-12", by="MD", documents=True)
    denied = claimed.received("2026-03-12", documents=False)
    assert denied.clock("ets24-provisional-arrest-may").state is RUNNING
    came_later = claimed.received("2026-03-23", documents=True)
    assert came_later.clock("ets24-provisional-arrest-may").state is LATE
    other_letter = ARRESTED.received("2026-03-03", documents=False).sent("2026-03-10")
    assert (
        other_letter.received("2026-03-12", by="MD", documents=True)
        .clock("ets24-provisional-arrest-may")
        .state
        is MET
    )


# Collection: fifteen and thirty days from the date appointed (ETS 24 Art. 18(4)-(5)).

GRANTED = an_extradition().sent("2026-03-02").received("2026-03-03").decision_final("2026-04-01")
APPOINTED = GRANTED.surrender_date_agreed("2026-04-02", date="2026-04-08")


@pytest.mark.parametrize(
    ("history", "state", "may", "shall"),
    [
        (APPOINTED, RUNNING, "Thu 2026-04-23", "Fri 2026-05-08"),
        (
            APPOINTED.surrender_date_agreed("2026-04-08", date="2026-04-15"),
            RUNNING,
            "Thu 2026-04-30",
            "Fri 2026-05-15",
        ),
        (APPOINTED.surrendered("2026-04-08"), MET, "Thu 2026-04-23", "Fri 2026-05-08"),
        (APPOINTED.released("2026-04-24"), GONE, "Thu 2026-04-23", "Fri 2026-05-08"),
        (
            APPOINTED.released("2026-04-24").surrender_date_agreed("2026-05-04", date="2026-05-11"),
            RUNNING,
            "Tue 2026-05-26",
            "Wed 2026-06-10",
        ),
    ],
)
def test_the_person_is_collected(history: HistoryBuilder, state: ClockState, may: str, shall: str) -> None:
    clocks = history.clocks()
    assert [spoken(clocks[f"ets24-collect-{tier}"].due_on) for tier in ("may", "shall")] == [may, shall]
    assert clocks["ets24-collect-may"].state is state


def test_without_a_limit_in_the_convention_our_policy_asks_for_decision_and_surrender() -> None:
    asked = an_extradition().sent("2026-03-02").received("2026-03-03")
    assert asked.due("default-extradition-decide") == "Sat 2026-05-02"
    assert asked.clock("default-extradition-surrender").state is PENDING
    denied = asked.decision_final("2026-04-01", granted=False)
    assert denied.clock("default-extradition-decide").state is MET
    assert denied.clock("default-extradition-surrender").state is PENDING
    assert asked.granted("2026-04-01").due("default-extradition-surrender") == "Fri 2026-05-01"


# A limit made for those who consent has nothing to say of the others.


def test_a_limit_for_those_who_consent_does_not_displace_the_policy_for_those_who_do_not() -> None:
    simplified = a_limit(
        "simplified",
        "20 days",
        kinds=frozenset({a_warrant().kind}),
        stage=Stage.SURRENDER,
        effect=Effect.DEADLINE,
        starts_on=(Trigger(Act.DECISION_NOTIFIED),),
        stops_on=(Trigger(Act.SURRENDERED),),
        conditions=Conditions(consent=True),
        warning_lead=Span(3, Unit.DAYS),
        country="MA",
    )
    asked = (
        a_request().of_kind("extradition").with_limits(simplified).sent("2026-03-02").received("2026-03-03")
    )
    decided = asked.decision_final("2026-04-01").decision_notified("2026-04-02")
    assert decided.clock("simplified").state is PENDING
    assert decided.due("default-extradition-surrender") == "Fri 2026-05-01"
    consenting = (
        asked.consent_given("2026-03-20").decision_final("2026-04-01").decision_notified("2026-04-02")
    )
    assert consenting.due("simplified") == "Wed 2026-04-22"
    assert "default-extradition-surrender" not in consenting.clocks()
