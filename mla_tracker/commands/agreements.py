"""What an account does with the register of agreements: record one, change it, move its life, take an event back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from mla_tracker.commands.agreement_faults import event_faults, event_to_void, future_signatures, party_faults
from mla_tracker.commands.agreement_limits import completed, faults_of
from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.agreements import first_public_day
from mla_tracker.domain.audit import Chain, ChainKind, Change, What
from mla_tracker.domain.errors import (
    AlreadyRecorded,
    DatedInFuture,
    InvalidEntry,
    NotAllowed,
    VersionStale,
)
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import AgreementAct
from mla_tracker.queries.agreements import may_see, not_found, today_in
from mla_tracker.storage import agreement_changes, agreements
from mla_tracker.storage.agreements import AgreementFields, AgreementRow, EventRow, PartyRow, agreement_of
from mla_tracker.storage.audit import append
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.stale import by_agreement, mark_beyond, mark_for_agreement

Fault = tuple[str, str]


@dataclass(frozen=True)
class NewAgreement:
    """An agreement to be recorded; its limits as their fields were given."""

    fields: AgreementFields
    parties: tuple[PartyRow, ...]


@dataclass(frozen=True)
class NewAgreementEvent:
    """An event to be recorded. `data` holds what `domain.agreements.EVENT_DATA` allows, as JSON has it."""

    type: AgreementAct
    occurred_on: date
    data: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None


async def record_agreement(
    db: Database,
    entry: NewAgreement,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Record an agreement for the first of its parties that the account speaks for, else for its first country.

    Raises NotAllowed for a role that only reads and for an account without a country, InvalidEntry with every field at
    fault, DatedInFuture for a signature after today, AlreadyRecorded for a reference that the country has given.
    """
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        row = await recorded_within(tx, entry, actor=actor, now=now)
        await complete(tx, idempotency, {"id": str(row.id)})
    return Recorded(row.id)


async def recorded_within(
    tx: Tx, entry: NewAgreement, *, actor: Actor, now: datetime, country: str | None = None
) -> AgreementRow:
    """The same within a transaction that is open; for another country of the account if one is named."""
    require(actor, Deed.RECORD_AGREEMENTS)
    if not actor.countries:
        raise NotAllowed("This account speaks for no country, so there is none whose record this could be.")
    own = (party.country for party in entry.parties if party.country and actor.speaks_for(party.country))
    row = AgreementRow(
        id=uuid7(now),
        recorded_by=country or next(own, actor.countries[0]),
        fields=_with_completed_limits(entry.fields),
        visible_to_all_from=None,
        version=1,
        created_at=now,
        updated_at=now,
        parties=entry.parties,
    )
    _require_valid(row, now)
    await _require_free_reference(tx, row)
    try:
        await agreements.insert(tx, _made_public(row), account_id=actor.account_id)
    except asyncpg.UniqueViolationError as error:
        raise _reference_taken(row) from error
    changes = agreement_changes.recorded(_made_public(row), actor.account_id)
    await _append_to_audit(tx, row, What.AGREEMENT_RECORDED, changes, actor, now, fresh=True)
    return row


async def event_within(
    tx: Tx,
    agreement_id: UUID,
    entry: NewAgreementEvent,
    *,
    actor: Actor,
    now: datetime,
    at: str,
    voided_for: str | None = None,
) -> None:
    """Append an event within a transaction that is open, and take it back if there is a reason to.

    `at` is where it stands in what was handed in.
    """
    before = await _load_own(tx, agreement_id, actor, now)
    event = await _new_event(tx, before, entry, actor, now, at)
    await _append(tx, before, [event], What.AGREEMENT_EVENT_RECORDED, actor, now)
    if voided_for is not None:
        before = await _load_own(tx, agreement_id, actor, now)
        void = _void(event, voided_for, actor, now)
        await _append(tx, before, [void], What.AGREEMENT_EVENT_VOIDED, actor, now)


