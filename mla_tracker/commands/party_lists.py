"""What an operator does with the parties of conventions: load a newer list, look first at what it would move.

Done by operators, so under the owner's role of the database.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.commands.entries import EARLIEST_DAY
from mla_tracker.commands.previewing import Effect, Supposed, effect_of
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.limits import Convention
from mla_tracker.domain.party_lists import (
    Differences,
    PartyList,
    by_list,
    differences,
    relying_on,
    same_list,
)
from mla_tracker.storage.audit import append
from mla_tracker.storage.database import Database, DbRole, Isolation, Tx
from mla_tracker.storage.law import stored_law
from mla_tracker.storage.party_lists import ListsInForce, StoredList, insert_list, lock_lists_of
from mla_tracker.storage.stale import mark_for_conventions

FURTHEST_ZONE: Final = timedelta(hours=14)
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*")

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ListLoaded:
    """The list in force now, what it changed, and how many requests wait to be counted anew because of it.

    `stored` False: the same list was in force already, and nothing was done. `was_complete`: whether the list
    before named all parties.
    """

    version: int
    stored: bool
    differences: Differences
    was_complete: bool
    requests_waiting: int = 0


@dataclass(frozen=True, slots=True)
class ListPreview:
    """What `load_parties` would answer, and which open clocks would move."""

    loaded: ListLoaded
    effect: Effect


async def load_parties(db: Database, entry: PartyList, *, older: bool = False, now: datetime) -> ListLoaded:
    """Put a list of the parties to a convention in force, in place of the whole of the one before.

    The requests in which it has a say are marked in the same transaction and counted anew by a job. The same list
    again changes nothing. Raises InvalidEntry naming all that is wrong: no such convention, a day still to come, or
    an older day than that of the list in force unless `older`.
    """
    async with db.transaction(DbRole.OWNER) as tx:
        await lock_lists_of(tx, entry.convention)
        in_force, after, loaded = await _decided(tx, entry, older, now)
        if not loaded.stored:
            return loaded
        stored = await insert_list(StoredList(loaded.version, entry, now))
        chain = Chain.named(ChainKind.CONVENTION, entry.convention)
        await append(tx, chain, What.CONVENTION_PARTIES_LOADED, [stored], actor=None, now=now, seen_by=[])
        named = relying_on(after.id, in_force.conventions)
        cause = f"parties {after.id} {loaded.version}"
        waiting = await mark_for_conventions(tx, named, now, cause)
    return ListLoaded(loaded.version, True, loaded.differences, loaded.was_complete, waiting)


async def preview_parties(
    db: Database, entry: PartyList, *, older: bool = False, now: datetime
) -> ListPreview:
    """What `load_parties` would do, and which open clocks it would move; no list is stored.

    Raises what `load_parties` raises.
    """
    async with db.transaction(DbRole.OWNER, isolation=Isolation.REPEATABLE_READ) as tx:
        in_force, after, loaded = await _decided(tx, entry, older, now)
        supposed = Supposed(
            conventions={**in_force.conventions, after.id: after},
            named=relying_on(after.id, in_force.conventions),
        )
        effect = await effect_of(tx, supposed, actor=None, now=now)
    return ListPreview(loaded, effect)


async def _decided(
    tx: Tx, entry: PartyList, older: bool, now: datetime
) -> tuple[ListsInForce, Convention, ListLoaded]:
    """The lists in force, the instrument by the new list, and what loading it comes down to. Raises InvalidEntry."""
    in_force = (await stored_law(tx)).in_force
    before = in_force.conventions.get(entry.convention)
    if faults := [*_faults(entry, before, older, now)]:
        raise InvalidEntry("The list of parties is not taken. Nothing was stored.", fields=faults)
    assert before is not None
    after = by_list(before, entry)
    version, stored = in_force.version(before.id), not same_list(before, after)
    loaded = ListLoaded(version + stored, stored, differences(before, after), before.parties_known)
    return in_force, after, loaded


def _faults(entry: PartyList, before: Convention | None, older: bool, now: datetime) -> Iterator[Fault]:
    if before is None:
        known = ", ".join(sorted(load_conventions()))
        yield "/convention", f"There is no such instrument in the catalogue. Known are {known}."
    if not _LINE.fullmatch(entry.source) or len(entry.source) > 500:
        yield "/source", "Say in one line of up to 500 characters where the list was read."
    if not entry.parties:
        yield "/parties", "The list names no country."
    if entry.as_of > (now + FURTHEST_ZONE).date():
        yield "/as_of", f"{entry.as_of} is still to come. Give the day of which the list is."
    if entry.as_of < EARLIEST_DAY:
        yield "/as_of", f"{entry.as_of} lies before {EARLIEST_DAY}. Give the day of which the list is."
    if before is None:
        return
    if not older and entry.as_of < (before.as_of or date.min):
        yield (
            "/as_of",
            f"The list in force is of {before.as_of}, and this one is older ({entry.as_of}). Load a newer one; if "
            "the older one is right, say so with --older.",
        )
    missing = before.only_with - {party.country for party in entry.parties}
    if entry.complete and missing:
        names = ", ".join(sorted(missing))
        yield "/parties", f"{before.title} is an instrument with {names}, which a complete list must name."
