"""Accounts and their tokens in the database, within the transaction that is open (`tx`)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Tx
from mla_tracker.storage.tables import Account, ApiToken


async def insert_account(
    _: Tx, account_id: UUID, *, name: str, countries: Sequence[str], role: Role, now: datetime
) -> None:
    """Save a new account."""
    await Account.insert(
        Account(id=account_id, name=name, countries=list(countries), role=role.value, created_at=now)
    )


async def insert_token(
    _: Tx,
    token_id: UUID,
    *,
    account_id: UUID,
    name: str,
    token_hash: bytes,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Save a token by its SHA-256; the token itself is never stored."""
    await ApiToken.insert(
        ApiToken(
            id=token_id,
            account_id=account_id,
            name=name,
            token_hash=token_hash,
            created_at=now,
            expires_at=expires_at,
        )
    )


async def lock_account(_: Tx, account_id: UUID) -> bool:
    """Lock an account that is not disabled; false if there is none."""
    open_ones = Account.select(Account.id).where((Account.id == account_id) & Account.disabled_at.is_null())
    return bool(await open_ones.lock_rows("UPDATE"))


async def revoke_token(_: Tx, token_id: UUID, now: datetime) -> bool:
    """End a token from now on; the first revocation stays. False if there is no such token."""
    await ApiToken.update({ApiToken.revoked_at: now}).where(
        (ApiToken.id == token_id) & ApiToken.revoked_at.is_null()
    )
    return await ApiToken.exists().where(ApiToken.id == token_id)


async def disable_account(_: Tx, account_id: UUID, now: datetime) -> bool:
    """End an account and so all its tokens from now on; its history stays. False if there is none."""
    await Account.update({Account.disabled_at: now}).where(
        (Account.id == account_id) & Account.disabled_at.is_null()
    )
    return await Account.exists().where(Account.id == account_id)


async def touch_token(tx: Tx, token_id: UUID, now: datetime, *, not_since: datetime) -> None:
    """Note that a token was used now, unless that was noted after `not_since`."""
    await tx.execute(
        "update api_token set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < "
        "$3)",
        token_id, now, not_since,
    )  # fmt: skip
