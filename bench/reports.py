"""Time of worklist and reports over 200,000 clocks, for a country with many of them and for one with few.

`python -m bench.reports` uses a private PostgreSQL in a folder of its own. Beside the figures stands their floor in the
same run: a bare count of the clocks that the country may see.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import ClockState, Effect, Role, Side, Stage
from mla_tracker.queries import ageing, reports, worklist
from mla_tracker.queries.ageing import AgeingWanted
from mla_tracker.queries.reports import Dimension, ReportBasis, SlaWanted
from mla_tracker.queries.worklist import ClockFilter
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database, DbRole, TimeLimits, Tx
from mla_tracker.storage.migrating import migrate
from mla_tracker.storage.vault import Vault

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LONG = TimeLimits(statement=0, lock=0, idle=0)
YEARS = SlaWanted(date(2021, 1, 1), date(2027, 1, 1))
LAST_YEAR = SlaWanted(date(2025, 1, 1), date(2026, 1, 1))

# Four clocks per request over six years. Morocco has half of all requests, Fiji one in a thousand. Nine of ten clocks
# are met, some late; the rest run (most of the recent ones), stand still, or were cancelled.
_FILL = """
with pairs as (
    select n, case when n % 1000 = 7 then 'FJ' when n % 4 = 0 then 'MA'
            else (array['ES', 'FR', 'IT', 'KZ', 'EC'])[1 + n % 5] end as asking,
        case when n % 4 = 1 then 'MA' else (array['PT', 'DE', 'CO', 'PE', 'BY'])[1 + n % 5] end as asked
    from generate_series(1, $1) as n
), made as (
    insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, status, shared,
        created_at, updated_at, first_act_on)
    select mla_uuid7($2), (array['evidence', 'evidence', 'extradition', 'proceedings'])[1 + n % 4], asking, asked,
        asking, 'routine', case when n % 10 = 0 then 'received' else 'closed' end, true,
        $2::timestamptz - interval '1 day' * (n % 2100), $2::timestamptz, ($2::timestamptz)::date - n % 2100
    from pairs
    returning *
), acts as (
    insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_on, asserted_by,
        recorded_at)
    select mla_uuid7($2), id, requesting_country, requested_country, act, first_act_on, recorded_by, $2
    from made cross join (values ('sent'), ('received'), ('acknowledged'), ('accepted')) as acts (act)
), drawn as (
    select made.*, n, random() as luck, (random() * 60)::int as late from made cross join generate_series(1, 4) as n
), told as (
    select *, first_act_on + n * 30 as due_on,
        case when status = 'received' and luck < 0.6 then 'running'
            when status = 'received' and luck < 0.7 then 'paused'
            when luck < 0.75 then 'met' when luck < 0.95 then 'met_late' else 'cancelled' end as state
    from drawn
)
insert into clock (id, request_id, requesting_country, requested_country, shared, recorded_by, request_kind, clock_key,
    limit_id, limit_version, basis, stage, effect, obligor, counted_in_country, state, started_on, started_at, due_on,
    due_at, paused_since, pauses, stopped_on, stopped_at, explanation)
select mla_uuid7($2), id, requesting_country, requested_country, true, recorded_by, kind, 'k' || n,
    'default-policy/execute', 1, case when n = 1 then 'law' else 'policy' end,
    (array['receive', 'acknowledge', 'decide', 'execute'])[n],
    case when n = 3 and luck < 0.2 then 'expiry' else 'deadline' end,
    case when n = 4 and luck < 0.3 then 'requesting' else 'requested' end, requested_country, state, first_act_on,
    first_act_on::timestamptz, due_on, (due_on + 1)::timestamptz,
    case when state = 'paused' then due_on::timestamptz end,
    case when state = 'paused' then jsonb_build_array(jsonb_build_object('from', due_on::timestamptz, 'to', null))
        when late < 6 then jsonb_build_array(jsonb_build_object('from', first_act_on::timestamptz,
            'to', (first_act_on + 9)::timestamptz)) else '[]' end,
    case when state in ('met', 'cancelled') then due_on - late / 3 when state = 'met_late' then due_on + late + 1 end,
    case when state in ('met', 'cancelled') then due_on - late / 3 when state = 'met_late' then due_on + late + 1 end,
    jsonb_build_object('steps', repeat('why ', 200))
