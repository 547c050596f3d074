"""What /health/ready asks besides the database itself: the schema, the clock of this node, the scheduled jobs."""

from collections.abc import Callable, Sequence
from datetime import datetime

from mla_tracker.api.health import Check, Finding
from mla_tracker.queries.jobs import job_health, verdict
from mla_tracker.scheduler.jobs import ESSENTIAL, intervals
from mla_tracker.settings import Settings
from mla_tracker.storage.clock_watch import CLOCK_BOUND, ahead, sentence
from mla_tracker.storage.database import Tx
from mla_tracker.storage.errors import DatabaseNewer
from mla_tracker.storage.migrating import schema_in


def readiness(
    settings: Settings, *, began: datetime, now: Callable[[], datetime], runs_jobs: bool = True
) -> Sequence[Check]:
    """The checks of a process that began at `began`.

    One that `runs_jobs` is given from then on as long as a job may take, since it will run what was missed. One that
    does not changes nothing by having begun: where the schedulers stand still, it is not fit from its first moment.
    `now` reads the clock of this node anew, so that what a check has to wait for is not held against the clock.
    """

    async def clock(tx: Tx, _: datetime) -> Finding:
        difference = await ahead(tx, now)
        return Finding("clock", abs(difference) <= CLOCK_BOUND, sentence(difference))

    async def jobs(tx: Tx, at: datetime) -> Finding:
        healths = await job_health(tx, at, intervals(settings), since=began, excused=runs_jobs)
        ok, detail = verdict(healths, ESSENTIAL)
        return Finding("jobs", ok, detail)

    return [schema, clock, jobs]


async def schema(tx: Tx, now: datetime) -> Finding:
    """Whether all migrations of this program have run, and none beside which it cannot work."""
    try:
        found = await schema_in(tx)
    except DatabaseNewer as newer:
        return Finding("schema", False, str(newer))
    if found.missing:
        return Finding("schema", False, f"{len(found.missing)} migration(s) to run: mla-tracker migrate.")
    if found.newer:
        return Finding(
            "schema", True, f"Newer by {len(found.newer)} migration(s) that this program works beside."
        )
    return Finding("schema", True, "The schema is up to date.")
