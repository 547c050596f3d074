"""Status, custody and outcome, read off a history: of the request and of each item."""

import pytest

from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.vocabulary import Custody, Outcome, Status
from tests.builders.histories import HistoryBuilder, a_prosecution, a_request, a_warrant, an_extradition

DRAFT = a_request().drafted("2026-03-01")
SENT = a_request().sent("2026-03-02")
ASKED = SENT.received("2026-03-03")
ACCEPTED = ASKED.accepted("2026-03-16")
REFUSED = {"ground": "de_minimis"}

STATUS = [
    (a_request(), "draft"),
    (DRAFT, "draft"),
    (SENT, "sent"),
    (DRAFT.reminded("2026-03-02"), "sent"),
    (a_warrant().arrest_notified("2026-03-04").without("sent-1"), "sent"),
    (ASKED, "received"),
    (SENT.received_by_competent_authority("2026-03-03"), "received"),
    (ASKED.acknowledged("2026-03-04"), "acknowledged"),
    (ACCEPTED.acknowledged("2026-03-17"), "accepted"),
    (ASKED.information_requested("2026-03-05"), "awaiting_information"),
    (ASKED.information_requested("2026-03-05").information_supplied("2026-03-09"), "received"),
    (
        ASKED.information_requested("2026-03-05")
        .information_requested("2026-03-06")
        .information_supplied("2026-03-09", in_reply_to="information_requested-1"),
        "awaiting_information",
    ),
    (ASKED.information_requested("2026-03-05").accepted("2026-03-09"), "accepted"),
    (ASKED.postponed("2026-03-05"), "postponed"),
    (ASKED.postponed("2026-03-05").information_requested("2026-03-06"), "postponed"),
    (ASKED.postponed("2026-03-05").resumed("2026-03-06"), "received"),
    (ACCEPTED.partly_executed("2026-03-20"), "in_execution"),
    (ACCEPTED.results_transmitted("2026-03-20"), "in_execution"),
    (ACCEPTED.executed("2026-03-20"), "ended"),
    (ASKED.refused("2026-03-20", **REFUSED), "ended"),
    (SENT.withdrawn("2026-03-20"), "ended"),
    (ACCEPTED.executed("2026-03-20").results_transmitted("2026-03-21"), "ended"),
    (ACCEPTED.executed("2026-03-20").closed("2026-03-21"), "closed"),
    (ASKED.closed("2026-03-21", outcome="lapsed"), "closed"),
    (ASKED.closed("2026-03-21", outcome="lapsed").reopened("2026-03-22", reason="x"), "received"),
    (
        ASKED.postponed("2026-03-10")
        .closed("2026-03-21", outcome="lapsed")
        .reopened("2026-03-22", reason="x"),
        "postponed",
    ),
    (a_warrant().arrested("2026-03-03"), "received"),
    (a_warrant().received("2026-03-03").decision_final("2026-04-01"), "accepted"),
    (a_warrant().received("2026-03-03").decision_final("2026-04-01", granted=False), "received"),
    (
        a_warrant()
        .received("2026-03-03")
        .decision_final("2026-04-01")
        .postponed("2026-04-02")
        .surrender_date_agreed("2026-04-09", date="2026-04-13"),
        "accepted",
    ),
    (
        a_warrant().received("2026-03-03").granted("2026-04-01").temporarily_surrendered("2026-04-09"),
        "in_execution",
    ),
    (a_prosecution().received("2026-03-03").charged("2026-04-01"), "ended"),
]


@pytest.mark.parametrize(("history", "status"), STATUS)
def test_the_status_is_the_place_in_life(history: HistoryBuilder, status: str) -> None:
    assert history.life().status is Status(status)


HELD = a_warrant().received("2026-03-03").arrested("2026-03-03")
CUSTODY = [
    (a_warrant(), "none"),
    (
        an_extradition().provisional_arrest_requested("2026-03-02").provisionally_arrested("2026-03-03"),
        "provisional",
    ),
    (HELD, "in_custody"),
    (HELD.released("2026-03-10"), "released"),
    (HELD.released("2026-03-10").rearrested("2026-03-10"), "in_custody"),
    (HELD.released("2026-03-10").committed("2026-03-20"), "in_custody"),
    (HELD.granted("2026-04-01").temporarily_surrendered("2026-04-09"), "temporarily_surrendered"),
    (HELD.granted("2026-04-01").temporarily_surrendered("2026-04-09").returned("2026-05-04"), "in_custody"),
    (HELD.granted("2026-04-01").surrendered("2026-04-09"), "surrendered"),
]


