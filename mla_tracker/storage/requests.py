"""Requests and their histories as rows: insert, load and lock, save what was decided. No rules."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.explanation import Step, plain
from mla_tracker.domain.life import Life
from mla_tracker.domain.sentences import step_document
from mla_tracker.domain.tallies import tally_document
from mla_tracker.domain.vocabulary import Act
from mla_tracker.storage.audited import AUDITED
from mla_tracker.storage.database import Tx
from mla_tracker.storage.rows import Row

RECORD_COLUMNS = (
    "id",
    "kind",
    "requesting_country",
    "requested_country",
    "recorded_by",
    "recorded_by_account",
    "urgency",
    "agreement_id",
    "convention",
    "assistance",
    "circumstances",
    "offences",
    "channel",
    "language",
    "external_reference",
    "reference_requesting",
    "reference_requested",
    "assigned_requesting",
    "assigned_requested",
    "wished_by",
    "handling",
    "same_case_as",
    "status",
    "shared",
    "version",
    "created_at",
    "updated_at",
    "version_requesting",
    "version_requested",
    "updated_requesting_at",
    "updated_requested_at",
    "erased_at",
)


UNIQUE_REFERENCE = "request_recorded_by_external_reference_key"


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """The row of a request, without what is computed from its history (but status, shared and version)."""

    id: UUID
    kind: str
    requesting_country: str
    requested_country: str
    recorded_by: str
    recorded_by_account: UUID | None
    urgency: str
    agreement_id: UUID | None
    convention: str | None
    assistance: Sequence[str]
    circumstances: Sequence[str]
    offences: Sequence[str]
    channel: str | None
    language: str | None
    external_reference: str | None
    reference_requesting: str | None
    reference_requested: str | None
    assigned_requesting: str | None
    assigned_requested: str | None
    wished_by: date | None
    handling: str
    same_case_as: UUID | None
    status: str
    shared: bool
    version: int
    created_at: datetime
    updated_at: datetime
    version_requesting: int
    version_requested: int
    updated_requesting_at: datetime
    updated_requested_at: datetime
    erased_at: datetime | None = None

    @property
    def countries(self) -> tuple[str, str]:
        """Both."""
        return self.requesting_country, self.requested_country

    def row(self) -> dict[str, Any]:
        """By column."""
        return {name: getattr(self, name) for name in RECORD_COLUMNS}


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One act as it was recorded."""

    id: UUID
    type: str
    occurred_at: datetime | None
    occurred_on: date | None
    data: Mapping[str, Any]
    asserted_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A request with the acts of its history that were not voided.

    `stale_causes`: the changes for which it waits to be counted anew.
    """

    record: RequestRecord
    events: tuple[StoredEvent, ...]
    stale_causes: tuple[str, ...] = ()


def request_row(record: RequestRecord, content: Mapping[str, Any]) -> Row:
    """The row of a new request with its projection (`content`)."""
    return {**record.row(), **content}


async def load(tx: Tx, request_id: UUID, *, lock: bool) -> StoredCase | None:
    """The request with its live history; `lock` holds it against other writers until the transaction ends.

    The lock leaves the key alone (FOR NO KEY UPDATE), so that the sweep can refer to the row meanwhile.
    """
    names = ", ".join(RECORD_COLUMNS)
    row = await tx.fetchrow(
        f"select {names}, stale_causes from request where id = $1" + (" for no key update" if lock else ""),
        request_id,
    )
    if row is None:
        return None
    record = RequestRecord(**{name: row[name] for name in RECORD_COLUMNS})
    return StoredCase(record, await live_events(tx, request_id), tuple(row["stale_causes"]))


async def live_events(tx: Tx, request_id: UUID) -> tuple[StoredEvent, ...]:
    """The acts of a request that were not voided."""
    found = await tx.fetch(
        """
        select e.id, e.type, e.occurred_at, e.occurred_on, e.data, e.asserted_by, e.recorded_at
        from request_event e
        where e.request_id = $1 and not exists (select from event_void v where v.event_id = e.id)
        """,
        request_id,
    )
    events = [StoredEvent(**dict(row)) for row in found]
    ids = {str(event.id) for event in events}
    if not {event.data["in_reply_to"] for event in events if "in_reply_to" in event.data} <= ids:
        return answering(events, await _replacements(tx, request_id))
    return tuple(events)


async def _replacements(tx: Tx, request_id: UUID) -> dict[str, str]:
    """The acts of a request that were replaced by one of their kind, each with the one that stands in its place."""
    found = await tx.fetch(
        """
        select v.event_id, v.replacement_id from event_void v
        join request_event voided on voided.id = v.event_id
        join request_event instead on instead.id = v.replacement_id and instead.type = voided.type
        where v.request_id = $1
        """,
        request_id,
    )
    return {str(row["event_id"]): str(row["replacement_id"]) for row in found}


def answering(events: Iterable[StoredEvent], replaced: Mapping[str, str]) -> tuple[StoredEvent, ...]:
    """The acts, where those that answer one which was recorded wrongly answer what was put in its place."""
    result = []
    for event in events:
        answered = event.data.get("in_reply_to")
        while answered is not None and answered in replaced:
            answered = replaced[answered]
        if answered is not None:
            event = replace(event, data={**event.data, "in_reply_to": answered})
        result.append(event)
    return tuple(result)


def event_rows(
    record: RequestRecord,
    events: Iterable[StoredEvent],
    *,
    account_id: UUID,
    taken_back: Collection[UUID] = (),
) -> dict[str, list[Row]]:
    """Acts to append to a history, and the links that acts `linked` make, for looking up from either end.

    Those of the acts that are `taken_back` in the same breath make none.
    """
    of = of_request(record)
    return {
        "request_event": [
            {
                "id": event.id,
                **of,
                "type": event.type,
                "occurred_at": event.occurred_at,
                "occurred_on": event.occurred_on,
                "data": dict(event.data),
                "asserted_by": event.asserted_by,
                "recorded_by_account": account_id,
                "recorded_at": event.recorded_at,
            }
            for event in events
        ],
        "request_link": [
            {
                "event_id": event.id,
                **of,
                "other_id": event.data["request_id"],
                "relation": event.data["relation"],
            }
            for event in events
            if event.type == Act.LINKED and event.id not in taken_back
        ],
    }


def void_row(
    record: RequestRecord,
    event_id: UUID,
    *,
    replacement_id: UUID | None,
    voided_by: str,
    account_id: UUID,
    now: datetime,
) -> dict[str, list[Row]]:
    """The mark of an act as recorded wrongly; the act itself stays."""
    return {
        "event_void": [
            {
                "event_id": event_id,
                **of_request(record),
                "replacement_id": replacement_id,
                "voided_by": voided_by,
                "recorded_by_account": account_id,
                "recorded_at": now,
            }
        ]
    }


OF_REQUEST = ("request_id", "requesting_country", "requested_country")


def of_request(record: RequestRecord) -> Row:
    """What every row that hangs on a request says of it."""
    return {
        "request_id": record.id,
        "requesting_country": record.requesting_country,
        "requested_country": record.requested_country,
    }


def reader_row(
    record: RequestRecord, country: str, account_id: UUID, *, named_by: UUID, now: datetime
) -> Row:
    """That an account of one of the two countries is named to read a confidential request."""
    return {
        **of_request(record),
        "country": country,
        "account_id": account_id,
        "named_by": named_by,
        "named_at": now,
    }


async def unlink(tx: Tx, event_id: UUID) -> list[Row]:
    """Take away the link that an act made which was recorded wrongly; gives what was there."""
    told = ", ".join(AUDITED["request_link"].columns)
    gone = await tx.fetch(f"delete from request_link where event_id = $1 returning {told}", event_id)
    return [dict(row) for row in gone]


async def who_knows(tx: Tx, links: Iterable[Row], record: RequestRecord) -> set[str]:
    """Which of a request's two countries can know of the other end of one of the links."""
    found = await tx.fetch(
        """
        select distinct side from request other, unnest($2::text[]) side
        where other.id = any($1::uuid[]) and side in (other.requesting_country, other.requested_country)
            and (other.shared or other.recorded_by = side)
        """,
        [link["other_id"] for link in links],
        list(record.countries),
    )
    return {row["side"] for row in found}


