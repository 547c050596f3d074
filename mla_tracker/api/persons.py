"""Routes of persons: who a request is about."""

from datetime import datetime
from uuid import UUID

from litestar import Response, get, patch, post

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.paging import Page
from mla_tracker.api.person_bodies import ErasureEntry, PersonChange, PersonEntry, PersonsQuery, PersonView
from mla_tracker.api.routes import documented
from mla_tracker.commands import persons as commands
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import ActNotPossible, InvalidEntry, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import persons as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

_EXAMPLE = {
    "part": "person_sought",
    "names": [
        {"family_names": "Ruiz Ortega", "given_names": "Julia"},
        {"kind": "alias", "as_written": "La Marinera"},
    ],
    "sex": "female",
    "born_on": "1987-05",
    "birth_place": "Cartagena",
    "birth_country": "ES",
    "nationalities": ["ES"],
    "identifiers": [{"type": "passport", "number": "XDA123456", "issuing_country": "ES"}],
}


@post(
    "/requests/{request_id:uuid}/persons",
    **documented(
        "Record who a request is about",
        tag="persons",
        may=Deed.RECORD_PERSONS,
        body=PersonEntry,
        answer=PersonView,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[InvalidEntry, NotFound],
        examples={"a person sought": _EXAMPLE},
        description="Seen by those who work on the case in both its countries, once it is shared; changed and erased "
        "by the country that recorded it.",
    ),
)
async def record_person(
    request_id: UUID,
    entry: PersonEntry,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Warns where an extradition has more than one person sought."""
    done = await commands.record_person(
        database, request_id, entry.entry(), actor=actor, now=now, idempotency=idempotency
    )
    view = PersonView.model_validate(done.view)
    location = f"/api/v1/requests/{request_id}/persons/{done.id}"
    return answer(view, status=201, version=view.version, location=location, replayed=done.replayed)


@get(
    "/requests/{request_id:uuid}/persons",
    **documented(
        "List who a request is about, in the order of recording",
        tag="persons",
        may=Deed.READ_PERSONS,
        query=PersonsQuery,
        answer=Page[PersonView],
        problems=[NotFound],
    ),
)
async def list_persons(
    request_id: UUID, filters: PersonsQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Those who were erased too, without a word on them."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await queries.persons(
            tx,
            request_id,
            actor=actor,
            after=(position.after[0], position.after[1]) if position.after else None,
            as_of=position.as_of,
            limit=filters.limit + 1,
        )
        route = "GET /requests/{request_id}/persons"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
    page = paging.page(rows, filters, position, key=lambda row: (row["created_at"], row["id"]))
    return answer(Page[PersonView].model_validate(page))


@get(
    "/requests/{request_id:uuid}/persons/{person_id:uuid}",
    **documented(
        "Read a person of a request",
        tag="persons",
        may=Deed.READ_PERSONS,
        answer=PersonView,
        etag=True,
        problems=[NotFound],
    ),
)
async def read_person(
    request_id: UUID, person_id: UUID, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """What is known of them, or that it was erased."""
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        view = PersonView.model_validate(await queries.person(tx, request_id, person_id, actor=actor))
        route = "GET /requests/{request_id}/persons/{person_id}"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
    return answer(view, version=view.version)


@patch(
    "/requests/{request_id:uuid}/persons/{person_id:uuid}",
    **documented(
        "Correct what is said of a person",
        tag="persons",
        may=Deed.RECORD_PERSONS,
        body=PersonChange,
        answer=PersonView,
        if_match=True,
        etag=True,
        problems=[InvalidEntry, NotFound, NotAllowed, VersionStale, ActNotPossible],
        examples={"the day became known": {"born_on": "1987-05-17"}},
        description="What was said before is destroyed; the history keeps its commitment alone.",
    ),
)
async def change_person(
    request_id: UUID,
    person_id: UUID,
    entry: PersonChange,
    actor: Actor,
    database: Database,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Only the country that recorded the person."""
    done = await commands.change_person(
        database, request_id, person_id, entry.changes(), expected=if_match, actor=actor, now=now
    )
    view = PersonView.model_validate(done.view)
    return answer(view, version=view.version)


@post(
    "/requests/{request_id:uuid}/persons/{person_id:uuid}/erase",
    **documented(
        "Erase what is said of a person",
        tag="persons",
        may=Deed.ERASE_PERSONS,
        body=ErasureEntry,
        answer=PersonView,
        idempotent=True,
        etag=True,
        problems=[NotFound, NotAllowed],
        examples={"somebody else of that name": {"ground": "not_concerned"}},
        description="For good: nobody can bring it back. That a person was recorded stays, with the ground. Erasing "
        "again changes nothing.",
    ),
)
async def erase_person(
    request_id: UUID,
    person_id: UUID,
    entry: ErasureEntry,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Only the country that recorded the person."""
    done = await commands.erase_person(
        database, request_id, person_id, entry.why(), actor=actor, now=now, idempotency=idempotency
    )
    view = PersonView.model_validate(done.view)
    return answer(view, version=view.version, replayed=done.replayed)
