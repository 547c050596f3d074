"""Cells of a register as values: days in several forms, countries by any name, lists, several parties in one cell.

Each function gives the value as the body of the API has it, or raises Misread with what is wrong and what to do.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from mla_tracker.api.files.records import read_object
from mla_tracker.catalogue.country_names import Former, country_named, is_ambiguous, nearest_country

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""What a cell may not begin with on its way out; an apostrophe, too, so that none is taken away that was there."""


class Misread(Exception):
    """A cell that cannot be read; the text says why."""


def escaped(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unescaped(text: str) -> str:
    """The text that was escaped, or the text as it is."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


_MIDNIGHT: Final = re.compile(r"[T ]00:00(?::00(?:\.0+)?)?Z?\Z")
"""What databases and spreadsheets write behind a bare day."""
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\Z")
_PARTED: Final = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})\Z")
_SERIAL: Final = re.compile(r"\d{5}(?:\.0+)?\Z")
_TIMED: Final = re.compile(r"[\d./-]{6,10}[T ]\d{1,2}:\d{2}")
_TWO_DIGITS: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2}\Z")


def read_date(text: str, days: str) -> str:
    """A day as YYYY-MM-DD. `days` says how 03/04/2019 is meant: day_first, month_first, or iso for not at all.

    31.12.2019 is read day first in any case, as nobody parts months first with points.
    """
    cell = _MIDNIGHT.sub("", text.strip())
    if found := _ISO.match(cell):
        return _day(int(found[1]), int(found[2]), int(found[3]), cell)
    if found := _PARTED.match(cell):
        first, mark, second, year = int(found[1]), found[2], int(found[3]), int(found[4])
        if days == "month_first" and mark != ".":
            return _day(year, first, second, cell)
        if days == "day_first" or mark == "." or first > 12 or first == second:
            return _day(year, second, first, cell)
        if second > 12:
            return _day(year, first, second, cell)
        raise Misread(
            f"{cell} may be the {first}. of month {second} or the {second}. of month {first}. State which is "
            "meant (days: day_first or month_first), or write it as YYYY-MM-DD."
        )
    if _SERIAL.match(cell):
        raise Misread(
            f"{cell} looks like the serial number that a spreadsheet keeps for a date. Format the column as a date "
            "(YYYY-MM-DD) and save it again."
        )
    if _TIMED.match(cell):
        raise Misread(
            "Holds a time of day, which may be on another day elsewhere. Give the day alone as YYYY-MM-DD; an act with "
            "its hour, which limits in hours need, stands in events with occurred_at and its offset."
        )
    if _TWO_DIGITS.match(cell):
        raise Misread("The year has two digits. Write it with four.")
    raise Misread("Not a date. Write it as YYYY-MM-DD.")


def _day(year: int, month: int, day: int, cell: str) -> str:
    try:
        found = date(year, month, day)
    except ValueError:
        raise Misread(f"There is no day {cell}. Correct it.") from None
    return found.isoformat()


def read_country(text: str) -> str:
    """The code of a country of today, by any of its names."""
    found = country_named(text)
    if isinstance(found, str):
        return found
    if isinstance(found, Former):
        raise Misread(
            f"{found.name} is no more since {found.until}. Name the country of today that the request concerns."
        )
    raise Misread(_no_country(text))


def _no_country(text: str) -> str:
    if is_ambiguous(text):
        return "Names different countries in different languages. Give the ISO 3166-1 code."
    near = nearest_country(text)
    hint = f" Is {near} meant?" if near else ""
    return f"Not a country.{hint} Give its ISO 3166-1 code or its name."


ORGANISATION: Final = "org:"
_HARD: Final = re.compile(r"[;|\n]| / |/(?=\S)")
_SOFT: Final = re.compile(r" and | et | y | und | & ", re.IGNORECASE)


def read_parties(text: str) -> list[Any]:
    """The parties of one cell: countries as codes, countries that are no more and `org:` names as organisations."""
    found: list[Any] = []
    for number, piece in enumerate(_pieces(text), start=1):
        named = piece if piece.startswith(ORGANISATION) else country_named(piece)
        if named is None:
            raise Misread(
                f"Party {number}: {_no_country(piece)} An organisation is written {ORGANISATION}name; parties are "
                "parted by ; or /."
            )
        if isinstance(named, Former):
            found.append({"organisation": named.name})
        elif named.startswith(ORGANISATION):
            found.append({"organisation": named[len(ORGANISATION) :].strip()})
        else:
            found.append(named)
    return found


def _pieces(text: str) -> Iterator[str]:
    """What stands for one party each: names with a comma or an "and" in them are kept whole where they name one."""
    for part in filter(None, (piece.strip() for piece in _HARD.split(text))):
        if part.startswith(ORGANISATION) or country_named(part) is not None:
            yield part
        else:
            for piece in filter(None, (piece.strip() for piece in part.split(","))):
                if country_named(piece) is not None:
                    yield piece
                else:
                    yield from filter(None, (name.strip() for name in _SOFT.split(piece)))


def read_list(text: str) -> list[str]:
    """Values parted by ; or line breaks, or a list in JSON where a value holds one of these."""
    if text.lstrip().startswith("["):
        found = read_json(text)
        if isinstance(found, list) and all(isinstance(one, str) for one in found):
            return found
        raise Misread('Not a list of texts. Write ["one", "two"], or one; two.')
    return [piece.strip() for piece in re.split(r"[;\n]", text) if piece.strip()]


def write_list(values: Sequence[str]) -> str:
    """The cell of a list."""
    plain = all(value == value.strip() and value and not re.search(r"[;\n]", value) for value in values)
    if plain and not values[0].startswith("["):
        return "; ".join(values)
    return json.dumps(list(values), ensure_ascii=False)


def read_json(text: str) -> Any:
    """A value in JSON."""
    try:
        return read_object(text)
    except ValueError as error:
        raise Misread(str(error)) from None
