"""Idempotency keys: what a repeated call made the first time, saved in the transaction of the write itself.

First in a command's transaction: `if done := await claim(tx, key, now): return Recorded(UUID(done["id"]),
replayed=True)`; last: `await complete(tx, key, {"id": str(new_id)})`. Without a key both do nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.errors import IdempotencyKeyReused
from mla_tracker.storage.database import Tx

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key for one write; `body_hash` is the SHA-256 of the concrete path and the body."""

    account_id: UUID
    route: str
    key: str
    body_hash: bytes


async def claim(
    tx: Tx, key: IdempotencyKey | None, now: datetime, *, making: Mapping[str, Any] | None = None
) -> Mapping[str, Any] | None:
    """Take the key for this transaction, or give what the call made that had it first.

    Who knows beforehand what the call makes gives it as `making` and need not `complete`.
    The second of two calls at once waits here for the first. A key older than 24 h counts as new.
    Raises IdempotencyKeyReused for another body or path under the same key.
    """
    if key is None:
        return None
    fresh = await tx.fetchrow(
        """
        insert into idempotency_key as held (account_id, route, key, body_hash, created_at, result)
        values ($1, $2, $3, $4, $5, $7::text::jsonb)
        on conflict (account_id, route, key) do update
            set body_hash = excluded.body_hash, created_at = excluded.created_at, result = excluded.result
            where held.created_at <= $6
        returning true
        """,
        key.account_id, key.route, key.key, key.body_hash, now, now - KEPT, json.dumps(making) if making else None,
    )  # fmt: skip
    if fresh is not None:
        return None
    held = await tx.fetchrow(
        "select body_hash, result::text as result from idempotency_key where account_id = $1 and route = "
        "$2 and key = $3",
        key.account_id, key.route, key.key,
    )  # fmt: skip
    if held is None or held["result"] is None:
        raise RuntimeError(f"Idempotency key without result on {key.route}: its command never completed it.")
    if bytes(held["body_hash"]) != key.body_hash:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used within 24 hours for another entry. Use a fresh key for each new "
            "entry.",
            fields=[("/Idempotency-Key", "Used for another entry. Send a fresh key.")],
        )
    result: Mapping[str, Any] = json.loads(held["result"])
    return result


async def complete(tx: Tx, key: IdempotencyKey | None, result: Mapping[str, Any]) -> None:
    """Save what the call made: ids as text, nothing else; a replay is rendered anew under today's rights."""
    if key is not None:
        await tx.execute(
            "update idempotency_key set result = $4::text::jsonb where account_id = $1 and route = $2 and "
            "key = $3",
            key.account_id, key.route, key.key, json.dumps(result),
        )  # fmt: skip


async def release(tx: Tx, key: IdempotencyKey | None) -> None:
    """Give a key back that was claimed in this transaction: what was refused leaves it unused."""
    if key is not None:
        await tx.execute(
            "delete from idempotency_key where account_id = $1 and route = $2 and key = $3",
            key.account_id, key.route, key.key,
        )  # fmt: skip


async def forget_old(tx: Tx, now: datetime) -> int:
    """Delete keys older than 24 hours; gives how many."""
    gone = await tx.fetch("delete from idempotency_key where created_at <= $1 returning 1", now - KEPT)
    return len(gone)
