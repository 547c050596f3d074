"""A request as it would be recorded: judged on the whole history, with all rows that it consists of, none written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

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
from mla_tracker.storage import requests
from mla_tracker.storage.audit import entry_rows
from mla_tracker.storage.audited import added, chain_of, newly
from mla_tracker.storage.cases import case_of
from mla_tracker.storage.database import Tx
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import RequestRecord, StoredCase
from mla_tracker.storage.rows import Row
from mla_tracker.storage.texts import FreeText, text_rows


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
    """A request to log whose own data are in order: its row, acts and texts, and the days by which it counts."""

    record: RequestRecord
    ready: tuple[ReadyEvent, ...]
    texts: tuple[FreeText, ...]
    days: LocalDays

    @property
    def stored(self) -> StoredCase:
        """As it will be stored."""
        return StoredCase(self.record, tuple(one.stored for one in self.ready))


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
    record, ready = entry.record, entry.ready
    await check_agreement(tx, record, actor, now)
    await check_acts(tx, entry.stored, ready, actor=actor)
    projection = await judged(tx, entry.stored, None, ready, entry.days, now)
    twin = await same_cases.twin_of(tx, record, ready, shared=projection.life.shared)
    record = replace(record, same_case_as=twin)
    appended = await rows_of(tx, record, ready, entry.texts, actor=actor, now=now, fresh=True)
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
    stored = StoredCase(record, entry.stored.events)
    return Prepared(record, projection, projecting.rows_of_new(stored, projection, appended, now))


async def judged(
    tx: Tx,
    changed: StoredCase,
    before: StoredCase | None,
    ready: Sequence[ReadyEvent],
    days: LocalDays,
    now: datetime,
) -> Projection:
    """The projection of a history, once nothing of what was entered is to be refused.

    A refusal points at the entries that it is about, and names recorded acts by id.
    """
    entered = {str(one.stored.id) for one in ready}
    projection = await project(tx, changed, now, days)
    try:
        refuse_new(projection.misfits, entered, lambda: standing_misfits(before, days))
        if projection.life.shared and not changed.record.shared:
            refuse_silent_sharing(projection.case)
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
    fresh: bool = False,
) -> dict[str, list[Row]]:
    """The rows, by table, of acts and of their texts and those given; `fresh`: of a request without a key yet."""
    texts = [*texts, *(text for one in ready for text in one.texts)]
    events = [one.stored for one in ready]
    return {
        **requests.event_rows(record, events, account_id=actor.account_id),
        **await text_rows(tx, record, texts, now, fresh=fresh),
    }
