"""Accounts that tests act as without making them."""

from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role


def seen_by(*countries: str, role: Role = Role.OFFICER) -> Actor:
    """An account of the countries that nobody opened: it may look, and nothing can be recorded in its name."""
    return Actor(UUID(int=1), countries, role, "a reader")
