"""Answers about requests, acts and clocks."""

from datetime import date
from typing import Any

from pydantic import Field

from mla_tracker.api.explanations import StepView
from mla_tracker.api.fields import (
    Answer,
    Country,
    Id,
    Instant,
)
from mla_tracker.api.previews import DateMoveView
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Basis,
    Circumstance,
    ClockState,
    Custody,
    Effect,
    FlagKind,
    LinkRelation,
    Obligor,
    Outcome,
    RequestKind,
    Stage,
    Status,
    Tier,
    Urgency,
)


class ItemView(Answer):
    """One form of assistance asked for, and how it ended."""

    item: int
    form: Assistance
    outcome: Outcome | None
    ground: str | None
    ended_on: date | None


class PauseView(Answer):
    """A spell in which the clock stood still; `to` is null while it does."""

    from_: Instant = Field(alias="from")
    to: Instant | None


class ExtensionView(Answer):
    """A prolongation: the act that gave it, and the due day before and after."""

    event_id: Id
    from_: date = Field(alias="from")
    to: date


class ClockView(Answer):
    """A legal clock as it reads now."""

    id: Id
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
    started_on: date | None
    started_at: Instant | None
    due_on: date | None
    due_at: Instant | None
    base_due_on: date | None
    paused_since: Instant | None
    pauses: list[PauseView]
    extensions: list[ExtensionView]
    stopped_on: date | None
    stopped_at: Instant | None
    met_extended: bool
    imprecise: bool


class ExplainedClock(ClockView):
    """A clock with the steps that lead to its date."""

    explanation: list[StepView]
    warnings: list[str]
    moves: list[DateMoveView] = Field(
        description="When its date was moved by a change of days or law, oldest first. An act that moves it stands in "
        "the explanation."
    )


class ClockList(Answer):
    """All clocks of one request."""

    items: list[ExplainedClock]


class RaisedFlagView(Answer):
    """A flag that the sweep raised on this request."""

    id: Id
    clock_id: Id
    limit: str
    stage: Stage
    obligor: Obligor
    kind: FlagKind
    level: int
    due_at: Instant
    raised_at: Instant
    acknowledged_at: Instant | None
    cleared_at: Instant | None
    cleared_reason: str | None
    settled_at: Instant | None


class LinkView(Answer):
    """Another request that hangs together with this one."""

    request_id: Id
    relation: LinkRelation
    recorded_here: bool


class ReferencesView(Answer):
    """The file numbers of the two sides."""

    requesting: str | None
    requested: str | None


class RequestSummary(Answer):
    """A request in a list."""

    id: Id
    kind: RequestKind
    requesting_country: Country
    requested_country: Country
    recorded_by: Country
    subject: str | None
    urgency: Urgency
    agreement_id: Id | None
    convention: str | None
    assistance: list[Assistance]
    circumstances: list[Circumstance]
    offences: list[str]
    external_reference: str | None
    references: ReferencesView
    assigned_to: str | None
    wished_by: date | None
    handling: Handling
    status: Status
    draft: bool
    custody: Custody | None
    outcome: Outcome | None
    reclassified_as: str | None
    ended_on: date | None
    version: int
    created_at: Instant
    updated_at: Instant
    erased_at: Instant | None = Field(
        description="When its persons and texts were erased, since it was closed for long enough; facts are left."
    )


class RequestView(RequestSummary):
    """A request with everything that its reader may see."""

    urgency_reason: str | None
    wished_by_reason: str | None
    channel: str | None
    language: str | None
    items: list[ItemView]
    clocks: list[ClockView]
    flags: list[RaisedFlagView]
    links: list[LinkView]
    warnings: list[str]


class VoidedView(Answer):
    """That an act was taken back."""

    voided_at: Instant
    voided_by: Country
    reason: str | None
    replacement_id: Id | None


class EventView(Answer):
    """An act of the history as it was recorded."""

    id: Id
    type: Act
    occurred_at: Instant | None
    occurred_on: date | None
    data: dict[str, Any]
    note: str | None
    asserted_by: Country
    told: bool = Field(
        description="The act took place in the other country, and who stated it recorded what it was told."
    )
    recorded_at: Instant
    voided: VoidedView | None


class RecordedEvent(EventView):
    """An act just recorded, with the request as it stands now."""

    request: RequestView
