"""Limits kept item by item: each form of assistance is accepted, refused and executed by itself."""

import pytest

from mla_tracker.domain.vocabulary import ClockState
from tests.builders.histories import HistoryBuilder, a_request, an_order, spoken, words

PENDING, RUNNING = ClockState.PENDING, ClockState.RUNNING
MET, LATE, GONE = ClockState.MET, ClockState.MET_LATE, ClockState.CANCELLED

TWO = a_request().about("records", "video_hearing").sent("2026-03-02").received("2026-03-03")
WHOLE = TWO.accepted("2026-03-16")
REFUSED = {"ground": "de_minimis"}
STAGES = [
    # the history, the stage, state and the day it stopped, the reason
    (TWO.accepted("2026-03-16", items=[1]), "decide", RUNNING, "-", "one item is undecided"),
    (
        TWO.accepted("2026-03-16", items=[1]).refused("2026-03-20", items=[2], **REFUSED),
        "decide",
        MET,
        "Fri 2026-03-20",
        "both are decided with the second",
    ),
    (
        TWO.accepted("2026-03-16", items=[1]).accepted("2026-04-20", items=[2]),
        "decide",
        LATE,
        "Mon 2026-04-20",
        "the second was late",
    ),
    (TWO.accepted("2026-03-16", items=[1, 2]), "decide", MET, "Mon 2026-03-16", "both at once"),
    (
        TWO.withdrawn("2026-03-10", items=[2]).accepted("2026-03-16", items=[1]),
        "decide",
        MET,
        "Mon 2026-03-16",
        "what was withdrawn needs no decision",
    ),
    (
        TWO.accepted("2026-03-16", items=[1]).withdrawn("2026-04-20", items=[2]),
        "decide",
        GONE,
        "Mon 2026-04-20",
        "the open item was withdrawn",
    ),
    (
        TWO.partly_executed("2026-03-16", items=[1]),
        "decide",
        RUNNING,
        "-",
        "what was done of one item decides nothing of the other",
    ),
    (
        TWO.partly_executed("2026-03-16", items=[1]).executed("2026-03-20", items=[2]),
        "decide",
        MET,
        "Fri 2026-03-20",
        "executed both: decided by then",
    ),
    (TWO.partly_executed("2026-03-16"), "decide", MET, "Mon 2026-03-16", "something was done of the whole"),
    (
        TWO.executed("2026-03-16", items=[1]).accepted("2026-03-20", items=[2]),
        "decide",
        MET,
        "Fri 2026-03-20",
        "one executed at once, the other accepted",
    ),
    (WHOLE.executed("2026-04-01", items=[1]), "execute", RUNNING, "-", "one item is left"),
    (
        WHOLE.executed("2026-04-01", items=[1]).executed("2026-06-20", items=[2]),
        "execute",
        LATE,
        "Sat 2026-06-20",
        "the last one was late",
    ),
    (
        WHOLE.partly_executed("2026-04-01", items=[1]).executed("2026-04-10", items=[2]),
        "execute",
        MET,
        "Fri 2026-04-10",
        "partly executed, then the rest",
    ),
    (
        WHOLE.partly_executed("2026-04-01", items=[1]).partly_executed("2026-04-10", items=[2]),
        "execute",
        MET,
        "Fri 2026-04-10",
        "executed part by part",
    ),
    (
        WHOLE.refused("2026-04-01", items=[1], **REFUSED).executed("2026-04-10", items=[2]),
        "execute",
        MET,
        "Fri 2026-04-10",
        "what was left was executed",
    ),
    (
        WHOLE.executed("2026-04-01", items=[1]).refused("2026-04-10", items=[2], **REFUSED),
        "execute",
        GONE,
        "Fri 2026-04-10",
        "what was left was refused after all",
    ),
    (
        WHOLE.executed("2026-04-01", items=[1])
        .refused("2026-04-10", items=[2], **REFUSED)
        .reopened("2026-04-20", reason="x"),
        "execute",
        RUNNING,
        "-",
        "reopened: what was given up is left again",
    ),
    (
        WHOLE.executed("2026-04-01", items=[1])
        .refused("2026-04-10", items=[2], **REFUSED)
        .reopened("2026-04-20", reason="x")
        .executed("2026-06-20"),
        "execute",
        LATE,
        "Sat 2026-06-20",
        "and its time runs from the original start",
    ),
    (
        WHOLE.executed("2026-04-01", items=[1]).closed("2026-04-10", outcome="executed_in_part"),
        "execute",
        MET,
        "Fri 2026-04-10",
        "closed as executed, as far as it could be",
    ),
    (WHOLE.partly_executed("2026-04-01"), "execute", RUNNING, "-", "part of what, is not said"),
    (WHOLE.results_transmitted("2026-04-01"), "execute", MET, "Wed 2026-04-01", "who sends results executed"),
    (WHOLE.withdrawn("2026-04-01"), "execute", GONE, "Wed 2026-04-01", "the whole was withdrawn"),
]


