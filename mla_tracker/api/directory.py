"""Routes of the directory: central authorities and contact points of all countries."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.directory_bodies import DirectoryEntry, DirectoryQuery, DirectoryView
from mla_tracker.api.paging import Page
from mla_tracker.api.routes import documented
from mla_tracker.commands import directory as commands
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AlreadyRecorded, InvalidEntry, NotAllowed
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import directory as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

EXAMPLES: Final[dict[str, Any]] = {
    "a central authority": {
        "country": "MA",
        "authority": "Direction des affaires pénales et des grâces",
        "functions": ["evidence", "extradition"],
        "languages": ["ar", "fr"],
        "email": "authority@example.org",
    }
}


@post(
    "/directory",
    **documented(
        "Add an authority to your country's part of the directory",
        tag="directory",
        may=Deed.KEEP_DIRECTORY,
        body=DirectoryEntry,
        answer=DirectoryView,
        status=201,
        idempotent=True,
        problems=[AlreadyRecorded, InvalidEntry, NotAllowed],
        examples=EXAMPLES,
        description="An entry with an external reference is amended by importing it anew.",
    ),
)
async def record_directory_entry(
    entry: DirectoryEntry,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Answers with the entry."""
    done = await commands.record_entry(
        database, entry.fields(), actor=actor, now=now, idempotency=idempotency
    )
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        view = await queries.entry(tx, done.id, actor=actor)
    return answer(DirectoryView.model_validate(view), status=201, replayed=done.replayed)


@get(
    "/directory",
    **documented(
        "List the authorities of all countries",
        tag="directory",
        may=Deed.READ_DIRECTORY,
        query=DirectoryQuery,
        answer=Page[DirectoryView],
    ),
)
async def list_directory(
    filters: DirectoryQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """By country and name."""
    position = paging.position(filters, actor, keys=(str, str, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        rows = await queries.directory(
            tx,
            actor=actor,
            country=filters.country,
            kind=filters.kind.value if filters.kind else None,
            on=filters.on,
            after=(position.after[0], position.after[1], position.after[2]) if position.after else None,
            limit=filters.limit + 1,
        )
    page = paging.page(rows, filters, position, key=lambda row: (row["country"], row["authority"], row["id"]))
    return answer(Page[DirectoryView].model_validate(page))
