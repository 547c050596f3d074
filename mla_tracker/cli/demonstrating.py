"""The first minute: a worked example on a private database of its own, swept once, shown or served."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from mla_tracker import logs
from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, tell
from mla_tracker.cli.serving import address, alone, listening, serve_until_stopped
from mla_tracker.commands.overdue import Swept, flag_due
from mla_tracker.commands.setting_up import set_up
from mla_tracker.commands.worked_example import COUNTRIES, Example, load
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import ClockState, Role, Side
from mla_tracker.queries import reports, worklist
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.postgres import LOGIN, SUPERUSER
from mla_tracker.storage.vault import Vault

DATABASE = "demo"
MOST_SHOWN = 50
PERIOD_DAYS = 365


def register(app: App) -> None:
    """Add the command of this module."""
    app.command(demo)


def demo(
    *, once: Annotated[bool, Parameter(negative="")] = False, host: str | None = None, port: int | None = None
) -> None:
    """Load the worked example into a database of its own, sweep once, and serve it.

    Parameters
    ----------
    once
        Print the overdue worklist and the speed report instead of serving, and end.
    host
        Address to listen on; else MLA_HOST, else 127.0.0.1.
    port
        Port to listen on; else MLA_PORT, else 8000.
    """
    settings = load_settings(host=host, port=port)
    # Kept apart from your own data, and never in a database that was given for them.
    settings = settings.model_copy(update={"database_url": None, "data_dir": settings.data_dir / DATABASE})
    logs.configure(settings)
    with alone(settings):
        if once:
            run(_show(settings))
            return
        with listening(settings) as listener:
            run(_serve(settings, listener))
    tell("Stopped. The example is loaded anew at the next start.")


@asynccontextmanager
async def _loaded(settings: Settings) -> AsyncIterator[tuple[Database, Example]]:
    """The example, freshly loaded and swept once."""
    tell("Starting the private PostgreSQL ...")
    with embedded.running(settings.data_dir) as server:
        await _recreate(server)
        url = server.url(DATABASE)
        async with await Database.open(url, pool_size=settings.pool_size, vault=Vault.made()) as database:
            await set_up(database, now())
            tell("Loading the worked example ...")
            example = await load(database, now())
            swept = await flag_due(database, now())
            _describe(example, swept)
            yield database, example


async def _recreate(server: Server) -> None:
    """An empty database for the example, whose dates count from today."""
    connection = await asyncpg.connect(server.url("postgres", SUPERUSER))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {LOGIN}")
    finally:
        await connection.close()


def _describe(example: Example, swept: Swept) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(swept.by_kind.items()))
    print(
        f"\nThis is a WORKED EXAMPLE: {example.requests} invented requests and {example.agreements} invented "
        f"agreements\nbetween real countries, dated from today. One sweep raised {swept.raised} flags: {kinds}."
    )


async def _show(settings: Settings) -> None:
    async with _loaded(settings) as (database, _):
        await _print_figures(database, now())


async def _serve(settings: Settings, listener: socket.socket) -> None:
    async with _loaded(settings) as (database, example):
        _print_tokens(settings, example)
        await serve_until_stopped(database, settings, listener, run_scheduler=True)


def _print_tokens(settings: Settings, example: Example) -> None:
    where, officer, ministry = address(settings), example.tokens["MA"], example.tokens["MA ministry"]
    print("\nTokens of the example's officers (and of one ministry):")
    for name, token in example.tokens.items():
        print(f"  {name:<12} {token}")
    start = (now() - timedelta(days=PERIOD_DAYS)).date()
    end = (now() + timedelta(days=1)).date()
    print(
        f"""
Try, in another terminal:

  # what is overdue, as the officer of Morocco sees it
  curl -s -H "Authorization: Bearer {officer}" "{where}/api/v1/clocks?state=overdue"

  # when do 60 days from an arrest on 2 March 2026 end in France, and why
  curl -s -H "Authorization: Bearer {officer}" -H "Content-Type: application/json" \\
    -d '{{"start": "2026-03-02", "amount": 60, "unit": "days", "calendar": "FR"}}' {where}/api/v1/deadlines

  # how fast Morocco and its partners are, as the ministry reads it
  curl -s -H "Authorization: Bearer {ministry}" -H "Accept: text/csv" \\
    "{where}/api/v1/reports/sla?from={start}&to={end}&group_by=counterpart,stage&as=requested&basis=policy"
""",
        flush=True,
    )


async def _print_figures(database: Database, as_of: datetime) -> None:
    everybody = Actor(UUID(int=0), COUNTRIES, Role.HEAD, "all countries of the example")
    late = worklist.ClockFilter(states=(ClockState.OVERDUE, ClockState.EXPIRED))
    wanted = reports.SlaWanted(
        (as_of - timedelta(days=PERIOD_DAYS)).date(),
        (as_of + timedelta(days=1)).date(),
        (reports.Dimension.STAGE,),
        sides=(Side.REQUESTED,),
    )
    async with database.transaction(DbRole.API, viewer=everybody, read_only=True) as tx:
        rows = await worklist.clocks(tx, late, actor=everybody, as_of=as_of, after=None, limit=MOST_SHOWN)
        sla = await reports.sla(tx, wanted, actor=everybody, as_of=as_of)
    console = Console(width=140, soft_wrap=True)
    console.print(_worklist_table(rows))
    console.print(_sla_table(sla))


def _worklist_table(rows: list[dict[str, object]]) -> Table:
    table = Table(title="\nOverdue worklist, soonest due first", title_justify="left")
    for heading in (
        "reference",
        "request",
        "requesting",
        "requested",
        "limit",
        "whose duty",
        "state",
        "due on",
        "days late",
    ):
        table.add_column(heading, justify="right" if heading == "days late" else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            str(row["external_reference"]),
            str(row["kind"]),
            str(row["requesting_country"]),
            str(row["requested_country"]),
            str(row["limit"]),
            str(row["obligor_country"]),
            str(row["state"]),
            f"{row['due_on']:%a %d %b %Y}",
            str(row["days_overdue"]),
        )
    return table


def _sla_table(sla: reports.Table) -> Table:
    table = Table(
        title="\nSpeed of the requested countries, duties due in the last 12 months (law and policy never mixed)",
        title_justify="left",
    )
    names = (
        "basis",
        "stage",
        "due",
        "met",
        "met_extended",
        "met_late",
        "open_in_time",
        "open_overdue",
        "ended_overdue",
    )
    for name in (*names, "on time", "median days"):
        left = name in ("basis", "stage")
        table.add_column(name.replace("_", " "), justify="left" if left else "right", no_wrap=left)
    for cell in sla.cells:
        rate, median = cell["on_time_rate"], cell["median_days"]
        table.add_row(
            *(str(cell[name]) for name in names),
            "-" if rate is None else f"{rate:.0%}",
            "-" if median is None else f"{median:.1f}",
        )
    return table
