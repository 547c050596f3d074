"""How tests follow the feed of changes."""

from datetime import date, datetime, timedelta
from uuid import UUID

from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.feed import FeedRead, read_changes
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act
from mla_tracker.storage.database import Database
from tests.builders.counted import NOW, a_case

SENT = a_case().then("sent", "2026-01-05").then("received", "2026-01-07")


def minutes(number: int) -> datetime:
    """So many minutes after NOW: no two commands of a test happen at one instant."""
    return NOW + timedelta(minutes=number)


async def told(
    db: Database, actor: Actor, *, after: str | None = None, limit: int = 500, now: datetime = NOW
) -> FeedRead:
    return await read_changes(db, after=after, latest=False, limit=limit, actor=actor, now=now)


async def kinds(db: Database, actor: Actor, request_id: UUID | None = None) -> list[str]:
    """What an account is told, of one request or in all."""
    read = await told(db, actor)
    return [one.what.value for one in read.changes if request_id in (None, one.request_id)]


async def from_now_on(db: Database, actor: Actor) -> str:
    return (await read_changes(db, after=None, latest=True, limit=1, actor=actor, now=NOW)).cursor


def act(kind: Act, day: str, **data: str) -> NewEvent:
    return NewEvent(kind, occurred_on=date.fromisoformat(day), data=data)
