"""Who stands behind a credential, and which accounts and tokens there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Tx

Key = tuple[datetime, UUID] | None
Row: TypeAlias = Record | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bearer:
    """A valid token's account, when the token ends and when its use was last noted."""

    actor: Actor
    token_id: UUID
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as an administrator sees it."""

    id: UUID
    name: str
    role: Role
    countries: tuple[str, ...]
    oidc_subject: str | None
    created_at: datetime
    disabled_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as an administrator sees it; the secret itself is known to nobody."""

    id: UUID
    account_id: UUID
    account: str
    countries: tuple[str, ...]
    role: Role
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaced_by: UUID | None


async def bearer_of(tx: Tx, token_hash: bytes, now: datetime) -> Bearer | None:
    """The account behind a token's SHA-256, or None if it is not valid at `now` (`expires_at` exclusive)."""
    row = await tx.fetchrow(
        """
        select * from mla_bearer($1::bytea) where (expires_at is null or expires_at > $2)
            and (revoked_at is null or revoked_at > $2) and (disabled_at is null or disabled_at > $2)
        """,
        token_hash, now,
    )  # fmt: skip
    if row is None:
        return None
    actor = _actor(row, frozenset(map(Scope, row["scopes"])))
    return Bearer(actor, row["token_id"], row["expires_at"], row["last_used_at"])


async def actor_of_identity(tx: Tx, issuer: str, subject: str, scopes: Iterable[Scope]) -> Actor | None:
    """The open account that somebody whom the identity provider knows by `subject` acts as, if there is one."""
    row = await tx.fetchrow("select * from mla_bearer($1::text, $2::text)", issuer, subject)
    return None if row is None else _actor(row, frozenset(scopes))


async def accounts(
    tx: Tx,
    *,
    within: Sequence[str] | None,
    role: Role | None = None,
    disabled: bool | None = None,
    after: Key = None,
    limit: int | None = None,
) -> Sequence[AccountView]:
    """Accounts that speak for no country but those `within` (None: all), oldest first, from after a sort key on."""
    rows = await tx.fetch(
        f"""
        {_ACCOUNT} where {_WITHIN} and ($2::text is null or role = $2)
            and ($3::bool is null or (disabled_at is not null) = $3)
            and ($4::timestamptz is null or (created_at, id) > ($4, $5))
        order by created_at, id limit $6
        """,
        _as_list(within), role, disabled, *(after or (None, None)), limit,
    )  # fmt: skip
    return [_account(row) for row in rows]


async def account(tx: Tx, account_id: UUID, *, within: Sequence[str] | None) -> AccountView | None:
    """One account, or None if there is none of these countries alone."""
    row = await tx.fetchrow(f"{_ACCOUNT} where {_WITHIN} and id = $2", _as_list(within), account_id)
    return None if row is None else _account(row)


async def tokens(
    tx: Tx, *, account_id: UUID | None = None, after: Key = None, limit: int | None = None
) -> Sequence[TokenView]:
    """The tokens of an account, or all, oldest first, from after a sort key on."""
    rows = await tx.fetch(
        f"""
        {_TOKEN} where ($1::uuid is null or token.account_id = $1)
            and ($2::timestamptz is null or (token.created_at, token.id) > ($2, $3))
        order by token.created_at, token.id limit $4
        """,
        account_id, *(after or (None, None)), limit,
    )  # fmt: skip
    return [_token(row) for row in rows]


async def token(tx: Tx, token_id: UUID) -> TokenView | None:
    """One token, for a caller of whom it is known that he may see it."""
    row = await tx.fetchrow(f"{_TOKEN} where token.id = $1", token_id)
    return None if row is None else _token(row)


async def has_accounts(tx: Tx, country: str, roles: Iterable[Role], *, besides: UUID | None = None) -> bool:
    """Whether a country (ISO alpha-2) has an account in one of the roles that is not disabled, other than `besides`."""
    found: bool = await tx.fetchval(
        "select mla_has_accounts($1, $2, $3)", country, [role.value for role in roles], besides
    )
    return found


_ACCOUNT: Final = (
    "select id, name, role, countries, oidc_subject, created_at, disabled_at, version from account"
)
_WITHIN: Final = "($1::text[] is null or countries <@ $1)"
_TOKEN: Final = """
    select token.id, token.account_id, account.name as account, account.countries, account.role, token.name,
        token.scopes, token.created_at, token.expires_at, token.revoked_at, token.last_used_at, token.replaced_by
    from api_token as token join account on account.id = token.account_id
"""


def _as_list(within: Sequence[str] | None) -> list[str] | None:
    return None if within is None else list(within)


def _actor(row: Row, scopes: frozenset[Scope]) -> Actor:
    return Actor(row["account_id"], tuple(row["countries"]), Role(row["role"]), row["name"], scopes)


def _account(row: Row) -> AccountView:
    return AccountView(**{**row, "countries": tuple(row["countries"]), "role": Role(row["role"])})


def _token(row: Row) -> TokenView:
    scopes = tuple(scope for scope in Scope if scope in row["scopes"])
    return TokenView(
        **{**row, "countries": tuple(row["countries"]), "role": Role(row["role"]), "scopes": scopes}
    )
