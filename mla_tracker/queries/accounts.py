"""Who stands behind a token, and which accounts and tokens there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Bearer:
    """A valid token's account and when its use was last noted."""

    actor: Actor
    token_id: UUID
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as an operator sees it; the secret itself is known to nobody."""

    id: UUID
    account_id: UUID
    account: str
    countries: tuple[str, ...]
    role: Role
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def bearer_of(tx: Tx, token_hash: bytes, now: datetime) -> Bearer | None:
    """The account behind a token's SHA-256, or None if it is not valid at `now` (`expires_at` exclusive)."""
    row = await tx.fetchrow(
        """
        select token.id as token_id, token.last_used_at, account.id, account.name, account.countries,
        account.role
        from api_token as token join account on account.id = token.account_id
        where token.token_hash = $1 and (token.expires_at is null or token.expires_at > $2)
            and (token.revoked_at is null or token.revoked_at > $2)
            and (account.disabled_at is null or account.disabled_at > $2)
        """,
        token_hash, now,
    )  # fmt: skip
    if row is None:
        return None
    actor = Actor(row["id"], tuple(row["countries"]), Role(row["role"]), row["name"])
    return Bearer(actor, row["token_id"], row["last_used_at"])


async def tokens(tx: Tx) -> Sequence[TokenView]:
    """All tokens, oldest first."""
    rows = await tx.fetch(
        """
        select token.id, token.account_id, account.name as account, account.countries, account.role,
        token.name,
            token.created_at, token.expires_at, token.revoked_at, token.last_used_at
        from api_token as token join account on account.id = token.account_id
        order by token.created_at, token.id
        """
    )
    return [
        TokenView(**{**dict(row), "countries": tuple(row["countries"]), "role": Role(row["role"])})
        for row in rows
    ]


async def has_accounts(tx: Tx, country: str, roles: Iterable[Role]) -> bool:
    """Whether a country (ISO alpha-2) has an account in one of the roles that is not disabled."""
    found: bool = await tx.fetchval(
        "select exists (select from account where $1 = any(countries) and role = any($2) and disabled_at is null)",
        country,
        [role.value for role in roles],
    )
    return found
