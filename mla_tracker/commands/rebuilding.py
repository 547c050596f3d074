"""All projections computed again from the histories: where they differ from what is stored, and put right if wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mla_tracker.commands.comparing import differences
from mla_tracker.commands.moving import record_moves
from mla_tracker.commands.projecting import project, save
from mla_tracker.storage import projections, requests
from mla_tracker.storage.database import Database, DbRole, Isolation

BATCH: Final = 500
MOST_TOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """A request of which something else is stored than its history gives.

    `waiting`: that is known, since a calendar or an agreement changed and it waits to be counted anew.
    """

    request_id: UUID
    what: tuple[str, ...]
    waiting: bool


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild looked at and found. `differences` tells the first 1000; `impossible` the first 1000 requests with
    acts that do not fit by the days and the law of now, with the reason: they are counted as well as can be."""

    requests: int
    differing: int
    written: int
    differences: tuple[Difference, ...]
    impossible: tuple[tuple[UUID, str], ...]


async def rebuild(
    db: Database,
    now: datetime,
    *,
    apply: bool,
    told: Callable[[int, int], None] = lambda _looked_at, _differing: None,
) -> Rebuilt:
    """Compute every request from its history and compare; with `apply` write what differs, else nothing.

    Each request is a transaction of its own, so that a rebuild can be broken off and run beside everything else.
    Flags are facts and are never deleted; where a date moves they are cleared with the reason. `told` hears, after
    every batch, how many requests were looked at and how many of them differ.
    """
    looked_at, written, after = 0, 0, None
    found, differing, impossible = list[Difference](), 0, list[tuple[UUID, str]]()
    while True:
        async with db.transaction(DbRole.JOBS, read_only=True) as tx:
            ids = await projections.request_ids(tx, after, BATCH)
        for request_id in ids:
            looked_at += 1
            difference, reason = await _rebuild_one(db, request_id, now, apply=apply)
            if reason is not None and len(impossible) < MOST_TOLD:
                impossible.append((request_id, reason))
            if difference is not None:
                differing += 1
                written += apply
                if len(found) < MOST_TOLD:
                    found.append(difference)
        told(looked_at, differing)
        if len(ids) < BATCH:
            return Rebuilt(looked_at, differing, written, tuple(found), tuple(impossible))
        after = ids[-1]


async def _rebuild_one(
    db: Database, request_id: UUID, now: datetime, *, apply: bool
) -> tuple[Difference | None, str | None]:
    """What differs, and what does not fit in the history.

    Writing holds the request against other writers; looking only reads it as of one instant.
    """
    isolation = Isolation.READ_COMMITTED if apply else Isolation.REPEATABLE_READ
    async with db.transaction(DbRole.JOBS, isolation=isolation) as tx:
        stored = await requests.load(tx, request_id, lock=apply)
        if stored is None:
            return None, None
        fresh = await project(tx, stored, now)
        before = await projections.stored_projection(tx, request_id)
        what = differences(stored.record, before, fresh, now)
        reason = fresh.misfits[0].detail if fresh.misfits else None
        if not what:
            return None, reason
        if apply:
            await record_moves(tx, stored, fresh.clocks, now)
            await save(tx, stored, fresh, now=now)
        return Difference(request_id, what, before.stale), reason
