"""Lists of the parties to conventions: what a newer one makes of an instrument, and whom the difference concerns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from mla_tracker.domain.limits import Convention, Membership


@dataclass(frozen=True, slots=True)
class PartyList:
    """Who is bound by a convention, as a source says it on the day `as_of`.

    `complete`: the source names all parties, so that who is missing is not bound. `parties` lie in the order of
    country and day.
    """

    convention: str
    as_of: date
    source: str
    complete: bool
    parties: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """The countries that only the newer list names, only the older one, and both with other days."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def in_order(parties: Iterable[Membership]) -> tuple[Membership, ...]:
    """Memberships by country and day."""
    return tuple(sorted(parties, key=lambda party: (party.country, party.since)))


def by_list(convention: Convention, parties: PartyList) -> Convention:
    """The instrument with the parties of the list instead of its own."""
    return replace(
        convention,
        parties=parties.parties,
        parties_known=parties.complete,
        as_of=parties.as_of,
        source=parties.source,
    )


def same_list(before: Convention, after: Convention) -> bool:
    """Whether two readings of an instrument say the same of its parties: who, of which day, by which source."""
    said_before, said_after = (
        (one.as_of, one.source, one.parties_known, _spells(one)) for one in (before, after)
    )
    return said_before == said_after


def differences(before: Convention, after: Convention) -> Differences:
    """Which countries a newer list of the parties adds, drops or gives other days."""
    old, new = _spells(before), _spells(after)
    return Differences(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(country for country in old.keys() & new.keys() if old[country] != new[country])),
    )


def relying_on(convention: str, conventions: Mapping[str, Convention]) -> frozenset[str]:
    """The instruments that a request may name so that the list of `convention` has a say in its limits or warnings.

    That is itself, what it replaces, what it is read together with, and what each of those replaces.
    """
    held = conventions[convention]
    beside = {
        other.id
        for other in conventions.values()
        if other.id in held.supplements or convention in other.supplements
    }
    instead_of = {id_ for relied_on in {convention, *beside} for id_ in conventions[relied_on].replaces}
    return frozenset({convention, *beside, *instead_of})


def _spells(convention: Convention) -> dict[str, list[tuple[date, date | None]]]:
    spells: dict[str, list[tuple[date, date | None]]] = {}
    for party in in_order(convention.parties):
        spells.setdefault(party.country, []).append((party.since, party.until))
    return spells
