"""Routes of the notes that a side keeps on a request for itself."""

from datetime import datetime
from uuid import UUID

from litestar import Response, get, post

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Entry, Id, Instant, Paragraphs
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.person_bodies import ErasureEntry
from mla_tracker.api.routes import documented
from mla_tracker.commands import notes as commands
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InvalidEntry, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.persons import ErasureGround
from mla_tracker.queries import notes as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey


class NoteEntry(Entry):
    """A note of one's own side."""

    text: Paragraphs


class NoteView(Answer):
    """A note of one's own side; `text` is null once it was erased."""

    id: Id
    request_id: Id
    country: Country
    text: str | None
    account_id: Id
    author: str | None
    recorded_at: Instant
    erased_at: Instant | None
    erased_for: ErasureGround | None


class NotesQuery(PageQuery):
    """Which page is wanted."""


@post(
    "/requests/{request_id:uuid}/notes",
    **documented(
        "Keep a note of your side on a request",
        tag="notes",
        may=Deed.RECORD_NOTES,
        body=NoteEntry,
        answer=NoteView,
        status=201,
        idempotent=True,
        problems=[InvalidEntry, NotFound],
        examples={"a word to colleagues": {"text": "The court rang: it expects the file by Friday."}},
        description="The other country sees neither the note nor that there is one.",
    ),
)
async def record_note(
    request_id: UUID,
    entry: NoteEntry,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """An account of both countries keeps it for the requesting one."""
    done = await commands.record_note(
        database, request_id, entry.text, actor=actor, now=now, idempotency=idempotency
    )
    return answer(NoteView.model_validate(done.view), status=201, replayed=done.replayed)


@get(
    "/requests/{request_id:uuid}/notes",
    **documented(
        "List the notes of your side on a request, last first",
        tag="notes",
        may=Deed.READ_NOTES,
        query=NotesQuery,
        answer=Page[NoteView],
        problems=[NotFound],
    ),
)
async def list_notes(
    request_id: UUID, filters: NotesQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Those that were erased too, without their text."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await queries.notes(
            tx,
            request_id,
            actor=actor,
            after=(position.after[0], position.after[1]) if position.after else None,
            as_of=position.as_of,
            limit=filters.limit + 1,
        )
        route = "GET /requests/{request_id}/notes"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
    page = paging.page(rows, filters, position, key=lambda row: (row["recorded_at"], row["id"]))
    return answer(Page[NoteView].model_validate(page))


@post(
    "/requests/{request_id:uuid}/notes/{note_id:uuid}/erase",
    **documented(
        "Erase a note of your side",
        tag="notes",
        may=Deed.ERASE_NOTES,
        body=ErasureEntry,
        answer=NoteView,
        idempotent=True,
        problems=[NotFound],
        examples={"written on the wrong case": {"ground": "recorded_in_error"}},
        description="For good: nobody can bring it back. That there was a note stays. Erasing again changes nothing.",
    ),
)
async def erase_note(
    request_id: UUID,
    note_id: UUID,
    entry: ErasureEntry,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Answers with what is left of it."""
    done = await commands.erase_note(
        database, request_id, note_id, entry.why(), actor=actor, now=now, idempotency=idempotency
    )
    return answer(NoteView.model_validate(done.view), replayed=done.replayed)
