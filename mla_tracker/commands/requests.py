"""Logging requests and their acts: load and lock, decide on the whole history, save, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

import asyncpg

from mla_tracker.commands import projecting, same_cases
from mla_tracker.commands.entries import (
    NewEvent,
    NewRequest,
    ReadyEvent,
    new_record,
    ready_event,
    side_of_writer,
)
from mla_tracker.commands.moving import catch_up
from mla_tracker.commands.preparing import judged, prepared, readied, reference_taken, rows_of, writes_for
from mla_tracker.commands.projecting import days_of
from mla_tracker.commands.reading import note_reading, refusals_told
from mla_tracker.commands.recorded import Recorded
from mla_tracker.commands.references import check_acts
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import ActNotPossible, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries import requests as queries
from mla_tracker.queries.same_cases import likely_the_same
from mla_tracker.storage import requests, rows
from mla_tracker.storage.audit import entry_rows
from mla_tracker.storage.audited import chain_of, newly, removed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import RequestRecord, StoredCase, StoredEvent
from mla_tracker.storage.rows import Row
from mla_tracker.storage.texts import FreeText

MOST_EVENTS = 1000


async def log_request(
    db: Database, entry: NewRequest, *, actor: Actor, now: datetime, idempotency: IdempotencyKey | None = None
) -> Recorded:
    """Log a request, as a draft or with its history so far.

    Raises InvalidEntry naming every field at fault, DatedInFuture, ActNotPossible for acts that contradict
    each other, NotAllowed for countries that are not the account's own and for acts of a country that records
    them itself, AlreadyRecorded for a taken external reference. Nothing is recorded then.
    """
    country = writes_for(entry, actor)
    record = new_record(entry, country, actor, now)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now, making={"id": str(record.id)}):
            made = UUID(done["id"])
            return await _replayed(tx, made, "POST /requests", actor=actor, now=now)
        days = await days_of(tx, record, (event.data for event in entry.events), now)
        new = await prepared(tx, readied(entry, record, days, actor=actor, now=now), actor=actor, now=now)
        try:
            await rows.insert(tx, new.rows)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != requests.UNIQUE_REFERENCE:
                raise
            raise reference_taken(record) from None
        await same_cases.tell_twin(tx, new.record.same_case_as, record.id)
        view = await queries.request(tx, record.id, actor=actor, now=now)
        view["warnings"] += await likely_the_same(tx, new.record, actor)
    return Recorded(record.id, view=view)


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
    the history (both named), DatedInFuture where it lies after `now`, InvalidEntry for its own faults, NotAllowed
    for an act of a country that records its acts itself.
    """
    require(actor, Deed.RECORD_ACTS)
    route = "POST /requests/{request_id}/events"
    async with (
        refusals_told(db, request_id, route=route, actor=actor, now=now),
        db.transaction(DbRole.API, viewer=actor) as tx,
    ):
        done = await claim(tx, idempotency, now)
        if done:
            made = UUID(done["event_id"])
        else:
            await same_cases.hold_both(tx, request_id, [entry])
            stored = await locked(tx, request_id, actor)
            days = await _days_with(tx, stored, [entry], now)
            ready = ready_event(entry, stored.record, stored.events, days, actor=actor, now=now)
            await check_acts(tx, stored, [ready], actor=actor)
            what = What.REQUEST_ACT_RECORDED
            await _save_changed(tx, stored, stored.events, [ready], what, days, actor=actor, now=now)
            made = ready.stored.id
            await complete(tx, idempotency, {"event_id": str(made)})
        view = await queries.recorded(tx, request_id, made, actor=actor, now=now)
        if done:
            await note_reading(tx, [view["request"]], route=route, actor=actor, now=now)
    return Recorded(made, replayed=bool(done), view=view)


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
    require(actor, Deed.RECORD_ACTS)
    route = "POST /requests/{request_id}/events/{event_id}/void"
    async with (
        refusals_told(db, request_id, route=route, actor=actor, now=now),
        db.transaction(DbRole.API, viewer=actor) as tx,
    ):
        if await claim(tx, idempotency, now):
            return await _replayed(tx, request_id, route, actor=actor, now=now)
        await same_cases.hold_both(tx, request_id, [replacement], event_id)
        stored = await locked(tx, request_id, actor)
        record = stored.record
        voided = await _voidable(tx, stored, event_id, actor)
        kept = tuple(event for event in stored.events if event.id != event_id)
        days = await _days_with(tx, stored, [replacement] if replacement else [], now)
        ready = []
        if replacement is not None:
            ready = [
                ready_event(replacement, record, kept, days, actor=actor, now=now, pointer="/replacement")
            ]
            await check_acts(tx, stored, ready, actor=actor, corrected=voided)
            if replacement.type == voided.type:
                kept = requests.answering(kept, {str(event_id): str(ready[0].stored.id)})
        mark = requests.void_row(
            record,
            event_id,
            replacement_id=ready[0].stored.id if ready else None,
            voided_by=side_of_writer(actor, record.requesting_country, record.requested_country),
            account_id=actor.account_id,
            now=now,
        )
        why = FreeText("void_reason", reason, None, event_id)
        gone = await requests.unlink(tx, event_id) if voided.type == Act.LINKED else []
        await _save_changed(
            tx, stored, kept, ready, What.REQUEST_ACT_VOIDED, days,
            more=mark, texts=[why], gone=gone, actor=actor, now=now,
        )  # fmt: skip
        await complete(tx, idempotency, {"id": str(request_id)})
        view = await queries.request(tx, request_id, actor=actor, now=now, parting=True)
    return Recorded(request_id, view=view)


