"""Calendars of countries as the package gives them: weekends over time, worked weekend days, silent years."""

import warnings
from datetime import date

import pytest

from mla_tracker.catalogue.countries import COUNTRIES
from mla_tracker.catalogue.holiday_calendars import (
    WEEKEND_CORRECTIONS,
    country_calendar,
    digest,
    from_document,
    source,
    subdivisions,
    to_document,
    years_around,
)
from mla_tracker.domain.calendars import WorkingCalendar

WEEKEND_DAYS = [
    ("AE", "Fri 2021-12-31", True),
    ("AE", "Fri 2022-01-07", False),
    ("AE", "Sun 2022-01-09", True),
    ("SA", "Thu 2013-06-27", True),
    ("SA", "Thu 2013-07-04", False),
    ("SA", "Sat 2013-07-06", True),
    ("MA", "Sat 2026-03-07", True),
    ("EG", "Sun 2026-03-08", False),
    ("IL", "Fri 2026-03-06", True),
    ("IR", "Sat 2026-03-07", False),
    ("BN", "Sat 2026-03-07", False),
    ("BD", "Sun 2026-03-08", False),
    ("LY", "Fri 2026-03-06", True),
    ("LY", "Sun 2026-03-08", False),
    ("MR", "Fri 2014-09-26", True),
    ("MR", "Sun 2014-10-05", True),
    ("VE", "Sat 2026-03-07", True),
]


@pytest.mark.parametrize(("country", "day", "weekend"), WEEKEND_DAYS)
def test_a_weekend_is_that_of_the_country_on_that_day(country: str, day: str, weekend: bool) -> None:
    spoken, iso = day.split()
    moment = date.fromisoformat(iso)
    calendar = country_calendar(country, years=range(2010, 2031))
    assert f"{moment:%a}" == spoken
    assert (moment.weekday() in calendar.weekend_on(moment)) is weekend


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("MA", "2026-07-30", "Throne Day"),
        ("ES", "2026-10-12", "National Day"),
        ("EC", "2026-08-10", "Declaration of Independence of Quito"),
        ("BY", "2026-07-03", "Independence Day"),
        ("MD", "2026-08-27", "Independence Day"),
        ("DE", "2026-10-03", "German Unity Day"),
    ],
)
def test_a_holiday_has_its_english_name(country: str, day: str, name: str) -> None:
    calendar = country_calendar(country, years=range(2026, 2027))
    assert name.lower() in calendar.holidays[date.fromisoformat(day)].lower()
    assert not calendar.is_working_day(date.fromisoformat(day))


def test_a_region_has_holidays_that_its_country_has_not() -> None:
    corpus_christi = date(2026, 6, 4)
    germany = country_calendar("DE", years=range(2026, 2027))
    westphalia = country_calendar("DE", "NW", years=range(2026, 2027))
    assert germany.is_working_day(corpus_christi)
    assert not westphalia.is_working_day(corpus_christi)
    assert westphalia.code == "DE-NW"
    assert "NW" in subdivisions("DE")


def test_a_weekend_day_worked_by_decree_is_a_working_day() -> None:
    china = country_calendar("CN", years=range(2024, 2025))
    assert date(2024, 2, 4) in china.extra_working_days
    assert china.is_working_day(date(2024, 2, 4))


@pytest.mark.parametrize(
    ("country", "year"), [("UA", 2023), ("UA", 2026), ("LK", 2027), ("GW", 2022), ("NP", 2036)]
)
def test_a_year_the_package_is_silent_about_is_not_a_year_without_holidays(country: str, year: int) -> None:
    calendar = country_calendar(country, years=range(2015, 2041))
    assert not calendar.knows_holidays_of(year)


@pytest.mark.parametrize(("country", "year"), [("UA", 2021), ("LK", 2026), ("GW", 2023), ("NP", 2035)])
def test_a_year_the_package_knows_gives_no_warning(country: str, year: int) -> None:
    assert country_calendar(country, years=range(2015, 2041)).knows_holidays_of(year)


def test_an_unknown_country_or_region_is_refused() -> None:
    with pytest.raises(KeyError):
        country_calendar("ZZ", years=range(2026, 2027))
    with pytest.raises(KeyError):
        country_calendar("ES", "XX", years=range(2026, 2027))


def test_a_calendar_reaches_from_1990_to_ten_years_ahead() -> None:
    assert years_around(date(2026, 11, 24)) == range(1990, 2037)


def test_the_source_names_package_and_version() -> None:
    assert source().startswith("holidays 0.")


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_country_has_a_calendar_that_survives_being_stored(country: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calendar = country_calendar(country, years=range(2024, 2038))
    document = to_document(calendar)
    assert from_document(document) == calendar
    assert digest(document) == digest(to_document(from_document(document)))
    assert set(WEEKEND_CORRECTIONS) <= COUNTRIES


def test_a_calendar_of_a_country_s_own_survives_being_stored() -> None:
    calendar = WorkingCalendar(
        code="inline",
        weekends=((date.min, frozenset({4, 5})), (date(2026, 1, 1), frozenset({5, 6}))),
        holidays={date(2026, 5, 1): "Labour Day"},
        extra_working_days=frozenset({date(2026, 5, 2)}),
        recess=((date(2026, 8, 1), date(2026, 8, 31)),),
        hours={0: ((480, 720), (780, 1020)), 6: ((0, 1440),)},
        date_hours={date(2026, 12, 24): ((540, 720),)},
    )
    document = to_document(calendar)
    assert document["hours"] == {"0": [["08:00", "12:00"], ["13:00", "17:00"]], "6": [["00:00", "24:00"]]}
    assert from_document(document) == calendar


def test_another_holiday_gives_another_digest() -> None:
    one = WorkingCalendar(code="X", holidays={date(2026, 5, 1): "Labour Day"})
    other = WorkingCalendar(code="X", holidays={date(2026, 5, 2): "Labour Day"})
    assert digest(to_document(one)) != digest(to_document(other))
