"""The main job: what has come due on any clock is flagged, once."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mla_tracker.domain.vocabulary import FlagKind
from mla_tracker.storage import flags
from mla_tracker.storage.database import Database, DbRole

BATCH = 1000
AT_ONCE = 2
"""Batches that run at once where much has come due; each keeps a core of the database busy."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: `looked_at` counts the checks that had come due, `by_kind` the flags raised."""

    looked_at: int
    by_kind: Mapping[FlagKind, int]

    @property
    def raised(self) -> int:
        """Flags raised, of all kinds."""
        return sum(self.by_kind.values())


async def flag_due(db: Database, now: datetime, batch: int = BATCH) -> Swept:
    """Flag every warning, due date, expiry and escalation that has come due at `now` (inclusive).

    Each is flagged once per clock, kind, level and due instant, however often and on however many nodes this
    runs. Every batch is a transaction of its own: what is done stays done when a later batch fails.
    """
    first = await _one_batch(db, now, batch)
    if first.looked_at < batch:
        return first
    parts = await asyncio.gather(*(_batches(db, now, batch) for _ in range(AT_ONCE)), return_exceptions=True)
    for part in parts:
        if isinstance(part, BaseException):
            raise part
    return _together(first, *(part for part in parts if isinstance(part, Swept)))


async def _batches(db: Database, now: datetime, batch: int) -> Swept:
    """Batches until one is not full: what it left out, another holds."""
    done: list[Swept] = []
    while not done or done[-1].looked_at == batch:
        done.append(await _one_batch(db, now, batch))
    return _together(*done)


async def _one_batch(db: Database, now: datetime, batch: int) -> Swept:
    async with db.transaction(DbRole.JOBS) as tx:
        taken = await flags.raise_due(tx, now, batch)
    return Swept(taken.looked_at, taken.raised)


def _together(*parts: Swept) -> Swept:
    by_kind = Counter[FlagKind]()
    for part in parts:
        by_kind.update(part.by_kind)
    return Swept(sum(part.looked_at for part in parts), dict(by_kind))
