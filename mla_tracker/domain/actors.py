"""Who acts: the account behind a token or a job, with the countries it speaks for and its role."""

from dataclasses import dataclass
from uuid import UUID

from mla_tracker.domain.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """An account at work; it sees the requests of its own countries and nobody else's."""

    account_id: UUID
    countries: tuple[str, ...]
    role: Role
    name: str

    def speaks_for(self, country: str) -> bool:
        """Whether this account belongs to the country (ISO 3166-1 alpha-2)."""
        return country in self.countries
