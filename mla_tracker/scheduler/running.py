"""Runs the jobs: looks for slots to do at fixed instants, and ends without breaking off what runs.

Any number of processes may do this at once; which of them does a slot is decided in the database.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from prometheus_client import CollectorRegistry

from mla_tracker.commands.jobs import PASSING_FAULTS, TERMS, Terms, run_slot
from mla_tracker.scheduler.jobs import Job, scheduled_jobs
from mla_tracker.scheduler.measures import JobMeasures
from mla_tracker.settings import Settings
from mla_tracker.storage.clock_watch import ClockOff, ClockWatch
from mla_tracker.storage.database import Database

LOOK_EVERY: Final = timedelta(seconds=15)
"""How long a slot whose holder died, or which failed, waits at most until somebody looks."""

DRAIN: Final = timedelta(seconds=30)
"""How long stopping waits for what runs. What runs longer is left to end by itself, or with the process."""

AT_ONCE: Final = 10
"""Slots of one job done on end at one look."""

_DEFAULTS: Final = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger(__name__)


async def run_scheduler(
    db: Database,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    clock: ClockWatch | None = None,
    registry: CollectorRegistry | None = None,
    jobs: Sequence[Job] | None = None,
) -> None:
    """Run all jobs until `stop` is set. For the process that does nothing else."""
    measures = JobMeasures(registry)
    wanted = scheduled_jobs(settings) if jobs is None else jobs
    async with scheduling(db, wanted, now=now, clock=clock, measures=measures):
        await stop.wait()


@asynccontextmanager
async def scheduling(
    db: Database,
    jobs: Sequence[Job],
    *,
    now: Callable[[], datetime],
    clock: ClockWatch | None = None,
    measures: JobMeasures | None = None,
    terms: Terms = TERMS,
    drain: timedelta = DRAIN,
) -> AsyncIterator[None]:
    """Run the jobs while the block runs; for use in the life of a server.

    Each is looked for at once, so that a slot missed while no process ran is run now, and then at fixed instants.
    At the end nothing new is begun, and what runs has `drain` to end. While `clock` finds that this node's is wrong,
    no slot is claimed here: another node, or nobody, is better than one that flags by a wrong clock.
    """
    desk = _Desk(db, now, clock, measures or JobMeasures(), terms)
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        jobstores={"default": MemoryJobStore()},
        executors={"default": AsyncIOExecutor()},
        job_defaults=dict(_DEFAULTS),
    )
    scheduler.add_listener(_tell, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
    for job in jobs:
        scheduler.add_job(desk.look, args=[job], id=f"{job.name} at start")
        scheduler.add_job(
            desk.look,
            IntervalTrigger(seconds=look_every(job).total_seconds(), start_date=_EPOCH, timezone=UTC),
            args=[job],
            id=job.name,
        )
    scheduler.start()
    following = asyncio.create_task(_follow_the_clock(scheduler))
    log.info("scheduler started", node=desk.node, jobs=[job.name for job in jobs])
    try:
        yield
    finally:
        scheduler.pause()
        following.cancel()
        await desk.close(drain)
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)  # the line above only asks for it
        log.info("scheduler stopped", node=desk.node)


async def _follow_the_clock(scheduler: AsyncIOScheduler) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY.total_seconds())
        look_at_once(scheduler, datetime.now(UTC))


def look_at_once(scheduler: AsyncIOScheduler, now: datetime) -> int:
    """Look for the jobs whose next look lies further ahead than they ever wait; gives how many.

    That is so when the clock of this machine was set back: APScheduler would wait until it has caught up.
    """
    late = [job for job in scheduler.get_jobs() if job.next_run_time - now > LOOK_EVERY]
    for job in late:
        log.warning("the clock was set back, so the job is looked for at once", job=job.id)
        job.modify(next_run_time=now)
    return len(late)


def look_every(job: Job) -> timedelta:
    """How often a job is looked for: an even part of its interval, so that every slot is found the moment it begins."""
    return job.interval / ceil(job.interval / LOOK_EVERY)


class _Desk:
    """What one process has in hand. Runs are tasks of their own, so that ending the scheduler cancels none."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], datetime],
        clock: ClockWatch | None,
        measures: JobMeasures,
        terms: Terms,
    ) -> None:
        self.node = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._db = db
        self._now = now
        self._clock = clock
        self._measures = measures
        self._terms = terms
        self._closing = False
        self._at_work: dict[str, asyncio.Task[None]] = {}

    async def look(self, job: Job) -> None:
        """Do what there is to do of a job, unless this process is at it already."""
        if self._closing or job.name in self._at_work:
            return
        task = asyncio.create_task(self._work_off(job), name=job.name)
        self._at_work[job.name] = task
        task.add_done_callback(lambda _: self._at_work.pop(job.name))
        await asyncio.shield(task)

    async def close(self, drain: timedelta) -> None:
        """Begin nothing new, and wait for what runs."""
        self._closing = True
        if not self._at_work:
            return
        _, left = await asyncio.wait(self._at_work.values(), timeout=drain.total_seconds())
        for task in left:
            log.warning("job still running", job=task.get_name(), waited_seconds=drain.total_seconds())

    async def _work_off(self, job: Job) -> None:
        for _ in range(AT_ONCE):
            if self._closing:
                return
            try:
                if self._clock is not None:
                    await self._clock.require()
                run = await run_slot(
                    self._db,
                    job.name,
                    job.interval,
                    job.work,
                    node=self.node,
                    now=self._now(),
                    terms=self._terms,
                )
            except ClockOff as fault:
                self._measures.not_claimed(job.name)
                log.error("job not run: the clock is wrong", job=job.name, fault=str(fault))
                return
            except PASSING_FAULTS as fault:
                self._measures.not_claimed(job.name)
                log.error(
                    "job not run: the database could not be asked for it",
                    job=job.name,
                    fault=fault,
                )
                return
            if run is None:
                return
            self._measures.observe(run)


def _tell(event: Any) -> None:
    """APScheduler keeps what goes wrong to itself, so it is logged here."""
    if event.code == EVENT_JOB_MAX_INSTANCES:
        log.info("job still running, looked for again later", job=event.job_id)
    elif event.code == EVENT_JOB_MISSED:
        log.warning("look for a job missed", job=event.job_id, at=event.scheduled_run_time.isoformat())
    elif isinstance(event, JobExecutionEvent):
        log.error("look for a job failed", job=event.job_id, exc_info=event.exception)
