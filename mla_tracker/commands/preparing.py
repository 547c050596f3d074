"""A request as it would be recorded: judged on the whole history, with all rows that it consists of, none written.

Beside its standing acts a file tells of acts that were taken back, of persons and of notes. Their rows come with those
of the request, and the audit is told of them as if one thing were done after the other.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from mla_tracker.commands import projecting, same_cases
from mla_tracker.commands.entries import (
    NewRequest,
    ReadyEvent,
    checked_request,
    ready_events,
    side_of_writer,
)
from mla_tracker.commands.projecting import Projection, misfits_of, project
from mla_tracker.commands.references import check_acts, check_agreement
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import ActNotPossible, AlreadyRecorded
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.histories import refuse_silent_sharing
from mla_tracker.domain.life import life_of
from mla_tracker.domain.misfits import Misfit, refuse_new
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.queries.notes import FIELD as SIDE_NOTE
from mla_tracker.queries.request_documents import NoteTold, PersonTold, TakenBack, Told, standing
from mla_tracker.storage import persons, requests
from mla_tracker.storage.audit import entry_rows
from mla_tracker.storage.audited import added, chain_of, newly
from mla_tracker.storage.cases import case_of
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7_numbered
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import RequestRecord, StoredCase, of_request
from mla_tracker.storage.rows import Row
from mla_tracker.storage.texts import FreeText, Key, key_for, note_row, text_rows


def writes_for(entry: NewRequest, actor: Actor) -> str:
    """The country for which the account would log it, once the facts are in order. Raises what they break."""
    require(actor, Deed.RECORD_REQUESTS)
    if entry.handling is not Handling.OPEN:
        require(actor, Deed.NAME_READERS)
    checked_request(entry)
    return side_of_writer(actor, entry.requesting_country, entry.requested_country)


def reference_taken(record: RequestRecord) -> AlreadyRecorded:
    """That another request of the country bears its external reference."""
    return AlreadyRecorded(
        f"{record.recorded_by} has already recorded a request under the external reference "
        f"{record.external_reference}. Amend that one, or give another reference.",
        fields=[("/external_reference", "Taken by another request of your country.")],
    )


@dataclass(frozen=True, slots=True)
class Readied:
    """A request to log whose own data are in order: its row, acts and texts, and the days by which it counts.

    `ready` are all acts, also those that were `taken_back`, each of which stands there behind the one it replaced.
    """

    record: RequestRecord
    ready: tuple[ReadyEvent, ...]
    texts: tuple[FreeText, ...]
    days: LocalDays
    taken_back: tuple[TakenBack, ...] = ()
    persons: tuple[PersonTold, ...] = ()
    notes: tuple[NoteTold, ...] = ()

    @property
    def whole(self) -> StoredCase:
        """With all its acts."""
        return StoredCase(self.record, tuple(one.stored for one in self.ready))

    @property
    def stored(self) -> StoredCase:
        """As it will stand."""
        return StoredCase(self.record, standing(self.whole.events, self.taken_back))

    @property
    def told(self) -> Told:
        """What it says."""
        texts: dict[tuple[UUID | None, str], str] = {(None, text.field): text.body for text in self.texts}
        for one in self.ready:
            texts |= {(one.stored.id, text.field): text.body for text in one.texts}
        return Told(self.record, self.whole.events, texts, self.taken_back, self.persons, self.notes)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that may be logged, with all rows that it consists of, by table."""

    record: RequestRecord
    projection: Projection
    rows: Mapping[str, Sequence[Row]]


def readied(
    entry: NewRequest, record: RequestRecord, days: LocalDays, *, actor: Actor, now: datetime
) -> Readied:
    """The request with its acts as rows. Raises InvalidEntry and DatedInFuture, every fault of every act named."""
    ready = ready_events(entry.events, record, days, actor=actor, now=now)
    texts = (
        FreeText(name, body)
        for name in ("subject", "urgency_reason", "wished_by_reason")
        if (body := getattr(entry, name))
    )
    return Readied(record, tuple(ready), tuple(texts), days)


