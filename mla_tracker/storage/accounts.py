"""Accounts and their tokens in the database, within the transaction that is open (`tx`).

`within` narrows to accounts that speak for these countries and no other; None: the operator, who sees all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from mla_tracker.domain.errors import AlreadyRecorded
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Tx

Within = Sequence[str] | None

CHANGEABLE: Final = frozenset({"name", "oidc_issuer", "oidc_subject", "disabled_at"})


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as it is stored."""

    id: UUID
    name: str
    countries: tuple[str, ...]
    role: Role
    version: int
    oidc_issuer: str | None
    oidc_subject: str | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is stored, without its hash."""

    id: UUID
    account_id: UUID
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None


async def insert_account(tx: Tx, row: AccountRow) -> None:
    """Save a new account. Raises AlreadyRecorded where its identity leads to another account."""
    try:
        async with tx.savepoint():
            await tx.execute(
                "insert into account (id, name, countries, role, oidc_issuer, oidc_subject, created_at) "
                "values ($1, $2, $3, $4, $5, $6, $7)",
                row.id, row.name, list(row.countries), row.role.value, row.oidc_issuer, row.oidc_subject,
                row.created_at,
            )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise _identity_taken() from error


async def lock_account(tx: Tx, account_id: UUID, *, within: Within = None) -> AccountRow | None:
    """An account, locked until the end of the transaction; None if there is none."""
    row = await tx.fetchrow(
        "select id, name, countries, role, version, oidc_issuer, oidc_subject, created_at, disabled_at from account "
        "where id = $1 and ($2::text[] is null or countries <@ $2) for update",
        account_id, _as_list(within),
    )  # fmt: skip
    if row is None:
        return None
    return AccountRow(**{**row, "countries": tuple(row["countries"]), "role": Role(row["role"])})


async def change_account(tx: Tx, account_id: UUID, changes: dict[str, Any]) -> None:
    """Save changed columns of a locked account as its next version. Raises AlreadyRecorded as `insert_account`."""
    assert changes.keys() <= CHANGEABLE
    columns = "".join(f"{name} = ${place}, " for place, name in enumerate(changes, start=2))
    try:
        async with tx.savepoint():
            await tx.execute(
                f"update account set {columns}version = version + 1 where id = $1",
                account_id,
                *changes.values(),
            )
    except asyncpg.UniqueViolationError as error:
        raise _identity_taken() from error


async def wait_for_admins(tx: Tx, countries: Iterable[str]) -> None:
    """Wait for whoever is ending an administrator of one of the countries, and let the next one wait for us."""
    for country in sorted(countries):
        await tx.execute("select pg_advisory_xact_lock(hashtext('administrators of ' || $1))", country)


async def insert_token(tx: Tx, row: TokenRow, token_hash: bytes) -> None:
    """Save a token by its SHA-256; the token itself is never stored."""
    await tx.execute(
        "insert into api_token (id, account_id, name, scopes, token_hash, created_at, expires_at) "
        "values ($1, $2, $3, $4, $5, $6, $7)",
        row.id, row.account_id, row.name, sorted(row.scopes), token_hash, row.created_at, row.expires_at,
    )  # fmt: skip


async def lock_token(tx: Tx, token_id: UUID, *, within: Within = None) -> TokenRow | None:
    """A token of an account `within`, locked until the end of the transaction; None if there is none."""
    row = await tx.fetchrow(
        "select id, account_id, name, scopes, created_at, expires_at, revoked_at, replaced_by from api_token "
        "where id = $1 and exists (select from account where id = account_id and "
        "($2::text[] is null or countries <@ $2)) for update",
        token_id, _as_list(within),
    )  # fmt: skip
    return None if row is None else TokenRow(**{**row, "scopes": frozenset(map(Scope, row["scopes"]))})


async def replace_token(tx: Tx, token_id: UUID, *, by: UUID, until: datetime) -> None:
    """Note which token took the place of this one, which ends then."""
    await tx.execute(
        "update api_token set replaced_by = $2, expires_at = $3 where id = $1", token_id, by, until
    )


async def revoke_token(tx: Tx, token_id: UUID, now: datetime) -> None:
    """End a token from now on; the first revocation stays."""
    await tx.execute(
        "update api_token set revoked_at = $2 where id = $1 and revoked_at is null", token_id, now
    )


async def touch_token(tx: Tx, token_id: UUID, now: datetime, *, not_since: datetime) -> None:
    """Note that a token was used now, unless that was noted after `not_since`."""
    await tx.execute("select mla_token_used($1, $2, $3)", token_id, now, not_since)


def _as_list(within: Within) -> list[str] | None:
    return None if within is None else list(within)


def _identity_taken() -> AlreadyRecorded:
    return AlreadyRecorded(
        "Another account has this subject of the identity provider. Take it from that one first, or correct it.",
        fields=[("/oidc_subject", "Leads to another account already.")],
    )
