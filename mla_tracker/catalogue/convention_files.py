"""Loads the instruments that ship with their parties: one TOML file each, every membership dated and marked."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

from iso3166 import countries_by_alpha2

from mla_tracker.catalogue.toml_tables import CatalogueError, Table, parse, toml_files
from mla_tracker.domain.limits import Convention, Membership
from mla_tracker.domain.vocabulary import RequestKind


@cache
def load_conventions(folder: Traversable | None = None) -> Mapping[str, Convention]:
    """All instruments of the folder (that of the package if None) by id; each folder is read once.

    Raises CatalogueError for a file that cannot be meant so.
    """
    conventions: dict[str, Convention] = {}
    for file in toml_files(folder or resources.files("mla_tracker.catalogue") / "conventions"):
        convention = read_convention(file.read_text(encoding="utf-8"), file=file.name)
        if convention.id in conventions:
            raise CatalogueError(
                f"{file.name}, convention {convention.id}: another file has this id already."
            )
        conventions[convention.id] = convention
    return MappingProxyType(conventions)


def read_convention(text: str, *, file: str) -> Convention:
    """The instrument of one file. Raises CatalogueError naming the file and the instrument."""
    whole = parse(text, file=file)
    whole.place = f"{file}, convention {whole.text('id')}"
    parties_known = whole.flag("parties_known", default=True)
    convention = Convention(
        id=whole.text("id"),
        title=whole.text("title"),
        kinds=frozenset(whole.members("kinds", RequestKind)),
        parties=tuple(party for table in whole.tables("party") for party in _memberships(table)),
        parties_known=parties_known,
        replaces=whole.texts("replaces"),
        supplements=whole.texts("supplements"),
        only_with=frozenset(whole.texts("only_with")),
        as_of=_needed(whole, "as_of"),
        source=whole.text("source"),
    )
    whole.finish()
    if not convention.kinds:
        raise whole.error("kinds is missing. List the kinds of request that the instrument is for.")
    if parties_known and not convention.parties:
        raise whole.error("list its parties, or say parties_known = false where the list is not complete.")
    if convention.id in convention.replaces:
        raise whole.error("an instrument cannot replace itself.")
    if convention.id in convention.supplements:
        raise whole.error("an instrument cannot supplement itself.")
    if parties_known and not convention.only_with <= {party.country for party in convention.parties}:
        raise whole.error("only_with names a country that is not among the parties. Correct one of the two.")
    _refuse_overlaps(whole, convention)
    return convention


def _memberships(table: Table) -> tuple[Membership, ...]:
    """The countries of one `[[party]]` table, which are bound from and until the same day."""
    countries = table.texts("countries")
    since, until = _needed(table, "since"), table.day("until")
    verified, seen_at = table.flag("verified"), table.text_or_none("seen_at")
    table.finish()
    if not countries:
        raise table.error("countries is missing. List them as ISO 3166-1 alpha-2 codes.")
    for country in countries:
        if country not in countries_by_alpha2:
            raise table.error(f'"{country}" is no ISO 3166-1 alpha-2 code of a country.')
    if until is not None and until <= since:
        raise table.error(
            "until must lie after since; it is the first day on which the country is not bound."
        )
    if verified is (seen_at is None):
        raise table.error("a verified membership says where it was seen (seen_at), and only a verified one.")
    return tuple(Membership(country, since, until, verified) for country in countries)


def _needed(table: Table, name: str) -> date:
    day = table.day(name)
    if day is None:
        raise table.error(f"{name} is missing. Add the date.")
    return day


def _refuse_overlaps(whole: Table, convention: Convention) -> None:
    """A country may leave and come back, but not be bound twice on one day."""
    for party in convention.parties:
        for other in convention.parties:
            if other is not party and other.country == party.country and other.binds_on(party.since):
                raise whole.error(
                    f"{party.country} is bound twice on {party.since}. Correct one of the two spells."
                )
