"""The main job: what has come due on any clock is flagged, once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mla_tracker.domain.vocabulary import FlagKind
from mla_tracker.storage import flags
from mla_tracker.storage.database import Database, DbRole

BATCH = 1000


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
    looked_at, by_kind = 0, Counter[FlagKind]()
    while True:
        async with db.transaction(DbRole.JOBS) as tx:
            taken = await flags.raise_due(tx, now, batch)
        looked_at += taken.looked_at
        by_kind.update(taken.raised)
        if taken.looked_at < batch:
            return Swept(looked_at, dict(by_kind))
