"""What starts, keeps, cancels and revives a clock: receipts, implied acts, ends, closings, voids, enquiries."""

import pytest

from mla_tracker.domain.vocabulary import ClockState, Obligor
from tests.builders.histories import (
    HistoryBuilder,
    a_prosecution,
    a_request,
    an_extradition,
    an_order,
    spoken,
    words,
)

PENDING, RUNNING, PAUSED = ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED
MET, LATE, GONE = ClockState.MET, ClockState.MET_LATE, ClockState.CANCELLED

SENT = a_request().sent("2026-03-02")
ASKED = SENT.received("2026-03-03")
ACCEPTED = ASKED.accepted("2026-03-16")
REFUSED = {"ground": "de_minimis"}
STATES = [
    # the history, the limit, its state, the day it stopped, the reason
    (a_request(), "default-receive", PENDING, "-", "a draft waits for its sending"),
    (SENT, "default-receive", RUNNING, "-", "silence does not stop the clock"),
    (ASKED, "default-receive", MET, "Tue 2026-03-03", "received"),
    (SENT.received("2026-03-03", by="EC"), "default-receive", MET, "Tue 2026-03-03", "the sender says so"),
    (
        SENT.acknowledged("2026-03-20"),
        "default-receive",
        LATE,
        "Fri 2026-03-20",
        "who acknowledges has received",
    ),
    (SENT.closed("2026-03-20", outcome="lapsed"), "default-receive", GONE, "Fri 2026-03-20", "given up"),
    (SENT, "default-acknowledge", PENDING, "-", "a chained clock waits for its start"),
    (SENT.withdrawn("2026-03-04"), "default-acknowledge", GONE, "-", "and goes with the request"),
    (
        ASKED.information_requested("2026-03-05"),
        "default-acknowledge",
        MET,
        "Thu 2026-03-05",
        "who asks has it",
    ),
    (
        ASKED.information_requested("2026-03-05").acknowledged("2026-03-20"),
        "default-acknowledge",
        LATE,
        "Fri 2026-03-20",
        "its own act, once recorded, says when",
    ),
    (
        ASKED.executed("2026-03-20"),
        "default-evidence-decide",
        MET,
        "Fri 2026-03-20",
        "executed: so it was decided",
    ),
    (ASKED.executed("2026-03-20"), "default-evidence-execute", GONE, "-", "and no time to execute ever ran"),
    (
        ASKED.executed("2026-03-20").accepted("2026-03-25"),
        "default-evidence-decide",
        MET,
        "Fri 2026-03-20",
        "accepted on paper after it was done",
    ),
    (
        ASKED.refused("2026-03-20", **REFUSED),
        "default-evidence-decide",
        MET,
        "Fri 2026-03-20",
        "refused: decided",
    ),
    (
        ACCEPTED.refused("2026-03-20", **REFUSED),
        "default-evidence-execute",
        GONE,
        "Fri 2026-03-20",
        "refused after all",
    ),
    (ACCEPTED.withdrawn("2026-03-20"), "default-evidence-execute", GONE, "Fri 2026-03-20", "withdrawn"),
    (
        ACCEPTED.withdrawn("2026-03-20").executed("2026-07-01"),
        "default-evidence-execute",
        GONE,
        "Fri 2026-03-20",
        "done all the same, when there was no duty any more",
    ),
    (
        ACCEPTED.closed("2026-03-20", outcome="lapsed"),
        "default-evidence-execute",
        GONE,
        "Fri 2026-03-20",
        "closed",
    ),
    (
        ACCEPTED.closed("2026-03-20", outcome="executed"),
        "default-evidence-execute",
        MET,
        "Fri 2026-03-20",
        "who closes it as executed says that it was executed",
    ),
    (
        ASKED.closed("2026-04-20", outcome="refused"),
        "default-evidence-decide",
        LATE,
        "Mon 2026-04-20",
        "or as refused, late",
    ),
    (
        ASKED.closed("2026-03-05", outcome="refused"),
        "default-acknowledge",
        MET,
        "Thu 2026-03-05",
        "who refuses has it",
    ),
    (
        ACCEPTED.closed("2026-03-20", outcome="lapsed").reopened("2026-05-04", reason="x"),
        "default-evidence-execute",
        RUNNING,
        "-",
        "reopened: it runs again from its original start, closed days counted",
    ),
    (
        ACCEPTED.closed("2026-03-20", outcome="lapsed")
        .reopened("2026-05-04", reason="x")
        .executed("2026-06-15"),
        "default-evidence-execute",
        LATE,
        "Mon 2026-06-15",
        "a day late, then",
    ),
    (
        ASKED.refused("2026-03-20", **REFUSED)
        .closed("2026-03-21")
        .reopened("2026-04-20", reason="x")
        .accepted("2026-05-20"),
        "default-evidence-decide",
        MET,
        "Fri 2026-03-20",
        "a clock that was met stays met",
    ),
    (
        ASKED.refused("2026-03-20", **REFUSED).reopened("2026-04-20", reason="x").accepted("2026-05-20"),
        "default-evidence-execute",
        RUNNING,
        "-",
        "and what begins after the reopening runs",
    ),
    (
        ASKED.refused("2026-03-20", **REFUSED).accepted("2026-04-20"),
        "default-evidence-execute",
        GONE,
        "Fri 2026-03-20",
        "accepted after the end, and nobody recorded a reopening",
    ),
    (
        ASKED.reclassified("2026-03-10", reclassified_as="enquiry"),
        "default-evidence-decide",
        GONE,
        "Tue 2026-03-10",
        "an enquiry has no clocks",
    ),
    (
        ASKED.acknowledged("2026-03-04").reclassified("2026-03-10", reclassified_as="enquiry"),
        "default-acknowledge",
        MET,
        "Wed 2026-03-04",
        "what was kept before stays kept",
    ),
    (
        SENT.reclassified("2026-03-10", reclassified_as="enquiry"),
        "default-evidence-decide",
        GONE,
        "-",
        "nor has it clocks to come",
    ),
    (
        ASKED.reclassified("2026-03-10", reclassified_as="enquiry").reclassified(
            "2026-03-12", reclassified_as="request"
        ),
        "default-evidence-decide",
        RUNNING,
        "-",
        "found to be a request after all",
    ),
    (
        ASKED.reclassified("2026-03-10", reclassified_as="complaint"),
        "default-evidence-decide",
        RUNNING,
        "-",
        "another",
    ),
    (
        a_prosecution().received("2026-03-03").charged("2026-05-04"),
        "default-proceedings-decide",
        MET,
        "Mon 2026-05-04",
        "charged: decided",
    ),
    (
        a_prosecution().received("2026-03-03").charged("2026-05-04"),
        "default-tell-result",
        PENDING,
        "-",
        "not concluded",
    ),
    (
        a_prosecution()
        .received("2026-03-03")
        .charged("2026-05-04")
        .closed("2026-05-05")
        .concluded("2026-09-01"),
        "default-tell-result",
        RUNNING,
        "-",
        "concluded after the request was closed: the result is owed",
    ),
    (
        a_prosecution()
        .received("2026-03-03")
        .charged("2026-05-04")
        .closed("2026-05-05")
        .concluded("2026-09-01")
        .result_told("2026-10-01"),
        "default-tell-result",
        MET,
        "Thu 2026-10-01",
        "thirty days",
    ),
    (
        a_prosecution().received("2026-03-03").declined("2026-09-01"),
        "default-proceedings-decide",
        LATE,
        "Tue 2026-09-01",
        "two days after 180",
    ),
]


