"""Counting anew what changed days or changed law have moved, in small transactions that can be broken off."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from mla_tracker.commands.comparing import differences
from mla_tracker.commands.jobs import PASSING_FAULTS
from mla_tracker.commands.moving import record_moves
from mla_tracker.commands.projecting import project, save
from mla_tracker.storage import requests, stale
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.projections import stored_projection

BATCH: Final = 25
RETRY_AFTER: Final = timedelta(days=1)
ROW_FAULTS: Final = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)
"""Faults of the database that lie in the request itself, so that another try right away is of no use."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recounted:
    """How many requests were counted anew, how many of them read otherwise then, and which could not be counted."""

    done: int
    changed: int
    failed: tuple[UUID, ...]


async def recount_stale(db: Database, now: datetime, batch: int = BATCH) -> Recounted:
    """Count every request anew that waits for it at `now` (inclusive), longest waiting first.

    A request whose dates stay as they are keeps its version. One that cannot be counted is told in the log and
    tried again a day later; it holds up no other. Each batch is a transaction of its own, and any number of nodes
    may do this at once. Raises one of PASSING_FAULTS where the database fails; what was done stays done.
    """
    done, changed, failed = 0, 0, list[UUID]()
    async with db.transaction(DbRole.JOBS) as tx:
        await stale.mark_slipped(tx, now)
    while True:
        async with db.transaction(DbRole.JOBS) as tx:
            waiting = await stale.claim(tx, now, batch)
            for request_id in waiting:
                try:
                    async with tx.savepoint():
                        changed += await _recount(tx, request_id, now)
                    done += 1
                except Exception as fault:
                    if isinstance(fault, PASSING_FAULTS) and not isinstance(fault, ROW_FAULTS):
                        raise
                    log.exception("request cannot be counted anew", request=str(request_id))
                    await stale.put_off(tx, request_id, now + RETRY_AFTER)
                    failed.append(request_id)
        if len(waiting) < batch:
            return Recounted(done, changed, tuple(failed))


async def _recount(tx: Tx, request_id: UUID, now: datetime) -> bool:
    """Bring a locked request in line with its history; whether it read otherwise before."""
    stored = await requests.load(tx, request_id, lock=True)
    assert stored is not None
    fresh = await project(tx, stored, now)
    if not differences(stored.record, await stored_projection(tx, request_id), fresh, now):
        await stale.settle(tx, request_id)
        return False
    await record_moves(tx, stored, fresh.clocks, now)
    await save(tx, stored, fresh, now=now)
    return True
