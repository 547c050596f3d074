"""Routes of a request's history: record an act, void one, read them all."""

from datetime import datetime
from uuid import UUID

from litestar import Response, get, post

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.paging import Page
from mla_tracker.api.request_bodies import EventBody, EventFilters, VoidBody
from mla_tracker.api.request_views import EventView, RecordedEvent, RequestView
from mla_tracker.api.requests import PATH
from mla_tracker.api.routes import documented
from mla_tracker.commands import requests as commands
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import ActNotPossible, DatedInFuture, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import requests as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey


@post(
    "/requests/{request_id:uuid}/events",
    **documented(
        "Record an act",
        tag="requests",
        may=Deed.RECORD_ACTS,
        body=EventBody,
        answer=RecordedEvent,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[InvalidEntry, DatedInFuture, NotFound, NotAllowed, ActNotPossible],
        examples={"received": {"type": "received", "occurred_on": "2026-03-09", "data": {"documents": True}}},
    ),
)
async def record_event(
    request_id: UUID,
    entry: EventBody,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Acts may be recorded late and in any order: clocks come out as if they had been recorded right away."""
    done = await commands.record_event(
        database, request_id, entry.entry(), actor=actor, now=now, idempotency=idempotency
    )
    view = RecordedEvent.model_validate(done.view)
    return answer(
        view,
        status=201,
        version=view.request.version,
        location=f"{PATH}/{request_id}/events",
        replayed=done.replayed,
    )


@get(
    "/requests/{request_id:uuid}/events",
    **documented(
        "Read the history of a request",
        tag="requests",
        may=Deed.READ_REQUESTS,
        query=EventFilters,
        answer=Page[EventView],
        problems=[NotFound],
    ),
)
async def list_events(
    request_id: UUID, filters: EventFilters, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Every act in the order in which they took place, voided ones too, with who stated it and when it was recorded."""
    position = paging.position(filters, actor, keys=(UUID,), now=now)
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        history = await queries.history(tx, request_id, actor=actor, now=now, as_of=position.as_of)
        route = "GET /requests/{request_id}/events"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
    last = position.after[0] if position.after else None
    first = next((number for number, event in enumerate(history, start=1) if event["id"] == last), 0)
    page = paging.page(
        history[first : first + filters.limit + 1], filters, position, key=lambda event: (event["id"],)
    )
    return answer(Page[EventView].model_validate(page))


@post(
    "/requests/{request_id:uuid}/events/{event_id:uuid}/void",
    **documented(
        "Void an act that was recorded wrongly, and replace it in the same step",
        tag="requests",
        may=Deed.RECORD_ACTS,
        body=VoidBody,
        answer=RequestView,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[InvalidEntry, DatedInFuture, NotFound, NotAllowed, ActNotPossible],
        examples={
            "a wrong date": {
                "reason": "The stamp says the 9th.",
                "replacement": {"type": "received", "occurred_on": "2026-03-09"},
            }
        },
    ),
)
async def void_event(
    request_id: UUID,
    event_id: UUID,
    entry: VoidBody,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """The act stays in the history, marked as voided, with the reason; only what results must be possible."""
    done = await commands.void_event(
        database,
        request_id,
        event_id,
        reason=entry.reason,
        replacement=entry.replacement.entry() if entry.replacement else None,
        actor=actor,
        now=now,
        idempotency=idempotency,
    )
    view = RequestView.model_validate(done.view)
    return answer(
        view, status=201, version=view.version, location=f"{PATH}/{request_id}", replayed=done.replayed
    )
