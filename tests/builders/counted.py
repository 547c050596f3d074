"""Cases logged as a client logs them, counted by the shipped law, and a look at what is stored of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Self
from uuid import UUID

from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.requests import log_request
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, RequestKind
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.law import store_limits

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
THE_DAY_BEFORE = datetime(2026, 3, 9, 12, tzinfo=UTC)


async def with_shipped_limits(db: Database) -> None:
    """Put the catalogue into a fresh database."""
    async with db.transaction(DbRole.OWNER) as tx:
        await store_limits(tx, load_limits(), NOW)


@dataclass(frozen=True)
class CaseBuilder:
    """A request for evidence from Morocco to Spain with its acts, each dated by day."""

    entry: NewRequest

    def between(self, requesting: str, requested: str) -> Self:
        return replace(
            self, entry=replace(self.entry, requesting_country=requesting, requested_country=requested)
        )

    def under(self, *, convention: str | None = None, agreement: UUID | None = None) -> Self:
        return replace(self, entry=replace(self.entry, convention=convention, agreement_id=agreement))

    def then(self, act: str, day: str, **data: Any) -> Self:
        event = NewEvent(Act(act), occurred_on=date.fromisoformat(day), data=data)
        return replace(self, entry=replace(self.entry, events=(*self.entry.events, event)))

    async def logged(self, db: Database, actor: Actor, now: datetime = THE_DAY_BEFORE) -> UUID:
        """Log it; gives the id of the request."""
        return (await log_request(db, self.entry, actor=actor, now=now)).id


def a_case(kind: RequestKind = RequestKind.EVIDENCE) -> CaseBuilder:
    assistance = ("records",) if kind is RequestKind.EVIDENCE else ()
    return CaseBuilder(NewRequest(kind, "MA", "ES", assistance=assistance))


async def row_of(db: Database, request_id: UUID) -> Mapping[str, Any]:
    """The request as it is stored."""
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow("select * from request where id = $1", request_id)
    assert row is not None
    return dict(row)


async def clock_of(db: Database, request_id: UUID, stage: str) -> Mapping[str, Any]:
    """Its one clock of a stage, as it is stored."""
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch("select * from clock where request_id = $1 and stage = $2", request_id, stage)
    assert len(rows) == 1
    return dict(rows[0])


async def as_owner(db: Database, statement: str, *arguments: Any) -> None:
    """Reach into the database as no runtime role can."""
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(statement, *arguments)
