"""Figures of the installation for Prometheus, read from the database at a scrape.

At most twice a minute, and less often where that takes long.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mla_tracker.queries.figures import Figures, figures
from mla_tracker.storage.database import Database, DbRole, TimeLimits

READ_EVERY: Final = timedelta(seconds=30)
WHOLE_SECONDS: Final = 8.0
RESTS: Final = 50
"""After a reading that took long, nothing is read for so many times as long: that is at most a fiftieth of the time."""

_LIMITS: Final = TimeLimits(statement=5_000, lock=1_000, idle=5_000)

log = structlog.get_logger(__name__)


class InstallationFigures(Collector):
    """What was read last. Any number of scrapes at once read it once."""

    def __init__(self, intervals: Mapping[str, timedelta]) -> None:
        self.registry = CollectorRegistry()
        self._intervals = intervals
        self._reading = asyncio.Lock()
        self._asked: datetime | None = None
        self._keep = READ_EVERY
        self._read: Figures | None = None
        self.registry.register(self)

    async def refresh(self, database: Database, now: datetime) -> None:
        """Read them anew if they are too old. What cannot be read is left out, and told by `mla_figures_up`."""
        async with self._reading:
            if self._asked is not None and timedelta(0) <= now - self._asked < self._keep:
                return
            self._asked, began = now, time.monotonic()
            try:
                async with (
                    asyncio.timeout(WHOLE_SECONDS),
                    database.transaction(DbRole.JOBS, read_only=True, limits=_LIMITS) as tx,
                ):
                    self._read = await figures(tx, now, self._intervals)
            except Exception as fault:  # noqa: BLE001 - the figures of the process itself are given all the same
                self._read = None
                log.warning("figures of the installation not read", fault=fault)
            self._keep = max(READ_EVERY, RESTS * timedelta(seconds=time.monotonic() - began))

    def describe(self) -> list[Metric]:
        """Nothing beforehand: what is registered is asked when it is collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What was read last."""
        read = self._read
        yield GaugeMetricFamily(
            "mla_figures_up", "1 where the figures of the installation could be read.", value=read is not None
        )
        if read is not None:
            yield from _jobs(read)
            yield from _backlogs(read)
            yield from _duties(read)


def _jobs(read: Figures) -> Iterator[Metric]:
    interval = _by_job("mla_installation_job_interval_seconds", "How often the job is to run.")
    done = _by_job(
        "mla_installation_job_last_done_timestamp_seconds", "Newest slot of the job that any node finished."
    )
    late = _by_job("mla_installation_job_late", "1 where that slot is older than 4 intervals.")
    failures = _by_job("mla_installation_job_failures", "Failed attempts since that slot.")
    for job in read.jobs:
        interval.add_metric([job.job], job.interval.total_seconds())
        late.add_metric([job.job], job.late)
        failures.add_metric([job.job], job.failures)
        if job.last_done is not None:
            done.add_metric([job.job], job.last_done.timestamp())
    yield from (interval, done, late, failures)


def _by_job(name: str, words: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=["job"])


def _backlogs(read: Figures) -> Iterator[Metric]:
    entries = GaugeMetricFamily("mla_backlog_entries", "Entries that wait for a job.", labels=["queue"])
    age = GaugeMetricFamily(
        "mla_backlog_oldest_age_seconds", "Age of the oldest of them; 0 where none waits.", labels=["queue"]
    )
    for name, backlog in read.backlogs.items():
        entries.add_metric([name], backlog.entries)
        waited = (read.at - backlog.oldest).total_seconds() if backlog.oldest is not None else 0
        age.add_metric([name], max(waited, 0))
    yield from (entries, age)


def _duties(read: Figures) -> Iterator[Metric]:
    overdue = GaugeMetricFamily(
        "mla_overdue_duties",
        "Open duties past their date, by the country that owes them and the kind of limit.",
        labels=["country", "basis"],
    )
    for (country, basis), number in sorted(read.overdue.items()):
        overdue.add_metric([country, basis], number)
    yield overdue
    if read.checkpoint_at is not None:
        yield GaugeMetricFamily(
            "mla_audit_checkpoint_timestamp_seconds",
            "When the newest checkpoint of the audit was signed.",
            value=read.checkpoint_at.timestamp(),
        )
