"""Helpers for commands and queries on agreements, each in a transaction of its own."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.agreements import NewAgreement, NewAgreementEvent
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import DomainError
from mla_tracker.domain.vocabulary import AgreementAct, AgreementKind, AgreementScope, Role
from mla_tracker.queries.agreements import AgreementFilter, AgreementView, agreement, agreements
from mla_tracker.storage.agreements import AgreementFields, PartyRow
from mla_tracker.storage.database import Database, DbRole

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DRAFT = AgreementFields(
    "Convention on legal assistance", AgreementKind.MUTUAL_LEGAL_ASSISTANCE, AgreementScope.BILATERAL
)
SIGNED = replace(DRAFT, signed_on=date(2019, 5, 1))
IN_FORCE = replace(SIGNED, in_force_from=date(2020, 1, 1))


async def account(db: Database, *countries: str, role: Role = Role.OFFICER) -> Actor:
    """A new account that speaks for countries in a role."""
    account_id = await create_account(db, name="An authority", countries=countries, role=role, now=NOW)
    return Actor(account_id, countries, role, "An authority")


def entry(fields: AgreementFields = DRAFT, *parties: str | PartyRow) -> NewAgreement:
    rows = tuple(PartyRow(country=p) if isinstance(p, str) else p for p in parties or ("MA", "ES"))
    return NewAgreement(fields, rows)


def event(act: str, day: str, **data: str) -> NewAgreementEvent:
    return NewAgreementEvent(AgreementAct(act), date.fromisoformat(day), data)


async def seen(db: Database, agreement_id: UUID, actor: Actor, now: datetime = NOW) -> AgreementView:
    async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        return await agreement(tx, agreement_id, actor=actor, now=now)


async def listed(
    db: Database, actor: Actor, *, now: datetime = NOW, limit: int = 50, **wanted: Any
) -> list[str]:
    async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        found = await agreements(tx, AgreementFilter(**wanted), actor=actor, now=now, limit=limit)
    return [view.title for view in found]


async def refused(call: Awaitable[Any], error: type[DomainError], *pointers: str) -> DomainError:
    with pytest.raises(error) as caught:
        await call
    assert type(caught.value) is error
    assert [pointer for pointer, _ in caught.value.fields] == list(pointers)
    return caught.value


async def refused_at(call: Awaitable[Any], pointer: str) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await call
    assert pointer in [at for at, _ in caught.value.fields]
    return caught.value
