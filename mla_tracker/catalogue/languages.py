"""Languages: their ISO 639-1 codes, and how explanations are said in those that we have words for."""

from dataclasses import replace
from functools import cache

from babel import Locale

from mla_tracker.catalogue.countries import country_name, is_country
from mla_tracker.domain import sentences

# CLDR still names Serbo-Croatian, whose code ISO withdrew in 2000.
WITHDRAWN = frozenset({"sh"})


@cache
def language_codes() -> tuple[str, ...]:
    """The two-letter codes of ISO 639-1 in alphabetical order."""
    codes = (str(code) for code in Locale("en").languages)
    return tuple(sorted(code for code in codes if len(code) == 2 and code not in WITHDRAWN))


def _named(code: str) -> str:
    return country_name(code) if is_country(code) else code


ENGLISH = replace(sentences.ENGLISH, country=_named)
"""English, with the names of countries."""
