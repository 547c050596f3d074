"""Routes of the calendar of due dates: with a token, and for calendar programs under an address that is the token.

The address of a feed is a secret. The edge keeps it out of logs and metrics (`edge.path_told`), answers have
`Referrer-Policy: no-referrer`, and whoever has no valid one is told what is told of any address that is none.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import structlog
from litestar import Request, Response, delete, get, post
from pydantic import Field, WithJsonSchema

from mla_tracker.api.answers import answer
from mla_tracker.api.auth import CHALLENGE
from mla_tracker.api.conditional import is_unchanged
from mla_tracker.api.fields import Answer, Instant, Query
from mla_tracker.api.icalendars import MEDIA_TYPE, due_calendar, etag_of
from mla_tracker.api.problems import (
    TOO_MANY_CALLS,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNKNOWN_HOST,
    Problem,
)
from mla_tracker.api.routes import documented
from mla_tracker.commands import calendar_feeds as commands
from mla_tracker.commands.calendar_feeds import FEED_PATTERN
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.queries import due
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey
from mla_tracker.storage.local_days import days_in_force
from mla_tracker.storage.notifications import feed_of

PATH: Final = "/calendar-feeds/{feed:str}/due.ics"
MOST_EVENTS: Final = 1000
USE_NOTED_EVERY: Final = timedelta(minutes=1)
_FEED: Final = re.compile(rf"{FEED_PATTERN}\Z", re.ASCII)

FeedAddress = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": rf"^/api/v1/calendar-feeds/{FEED_PATTERN}/due\.ics$"})
]
_SHOWN_ONCE: Final = (
    "The address was told in the answer to the first call under this Idempotency-Key, and is stored nowhere. If it was "
    "lost, make another feed."
)


class CalendarQuery(Query):
    """Which due dates are wanted."""

    duty: Literal["own", "both"] = Field(
        "own",
        description="`own`: duties of your own side, and what lapses. `both`: those of the other side too.",
    )
    mine: bool = Field(
        False, description="Only what is assigned to you or to nobody, as in the mail of an officer."
    )


class FeedView(Answer):
    """The feed of your account, without its address."""

    made_at: Instant | None = Field(description="Null: there is none.")
    last_used_at: Instant | None = Field(description="To the minute.")


class FeedMadeAnswer(FeedView):
    """A feed just made."""

    path: FeedAddress | None = Field(
        description="Where calendar programs read it: below the address of this installation. Told this once."
    )
    notice: str | None = Field(description="Why there is no path, if there is none.")


@get(
    "/me/calendar.ics",
    **documented(
        "Read what is due as a calendar",
        tag="notifications",
        may=Deed.READ_DUE_DATES,
        query=CalendarQuery,
        answer=None,
        etag=True,
        media=[MEDIA_TYPE],
        also={304: "As you hold it already (`If-None-Match`)."},
        description="The running clocks that you see, 1,000 at most, those to come before those that are late: "
        "references, kinds, counterparts, dates. No subject and no person.",
    ),
)
async def read_calendar_of_mine(
    request: Request[Any, Any, Any],
    filters: CalendarQuery,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
) -> Response[bytes]:
    """The same as the feed, for programs that send a token."""
    route = "GET /me/calendar.ics"
    return await _calendar(request, filters, actor, database, settings, now, route)


@get(
    PATH,
    **documented(
        "Read a calendar feed",
        tag="notifications",
        public=True,
        limited=False,
        query=CalendarQuery,
        answer=None,
        etag=True,
        media=[MEDIA_TYPE],
        also={304: "As you hold it already (`If-None-Match`)."},
        problems=[NotFound, UNKNOWN_HOST, TOO_MANY_CALLS, UNAVAILABLE],
        description="For calendar programs, which send no header: the address is the secret. It reads due dates of one "
        "account and nothing else.",
    ),
)
async def read_calendar_feed(
    request: Request[Any, Any, Any],
    feed: str,
    filters: CalendarQuery,
    database: Database,
    settings: Settings,
    now: datetime,
) -> Response[bytes]:
    """Counts as a call of its account; an address that is none counts as a failure of who asks."""
    address = request.client.host if request.client else None
    shown = await _reader(request, feed, address, database, now)
    return await _calendar(
        request, filters, shown, database, settings, now, "GET /calendar-feeds/{feed}/due.ics"
    )


@get(
    "/me/calendar-feed",
    **documented(
        "Read whether you have a calendar feed",
        tag="notifications",
        may=Deed.READ_DUE_DATES,
        answer=FeedView,
    ),
)
async def read_feed(actor: Actor, database: Database) -> Response[bytes]:
    """When it was made and read last; never its address."""
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        row = await feed_of(tx, actor.account_id)
    view = FeedView(made_at=row.made_at if row else None, last_used_at=row.last_used_at if row else None)
    return answer(view)


@post(
    "/me/calendar-feed",
    **documented(
        "Make a calendar feed",
        tag="notifications",
        may=Deed.SET_NOTIFICATIONS,
        answer=FeedMadeAnswer,
        status=201,
        idempotent=True,
        problems=[NotFound],
        description="One for each account: the one that you had ends at once. Whoever has the address reads what is "
        "due in your cases, without a token; give it to your own calendar and to nobody.",
    ),
)
async def make_feed(
    actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Tells the address once."""
    made = await commands.make_feed(database, actor=actor, now=now, idempotency=idempotency)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        row = await feed_of(tx, actor.account_id)
    view = FeedMadeAnswer(
        made_at=row.made_at if row else None,
        last_used_at=row.last_used_at if row else None,
        path=None if made.secret is None else f"/api/v1{PATH.replace('{feed:str}', made.secret)}",
        notice=_SHOWN_ONCE if made.secret is None else None,
    )
    return answer(view, status=201, replayed=made.replayed)


