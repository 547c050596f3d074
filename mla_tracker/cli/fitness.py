"""What /health/ready asks besides the database itself: the schema and the scheduled jobs."""

from collections.abc import Sequence
from datetime import datetime

from mla_tracker.api.health import Check, Finding
from mla_tracker.queries.jobs import job_health, verdict
from mla_tracker.scheduler.jobs import ESSENTIAL, intervals
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Tx
from mla_tracker.storage.errors import DatabaseNewer
from mla_tracker.storage.migrating import schema_in


def readiness(settings: Settings, *, began: datetime) -> Sequence[Check]:
    """The checks of a process that began at `began`: before that no job could be late on its account."""

    async def jobs(tx: Tx, now: datetime) -> Finding:
        ok, detail = verdict(await job_health(tx, now, intervals(settings), since=began), ESSENTIAL)
        return Finding("jobs", ok, detail)

    return [schema, jobs]


async def schema(tx: Tx, now: datetime) -> Finding:
    """Whether all migrations of this program have run, and none beside which it cannot work."""
    try:
        found = await schema_in(tx)
    except DatabaseNewer as newer:
        return Finding("schema", False, str(newer))
    if found.missing:
        return Finding("schema", False, f"{len(found.missing)} migration(s) to run: mla-tracker migrate.")
    if found.newer:
        return Finding("schema", True, f"Newer by {len(found.newer)} migration(s) that this program works beside.")
    return Finding("schema", True, "The schema is up to date.")
