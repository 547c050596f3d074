"""What the sweep raised, and the mark that somebody has seen it."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal
from uuid import UUID

from litestar import Response, get, post
from pydantic import Field

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Id, Instant
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.routes import documented
from mla_tracker.commands.flags import acknowledge_flag
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import FlagKind, Obligor, Stage
from mla_tracker.queries import flags
from mla_tracker.queries.flags import FlagFilter
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey


class FlagQuery(PageQuery):
    """Which flags are wanted."""

    kind: FlagKind | None = Field(None, description="Only flags of this kind.")
    open: bool | None = Field(None, description="True: neither cleared nor settled. False: one of the two.")
    acknowledged: bool | None = Field(None, description="Whether somebody has acknowledged it.")
    request_id: Id | None = Field(None, description="Only flags of this request.")
    country: Country | None = Field(None, description="Only flags of requests with this counterpart.")
    raised_after: Instant | None = Field(None, description="Only flags raised after this instant.")


class FlagAnswer(Answer):
    """That a clock came near its due instant, reached it, or passed it by so many days.

    Cleared: a later entry showed that there was no lateness. Settled: there was, and it is over. Neither deletes it.
    """

    id: Id
    request_id: Id
    requesting_country: Country
    requested_country: Country
    handling: Handling = Field(description="How the request is handled.")
    clock_id: Id
    limit: str
    stage: Stage
    obligor: Obligor
    kind: FlagKind
    level: int = Field(description="0, or which escalation it is, from 1.")
    due_at: Instant
    raised_at: Instant
    acknowledged_at: Instant | None
    cleared_at: Instant | None
    cleared_reason: Literal["no_lateness", "date_moved", "clock_gone"] | None
    settled_at: Instant | None


@get(
    "/flags",
    **documented(
        "List the flags of your requests, newest first",
        tag="flags",
        may=Deed.READ_REQUESTS,
        query=FlagQuery,
        answer=Page[FlagAnswer],
    ),
)
async def list_flags(filters: FlagQuery, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """The flags of all requests that the account's countries see."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    wanted = FlagFilter(
        filters.kind,
        filters.open,
        filters.acknowledged,
        filters.request_id,
        filters.country,
        filters.raised_after,
    )
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await flags.page(tx, wanted, actor=actor, after=_key(position.after), limit=filters.limit + 1)
        shown = map(asdict, rows[: filters.limit])
        await note_reading(tx, shown, route="GET /flags", actor=actor, now=now, what=What.REQUEST_LISTED)
    return answer(paging.page(rows, filters, position, key=lambda row: (row.raised_at, row.id)))


@post(
    "/flags/{flag_id:uuid}/acknowledge",
    **documented(
        "Acknowledge a flag",
        tag="flags",
        may=Deed.ACKNOWLEDGE_FLAGS,
        answer=FlagAnswer,
        idempotent=True,
        problems=[NotFound],
        description="Says that somebody has seen it. A second call changes nothing: the first instant stays.",
    ),
)
async def acknowledge(
    flag_id: UUID, actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Marks the flag as seen and answers with it."""
    done = await acknowledge_flag(database, flag_id, actor=actor, now=now, idempotency=idempotency)
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        row = await flags.flag(tx, done.id, actor=actor)
        if row is not None:
            route = "POST /flags/{flag_id}/acknowledge"
            await note_reading(tx, [asdict(row)], route=route, actor=actor, now=now)
    if row is None:
        raise NotFound(f"There is no flag {flag_id}. List the flags to find its id.")
    return answer(FlagAnswer.model_validate(row, from_attributes=True), replayed=done.replayed)


def _key(after: tuple[object, ...] | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    raised_at, flag_id = after
    assert isinstance(raised_at, datetime)  # the cursor was read by these types
    assert isinstance(flag_id, UUID)
    return raised_at, flag_id
