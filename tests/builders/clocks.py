"""Builders for clocks as rows, with what the sweep will find of them: `a_clock().due("2026-03-10")`.

They write what a command would have written, so that the sweep can be tried by itself.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from mla_tracker.domain.vocabulary import FlagKind, Urgency
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.ids import uuid7
from tests.builders.actors import seen_by

RECORDED_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
Expected = tuple[FlagKind, int, datetime]


def instant(text: str) -> datetime:
    """An instant in UTC; a bare date is its midnight."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class ClockBuilder:
    """A running clock on a request from Morocco to Spain, due on 2026-03-10 and warned of seven days before."""

    requesting: str = "MA"
    requested: str = "ES"
    recorded_by: str = "MA"
    shared: bool = True
    due_at: datetime = datetime(2026, 3, 10, tzinfo=UTC)
    state: str = "running"
    warned_days: int | None = 7
    escalations: tuple[int, ...] = ()
    effect: str = "deadline"
    limit: str = "default-policy/acknowledge"
    number: int = 1

    def between(self, requesting: str, requested: str) -> Self:
        return replace(self, requesting=requesting, requested=requested, recorded_by=requesting)

    def draft(self) -> Self:
        return replace(self, shared=False)

    def due(self, text: str) -> Self:
        return replace(self, due_at=instant(text))

    def warned(self, days_before: int | None) -> Self:
        return replace(self, warned_days=days_before)

    def escalating(self, *days_after: int) -> Self:
        return replace(self, escalations=days_after)

    def expiring(self) -> Self:
        return replace(self, effect="expiry")

    def in_state(self, state: str) -> Self:
        return replace(self, state=state)

    @property
    def checks(self) -> list[Expected]:
        """Kind, level and instant of everything that becomes true of this clock."""
        kind = FlagKind.EXPIRED if self.effect == "expiry" else FlagKind.OVERDUE
        found: list[Expected] = [(kind, 0, self.due_at)]
        if self.warned_days is not None:
            found.insert(0, (FlagKind.WARNING, 0, self.due_at - timedelta(days=self.warned_days)))
        later = enumerate(self.escalations, start=1)
        return [*found, *((FlagKind.ESCALATION, n, self.due_at + timedelta(days=days)) for n, days in later)]

    async def stored(self, db: Database) -> "StoredClock":
        """Write request, clock and checks."""
        async with db.transaction(DbRole.OWNER) as tx:
            return await self.insert(tx)

    async def insert(self, tx: Tx) -> "StoredClock":
        """Write request, clock and checks in this transaction."""
        request_id, clock_id = uuid7(RECORDED_AT), uuid7(RECORDED_AT)
        key = f"{self.limit}#{self.number}"
        await tx.execute(
            """
            insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, status, shared,
                created_at, updated_at)
            values ($1, 'evidence', $2, $3, $4, $5, $6, $7, $8, $8)
            """,
            request_id, self.requesting, self.requested, self.recorded_by, Urgency.ROUTINE.value,
            "sent" if self.shared else "draft", self.shared, RECORDED_AT,
        )  # fmt: skip
        await tx.execute(
            """
            insert into clock (id, request_id, requesting_country, requested_country, shared, recorded_by, request_kind,
                clock_key, limit_id, limit_version, basis, stage, effect, obligor, counted_in_country, state,
                started_on, started_at, due_on, due_at, explanation)
            values ($1, $2, $3, $4, $5, $6, 'evidence', $7, $8, 1, 'policy', 'acknowledge', $9, 'requested', $4, $10,
                $11::timestamptz::date, $11, $12::timestamptz::date, $12, '{}')
            """,
            clock_id, request_id, self.requesting, self.requested, self.shared, self.recorded_by, key, self.limit,
            self.effect, self.state, RECORDED_AT, self.due_at,
        )  # fmt: skip
        clock = StoredClock(request_id, clock_id, key, self)
        await clock.await_checks(tx)
        return clock


@dataclass(frozen=True)
class StoredClock:
    """A clock that is in the database."""

    request_id: UUID
    id: UUID
    key: str
    built: ClockBuilder

    async def await_checks(self, tx: Tx) -> None:
        """Write the checks of the clock as it was built."""
        await tx.executemany(
            "insert into clock_check (clock_id, kind, level, at, due_at) values ($1, $2, $3, $4, $5)",
            [(self.id, kind.value, level, at, self.built.due_at) for kind, level, at in self.built.checks],
        )

    async def moved(self, db: Database, due: str) -> "StoredClock":
        """Move the due instant as a command does: checks away, clock changed, flags cleared, checks anew."""
        later = replace(self, built=self.built.due(due))
        async with db.transaction(DbRole.API, viewer=seen_by(self.built.requesting)) as tx:
            await tx.execute("select 1 from request where id = $1 for no key update", self.request_id)
            await tx.execute("delete from clock_check where clock_id = $1", self.id)
            await tx.execute(
                "update clock set due_at = $2, due_on = $2::timestamptz::date where id = $1",
                self.id, later.built.due_at,
            )  # fmt: skip
            await tx.execute(
                "update flag set cleared_at = $2, cleared_reason = 'date_moved' where request_id = $1 and due_at <> $3",
                self.request_id, RECORDED_AT, later.built.due_at,
            )  # fmt: skip
            await later.await_checks(tx)
        return later


def a_clock() -> ClockBuilder:
    """A running clock between Morocco and Spain."""
    return ClockBuilder()


async def many_clocks(db: Database, number: int, due: str) -> None:
    """As many requests with one clock and one check each, all due at the same instant."""
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            """
            with made as (
                insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, status,
                    shared, created_at, updated_at)
                select mla_uuid7($2), 'evidence', 'MA', 'ES', 'MA', 'routine', 'sent', true, $2, $2
                from generate_series(1, $1)
                returning id
            ), clocks as (
                insert into clock (id, request_id, requesting_country, requested_country, shared, recorded_by,
                    request_kind, clock_key, limit_id, limit_version, basis, stage, effect, obligor, counted_in_country,
                    state, due_at, explanation)
                select mla_uuid7($2), id, 'MA', 'ES', true, 'MA', 'evidence', 'k', 'default-policy/acknowledge', 1,
                    'policy', 'acknowledge', 'deadline', 'requested', 'ES', 'running', $3, '{}'
                from made
                returning id, due_at
            )
            insert into clock_check (clock_id, kind, at, due_at) select id, 'overdue', due_at, due_at from clocks
            """,
            number, RECORDED_AT, instant(due),
        )  # fmt: skip