async def locked(tx: Tx, request_id: UUID, actor: Actor) -> StoredCase:
    """The request, held against other writers. Raises NotFound where the account may not see it."""
    stored = await requests.load(tx, request_id, lock=True)
    if stored is None or not await may_see(tx, stored.record, actor):
        raise NotFound("There is no such request, or this account may not see it.")
    return stored


async def may_see(tx: Tx, record: RequestRecord, actor: Actor) -> bool:
    """A request is seen by its two countries, and before it was sent only by the one that records it.

    What is not open is seen by fewer of their accounts, see `storage.visibility`.
    """
    if record.handling != Handling.OPEN:
        return await queries.is_visible(tx, record.id, actor)
    if not record.shared:
        return actor.speaks_for(record.recorded_by)
    return actor.speaks_for(record.requesting_country) or actor.speaks_for(record.requested_country)


async def _replayed(tx: Tx, request_id: UUID, route: str, *, actor: Actor, now: datetime) -> Recorded:
    """The request that an earlier call made or changed, as it reads now: that is a reading."""
    view = await queries.request(tx, request_id, actor=actor, now=now)
    await note_reading(tx, [view], route=route, actor=actor, now=now)
    return Recorded(request_id, replayed=True, view=view)


async def _save_changed(
    tx: Tx,
    stored: StoredCase,
    kept: Sequence[StoredEvent],
    ready: Sequence[ReadyEvent],
    what: What,
    days: LocalDays,
    *,
    more: Mapping[str, Sequence[Row]] = MappingProxyType({}),
    texts: Sequence[FreeText] = (),
    gone: Sequence[Row] = (),
    actor: Actor,
    now: datetime,
) -> None:
    """Judge what was kept of the history with the new acts in it, and write those, `more`, and the projection.

    The audit is told of them under `what`, and of the links that are `gone`.
    """
    changed = StoredCase(stored.record, (*kept, *(one.stored for one in ready)))
    if len(changed.events) > MOST_EVENTS:
        raise InvalidEntry(
            f"A request holds at most {MOST_EVENTS} acts. Log a supplementary request and link it."
        )
    projection = await judged(tx, changed, stored, ready, days, now)
    twin = await same_cases.twin_of(tx, stored.record, ready, gone, shared=projection.life.shared)
    await catch_up(tx, stored, now)
    await same_cases.join(tx, stored.record, twin)
    changed = replace(changed, record=replace(stored.record, same_case_as=twin))
    if stored.record.shared and not projection.life.shared:
        # Who takes back the last sign that a request was sent writes that, and sees it this once more.
        await tx.see_also(stored.record.recorded_by)
    appended: Mapping[str, Sequence[Row]] = {
        **await rows_of(tx, stored.record, ready, texts, actor=actor, now=now),
        **more,
    }
    told = [*newly(appended), *(removed("request_link", link) for link in gone)]
    country = side_of_writer(actor, stored.record.requesting_country, stored.record.requested_country)
    entry = await entry_rows(
        tx, chain_of(stored.record.id), what, told, actor=actor, now=now, seen_by=[country], country=country
    )
    await rows.insert(tx, {**appended, **entry})
    known = None
    if all(one.stored.type == Act.LINKED for one in ready) and not (more and not gone):
        links = [*gone, *appended.get("request_link", ())]
        known = {country, *await requests.who_knows(tx, links, stored.record)}
    await projecting.save(tx, changed, projection, now=now, known_to=known)


async def _days_with(tx: Tx, stored: StoredCase, entries: Sequence[NewEvent], now: datetime) -> LocalDays:
    """The days by which a request is counted, with the zones that further acts name."""
    data = [*(event.data for event in stored.events), *(entry.data for entry in entries)]
    return await days_of(tx, stored.record, data, now)


async def _voidable(tx: Tx, stored: StoredCase, event_id: UUID, actor: Actor) -> StoredEvent:
    """The act, if this account may take it back. Raises NotFound, ActNotPossible, NotAllowed."""
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
    return event
