"""Trying queries on clocks that are gone afterwards, as one account would see them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole, Tx
from tests.builders.reporting import Duty, insert

TRIES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def an_actor(*countries: str) -> Actor:
    return Actor(UUID(int=1), countries, Role.MINISTRY, "the ministry")


class _Undone(Exception):
    """Ends a try without a trace."""


@asynccontextmanager
async def holding(db: Database, rows: Sequence[Duty], *countries: str) -> AsyncIterator[Tx]:
    """A transaction that sees these clocks as an account of the countries would, undone afterwards."""
    with pytest.raises(_Undone):
        async with db.transaction(DbRole.OWNER, viewer=an_actor(*countries)) as tx:
            await insert(tx, rows)
            await tx.execute("set local role mla_api")
            yield tx
            raise _Undone