@pytest.mark.parametrize(("history", "custody"), CUSTODY)
def test_custody_stands_beside_the_status(history: HistoryBuilder, custody: str) -> None:
    assert history.life().custody is Custody(custody)


SURRENDERED = HELD.granted("2026-04-01").surrendered("2026-04-09")


@pytest.mark.parametrize(
    "act", ["released", "arrested", "rearrested", "committed", "temporarily_surrendered"]
)
def test_who_was_surrendered_is_neither_held_nor_released_by_the_country_that_did_so(act: str) -> None:
    released = SURRENDERED.released("2026-03-05") if act == "rearrested" else SURRENDERED
    history = released.did(act, "2026-04-20")
    assert history.life().custody is Custody.SURRENDERED
    [warning] = [step for step in history.life().warnings if step.code == "custody-after-surrender"]
    assert warning.args["on"].isoformat() == "2026-04-09"
    back = history.without(f"{act}-2", f"{act}-1").returned("2026-04-15").arrested("2026-04-20")
    assert back.life().custody is Custody.IN_CUSTODY
    assert "custody-after-surrender" not in [step.code for step in back.life().warnings]


def test_what_came_before_the_surrender_is_not_warned_of() -> None:
    history = SURRENDERED.released("2026-03-10").rearrested("2026-03-12")
    assert "custody-after-surrender" not in [step.code for step in history.life().warnings]


def test_release_ends_no_case_and_only_an_extradition_has_custody() -> None:
    assert HELD.released("2026-03-10").life().status is Status.RECEIVED
    assert ASKED.life().custody is None


OUTCOME = [
    (ASKED, None),
    (ACCEPTED.executed("2026-03-20"), "executed"),
    (ACCEPTED.executed("2026-03-20", outcome="not_executable"), "not_executable"),
    (ASKED.refused("2026-03-20", **REFUSED), "refused"),
    (SENT.withdrawn("2026-03-20"), "withdrawn"),
    (ASKED.closed("2026-03-20", outcome="returned_incomplete"), "returned_incomplete"),
    (ACCEPTED.executed("2026-03-20").closed("2026-03-21", outcome="executed"), "executed"),
    (a_warrant().received("2026-03-03").granted("2026-04-01").closed("2026-05-04"), "granted"),
    (a_warrant().received("2026-03-03").granted("2026-04-01").surrendered("2026-04-09"), "surrendered"),
    (a_prosecution().received("2026-03-03").declined("2026-04-01"), "declined"),
    (a_prosecution().received("2026-03-03").charged("2026-04-01").concluded("2026-09-01"), "charged"),
    (ASKED.refused("2026-03-20", **REFUSED).reopened("2026-04-01", reason="x"), None),
    (
        ASKED.refused("2026-03-20", **REFUSED).reopened("2026-04-01", reason="x").executed("2026-05-04"),
        "executed",
    ),
    (ASKED.refused("2026-03-20", **REFUSED).executed("2026-05-04"), "executed"),
    (ACCEPTED.executed("2026-03-20").withdrawn("2026-03-25"), "executed"),
]


@pytest.mark.parametrize(("history", "outcome"), OUTCOME)
def test_the_outcome_is_how_it_ended(history: HistoryBuilder, outcome: str | None) -> None:
    assert history.life().outcome == (Outcome(outcome) if outcome else None)


def test_a_closing_needs_an_outcome_that_agrees_with_the_end() -> None:
    with pytest.raises(ActNotPossible, match="without an outcome") as refused:
        ASKED.closed("2026-03-20").life()
    assert refused.value.fields == (("/data/outcome", "Say how the request ended."),)
    with pytest.raises(ActNotPossible, match="contradicts the outcome executed of executed on") as refused:
        ACCEPTED.executed("2026-03-20").closed("2026-03-21", outcome="refused").life()
    assert refused.value.facts["other_act"] == "executed"


