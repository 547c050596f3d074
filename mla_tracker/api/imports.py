"""Routes of imports: a file of records handed in, how it goes, and what was refused of it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.exceptions import InternalServerException
from litestar.response import Stream
from pydantic import Field

from mla_tracker.api import conditional, paging, problems
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Id, Instant, Query
from mla_tracker.api.files.remarks import remarks_as_csv
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.problems import Problem
from mla_tracker.api.routes import broken_off, documented
from mla_tracker.commands import importing
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import imports as queries
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey
from mla_tracker.storage.imports import ImportSpec

MEDIA: Final = {"text/csv": "csv", "application/x-ndjson": "ndjson"}
MOST_BYTES: Final = 2**50
"""What the framework lets through; how much is taken is a setting."""
PIECE_SECONDS: Final = 30
LEAST_PACE: Final = 4096
"""Bytes per second that must have come on average, the first PIECE_SECONDS aside: else a few callers, each a byte at a
time, hold every connection."""

Kind = Literal["agreements", "requests", "directory"]
Encoding = Literal["utf-8", "utf-16", "windows-1252", "windows-1256", "iso-8859-1"]
Days = Literal["iso", "day_first", "month_first"]


class ImportQuery(Query):
    """What is handed in, and how it is to be taken."""

    kind: Kind
    encoding: Encoding = Field("utf-8", description="Nothing is guessed; a byte order mark is believed.")
    days: Days = Field("iso", description="How 03/04/2019 is meant; `iso`: not at all.")
    all_or_nothing: bool = Field(False, description="Record all rows or none, not each that can be.")
    dry_run: bool = Field(False, description="Record nothing; say what would become of each row.")


class ImportView(Answer):
    """An import; the numbers are rows."""

    id: Id
    kind: Kind
    format: Literal["csv", "ndjson"]
    encoding: Encoding
    days: Days
    all_or_nothing: bool
    dry_run: bool
    status: Literal["receiving", "waiting", "running", "done", "failed"]
    rows: int = Field(description="Those that were looked at so far.")
    recorded: int = Field(description="Of a dry run, those that would be.")
    skipped: int = Field(description="Those that say what is recorded already.")
    refused: int
    warned: int = Field(description="Those that were taken with a warning.")
    bytes: int
    error: str | None = Field(description="Why the file as a whole was not taken.")
    account_id: Id
    country: Country
    created_at: Instant
    updated_at: Instant
    finished_at: Instant | None


class ImportsQuery(PageQuery):
    """Which page is wanted."""


@post(
    "/imports",
    **documented(
        "Hand in a file of records",
        tag="imports",
        may=Deed.HAND_IN_IMPORTS,
        query=ImportQuery,
        takes=tuple(MEDIA),
        answer=ImportView,
        status=202,
        idempotent=True,
        location=True,
        problems=[InvalidEntry, NotAllowed],
        max_body=MOST_BYTES,
        examples={
            "text/csv": "title,kind,parties\nTreaty on extradition,extradition,MA ES\n",
            "application/x-ndjson": '{"title": "A treaty", "kind": "extradition", "parties": ["MA", "ES"]}\n',
        },
        description="The body is the file; docs/imports.md tells its columns. It is kept sealed until a job has "
        "imported it by the rules of the single routes, then erased. How that goes is told at `Location`.",
    ),
)
async def hand_in_import(
    request: Request[Any, Any, Any],
    filters: ImportQuery,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
) -> Response[bytes]:
    """The call ends when the file is here."""
    form = _form(request.headers.get("Content-Type"), request.headers.get("Content-Encoding"))
    key = conditional.idempotency_key(request.headers.get("Idempotency-Key"))
    spec = ImportSpec(
        filters.kind, form, filters.encoding, filters.days, filters.all_or_nothing, filters.dry_run
    )

    def key_of(digest: bytes) -> IdempotencyKey | None:
        if key is None:
            return None
        whole = hashlib.sha256(repr(spec).encode() + digest).digest()
        return IdempotencyKey(actor.account_id, f"POST {request.scope['path_template']}", key, whole)

    done = await importing.receive(
        database, spec, _pieces(request, settings.import_bytes), actor=actor, now=now, key_of=key_of
    )
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        view = await queries.import_view(tx, done.id, actor=actor)
    location = f"/api/v1/imports/{done.id}"
    return answer(ImportView.model_validate(view), status=202, location=location, replayed=done.replayed)


def _form(content_type: str | None, content_encoding: str | None) -> str:
    media = (content_type or "").split(";")[0].strip().lower()
    if media not in MEDIA or (content_encoding or "identity").strip().lower() != "identity":
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE,
            f"Send the file as it is, uncompressed, with Content-Type: {' or '.join(MEDIA)}.",
            headers={"Accept": ", ".join(MEDIA)},
        )
    return MEDIA[media]


async def _pieces(request: Request[Any, Any, Any], most: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises the 413 problem, and the 408 problem for what does not come, or hardly."""
    size = 0
    began = time.monotonic()
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except InternalServerException:
            raise broken_off() from None
        except TimeoutError:
            raise Problem(
                problems.TIMED_OUT, f"Nothing came for {PIECE_SECONDS} seconds. Send the file again."
            ) from None
        size += len(piece)
        if size > most:
            raise Problem(
                problems.TOO_LARGE,
                f"The file is larger than {most} bytes. Split it, or have the operator raise MLA_IMPORT_BYTES or "
                "import it with mla-tracker import.",
            )
        if size < (time.monotonic() - began - PIECE_SECONDS) * LEAST_PACE:
            raise Problem(
                problems.TIMED_OUT,
                f"Less than {LEAST_PACE} bytes came per second. Send the file over a faster line, or in parts.",
            )
        yield piece


@get(
    "/imports",
    **documented(
        "List the imports of your country, the last first",
        tag="imports",
        may=Deed.READ_IMPORTS,
        query=ImportsQuery,
        answer=Page[ImportView],
    ),
)
async def list_imports(
    filters: ImportsQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Those of all its accounts."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        after = (position.after[0], position.after[1]) if position.after else None
        rows = await queries.imports(
            tx, actor=actor, after=after, as_of=position.as_of, limit=filters.limit + 1
        )
    page = paging.page(rows, filters, position, key=lambda row: (row["created_at"], row["id"]))
    return answer(Page[ImportView].model_validate(page))


@get(
    "/imports/{import_id:uuid}",
    **documented(
        "Read how an import goes",
        tag="imports",
        may=Deed.READ_IMPORTS,
        answer=ImportView,
        problems=[NotFound],
    ),
)
async def read_import(import_id: UUID, actor: Actor, database: Database) -> Response[bytes]:
    """With the rows that were taken so far."""
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        return answer(ImportView.model_validate(await queries.import_view(tx, import_id, actor=actor)))


@get(
    "/imports/{import_id:uuid}/refused",
    **documented(
        "Read what was refused of an import, as a file",
        tag="imports",
        may=Deed.READ_IMPORTS,
        answer=None,
        media=("text/csv",),
        problems=[NotFound, NotAllowed],
        description="Row, column, what (`refused`, or `warning` on a row that was taken) and reason, for the account "
        "that handed the file in. It quotes no text of the rows.",
    ),
)
async def read_refused(import_id: UUID, actor: Actor, database: Database) -> Stream:
    """In the order of rows."""
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        await queries.own_import(tx, import_id, actor=actor)
    return Stream(
        remarks_as_csv(database, import_id, actor=actor),
        media_type="text/csv; header=present",
        headers={"Content-Disposition": f'attachment; filename="refused-{import_id}.csv"'},
    )
