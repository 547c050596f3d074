"""Whether the program lives, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import structlog
from litestar import Response, get
from litestar.datastructures import State

from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer
from mla_tracker.api.routes import documented
from mla_tracker.storage.database import Database, DbRole, Tx

CHECK_SECONDS: Final = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: fit for work or not, and a sentence for the operator."""

    name: str
    ok: bool
    detail: str


Check = Callable[[Tx, datetime], Awaitable[Finding]]


class Live(Answer):
    """The program answers."""

    status: Literal["live"] = "live"


class CheckView(Answer):
    """One check and what it found."""

    name: str
    ok: bool
    detail: str


class Ready(Answer):
    """Whether every check found the program fit for work."""

    status: Literal["ready", "not_ready"]
    checks: list[CheckView]


@get(
    "/health/live",
    **documented("Whether the program lives", tag="operation", answer=Live, public=True, limited=False),
)
async def health_live() -> Response[bytes]:
    """Answers whenever the process does; touches nothing else."""
    return answer(Live())


@get(
    "/health/ready",
    **documented(
        "Whether the program can do its work",
        tag="operation",
        answer=Ready,
        public=True,
        limited=False,
        also={503: "Not ready; `checks` says why."},
    ),
)
async def health_ready(database: Database, now: datetime, state: State) -> Response[bytes]:
    """Database reachable, migrations applied, jobs running: each a check, none hides another."""
    findings = await _findings(database, state.ready_checks, now)
    ready = all(finding.ok for finding in findings)
    checks = [CheckView(name=found.name, ok=found.ok, detail=found.detail) for found in findings]
    return answer(
        Ready(status="ready" if ready else "not_ready", checks=checks), status=200 if ready else 503
    )


async def _findings(database: Database, checks: Sequence[Check], now: datetime) -> list[Finding]:
    found = [await _look(database, "database", _answers, now)]
    if found[0].ok:
        found += [await _look(database, check.__name__, check, now) for check in checks]
    return found


async def _answers(tx: Tx, now: datetime) -> Finding:
    await tx.fetchval("select 1")
    return Finding("database", True, "The database answers.")


async def _look(database: Database, name: str, check: Check, now: datetime) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS), database.transaction(DbRole.API, read_only=True) as tx:
            return await check(tx, now)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the operator must hear of it
        log.warning("not ready", check=name, fault=fault)
        return Finding(name, False, "The check failed; the log says why.")