async def prepared(tx: Tx, entry: Readied, *, actor: Actor, now: datetime) -> Prepared:
    """Judge a request to log and give its rows, of which none is written yet; what may be refused is refused here.

    All that it asks of `tx` is law, accounts, agreements and the requests that it links to.
    """
    record, gone = entry.record, {one.event_id for one in entry.taken_back}
    ready = [one for one in entry.ready if one.stored.id not in gone] if gone else entry.ready
    await check_agreement(tx, record, actor, now)
    await check_acts(tx, entry.whole, entry.ready, actor=actor)
    stored = entry.stored
    whole = entry.whole if gone else None
    projection = await judged(tx, stored, None, ready, entry.days, now, whole=whole)
    twin = await same_cases.twin_of(tx, record, ready, shared=projection.life.shared)
    record = replace(record, same_case_as=twin)
    key = await key_for(tx, of_request(record), fresh=True) if _holds_texts(entry) else None
    instead = {one.replacement_id for one in entry.taken_back}
    first = [one for one in entry.ready if one.stored.id not in instead] if gone else entry.ready
    appended = await rows_of(
        tx, record, first, entry.texts, actor=actor, now=now, key=_within(key), taken_back=gone
    )
    if key:
        appended |= key[1]
    if record.handling == Handling.CONFIDENTIAL:
        # Who logs it is named at once: nobody else of his side sees it but its heads.
        appended["request_reader"] = [
            requests.reader_row(
                record, record.recorded_by, actor.account_id, named_by=actor.account_id, now=now
            )
        ]
    told = [added("request", record.row()), *newly(appended)]
    seen_by = [record.recorded_by]
    appended |= await entry_rows(
        tx, chain_of(record.id), What.REQUEST_LOGGED, told,
        actor=actor, now=now, seen_by=seen_by, country=record.recorded_by, fresh=True,
    )  # fmt: skip
    if entry.taken_back or entry.persons or entry.notes:
        await _then(tx, entry, record, appended, _within(key), actor=actor, now=now)
    stored = StoredCase(record, stored.events)
    return Prepared(record, projection, projecting.rows_of_new(stored, projection, appended, now))


def _holds_texts(entry: Readied) -> bool:
    return bool(
        entry.texts
        or entry.persons
        or entry.notes
        or any(one.texts for one in entry.ready)
        or any(one.reason for one in entry.taken_back)
    )


def _within(key: Key | None) -> Key | None:
    """The same key, whose row comes along once."""
    return (key[0], {}) if key else None