@pytest.mark.parametrize(("history", "limit", "state", "stopped", "reason"), STATES)
def test_a_clock_ends(
    history: HistoryBuilder, limit: str, state: ClockState, stopped: str, reason: str
) -> None:
    clock = history.clock(limit)
    assert (clock.state, spoken(clock.stopped_on)) == (state, stopped), reason


# Two statements of one receipt: the receiver's own prevails, both stay in the history.


@pytest.mark.parametrize(
    ("sender", "receiver", "due"),
    [
        ("2026-03-03", None, "Tue 2026-03-10"),
        ("2026-03-03", "2026-03-05", "Thu 2026-03-12"),
        ("2026-03-05", "2026-03-03", "Tue 2026-03-10"),
    ],
)
def test_the_receivers_own_statement_prevails(sender: str, receiver: str | None, due: str) -> None:
    history = SENT.received(sender, by="EC", documents=True)
    if receiver:
        history = history.received(receiver)
    assert history.due("default-acknowledge") == due
    assert len(history.case().history) == len(history.events)


def test_the_receipt_by_the_executing_authority_starts_the_decision_on_an_order() -> None:
    received = an_order().received("2026-03-03")
    assert received.due("eio-decide") == "Thu 2026-04-02"
    passed_on = received.forwarded("2026-03-04").received_by_competent_authority("2026-03-06")
    assert passed_on.due("eio-decide") == "Sun 2026-04-05"
    assert passed_on.due("eio-acknowledge") == "Tue 2026-03-10"


