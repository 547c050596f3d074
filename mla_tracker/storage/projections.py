"""What is stored of a request's projection, read back as it was written, to be held against a fresh reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.storage.clocks import CONTENT
from mla_tracker.storage.database import Tx

OF_REQUEST: Final = (
    "status", "custody", "outcome", "reclassified_as", "items", "warnings", "shared", "first_act_on", "ended_on",
    "tally",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredCheck:
    """An instant that the sweep will look at."""

    clock_key: str
    kind: str
    level: int
    at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StoredProjection:
    """The columns of a request and of its clocks by key, the checks still to come, and what was flagged.

    `flagged` holds clock key, kind, level and due instant of the flags that were not cleared. `stale`: the request
    is known to wait for being counted anew.
    """

    request: Mapping[str, Any]
    clocks: Mapping[str, Mapping[str, Any]]
    checks: frozenset[StoredCheck]
    flagged: frozenset[tuple[str, str, int, datetime]]
    stale: bool


async def stored_projection(tx: Tx, request_id: UUID) -> StoredProjection:
    """The projection of a request that exists, as its rows have it."""
    request = await tx.fetchrow(
        f"select {', '.join(OF_REQUEST)}, stale_since is not null as stale from request where id = $1",
        request_id,
    )
    assert request is not None
    clocks = await tx.fetch(
        f"select clock_key, {', '.join(CONTENT)} from clock where request_id = $1", request_id
    )
    # Checks before flags: what a sweep takes up in between is then found twice rather than not at all.
    checks = await tx.fetch(
        """
        select clock.clock_key, clock_check.kind, clock_check.level, clock_check.at, clock_check.due_at
        from clock_check join clock on clock.id = clock_check.clock_id where clock.request_id = $1
        """,
        request_id,
    )
    flagged = await tx.fetch(
        "select clock_key, kind, level, due_at from flag where request_id = $1 and cleared_at is null",
        request_id,
    )
    return StoredProjection(
        request={name: request[name] for name in OF_REQUEST},
        clocks={row["clock_key"]: {name: row[name] for name in CONTENT} for row in clocks},
        checks=frozenset(StoredCheck(**dict(row)) for row in checks),
        flagged=frozenset((row["clock_key"], row["kind"], row["level"], row["due_at"]) for row in flagged),
        stale=request["stale"],
    )


async def request_ids(tx: Tx, after: UUID | None, number: int) -> list[UUID]:
    """The next requests in the order of their ids; `after` is exclusive, None: from the first."""
    rows = await tx.fetch(
        "select id from request where $1::uuid is null or id > $1 order by id limit $2", after, number
    )
    return [row["id"] for row in rows]
