"""Persons as rows: what is said of them is one sealed document, which is bound to the history by a commitment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record
from pydantic_core import from_json

from mla_tracker.domain.audit import Change, canonical
from mla_tracker.storage.audited import changed, plain
from mla_tracker.storage.database import Tx
from mla_tracker.storage.requests import RequestRecord, of_request
from mla_tracker.storage.rows import Row, octets
from mla_tracker.storage.texts import opened, sealed_columns

Content = Mapping[str, Any]

COLUMNS: Final = (
    "p.id, p.request_id, p.recorded_by, p.part, p.sealed, p.commitment, p.version, p.created_at, p.updated_at, "
    "p.erased_at, p.erased_for"
)


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """A person of a request; `content` None where it was erased."""

    id: UUID
    recorded_by: str
    part: str
    content: Content | None
    commitment: bytes
    version: int
    erased_at: datetime | None


def person_row(
    record: RequestRecord, person_id: UUID, key: bytes, part: str, content: Content,
    *, recorded_by: str, account_id: UUID, now: datetime,
) -> Row:  # fmt: skip
    """A new person, under the key of the request."""
    sealed = sealed_columns(key, person_id, canonical(plain(content)))
    return {
        "id": person_id,
        **of_request(record),
        "recorded_by": recorded_by,
        "recorded_by_account": account_id,
        "part": part,
        **{name: octets(value) for name, value in sealed.items()},
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


async def load(tx: Tx, request_id: UUID, person_id: UUID) -> StoredPerson | None:
    """A person of a request that is held."""
    row = await tx.fetchrow(
        f"""
        select {COLUMNS}, k.wrapped from person p left join record_key k using (request_id)
        where p.request_id = $1 and p.id = $2
        """,
        request_id,
        person_id,
    )
    if row is None:
        return None
    names = ("id", "recorded_by", "part", "commitment", "version", "erased_at")
    return StoredPerson(content=content_of(tx, row), **{name: row[name] for name in names})


def content_of(tx: Tx, row: Record) -> Content | None:
    """What is said of a person, of a row with COLUMNS and the `wrapped` key; None where it was erased."""
    if row["sealed"] is None:
        return None
    content: Content = from_json(opened(tx.vault, row["request_id"], row["wrapped"], row))
    return content


async def replace(
    tx: Tx, before: StoredPerson, key: bytes, part: str, content: Content, now: datetime
) -> list[Change]:
    """Say something else of a person; what was said before is gone. Gives what the audit is to be told."""
    sealed = sealed_columns(key, before.id, canonical(plain(content)))
    await tx.execute(
        """
        update person set part = $2, sealed = $3, salt = $4, commitment = $5, version = version + 1, updated_at = $6
        where id = $1
        """,
        before.id, part, sealed["sealed"], sealed["salt"], sealed["commitment"], now,
    )  # fmt: skip
    return changed(
        "person",
        {"id": before.id, "part": before.part, "commitment": before.commitment},
        {"id": before.id, "part": part, "commitment": sealed["commitment"]},
    )


async def erase(tx: Tx, person_id: UUID, ground: str, now: datetime) -> list[Change]:
    """Destroy what is said of a person and its secret. Gives what the audit is to be told."""
    await tx.execute(
        """
        update person set sealed = null, salt = null, erased_at = $2, erased_for = $3, version = version + 1,
            updated_at = $2
        where id = $1
        """,
        person_id, now, ground,
    )  # fmt: skip
    return erased("person", person_id, ground, now)


def erased(table: str, row_id: UUID, ground: str, now: datetime) -> list[Change]:
    """What the audit is told of a person or text whose content was destroyed."""
    return changed(
        table,
        {"id": row_id, "erased_at": None, "erased_for": None},
        {"id": row_id, "erased_at": now, "erased_for": ground},
    )
