"""Accounts and their tokens in the database: rows in, rows out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Tx


async def insert_account(
    tx: Tx, account_id: UUID, *, name: str, countries: Sequence[str], role: Role, now: datetime
) -> None:
    """Save a new account."""
    await tx.execute(
        "insert into account (id, name, countries, role, created_at) values ($1, $2, $3, $4, $5)",
        account_id, name, list(countries), role.value, now,
    )  # fmt: skip


async def insert_token(
    tx: Tx,
    token_id: UUID,
    *,
    account_id: UUID,
    name: str,
    token_hash: bytes,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Save a token by its SHA-256; the token itself is never stored."""
    await tx.execute(
        "insert into api_token (id, account_id, name, token_hash, created_at, expires_at) values ($1, $2, "
        "$3, $4, $5, $6)",
        token_id, account_id, name, token_hash, now, expires_at,
    )  # fmt: skip


async def lock_account(tx: Tx, account_id: UUID) -> bool:
    """Lock an account that is not disabled; false if there is none."""
    sql = "select 1 from account where id = $1 and disabled_at is null for update"
    return await tx.fetchval(sql, account_id) is not None


async def revoke_token(tx: Tx, token_id: UUID, now: datetime) -> bool:
    """End a token from now on; the first revocation stays. False if there is no such token."""
    sql = "update api_token set revoked_at = coalesce(revoked_at, $2) where id = $1 returning 1"
    return await tx.fetchval(sql, token_id, now) is not None


async def disable_account(tx: Tx, account_id: UUID, now: datetime) -> bool:
    """End an account and so all its tokens from now on; its history stays. False if there is none."""
    sql = "update account set disabled_at = coalesce(disabled_at, $2) where id = $1 returning 1"
    return await tx.fetchval(sql, account_id, now) is not None


async def touch_token(tx: Tx, token_id: UUID, now: datetime, *, not_since: datetime) -> None:
    """Note that a token was used now, unless that was noted after `not_since`."""
    await tx.execute(
        "update api_token set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < "
        "$3)",
        token_id, now, not_since,
    )  # fmt: skip
