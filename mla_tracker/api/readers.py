"""Routes of the accounts that are named to a confidential request."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from litestar import Response, delete, get, put
from pydantic import Field

from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Id, Instant
from mla_tracker.api.routes import documented
from mla_tracker.commands import handling
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import ActNotPossible, InvalidEntry, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import readers, requests
from mla_tracker.queries.readers import Reader
from mla_tracker.storage.database import Database, DbRole


class ReaderView(Answer):
    """An account that is named; name and role are null of one that speaks for further countries."""

    account_id: Id
    country: Country
    name: str | None
    role: Role | None
    closed: bool = Field(description="The account was disabled, and counts as if it were not named.")
    named_by: Id | None
    named_at: Instant


class ReaderList(Answer):
    """Who is named of your own side; the other side names its own, whom you do not see."""

    items: list[ReaderView]


@get(
    "/requests/{request_id:uuid}/readers",
    **documented(
        "Read who of your side is named to a request",
        tag="requests",
        may=Deed.READ_REQUESTS,
        answer=ReaderList,
        problems=[NotFound],
        description="Names count while the request is confidential. While nobody of a side is named, its heads see it.",
    ),
)
async def list_readers(request_id: UUID, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """First named first."""
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        await requests.visible_row(tx, request_id, actor)
        found = await readers.readers(tx, request_id, actor)
        route = "GET /requests/{request_id}/readers"
        await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
    return _shown(found)


@put(
    "/requests/{request_id:uuid}/readers/{account_id:uuid}",
    **documented(
        "Name an account of your side to a request",
        tag="requests",
        may=Deed.NAME_READERS,
        answer=ReaderList,
        problems=[NotFound, InvalidEntry],
        description="An open account that works on requests: officer, head or integration. A second call changes "
        "nothing. Names may be given before the request is made confidential.",
    ),
)
async def name_reader(
    request_id: UUID, account_id: UUID, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Answers with all who are named of your side."""
    return _shown(await handling.name_reader(database, request_id, account_id, actor=actor, now=now))


@delete(
    "/requests/{request_id:uuid}/readers/{account_id:uuid}",
    **documented(
        "Take an account of your side off a request",
        tag="requests",
        may=Deed.NAME_READERS,
        answer=ReaderList,
        problems=[NotFound, ActNotPossible],
        description="The last one of a confidential request can go only where your country has a head, who then sees "
        "it. A second call changes nothing.",
    ),
)
async def unname_reader(
    request_id: UUID, account_id: UUID, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Answers with those that are left of your side."""
    return _shown(await handling.unname_reader(database, request_id, account_id, actor=actor, now=now))


def _shown(found: Sequence[Reader]) -> Response[bytes]:
    return answer(ReaderList(items=[ReaderView.model_validate(one, from_attributes=True) for one in found]))
