"""Closed requests that hold what has to be forgotten, rules by which they are, and what was erased."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.requests import record_event
from mla_tracker.commands.retention import forget_due, set_retention
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, RequestKind, Urgency
from mla_tracker.storage.database import Database, DbRole
from tests.builders.counted import THE_DAY_BEFORE, a_case
from tests.builders.persons import a_person

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRETS = ("Ruiz", "a bank", "custody of the suspect", "rang me", "was too late", "by fax")


async def closed_case(
    db: Database, actor: Actor, day: str = "2026-03-05", kind: RequestKind = RequestKind.EVIDENCE
) -> UUID:
    """A closed request with texts of every kind, a person and a note."""
    case = a_case(kind).then("sent", "2026-03-02").then("withdrawn", "2026-03-03", reason="was too late")
    entry = replace(
        case.entry,
        subject="Records of a bank",
        urgency=Urgency.URGENT,
        urgency_reason="custody of the suspect",
        wished_by=date(2026, 3, 20),
        wished_by_reason="was too late before",
    )
    made = await replace(case, entry=entry).logged(db, actor, THE_DAY_BEFORE)
    await a_person().recorded(db, made, actor, THE_DAY_BEFORE)
    await record_note(db, made, "Ruiz rang me", actor=actor, now=THE_DAY_BEFORE)
    closed = NewEvent(Act.CLOSED, occurred_on=date.fromisoformat(day), note="by fax")
    await record_event(db, made, closed, actor=actor, now=THE_DAY_BEFORE)
    return made


async def rule(
    db: Database, actor: Actor, years: int | None, now: datetime = THE_DAY_BEFORE, **kinds: Any
) -> None:
    by_kind = {RequestKind(kind): number for kind, number in kinds.items()}
    await set_retention(db, actor.countries[0], years, by_kind, expected=None, actor=actor, now=now)


async def erased(db: Database, now: datetime, **how: Any) -> set[UUID]:
    return {one.request_id for one in (await forget_due(db, now, **how)).requests}


async def dump(db: Database) -> Mapping[str, list[str]]:
    """Every row of every table but the audit, which is only appended to, as the owner reads them."""
    async with db.transaction(DbRole.OWNER) as tx:
        tables = await tx.fetch(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        )
        return {
            row[0]: [line[0] for line in await tx.fetch(f"select t::text from {row[0]} t")] for row in tables
        }


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
