"""Limits as data: what the law, agreements and policies demand by when, every version with its source."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from litestar import Response, get
from pydantic import Field

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Country, Day, Id
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.request_bodies import Slug
from mla_tracker.api.routes import documented
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.limits import ExtensionRule, Limit, Span, Trigger
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Basis,
    Circumstance,
    Effect,
    Obligor,
    RequestKind,
    Stage,
    Tier,
    Unit,
    Urgency,
)
from mla_tracker.queries import limits as queries
from mla_tracker.queries.limits import LimitFilter
from mla_tracker.storage.database import Database, DbRole

LIMIT_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}\Z")


class LimitQuery(PageQuery):
    """Which limits are wanted: those that fit every parameter given."""

    kind: RequestKind | None = Field(None, description="For requests of this kind, among others maybe.")
    stage: Stage | None = Field(None, description="What must happen.")
    basis: Basis | None = Field(None, description="What the limit rests on.")
    convention: Slug | None = Field(None, description="Id of the instrument that sets it, e.g. `eio`.")
    country: Country | None = Field(None, description="The country whose own law or policy it is.")
    verified: bool | None = Field(None, description="Whether the wording was read at its source.")
    in_force_on: Day | None = Field(None, description="Only versions valid on this day.")


class SpanView(Answer):
    """An amount of a unit; a negative one counts backwards."""

    amount: int
    unit: Unit


class TriggerView(Answer):
    """An act that starts, stops or restarts a clock."""

    act: Act
    where: dict[str, Any] = Field(description="Values that the act's data must have.")
    date_field: str | None = Field(description="The date in the act's data that counts instead of its day.")
    after: Act | None = Field(description="Only an act that such another one came before.")


class PauseView(Answer):
    """Acts between which the limit does not run."""

    begins: list[Act]
    ends: list[Act]


class ExtensionView(Answer):
    """What prolongs the limit; null where nothing is said."""

    each: SpanView | None
    times: int | None
    total: SpanView | None
    reason_required: bool
    estimate_required: bool
    after_expiry: bool


class ConditionsView(Answer):
    """When the limit applies at all; empty or null means whatever."""

    urgency: list[Urgency]
    assistance: list[Assistance]
    consent: bool | None
    contiguous: bool | None
    requester_region: str | None
    requested_countries: list[str]
    requesting_countries: list[str]
    circumstances: list[Circumstance] = Field(description="All of them must be stated on the request.")
    without_circumstances: list[Circumstance] = Field(
        description="None of them may be stated on the request."
    )
    acts: list[Act] = Field(description="All of them must be in the history.")


class FigureView(Answer):
    """The figure that a country declared, or set by order, in place of that of the provision."""

    requested: str
    requesting: list[str] = Field(description="The countries whose requests it is for; empty: all.")
    span: SpanView
    evidence: str
    seen_at: str


class LimitView(Answer):
    """One version of a limit."""

    id: str = Field(description="By which clocks name it.")
    version: int
    basis: Basis
    source: str = Field(description="Instrument and provision as a lawyer cites them.")
    instrument: str
    provision: str
    link: str | None = Field(description="Where the wording can be read.")
    verified: bool = Field(description="Whether the wording was read at its source.")
    evidence: str = Field(
        description="V: the wording was read; T: a transposition or quotation of it; M: from memory; own: a "
        "target of ours or what the country that recorded the agreement says."
    )
    convention: str | None
    agreement_id: Id | None
    country: str | None = Field(description="Whose own law or policy it is.")
    kinds: list[RequestKind] = Field(description="The requests it is about; empty: all.")
    stage: Stage
    tier: Tier | None
    effect: Effect
    obligor: Obligor = Field(description="Whose duty it is.")
    counted_in: Obligor = Field(description="Whose calendar and time zone count.")
    span: SpanView | None = Field(description="Null where the source gives no number: then no clock runs.")
    request_date: str | None = Field(description="The date on the request that counts instead of a number.")
    counting: str = Field(description="The name of the counting rule.")
    starts_on: list[TriggerView] = Field(description="The first found in a history counts.")
    stops_on: list[TriggerView]
    starts_each: bool = Field(description="Every start act starts a clock of its own.")
    restarts_on: list[TriggerView]
    implied_by: list[Act] = Field(description="Acts which show that the stage was passed.")
    cancelled_by: list[Act]
    survives_end: bool = Field(description="The clock runs on when the request has ended.")
    conditions: ConditionsView
    figures: list[FigureView]
    declared_only: bool = Field(description="Without a declared figure the limit does not apply.")
    pauses: list[PauseView]
    extension: ExtensionView | None = Field(description="Null: no extension is known.")
    warning_lead: SpanView | None
    escalation_days: list[int]
    in_addition: bool = Field(description="A policy that runs beside the law's number.")
    consequence: str | None
    wording: dict[str, str] = Field(description="What the provision says in words, and where it was seen.")
    published_on: Day | None
    valid_from: Day | None
    valid_to: Day | None = Field(description="The first day on which it is no longer valid.")


class LimitVersions(Answer):
    """All versions of one limit, newest first; a clock is counted by the one valid on its legal start."""

    id: str
    versions: list[LimitView]


@get(
    "/limits",
    **documented(
        "List limits by id and version",
        tag="limits",
        may=Deed.READ_LAW,
        query=LimitQuery,
        answer=Page[LimitView],
        description="The catalogue that ships and the policies of countries. The limits that an agreement sets itself "
        "are read with it, and by the id that a clock names.",
    ),
)
async def list_limits(
    filters: LimitQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Limits are the same for every account."""
    position = paging.position(filters, actor, keys=(str, int), now=now)
    wanted = LimitFilter(**filters.model_dump(exclude={"limit", "cursor"}))
    async with database.transaction(DbRole.API, read_only=True) as tx:
        rows = await queries.limits(
            tx,
            wanted,
            after=(position.after[0], position.after[1]) if position.after else None,
            limit=filters.limit + 1,
        )
    page = paging.page(rows, filters, position, key=lambda row: (row.id, row.version), item=shown)
    return answer(Page[LimitView].model_validate(page))


