"""From a stored history to what it means: the case as the law sees it, its life, its clocks, its warnings."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.catalogue.countries import default_zone
from mla_tracker.domain.agreements import in_force_between
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case, Event, judge, zone_of
from mla_tracker.domain.life import Life, life_of
from mla_tracker.domain.precedence import Law, RelianceOnAgreement
from mla_tracker.domain.vocabulary import Act, Assistance, RequestKind, Side, Urgency
from mla_tracker.storage.agreements import agreement_of, limits_of, load
from mla_tracker.storage.clocks import insert_all, replace_all
from mla_tracker.storage.database import Tx
from mla_tracker.storage.law import calendars_in_force, stored_limits
from mla_tracker.storage.requests import StoredCase, StoredEvent, save_projection


@dataclass(frozen=True, slots=True)
class Projection:
    """Everything computed from one history."""

    case: Case
    life: Life
    clocks: tuple[Clock, ...]
    warnings: tuple[Step, ...]


def zones_of(stored: StoredCase) -> dict[Side, ZoneInfo]:
    """The zones whose days count on either side; the executing authority named in `forwarded` may have its own."""
    record = stored.record
    forwarded = sorted(
        (e.occurred_on or default_day(e), str(e.data["zone"]))
        for e in stored.events
        if e.type == Act.FORWARDED and e.data.get("zone") is not None
    )
    requested = ZoneInfo(forwarded[-1][1]) if forwarded else default_zone(record.requested_country)
    return {Side.REQUESTING: default_zone(record.requesting_country), Side.REQUESTED: requested}


def default_day(event: StoredEvent) -> date:
    """The UTC day of a timed act, where its zone is what is being looked for."""
    assert event.occurred_at is not None
    return event.occurred_at.astimezone(UTC).date()


def case_of(stored: StoredCase) -> Case:
    """The request as the law looks at it."""
    record, zones = stored.record, zones_of(stored)
    return Case(
        kind=RequestKind(record.kind),
        requesting_country=record.requesting_country,
        requested_country=record.requested_country,
        events=tuple(event_of(event, zones) for event in stored.events),
        urgency=Urgency(record.urgency),
        assistance=tuple(Assistance(form) for form in record.assistance),
        convention=record.convention,
        wished_by=record.wished_by,
        recorded_on=record.created_at.date(),
        zones=zones,
    )


def event_of(event: StoredEvent, zones: dict[Side, ZoneInfo]) -> Event:
    """One recorded act as the law looks at it."""
    act = Act(event.type)
    return Event(
        id=str(event.id),
        act=act,
        zone=zone_of(act, zones),
        at=event.occurred_at,
        on=event.occurred_on,
        data=event.data,
        asserted_by=event.asserted_by,
    )


async def project(tx: Tx, stored: StoredCase, now: datetime) -> Projection:
    """Judge the whole history and count every clock. Raises ActNotPossible where the history cannot be true."""
    case = case_of(stored)
    judge(case)
    life = life_of(case)
    record = stored.record
    law = Law(
        limits=await stored_limits(tx),
        conventions=load_conventions(),
        agreement=await _reliance(tx, record.agreement_id, case) if record.agreement_id else None,
    )
    calendars = await calendars_in_force(tx, (record.requesting_country, record.requested_country), now)
    clocks, warnings = evaluate(case, life, law, calendars)
    return Projection(case, life, clocks, (*life.warnings, *warnings))


async def _reliance(tx: Tx, agreement_id: UUID, case: Case) -> RelianceOnAgreement | None:
    """The agreement that the request names, and whether it binds both countries on the day the law is judged."""
    row = await load(tx, agreement_id)
    if row is None:
        return None
    governs = in_force_between(
        agreement_of(row), case.requesting_country, case.requested_country, case.first_day
    )
    return RelianceOnAgreement(str(agreement_id), row.fields.title, governs, limits_of(row))


async def save(
    tx: Tx, stored: StoredCase, projection: Projection, *, version: int, now: datetime, new: bool = False
) -> None:
    """Write a projection over the one that stood there, and bring checks and flags in line with it."""
    record, life = stored.record, projection.life
    await save_projection(
        tx,
        record,
        life,
        projection.warnings,
        version=version,
        first_act_on=projection.case.first_day,
        now=now,
    )
    write = insert_all if new else replace_all
    await write(tx, record, projection.clocks, shared=life.shared, now=now)
