"""Accounts and tokens: made, ended. Done by operators, so under the owner's role of the database."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mla_tracker.catalogue.countries import is_country
from mla_tracker.domain.errors import InvalidEntry, NotFound
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import accounts
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.ids import uuid7

TOKEN_PREFIX: Final = "mla_"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; `secret` is shown once and stored nowhere."""

    id: UUID
    account_id: UUID
    secret: str


def token_hash(secret: str) -> bytes:
    """What is stored of a token: one SHA-256, enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


async def create_account(
    db: Database, *, name: str, countries: Sequence[str], role: Role, now: datetime
) -> UUID:
    """Open an account that speaks for one country or several. Raises InvalidEntry."""
    faults = []
    if not 1 <= len(name.strip()) <= 200:
        faults.append(("/name", "Give a name of 1 to 200 characters."))
    if not countries or not all(map(is_country, countries)):
        faults.append(
            ("/countries", "Give at least one ISO 3166-1 alpha-2 code in capital letters, e.g. MA.")
        )
    if faults:
        raise InvalidEntry("The account is not valid. Correct its name or countries.", fields=faults)
    account_id = uuid7(now)
    async with db.transaction(DbRole.OWNER) as tx:
        await accounts.insert_account(
            tx, account_id, name=name.strip(), countries=sorted(set(countries)), role=role, now=now
        )
    return account_id


async def create_token(
    db: Database, account_id: UUID, *, now: datetime, name: str = "", expires_at: datetime | None = None
) -> NewToken:
    """Make a token for an account, valid until `expires_at` (exclusive; None: until revoked).

    Raises NotFound for an unknown or disabled account, InvalidEntry for an expiry that has passed.
    """
    if expires_at is not None and expires_at <= now:
        raise InvalidEntry(
            f"The token would have expired already ({expires_at.isoformat()}). Give a later instant.",
            fields=[("/expires_at", "Lies in the past. Give a later instant.")],
        )
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token_id = uuid7(now)
    async with db.transaction(DbRole.OWNER) as tx:
        if not await accounts.lock_account(tx, account_id):
            raise NotFound(f"There is no open account {account_id}. Create one first.")
        await accounts.insert_token(
            tx, token_id, account_id=account_id, name=name[:200], token_hash=token_hash(secret),
            expires_at=expires_at, now=now,
        )  # fmt: skip
    return NewToken(token_id, account_id, secret)


async def revoke_token(db: Database, token_id: UUID, *, now: datetime) -> None:
    """End a token at once. Raises NotFound; a token revoked already stays as it is."""
    async with db.transaction(DbRole.OWNER) as tx:
        if not await accounts.revoke_token(tx, token_id, now):
            raise NotFound(f"There is no token {token_id}. List the tokens to find its id.")


async def disable_account(db: Database, account_id: UUID, *, now: datetime) -> None:
    """End an account with all its tokens at once; what it recorded stays. Raises NotFound."""
    async with db.transaction(DbRole.OWNER) as tx:
        if not await accounts.disable_account(tx, account_id, now):
            raise NotFound(f"There is no account {account_id}. List the accounts to find its id.")


async def note_use(db: Database, token_id: UUID, *, now: datetime, not_since: datetime) -> None:
    """Note that a token was used, unless that was noted after `not_since`."""
    async with db.transaction(DbRole.API) as tx:
        await accounts.touch_token(tx, token_id, now, not_since=not_since)
