"""The table of scheduled jobs: how often, and which command."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mla_tracker.commands.delivering import deliver
from mla_tracker.commands.housekeeping import keep_house
from mla_tracker.commands.jobs import Work
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.retention import forget_due
from mla_tracker.commands.sealing import seal
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database

SWEEP: Final = "sweep"
RECOUNT: Final = "recount"
HOUSEKEEPING: Final = "housekeeping"
SEAL: Final = "seal"
RETENTION: Final = "retention"
DELIVER: Final = "deliver"

ESSENTIAL: Final = frozenset({SWEEP})
"""Jobs without which the program is not fit for work."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job and how often it runs; `work` answers with figures for the record of the run."""

    name: str
    interval: timedelta
    work: Work


def scheduled_jobs(settings: Settings) -> Sequence[Job]:
    """All jobs, with the intervals that the settings ask for."""
    return (
        Job(SWEEP, timedelta(seconds=settings.sweep_seconds), _sweep),
        Job(RECOUNT, timedelta(minutes=1), _recount),
        Job(HOUSEKEEPING, timedelta(hours=1), _housekeeping(settings)),
        Job(SEAL, timedelta(minutes=1), _sealing(settings)),
        Job(RETENTION, timedelta(days=1), _forget),
        Job(DELIVER, timedelta(seconds=15), _delivering(settings)),
    )


def intervals(settings: Settings) -> Mapping[str, timedelta]:
    """The interval of every job by its name, as `queries.jobs.job_health` wants it."""
    return {job.name: job.interval for job in scheduled_jobs(settings)}


async def _sweep(db: Database, now: datetime) -> Mapping[str, Any]:
    swept = await flag_due(db, now)
    by_kind = {kind.value: number for kind, number in swept.by_kind.items()}  # as the log shall show them
    return {"looked_at": swept.looked_at, "raised": swept.raised, "by_kind": by_kind}


async def _recount(db: Database, now: datetime) -> Mapping[str, Any]:
    counted = await recount_stale(db, now)
    return {"done": counted.done, "changed": counted.changed, "failed": len(counted.failed)}


def _housekeeping(settings: Settings) -> Work:
    async def work(db: Database, now: datetime) -> Mapping[str, Any]:
        return asdict(await keep_house(db, now, feed_days=settings.feed_days))

    return work


async def _forget(db: Database, now: datetime) -> Mapping[str, Any]:
    done = await forget_due(db, now)
    return {"looked_at": done.looked_at, "erased": len(done.requests)}


def _delivering(settings: Settings) -> Work:
    reach = Reach.of(settings.webhook_networks, http=settings.webhook_http)

    async def work(db: Database, now: datetime) -> Mapping[str, Any]:
        return asdict(await deliver(db, now, reach))

    return work


def _sealing(settings: Settings) -> Work:
    async def work(db: Database, now: datetime) -> Mapping[str, Any]:
        return asdict(await seal(db, now, file=settings.checkpoint_file, url=settings.checkpoint_url))

    return work
