"""What stops a clock: postponement, waiting for information, and items of which only some wait."""

import pytest

from mla_tracker.domain.limits import PauseRule, Trigger
from mla_tracker.domain.local_time import local_day
from mla_tracker.domain.vocabulary import Act, ClockState, Side, Stage
from tests.builders.histories import HistoryBuilder, a_limit, a_request, an_order, spoken

RUNNING, PAUSED = ClockState.RUNNING, ClockState.PAUSED
MET, LATE, GONE = ClockState.MET, ClockState.MET_LATE, ClockState.CANCELLED

ASKED = a_request().sent("2026-03-02").received("2026-03-03")
ACCEPTED = ASKED.accepted("2026-03-16")
SPELLS = [
    # the history, the limit, its last day, state, the reason
    (ASKED, "default-evidence-decide", "Thu 2026-04-02", RUNNING, "thirty days"),
    (
        ASKED.information_requested("2026-03-10").information_supplied("2026-03-20"),
        "default-evidence-decide",
        "Sun 2026-04-12",
        RUNNING,
        "ten days waited for information",
    ),
    (
        ASKED.information_requested("2026-03-10"),
        "default-evidence-decide",
        "Thu 2026-04-02",
        PAUSED,
        "waiting still: what it waits for is added once it is known",
    ),
    (
        ASKED.information_requested("2026-03-10").accepted("2026-05-20"),
        "default-evidence-decide",
        "Fri 2026-06-12",
        MET,
        "decided without the answer: it stood still until then",
    ),
    (
        ASKED.information_requested("2026-03-10").withdrawn("2026-05-20"),
        "default-evidence-decide",
        "Fri 2026-06-12",
        GONE,
        "withdrawn while it waited: no lateness",
    ),
    (
        ASKED.information_requested("2026-04-02"),
        "default-evidence-decide",
        "Thu 2026-04-02",
        PAUSED,
        "asked on the last day",
    ),
    (
        ASKED.information_requested("2026-04-03").information_supplied("2026-05-04"),
        "default-evidence-decide",
        "Thu 2026-04-02",
        RUNNING,
        "asked after the last day: it moves nothing",
    ),
    (
        ASKED.information_requested("2026-04-03"),
        "default-evidence-decide",
        "Thu 2026-04-02",
        RUNNING,
        "asked after the last day: it stays overdue",
    ),
    (
        ASKED.postponed("2026-03-10").resumed("2026-03-10"),
        "default-evidence-decide",
        "Thu 2026-04-02",
        RUNNING,
        "an empty pause moves nothing",
    ),
    (
        ASKED.postponed("2026-03-10")
        .information_requested("2026-03-15")
        .resumed("2026-03-20")
        .information_supplied("2026-03-25"),
        "default-evidence-decide",
        "Fri 2026-04-17",
        RUNNING,
        "days on which two things stopped it count once",
    ),
    (
        ASKED.information_requested("2026-03-10")
        .information_requested("2026-03-12")
        .information_supplied("2026-03-15", in_reply_to="information_requested-1")
        .information_supplied("2026-03-20", in_reply_to="information_requested-2"),
        "default-evidence-decide",
        "Sun 2026-04-12",
        RUNNING,
        "two questions: it waits until both are answered",
    ),
    (
        ASKED.information_requested("2026-03-10")
        .information_requested("2026-03-12")
        .information_supplied("2026-03-15", in_reply_to="information_requested-1"),
        "default-evidence-decide",
        "Thu 2026-04-02",
        PAUSED,
        "one of two questions answered",
    ),
    (
        ASKED.information_requested("2026-03-10")
        .information_requested("2026-03-12")
        .information_supplied("2026-03-20"),
        "default-evidence-decide",
        "Sun 2026-04-12",
        RUNNING,
        "an answer that names no question answers all",
    ),
    (
        ASKED.information_requested("2026-03-10").information_supplied("2026-03-20", in_reply_to="voided-1"),
        "default-evidence-decide",
        "Sun 2026-04-12",
        RUNNING,
        "an answer to a question that was voided answers what is open",
    ),
    (
        ASKED.postponed("2026-03-10").accepted("2026-03-16").resumed("2026-03-26"),
        "default-evidence-execute",
        "Tue 2026-06-23",
        RUNNING,
        "a pause begun before the start: the day it resumed is the first of ninety",
    ),
    (
        ASKED.postponed("2026-03-05").resumed("2026-03-16").accepted("2026-03-16"),
        "default-evidence-execute",
        "Sun 2026-06-14",
        RUNNING,
        "a pause that is over by the start counts nothing",
    ),
    (
        ASKED.postponed("2026-03-10").accepted("2026-03-16"),
        "default-evidence-execute",
        "Sun 2026-06-14",
        PAUSED,
        "accepted, and postponed still",
    ),
    (
        ASKED.information_requested("2026-03-10").accepted("2026-03-16"),
        "default-evidence-execute",
        "Sun 2026-06-14",
        RUNNING,
        "who accepts goes on without the information",
    ),
    (
        an_order().received("2026-03-03").postponed("2026-03-10", ground="own_proceedings"),
        "eio-decide",
        "Thu 2026-04-02",
        RUNNING,
        "the directive stops only the execution (Art. 12(4))",
    ),
    (
        an_order()
        .received("2026-03-03")
        .accepted("2026-03-16")
        .postponed("2026-04-01")
        .resumed("2026-04-11"),
        "eio-execute",
        "Wed 2026-06-24",
        RUNNING,
        "Directive 2014/41 Art. 12(4)",
    ),
    (
        an_order().received("2026-03-03").accepted("2026-03-16").information_requested("2026-04-01"),
        "eio-execute",
        "Sun 2026-06-14",
        RUNNING,
        "nothing in the directive stops the clock for a question",
    ),
    (
        ACCEPTED.postponed("2026-04-01")
        .closed("2026-04-10", outcome="lapsed")
        .reopened("2026-05-04", reason="x"),
        "default-evidence-execute",
        "Tue 2026-06-23",
        PAUSED,
        "reopened: postponed still, and the closed days were counted",
    ),
]


