"""One slot of a scheduled job: claimed, held by a lease that is renewed, and closed with what came of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import asyncpg
import structlog

from mla_tracker import logs, tracing
from mla_tracker.storage import job_slots
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.job_slots import Claim

PASSING_FAULTS: Final = (CannotRun, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What a database that is down, busy or restarting raises: worth another try."""

ERROR_LENGTH: Final = 300

Work = Callable[[Database, datetime], Awaitable[Mapping[str, Any]]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a claim lasts without a sign of life, and how often a slot is tried.

    `heartbeat` must be well below `lease`. After failure n the slot rests for `retry_after` times 2 to the n - 1.
    """

    lease: timedelta = timedelta(seconds=30)
    heartbeat: timedelta = timedelta(seconds=10)
    attempts: int = 5
    retry_after: timedelta = timedelta(seconds=30)


TERMS: Final = Terms()


class Outcome(StrEnum):
    """How a run ended. LOST: the slot could not be closed or was taken over meanwhile; its effects stand."""

    DONE = "done"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at a slot. `missed` counts the slots before it that nobody ran; this run stands for them."""

    job: str
    slot: datetime
    attempts: int
    outcome: Outcome
    seconds: float
    missed: int
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


def slot_of(now: datetime, interval: timedelta) -> datetime:
    """The newest slot at `now`: slots follow each other by `interval`, counted in UTC from 1970."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (now - epoch) // interval * interval


async def run_slot(
    db: Database,
    job: str,
    interval: timedelta,
    work: Work,
    *,
    node: str,
    now: datetime,
    terms: Terms = TERMS,
) -> Run | None:
    """Do the work of one slot of a job, if there is one to do at `now`; None if not.

    First a slot whose holder has died, then the newest slot if it failed and may be tried again, then the newest slot
    if nobody has claimed it. Older slots that nobody ran are not made up for: the newest stands for them. A work that
    raises is recorded as failed and does not raise here. Raises one of PASSING_FAULTS if nothing could be claimed.
    """
    claim = await _claim(db, job, interval, node, now, terms)
    if claim is None:
        return None
    with tracing.span(f"job {job}") as span:
        run = await _run(db, claim, work, now, terms)
        span.ended(run.outcome.value)
    return run


async def _run(db: Database, claim: Claim, work: Work, now: datetime, terms: Terms) -> Run:
    job = claim.job
    told = log.bind(job=job, slot=claim.slot.isoformat(), attempt=claim.attempts)
    if claim.missed:
        told.warning("slots were missed", missed=claim.missed)
    renewing = asyncio.create_task(_keep(db, claim, terms))
    began = time.perf_counter()
    result: Mapping[str, Any] = {}
    error: str | None = None
    try:
        result = await work(db, now)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the run record must tell it
        told.exception("job failed")
        error = _described(fault)
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
    outcome = await _close(db, claim, result, error)
    seconds = time.perf_counter() - began
    if outcome is Outcome.DONE:
        told.info("job done", seconds=round(seconds, 3), **result)
    return Run(job, claim.slot, claim.attempts, outcome, seconds, claim.missed, result, error)


async def _claim(
    db: Database, job: str, interval: timedelta, node: str, now: datetime, terms: Terms
) -> Claim | None:
    newest = slot_of(now, interval)
    async with db.transaction(DbRole.JOBS) as tx:
        if given_up := await job_slots.give_up(tx, job, attempts=terms.attempts):
            log.error("slots given up", job=job, number=given_up)
        return (
            await job_slots.take_over(tx, job, node=node, lease=terms.lease, attempts=terms.attempts)
            or await job_slots.retry(
                tx,
                job,
                newest,
                node=node,
                lease=terms.lease,
                attempts=terms.attempts,
                after=terms.retry_after,
            )
            or await job_slots.claim(tx, job, newest, node=node, lease=terms.lease, interval=interval)
        )


async def _keep(db: Database, claim: Claim, terms: Terms) -> None:
    """Renew the lease until cancelled, or until the slot is somebody else's."""
    while True:
        await asyncio.sleep(terms.heartbeat.total_seconds())
        try:
            async with db.transaction(DbRole.JOBS) as tx:
                ours = await job_slots.renew(tx, claim, terms.lease)
        except PASSING_FAULTS as fault:
            log.warning(
                "lease not renewed", job=claim.job, slot=claim.slot.isoformat(), fault=_described(fault)
            )
            continue
        if not ours:
            log.warning("slot taken over while we ran it", job=claim.job, slot=claim.slot.isoformat())
            return


async def _close(db: Database, claim: Claim, result: Mapping[str, Any], error: str | None) -> Outcome:
    """Record how the run ended; what cannot be recorded is run again by whoever finds the lease run out."""
    told = log.bind(job=claim.job, slot=claim.slot.isoformat())
    try:
        async with db.transaction(DbRole.JOBS) as tx:
            if error is not None:
                ours = await job_slots.fail(tx, claim, error)
            else:
                missed = {"missed_slots": claim.missed} if claim.missed else {}
                ours = await job_slots.finish(tx, claim, {**result, **missed})
    except PASSING_FAULTS as fault:
        told.warning("slot not closed", fault=_described(fault))
        return Outcome.LOST
    if not ours:
        told.warning("slot was taken over before it was closed")
        return Outcome.LOST
    return Outcome.FAILED if error is not None else Outcome.DONE


def _described(fault: BaseException) -> str:
    """The error in a line, without the values that it may quote: the record of a run is read by operators."""
    return logs.told(fault).replace("\n", " ")[:ERROR_LENGTH]
