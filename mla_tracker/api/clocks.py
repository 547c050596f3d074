"""The worklist across cases: GET /clocks."""

from datetime import datetime
from uuid import UUID

from litestar import Response, get
from pydantic import Field

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Day, DayOrInstant, Id, Instant, ShortLine
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.routes import documented
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import (
    Basis,
    ClockState,
    Effect,
    Obligor,
    RequestKind,
    Side,
    Stage,
    Status,
    Tier,
)
from mla_tracker.queries import worklist
from mla_tracker.queries.counted_clocks import Result
from mla_tracker.queries.worklist import ClockFilter
from mla_tracker.storage.database import Database, DbRole


class ClockQuery(PageQuery):
    """Which clocks are wanted: those that fit every parameter given. Several values of one are parted by commas."""

    state: list[ClockState] | None = Field(
        None,
        description="As the clock reads now. `overdue`: a deadline or goal that ran out; `expired`: an expiry that "
        "did; `running` holds neither.",
    )
    result: list[Result] | None = Field(
        None,
        description="How the reports count the clock; pending ones and those cancelled in time have none.",
    )
    stage: list[Stage] | None = Field(None, description="What must have happened.")
    kind: list[RequestKind] | None = Field(None, description="The kind of the request.")
    effect: list[Effect] | None = Field(None, description="What the limit does at its end.")
    basis: list[Basis] | None = Field(None, description="What the limit rests on.")
    as_: Side | None = Field(None, alias="as", description="As what your country stands in the request.")
    country: Country | None = Field(None, description="A country on either side of the request.")
    counterpart: Country | None = Field(None, description="The country on the other side from yours.")
    obligor: Obligor | None = Field(None, description="The side whose duty it is.")
    obligor_country: Country | None = Field(None, description="The country whose duty it is.")
    assigned_to: ShortLine | None = Field(
        None, description="The officer to whom your side assigned the request."
    )
    due_from: DayOrInstant | None = Field(
        None, description="Due on this date or later; an instant: what runs out after it."
    )
    due_before: DayOrInstant | None = Field(
        None,
        description="Due before this date; an instant: what runs out up to it. A paused clock is taken as if it "
        "resumed now.",
    )
    stopped_from: Day | None = Field(None, description="Met, or cancelled, on this date or later.")
    stopped_before: Day | None = Field(None, description="Met, or cancelled, before this date.")
    handling: Handling | None = Field(None, description="How the request is handled.")

    def wanted(self) -> ClockFilter:
        """The same for the query."""
        return ClockFilter(
            states=self.state or (),
            results=self.result or (),
            stages=self.stage or (),
            kinds=self.kind or (),
            effects=self.effect or (),
            bases=self.basis or (),
            own_side=self.as_,
            country=self.country,
            counterpart=self.counterpart,
            obligor=self.obligor,
            obligor_country=self.obligor_country,
            assigned_to=self.assigned_to,
            due_from=self.due_from,
            due_before=self.due_before,
            stopped_from=self.stopped_from,
            stopped_before=self.stopped_before,
            handling=self.handling,
        )


class RequestReferences(Answer):
    """What each side calls the request."""

    requesting: str | None
    requested: str | None


class WorklistClock(Answer):
    """One clock of one request, as it reads now."""

    id: Id
    request_id: Id
    kind: RequestKind
    status: Status = Field(description="The request's place in its life.")
    handling: Handling = Field(description="How the request is handled.")
    requesting_country: Country
    requested_country: Country
    external_reference: str | None = Field(description="What your side calls the request, if it recorded it.")
    references: RequestReferences
    assigned_to: str | None = Field(description="The officer of your own side.")
    limit: str
    limit_version: int
    stage: Stage
    tier: Tier | None
    effect: Effect
    basis: Basis
    obligor: Obligor
    obligor_country: Country
    counted_in: Country
    state: ClockState
    result: Result | None = Field(description="How the reports count it.")
    started_on: Day | None
    started_at: Instant | None
    base_due_on: Day | None = Field(description="Without extensions.")
    due_on: Day | None
    due_at: Instant | None = Field(
        description="Exclusive for periods of days or longer, inclusive for hours."
    )
    due_on_if_resumed: Day | None = Field(
        description="Of a paused clock: when it would be due if it resumed now."
    )
    paused_since: Instant | None
    stopped_on: Day | None
    stopped_at: Instant | None
    days_overdue: int | None = Field(
        description="Days begun since it ran out, 1 on the first; of open clocks."
    )
    imprecise: bool
    explained: str = Field(description="Where the clocks of the request are explained step by step.")


@get(
    "/clocks",
    **documented(
        "List clocks across your requests, soonest due first",
        tag="clocks",
        may=Deed.READ_REQUESTS,
        query=ClockQuery,
        answer=Page[WorklistClock],
        description="Every page of one list is read as of the instant of its first page. Clocks without a due date "
        "come last.",
    ),
)
async def list_clocks(
    filters: ClockQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Clocks of requests of your countries; those of drafts only of your own making."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        rows = await worklist.clocks(
            tx,
            filters.wanted(),
            actor=actor,
            as_of=position.as_of,
            after=(position.after[0], position.after[1]) if position.after else None,
            limit=filters.limit + 1,
        )
        await note_reading(
            tx, rows[: filters.limit], route="GET /clocks", actor=actor, now=now, what=What.REQUEST_LISTED
        )
    return answer(paging.page(rows, filters, position, key=worklist.sort_key, item=shown))


def shown(row: dict[str, object]) -> dict[str, object]:
    """A row of the worklist as its answer."""
    explained = f"/api/v1/requests/{row['request_id']}/clocks"
    return {name: value for name, value in row.items() if name != "sort_at"} | {"explained": explained}
