"""Languages by their ISO 639-1 code."""

from functools import cache

from babel import Locale

# CLDR still names Serbo-Croatian, whose code ISO withdrew in 2000.
WITHDRAWN = frozenset({"sh"})


@cache
def language_codes() -> tuple[str, ...]:
    """The two-letter codes of ISO 639-1 in alphabetical order."""
    codes = (str(code) for code in Locale("en").languages)
    return tuple(sorted(code for code in codes if len(code) == 2 and code not in WITHDRAWN))
