"""What is kept for a while only (keys, windows of calls, runs, changes), and what must reach on as time passes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mla_tracker.commands.feed import AT_MOST, forget_changes, number_changes
from mla_tracker.commands.upgrading import extend_calendars
from mla_tracker.storage import call_windows, idempotency, job_slots
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.feed import AT_ONCE

RUNS_KEPT: Final = timedelta(days=30)
FEED_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Kept:
    """How many rows went, and how many calendars got the year that has come within reach."""

    idempotency_keys: int
    runs: int
    call_windows: int
    calendars: int
    changes: int = 0


async def keep_house(db: Database, now: datetime, *, feed_days: int = FEED_DAYS) -> Kept:
    """Delete idempotency keys older than 24 hours, windows of calls, records of runs older than 30 days, and changes
    that the feed does not keep any more; give calendars new years."""
    async with db.transaction(DbRole.JOBS) as tx:
        keys = await idempotency.forget_old(tx, now)
    async with db.transaction(DbRole.JOBS) as tx:
        runs = await job_slots.forget_old(tx, now - RUNS_KEPT)
    async with db.transaction(DbRole.JOBS) as tx:
        windows = await call_windows.forget_old(tx, now)
    while await number_changes(db) >= AT_MOST * AT_ONCE:  # what has no place yet is not old
        pass
    changes = await forget_changes(db, now, feed_days)
    return Kept(keys, runs, windows, await extend_calendars(db, now), changes)
