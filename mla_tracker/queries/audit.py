"""The audit as auditors read it: entries of their own countries, proofs, and the last checkpoint."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.audit import ChainKind, What
from mla_tracker.storage.database import Tx
from mla_tracker.storage.proofs import Proof, proof_of


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What entries are wanted; None: any. `since` is inclusive, `until` exclusive."""

    record_kind: ChainKind | None = None
    record_id: UUID | None = None
    account_id: UUID | None = None
    what: What | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry. From where an account of another country acted, and which account it was, is for that country."""

    id: UUID
    record_kind: str
    record_id: UUID
    position: int | None
    at: datetime
    what: str
    country: str | None
    account_id: UUID | None
    account_role: str | None
    address: str | None
    credential: str | None
    request_id: str | None
    details: Any
    leaf: int | None


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """The tree as it was signed last."""

    number: int
    size: int
    at: datetime
    note: str


async def page(
    tx: Tx, wanted: AuditFilter, *, countries: Sequence[str], after: UUID | None, limit: int
) -> list[EntryView]:
    """The newest `limit` entries that auditors of these countries read, older than `after` (an id, exclusive)."""
    arguments: list[object] = [list(countries), limit]
    conditions = ["seen_by && $1"]
    for condition, value in (
        ("chain_kind = {}", wanted.record_kind),
        ("chain_id = {}", wanted.record_id),
        ("account_id = {} and country = any($1)", wanted.account_id),
        ("what = {}", wanted.what),
        ("at >= {}", wanted.since),
        ("at < {}", wanted.until),
        ("id < {}", after),
    ):
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(f"${len(arguments)}"))
    rows = await tx.fetch(
        f"""
        select id, chain_kind as record_kind, chain_id as record_id, position, at, what, country, account_id,
            account_role, address, credential, request_id, details, leaf
        from audit_entry where {" and ".join(conditions)} order by id desc limit $2
        """,
        *arguments,
    )
    return [_view(dict(row), countries) for row in rows]


def _view(row: dict[str, Any], countries: Sequence[str]) -> EntryView:
    if row["country"] is not None and row["country"] not in countries:
        row |= dict.fromkeys(("account_id", "account_role", "address", "credential", "request_id"))
    return EntryView(**{**row, "details": json.loads(row["details"])})


async def proof(tx: Tx, entry_id: UUID, *, countries: Sequence[str]) -> Proof | None:
    """The proof of an entry that these countries read whole; None if there is no such entry, or it is not sealed yet.

    A proof holds all that is bound, so one of what another country's account did is that country's to give.
    """
    readable = await tx.fetchval(
        "select true from audit_entry where id = $1 and seen_by && $2 and (country is null or country = any($2))",
        entry_id, list(countries),
    )  # fmt: skip
    return await proof_of(tx, entry_id) if readable else None


async def last_checkpoint(tx: Tx) -> CheckpointView | None:
    """The last checkpoint, if any was made."""
    row = await tx.fetchrow(
        "select number, size, at, note from audit_checkpoint order by number desc limit 1"
    )
    return CheckpointView(**dict(row)) if row is not None else None
