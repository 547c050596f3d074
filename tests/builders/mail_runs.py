"""Clocks that are late, and runs of the mail job over them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mla_tracker.commands.telling import Told, tell_due
from mla_tracker.domain.actors import Actor
from mla_tracker.storage.database import Database, DbRole
from tests.builders.clocks import ClockBuilder, StoredClock, a_clock
from tests.builders.counted import as_owner
from tests.builders.telling import Post

MORNING = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
"""Tuesday, ten o'clock in Madrid."""
NIGHT = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
BEFORE = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def a_late_clock(db: Database, built: ClockBuilder | None = None, **request: Any) -> StoredClock:
    """A clock between Morocco and Spain that ran out on 6 March, with columns of its request set."""
    clock = await (built or a_clock().due("2026-03-06T23:00:00").warned(None)).stored(db)
    for column, value in request.items():
        await as_owner(db, f"update request set {column} = $2 where id = $1", clock.request_id, value)
    if handling := request.get("handling"):
        await as_owner(db, "update clock set handling = $2 where id = $1", clock.id, handling)
    return clock


async def a_held_person(db: Database, due: str = "2026-03-10T01:30:00", **request: Any) -> StoredClock:
    """A clock that lapses in the night, in a case of somebody in custody."""
    built = a_clock().due(due).warned(None).expiring()
    return await a_late_clock(db, built, custody="in_custody", **request)


async def name(db: Database, clock: StoredClock, reader: Actor) -> None:
    await as_owner(
        db,
        "insert into request_reader select id, requesting_country, requested_country, $3, $2, null, now() "
        "from request where id = $1",
        clock.request_id, reader.account_id, reader.countries[0],
    )  # fmt: skip


async def rows(db: Database, columns: str = "kind, status") -> list[tuple[Any, ...]]:
    async with db.transaction(DbRole.OWNER) as tx:
        return [tuple(row) for row in await tx.fetch(f"select {columns} from mail order by created_at, id")]


async def run(db: Database, post: Post, now: datetime) -> Told:
    return await tell_due(db, now, post.server)


# What a digest says, and to whom
