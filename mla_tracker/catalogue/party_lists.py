"""Reads a list of the parties to a convention from CSV, strictly: one country with its days on each line."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from iso3166 import countries_by_alpha3

from mla_tracker.catalogue.countries import is_country
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.limits import Membership
from mla_tracker.domain.party_lists import in_order

COLUMNS: Final = ("country", "since", "until")
NEEDED: Final = COLUMNS[:2]
MOST_LINES: Final = 2000
_DAY: Final = re.compile(r"(1[6-9]|2[0-3])[0-9]{2}-[0-9]{2}-[0-9]{2}")
_NO_COUNTRIES: Final = frozenset({"EU", "EUE", "XEU"})

# ISO 3166-3: countries that are no more, by either code.
_PAST: Final[Mapping[str, str]] = {
    code: name
    for codes, name in (
        ("SU SUN", "the Soviet Union"),
        ("YU YUG", "Yugoslavia"),
        ("CS CSK SCG", "Czechoslovakia, or Serbia and Montenegro"),
        ("DD DDR", "the German Democratic Republic"),
        ("YD YMD", "Democratic Yemen"),
        ("ZR ZAR", "Zaire"),
        ("BU BUR", "Burma"),
        ("TP TMP", "East Timor"),
        ("AN ANT", "the Netherlands Antilles"),
    )
    for code in codes.split()
}

Fault = tuple[str, str]


def read_parties(text: str) -> tuple[Membership, ...]:
    """The memberships of a CSV with the columns country, since and, if wanted, until, by country and day.

    Raises InvalidEntry naming every line at fault with the reason: a list is taken whole or not at all.
    """
    try:
        rows = list(_rows(text))
    except csv.Error as error:
        raise _refused([("file", f"Not readable as CSV ({error}). Save it as CSV with commas.")]) from None
    if not rows:
        raise _refused([("file", "It names no country.")])
    if len(rows) > MOST_LINES:
        raise _refused([("file", f"It has {len(rows)} lines; {MOST_LINES} are the most for one convention.")])
    faults: list[Fault] = []
    spells: list[tuple[int, Membership]] = []
    for line, row in rows:
        try:
            spells.append((line, _membership(row)))
        except ValueError as error:
            faults.append((f"line {line}", str(error)))
    faults += _overlaps(spells)
    if faults:
        raise _refused(sorted(faults, key=lambda fault: int(fault[0].removeprefix("line "))))
    return in_order(spell for _, spell in spells)


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line that is not blank with its number. Raises csv.Error, InvalidEntry for columns that are not ours."""
    reader = csv.reader(text.removeprefix("\ufeff").splitlines(keepends=True), strict=True)
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in NEEDED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown or len(set(header)) != len(header):
        said = ",".join(header)[:100]
        raise _refused(
            [("line 1", f'The first line must be "country,since" or "country,since,until", not "{said}".')]
        )
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield reader.line_num, dict(zip(header, cells, strict=False)) | _surplus(header, cells)


def _surplus(header: list[str], cells: list[str]) -> dict[str, str]:
    return {} if len(cells) == len(header) else {"surplus": f"{len(cells)} values for {len(header)} columns"}


def _membership(row: Mapping[str, str]) -> Membership:
    """Raises ValueError with all that is wrong with a line."""
    if "surplus" in row:
        raise ValueError(f"{row['surplus']}. Give one value for each column; until may be empty.")
    wrong: list[str] = []
    country = since = until = None
    try:
        country = _country(row["country"])
    except ValueError as error:
        wrong.append(str(error))
    try:
        since = _day("since", row["since"])
        until = _day("until", row["until"]) if row.get("until") else None
    except ValueError as error:
        wrong.append(str(error))
    if since is not None and until is not None and until <= since:
        wrong.append(f"until ({until}) must lie after since ({since}): it is the first day no longer bound.")
    if wrong or country is None or since is None:
        raise ValueError(" ".join(wrong))
    return Membership(country, since, until)


def _country(code: str) -> str:
    if code in _NO_COUNTRIES:
        raise ValueError("The European Union is no country: clocks ask for its members. Leave the line out.")
    if code in _PAST:
        raise ValueError(
            f'"{code}" is {_PAST[code]}, which is no more. Give the countries that succeeded to it.'
        )
    if is_country(code):
        return code
    if code in countries_by_alpha3 and is_country(countries_by_alpha3[code].alpha2):
        return countries_by_alpha3[code].alpha2
    raise ValueError(f'"{code[:20]}" is no ISO 3166-1 code of a country, as ES or ESP in capital letters.')


def _day(name: str, text: str) -> date:
    if not text:
        raise ValueError(f"{name} is missing. Give the day from which the country is bound, as 2003-09-29.")
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f'{name} "{text[:20]}" is no date that exists, written as 2003-09-29.')


def _overlaps(spells: list[tuple[int, Membership]]) -> Iterator[Fault]:
    """A country may leave and come back, but not be bound twice on one day."""
    for index, (line, spell) in enumerate(spells):
        for earlier, other in spells[:index]:
            if other.country == spell.country and (
                other.binds_on(spell.since) or spell.binds_on(other.since)
            ):
                yield f"line {line}", f"{spell.country} is bound by line {earlier} on the same days already."
                break


def _refused(faults: list[Fault]) -> InvalidEntry:
    return InvalidEntry(
        "The list of parties is not taken; every line at fault is named. Nothing was stored.", fields=faults
    )
