"""What the walls and the audit cost: logging a request and reading one with them, beside the same without, in one run.

`python -m bench.walls` uses a private PostgreSQL in a folder of its own with durable commits, and measures the commands
themselves: HTTP would add the same to both sides and hide the difference. Without: transactions run as the owner of the
tables, for whom no row policy and no trigger of the walls works, and no entry is made for the audit. Rounds alternate.
Both keep the plans that they once made: left to itself the server plans the barer statements anew at each call, which
takes longer than all the walls.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from mla_tracker.commands import preparing
from mla_tracker.commands import requests as commands
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.setting_up import set_up
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, RequestKind, Role
from mla_tracker.queries import requests as queries
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.vault import Vault

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ENTRY = NewRequest(
    RequestKind.EVIDENCE,
    "MA",
    "ES",
    subject="Bank records of a shipping agent",
    convention="un1988",
    assistance=("records",),
    events=(NewEvent(Act.SENT, occurred_on=date(2026, 3, 2), data={"channel": "diplomatic"}),),
)
Work = Callable[[Database, Actor], Awaitable[Any]]


class Unwalled(Database):
    """The database as its owner has it."""

    def transaction(self, role: DbRole, **given: Any) -> AbstractAsyncContextManager[Tx]:
        """A transaction above all row policies."""
        return super().transaction(DbRole.OWNER if role is DbRole.API else role, **given)


async def _no_entry(*_: Any, **__: Any) -> dict[str, list[Any]]:
    return {}


async def log(db: Database, actor: Actor) -> UUID:
    """Log a request with one act and read it back, as the route does."""
    entry = replace(ENTRY, external_reference=str(uuid4()))
    return (await commands.log_request(db, entry, actor=actor, now=NOW)).id


def read(request_id: UUID) -> Work:
    """Read one request with its clocks."""

    async def work(db: Database, actor: Actor) -> Any:
        async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            return await queries.request(tx, request_id, actor=actor, now=NOW)

    return work


async def _round(db: Database, actor: Actor, work: Work, calls: int) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    for _ in range(calls):
        await work(db, actor)
    return (time.perf_counter() - began) / calls * 1000


async def compared(
    walled: Database, bare: Database, actor: Actor, work: Work, rounds: int, calls: int
) -> tuple[float, float]:
    """The median round with and without; the first round of each is to warm up."""
    with_, without = [], []
    entries = preparing.entry_rows
    for _ in range(rounds + 1):
        with_.append(await _round(walled, actor, work, calls))
        preparing.entry_rows = _no_entry  # type: ignore[assignment] # what is measured is the lack of it
        try:
            without.append(await _round(bare, actor, work, calls))
        finally:
            preparing.entry_rows = entries
    return median(with_[1:]), median(without[1:])


async def run(url: str, rounds: int, calls: int) -> None:
    """Measure and print."""
    vault = Vault.made()
    async with await Database.open(url) as setting, setting.transaction(DbRole.OWNER) as tx:
        name = await tx.fetchval("select current_database()")
        await tx.execute(f"alter database {name} set plan_cache_mode = force_generic_plan")
    async with await Database.open(url, vault=vault) as walled, await Unwalled.open(url, vault=vault) as bare:
        await set_up(walled, NOW)
        account = await create_account(walled, name="bench", countries=["MA"], role=Role.OFFICER, now=NOW)
        actor = Actor(account, ("MA",), Role.OFFICER, "bench")
        one = await log(walled, actor)
        print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")  # noqa: T201
        for name, work in (("log a request with one act", log), ("read a request", read(one))):
            with_, without = await compared(walled, bare, actor, work, rounds, calls)
            print(f"{name:28} with {with_:6.2f} ms   without {without:6.2f} ms   {with_ / without:.2f} times")  # noqa: T201


def main() -> None:
    """Print the cost of the walls."""
    parser = argparse.ArgumentParser(prog="python -m bench.walls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=40, help="calls in each round")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as folder,
        embedded.running(Path(folder)) as server,
    ):
        asyncio.run(run(server.url(), given.rounds, given.calls))


if __name__ == "__main__":
    main()
