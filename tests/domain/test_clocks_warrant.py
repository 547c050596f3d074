"""The clocks of the European arrest warrant: consent, immunity, decision, surrender, speciality."""

import pytest

from mla_tracker.domain.vocabulary import ClockState
from tests.builders.histories import (
    HistoryBuilder,
    a_warrant,
    spoken,
    words,
)

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
