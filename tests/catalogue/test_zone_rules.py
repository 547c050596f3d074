"""Rules of time zones: those that ship, and from when two of them differ."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.catalogue import zone_rules
from mla_tracker.catalogue.countries import COUNTRIES, default_zone


def zone(name: str) -> ZoneInfo:
    return zone_rules.zone_from(name, zone_rules.zone_rules(name))


def test_the_zone_of_every_country_ships() -> None:
    names = {default_zone(country).key for country in COUNTRIES}
    assert all(zone(name).key == name for name in names)
    assert zone_rules.source().startswith("tzdata 20")


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "../etc/passwd", "Europe/../UTC", "", "Europe", "/UTC", "Europe/"]
)
def test_what_is_no_zone_has_no_rules(name: str) -> None:
    with pytest.raises(KeyError):
        zone_rules.zone_rules(name)


def test_rules_read_from_bytes_count_like_those_installed() -> None:
    for name in ("Europe/Madrid", "Africa/Casablanca", "America/Asuncion", "Asia/Tehran", "Pacific/Apia"):
        assert zone_rules.first_difference(zone(name), ZoneInfo(name)) is None


@pytest.mark.parametrize(
    ("one", "other", "since"),
    [
        ("Europe/Madrid", "Europe/Paris", None),
        ("Europe/Moscow", "Europe/Simferopol", datetime(1990, 3, 24, 23, tzinfo=UTC)),
        ("Europe/Istanbul", "Asia/Riyadh", datetime(1990, 1, 1, tzinfo=UTC)),
        ("America/Asuncion", "America/Sao_Paulo", datetime(1990, 1, 1, tzinfo=UTC)),
    ],
)
def test_two_zones_differ_from_an_instant_on(one: str, other: str, since: datetime | None) -> None:
    found = zone_rules.first_difference(zone(one), zone(other))
    if since is None or found is None:
        assert found == since
        return
    assert found == since
    assert found.astimezone(zone(one)).utcoffset() != found.astimezone(zone(other)).utcoffset()
    before = found - timedelta(seconds=1)
    if found.year > zone_rules.FIRST_YEAR:
        assert before.astimezone(zone(one)).utcoffset() == before.astimezone(zone(other)).utcoffset()