async def update_record(tx: Tx, record: RequestRecord, changes: Mapping[str, Any]) -> None:
    """Write the named columns of a request that is locked."""
    if changes:
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(changes, start=2))
        await tx.execute(f"update request set {sets} where id = $1", record.id, *changes.values())


NEXT_VERSION: Final = """
    version = version + 1, updated_at = $2,
    version_requesting = version_requesting + (requesting_country = any($3::text[]))::int,
    updated_requesting_at = case when requesting_country = any($3::text[]) then $2 else updated_requesting_at end,
    version_requested = version_requested + (requested_country = any($3::text[]))::int,
    updated_requested_at = case when requested_country = any($3::text[]) then $2 else updated_requested_at end
"""
"""The row of a request was changed at $2; $3 are the countries that may know of it."""


def projection_content(life: Life, warnings: Iterable[Step], *, first_act_on: date) -> dict[str, Any]:
    """What is stored of a request's projection, by column; two readings of one history give the same."""
    return {
        "status": life.status.value,
        "custody": life.custody.value if life.custody else None,
        "outcome": life.outcome.value if life.outcome else None,
        "reclassified_as": life.reclassified_as,
        "items": [
            {
                "item": item.number,
                "form": item.form.value,
                "outcome": item.outcome.value if item.outcome else None,
                "ground": item.ground,
                "ended_on": plain(item.ended_on),
            }
            for item in life.items
        ],
        "warnings": [step_document(step) for step in warnings],
        "shared": life.shared,
        "first_act_on": first_act_on,
        "ended_on": life.ended_by.day if life.ended_by else None,
        "tally": tally_document(life.tally),
    }


async def save_projection(
    tx: Tx, record: RequestRecord, content: Mapping[str, Any], *, known_to: Collection[str], now: datetime
) -> None:
    """Write what was read off the history (see `projection_content`), and the new version of who may know of it."""
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(content, start=4))
    await tx.execute(
        f"""
        update request set {NEXT_VERSION}, stale_since = null, stale_causes = '{{}}', {sets}
        where id = $1
        """,
        record.id,
        now,
        list(known_to),
        *content.values(),
    )
