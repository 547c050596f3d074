"""What must not grow with what is stored: worklist, sweep and speed report with 10,000 requests and with 1,000,000.

`python -m bench.scale` fills a private PostgreSQL in a folder of its own for each size (four clocks per request over
six years; the large one takes some minutes and 8 GB) and measures both in one run. `--folder` keeps the data: the next
run finds it and only measures. The floor of the report is a bare `select count(*)` over the table of clocks.
"""

import argparse
import asyncio
import os
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from statistics import median

import asyncpg

from bench import reports, sweep
from bench.reports import ASKS, NOW, measure
from mla_tracker.commands.overdue import flag_due
from mla_tracker.domain.vocabulary import ClockState
from mla_tracker.queries.reports import Dimension, SlaWanted
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.migrating import migrate
from mla_tracker.storage.vault import Vault

SIZES = (10_000, 1_000_000)
BATCH = 50_000
COUNTRIES = ("MA", "FJ", "SE")
DUE = (1_000, 10_000, 100_000)
"""Morocco has half of all requests, Fiji one in a thousand, Sweden none."""

YEAR = reports.LAST_YEAR
BY_MONTH = SlaWanted(YEAR.from_day, YEAR.to_day, (Dimension.COUNTERPART, Dimension.MONTH))

# What a clock that runs has to be looked at for; far ahead, so that nothing is due until the run says so.
_CHECKS = """
insert into clock_check (clock_id, kind, level, at, due_at)
select id, 'overdue', 0, $1::timestamptz + interval '400 days' + (random() * interval '30 days'), due_at
from clock c where state = 'running' and not exists (select from clock_check k where k.clock_id = c.id)
"""
_RUN = "update clock set state = 'running', paused_since = null, stopped_on = null, stopped_at = null where id in "
_OPEN_ALL = _RUN + "(select id from clock where effect = 'deadline' and state <> 'running' limit $1)"


async def fill(db: Database, requests: int) -> None:
    """Store what is missing of that many requests."""
    async with db.transaction(DbRole.OWNER, limits=reports.LONG) as tx:
        held: int = await tx.fetchval("select count(*) from request")
    while held < requests:
        async with db.transaction(DbRole.OWNER, limits=reports.LONG) as tx:
            await tx.execute(reports._FILL, min(BATCH, requests - held), NOW)
        held += BATCH
    async with db.transaction(DbRole.OWNER, limits=reports.LONG) as tx:
        open_now: int = await tx.fetchval("select count(*) from clock where state = 'running'")
        if open_now < requests:
            await tx.execute(_OPEN_ALL, requests - open_now)
        await tx.execute(_CHECKS, NOW)
    async with db._connection() as connection:
        await connection.execute("vacuum analyze", timeout=None)


async def idle_sweep(db: Database, rounds: int) -> float:
    """Median milliseconds of a sweep that finds nothing due."""
    took = [(await sweep.timed(lambda: flag_due(db, NOW)))[0] for _ in range(rounds * 4)]
    return median(took)


async def flags_per_second(db: Database, due: int) -> float:
    """How many flags a second a sweep raises that finds so many checks due; they are taken back afterwards."""
    async with db.transaction(DbRole.OWNER, limits=reports.LONG) as tx:
        await tx.execute(sweep._COME_DUE, NOW, due)
    await sweep.vacuum(db)
    took, swept = await sweep.timed(lambda: flag_due(db, NOW + timedelta(seconds=1)))
    assert swept.raised == due, f"{swept.raised} of {due}"
    async with db.transaction(DbRole.OWNER, limits=reports.LONG) as tx:
        await tx.execute("delete from flag")
        await tx.execute(_CHECKS, NOW)
    return due / took * 1000


async def measured(db: Database, rounds: int) -> dict[str, float]:
    """Every figure of one size."""
    found: dict[str, float] = {}
    async with db.transaction(DbRole.OWNER, limits=reports.LONG) as tx:
        for name in ("request", "clock", "clock_check"):
            found[f"stored: {name}"] = await tx.fetchval(f"select count(*) from {name}")
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            await tx.fetchval("select count(*) from clock")
            took.append((time.perf_counter() - began) * 1000)
        found["floor: count(*) of clocks, ms"] = median(took)
    overdue = reports.page(states=[ClockState.OVERDUE])
    for country in COUNTRIES:
        found[f"overdue page, {country}, ms"] = await measure(db, country, overdue, rounds)
    for country in COUNTRIES[:2]:
        by_month = await measure(db, country, reports.speed(BY_MONTH), rounds)
        found[f"sla, a year by counterpart and month, {country}, ms"] = by_month
    with suppress(asyncpg.QueryCanceledError):  # a statement that may take 15 seconds took longer
        found["ageing, MA, ms"] = await measure(db, "MA", ASKS["ageing"], rounds)
    found["sweep, nothing due, ms"] = await idle_sweep(db, rounds)
    for due in DUE:
        if due <= found["stored: clock_check"]:
            found[f"sweep, {due:,} due, flags/s"] = await flags_per_second(db, due)
    return found


async def run(url: str, requests: int, rounds: int) -> dict[str, float]:
    """Fill and measure one size."""
    async with await Database.open(url, vault=Vault.made()) as db:
        await migrate(db)
        await fill(db, requests)
        return await measured(db, rounds)


def main() -> None:
    """Print both sizes side by side, and how they stand to each other."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="keep the data here, and find it again")
    parser.add_argument("--fill", action="store_true", help="only fill the folder")
    parser.add_argument(
        "--sizes", type=int, nargs=2, default=SIZES, help="requests of the small and the large one"
    )
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as passing:
        both = []
        for size in given.sizes:
            folder = (given.folder or Path(passing)) / str(size)
            folder.mkdir(parents=True, exist_ok=True)
            with embedded.running(
                folder, settings={"shared_buffers": "1GB", "max_wal_size": "4GB"}
            ) as server:
                both.append(asyncio.run(run(server.url(), size, 1 if given.fill else given.rounds)))
    small, large = both
    print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")  # noqa: T201
    print(f"{'requests':<52} {given.sizes[0]:>12,} {given.sizes[1]:>12,} {'ratio':>7}")  # noqa: T201
    for name, figure in large.items():
        other = small.get(name)
        ratio = f"{figure / other:>7.2f}" if other else ""
        print(f"{name:<52} {'' if other is None else f'{other:,.2f}':>12} {figure:>12,.2f} {ratio}")  # noqa: T201


if __name__ == "__main__":
    main()
