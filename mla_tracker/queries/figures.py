"""Figures of a whole installation for whoever runs it: jobs, backlogs, the audit, and how many duties are overdue.

Nothing of a case is told, and of countries only how many duties of theirs are overdue. That is for the operator alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mla_tracker.queries.jobs import JobHealth, job_health
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work that waits: how much, and since when the oldest of it; None where nothing waits."""

    entries: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What stands at `at`. `overdue`: open duties past their date, by country that owes them and kind of limit."""

    at: datetime
    jobs: Sequence[JobHealth]
    backlogs: Mapping[str, Backlog]
    overdue: Mapping[tuple[str, str], int]
    checkpoint_at: datetime | None


BACKLOGS: Final[Mapping[str, str]] = {
    # name: a statement that gives `entries` and `oldest`; $1 is now. To watch another queue, add a line.
    "seal": """
        select count(*) as entries, min(at) as oldest from audit_entry where leaf is null""",
    "flag": """
        select count(*) as entries, min(at) as oldest from clock_check where at <= $1""",
    "recount": """
        select count(*) as entries, min(stale_since) as oldest from request where stale_since <= $1""",
    "deliver": """
        select count(*) as entries, min(next_at) as oldest from webhook_delivery
        where state = 'pending' and next_at <= $1""",
    "mail": """
        select count(*) as entries, min(not_before) as oldest from mail
        where status in ('waiting', 'claimed') and not_before <= $1""",
    "import": """
        select count(*) as entries, min(created_at) as oldest from bulk_import
        where kept_here and status in ('waiting', 'running')""",
}
"""What waits for a job, by name."""

_OVERDUE: Final = """
    select case obligor when 'requesting' then requesting_country else requested_country end as country,
        case basis when 'policy' then 'policy' else 'law' end as basis, count(*) as number
    from clock where state = 'running' and effect = 'deadline' and due_at <= $1
    group by 1, 2
"""
"""A provider owes in the country where it is: the requested one. Law and agreements are one kind, as in reports."""


async def figures(tx: Tx, now: datetime, intervals: Mapping[str, timedelta]) -> Figures:
    """All figures, in a transaction of the jobs, which see every request."""
    return Figures(
        at=now,
        jobs=await job_health(tx, now, intervals),
        backlogs={name: await _backlog(tx, statement, now) for name, statement in BACKLOGS.items()},
        overdue={(row["country"], row["basis"]): row["number"] for row in await tx.fetch(_OVERDUE, now)},
        checkpoint_at=await tx.fetchval("select at from audit_checkpoint order by number desc limit 1"),
    )


async def _backlog(tx: Tx, statement: str, now: datetime) -> Backlog:
    row = await tx.fetchrow(statement, *([now] if "$1" in statement else []))
    assert row is not None
    return Backlog(row["entries"], row["oldest"])
