"""Lists of the parties to conventions as versioned rows: the newest of each counts, else the one that ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.domain.audit import Change
from mla_tracker.domain.limits import Convention, Membership
from mla_tracker.domain.party_lists import PartyList, by_list
from mla_tracker.storage.audited import added
from mla_tracker.storage.database import Tx
from mla_tracker.storage.tables import ConventionVersion


@dataclass(frozen=True, slots=True)
class StoredList:
    """A list that was loaded, in the version (from 1) that it is of its convention."""

    version: int
    parties: PartyList
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ListsInForce:
    """All instruments by id, each with its list in force, and the loaded lists among those."""

    conventions: Mapping[str, Convention]
    loaded: Mapping[str, StoredList]

    def version(self, convention: str) -> int:
        """The version of the list in force; 0 is the one that ships."""
        return self.loaded[convention].version if convention in self.loaded else 0


async def lists_in_force(tx: Tx, seal: str | None) -> ListsInForce:
    """The instruments with their lists. `seal` tells all rows of the table from other rows; None: there are none."""
    if seal is None:
        return _shipped()
    known = _known_lists.get(seal)
    if known is None:
        # The seal is read again with the rows, since another list may have come in between.
        rows = await tx.fetch(
            """
            select distinct on (convention) *, current_database() || ' '
                || sum(hashtextextended(convention || ' ' || version || ' ' || xmin::text, 0)) over () as seal
            from convention_version order by convention, version desc
            """
        )
        known = _laid_over([dict(row) for row in rows])
        _known_lists.clear()
        _known_lists[rows[0]["seal"]] = known
    return known


_known_lists: dict[str, ListsInForce] = {}


@cache
def _shipped() -> ListsInForce:
    return ListsInForce(load_conventions(), {})


def _laid_over(rows: Sequence[Mapping[str, Any]]) -> ListsInForce:
    """The shipped instruments, each by the list that was loaded for it; one that ships no more is left out."""
    shipped = load_conventions()
    loaded = {row["convention"]: _stored(row) for row in rows if row["convention"] in shipped}
    return ListsInForce(
        {
            id_: by_list(convention, loaded[id_].parties) if id_ in loaded else convention
            for id_, convention in shipped.items()
        },
        loaded,
    )


def _stored(row: Mapping[str, Any]) -> StoredList:
    parties = tuple(
        Membership(party["country"], date.fromisoformat(party["since"]), _day(party["until"]))
        for party in row["parties"]
    )
    held = PartyList(row["convention"], row["as_of"], row["source"], row["complete"], parties)
    return StoredList(row["version"], held, row["recorded_at"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def lock_lists_of(tx: Tx, convention: str) -> None:
    """Hold the lists of a convention against other writers until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtext('parties of ' || $1))", convention)


async def insert_list(version: StoredList) -> Change:
    """Store a list as the next version of its convention's, and give what the audit tells of it."""
    held = version.parties
    row: dict[str, Any] = {
        "convention": held.convention,
        "version": version.version,
        "as_of": held.as_of,
        "source": held.source,
        "complete": held.complete,
        "parties": [
            {
                "country": party.country,
                "since": party.since.isoformat(),
                "until": party.until.isoformat() if party.until else None,
            }
            for party in held.parties
        ],
        "recorded_at": version.recorded_at,
    }
    await ConventionVersion.insert(ConventionVersion(**row))
    return added("convention_version", row)