@pytest.mark.parametrize(("history", "stage", "state", "stopped", "reason"), STAGES)
def test_the_stage_is_passed_with_the_last_item(
    history: HistoryBuilder, stage: str, state: ClockState, stopped: str, reason: str
) -> None:
    clock = history.clock(f"default-evidence-{stage}")
    assert (clock.state, spoken(clock.stopped_on)) == (state, stopped), reason


def test_each_item_is_executed_within_its_own_time_from_its_own_acceptance() -> None:
    history = TWO.accepted("2026-03-16", items=[1]).accepted("2026-04-01", items=[2])
    clocks = history.executed("2026-06-14", items=[1]).clocks()
    first, second = clocks["default-evidence-execute"], clocks["default-evidence-execute:accepted-2"]
    assert (spoken(first.due_on), first.state) == ("Sun 2026-06-14", MET)
    assert (spoken(second.due_on), second.state) == ("Tue 2026-06-30", RUNNING)
    assert "It is about the items 2 of assistance" in words(second.steps)


def test_an_item_accepted_twice_has_one_clock() -> None:
    clocks = (
        TWO.accepted("2026-03-16", items=[1])
        .accepted("2026-04-01")
        .accepted("2026-04-02", items=[1])
        .clocks()
    )
    execute = [key for key in clocks if key.startswith("default-evidence-execute")]
    assert execute == ["default-evidence-execute", "default-evidence-execute:accepted-2"]


def test_a_pause_of_one_item_stops_the_clock_of_that_item() -> None:
    history = TWO.accepted("2026-03-16", items=[1]).accepted("2026-04-01", items=[2])
    clocks = history.postponed("2026-04-10", items=[2]).clocks()
    assert clocks["default-evidence-execute"].state is RUNNING
    assert clocks["default-evidence-execute:accepted-2"].state is ClockState.PAUSED


def test_an_extension_reaches_the_clocks_of_the_items_it_names_or_of_all() -> None:
    history = TWO.accepted("2026-03-16", items=[1]).accepted("2026-04-01", items=[2])
    named = history.extended("2026-05-04", stage="execute", reason="x", days=10, items=[1]).clocks()
    assert spoken(named["default-evidence-execute"].due_on) == "Wed 2026-06-24"
    assert spoken(named["default-evidence-execute:accepted-2"].due_on) == "Tue 2026-06-30"
    both = history.extended("2026-05-04", stage="execute", reason="x", days=10).clocks()
    assert spoken(both["default-evidence-execute"].due_on) == "Wed 2026-06-24"
    assert spoken(both["default-evidence-execute:accepted-2"].due_on) == "Fri 2026-07-10"


def test_under_the_directive_too_a_part_is_decided_by_itself() -> None:
    order = an_order().about("records", "video_hearing").received("2026-03-03")
    half = order.accepted("2026-03-16", items=[1])
    assert half.clock("eio-decide").state is RUNNING
    assert half.due("eio-execute") == "Sun 2026-06-14"
    whole = half.refused("2026-04-02", items=[2], ground="fundamental_rights")
    assert whole.clock("eio-decide").state is MET


def test_a_single_item_is_the_whole() -> None:
    one = a_request().about("records").sent("2026-03-02").received("2026-03-03")
    done = one.accepted("2026-03-16", items=[1]).executed("2026-04-10", items=[1])
    assert (done.clock("default-evidence-execute").state, done.life().status.value) == (MET, "ended")