@get(
    "/limits/{limit_id:str}",
    **documented(
        "Read a limit with all its versions",
        tag="limits",
        may=Deed.READ_LAW,
        answer=LimitVersions,
        problems=[NotFound],
    ),
)
async def read_limit(limit_id: str, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """Also the limits that an agreement sets itself, by the id that a clock names."""
    if not LIMIT_ID.match(limit_id):
        raise NotFound("There is no such limit. List the limits to find its id.")
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        found = await queries.versions(tx, limit_id, actor=actor, now=now)
    return answer(LimitVersions(id=limit_id, versions=[shown(limit) for limit in found]))


def shown(limit: Limit) -> LimitView:
    """A version as its answer."""
    conditions = limit.conditions
    return LimitView(
        id=limit.id,
        version=limit.version,
        basis=limit.basis,
        source=limit.source,
        instrument=limit.instrument,
        provision=limit.provision,
        link=limit.link,
        verified=limit.verified,
        evidence="own" if limit.agreement_id else limit.evidence,
        convention=limit.convention,
        agreement_id=limit.agreement_id,
        country=limit.country,
        kinds=sorted(limit.kinds),
        stage=limit.stage,
        tier=limit.tier,
        effect=limit.effect,
        obligor=limit.obligor,
        counted_in=limit.counted_in,
        span=_span(limit.span),
        request_date=limit.request_date,
        counting=limit.counting,
        starts_on=_triggers(limit.starts_on),
        stops_on=_triggers(limit.stops_on),
        starts_each=limit.starts_each,
        restarts_on=_triggers(limit.restarts_on),
        implied_by=list(limit.implied_by),
        cancelled_by=list(limit.cancelled_by),
        survives_end=limit.survives_end,
        conditions=ConditionsView(
            urgency=sorted(conditions.urgency),
            assistance=sorted(conditions.assistance),
            consent=conditions.consent,
            contiguous=conditions.contiguous,
            requester_region=conditions.requester_region,
            requested_countries=sorted(conditions.requested_countries),
            requesting_countries=sorted(conditions.requesting_countries),
            circumstances=sorted(conditions.circumstances),
            without_circumstances=sorted(conditions.without_circumstances),
            acts=sorted(conditions.acts),
        ),
        figures=[
            FigureView(
                requested=one.requested,
                requesting=sorted(one.requesting),
                span=SpanView(amount=one.span.amount, unit=one.span.unit),
                evidence=one.evidence,
                seen_at=one.seen_at,
            )
            for one in limit.figures
        ],
        declared_only=limit.declared_only,
        pauses=[PauseView(begins=list(rule.begins), ends=list(rule.ends)) for rule in limit.pauses],
        extension=_extension(limit.extension),
        warning_lead=_span(limit.warning_lead),
        escalation_days=list(limit.escalation_days),
        in_addition=limit.in_addition,
        consequence=limit.consequence,
        wording=dict(limit.wording),
        published_on=limit.published_on,
        valid_from=limit.valid_from,
        valid_to=limit.valid_to,
    )


def _span(span: Span | None) -> SpanView | None:
    return SpanView(amount=span.amount, unit=span.unit) if span else None


def _triggers(triggers: Iterable[Trigger]) -> list[TriggerView]:
    return [
        TriggerView(act=one.act, where=dict(one.where), date_field=one.date_field, after=one.after)
        for one in triggers
    ]


def _extension(rule: ExtensionRule | None) -> ExtensionView | None:
    if rule is None:
        return None
    return ExtensionView(
        each=_span(rule.each),
        times=rule.times,
        total=_span(rule.total),
        reason_required=rule.reason_required,
        estimate_required=rule.estimate_required,
        after_expiry=rule.after_expiry,
    )
