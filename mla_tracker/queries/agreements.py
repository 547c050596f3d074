"""The register of agreements as an account may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mla_tracker.catalogue.countries import default_zone
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.agreement_warnings import warnings
from mla_tracker.domain.agreements import (
    APPLYING,
    Agreement,
    in_force_between,
    party_status_on,
    status_on,
)
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.governing import Governing, governing
from mla_tracker.domain.local_time import local_day
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.domain.vocabulary import (
    AgreementAct,
    AgreementKind,
    AgreementScope,
    AgreementStatus,
    RequestKind,
)
from mla_tracker.storage.agreements import (
    AgreementRow,
    EventRow,
    PartyRow,
    agreement_of,
    fetch,
    limit_ids,
    load,
    load_between,
)
from mla_tracker.storage.database import Tx

BATCH: Final = 500
EARLIEST_ZONE: Final = timedelta(hours=14)


@dataclass(frozen=True)
class PartyView:
    """A party, its own dates, and where the agreement stands for it today."""

    country: str | None
    organisation: str | None
    signed_on: date | None
    in_force_from: date | None
    terminated_on: date | None
    declarations: str | None
    status: AgreementStatus


@dataclass(frozen=True)
class VoidView:
    """That an event was taken back: why and when."""

    reason: str | None
    recorded_at: datetime


@dataclass(frozen=True)
class EventView:
    """An event; `voided` says that it was taken back and no longer counts."""

    id: UUID
    type: AgreementAct
    occurred_on: date
    data: Mapping[str, Any]
    note: str | None
    recorded_at: datetime
    voided: VoidView | None


@dataclass(frozen=True)
class AgreementView:
    """An agreement as one account sees it, on the day it is where the agreement was recorded."""

    id: UUID
    title: str
    kind: AgreementKind
    scope: AgreementScope
    status: AgreementStatus
    parties: Sequence[PartyView]
    external_reference: str | None
    signed_on: date | None
    provisionally_applied_from: date | None
    in_force_from: date | None
    terminated_on: date | None
    visible_to_all_from: date | None
    languages: Sequence[str]
    limits: Sequence[Mapping[str, Any]]
    notes: str | None
    events: Sequence[EventView]
    warnings: Sequence[Step]
    recorded_by: str
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class AgreementFilter:
    """What a list is narrowed to. `country` and `counterpart` are parties; both need not be the viewer's."""

    kind: AgreementKind | None = None
    country: str | None = None
    counterpart: str | None = None
    status: AgreementStatus | None = None
    in_force_on: date | None = None
    recorded_by: str | None = None
    q: str | None = None


def today_in(country: str, now: datetime) -> date:
    """The day it is in the country at `now`."""
    return local_day(now, default_zone(country))


def may_see(row: AgreementRow, actor: Actor, now: datetime) -> bool:
    """Whether the account sees the agreement: its own country's always, another's once it is public."""
    return actor.speaks_for(row.recorded_by) or is_public(row, now)


def is_public(row: AgreementRow, now: datetime) -> bool:
    """Whether everybody may see the agreement: it was signed, provisionally applied or in force by today."""
    public_from = row.visible_to_all_from
    return public_from is not None and public_from <= today_in(row.recorded_by, now)


def not_found(agreement_id: UUID) -> NotFound:
    """The one answer for what does not exist and for what the account may not see."""
    return NotFound(f"There is no agreement {agreement_id}, or this account may not see it.")


async def agreement(tx: Tx, agreement_id: UUID, *, actor: Actor, now: datetime) -> AgreementView:
    """One agreement as the account may see it. Raises NotFound."""
    row = await load(tx, agreement_id)
    if row is None or not may_see(row, actor, now):
        raise not_found(agreement_id)
    return view_of(row, actor, now)


async def governing_between(
    tx: Tx, kind: RequestKind, requesting: str, requested: str, day: date, *, now: datetime
) -> Governing:
    """Which recorded agreement governs a request on a day, and why no other; nothing secret is told to either side."""
    rows = await load_between(tx, requesting, requested)
    public = (agreement_of(row) for row in rows if is_public(row, now))
    return governing(public, kind, requesting, requested, day)


