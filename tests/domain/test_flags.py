"""What becomes of a flag for every kind of flag and every state of its clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mla_tracker.domain.clocks import Clock
from mla_tracker.domain.flags import Fate, RaisedFlag, fate
from mla_tracker.domain.vocabulary import ClockState, Effect, FlagKind
from tests.builders.histories import HistoryBuilder, a_limit, a_request, an_extradition, an_order

DUE = datetime(2026, 4, 2, 22, tzinfo=UTC)
CLOCK = Clock("k", a_limit(), ClockState.RUNNING, "MA", due_on=date(2026, 4, 2), due_at=DUE)


def a_flag(kind: FlagKind, due_at: datetime = DUE, level: int = 0) -> RaisedFlag:
    return RaisedFlag("f", "k", kind, level, due_at)


LATE_KINDS = (FlagKind.OVERDUE, FlagKind.EXPIRED, FlagKind.ESCALATION)
STOPPED = {"stopped_on": date(2026, 4, 1), "stopped_at": DUE - timedelta(days=2)}
STOPPED_LATE = {"stopped_on": date(2026, 4, 3), "stopped_at": DUE + timedelta(hours=2)}
FATES = [
    # state of the clock, when it stopped, the fate of a warning, the fate of an overdue, expired, escalation flag
    (ClockState.RUNNING, {}, Fate.STANDS, Fate.STANDS),
    (ClockState.PAUSED, {}, Fate.SETTLED, Fate.NO_LATENESS),
    (ClockState.MET, STOPPED, Fate.SETTLED, Fate.NO_LATENESS),
    (ClockState.MET_LATE, STOPPED_LATE, Fate.SETTLED, Fate.SETTLED),
    (ClockState.CANCELLED, STOPPED, Fate.SETTLED, Fate.NO_LATENESS),
    (ClockState.CANCELLED, STOPPED_LATE, Fate.SETTLED, Fate.SETTLED),
    (ClockState.PENDING, {}, Fate.CLOCK_GONE, Fate.CLOCK_GONE),
]


@pytest.mark.parametrize(("state", "stopped", "warning", "late"), FATES)
@pytest.mark.parametrize("kind", list(FlagKind))
def test_the_fate_of_a_flag(
    state: ClockState, stopped: dict[str, Any], warning: Fate, late: Fate, kind: FlagKind
) -> None:
    clock = replace(CLOCK, state=state, **stopped)
    assert fate(a_flag(kind), clock) is (late if kind in LATE_KINDS else warning)


@pytest.mark.parametrize("state", [s for s in ClockState if s is not ClockState.PENDING])
@pytest.mark.parametrize("kind", list(FlagKind))
def test_a_date_that_moved_clears_whatever_was_raised_for_the_old_one(
    state: ClockState, kind: FlagKind
) -> None:
    assert fate(a_flag(kind, DUE - timedelta(days=1)), replace(CLOCK, state=state)) is Fate.DATE_MOVED


@pytest.mark.parametrize("kind", list(FlagKind))
def test_a_flag_without_its_clock_is_cleared(kind: FlagKind) -> None:
    assert fate(a_flag(kind), None) is Fate.CLOCK_GONE
    assert fate(a_flag(kind), replace(CLOCK, state=ClockState.CANCELLED, due_at=None)) is Fate.CLOCK_GONE


@pytest.mark.parametrize(("minutes", "expected"), [(0, Fate.NO_LATENESS), (1, Fate.SETTLED)])
def test_hours_cancelled_on_the_last_day_are_late_after_the_instant(minutes: int, expected: Fate) -> None:
    by_hours = a_limit("by-hours", "24 hours", counting="instants")
    stopped = DUE + timedelta(minutes=minutes)
    clock = replace(
        CLOCK, limit=by_hours, state=ClockState.CANCELLED, stopped_on=date(2026, 4, 2), stopped_at=stopped
    )
    assert fate(a_flag(FlagKind.OVERDUE), clock) is expected


# The same, told as histories: what the sweep raised, and what came to light afterwards.

ASKED = a_request().sent("2026-03-02").received("2026-03-03")
ORDER = an_order().received("2026-03-03")
ARRESTED = an_extradition().provisional_arrest_requested("2026-03-02").provisionally_arrested("2026-03-03")
TOLD = [
    (ORDER, ORDER.accepted("2026-04-02"), "eio-decide", Fate.NO_LATENESS, "a late entry of an act in time"),
    (ORDER, ORDER.accepted("2026-04-03"), "eio-decide", Fate.SETTLED, "late, and done"),
    (ORDER, ORDER.withdrawn("2026-04-10"), "eio-decide", Fate.SETTLED, "withdrawn when it was late already"),
    (ORDER, ORDER.withdrawn("2026-03-20"), "eio-decide", Fate.NO_LATENESS, "withdrawn, it turns out, before"),
    (
        ORDER,
        ORDER.extended("2026-03-30", stage="decide", days=10, reason="x"),
        "eio-decide",
        Fate.DATE_MOVED,
        "an extension recorded late",
    ),
    (ORDER, ORDER.closed("2026-04-20", outcome="lapsed"), "eio-decide", Fate.SETTLED, "closed late"),
    (
        ORDER,
        ORDER.closed("2026-04-20", outcome="lapsed").reopened("2026-05-04", reason="x"),
        "eio-decide",
        Fate.STANDS,
        "and reopened",
    ),
    (ORDER, ORDER.without("received-1"), "eio-decide", Fate.CLOCK_GONE, "the start was voided"),
    (
        ORDER,
        ORDER.without("received-1").received("2026-03-05"),
        "eio-decide",
        Fate.DATE_MOVED,
        "and replaced",
    ),
    (
        ASKED,
        ASKED.information_requested("2026-03-20"),
        "default-evidence-decide",
        Fate.NO_LATENESS,
        "it had been waiting",
    ),
    (
        ASKED,
        ASKED.information_requested("2026-03-20").information_supplied("2026-03-30"),
        "default-evidence-decide",
        Fate.DATE_MOVED,
        "for ten days",
    ),
    (
        ASKED,
        ASKED.information_requested("2026-03-20").withdrawn("2026-05-04"),
        "default-evidence-decide",
        Fate.DATE_MOVED,
        "until it was withdrawn",
    ),
    (
        ASKED,
        ASKED.reclassified("2026-03-20", reclassified_as="enquiry"),
        "default-evidence-decide",
        Fate.NO_LATENESS,
        "it was no request",
    ),
    (
        ARRESTED,
        ARRESTED.released("2026-03-20"),
        "ets24-provisional-arrest-may",
        Fate.NO_LATENESS,
        "released before",
    ),
]


@pytest.mark.parametrize(("before", "after", "limit", "expected", "reason"), TOLD)
def test_a_flag_follows_the_history(
    before: HistoryBuilder, after: HistoryBuilder, limit: str, expected: Fate, reason: str
) -> None:
    was = before.clock(limit)
    assert was.due_at is not None
    kind = FlagKind.EXPIRED if was.limit.effect is Effect.EXPIRY else FlagKind.OVERDUE
    flag = RaisedFlag("f", was.key, kind, 0, was.due_at)
    assert fate(flag, after.clocks().get(was.key)) is expected, reason