def test_closed_on_the_day_of_the_end_and_closed_twice_on_one_day() -> None:
    life = ACCEPTED.executed("2026-03-20").closed("2026-03-20").closed("2026-03-20").life()
    assert (life.status, life.closed_by is not None and life.closed_by.id) == (Status.CLOSED, "closed-1")


def test_a_record_may_turn_out_to_be_an_enquiry() -> None:
    assert ASKED.reclassified("2026-03-10", reclassified_as="enquiry").life().reclassified_as == "enquiry"
    assert ASKED.life().reclassified_as is None


# Items of assistance.

TWO = a_request().about("records", "video_hearing").sent("2026-03-02").received("2026-03-03")
ITEMS = [
    # the history, the ends of the two items, of the whole, the status
    (TWO, [None, None], None, "received"),
    (TWO.executed("2026-03-20", items=[1]), ["executed", None], None, "in_execution"),
    (TWO.executed("2026-03-20"), ["executed", "executed"], "executed", "ended"),
    (TWO.partly_executed("2026-03-20", items=[1]), ["executed", None], None, "in_execution"),
    (
        TWO.partly_executed("2026-03-20", items=[1]).partly_executed("2026-03-25", items=[2]),
        ["executed", "executed"],
        "executed",
        "ended",
    ),
    (
        TWO.partly_executed("2026-03-20", items=[1, 2]).executed("2026-03-25"),
        ["executed", "executed"],
        "executed",
        "ended",
    ),
    (TWO.partly_executed("2026-03-20"), [None, None], None, "in_execution"),
    (TWO.refused("2026-03-20", items=[2], **REFUSED), [None, "refused"], None, "received"),
    (
        TWO.refused("2026-03-20", items=[2], **REFUSED).executed("2026-03-25"),
        ["executed", "refused"],
        "executed_in_part",
        "ended",
    ),
    (
        TWO.refused("2026-03-20", items=[2], **REFUSED).withdrawn("2026-03-25"),
        ["withdrawn", "refused"],
        "withdrawn",
        "ended",
    ),
    (
        TWO.executed("2026-03-20", items=[1], outcome="not_executable").executed("2026-03-25", items=[2]),
        ["not_executable", "executed"],
        "executed_in_part",
        "ended",
    ),
    (TWO.closed("2026-03-20", outcome="lapsed"), ["lapsed", "lapsed"], "lapsed", "closed"),
    (
        TWO.executed("2026-03-20", items=[1])
        .refused("2026-03-25", items=[2], **REFUSED)
        .reopened("2026-04-01", reason="x"),
        ["executed", None],
        None,
        "in_execution",
    ),
    (
        TWO.executed("2026-03-20", items=[1])
        .refused("2026-03-25", items=[2], **REFUSED)
        .reopened("2026-04-01", reason="x")
        .executed("2026-04-20"),
        ["executed", "executed"],
        "executed",
        "ended",
    ),
    (
        TWO.executed("2026-03-20").closed("2026-03-21").reopened("2026-04-01", reason="x", items=[2]),
        ["executed", None],
        None,
        "received",
    ),
    (
        TWO.refused("2026-03-20", **REFUSED).executed("2026-03-25"),
        ["executed", "executed"],
        "executed",
        "ended",
    ),
    (TWO.postponed("2026-03-20", items=[1]), [None, None], None, "received"),
    (TWO.postponed("2026-03-20", items=[1, 2]), [None, None], None, "postponed"),
    (
        TWO.postponed("2026-03-20", items=[2]).executed("2026-03-25", items=[1]),
        ["executed", None],
        None,
        "postponed",
    ),
]


@pytest.mark.parametrize(("history", "ends", "outcome", "status"), ITEMS)
def test_each_item_ends_by_itself(
    history: HistoryBuilder, ends: list[str | None], outcome: str | None, status: str
) -> None:
    life = history.life()
    assert [item.outcome and item.outcome.value for item in life.items] == ends
    assert (life.outcome and life.outcome.value, life.status.value) == (outcome, status)


def test_an_item_keeps_its_ground_and_its_day() -> None:
    _, second = TWO.refused("2026-03-20", items=[2], **REFUSED).life().items
    assert (second.number, second.form.value, second.ground) == (2, "video_hearing", "de_minimis")
    assert second.ended_on is not None
    assert second.ended_on.isoformat() == "2026-03-20"
