"""Where countries lie: which share a land border, and which regions a law may tell them apart by."""

import csv
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from iso3166 import countries_by_alpha3

OUTSIDE = "outside "


def contiguous(a: str, b: str) -> bool:
    """Whether two countries, by their alpha-2 codes, share a land border."""
    return frozenset((a, b)) in _borders()


@cache
def regions_of(country: str) -> frozenset[str]:
    """The regions that a country lies in, and those that it lies outside of ("outside Europe")."""
    return frozenset(name if country in members else OUTSIDE + name for name, members in _regions().items())


@cache
def region_names() -> frozenset[str]:
    """What a limit can name as the region of the requesting country."""
    return frozenset(prefix + name for name in _regions() for prefix in ("", OUTSIDE))


@cache
def _borders() -> frozenset[frozenset[str]]:
    text = (resources.files("mla_tracker.catalogue") / "borders.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    pairs = [(countries_by_alpha3.get(row["iso3_a"]), countries_by_alpha3.get(row["iso3_b"])) for row in rows]
    return frozenset(
        frozenset((a.alpha2, b.alpha2)) for a, b in pairs if a is not None and b is not None and a != b
    )


@cache
def _regions() -> Mapping[str, frozenset[str]]:
    text = (resources.files("mla_tracker.catalogue") / "regions.toml").read_text(encoding="utf-8")
    return {name: frozenset(region["countries"]) for name, region in tomllib.loads(text).items()}
