"""Reading the feed of changes: positions are given to what was committed, then a page is read, both on demand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import ChangesGone, InvalidEntry
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.queries import changes
from mla_tracker.queries.changes import ChangeView
from mla_tracker.storage import feed, feed_cursors
from mla_tracker.storage.database import Database, DbRole

AT_MOST: Final = 8
"""Rounds of numbering that one reader does; what waits beyond that is for the next reader or the job."""


@dataclass(frozen=True, slots=True)
class FeedRead:
    """A page of the feed, the cursor that goes on after it, and whether there is more already."""

    changes: list[ChangeView]
    cursor: str
    more: bool


async def read_changes(
    db: Database, *, after: str | None, latest: bool, limit: int, actor: Actor, now: datetime
) -> FeedRead:
    """The changes after a cursor, oldest first; without one from the oldest that is kept, or (`latest`) from now on.

    Each change is told once to who goes on with each cursor, however long the transaction that made it was open.
    Raises InvalidEntry for what is no cursor, ChangesGone for one from before what is kept.
    """
    require(actor, Deed.READ_CHANGES)
    vault = db.vault
    assert vault is not None, "The database was opened without its keys."
    start = 0
    if after is not None:
        try:
            start, _ = feed_cursors.opened(vault, after)
        except ValueError:
            sentence = "Not a cursor of the feed. Send cursor as you got it, or leave it out."
            raise InvalidEntry(sentence, fields=[("/after", sentence)]) from None
    await number_changes(db)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        extent = await feed.extent(tx)
        if after is not None and not extent.emptied_to <= start <= extent.last:
            raise ChangesGone(
                "The feed does not keep what follows on this cursor any more. Read the lists anew, and follow the feed "
                "from `latest=true` asked for before that."
            )
        start = extent.last if latest else max(start, extent.emptied_to)
        page = await changes.page(tx, actor, after=start, until=extent.last, limit=limit, now=now)
        await note_reading(
            tx, shown(page.changes), route="GET /changes", actor=actor, now=now, what=What.REQUEST_LISTED
        )
    return FeedRead(page.changes, feed_cursors.sealed(vault, page.reached, now), page.more)


async def number_changes(db: Database) -> int:
    """Give positions to what was committed. They stand before anybody is shown one: the transaction ends here."""
    done = 0
    for _ in range(AT_MOST):
        async with db.transaction(DbRole.JOBS) as tx:
            numbered = await feed.number(tx)
        done += numbered
        if numbered < feed.AT_ONCE:
            break
    return done


async def forget_changes(db: Database, now: datetime, kept_days: int) -> int:
    """Take out what is older than is kept; gives how many changes went."""
    gone = 0
    while True:
        async with db.transaction(DbRole.JOBS) as tx:
            some = await feed.forget_old(tx, now - timedelta(days=kept_days))
        gone += some
        if some < feed.AT_ONCE:
            return gone


def shown(page: list[ChangeView]) -> list[dict[str, Any]]:
    """The requests that a page tells of, as the audit of readings asks for them."""
    return [
        {
            "request_id": one.request_id,
            "requesting_country": one.requesting_country,
            "requested_country": one.requested_country,
            "handling": one.handling,
        }
        for one in page
        if one.request_id is not None
    ]
