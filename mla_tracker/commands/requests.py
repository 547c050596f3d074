"""Logging requests and their acts: load and lock, decide on the whole history, save, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from mla_tracker.commands.entries import (
    NewEvent,
    NewRequest,
    ReadyEvent,
    checked_request,
    faults_of_facts,
    may_write,
    ready_event,
    ready_events,
    side_of_writer,
)
from mla_tracker.commands.projecting import Projection, project, save, zones_of
from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import (
    ActNotPossible,
    AlreadyRecorded,
    InvalidEntry,
    NotAllowed,
    NotFound,
    VersionStale,
)
from mla_tracker.domain.vocabulary import Act, RequestKind, Status, Urgency
from mla_tracker.queries import agreements
from mla_tracker.storage import requests
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.requests import FreeText, RequestRecord, StoredCase

MOST_EVENTS = 1000


async def log_request(
    db: Database, entry: NewRequest, *, actor: Actor, now: datetime, idempotency: IdempotencyKey | None = None
) -> Recorded:
    """Log a request, as a draft or with its history so far.

    Raises InvalidEntry naming every field at fault, DatedInFuture, ActNotPossible for acts that contradict
    each other, NotAllowed for countries that are not the account's own, AlreadyRecorded for a taken
    external reference. Nothing is recorded then.
    """
    may_write(actor)
    checked_request(entry)
    country = side_of_writer(actor, entry.requesting_country, entry.requested_country)
    record = _new_record(entry, country, actor, now)
    ready = ready_events(entry.events, record, zones_of(StoredCase(record, ())), actor=actor, now=now)
    stored = StoredCase(record, tuple(one.stored for one in ready))
    async with db.transaction(DbRole.API, countries=actor.countries) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        await _checked_agreement(tx, record, actor, now)
        try:
            await requests.insert_record(tx, record)
        except asyncpg.UniqueViolationError:
            raise AlreadyRecorded(
                f"{country} has already recorded a request under the external reference {record.external_reference}. "
                "Amend that one, or give another reference.",
                fields=[("/external_reference", "Taken by another request of your country.")],
            ) from None
        texts = [
            FreeText(name, body)
            for name in ("subject", "urgency_reason", "wished_by_reason")
            if (body := getattr(entry, name))
        ]
        await _append(tx, record, ready, texts, actor=actor, now=now)
        await save(tx, stored, await _judged(tx, stored, ready, now), version=1, now=now, new=True)
        await complete(tx, idempotency, {"id": str(record.id)})
    return Recorded(record.id)


async def record_event(
    db: Database,
    request_id: UUID,
    entry: NewEvent,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Append a dated act to a request's history and bring its clocks up to date.

    Raises NotFound for a request the account may not see, ActNotPossible where the act contradicts another of
    the history (both named), DatedInFuture where it lies after `now`, InvalidEntry for its own faults.
    """
    may_write(actor)
    async with db.transaction(DbRole.API, countries=actor.countries) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["event_id"]), replayed=True)
        stored = await locked(tx, request_id, actor)
        ready = ready_event(entry, stored.record, zones_of(stored), actor=actor, now=now)
        await _save_changed(tx, stored, (*stored.events, ready.stored), [ready], actor=actor, now=now)
        await complete(tx, idempotency, {"event_id": str(ready.stored.id)})
    return Recorded(ready.stored.id)


