"""The clocks of arrest warrant and extradition: consent, immunity, provisional arrest, surrender, speciality."""

import pytest

from mla_tracker.domain.vocabulary import ClockState
from tests.builders.histories import (
    HistoryBuilder,
    a_limit,
    a_request,
    a_warrant,
    an_extradition,
    spoken,
    words,
)

from mla_tracker.domain.limits import Conditions, Span, Trigger  # isort: skip
from mla_tracker.domain.vocabulary import Act, Effect, Stage, Unit  # isort: skip

PENDING, RUNNING, PAUSED = ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED
MET, LATE, GONE = ClockState.MET, ClockState.MET_LATE, ClockState.CANCELLED

HELD = a_warrant().received("2026-03-03").arrested("2026-03-03")
CONSENTS = HELD.consent_given("2026-03-05")

# What the person says decides which of the two limits for the decision runs (FD 2002/584/JHA Arts 13, 17, 20).
DECIDING = [
    # the history; with consent: state, due; without: state, due; the source
    (a_warrant().received("2026-03-03"), (PENDING, "-"), (PENDING, "-"), "nothing runs before the arrest"),
    (HELD, (PENDING, "-"), (RUNNING, "Sat 2026-05-02"), "Art. 17(3): 60 days after the arrest"),
    (CONSENTS, (RUNNING, "Sun 2026-03-15"), (GONE, "Sat 2026-05-02"), "Art. 17(2): 10 days after consent"),
    (
        HELD.consent_given("2026-03-05", revocable=True),
        (PENDING, "-"),
        (RUNNING, "Sat 2026-05-02"),
        "Art. 13(4): consent that may be revoked does not count",
    ),
    (
        CONSENTS.consent_withdrawn("2026-03-09"),
        (GONE, "Sun 2026-03-15"),
        (RUNNING, "Sat 2026-05-02"),
        "withdrawn: the sixty days revive with their original start",
    ),
    (
        CONSENTS.consent_withheld("2026-03-09"),
        (GONE, "Sun 2026-03-15"),
        (RUNNING, "Sat 2026-05-02"),
        "withheld later",
    ),
    (HELD.consent_withheld("2026-03-05"), (PENDING, "-"), (RUNNING, "Sat 2026-05-02"), "withheld"),
    (
        CONSENTS.consent_withdrawn("2026-03-09").consent_given("2026-03-12"),
        (RUNNING, "Sun 2026-03-22"),
        (GONE, "Sat 2026-05-02"),
        "given anew: ten days from then",
    ),
    (
        CONSENTS.consent_given("2026-03-12"),
        (RUNNING, "Sun 2026-03-15"),
        (GONE, "Sat 2026-05-02"),
        "said twice: nothing new",
    ),
    (
        HELD.consent_given("2026-03-05", revocable=True).consent_given("2026-03-12"),
        (RUNNING, "Sun 2026-03-22"),
        (GONE, "Sat 2026-05-02"),
        "revocable at first: ten days from the consent that counts",
    ),
    (
        CONSENTS.decision_final("2026-03-13"),
        (MET, "Sun 2026-03-15"),
        (GONE, "Sat 2026-05-02"),
        "decided with consent: one limit was kept, not two",
    ),
    (
        CONSENTS.decision_final("2026-03-13").consent_withdrawn("2026-03-20"),
        (MET, "Sun 2026-03-15"),
        (GONE, "Sat 2026-05-02"),
        "withdrawn after the decision: it rested on the consent",
    ),
    (
        CONSENTS.consent_withdrawn("2026-03-09").decision_final("2026-04-20"),
        (GONE, "Sun 2026-03-15"),
        (MET, "Sat 2026-05-02"),
        "decided without consent",
    ),
    (
        HELD.decision_final("2026-04-20").consent_given("2026-04-22"),
        (PENDING, "-"),
        (MET, "Sat 2026-05-02"),
        "consent after the decision",
    ),
    (
        HELD.immunity_waived("2026-03-10"),
        (PENDING, "-"),
        (RUNNING, "Sat 2026-05-09"),
        "Art. 20(1): from the waiver",
    ),
    (
        a_warrant().received("2026-03-03").immunity_waived("2026-03-03").arrested("2026-03-10"),
        (PENDING, "-"),
        (RUNNING, "Sat 2026-05-09"),
        "waived before the arrest: from the arrest",
    ),
    (
        CONSENTS.immunity_waived("2026-03-10"),
        (RUNNING, "Fri 2026-03-20"),
        (GONE, "Sat 2026-05-09"),
        "waived after the consent: from the waiver",
    ),
    (
        HELD.immunity_waived("2026-03-10").consent_given("2026-03-12"),
        (RUNNING, "Sun 2026-03-22"),
        (GONE, "Sat 2026-05-09"),
        "waived before the consent: from the consent",
    ),
    (
        HELD.released("2026-03-10").rearrested("2026-03-20").arrested("2026-03-20"),
        (PENDING, "-"),
        (RUNNING, "Sat 2026-05-02"),
        "a second arrest does not begin the sixty days anew",
    ),
    (
        HELD.refused("2026-03-20", ground="nationality"),
        (GONE, "-"),
        (MET, "Sat 2026-05-02"),
        "a refusal decides",
    ),
    (
        HELD.surrendered("2026-05-04"),
        (GONE, "-"),
        (LATE, "Sat 2026-05-02"),
        "surrendered, and no decision on record",
    ),
]


