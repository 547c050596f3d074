"""Whether the clock of this node agrees with the database's: one that is wrong must judge nothing.

What is due, which token and which Idempotency-Key still counts, and when something was recorded follow from `now`.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.errors import CannotRun

CLOCK_BOUND: Final = timedelta(seconds=30)
"""How far a node's clock may lie off the database's. So much too early or too late a flag can be raised at most."""

COMPARED_EVERY: Final = 10.0
"""Seconds for which a comparison holds, as long as the clock has run evenly since."""

EVENLY: Final = timedelta(seconds=5)


class ClockOff(CannotRun):
    """The clock of this node lies further off the database's than CLOCK_BOUND."""


class ClockWatch:
    """Compares the clocks now and then, and at once where the node's has jumped."""

    def __init__(
        self, db: Database, now: Callable[[], datetime], *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._now = now
        self._steady = steady
        self._asking = asyncio.Lock()
        self._agreed: tuple[float, datetime] | None = None

    async def require(self) -> None:
        """Raises ClockOff with a sentence for the operator; DatabaseUnavailable, DatabaseBusy if it cannot be told."""
        if self._still_agrees():
            return
        async with self._asking:
            if self._still_agrees():
                return
            self._agreed = None
            async with self._db.transaction(DbRole.API, read_only=True) as tx:
                refuse(await ahead(tx, self._now))
            self._agreed = self._steady(), self._now()

    def _still_agrees(self) -> bool:
        if self._agreed is None:
            return False
        steady, told = self._agreed
        passed = self._steady() - steady
        return passed < COMPARED_EVERY and abs(self._now() - told - timedelta(seconds=passed)) < EVENLY


async def ahead(tx: Tx, now: Callable[[], datetime]) -> timedelta:
    """How far the node is ahead of the database at least, negative if behind; what the call takes is left out."""
    before = now()
    theirs: datetime = await tx.fetchval("select clock_timestamp()")
    after = now()
    if before > theirs:
        return before - theirs
    return min(after - theirs, timedelta(0))


def refuse(difference: timedelta) -> None:
    """Raises ClockOff where a node is so far ahead (or, negative, behind) that it must not judge."""
    if abs(difference) > CLOCK_BOUND:
        raise ClockOff(sentence(difference))


def sentence(difference: timedelta) -> str:
    """How a node's clock stands, for the operator."""
    off = timedelta(seconds=round(abs(difference).total_seconds()))
    side = "ahead of" if difference > timedelta(0) else "behind"
    if abs(difference) <= CLOCK_BOUND:
        return "The clock of this node agrees with the database's."
    return (
        f"The clock of this node is {off} {side} the database's; at most {CLOCK_BOUND.total_seconds():g} s are taken, "
        "since by it is judged what is due. Set the wrong one of the two right, best by NTP."
    )
