"""Free text beside a request: sealed under the key of its request, bound to the history by a commitment, erasable."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.audit import Change
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.storage import rows
from mla_tracker.storage.audited import changed, newly
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.requests import OF_REQUEST, RequestRecord, of_request
from mla_tracker.storage.rows import Row, octets
from mla_tracker.storage.vault import Vault, commitment, new_salt, seal, unseal


@dataclass(frozen=True, slots=True)
class FreeText:
    """A piece of free text beside the record. `owner_country` None: both sides read it."""

    field: str
    body: str
    owner_country: str | None = None
    event_id: UUID | None = None


Key = tuple[bytes, dict[str, list[Row]]]
"""The key of a request, and the row that keeps it where it was made just now."""


async def text_rows(
    tx: Tx, record: RequestRecord, texts: Iterable[FreeText], now: datetime, *, key: Key | None = None
) -> dict[str, list[Row]]:
    """Rows of texts to keep, and of the request's key where it gets its first; `key`: what `key_for` gave, if asked."""
    texts = list(texts)
    if not texts:
        return {}
    opens, made = key or await key_for(tx, of_request(record))
    return {**made, "free_text": [_row(record, text, opens, now) for text in texts]}


async def key_for(tx: Tx, of: Row, *, fresh: bool = False) -> Key:
    """The key of a request, named with its countries by `of`, and the row that keeps it where it was made just now.

    `fresh`: it has none yet for certain. Raises InvalidEntry where it was destroyed: what must be forgotten takes no
    new text.
    """
    request_id: UUID = of["request_id"]
    kept = (
        None
        if fresh
        else await tx.fetchrow("select wrapped from record_key where request_id = $1", request_id)
    )
    if kept is None:
        key, stored = tx.vault.new_record_key(request_id)
        return key, {"record_key": [{**of, "wrapped": octets(stored)}]}
    if kept["wrapped"] is None:
        raise InvalidEntry(
            "The texts and persons of this request were erased, and it takes no new ones. Record the act without text, "
            "or log a new request and link it."
        )
    return tx.vault.record_key(request_id, kept["wrapped"]), {}


def _row(
    record: RequestRecord, text: FreeText, key: bytes, now: datetime, text_id: UUID | None = None
) -> Row:
    text_id = text_id or uuid7(now)
    return {
        "id": text_id,
        **of_request(record),
        "owner_country": text.owner_country,
        "field": text.field,
        "event_id": text.event_id,
        **{name: octets(value) for name, value in sealed_columns(key, text_id, text.body).items()},
        "recorded_by_account": None,
        "recorded_at": None,
    }


def note_row(
    record: RequestRecord, note_id: UUID, key: bytes, text: str, *, field: str, country: str, account_id: UUID,
    now: datetime,
) -> Row:  # fmt: skip
    """A note that a side keeps on a request for itself, under the key of the request."""
    return {
        **_row(record, FreeText(field, text, country), key, now, note_id),
        "recorded_by_account": account_id,
        "recorded_at": now,
    }


def sealed_columns(key: bytes, text_id: UUID, body: str) -> dict[str, bytes]:
    """A text as the columns that hold it, under a secret of its own: `sealed`, `salt`, `commitment`."""
    salt = new_salt()
    return {
        "sealed": seal(key, body, text_id),
        "salt": salt,
        "commitment": commitment(salt, text_id, body),
    }


async def replace_text(
    tx: Tx, record: RequestRecord, field_name: str, body: str | None, now: datetime
) -> list[Change]:
    """Set, change or empty the request's own text of one field (subject, urgency_reason, wished_by_reason).

    Gives what the audit is to be told.
    """
    before = await tx.fetchrow(
        "select id, commitment from free_text where request_id = $1 and field = $2 and event_id is null "
        "and owner_country is null",
        record.id, field_name,
    )  # fmt: skip
    if before is None:
        if body is None:
            return []
        inserted = await text_rows(tx, record, [FreeText(field_name, body)], now)
        await rows.insert(tx, inserted)
        return newly(inserted)
    sealed: dict[str, bytes | None] = {"sealed": None, "salt": None, "commitment": None}
    if body is not None:
        key, made = await key_for(tx, of_request(record))
        await rows.insert(tx, made)
        sealed |= sealed_columns(key, before["id"], body)
    await tx.execute(
        "update free_text set sealed = $2, salt = $3, commitment = $4 where id = $1",
        before["id"], sealed["sealed"], sealed["salt"], sealed["commitment"],
    )  # fmt: skip
    return changed("free_text", before, {"id": before["id"], "commitment": sealed["commitment"]})


async def text_of(tx: Tx, record: RequestRecord, field_name: str) -> str | None:
    """The request's own text of one field, if it has one that was not erased."""
    row = await tx.fetchrow(
        """
        select t.id, t.sealed, k.wrapped from free_text t join record_key k using (request_id)
        where t.request_id = $1 and t.field = $2 and t.event_id is null and t.sealed is not null
        """,
        record.id,
        field_name,
    )
    return opened(tx.vault, record.id, row["wrapped"], row) if row is not None else None


def opened(vault: Vault, request_id: UUID, wrapped: bytes, row: Record | Mapping[str, Any]) -> str:
    """The text of a row with `id` and `sealed`, by the key of its request."""
    return unseal(vault.record_key(request_id, wrapped), row["sealed"], row["id"])


async def seal_plain(tx: Tx, now: datetime, *, limit: int) -> int:
    """Seal some of the texts that are stored as they were; gives how many."""
    found = await tx.fetch(
        """
        select id, body, request_id, requesting_country, requested_country from free_text
        where body is not null order by request_id limit $1 for update
        """,
        limit,
    )
    for row in found:
        key, made = await key_for(tx, {name: row[name] for name in OF_REQUEST})
        await rows.insert(tx, made)
        sealed = sealed_columns(key, row["id"], row["body"])
        await tx.execute(
            "update free_text set body = null, sealed = $2, salt = $3, commitment = $4 where id = $1",
            row["id"], sealed["sealed"], sealed["salt"], sealed["commitment"],
        )  # fmt: skip
    return len(found)
