"""That somebody read a confidential case, told to the audit in the transaction that reads: no entry, no answer."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import DomainError
from mla_tracker.domain.handling import Handling
from mla_tracker.storage import rows
from mla_tracker.storage.audit import entry_rows
from mla_tracker.storage.audited import chain_of
from mla_tracker.storage.database import Database, DbRole, Tx


async def note_reading(
    tx: Tx,
    shown: Iterable[Mapping[str, Any]],
    *,
    route: str,
    actor: Actor,
    now: datetime,
    what: What = What.REQUEST_READ,
) -> None:
    """Write one entry for each confidential request of which something is `shown`; of others nothing.

    Each row tells `request_id` (without one, `id`), both countries and `handling`. The transaction must not be
    read-only; one that writes nothing costs no more than one that may not.
    """
    read = {
        row.get("request_id", row.get("id")): (row["requesting_country"], row["requested_country"])
        for row in shown
        if row["handling"] == Handling.CONFIDENTIAL
    }
    entries = []
    for request_id, countries in read.items():
        assert isinstance(request_id, UUID)
        made = await entry_rows(
            tx,
            chain_of(request_id),
            what,
            [],
            actor=actor,
            now=now,
            seen_by=[country for country in countries if actor.speaks_for(country)],
            more={"route": route},
        )
        entries += made["audit_entry"]
    await rows.insert(tx, {"audit_entry": entries})


async def note_reading_of(
    tx: Tx,
    request_ids: Collection[UUID],
    *,
    route: str,
    actor: Actor,
    now: datetime,
    what: What = What.REQUEST_READ,
) -> None:
    """The same for requests of which only the ids are known: persons and notes of one, dates of several."""
    if not request_ids:
        return
    found = await tx.fetch(
        """
        select id, requesting_country, requested_country, handling from request
        where id = any($1) and handling = 'confidential'
        """,
        list(request_ids),
    )
    await note_reading(tx, map(dict, found), route=route, actor=actor, now=now, what=what)


@asynccontextmanager
async def refusals_told(
    db: Database, request_id: UUID, *, route: str, actor: Actor, now: datetime
) -> AsyncIterator[None]:
    """Where what happens inside is refused, the refusal names acts and dates of the request: that too is a reading.

    It is told in a transaction of its own, since the refused one leaves nothing; no entry, no answer.
    """
    try:
        yield
    except DomainError:
        async with db.transaction(DbRole.API, viewer=actor) as tx:
            await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
        raise


async def note_reading_beyond(
    tx: Tx, request_ids: Collection[UUID], *, route: str, actor: Actor, now: datetime
) -> None:
    """The same for who reads of requests that the account does not see: an auditor, what the audit tells of them."""
    if request_ids:
        async with tx.acting_as(DbRole.JOBS):
            await note_reading_of(
                tx, request_ids, route=route, actor=actor, now=now, what=What.REQUEST_LISTED
            )