@pytest.mark.parametrize(("history", "limit", "due", "state", "reason"), SPELLS)
def test_a_clock_that_stands_still(
    history: HistoryBuilder, limit: str, due: str, state: ClockState, reason: str
) -> None:
    clock = history.clock(limit)
    assert (spoken(clock.due_on), clock.state) == (due, state), reason


def test_pauses_lie_between_start_and_stop_and_apart_from_each_other() -> None:
    history = (
        ASKED.postponed("2026-03-05")
        .information_requested("2026-03-10")
        .accepted("2026-03-16")
        .resumed("2026-03-20")
        .information_requested("2026-03-25")
        .postponed("2026-03-28")
        .executed("2026-04-10")
    )
    rabat = history.case().zones[Side.REQUESTED]
    pauses = history.clock("default-evidence-execute").pauses
    spells = [tuple(spoken(local_day(moment, rabat)) for moment in spell if moment) for spell in pauses]
    assert spells == [("Mon 2026-03-16", "Fri 2026-03-20"), ("Wed 2026-03-25", "Fri 2026-04-10")]


def test_a_paused_clock_knows_since_when_it_stands_still() -> None:
    history = (
        ASKED.postponed("2026-03-10").information_requested("2026-03-12").information_supplied("2026-03-14")
    )
    paused = history.clock("default-evidence-decide")
    assert paused.paused_since is not None
    assert spoken(local_day(paused.paused_since, history.case().zones[Side.REQUESTED])) == "Tue 2026-03-10"
    assert paused.checks == ()
    assert ASKED.clock("default-evidence-decide").paused_since is None


BY_HOURS = a_limit(
    "by-hours", "24 hours", counting="instants", pauses=(PauseRule((Act.POSTPONED,), (Act.RESUMED,)),)
)
AT_THREE = a_request().with_limits(BY_HOURS).sent("2026-03-02").received("2026-03-03T15:00+00:00")


