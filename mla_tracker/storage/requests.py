"""Requests and their histories as rows: insert, load and lock, save what was decided. No rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.explanation import Step, plain
from mla_tracker.domain.life import Life
from mla_tracker.domain.sentences import step_document
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7

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
    "offences",
    "channel",
    "language",
    "external_reference",
    "reference_requesting",
    "reference_requested",
    "assigned_requesting",
    "assigned_requested",
    "wished_by",
    "status",
    "shared",
    "version",
    "created_at",
    "updated_at",
)


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
    offences: Sequence[str]
    channel: str | None
    language: str | None
    external_reference: str | None
    reference_requesting: str | None
    reference_requested: str | None
    assigned_requesting: str | None
    assigned_requested: str | None
    wished_by: date | None
    status: str
    shared: bool
    version: int
    created_at: datetime
    updated_at: datetime


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
    """A request with the acts of its history that were not voided."""

    record: RequestRecord
    events: tuple[StoredEvent, ...]


@dataclass(frozen=True, slots=True)
class FreeText:
    """A piece of free text beside the record. `owner_country` None: both sides read it."""

    field: str
    body: str
    owner_country: str | None = None
    event_id: UUID | None = None


async def insert_record(tx: Tx, record: RequestRecord) -> None:
    """Insert the row of a new request; its projections follow with `save_projection`."""
    names = ", ".join(RECORD_COLUMNS)
    places = ", ".join(f"${n}" for n in range(1, len(RECORD_COLUMNS) + 1))
    await tx.execute(
        f"insert into request ({names}) values ({places})",
        *(getattr(record, name) for name in RECORD_COLUMNS),
    )


async def load(tx: Tx, request_id: UUID, *, lock: bool) -> StoredCase | None:
    """The request with its live history; `lock` holds it against other writers until the transaction ends.

    The lock leaves the key alone (FOR NO KEY UPDATE), so that the sweep can refer to the row meanwhile.
    """
    names = ", ".join(RECORD_COLUMNS)
    row = await tx.fetchrow(
        f"select {names} from request where id = $1" + (" for no key update" if lock else ""),
        request_id,
    )
    if row is None:
        return None
    return StoredCase(RequestRecord(**dict(row)), await live_events(tx, request_id))


async def live_events(tx: Tx, request_id: UUID) -> tuple[StoredEvent, ...]:
    """The acts of a request that were not voided."""
    rows = await tx.fetch(
        """
        select e.id, e.type, e.occurred_at, e.occurred_on, e.data, e.asserted_by, e.recorded_at
        from request_event e
        where e.request_id = $1 and not exists (select from event_void v where v.event_id = e.id)
        """,
        request_id,
    )
    return tuple(StoredEvent(**dict(row)) for row in rows)


async def insert_events(
    tx: Tx, record: RequestRecord, events: Iterable[StoredEvent], *, account_id: UUID
) -> None:
    """Append acts to a history."""
    await tx.executemany(
        """
        insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_at,
            occurred_on, data, asserted_by, recorded_by_account, recorded_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        [
            (
                event.id,
                record.id,
                record.requesting_country,
                record.requested_country,
                event.type,
                event.occurred_at,
                event.occurred_on,
                dict(event.data),
                event.asserted_by,
                account_id,
                event.recorded_at,
            )
            for event in events
        ],
    )


async def insert_links(tx: Tx, record: RequestRecord, events: Iterable[StoredEvent]) -> None:
    """The links that acts `linked` make between requests, for looking up from either end."""
    rows = [
        (
            e.id,
            record.id,
            UUID(str(e.data["request_id"])),
            record.requesting_country,
            record.requested_country,
            e.data["relation"],
        )
        for e in events
        if e.type == "linked"
    ]
    if rows:
        await tx.executemany(
            """
            insert into request_link (event_id, request_id, other_id, requesting_country, requested_country, relation)
            values ($1, $2, $3, $4, $5, $6)
            """,
            rows,
        )


async def insert_void(
    tx: Tx,
    record: RequestRecord,
    event_id: UUID,
    *,
    replacement_id: UUID | None,
    voided_by: str,
    account_id: UUID,
    now: datetime,
) -> None:
    """Mark an act as recorded wrongly; the act itself stays."""
    await tx.execute(
        """
        insert into event_void (event_id, request_id, requesting_country, requested_country, replacement_id, voided_by,
            recorded_by_account, recorded_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        event_id,
        record.id,
        record.requesting_country,
        record.requested_country,
        replacement_id,
        voided_by,
        account_id,
        now,
    )
    await tx.execute("delete from request_link where event_id = $1", event_id)


async def insert_texts(tx: Tx, record: RequestRecord, texts: Sequence[FreeText], now: datetime) -> None:
    """Keep free text beside the record, where it can be erased."""
    if texts:
        await tx.executemany(
            """
            insert into free_text (id, request_id, requesting_country, requested_country, owner_country, field,
                event_id, body)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                (
                    uuid7(now),
                    record.id,
                    record.requesting_country,
                    record.requested_country,
                    text.owner_country,
                    text.field,
                    text.event_id,
                    text.body,
                )
                for text in texts
            ],
        )


async def replace_text(
    tx: Tx, record: RequestRecord, field_name: str, body: str | None, now: datetime
) -> None:
    """Set, change or empty the request's own text of one field (subject, urgency_reason, wished_by_reason)."""
    changed = await tx.fetchval(
        "update free_text set body = $3 where request_id = $1 and field = $2 and event_id is null returning id",
        record.id,
        field_name,
        body,
    )
    if changed is None and body is not None:
        await insert_texts(tx, record, [FreeText(field_name, body)], now)


async def update_record(tx: Tx, record: RequestRecord, changes: Mapping[str, Any]) -> None:
    """Write the named columns of a request that is locked."""
    if changes:
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(changes, start=2))
        await tx.execute(f"update request set {sets} where id = $1", record.id, *changes.values())


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
    }


async def save_projection(
    tx: Tx,
    record: RequestRecord,
    life: Life,
    warnings: Iterable[Step],
    *,
    version: int,
    first_act_on: date,
    now: datetime,
) -> None:
    """Write what was read off the history: status, custody, outcome, items, warnings, and the new version."""
    content = projection_content(life, warnings, first_act_on=first_act_on)
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(content, start=4))
    await tx.execute(
        f"update request set version = $2, updated_at = $3, stale_since = null, {sets} where id = $1",
        record.id,
        version,
        now,
        *content.values(),
    )
