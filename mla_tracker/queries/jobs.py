"""How the scheduled jobs fare: for the operator, and for whoever must decide whether this program is fit for work."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mla_tracker.storage.database import Tx

LATE_AFTER: Final = 3  # intervals
FAILING_AFTER: Final = 3  # failed attempts on end
RECENT: Final = 100  # newest slots that are read of each job

_SQL: Final = f"""
with recent as (select * from job_slot where job = $1 order by slot desc limit {RECENT})
select newest.slot, newest.status, newest.attempts, newest.finished_at, newest.error, done.slot as done_slot,
    (select coalesce(sum(attempts - (status = 'running')::int), 0) from recent
        where status <> 'done' and (done.slot is null or slot > done.slot))::int as failures,
    (select coalesce(sum((result ->> 'missed_slots')::int), 0) from recent where slot > $2)::int as missed
from (select * from recent order by slot desc limit 1) as newest
left join (select * from job_slot where job = $1 and status = 'done' order by slot desc limit 1) as done on true
"""

_KNOWN_SINCE: Final = "select max(ran_on) at time zone 'UTC' from migration"


@dataclass(frozen=True, slots=True)
class JobHealth:
    """One job: its newest slot and how that stands.

    `status` is `never` if no scheduler has ever run it, else `running`, `done` or `failed`. `last_done`: the newest
    slot that was finished. `failures`: failed attempts since then. `missed`: slots of the last day that nobody ran.
    """

    job: str
    interval: timedelta
    slot: datetime | None
    status: str
    attempts: int
    finished_at: datetime | None
    error: str | None
    last_done: datetime | None
    failures: int
    missed: int
    late: bool

    @property
    def failing(self) -> bool:
        """Whether it failed so often on end that somebody must look."""
        return self.failures >= FAILING_AFTER

    @property
    def ok(self) -> bool:
        """Whether nobody need look."""
        return not (self.late or self.failing)

    @property
    def sentence(self) -> str:
        """How it stands, for the operator."""
        every = f"every {_words(self.interval)}"
        if self.slot is None:
            start = " Start a scheduler: mla-tracker serve, or mla-tracker scheduler." if self.late else ""
            return f"{self.job} ({every}) has never run.{start}"
        if self.last_done is None:
            parts = [f"{self.job} ({every}) was never finished; slot {_minute(self.slot)} is {self.status}"]
        else:
            parts = [f"{self.job} ({every}) last finished slot {_minute(self.last_done)}"]
        if self.late:
            parts.append("is late: check that a scheduler is running")
        if self.failures:
            reason = self.error or "whoever ran it stopped answering"
            parts.append(f"failed {self.failures} times on end ({reason})")
        if self.missed:
            parts.append(f"{self.missed} slots of the last day were missed")
        return ", ".join(parts) + "."


async def job_health(
    tx: Tx,
    now: datetime,
    intervals: Mapping[str, timedelta],
    *,
    since: datetime | None = None,
    excused: bool = True,
) -> Sequence[JobHealth]:
    """How each of the jobs stands at `now`.

    A job is late when the slot after its newest finished one has been waiting for more than 3 intervals. Slots before
    `since`, when this process began, do not count against it if it is `excused`, as it was not there to run them. A job
    that never ran is late by `since`; without it, by the newest migration, since when it should have run.
    """
    return [await _one(tx, now, job, interval, since, excused) for job, interval in intervals.items()]


def verdict(healths: Iterable[JobHealth], essential: Collection[str]) -> tuple[bool, str]:
    """Whether all jobs in `essential` are fit, and a sentence on every job."""
    healths = list(healths)
    ok = all(health.ok for health in healths if health.job in essential)
    return ok, " ".join(health.sentence for health in healths)


async def _one(
    tx: Tx, now: datetime, job: str, interval: timedelta, since: datetime | None, excused: bool
) -> JobHealth:
    row = await tx.fetchrow(_SQL, job, now - timedelta(days=1))
    last_done: datetime | None = row["done_slot"] if row is not None else None
    begun = since if excused or last_done is None else None
    counted_from = max((at for at in (last_done, begun) if at is not None), default=None)
    if counted_from is None:
        counted_from = row["slot"] - interval if row is not None else await tx.fetchval(_KNOWN_SINCE)
    late = now - (counted_from + interval) > LATE_AFTER * interval
    if row is None:
        return JobHealth(job, interval, None, "never", 0, None, None, None, 0, 0, late)
    return JobHealth(
        job, interval, row["slot"], row["status"], row["attempts"], row["finished_at"], row["error"], last_done,
        row["failures"], row["missed"], late,
    )  # fmt: skip


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _words(interval: timedelta) -> str:
    seconds = int(interval.total_seconds())
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return word if seconds == size else f"{seconds // size} {word}s"
    return f"{seconds} seconds"