async def void_event(
    db: Database,
    request_id: UUID,
    event_id: UUID,
    *,
    reason: str,
    replacement: NewEvent | None = None,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Void an act that was recorded wrongly, and record the right one instead, in one step.

    Only the history that results must be possible. Raises NotFound, NotAllowed for an act that the other
    country asserts, ActNotPossible for one voided before or for an impossible result.
    """
    may_write(actor)
    async with db.transaction(DbRole.API, countries=actor.countries) as tx:
        if await claim(tx, idempotency, now):
            return Recorded(request_id, replayed=True)
        stored = await locked(tx, request_id, actor)
        await _voidable(tx, stored, event_id, actor)
        ready = []
        if replacement is not None:
            zones = zones_of(stored)
            ready = [
                ready_event(replacement, stored.record, zones, actor=actor, now=now, pointer="/replacement")
            ]
        kept = tuple(event for event in stored.events if event.id != event_id)
        made_id = ready[0].stored.id if ready else None
        await _save_changed(tx, stored, (*kept, *(one.stored for one in ready)), ready, actor=actor, now=now)
        await requests.insert_void(
            tx,
            stored.record,
            event_id,
            replacement_id=made_id,
            voided_by=side_of_writer(
                actor, stored.record.requesting_country, stored.record.requested_country
            ),
            account_id=actor.account_id,
            now=now,
        )
        await requests.insert_texts(tx, stored.record, [FreeText("void_reason", reason, None, event_id)], now)
        await complete(tx, idempotency, {"id": str(request_id)})
    return Recorded(request_id)


async def amend_request(
    db: Database,
    request_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> Recorded:
    """Change facts of a request; `expected` are the versions the change may be based on, None for whatever stands.

    Either side sets its own reference and officer; the rest belongs to the country that recorded the request.
    Raises NotFound, VersionStale, NotAllowed, InvalidEntry, AlreadyRecorded.
    """
    may_write(actor)
    async with db.transaction(DbRole.API, countries=actor.countries) as tx:
        stored = await locked(tx, request_id, actor)
        record = stored.record
        if expected is not None and record.version not in expected:
            raise VersionStale(
                f"The request has changed since and is at version {record.version} now. "
                "Read it again and base the change on what it says now."
            )
        columns, texts = await _amended(tx, record, dict(changes), actor)
        changed = StoredCase(replace(record, **columns), stored.events)
        await _checked_agreement(tx, changed.record, actor, now)
        try:
            await requests.update_record(tx, record, columns)
        except asyncpg.UniqueViolationError:
            raise AlreadyRecorded(
                "Your country has already recorded another request under this external reference.",
                fields=[("/external_reference", "Taken by another request of your country.")],
            ) from None
        for name, body in texts.items():
            await requests.replace_text(tx, record, name, body, now)
        await save(tx, changed, await project(tx, changed, now), version=record.version + 1, now=now)
    return Recorded(request_id)


async def locked(tx: Tx, request_id: UUID, actor: Actor) -> StoredCase:
    """The request, held against other writers. Raises NotFound where the account may not see it."""
    stored = await requests.load(tx, request_id, lock=True)
    if stored is None or not may_see(stored.record, actor):
        raise NotFound("There is no such request, or this account may not see it.")
    return stored


def may_see(record: RequestRecord, actor: Actor) -> bool:
    """A request is seen by its two countries, and before it was sent only by the one that records it."""
    if not record.shared:
        return actor.speaks_for(record.recorded_by)
    return actor.speaks_for(record.requesting_country) or actor.speaks_for(record.requested_country)


def _new_record(entry: NewRequest, country: str, actor: Actor, now: datetime) -> RequestRecord:
    own = "requesting" if country == entry.requesting_country else "requested"
    return RequestRecord(
        id=uuid7(now),
        kind=entry.kind.value,
        requesting_country=entry.requesting_country,
        requested_country=entry.requested_country,
        recorded_by=country,
        recorded_by_account=actor.account_id,
        urgency=entry.urgency.value,
        agreement_id=entry.agreement_id,
        convention=entry.convention,
        assistance=list(entry.assistance),
        offences=list(entry.offences),
        channel=entry.channel,
        language=entry.language,
        external_reference=entry.external_reference,
        reference_requesting=entry.reference_requesting,
        reference_requested=entry.reference_requested,
        assigned_requesting=entry.assigned_to if own == "requesting" else None,
        assigned_requested=entry.assigned_to if own == "requested" else None,
        wished_by=entry.wished_by,
        status=Status.DRAFT.value,
        shared=False,
        version=1,
        created_at=now,
        updated_at=now,
    )


async def _save_changed(
    tx: Tx,
    stored: StoredCase,
    events: Sequence[requests.StoredEvent],
    ready: Sequence[ReadyEvent],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    if len(events) > MOST_EVENTS:
        raise InvalidEntry(
            f"A request holds at most {MOST_EVENTS} acts. Log a supplementary request and link it."
        )
    changed = StoredCase(stored.record, tuple(events))
    projection = await _judged(tx, changed, ready, now)
    await _append(tx, stored.record, ready, [], actor=actor, now=now)
    await save(tx, changed, projection, version=stored.record.version + 1, now=now)


async def _judged(tx: Tx, stored: StoredCase, ready: Sequence[ReadyEvent], now: datetime) -> Projection:
    """The projection of a history; a refusal points at the entries that it is about."""
    try:
        return await project(tx, stored, now)
    except ActNotPossible as error:
        concerned = error.facts.pop("event_ids", [])
        pointers = {str(one.stored.id): one.pointer for one in ready}
        fields = [
            (f"{pointers[id_]}/{_dated_by(ready, id_)}", error.detail) for id_ in concerned if id_ in pointers
        ]
        raise ActNotPossible(error.detail, fields=error.fields or fields, facts=error.facts) from None


def _dated_by(ready: Sequence[ReadyEvent], event_id: str) -> str:
    timed = any(str(one.stored.id) == event_id and one.stored.occurred_at is not None for one in ready)
    return "occurred_at" if timed else "occurred_on"


async def _append(
    tx: Tx,
    record: RequestRecord,
    ready: Sequence[ReadyEvent],
    texts: Sequence[FreeText],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    events = [one.stored for one in ready]
    if events:
        await requests.insert_events(tx, record, events, account_id=actor.account_id)
        await _checked_links(tx, record, events, actor)
        await requests.insert_links(tx, record, events)
    await requests.insert_texts(tx, record, [*texts, *(text for one in ready for text in one.texts)], now)


async def _checked_links(
    tx: Tx, record: RequestRecord, events: Sequence[requests.StoredEvent], actor: Actor
) -> None:
    for event in events:
        if event.type == Act.LINKED:
            other = await requests.load(tx, UUID(str(event.data["request_id"])), lock=False)
            if other is None or not may_see(other.record, actor) or other.record.id == record.id:
                raise InvalidEntry(
                    "The request to link with does not exist, or this account may not see it. "
                    "Give the id of another request.",
                    fields=[("/data/request_id", "No such request.")],
                )


async def _checked_agreement(tx: Tx, record: RequestRecord, actor: Actor, now: datetime) -> None:
    """The agreement named must be one that the account sees and that both countries are parties to."""
    if record.agreement_id is None:
        return
    try:
        view = await agreements.agreement(tx, record.agreement_id, actor=actor, now=now)
        parties = {party.country for party in view.parties}
    except NotFound:
        parties = set()
    if not {record.requesting_country, record.requested_country} <= parties:
        raise InvalidEntry(
            "The request names an agreement that is not known, or not one between its two countries.",
            fields=[("/agreement_id", "Give the id of an agreement to which both countries are parties.")],
        )


async def _voidable(tx: Tx, stored: StoredCase, event_id: UUID, actor: Actor) -> None:
    event = next((event for event in stored.events if event.id == event_id), None)
    if event is None:
        voided = await tx.fetchval(
            "select true from event_void where event_id = $1 and request_id = $2", event_id, stored.record.id
        )
        if voided:
            raise ActNotPossible(
                "The act was voided before. Void the act that replaced it, if that one is wrong too."
            )
        raise NotFound("There is no such act in this request.")
    if not actor.speaks_for(event.asserted_by):
        raise NotAllowed(
            f"The act {event.type} was stated by {event.asserted_by}, which alone can take it back. "
            "Ask its central authority."
        )


_OWN_SIDE = frozenset({"reference_requesting", "reference_requested", "assigned_to"})
_TEXTS = ("subject", "urgency_reason", "wished_by_reason")


async def _amended(
    tx: Tx, record: RequestRecord, changes: dict[str, Any], actor: Actor
) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The columns and the texts that a change comes down to. Raises NotAllowed, InvalidEntry."""
    country = side_of_writer(actor, record.requesting_country, record.requested_country)
    faults: list[tuple[str, str]] = []
    if not actor.speaks_for(record.recorded_by) and (foreign := sorted(changes.keys() - _OWN_SIDE)):
        raise NotAllowed(
            f"The request was recorded by {record.recorded_by}, which alone amends {', '.join(foreign)}. "
            "Record an act instead, or ask its central authority.",
            fields=[(f"/{name}", "Belongs to the country that recorded the request.") for name in foreign],
        )
    for side in ("requesting", "requested"):
        owner = record.requesting_country if side == "requesting" else record.requested_country
        if (
            f"reference_{side}" in changes
            and not actor.speaks_for(owner)
            and not actor.speaks_for(record.recorded_by)
        ):
            faults.append((f"/references/{side}", f"The reference of {owner} is set by {owner}."))
    if "assigned_to" in changes:
        own = "requesting" if country == record.requesting_country else "requested"
        changes[f"assigned_{own}"] = changes.pop("assigned_to")
    if "assistance" in changes and record.shared and list(changes["assistance"]) != list(record.assistance):
        faults.append(
            (
                "/assistance",
                "What was asked for in a request that is sent stands. Log a supplementary request.",
            )
        )
    texts = {name: changes.pop(name) for name in _TEXTS if name in changes}
    urgency = Urgency(changes.get("urgency", record.urgency))
    reason = (
        texts["urgency_reason"] if "urgency_reason" in texts else await _text_of(tx, record, "urgency_reason")
    )
    faults += faults_of_facts(
        urgency=urgency,
        urgency_reason=reason,
        convention=changes.get("convention", record.convention),
        kind=RequestKind(record.kind),
    )
    if faults:
        raise InvalidEntry("The change is not possible. Nothing was changed.", fields=faults)
    return changes, texts


async def _text_of(tx: Tx, record: RequestRecord, name: str) -> str | None:
    body: str | None = await tx.fetchval(
        "select body from free_text where request_id = $1 and field = $2 and event_id is null",
        record.id,
        name,
    )
    return body
