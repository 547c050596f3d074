"""Time of a sweep: with 10,000 requests of which 100 came due, with nothing due, and with 1,000,000 instants stored.

`python -m bench.sweep` uses a private PostgreSQL with durable commits in a folder of its own. Beside each figure
stands its floor in the same run: one statement that inserts as many bare flags, and commits.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from mla_tracker.commands.overdue import flag_due
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database, DbRole, TimeLimits
from mla_tracker.storage.flags import _RAISE_DUE
from mla_tracker.storage.migrating import migrate
from mla_tracker.storage.vault import Vault

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LONG = TimeLimits(statement=0, lock=0, idle=0)

# Ten clocks per request, each with a warning, its due instant and an escalation, none of them due.
_FILL = """
with made as (
    insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, status, shared,
        created_at, updated_at)
    select mla_uuid7($2), 'evidence', 'MA', 'ES', 'MA', 'routine', 'sent', true, $2, $2 from generate_series(1, $1)
    returning id
), clocks as (
    insert into clock (id, request_id, requesting_country, requested_country, shared, recorded_by, request_kind,
        clock_key, limit_id, limit_version, basis, stage, effect, obligor, counted_in_country, state, due_at,
        explanation)
    select mla_uuid7($2), made.id, 'MA', 'ES', true, 'MA', 'evidence', 'k' || n, 'default-policy/execute', 1, 'policy',
        'execute', 'deadline', 'requested', 'ES', 'running', $2::timestamptz + interval '30 days' * random()
        + interval '8 days', '{}'
    from made cross join generate_series(1, $3) as n
    returning id, due_at
)
insert into clock_check (clock_id, kind, level, at, due_at)
select id, kind, level, due_at + shift, due_at
from clocks cross join (values ('warning', 0, interval '-7 days'), ('overdue', 0, interval '0'),
    ('escalation', 1, interval '7 days')) as checks(kind, level, shift)
"""

_COME_DUE = """
update clock_check set at = $1, due_at = $1
where (clock_id, kind) in (select clock_id, kind from clock_check where kind = 'overdue' and level = 0 limit $2)
"""

_BARE = """
insert into flag (id, request_id, requesting_country, requested_country, clock_id, clock_key, limit_id, stage, obligor,
    kind, due_at, raised_at)
select mla_uuid7($1), id, 'MA', 'ES', id, 'bare', 'bare', 'execute', 'requested', 'overdue', $1, $1
from request limit $2
"""


async def fill(db: Database, requests: int, clocks_each: int) -> None:
    """Store requests with clocks and checks, none of them due at NOW."""
    async with db.transaction(DbRole.OWNER, limits=LONG) as tx:
        await tx.execute("truncate request, clock, clock_check, flag cascade")
        await tx.execute(_FILL, requests, NOW, clocks_each)
    await vacuum(db)


async def vacuum(db: Database) -> None:
    """What autovacuum would have done meanwhile; between runs, so that each finds the same table."""
    async with db._connection() as connection:
        await connection.execute("vacuum analyze clock_check, clock, request, flag", timeout=None)


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Milliseconds, and what the work gave."""
    began = time.perf_counter()
    result = await work()
    return (time.perf_counter() - began) * 1000, result


async def sweep_of(db: Database, due: int, rounds: int) -> tuple[float, float]:
    """Median milliseconds of a sweep that finds `due` checks, and of its floor."""
    sweeps, floors = [], []
    for number in range(rounds + 1):  # the first warms up
        async with db.transaction(DbRole.OWNER, limits=LONG) as tx:
            await tx.execute("delete from flag")
            await tx.execute(_COME_DUE, NOW, due)
        await vacuum(db)
        took, swept = await timed(lambda: flag_due(db, NOW))
        assert swept.raised == swept.looked_at == due, f"{swept}: fewer rounds, please"
        floor, _ = await timed(lambda: bare(db, due))
        if number:
            sweeps.append(took)
            floors.append(floor)
    return median(sweeps), median(floors)


async def bare(db: Database, number: int) -> None:
    """The floor: as many flags in one plain statement."""
    async with db.transaction(DbRole.JOBS) as tx:
        await tx.execute(_BARE, NOW, number)


async def stored(db: Database) -> int:
    """Checks that wait."""
    async with db.transaction(DbRole.OWNER) as tx:
        number: int = await tx.fetchval("select count(*) from clock_check")
    return number


async def plan(db: Database) -> str:
    """How PostgreSQL goes about one batch, and what it touches."""
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(_COME_DUE, NOW, 100)
        found = await tx.fetchval(f"explain (analyze, buffers, format json) {_RAISE_DUE}", NOW, 1000)
        await tx.execute("delete from flag")
    lines: list[str] = []

    def walk(node: dict[str, Any], depth: int) -> None:
        name = " ".join(str(node[key]) for key in ("Node Type", "Index Name", "Relation Name") if key in node)
        touched = node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0)
        lines.append(f"{'  ' * depth}{name}: {node.get('Actual Rows', 0):.0f} rows, {touched} pages")
        for child in node.get("Plans", ()):
            walk(child, depth + 1)

    walk(found[0]["Plan"], 0)
    return "\n".join(lines)


async def measure(
    db: Database, name: str, requests: int, clocks_each: int, rounds: int, *, show: bool
) -> dict[str, Any]:
    """Figures of one size."""
    await fill(db, requests, clocks_each)
    nothing = [(await timed(lambda: flag_due(db, NOW)))[0] for _ in range(rounds * 5)]
    figures: dict[str, Any] = {"stored": await stored(db), "nothing_due_ms": median(nothing)}
    for due in (100, 1_000 * clocks_each):
        sweep, floor = await sweep_of(db, due, rounds)
        figures |= {f"due_{due}_ms": sweep, f"floor_{due}_ms": floor}
    if show:
        print(await plan(db))  # noqa: T201
    return {"name": name, **figures}


async def run(url: str, rounds: int, *, as_json: bool, show: bool) -> None:
    """Measure both sizes and print them."""
    async with await Database.open(url, vault=Vault.made()) as db:
        await migrate(db)
        for name, requests, clocks_each in (
            ("10,000 requests", 10_000, 1),
            ("1,000,000 instants", 33_400, 10),
        ):
            figures = await measure(db, name, requests, clocks_each, rounds, show=show)
            if as_json:
                print(json.dumps(figures))  # noqa: T201
                continue
            print(f"{name} ({figures['stored']:,} instants stored)")  # noqa: T201
            for key in [key for key in figures if key.startswith("due_")]:
                due = int(key.split("_")[1])
                floor = figures[f"floor_{due}_ms"]
                rate = due / figures[key] * 1000
                print(f"  {due:>7,} due: {figures[key]:8.1f} ms, {rate:>8,.0f} flags/s; bare: {floor:.1f} ms")  # noqa: T201
            print(f"  nothing due: {figures['nothing_due_ms']:8.2f} ms")  # noqa: T201


def main() -> None:
    """Print the time of sweeps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object for each size")
    parser.add_argument("--plan", action="store_true", help="print how PostgreSQL goes about one batch")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as folder,
        embedded.running(Path(folder)) as server,
    ):
        asyncio.run(run(server.url(), options.rounds, as_json=options.json, show=options.plan))


if __name__ == "__main__":
    main()