async def agreements(
    tx: Tx,
    wanted: AgreementFilter,
    *,
    actor: Actor,
    now: datetime,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> list[AgreementView]:
    """Up to `limit` agreements that the account may see, the last recorded first, continuing after a key.

    Status and force depend on the day and are judged here, not by the database, batch by batch.
    """
    found: list[AgreementView] = []
    while len(found) < limit:
        rows = await _batch(tx, wanted, actor=actor, now=now, after=after)
        found += [
            view_of(row, actor, now)
            for row in rows
            if may_see(row, actor, now) and _is_wanted(agreement_of(row), wanted, now)
        ]
        if len(rows) < BATCH:
            break
        after = (rows[-1].created_at, rows[-1].id)
    return found[:limit]


async def _batch(
    tx: Tx, wanted: AgreementFilter, *, actor: Actor, now: datetime, after: tuple[datetime, UUID] | None
) -> list[AgreementRow]:
    """The next rows that may fit; a few of others may be public only from tomorrow where they were recorded."""
    arguments: list[Any] = [list(actor.countries), (now + EARLIEST_ZONE).date()]
    conditions = ["(recorded_by = any($1) or visible_to_all_from <= $2)"]

    def also(condition: str, *values: Any) -> None:
        arguments.extend(values)
        numbers = range(len(arguments) - len(values) + 1, len(arguments) + 1)
        conditions.append(condition.format(*(f"${number}" for number in numbers)))

    if after is not None:
        also("(created_at, id) < ({0}, {1})", *after)
    if wanted.kind is not None:
        also("kind = {0}", wanted.kind.value)
    if wanted.recorded_by is not None:
        also("recorded_by = {0}", wanted.recorded_by)
    for country in (wanted.country, wanted.counterpart):
        if country is not None:
            also("id in (select agreement_id from agreement_party where country = {0})", country)
    if wanted.q is not None:
        also(
            "(title ilike {0} or"
            " id in (select agreement_id from agreement_party where organisation ilike {0}))",
            f"%{_escaped(wanted.q)}%",
        )
    return await fetch(
        tx, f"where {' and '.join(conditions)} order by created_at desc, id desc limit {BATCH}", *arguments
    )


def _escaped(text: str) -> str:
    """A text in which `ilike` takes every character for itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _is_wanted(found: Agreement, wanted: AgreementFilter, now: datetime) -> bool:
    if wanted.status is not None and status_on(found, today_in(found.recorded_by, now)) is not wanted.status:
        return False
    day = wanted.in_force_on
    if day is None:
        return True
    if wanted.country is not None and wanted.counterpart is not None:
        return in_force_between(found, wanted.country, wanted.counterpart, day)
    names = [name for name in (wanted.country, wanted.counterpart) if name is not None]
    return status_on(found, day) in APPLYING and all(
        party_status_on(found, name, day) in APPLYING for name in names
    )


def view_of(row: AgreementRow, actor: Actor, now: datetime) -> AgreementView:
    """The agreement for this account: references, notes and what was voided are for the recording country."""
    fields = row.fields
    judged = agreement_of(row)
    today = today_in(row.recorded_by, now)
    own = actor.speaks_for(row.recorded_by)
    reads_notes = own and may(actor, Deed.READ_AGREEMENT_NOTES)
    return AgreementView(
        id=row.id,
        title=fields.title,
        kind=fields.kind,
        scope=fields.scope,
        status=status_on(judged, today),
        parties=[_party(party, judged, today) for party in row.parties],
        external_reference=fields.external_reference if own else None,
        signed_on=fields.signed_on,
        provisionally_applied_from=fields.provisionally_applied_from,
        in_force_from=fields.in_force_from,
        terminated_on=fields.terminated_on,
        visible_to_all_from=row.visible_to_all_from,
        languages=fields.languages,
        limits=[
            {"id": limit_id, **stored} for stored, limit_id in zip(fields.limits, limit_ids(row), strict=True)
        ],
        notes=fields.notes if reads_notes else None,
        events=_events(row, own=own, reads_notes=reads_notes),
        warnings=warnings(judged),
        recorded_by=row.recorded_by,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _party(party: PartyRow, judged: Agreement, today: date) -> PartyView:
    return PartyView(
        party.country,
        party.organisation,
        party.signed_on,
        party.in_force_from,
        party.terminated_on,
        party.declarations,
        party_status_on(judged, party.name, today) or AgreementStatus.NEGOTIATING,
    )


def _events(row: AgreementRow, *, own: bool, reads_notes: bool) -> list[EventView]:
    """The events in order of time; those on one day in the order of an agreement's life."""
    voids = {event.voids: event for event in row.events if event.voids is not None}
    shown = [event for event in row.events if event.voids is None and (own or event.id not in voids)]
    order = list(AgreementAct)
    return [
        EventView(
            event.id,
            event.type,
            event.occurred_on,
            event.data,
            event.note if reads_notes else None,
            event.recorded_at,
            _void(voids.get(event.id), reads_notes=reads_notes),
        )
        for event in sorted(shown, key=lambda event: (event.occurred_on, order.index(event.type), event.id))
    ]


def _void(void: EventRow | None, *, reads_notes: bool) -> VoidView | None:
    return VoidView(void.note if reads_notes else None, void.recorded_at) if void else None
