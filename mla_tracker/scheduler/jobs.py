"""The table of scheduled jobs: how often, and which command."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mla_tracker.commands.delivering import deliver
from mla_tracker.commands.housekeeping import keep_house
from mla_tracker.commands.importing import Read, work_off
from mla_tracker.commands.importing_rows import ReadRow
from mla_tracker.commands.jobs import Work
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.retention import forget_due
from mla_tracker.commands.sealing import seal
from mla_tracker.commands.telling import tell_due
from mla_tracker.outbound.mail import MailServer, Security
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database
from mla_tracker.storage.imports import ImportSpec

SWEEP: Final = "sweep"
RECOUNT: Final = "recount"
HOUSEKEEPING: Final = "housekeeping"
SEAL: Final = "seal"
RETENTION: Final = "retention"
DELIVER: Final = "deliver"
IMPORT: Final = "import"
MAIL: Final = "mail"

ESSENTIAL: Final = frozenset({SWEEP, RECOUNT, SEAL})
"""Jobs without which the program is not fit for work: flags, dates, and the proof of the history would be wrong."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job and how often it runs; `work` answers with figures for the record of the run."""

    name: str
    interval: timedelta
    work: Work


def _nobody_reads(content: AsyncIterable[bytes], spec: ImportSpec, *, skip: int) -> AsyncIterator[ReadRow]:
    raise RuntimeError(
        "Whoever starts the jobs gives them the reading of files: the bodies stand above the commands."
    )


def scheduled_jobs(settings: Settings, read: Read = _nobody_reads) -> Sequence[Job]:
    """All jobs, with the intervals that the settings ask for; `mail` only where there is a server for it.

    `read` is how files of records are read.
    """
    server = mail_server(settings)
    return (
        Job(SWEEP, timedelta(seconds=settings.sweep_seconds), _sweep),
        Job(RECOUNT, timedelta(minutes=1), _recount),
        Job(HOUSEKEEPING, timedelta(hours=1), _housekeeping(settings)),
        Job(SEAL, timedelta(minutes=1), _sealing(settings)),
        Job(RETENTION, timedelta(days=1), _forget),
        Job(DELIVER, timedelta(seconds=15), _delivering(settings)),
        Job(IMPORT, timedelta(seconds=15), _importing(read)),
        *([] if server is None else [Job(MAIL, timedelta(minutes=1), _telling(server, settings))]),
    )


def intervals(settings: Settings) -> Mapping[str, timedelta]:
    """The interval of every job by its name, as `queries.jobs.job_health` wants it."""
    return {job.name: job.interval for job in scheduled_jobs(settings)}


def mail_server(settings: Settings) -> MailServer | None:
    """The server that takes mail, if the settings name one."""
    if settings.smtp_host is None or settings.mail_from is None:
        return None
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        Security(settings.smtp_security),
        settings.mail_from,
        settings.smtp_user,
        settings.smtp_password,
        settings.smtp_ca_file,
    )


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


def _importing(read: Read) -> Work:
    async def work(db: Database, now: datetime) -> Mapping[str, Any]:
        return await work_off(db, now, read)

    return work


def _sealing(settings: Settings) -> Work:
    async def work(db: Database, now: datetime) -> Mapping[str, Any]:
        return asdict(await seal(db, now, file=settings.checkpoint_file, url=settings.checkpoint_url))

    return work


def _telling(server: MailServer, settings: Settings) -> Work:
    async def work(db: Database, now: datetime) -> Mapping[str, Any]:
        told = await tell_due(db, now, server, public_url=settings.public_url)
        return {"planned": told.planned, "mails": dict(told.ended)}

    return work
