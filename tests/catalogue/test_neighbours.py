"""Borders and regions: what laws ask of two countries besides the treaties between them."""

import pytest

from mla_tracker.catalogue.countries import COUNTRIES
from mla_tracker.catalogue.neighbours import contiguous, region_names, regions_of


@pytest.mark.parametrize(
    ("a", "b", "border"),
    [
        ("AR", "CL", True),
        ("CL", "AR", True),
        ("US", "MX", True),
        ("US", "CL", False),
        ("ES", "MA", True),
        ("CU", "MX", False),
        ("LK", "IN", False),
        ("FR", "FR", False),
    ],
)
def test_two_countries_share_a_border_or_not(a: str, b: str, border: bool) -> None:
    assert contiguous(a, b) is border


@pytest.mark.parametrize(
    ("country", "regions"),
    [
        ("FR", {"Europe", "the Nordic countries and the Union"}),
        ("NO", {"Europe", "the Nordic countries and the Union"}),
        ("GB", {"Europe", "outside the Nordic countries and the Union"}),
        ("CY", {"outside Europe", "the Nordic countries and the Union"}),
        ("MA", {"outside Europe", "outside the Nordic countries and the Union"}),
    ],
)
def test_a_country_lies_in_a_region_or_outside(country: str, regions: set[str]) -> None:
    assert regions_of(country) == regions


def test_every_country_lies_in_or_outside_of_each_region() -> None:
    assert all(len(regions_of(country)) * 2 == len(region_names()) for country in COUNTRIES)
