"""Keeping a country's part of the directory: central authorities and contact points, and what they are there for."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.errors import AlreadyRecorded, InvalidEntry, NotAllowed
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.storage import directory
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.audited import added, changed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.directory import DirectoryFields
from mla_tracker.storage.idempotency import IdempotencyKey, claim
from mla_tracker.storage.ids import uuid7


async def record_entry(
    db: Database,
    entry: DirectoryFields,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Add an authority to the directory. Raises NotAllowed for another country, InvalidEntry, AlreadyRecorded."""
    require(actor, Deed.KEEP_DIRECTORY)
    entry_id = uuid7(now)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now, making={"id": str(entry_id)}):
            return Recorded(UUID(done["id"]), replayed=True)
        await recorded_within(tx, entry, entry_id, actor=actor, now=now)
    return Recorded(entry_id)


async def recorded_within(
    tx: Tx, entry: DirectoryFields, entry_id: UUID, *, actor: Actor, now: datetime
) -> None:
    """The same within a transaction that is open."""
    require_own(entry, actor)
    if faults := list(_faults(entry)):
        raise InvalidEntry("The entry of the directory is not valid.", fields=faults)
    row = {
        "id": entry_id,
        **directory.row_of(entry),
        "recorded_by_account": actor.account_id,
        "created_at": now,
        "updated_at": now,
    }
    try:
        await directory.insert(tx, row)
    except asyncpg.UniqueViolationError as error:
        raise AlreadyRecorded(
            f"{entry.country} has an entry under {entry.external_reference} already.",
            fields=[("/external_reference", "Taken by another entry of this country. Give another one.")],
        ) from error
    await _told(tx, entry.country, [added("directory_entry", row)], actor=actor, now=now)


async def amended_within(
    tx: Tx, entry: DirectoryFields, kept: dict[str, Any], *, actor: Actor, now: datetime
) -> bool:
    """Bring an entry in line with what is said now, in an open transaction; gives whether that changed it."""
    require_own(entry, actor)
    if faults := list(_faults(entry)):
        raise InvalidEntry("The entry of the directory is not valid.", fields=faults)
    after = directory.row_of(entry)
    changes = {name: after[name] for name in directory.CHANGEABLE if after[name] != kept[name]}
    if not changes:
        return False
    await directory.update(tx, kept["id"], changes, now)
    told = changed(
        "directory_entry",
        {"id": kept["id"], **{name: kept[name] for name in changes}},
        {"id": kept["id"], **changes},
    )
    await _told(tx, entry.country, told, actor=actor, now=now)
    return True


def require_own(entry: DirectoryFields, actor: Actor) -> None:
    """Raises NotAllowed for an entry of another country."""
    require(actor, Deed.KEEP_DIRECTORY)
    if not actor.speaks_for(entry.country):
        raise NotAllowed(
            f"This account keeps the directory of {', '.join(actor.countries) or 'no country'}, not that of "
            f"{entry.country}.",
            fields=[("/country", "Give your own country.")],
        )


def _faults(entry: DirectoryFields) -> Iterator[tuple[str, str]]:
    for place, name in enumerate(entry.instruments):
        if name not in load_conventions():
            yield f"/instruments/{place}", f"There is no instrument {name} in the catalogue."
    if entry.valid_from and entry.valid_to and entry.valid_to <= entry.valid_from:
        yield "/valid_to", "Not after valid_from. Correct one of the two days."


async def _told(tx: Tx, country: str, changes: Any, *, actor: Actor, now: datetime) -> None:
    chain = Chain.named(ChainKind.SETTING, country)
    await lock_chain(tx, chain)
    await append(
        tx, chain, What.SETTING_CHANGED, changes, actor=actor, now=now, seen_by=[country], country=country
    )