from told
"""

Ask = Callable[[Tx, Actor], Awaitable[Any]]


def page(**wanted: Any) -> Ask:
    """The first fifty of a worklist."""

    async def ask(tx: Tx, actor: Actor) -> Any:
        return await worklist.clocks(tx, ClockFilter(**wanted), actor=actor, as_of=NOW, after=None, limit=51)

    return ask


def speed(wanted: SlaWanted) -> Ask:
    """A speed report."""

    async def ask(tx: Tx, actor: Actor) -> Any:
        return await reports.sla(tx, wanted, actor=actor, as_of=NOW)

    return ask


async def old_and_open(tx: Tx, actor: Actor) -> Any:
    """The ageing report."""
    wanted = AgeingWanted([Dimension.COUNTERPART, Dimension.KIND])
    return await ageing.ageing(tx, wanted, actor=actor, as_of=NOW)


async def bare_count(tx: Tx, actor: Actor) -> Any:
    """The floor: one count by the same two sides."""
    return await tx.fetchval(
        """
        select (select count(*) from clock where requesting_country = any($1::text[]))
            + (select count(*) from clock where requested_country = any($1::text[]))
        """,
        list(actor.countries),
    )


EVERY = tuple(Dimension)
ASKS: dict[str, Ask] = {
    "floor: bare count": bare_count,
    "clocks overdue": page(states=[ClockState.OVERDUE]),
    "clocks overdue, one stage": page(states=[ClockState.OVERDUE], stages=[Stage.DECIDE]),
    "clocks open": page(states=[ClockState.RUNNING, ClockState.OVERDUE, ClockState.PAUSED]),
    "clocks of an officer": page(states=[ClockState.OVERDUE], assigned_to="desk 4"),
    "clocks, any state": page(),
    "deadlines of a month": page(
        effects=[Effect.DEADLINE],
        due_from=date(2025, 5, 1),
        due_before=date(2025, 6, 1),
        own_side=Side.REQUESTED,
    ),
    "sla, one year, one side": speed(
        SlaWanted(LAST_YEAR.from_day, LAST_YEAR.to_day, EVERY, (Side.REQUESTED,), (ReportBasis.POLICY,))
    ),
    "sla, one year, all": speed(SlaWanted(LAST_YEAR.from_day, LAST_YEAR.to_day, EVERY)),
    "sla, six years, all": speed(SlaWanted(YEARS.from_day, YEARS.to_day, EVERY)),
    "ageing": old_and_open,
}


async def measure(db: Database, country: str, ask: Ask, rounds: int) -> float:
    """Median milliseconds within a transaction, after one round to warm up."""
    actor = Actor(UUID(int=1), (country,), Role.MINISTRY, "bench")
    took = []
    for _ in range(rounds + 1):
        async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            began = time.perf_counter()
            await ask(tx, actor)
            took.append((time.perf_counter() - began) * 1000)
    return median(took[1:])


class _Explaining(Tx):
    """A transaction that prints the plan of what it fetches."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        for row in await super().fetch(f"explain (analyze, buffers, costs off) {query}", *args):
            print("   ", row[0])  # noqa: T201
        return await super().fetch(query, *args)


async def explain(db: Database, country: str, ask: Ask) -> None:
    """Print how PostgreSQL goes about it."""
    actor = Actor(UUID(int=1), (country,), Role.MINISTRY, "bench")
    async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        await ask(_Explaining(tx.connection), actor)


async def run(url: str, clocks: int, rounds: int, *, as_json: bool, plan: str | None) -> None:
    """Fill, measure, print."""
    async with await Database.open(url, vault=Vault.made()) as db:
        await migrate(db)
        async with db.transaction(DbRole.OWNER, limits=LONG) as tx:
            await tx.execute(_FILL, clocks // 4, NOW)
        async with db._connection() as connection:
            await connection.execute("vacuum analyze", timeout=None)
        for name, ask in ASKS.items():
            if plan is not None and plan not in name:
                continue
            figures = {country: await measure(db, country, ask, rounds) for country in ("MA", "FJ", "SE")}
            if as_json:
                print(json.dumps({"name": name, **figures}))  # noqa: T201
            else:
                many, few, none = figures.values()
                print(f"{name:28} many {many:8.1f} ms   few {few:7.1f} ms   none {none:7.1f} ms")  # noqa: T201
            if plan is not None:
                await explain(db, "MA", ask)


def main() -> None:
    """Print the time of worklist and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clocks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object for each question, in milliseconds"
    )
    parser.add_argument(
        "--plan", metavar="NAME", help="only the questions with this in their name, with their plans"
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as folder,
        embedded.running(Path(folder)) as server,
    ):
        asyncio.run(
            run(server.url(), options.clocks, options.rounds, as_json=options.json, plan=options.plan)
        )


if __name__ == "__main__":
    main()
