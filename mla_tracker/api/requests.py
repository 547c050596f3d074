"""Routes of requests: log, read, amend, list; their clocks with explanations."""

from datetime import datetime
from uuid import UUID

from litestar import Response, get, patch, post

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.explanations import step_views
from mla_tracker.api.paging import Page
from mla_tracker.api.request_bodies import RequestBody, RequestChange, RequestFilters
from mla_tracker.api.request_views import ClockList, ExplainedClock, RequestSummary, RequestView
from mla_tracker.api.routes import documented
from mla_tracker.commands import amending
from mla_tracker.commands import requests as commands
from mla_tracker.commands.reading import note_reading, note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import (
    ActNotPossible,
    AlreadyRecorded,
    DatedInFuture,
    InvalidEntry,
    NotAllowed,
    NotFound,
    VersionStale,
)
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import requests as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

PATH = "/api/v1/requests"
_EXAMPLE = {
    "kind": "evidence",
    "requesting_country": "MA",
    "requested_country": "ES",
    "subject": "Bank records of a shipping agent",
    "urgency": "urgent",
    "urgency_reason": "The suspect is in custody until 30 April.",
    "convention": "un1988",
    "assistance": ["records"],
    "external_reference": "MA-2026-0017",
    "references": {"requesting": "DACG 17/2026"},
    "events": [
        {"type": "sent", "occurred_on": "2026-03-02", "data": {"channel": "diplomatic", "language": "es"}},
        {"type": "received", "occurred_on": "2026-03-09"},
    ],
}


@post(
    "/requests",
    **documented(
        "Log a request, with its history so far if it has one",
        tag="requests",
        may=Deed.RECORD_REQUESTS,
        body=RequestBody,
        answer=RequestView,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[InvalidEntry, DatedInFuture, NotAllowed, ActNotPossible, AlreadyRecorded],
        examples={"a case already running": _EXAMPLE},
    ),
)
async def log_request(
    entry: RequestBody, actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Without events it is a draft, which only your own country sees until an act `sent` is recorded."""
    done = await commands.log_request(database, entry.entry(), actor=actor, now=now, idempotency=idempotency)
    view = RequestView.model_validate(done.view)
    return answer(
        view, status=201, version=view.version, location=f"{PATH}/{done.id}", replayed=done.replayed
    )


@get(
    "/requests",
    **documented(
        "List requests, newest record first",
        tag="requests",
        may=Deed.READ_REQUESTS,
        query=RequestFilters,
        answer=Page[RequestSummary],
    ),
)
async def list_requests(
    filters: RequestFilters, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Requests of your countries; drafts only of your own making."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    wanted = queries.RequestFilter(**filters.model_dump(exclude={"limit", "cursor"}))
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await queries.requests(
            tx,
            wanted,
            actor=actor,
            after=(position.after[0], position.after[1]) if position.after else None,
            as_of=position.as_of,
            limit=filters.limit + 1,
        )
        await note_reading(
            tx, rows[: filters.limit], route="GET /requests", actor=actor, now=now, what=What.REQUEST_LISTED
        )
    page = paging.page(rows, filters, position, key=lambda row: (row["created_at"], row["id"]))
    return answer(Page[RequestSummary].model_validate(page))


@get(
    "/requests/{request_id:uuid}",
    **documented(
        "Read a request",
        tag="requests",
        may=Deed.READ_REQUESTS,
        answer=RequestView,
        etag=True,
        problems=[NotFound],
    ),
)
async def read_request(request_id: UUID, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """The request with its clocks as they read now, the flags raised on it, and warnings about its record."""
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        found = await queries.request(tx, request_id, actor=actor, now=now)
        await note_reading(tx, [found], route="GET /requests/{request_id}", actor=actor, now=now)
    view = RequestView.model_validate(found)
    return answer(view, version=view.version)


@patch(
    "/requests/{request_id:uuid}",
    **documented(
        "Amend facts of a request",
        tag="requests",
        may=Deed.AMEND_REQUESTS,
        body=RequestChange,
        answer=RequestView,
        if_match=True,
        etag=True,
        problems=[InvalidEntry, NotFound, NotAllowed, AlreadyRecorded, VersionStale, ActNotPossible],
        examples={"another officer": {"assigned_to": "desk 4"}},
    ),
)
async def amend_request(
    request_id: UUID,
    entry: RequestChange,
    actor: Actor,
    database: Database,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Either side sets its own reference and officer; the rest belongs to the country that recorded the request."""
    done = await amending.amend_request(
        database, request_id, entry.changes(), expected=if_match, actor=actor, now=now
    )
    view = RequestView.model_validate(done.view)
    return answer(view, version=view.version)


@get(
    "/requests/{request_id:uuid}/clocks",
    **documented(
        "Read the clocks of a request with their explanations",
        tag="requests",
        may=Deed.READ_REQUESTS,
        answer=ClockList,
        problems=[NotFound],
    ),
)
async def read_clocks(request_id: UUID, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """Every clock, each with the steps that lead to its date, their rules and their sources."""
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await queries.clocks_explained(tx, request_id, actor=actor, now=now)
        route = "GET /requests/{request_id}/clocks"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
    explained = [{**row, "explanation": step_views(row["explanation"])} for row in rows]
    return answer(ClockList(items=[ExplainedClock.model_validate(row) for row in explained]))
