"""Countries: their codes, names in other languages, and time zones."""

import pytest

from mla_tracker.catalogue.countries import COUNTRIES, country_name, default_zone, is_country


@pytest.mark.parametrize("code", sorted(COUNTRIES))
def test_every_country_has_a_name_and_a_time_zone(code: str) -> None:
    assert country_name(code)
    assert default_zone(code).key


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("MA", "Africa/Casablanca"),
        ("ES", "Europe/Madrid"),
        ("EC", "America/Guayaquil"),
        ("KZ", "Asia/Almaty"),
        ("US", "America/New_York"),
        ("BR", "America/Sao_Paulo"),
        ("AU", "Australia/Sydney"),
        ("UA", "Europe/Kyiv"),
        ("XK", "Europe/Belgrade"),
    ],
)
def test_the_time_zone_is_that_of_the_capital(code: str, zone: str) -> None:
    assert default_zone(code).key == zone


def test_a_country_has_a_name_in_other_languages() -> None:
    assert country_name("ES", "fr") == "Espagne"
    assert country_name("MA", "ar") == "المغرب"
    assert country_name("CN", "zh-Hans") == "中国"


@pytest.mark.parametrize("code", ["ZZ", "ma", "", "EU", "ESP"])
def test_what_is_no_country_is_refused(code: str) -> None:
    assert not is_country(code)
    with pytest.raises(KeyError):
        country_name(code)
    with pytest.raises(KeyError):
        default_zone(code)


@pytest.mark.parametrize("language", ["xx", "not a language", ""])
def test_what_is_no_language_is_refused(language: str) -> None:
    with pytest.raises(ValueError, match="not a language"):
        country_name("ES", language)