@pytest.mark.parametrize(
    ("history", "due", "state"),
    [
        (AT_THREE, "2026-03-04T15:00", RUNNING),
        (
            AT_THREE.postponed("2026-03-03T18:00+00:00").resumed("2026-03-03T20:00+00:00"),
            "2026-03-04T17:00",
            RUNNING,
        ),
        (AT_THREE.postponed("2026-03-04T14:00+00:00"), "2026-03-04T15:00", PAUSED),
        (AT_THREE.postponed("2026-03-04T16:00+00:00"), "2026-03-04T15:00", RUNNING),
        (
            AT_THREE.postponed("2026-03-03T18:00+00:00").accepted("2026-03-05T10:00+00:00"),
            "2026-03-06T07:00",
            MET,
        ),
    ],
)
def test_hours_stand_still_from_instant_to_instant(
    history: HistoryBuilder, due: str, state: ClockState
) -> None:
    clock = history.clock("by-hours")
    assert clock.due_at is not None
    assert (clock.due_at.isoformat(timespec="minutes")[:16], clock.state) == (due, state)


def test_an_hours_clock_started_by_a_bare_date_stands_still_too() -> None:
    started = a_request().with_limits(BY_HOURS).sent("2026-03-02").received("2026-03-03")
    paused = started.postponed("2026-03-03T10:00+00:00").resumed("2026-03-03T16:00+00:00").clock("by-hours")
    assert paused.due_at is not None
    assert (paused.due_at - paused.pauses[0][0]).total_seconds() == 3600 * 20


# Items of assistance: the whole stands still only while everything that is left of it does.

TWO = a_request().about("records", "video_hearing").sent("2026-03-02").received("2026-03-03")
WHOLE = TWO.accepted("2026-03-16")
ITEMS = [
    (
        WHOLE.postponed("2026-04-01", items=[1]),
        "Sun 2026-06-14",
        RUNNING,
        "one item waits, the other goes on",
    ),
    (WHOLE.postponed("2026-04-01", items=[1, 2]), "Sun 2026-06-14", PAUSED, "both items are all of it"),
    (
        WHOLE.postponed("2026-04-01", items=[1]).postponed("2026-04-11", items=[2]),
        "Sun 2026-06-14",
        PAUSED,
        "first one, then the other",
    ),
    (
        WHOLE.postponed("2026-04-01", items=[1])
        .postponed("2026-04-11", items=[2])
        .resumed("2026-04-21", items=[1]),
        "Wed 2026-06-24",
        RUNNING,
        "both stood still for ten days",
    ),
    (
        WHOLE.postponed("2026-04-01").resumed("2026-04-11", items=[2]),
        "Wed 2026-06-24",
        RUNNING,
        "the whole stood still until one item went on",
    ),
    (
        WHOLE.postponed("2026-04-01", items=[2])
        .executed("2026-04-21", items=[1])
        .resumed("2026-05-01", items=[2]),
        "Wed 2026-06-24",
        RUNNING,
        "what was left stood still once the rest was done",
    ),
    (
        WHOLE.postponed("2026-04-01", items=[2]).executed("2026-04-21", items=[1]),
        "Sun 2026-06-14",
        PAUSED,
        "all that is left stands still",
    ),
]


@pytest.mark.parametrize(("history", "due", "state", "reason"), ITEMS)
def test_items_that_stand_still(history: HistoryBuilder, due: str, state: ClockState, reason: str) -> None:
    clock = history.clock("default-evidence-execute")
    assert (spoken(clock.due_on), clock.state) == (due, state), reason


def test_an_item_of_a_request_that_lists_none_stops_nothing() -> None:
    limit = a_limit(stage=Stage.EXECUTE, starts_on=(Trigger(Act.RECEIVED),), pauses=BY_HOURS.pauses)
    history = a_request().with_limits(limit).sent("2026-03-02").received("2026-03-03")
    assert history.postponed("2026-03-10", items=[1]).clock("test-limit").state is RUNNING
