"""What a register may call a country: its codes, its name in any language, its capital, a name of before.

Names come from CLDR in every language, from ISO 3166-1, and from other_country_names.toml. A name that means several
countries in several languages means none, unless it is one of them in English.
"""

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from babel import Locale, localedata
from babel.core import UnknownLocaleError
from iso3166 import countries

from mla_tracker.catalogue.countries import COUNTRIES

_LEADING: Final = re.compile(
    r"^(the|la|le|les|el|los|die|der|das|il|republic of( the)?|kingdom of( the)?) ", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Former:
    """A country that is no more, by the name that it keeps, and the year in which it ended."""

    name: str
    until: int


@dataclass(frozen=True, slots=True)
class _Index:
    codes: Mapping[str, str]
    ambiguous: frozenset[str]
    former: Mapping[str, Former]


def country_named(text: str) -> str | Former | None:
    """The code of the country that a text names, a country that is no more, or None for what names none for certain."""
    if text in COUNTRIES:
        return text
    index = _index()
    for key in _keys(text):
        if key in index.former:
            return index.former[key]
        if key in index.codes:
            return index.codes[key]
    return None


def is_ambiguous(text: str) -> bool:
    """Whether the text names different countries in different languages."""
    return any(key in _index().ambiguous for key in _keys(text))


def nearest_country(text: str) -> str | None:
    """A name that is near to one that names none, with its code."""
    known = _english()
    near = difflib.get_close_matches(folded(text)[:60], known, n=1, cutoff=0.7)
    return f"{known[near[0]][1]} ({known[near[0]][0]})" if near else None


def folded(text: str) -> str:
    """A name as it is compared: no accents, case, points or doubled blanks."""
    plain = unicodedata.normalize("NFKD", text.strip().casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(plain.replace(".", "").replace("’", "'").replace("-", " ").split())


def _keys(text: str) -> Iterator[str]:
    key = folded(text)
    yield key
    if (shorter := _LEADING.sub("", key)) != key:
        yield shorter


@cache
def _english() -> Mapping[str, tuple[str, str]]:
    names = Locale("en").territories
    return {folded(str(names[code])): (code, str(names[code])) for code in COUNTRIES if code in names}


@cache
def _index() -> _Index:
    table = tomllib.loads(
        resources.files(__package__).joinpath("other_country_names.toml").read_text("utf-8")
    )
    certain: dict[str, str] = {}
    for country in countries:
        for name in (country.alpha2, country.alpha3, country.name, country.apolitical_name):
            certain.setdefault(folded(name), country.alpha2)
    for code, name in ((code, name) for name, (code, _) in _english().items()):
        certain.setdefault(name, code)
    for part in ("former", "capitals"):
        for code, names in table[part].items():
            for name in names:
                certain.setdefault(folded(name), code)
    elsewhere: dict[str, set[str]] = {}
    for language in localedata.locale_identifiers():
        try:
            territories = Locale.parse(language).territories
        except (UnknownLocaleError, ValueError):
            continue
        for code in COUNTRIES:
            if (local := territories.get(code)) is not None:
                elsewhere.setdefault(folded(str(local)), set()).add(code)
    # It keeps every language that it ever loaded, 150 MB of which nothing is needed again.
    localedata._cache.clear()
    ambiguous = {name for name, codes in elsewhere.items() if len(codes) > 1 and name not in certain}
    sure = {name: next(iter(codes)) for name, codes in elsewhere.items() if len(codes) == 1}
    former = {
        folded(name): Former(one["names"][0], one["until"]) for one in table["dead"] for name in one["names"]
    }
    return _Index({**sure, **certain}, frozenset(ambiguous), former)
