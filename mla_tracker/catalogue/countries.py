"""Countries by their ISO 3166-1 alpha-2 code: whether one exists, its name in a language, its default time zone."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from iso3166 import countries_by_alpha2

COUNTRIES: frozenset[str] = frozenset(countries_by_alpha2)
"""All codes, XK (Kosovo, user-assigned) among them."""


def is_country(code: str) -> bool:
    """Whether the code, in capitals, stands for a country."""
    return code in COUNTRIES


@cache
def country_name(code: str, language: str = "en") -> str:
    """The country's name in the language (an IETF tag such as "fr" or "zh-Hant"), from CLDR.

    Where CLDR has none in that language, the English one. Raises KeyError for a code that is no country and
    ValueError for a language that is none.
    """
    if code not in COUNTRIES:
        raise KeyError(code)
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{language!r} is not a language with names of countries") from error
    return str(locale.territories.get(code) or Locale("en").territories[code])


@cache
def default_zone(code: str) -> ZoneInfo:
    """The time zone of the country's capital. Raises KeyError for a code that is no country."""
    return ZoneInfo(_zones()[code])


@cache
def _zones() -> Mapping[str, str]:
    return tomllib.loads(resources.files(__package__).joinpath("country_zones.toml").read_text("utf-8"))
