"""Who acts: the account behind a token or a job, with the countries it speaks for and its role."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from mla_tracker.domain.vocabulary import Role, Scope

ALL_SCOPES: Final = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Origin:
    """From where an account acts, for the audit.

    `address` is the network address of the caller, `credential` what it showed ("token" and its id, "oidc", "program"),
    `request_id` the id by which the logs know the call.
    """

    address: str | None = None
    credential: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """An account at work; it sees the requests of its own countries and nobody else's.

    `scopes` narrow what the credential shown may be used for, within what the role allows.
    """

    account_id: UUID
    countries: tuple[str, ...]
    role: Role
    name: str
    scopes: frozenset[Scope] = ALL_SCOPES
    origin: Origin = field(default=Origin(), compare=False)

    def speaks_for(self, country: str) -> bool:
        """Whether this account belongs to the country (ISO 3166-1 alpha-2)."""
        return country in self.countries
