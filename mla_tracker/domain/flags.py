"""What becomes of a flag when the record changes: it stays, is settled, or proves to have been no lateness."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mla_tracker.domain.clocks import Clock
from mla_tracker.domain.vocabulary import ClockState, FlagKind


class Fate(StrEnum):
    """A flag is never deleted; these are the ways in which it stops asking for attention, or goes on."""

    STANDS = "stands"
    SETTLED = "settled"
    NO_LATENESS = "no_lateness"
    DATE_MOVED = "date_moved"
    CLOCK_GONE = "clock_gone"


@dataclass(frozen=True, slots=True)
class RaisedFlag:
    """A flag as far as its fate needs it."""

    id: str
    clock_key: str
    kind: FlagKind
    level: int
    due_at: datetime


def fate(flag: RaisedFlag, clock: Clock | None) -> Fate:
    """What the new reading of the history makes of a flag that was raised and not cleared.

    Cleared where the record now shows that there was no lateness: the clock is gone or pending again, its
    date moved, or the act came in time. Settled where the lateness was real and is over.
    """
    if clock is None or clock.due_at is None or clock.state is ClockState.PENDING:
        return Fate.CLOCK_GONE
    if clock.due_at != flag.due_at:
        return Fate.DATE_MOVED
    if clock.state is ClockState.RUNNING:
        return Fate.STANDS
    late_kind = flag.kind is not FlagKind.WARNING
    if clock.state in (ClockState.MET, ClockState.PAUSED):
        return Fate.NO_LATENESS if late_kind else Fate.SETTLED
    if clock.state is ClockState.CANCELLED and late_kind:
        return Fate.NO_LATENESS if clock.ended_in_time else Fate.SETTLED
    return Fate.SETTLED