async def change_agreement(
    db: Database,
    agreement_id: UUID,
    changes: Mapping[str, Any],
    *,
    versions: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> int:
    """Change fields of an agreement, its parties and limits only as a whole; gives the version it has then.

    `changes` holds fields of AgreementFields and `parties`; `versions` those the change may be based on, None
    for any. Raises NotFound, NotAllowed, VersionStale, and what `record_agreement` raises.
    """
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        before = await _load_own(tx, agreement_id, actor, now)
        if versions is not None and before.version not in versions:
            raise _stale(before)
        fields = {name: value for name, value in changes.items() if name != "parties"}
        after = replace(
            before,
            fields=replace(before.fields, **fields),
            parties=changes.get("parties", before.parties),
        )
        if "limits" in changes:
            after = replace(after, fields=_with_completed_limits(after.fields))
        if after == before:
            return before.version
        _require_valid(after, now)
        await _require_free_reference(tx, after)
        return await _save(tx, before, after, What.AGREEMENT_CHANGED, actor, now)


async def record_event(
    db: Database,
    agreement_id: UUID,
    entry: NewAgreementEvent,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Append a dated event to an agreement's life; gives the event's id.

    Raises NotFound, NotAllowed, InvalidEntry, DatedInFuture for a day after today where the agreement was
    recorded, AlreadyRecorded for an event that stands already, word for word.
    """
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        before = await _load_own(tx, agreement_id, actor, now)
        event = await _new_event(tx, before, entry, actor, now)
        await _append(tx, before, [event], What.AGREEMENT_EVENT_RECORDED, actor, now)
        await complete(tx, idempotency, {"id": str(event.id)})
    return Recorded(event.id)


async def void_event(
    db: Database,
    agreement_id: UUID,
    event_id: UUID,
    *,
    reason: str,
    replacement: NewAgreementEvent | None = None,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Take back an event that was recorded wrongly, with the right one in the same step if wanted.

    It stays in the record with the reason and counts no more. Gives the id of the void. Raises NotFound,
    NotAllowed, ActNotPossible for an event voided before, and what `record_event` raises for the replacement,
    its fields below /replacement.
    """
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        before = await _load_own(tx, agreement_id, actor, now)
        wrong = event_to_void(before, event_id)
        void = _void(wrong, reason, actor, now)
        voided = replace(before, events=(*before.events, void))
        right = [await _new_event(tx, voided, replacement, actor, now, "/replacement")] if replacement else []
        await _append(tx, before, [void, *right], What.AGREEMENT_EVENT_VOIDED, actor, now)
        await complete(tx, idempotency, {"id": str(void.id)})
    return Recorded(void.id)


def _void(wrong: EventRow, reason: str, actor: Actor, now: datetime) -> EventRow:
    return EventRow(
        uuid7(now), wrong.type, wrong.occurred_on, {"voids": str(wrong.id)}, reason, actor.account_id, now
    )


async def _load_own(tx: Tx, agreement_id: UUID, actor: Actor, now: datetime) -> AgreementRow:
    """The agreement, locked, if the account may see it (else NotFound) and change it (else NotAllowed)."""
    row = await agreements.load(tx, agreement_id, lock=True)
    if row is None or not may_see(row, actor, now):
        raise not_found(agreement_id)
    require(actor, Deed.RECORD_AGREEMENTS)
    if not actor.speaks_for(row.recorded_by):
        raise NotAllowed(
            f"{row.title} was recorded by {row.recorded_by}, which alone changes it. Record your own, or ask them.",
            facts={"recorded_by": row.recorded_by},
        )
    return row


def _with_completed_limits(fields: AgreementFields) -> AgreementFields:
    return replace(fields, limits=tuple(completed(limit) for limit in fields.limits))


def _made_public(row: AgreementRow) -> AgreementRow:
    """The row with the day from which others see it, computed from its dates and events."""
    return replace(row, visible_to_all_from=first_public_day(agreement_of(row)))


async def _append(
    tx: Tx, before: AgreementRow, events: Sequence[EventRow], what: What, actor: Actor, now: datetime
) -> None:
    for event in events:
        await agreements.insert_event(tx, before.id, event)
    await _save(tx, before, replace(before, events=(*before.events, *events)), what, actor, now)


async def _save(
    tx: Tx, before: AgreementRow, after: AgreementRow, what: What, actor: Actor, now: datetime
) -> int:
    """Save the next version, whose number it gives; requests that rely on it wait to be counted anew."""
    try:
        version = await agreements.update(tx, before, _made_public(after), now=now)
    except asyncpg.UniqueViolationError as error:
        raise _reference_taken(after) from error
    if version is None:
        raise _stale(before)
    changes = agreement_changes.between(before, _made_public(after))
    await _append_to_audit(tx, before, what, changes, actor, now)
    cause = by_agreement(before.id, version)
    await mark_beyond(tx, mark_for_agreement(tx, before.id, now, cause), cause)
    return version


async def _append_to_audit(
    tx: Tx,
    row: AgreementRow,
    what: What,
    changes: Sequence[Change],
    actor: Actor,
    now: datetime,
    *,
    fresh: bool = False,
) -> None:
    chain = Chain(ChainKind.AGREEMENT, row.id)
    await append(tx, chain, what, changes, actor=actor, now=now, seen_by=[row.recorded_by], fresh=fresh)


def _stale(row: AgreementRow) -> VersionStale:
    return VersionStale(
        f"{row.title} has changed; it is at version {row.version}. Read it again and base the change on that.",
        facts={"version": row.version},
    )


async def _require_free_reference(tx: Tx, row: AgreementRow) -> None:
    reference = row.fields.external_reference
    if reference is not None and await agreements.reference_taken(
        tx, row.recorded_by, reference, besides=row.id
    ):
        raise _reference_taken(row)


def _reference_taken(row: AgreementRow) -> AlreadyRecorded:
    return AlreadyRecorded(
        f"{row.recorded_by} has recorded an agreement under {row.fields.external_reference} before. "
        "Change that one, or give another reference.",
        fields=[("/external_reference", "Taken by another agreement of this country. Give another one.")],
    )


def _require_valid(row: AgreementRow, now: datetime) -> None:
    """Raises InvalidEntry with everything that is wrong, DatedInFuture where that is all."""
    wrong = [*party_faults(row), *faults_of(row.fields.limits)]
    future = list(future_signatures(row, today_in(row.recorded_by, now)))
    if wrong:
        raise InvalidEntry(
            "The agreement is not valid; every field at fault is named.", fields=[*wrong, *future]
        )
    if future:
        raise DatedInFuture("A signature lies in the future. Record it when it has happened.", fields=future)


async def _new_event(
    tx: Tx, row: AgreementRow, entry: NewAgreementEvent, actor: Actor, now: datetime, at: str = ""
) -> EventRow:
    """The event as it will be stored; `at` is where it stands in the entry. Raises what is wrong with it."""
    wrong = list(event_faults(row, entry.type, entry.data))
    successor = entry.data.get("superseded_by")
    if successor is not None and not await _may_supersede(tx, row, UUID(successor), actor, now):
        wrong.append(
            ("/data/superseded_by", "Not an agreement that this account sees. Give the id of another one.")
        )
    today = today_in(row.recorded_by, now)
    if entry.occurred_on > today:
        sentence = (
            f"{entry.occurred_on} lies after today ({today} in {row.recorded_by}). Record what has happened."
        )
        fields = [(f"{at}/occurred_on", sentence), *((at + pointer, text) for pointer, text in wrong)]
        raise DatedInFuture(f"{entry.type.value} on {sentence}", fields=fields)
    if wrong:
        raise InvalidEntry(
            f"The event {entry.type.value} is not valid; every field at fault is named.",
            fields=[(at + pointer, text) for pointer, text in wrong],
        )
    for event in row.standing:
        if (event.type, event.occurred_on, event.data) == (entry.type, entry.occurred_on, entry.data):
            raise AlreadyRecorded(
                f"{entry.type.value} on {entry.occurred_on} is recorded already. Nothing needs to be done.",
                facts={"event": str(event.id)},
            )
    return EventRow(uuid7(now), entry.type, entry.occurred_on, entry.data, entry.note, actor.account_id, now)


async def _may_supersede(tx: Tx, row: AgreementRow, successor: UUID, actor: Actor, now: datetime) -> bool:
    other = await agreements.load(tx, successor)
    return other is not None and other.id != row.id and may_see(other, actor, now)