def test_what_the_executing_authority_alone_received_its_country_has_received() -> None:
    direct = SENT.received_by_competent_authority("2026-03-03")
    assert direct.clock("default-receive").state is MET
    assert direct.due("default-acknowledge") == "Tue 2026-03-10"
    assert direct.due("default-evidence-decide") == "Thu 2026-04-02"
    assert direct.received("2026-03-05").due("default-evidence-decide") == "Sat 2026-04-04"


def test_what_was_decided_before_the_executing_authority_had_it_is_decided() -> None:
    early = (
        an_order().received("2026-03-03").accepted("2026-03-05").received_by_competent_authority("2026-03-06")
    )
    assert early.clock("eio-decide").state is MET


# Information: each request for it starts a clock of the other side, stopped by its answer.

WAITING = ASKED.information_requested("2026-03-05").information_requested("2026-03-10")


@pytest.mark.parametrize(
    ("history", "first", "second"),
    [
        (WAITING, RUNNING, RUNNING),
        (WAITING.information_supplied("2026-03-20"), MET, MET),
        (WAITING.information_supplied("2026-03-20", in_reply_to="information_requested-2"), RUNNING, MET),
        (WAITING.information_supplied("2026-04-07", in_reply_to="information_requested-1"), LATE, RUNNING),
        (WAITING.information_supplied("2026-03-20", in_reply_to="voided-9"), MET, MET),
        (
            ASKED.information_requested("2026-03-05")
            .information_supplied("2026-03-10")
            .information_requested("2026-03-10"),
            MET,
            RUNNING,
        ),
        (WAITING.accepted("2026-03-20"), GONE, GONE),
    ],
)
def test_each_question_has_a_clock_of_the_requesting_country(
    history: HistoryBuilder, first: ClockState, second: ClockState
) -> None:
    clocks = history.clocks()
    found = [clocks[f"default-supply-information:information_requested-{number}"] for number in (1, 2)]
    assert [clock.state for clock in found] == [first, second]
    assert {clock.limit.obligor for clock in found} == {Obligor.REQUESTING}
    assert {clock.counted_in_country for clock in found} == {"EC"}


def test_a_question_on_one_item_stays_open_while_another_is_accepted() -> None:
    asked = a_request().about("records", "video_hearing").sent("2026-03-02").received("2026-03-03")
    question = asked.information_requested("2026-03-05", items=[2])
    state = {
        repr(history): clock.state
        for history in (question.accepted("2026-03-10", items=[1]), question.accepted("2026-03-10"))
        for clock in history.clocks().values()
        if clock.limit.id == "default-supply-information"
    }
    assert list(state.values()) == [RUNNING, GONE]


# Voiding: the history without the act.


def test_voiding_a_start_sends_what_hangs_on_it_back_to_pending() -> None:
    assert ASKED.without("received-1").clocks() == SENT.clocks()
    voided = ACCEPTED.without("accepted-1")
    assert voided.clock("default-evidence-execute").state is PENDING
    assert voided.clock("default-evidence-decide").state is RUNNING


def test_a_late_entry_is_as_good_as_one_made_at_once() -> None:
    late = SENT.executed("2026-04-20").received("2026-03-03").accepted("2026-03-16")
    at_once = SENT.received("2026-03-03").accepted("2026-03-16").executed("2026-04-20")
    assert late.clocks() == at_once.clocks()
    assert late.life() == at_once.life()


def test_an_end_says_what_ended_it_and_a_clock_that_was_shown_to_be_kept_says_by_what() -> None:
    gone = ACCEPTED.withdrawn("2026-03-20").clock("default-evidence-execute")
    assert "Ended without being kept: withdrawn on Friday 20 March 2026." in words(gone.steps)
    implied = ASKED.executed("2026-03-20").clock("default-evidence-decide")
    assert "The act itself was not recorded; executed shows that it took place by then." in words(
        implied.steps
    )
    late = ASKED.acknowledged("2026-03-20").clock("default-acknowledge")
    assert "Kept late: acknowledged on Friday 20 March 2026, due on Tuesday 10 March 2026." in words(
        late.steps
    )


def test_a_provisional_arrest_without_any_formal_request_starts_no_clock_of_receipt() -> None:
    arrested = (
        an_extradition().provisional_arrest_requested("2026-03-02").provisionally_arrested("2026-03-03")
    )
    assert arrested.clock("default-receive").state is PENDING
    assert arrested.sent("2026-03-10").due("default-receive") == "Tue 2026-03-24"
    assert arrested.sent("2026-03-10").received("2026-03-11").clock("default-receive").state is MET
