"""The legal order of acts: that in which they happened, however they were recorded."""

import pytest

from tests.builders.histories import HistoryBuilder, a_request, a_warrant

SENT = a_request().sent("2026-03-02")
ASKED = SENT.received("2026-03-03")


def order_of(history: HistoryBuilder) -> list[str]:
    return [event.id for event in history.case().history]


# One day, several acts: by instant, else by rank, else by turns, else by content.

ONE_DAY = [
    (ASKED.accepted("2026-03-03"), "sent-1 received-1 accepted-1", "by rank"),
    (
        SENT.accepted("2026-03-03").received("2026-03-03T15:00+00:00"),
        "sent-1 received-1 accepted-1",
        "a bare date after the instant of what ranks before it",
    ),
    (
        SENT.received("2026-03-03").accepted("2026-03-03T15:00+00:00"),
        "sent-1 received-1 accepted-1",
        "a bare date before the instant of what ranks after it",
    ),
    (
        SENT.received("2026-03-03T12:00+00:00").acknowledged("2026-03-03T10:00+00:00"),
        "sent-1 acknowledged-1 received-1",
        "instants go before rank",
    ),
    (
        ASKED.accepted("2026-03-05T10:00+00:00").acknowledged("2026-03-04").executed("2026-03-05"),
        "sent-1 received-1 acknowledged-1 accepted-1 executed-1",
        "bare dates between instants of other days",
    ),
    (
        ASKED.closed("2026-03-10", outcome="lapsed").reopened("2026-03-10", reason="x"),
        "sent-1 received-1 closed-1 reopened-1",
        "closed and reopened on one day",
    ),
    (
        ASKED.closed("2026-03-09", outcome="lapsed")
        .reopened("2026-03-10", reason="x")
        .closed("2026-03-10", outcome="lapsed"),
        "sent-1 received-1 closed-1 reopened-1 closed-2",
        "closed before: reopened and closed again on one day",
    ),
    (
        ASKED.closed("2026-03-10", outcome="lapsed")
        .reopened("2026-03-10", reason="x")
        .closed("2026-03-10", outcome="refused"),
        "sent-1 received-1 closed-1 reopened-1 closed-2",
        "closed, reopened and closed again, all on one day",
    ),
    (
        ASKED.closed("2026-03-09", outcome="lapsed")
        .reopened("2026-03-10", reason="x")
        .closed("2026-03-10T17:00-05:00", outcome="lapsed"),
        "sent-1 received-1 closed-1 reopened-1 closed-2",
        "the closing at an instant",
    ),
    (
        ASKED.closed("2026-03-09", outcome="lapsed")
        .reopened("2026-03-10T09:00-05:00", reason="x")
        .closed("2026-03-10", outcome="lapsed"),
        "sent-1 received-1 closed-1 reopened-1 closed-2",
        "the reopening at an instant",
    ),
    (
        ASKED.information_requested("2026-03-05")
        .information_supplied("2026-03-10")
        .information_requested("2026-03-10"),
        "sent-1 received-1 information_requested-1 information_supplied-1 information_requested-2",
        "answered, and asked again",
    ),
    (
        ASKED.postponed("2026-03-05").resumed("2026-03-10").postponed("2026-03-10").resumed("2026-03-10"),
        "sent-1 received-1 postponed-1 resumed-1 postponed-2 resumed-2",
        "resumed, postponed and resumed",
    ),
    (
        ASKED.postponed("2026-03-05").resumed("2026-03-08").postponed("2026-03-10").resumed("2026-03-10"),
        "sent-1 received-1 postponed-1 resumed-1 postponed-2 resumed-2",
        "it had resumed before",
    ),
    (
        a_warrant()
        .received("2026-03-02")
        .arrested("2026-03-03")
        .released("2026-03-10")
        .rearrested("2026-03-10"),
        "sent-1 received-1 arrested-1 released-1 rearrested-1",
        "released and arrested again",
    ),
]


@pytest.mark.parametrize(("history", "expected", "reason"), ONE_DAY)
def test_acts_stand_in_the_order_in_which_they_happened(
    history: HistoryBuilder, expected: str, reason: str
) -> None:
    assert order_of(history) == expected.split(), reason
    assert order_of(history.shuffled(1)) == expected.split(), reason


def test_what_is_equal_stands_by_what_it_says_never_by_when_it_was_recorded() -> None:
    one = ASKED.refused("2026-03-10", ground="de_minimis").refused("2026-03-10", ground="dual_criminality")
    other = ASKED.refused("2026-03-10", ground="dual_criminality").refused("2026-03-10", ground="de_minimis")
    told = [[event.data.get("ground") for event in history.case().history] for history in (one, other)]
    assert told[0] == told[1] == [None, None, "de_minimis", "dual_criminality"]


def test_a_day_in_one_country_and_an_instant_of_the_other_stand_by_their_own_days() -> None:
    asked = a_request().between("EC", "ES").sent("2026-03-02")
    history = asked.received("2026-03-03T03:00+01:00").reminded("2026-03-02")
    assert order_of(history) == ["sent-1", "reminded-1", "received-1"]


@pytest.mark.parametrize("answered", ["information_requested-1", "information_requested-2"])
def test_of_two_like_questions_of_one_day_the_one_that_was_answered_comes_first(answered: str) -> None:
    """Else the day on which the other was answered would depend on which of the two was recorded first."""
    history = (
        ASKED.information_requested("2026-03-05")
        .information_requested("2026-03-05")
        .information_supplied("2026-03-05T15:00+00:00", in_reply_to=answered)
        .information_supplied("2026-03-09")
    )
    acts = [e for e in history.case().history if e.act.startswith("information")]
    assert [e.id for e in acts][:2] == [answered, "information_supplied-1"]
    stops = {clock.start.id: clock.stop for clock in history.clocks().values() if clock.start and clock.stop}
    assert stops[answered] is not None
    assert stops[answered].id == "information_supplied-1"


@pytest.mark.parametrize("crossed", [False, True])
def test_answers_of_one_day_that_say_the_same_follow_their_questions(crossed: bool) -> None:
    replies = ["information_requested-1", "information_requested-2"]
    history = ASKED.information_requested("2026-03-05").information_requested("2026-03-05")
    for reply in reversed(replies) if crossed else replies:
        history = history.information_supplied("2026-03-05", in_reply_to=reply)
    acts = [e for e in history.case().history if e.act.startswith("information")]
    assert [e.data.get("in_reply_to") for e in acts] == [None, replies[0], None, replies[1]]
