"""A scheduler that is killed with kill -9 in the middle of its work."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mla_tracker.commands.jobs import Terms
from mla_tracker.commands.overdue import flag_due
from mla_tracker.scheduler.jobs import Job
from mla_tracker.scheduler.running import scheduling
from mla_tracker.storage.database import Database, DbRole
from tests.builders.clocks import many_clocks

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

CHILD = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from mla_tracker.commands.jobs import Terms
from mla_tracker.commands.overdue import flag_due
from mla_tracker.scheduler.jobs import Job
from mla_tracker.scheduler.running import scheduling
from mla_tracker.storage import flags
from mla_tracker.storage.database import Database

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

async def sweep(db, now):
    real = flags.raise_due
    batches = 0
    async def told(tx, now, size):
        nonlocal batches
        batch = await real(tx, now, size)
        batches += 1
        if batches == 3:
            print("in the middle of the third batch", flush=True)
            await asyncio.Event().wait()
        return batch
    flags.raise_due = told
    return {"raised": (await flag_due(db, now, batch=100)).raised}

async def main():
    async with await Database.open(sys.argv[1], pool_size=3) as db:
        terms = Terms(lease=timedelta(seconds=1), heartbeat=timedelta(milliseconds=300))
        async with scheduling(db, [Job("sweep", timedelta(minutes=1), sweep)], now=lambda: NOON, terms=terms):
            await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_scheduler_killed_in_the_middle_of_a_sweep_is_replaced_by_another(
    db: Database, database_url: str
) -> None:
    """What it had committed stands, what it had not is done by the other, and nothing is flagged twice."""
    await many_clocks(db, 500, "2026-03-10")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(60):
        while b"third batch" not in await child.stdout.readline():
            assert child.returncode is None
        child.kill()
        await child.wait()
    assert (await slot(db))["status"] == "running"
    assert await flags(db) == (200, 200)

    async def sweep(db: Database, now: datetime) -> Mapping[str, Any]:
        return {"raised": (await flag_due(db, now)).raised}

    brief = Terms(lease=SECOND, heartbeat=SECOND / 4)
    async with (
        asyncio.timeout(60),
        scheduling(db, [Job("sweep", SECOND / 4, sweep)], now=lambda: NOON, terms=brief),
    ):
        while (await slot(db))["status"] != "done":
            pass
    row = await slot(db)
    assert (row["attempts"], row["result"]) == (2, {"raised": 300})
    assert await flags(db) == (500, 500)


async def flags(db: Database) -> tuple[int, int]:
    """Flags, and requests that have one."""
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow("select count(*) as flags, count(distinct request_id) as requests from flag")
    assert row is not None
    return row["flags"], row["requests"]


async def slot(db: Database) -> dict[str, Any]:
    """The one slot that there is."""
    async with db.transaction(DbRole.OWNER) as tx:
        [row] = await tx.fetch("select * from job_slot")
    return dict(row)
