"""Trying queries on clocks that are gone afterwards, as one account would see them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole, Tx
from tests.builders import ledger
from tests.builders.ledger import ACase
from tests.builders.reporting import Duty, insert

LEDGER = ("opening", "new", "reopened", *WAYS, "closing")

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


@asynccontextmanager
async def on_record(db: Database, cases: Sequence[ACase], *countries: str) -> AsyncIterator[Tx]:
    """A transaction that sees these cases as an account of the countries would, undone afterwards."""
    async with holding(db, [], *countries) as tx:
        await tx.execute("reset role")
        await ledger.insert(tx, cases)
        await tx.execute("set local role mla_api")
        yield tx


def adds_up(row: dict[str, Any]) -> bool:
    return bool(
        row["opening"] + row["new"] + row["reopened"] - sum(row[way] for way in WAYS) == row["closing"]
        and row["ended"] == sum(row[way] for way in WAYS)
        and all(row[way] == sum(row[f"{way}_by_ground"].values()) for way in ("refused", "declined"))
    )