@delete(
    "/me/calendar-feed",
    **documented(
        "End your calendar feed",
        tag="notifications",
        may=Deed.SET_NOTIFICATIONS,
        answer=FeedView,
        problems=[NotFound],
        description="At once and on every node. A second call changes nothing.",
    ),
)
async def end_feed(actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """Answers with what holds now: nothing."""
    await commands.revoke_feed(database, actor=actor, now=now)
    return answer(FeedView(made_at=None, last_used_at=None))


async def _reader(
    request: Request[Any, Any, Any], feed: str, address: str | None, database: Database, now: datetime
) -> Actor:
    """Whose feed it is. Raises NotFound for one that is none's, the 429 problem for too many."""

    async def authenticate() -> commands.FeedShown:
        call = structlog.contextvars.get_contextvars().get("request_id")
        shown = (
            await commands.feed_shown(database, feed, address=address, request_id=call)
            if _FEED.match(feed)
            else None
        )
        if shown is None or not may(shown.actor, Deed.READ_DUE_DATES):
            raise Problem(UNAUTHENTICATED, "There is no such feed.", headers=dict(CHALLENGE))
        return shown

    try:
        shown = await request.app.state.rates.let_in(address, f"feed {feed}", now, authenticate)
    except Problem as problem:
        if problem.kind is UNAUTHENTICATED:
            raise NotFound("There is no such calendar feed. Make one with POST /me/calendar-feed.") from None
        raise
    if shown.last_used_at is None or now - shown.last_used_at >= USE_NOTED_EVERY:
        await commands.note_use_of_feed(database, actor=shown.actor, now=now)
    actor: Actor = shown.actor
    return actor


async def _calendar(
    request: Request[Any, Any, Any],
    filters: CalendarQuery,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    route: str,
) -> Response[bytes]:
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        both = filters.duty == "both"
        shown = await due.coming(tx, actor, now, both_duties=both, limit=MOST_EVENTS)
        if left := MOST_EVENTS - len(shown):
            shown = [*await due.late(tx, actor, now, both_duties=both, limit=left), *shown]
        if filters.mine:
            shown = due.of_reader(shown, actor, await due.desk_of(tx, actor))
        countries = sorted({one.counted_in for one in shown})
        days = await days_in_force(tx, countries, now, {one.zone for one in shown if one.zone})
        content = due_calendar(shown, {**days.named, **days.zones}, settings.public_url)
        tag = etag_of(content)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if is_unchanged(request.headers.get("If-None-Match"), tag):
            return Response(b"", status_code=304, headers=headers)
        told = [one.told for one in shown]
        await note_reading(tx, told, route=route, actor=actor, now=now, what=What.REQUEST_LISTED)
    return Response(content, media_type=MEDIA_TYPE, headers=headers)
