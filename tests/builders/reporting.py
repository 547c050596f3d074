"""Builders for what reports and worklists read: clocks as rows of any state, each on a request of its own.

`a_duty().due("2026-03-10").met("2026-03-09")` writes what a command would have written, so that figures can be
tried by themselves. All days are days of UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from uuid import UUID

from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.ids import uuid7

RECORDED_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
Spell = tuple[datetime, datetime | None]


def day(text: str | date) -> date:
    return date.fromisoformat(text) if isinstance(text, str) else text


def midnight(text: str | date) -> datetime:
    """The first instant of a day."""
    return datetime.combine(day(text), time(), UTC)


@dataclass(frozen=True)
class Duty:
    """A running deadline of the requested country, by default Spain's towards Morocco, started on 2026-02-02."""

    requesting: str = "MA"
    requested: str = "ES"
    recorded_by: str = "MA"
    shared: bool = True
    kind: str = "evidence"
    status: str = "received"
    basis: str = "law"
    stage: str = "execute"
    effect: str = "deadline"
    obligor: str = "requested"
    state: str = "running"
    started_on: date | None = date(2026, 2, 2)
    due_on: date | None = date(2026, 3, 10)
    due_at: datetime | None = datetime(2026, 3, 11, tzinfo=UTC)
    paused_since: datetime | None = None
    pauses: tuple[Spell, ...] = ()
    met_extended: bool = False
    stopped_on: date | None = None
    external_reference: str | None = None
    assigned_requesting: str | None = None
    assigned_requested: str | None = None
    id: UUID = field(default_factory=lambda: uuid7(RECORDED_AT))
    request_id: UUID = field(default_factory=lambda: uuid7(RECORDED_AT))

    def between(self, requesting: str, requested: str) -> Self:
        return replace(self, requesting=requesting, requested=requested, recorded_by=requesting)

    def draft(self) -> Self:
        return replace(self, shared=False, status="draft")

    def on(self, **changes: Any) -> Self:
        """Any fields as given."""
        return replace(self, **changes)

    def started(self, text: str) -> Self:
        return replace(self, started_on=day(text))

    def due(self, text: str) -> Self:
        return replace(self, due_on=day(text), due_at=midnight(text) + timedelta(days=1))

    def paused(self, since: str, until: str | None = None) -> Self:
        """Stood still in a spell; without an end it still does."""
        spell = (midnight(since), midnight(until) if until else None)
        paused = replace(self, pauses=(*self.pauses, spell))
        return paused if until else replace(paused, state="paused", paused_since=spell[0])

    def met(self, text: str, *, extended: bool = False) -> Self:
        late = self.due_on is not None and day(text) > self.due_on
        return replace(self, state="met_late" if late else "met", stopped_on=day(text), met_extended=extended)

    def cancelled(self, text: str) -> Self:
        return replace(self, state="cancelled", stopped_on=day(text), paused_since=None)

    def pending(self) -> Self:
        return replace(self, state="pending", started_on=None, due_on=None, due_at=None)

    @property
    def started_at(self) -> datetime | None:
        return midnight(self.started_on) if self.started_on else None

    @property
    def stopped_at(self) -> datetime | None:
        return midnight(self.stopped_on) if self.stopped_on else None

    async def stored(self, db: Database) -> Self:
        """Write it in a transaction of its own."""
        async with db.transaction(DbRole.OWNER) as tx:
            await insert(tx, [self])
        return self


def a_duty() -> Duty:
    """A running deadline between Morocco and Spain."""
    return Duty()


async def insert(tx: Tx, duties: Iterable[Duty]) -> None:
    """Write requests and clocks."""
    duties = list(duties)
    await tx.executemany(
        """
        insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, status, shared,
            assigned_requesting, assigned_requested, external_reference, created_at, updated_at)
        values ($1, $2, $3, $4, $5, 'routine', $6, $7, $8, $9, $10, $11, $11)
        """,
        [
            (
                d.request_id, d.kind, d.requesting, d.requested, d.recorded_by, d.status, d.shared,
                d.assigned_requesting, d.assigned_requested, d.external_reference, RECORDED_AT,
            )
            for d in duties
        ],
    )  # fmt: skip
    await tx.executemany(
        """
        insert into clock (id, request_id, requesting_country, requested_country, shared, recorded_by, request_kind,
            clock_key, limit_id, limit_version, basis, stage, effect, obligor, counted_in_country, state, started_on,
            started_at, base_due_on, due_on, due_at, paused_since, pauses, met_extended, stopped_on, stopped_at,
            explanation)
        values ($1, $2, $3, $4, $5, $6, $7, 'k', 'eio/execute', 1, $8, $9, $10, $11, $4, $12, $13, $14, $15, $15, $16,
            $17, $18, $19, $20, $21, '{}')
        """,
        [
            (
                d.id, d.request_id, d.requesting, d.requested, d.shared, d.recorded_by, d.kind, d.basis, d.stage,
                d.effect, d.obligor, d.state, d.started_on, d.started_at, d.due_on, d.due_at, d.paused_since,
                [{"from": a.isoformat(), "to": b.isoformat() if b else None} for a, b in d.pauses],
                d.met_extended, d.stopped_on, d.stopped_at,
            )
            for d in duties
        ],
    )  # fmt: skip


async def insert_acts(tx: Tx, duty: Duty, acts: Sequence[tuple[str, str, str]]) -> None:
    """Append acts to the history of its request: (act, day or instant, country that says so)."""
    for act, when, by in acts:
        at = datetime.fromisoformat(when) if "T" in when else None
        await tx.execute(
            """
            insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_at,
                occurred_on, asserted_by, recorded_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            uuid7(RECORDED_AT), duty.request_id, duty.requesting, duty.requested, act, at,
            None if at else day(when), by, RECORDED_AT,
        )  # fmt: skip