@pytest.mark.parametrize(("history", "consenting", "not_consenting", "source"), DECIDING)
def test_the_decision_on_a_warrant(
    history: HistoryBuilder,
    consenting: tuple[ClockState, str],
    not_consenting: tuple[ClockState, str],
    source: str,
) -> None:
    clocks = history.clocks()
    for limit, expected in (("eaw-decide-consent", consenting), ("eaw-decide", not_consenting)):
        assert (clocks[limit].state, spoken(clocks[limit].due_on)) == expected, f"{limit}: {source}"


def test_extended_once_by_thirty_days_the_sixty_become_ninety() -> None:
    extended = HELD.extended("2026-04-30", stage="decide", reason="appeal", days=30)
    assert extended.due("eaw-decide") == "Mon 2026-06-01"
    assert extended.clock("eaw-decide-consent").state is PENDING


# Surrender: ten days from the final decision, and ten from a newly agreed date (FD 2002/584/JHA Art. 23).

FINAL = HELD.decision_final("2026-04-01")
SURRENDER = [
    (HELD, PENDING, "-", "no decision yet"),
    (
        HELD.decision_final("2026-04-01", granted=False),
        PENDING,
        "-",
        "a decision that denies begins no surrender",
    ),
    (FINAL, RUNNING, "Sat 2026-04-11", "Art. 23(2)"),
    (FINAL.surrendered("2026-04-11"), MET, "Sat 2026-04-11", "on the last day"),
    (FINAL.surrendered("2026-04-12"), LATE, "Sat 2026-04-11", "on the day after"),
    (
        FINAL.surrender_date_agreed("2026-04-02", date="2026-04-08"),
        RUNNING,
        "Sat 2026-04-11",
        "the first date, within the ten days, is the ordinary one",
    ),
    (
        FINAL.surrender_date_agreed("2026-04-10", date="2026-04-15"),
        RUNNING,
        "Sat 2026-04-25",
        "Art. 23(3): a date past the ten days is new",
    ),
    (
        FINAL.surrender_date_agreed("2026-04-02", date="2026-04-08").surrender_date_agreed(
            "2026-04-08", date="2026-04-10"
        ),
        RUNNING,
        "Mon 2026-04-20",
        "a second date is new",
    ),
    (
        FINAL.surrender_date_agreed("2026-04-02", date="2026-04-08")
        .surrender_date_agreed("2026-04-08", date="2026-04-20")
        .surrender_date_agreed("2026-04-20", date="2026-05-04"),
        RUNNING,
        "Thu 2026-05-14",
        "and a third",
    ),
    (FINAL.postponed("2026-04-03", ground="humanitarian"), PAUSED, "Sat 2026-04-11", "Art. 23(4)"),
    (
        FINAL.postponed("2026-04-03", ground="humanitarian").resumed("2026-04-10"),
        RUNNING,
        "Sat 2026-04-18",
        "it stood still for seven days",
    ),
    (
        FINAL.postponed("2026-04-03").surrender_date_agreed("2026-04-06", date="2026-04-08"),
        RUNNING,
        "Sat 2026-04-18",
        "Art. 23(4): the date agreed after a postponement is new, near as it is",
    ),
    (FINAL.postponed("2026-04-12"), RUNNING, "Sat 2026-04-11", "too late to stop anything"),
    (
        FINAL.surrendered("2026-04-10").surrender_date_agreed("2026-04-12", date="2026-05-01"),
        MET,
        "Sat 2026-04-11",
        "a date agreed after the surrender changes nothing",
    ),
    (FINAL.temporarily_surrendered("2026-04-08"), PAUSED, "Sat 2026-04-11", "Art. 24(2)"),
]


@pytest.mark.parametrize(("history", "state", "due", "source"), SURRENDER)
def test_surrender_under_a_warrant(history: HistoryBuilder, state: ClockState, due: str, source: str) -> None:
    clock = history.clock("eaw-surrender")
    assert (clock.state, spoken(clock.due_on)) == (state, due), source


def test_an_agreed_date_says_from_when_the_period_runs_anew() -> None:
    clock = FINAL.surrender_date_agreed("2026-04-10", date="2026-04-15").clock("eaw-surrender")
    assert (
        "On Friday 10 April 2026 a new date was agreed: the period runs anew from Wednesday 15 April 2026."
        in words(clock.steps)
    )


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


# Consent of the other state to further prosecution, and what outlives the end of the request.


def test_each_request_to_lift_speciality_is_answered_by_its_own_decision() -> None:
    gone = FINAL.surrendered("2026-04-08").closed("2026-04-09")
    asked = gone.speciality_consent_requested("2026-05-04").speciality_consent_requested("2026-05-11")
    answered = asked.speciality_consent_decided(
        "2026-05-20", granted=True, in_reply_to="speciality_consent_requested-2"
    )
    clocks = answered.clocks()
    first, second = (clocks[f"eaw-speciality-consent:speciality_consent_requested-{n}"] for n in (1, 2))
    assert (first.state, spoken(first.due_on)) == (RUNNING, "Wed 2026-06-03")
    assert (second.state, spoken(second.due_on)) == (MET, "Wed 2026-06-10")


def test_forty_five_days_after_discharge_speciality_ends_where_the_person_was_tried() -> None:
    discharged = FINAL.surrendered("2026-04-08").closed("2026-04-09").finally_discharged("2026-09-01")
    clock = discharged.clock("eaw-speciality-45")
    assert (clock.state, spoken(clock.due_on), clock.counted_in_country) == (RUNNING, "Fri 2026-10-16", "FI")


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
