"""An act on record twice: a warning where it says nothing new, silence where it does, never a refusal."""

import pytest

from mla_tracker.domain.repetitions import AFRESH, REPEATABLE, repeated_acts
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Act
from tests.builders.histories import HistoryBuilder, a_prosecution, a_request, a_warrant

ASKED = a_request().about("records", "video_hearing").sent("2026-03-02").received("2026-03-03")
HELD = a_warrant().received("2026-03-03").arrested("2026-03-04")
REFUSED = {"ground": "de_minimis"}

SAYS_NOTHING_NEW = [
    (ASKED.acknowledged("2026-03-04").acknowledged("2026-03-09"), "acknowledged"),
    (ASKED.sent("2026-03-05"), "sent"),
    (ASKED.received("2026-03-05"), "received"),
    (ASKED.received("2026-03-03"), "received"),
    (ASKED.received("2026-03-04", by="EC").received("2026-03-05", by="EC"), "received"),
    (ASKED.received("2026-03-05", documents=True).received("2026-03-06"), "received"),
    (ASKED.accepted("2026-03-04").accepted("2026-03-05"), "accepted"),
    (ASKED.accepted("2026-03-04").accepted("2026-03-05", items=[1]), "accepted"),
    (ASKED.accepted("2026-03-04", items=[1]).accepted("2026-03-05", items=[1]), "accepted"),
    (
        ASKED.accepted("2026-03-04", items=[1]).accepted("2026-03-05", items=[2]).accepted("2026-03-06"),
        "accepted",
    ),
    (ASKED.executed("2026-03-10").executed("2026-03-11"), "executed"),
    (ASKED.postponed("2026-03-10").postponed("2026-03-11"), "postponed"),
    (ASKED.postponed("2026-03-10").resumed("2026-03-11").resumed("2026-03-12"), "resumed"),
    (ASKED.refused("2026-03-10", **REFUSED).refused("2026-03-11", **REFUSED), "refused"),
    (HELD.arrested("2026-03-05"), "arrested"),
    (HELD.consent_given("2026-03-05").consent_given("2026-03-06"), "consent_given"),
    (HELD.decision_final("2026-04-01").decision_final("2026-04-02"), "decision_final"),
    (HELD.released("2026-03-05").released("2026-03-06"), "released"),
    (a_prosecution().received("2026-03-03").charged("2026-04-01").charged("2026-04-02"), "charged"),
]


@pytest.mark.parametrize(("history", "act"), SAYS_NOTHING_NEW)
def test_an_act_that_says_nothing_new_is_warned_of(history: HistoryBuilder, act: str) -> None:
    [step] = repeated_acts(history.judged())
    assert (step.code, step.args["act"]) == ("act-repeated", act)
    assert step in history.life().warnings
    assert list(repeated_acts(history.shuffled(3).judged())) == [step]


SAYS_SOMETHING_NEW = [
    (ASKED.reminded("2026-03-10").reminded("2026-03-20"), "one more reminder"),
    (ASKED.information_requested("2026-03-10").information_requested("2026-03-20"), "one more question"),
    (ASKED.received("2026-03-04", by="EC"), "the other side's word on the receipt"),
    (ASKED.received("2026-03-09", documents=True), "now with the documents"),
    (ASKED.received("2026-03-09", channel="post"), "by another channel"),
    (ASKED.accepted("2026-03-04", items=[1]).accepted("2026-03-05", items=[2]), "of another item"),
    (ASKED.accepted("2026-03-04", items=[1]).accepted("2026-03-05"), "of all, after one"),
    (ASKED.executed("2026-03-10", items=[1]).executed("2026-03-11", items=[2]), "of another item"),
    (ASKED.refused("2026-03-10", **REFUSED).refused("2026-03-11", ground="dual_criminality"), "on another ground"),
    (ASKED.postponed("2026-03-10").resumed("2026-03-11").postponed("2026-03-12"), "after it had resumed"),
    (
        ASKED.executed("2026-03-10").closed("2026-03-11").reopened("2026-03-12", reason="x").executed("2026-03-20"),
        "after a reopening",
    ),
    (HELD.released("2026-03-05").rearrested("2026-03-06").released("2026-03-07"), "after a new arrest"),
    (
        HELD.consent_given("2026-03-05").consent_withdrawn("2026-03-06").consent_given("2026-03-07"),
        "after it was withdrawn",
    ),
    (
        HELD.decision_final("2026-04-01")
        .surrender_date_agreed("2026-04-02", date="2026-04-09")
        .surrender_date_agreed("2026-04-10", date="2026-04-20"),
        "one more date",
    ),
    (ASKED.hearing_fixed("2026-03-10", date="2026-05-04").hearing_fixed("2026-03-11", date="2026-06-01"), "moved"),
]  # fmt: skip


@pytest.mark.parametrize(("history", "reason"), SAYS_SOMETHING_NEW)
def test_an_act_that_says_something_new_is_not(history: HistoryBuilder, reason: str) -> None:
    assert list(repeated_acts(history.judged())) == [], reason


def test_the_warning_names_the_act_and_both_days() -> None:
    [step] = repeated_acts(ASKED.acknowledged("2026-03-04").acknowledged("2026-03-09").case())
    assert sentence(step) == (
        "The act acknowledged of Monday 9 March 2026 says nothing that acknowledged of Wednesday 4 March 2026 had not "
        "said. Void one of the two if it was recorded twice."
    )


def test_no_act_is_both_always_news_and_news_only_after_another() -> None:
    assert REPEATABLE.isdisjoint(AFRESH)
    assert set(AFRESH) | REPEATABLE < set(Act)