async def _then(
    tx: Tx,
    entry: Readied,
    record: RequestRecord,
    appended: dict[str, list[Row]],
    key: Key | None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Add to the rows of a request those of what was done to it after it was logged, with an entry for each step."""
    for step in [
        *await _voids(tx, entry, record, key, actor=actor, now=now),
        *(_persons(entry, record, key, actor, now) if key else ()),
        *(_notes(entry, record, key, actor, now) if key else ()),
    ]:
        [last] = appended["audit_entry"][-1:]
        told = await entry_rows(
            tx, chain_of(record.id), step.what, newly(step.rows),
            actor=actor, now=now, seen_by=[step.country], country=step.country, after=last,
        )  # fmt: skip
        for table, found in {**step.rows, **told}.items():
            appended.setdefault(table, []).extend(found)


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that was done for a country."""

    what: What
    country: str
    rows: Mapping[str, Sequence[Row]]


async def _voids(
    tx: Tx, entry: Readied, record: RequestRecord, key: Key | None, *, actor: Actor, now: datetime
) -> list[_Step]:
    gone = {one.event_id for one in entry.taken_back}
    acts = {one.stored.id: one for one in entry.ready}
    steps = []
    for one in entry.taken_back:
        right = [acts[one.replacement_id]] if one.replacement_id is not None else []
        why = [FreeText("void_reason", one.reason, None, one.event_id)] if one.reason else []
        mark = requests.void_row(
            record,
            one.event_id,
            replacement_id=one.replacement_id,
            voided_by=one.voided_by,
            account_id=actor.account_id,
            now=now,
        )
        rows = await rows_of(tx, record, right, why, actor=actor, now=now, key=key, taken_back=gone)
        steps.append(_Step(What.REQUEST_ACT_VOIDED, one.voided_by, {**rows, **mark}))
    return steps


def _persons(entry: Readied, record: RequestRecord, key: Key, actor: Actor, now: datetime) -> Iterator[_Step]:
    for place, one in enumerate(entry.persons):
        row = persons.person_row(
            record, uuid7_numbered(now, place), key[0], one.part, one.content,
            recorded_by=one.recorded_by, account_id=actor.account_id, now=now,
        )  # fmt: skip
        yield _Step(What.PERSON_RECORDED, one.recorded_by, {"person": [row]})


def _notes(entry: Readied, record: RequestRecord, key: Key, actor: Actor, now: datetime) -> Iterator[_Step]:
    for place, one in enumerate(entry.notes):
        row = note_row(
            record, uuid7_numbered(now, place), key[0], one.text,
            field=SIDE_NOTE, country=one.country, account_id=actor.account_id, now=now,
        )  # fmt: skip
        yield _Step(What.NOTE_RECORDED, one.country, {"free_text": [row]})


async def judged(
    tx: Tx,
    changed: StoredCase,
    before: StoredCase | None,
    ready: Sequence[ReadyEvent],
    days: LocalDays,
    now: datetime,
    *,
    whole: StoredCase | None = None,
) -> Projection:
    """The projection of a history, once nothing of what was entered is to be refused.

    A refusal points at the entries that it is about, and names recorded acts by id. `whole`: the history with the acts
    that are entered as taken back, by which the other country may have learned of it.
    """
    entered = {str(one.stored.id) for one in ready}
    projection = await project(tx, changed, now, days)
    try:
        refuse_new(projection.misfits, entered, lambda: standing_misfits(before, days))
        if projection.life.shared and not changed.record.shared:
            refuse_silent_sharing(case_of(whole, days) if whole else projection.case)
        return projection
    except ActNotPossible as error:
        concerned = error.facts.pop("event_ids", [])
        error.facts["event_ids"] = [one for one in concerned if one not in entered]
        fields = [
            (f"{one.pointer}{at}", sentence)
            for one in ready
            if str(one.stored.id) in concerned
            for at, sentence in error.fields or [(_dated_by(one), error.detail)]
        ]
        raise ActNotPossible(error.detail, fields=fields, facts=error.facts) from None


def standing_misfits(stored: StoredCase | None, days: LocalDays) -> list[Misfit]:
    """What does not fit in a history as it is recorded, by the days of now: that stays recorded."""
    if stored is None:
        return []
    case = case_of(stored, days)
    return misfits_of(case, life_of(case))


def _dated_by(one: ReadyEvent) -> str:
    return "/occurred_on" if one.stored.occurred_at is None else "/occurred_at"


async def rows_of(
    tx: Tx,
    record: RequestRecord,
    ready: Sequence[ReadyEvent],
    texts: Sequence[FreeText],
    *,
    actor: Actor,
    now: datetime,
    key: Key | None = None,
    taken_back: Collection[UUID] = (),
) -> dict[str, list[Row]]:
    """The rows, by table, of acts and of their texts and those given; `key`: that of the request, if asked for already.

    `taken_back`: see `storage.requests.event_rows`.
    """
    texts = [*texts, *(text for one in ready for text in one.texts)]
    events = [one.stored for one in ready]
    return {
        **requests.event_rows(record, events, account_id=actor.account_id, taken_back=taken_back),
        **await text_rows(tx, record, texts, now, key=key),
    }
