"""The instruments that ship know whom they bind and since when; a file that says something impossible is refused."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from mla_tracker.catalogue.convention_files import load_conventions, read_convention
from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.catalogue.toml_tables import CatalogueError
from mla_tracker.domain.limits import Convention
from mla_tracker.domain.vocabulary import RequestKind

CONVENTIONS = load_conventions()
TODAY = date(2025, 6, 1)


def test_the_first_instruments_are_there() -> None:
    assert {"eio", "eaw", "ets24", "un1988", "untoc", "uncac"} <= set(CONVENTIONS)


def test_every_limit_of_a_convention_names_one_that_ships() -> None:
    named = {limit.convention for limit in load_limits() if limit.convention is not None}
    # The Chisinau Convention only takes the place of that of Minsk; we have no limits of it.
    assert named == set(CONVENTIONS) - {"chisinau2002"}


def test_an_instrument_that_replaces_or_supplements_another_names_one_that_ships() -> None:
    named = {id_ for one in CONVENTIONS.values() for id_ in (*one.replaces, *one.supplements)}
    assert named <= set(CONVENTIONS)


def test_a_limit_is_for_kinds_that_its_convention_is_for() -> None:
    astray = [
        limit.id
        for limit in load_limits()
        if limit.convention is not None and not limit.kinds <= CONVENTIONS[limit.convention].kinds
    ]
    assert astray == []


@pytest.mark.parametrize(
    ("convention", "country", "day", "bound"),
    [
        ("eio", "ES", date(2017, 5, 21), False),
        ("eio", "ES", date(2017, 5, 22), True),
        ("eio", "DK", TODAY, False),
        ("eio", "IE", TODAY, False),
        ("eio", "GB", date(2020, 12, 31), True),
        ("eio", "GB", date(2021, 1, 1), False),
        ("eaw", "DK", TODAY, True),
        ("eaw", "IE", TODAY, True),
        ("eaw", "PL", date(2004, 4, 30), False),
        ("eaw", "PL", date(2004, 5, 1), True),
        ("eaw", "RO", date(2006, 12, 31), False),
        ("eaw", "RO", date(2007, 1, 1), True),
        ("eaw", "HR", date(2013, 6, 30), False),
        ("eaw", "HR", date(2013, 7, 1), True),
        ("eaw", "GB", date(2020, 12, 31), True),
        ("eaw", "GB", date(2021, 1, 1), False),
        ("eaw", "NO", TODAY, False),
        ("ets24", "FR", date(1986, 5, 10), False),
        ("ets24", "FR", date(1986, 5, 11), True),
        ("ets24", "GB", TODAY, True),
        ("ets24", "MD", date(1997, 12, 31), True),
        ("ets24", "UA", date(1998, 6, 9), True),
        ("ets24", "TR", date(1960, 4, 18), True),
        ("ets24", "RU", TODAY, True),
        ("ets24", "IL", TODAY, True),
        ("ets24", "ZA", date(2003, 5, 12), False),
        ("ets24", "ZA", date(2003, 5, 13), True),
        ("ets24", "KR", TODAY, True),
        ("ets24", "CL", date(2025, 5, 31), False),
        ("ets24", "CL", date(2025, 6, 1), True),
        ("ets24", "MA", TODAY, False),
        ("un1988", "BS", date(1990, 11, 10), False),
        ("un1988", "BS", date(1990, 11, 11), True),
        ("un1988", "AF", date(1992, 5, 13), False),
        ("un1988", "AF", date(1992, 5, 14), True),
        ("untoc", "BR", date(2004, 2, 27), False),
        ("untoc", "BR", date(2004, 2, 28), True),
        ("untoc", "JP", TODAY, False),
        ("eu-2018-1805", "IE", TODAY, False),
        ("eu-2023-1543", "IE", date(2026, 8, 18), True),
        ("eu-2023-1543", "FR", date(2026, 8, 17), False),
        ("eu-2023-1543", "DK", date(2026, 8, 18), False),
        ("eu-uk-tca", "GB", date(2020, 12, 31), False),
        ("eu-uk-tca", "GB", date(2021, 1, 1), True),
        ("montevideo1933", "US", date(1934, 12, 25), False),
        ("montevideo1933", "MX", date(1936, 2, 26), True),
        ("us-ch-extradition", "US", date(1997, 9, 9), False),
        ("us-ch-extradition", "US", date(1997, 9, 10), True),
        ("minsk1993", "UA", TODAY, False),
        ("ets24", "BY", TODAY, False),
        ("ets24", "US", TODAY, False),
    ],
)
def test_a_country_is_bound_from_its_day_on(convention: str, country: str, day: date, bound: bool) -> None:
    assert CONVENTIONS[convention].binds(country, day) is bound


@pytest.mark.parametrize(("convention", "count"), [("eio", 25), ("eaw", 27), ("ets24", 51)])
def test_the_number_of_parties_is_the_known_one(convention: str, count: int) -> None:
    bound = Counter(party.country for party in CONVENTIONS[convention].parties if party.binds_on(TODAY))
    assert len(bound) == count
    assert set(bound.values()) == {1}


def test_the_arrest_warrant_takes_the_place_of_the_convention_on_extradition() -> None:
    assert "ets24" in CONVENTIONS["eaw"].replaces


def test_what_is_from_memory_is_not_called_verified() -> None:
    ets24 = {party.country: party.verified for party in CONVENTIONS["ets24"].parties}
    assert ets24["UA"] is True
    assert ets24["GB"] is False


@pytest.mark.parametrize(("id_", "count"), [("un1988", 188), ("untoc", 178), ("uncac", 170)])
def test_the_lists_of_the_united_nations_conventions_are_samples_of_their_date(id_: str, count: int) -> None:
    convention = CONVENTIONS[id_]
    assert (convention.parties_known, convention.as_of) == (False, date(2015, 3, 14))
    assert len({party.country for party in convention.parties}) == count
    assert convention.kinds == frozenset(RequestKind) - {RequestKind.INFORMATION}


def test_every_instrument_says_where_from_and_as_of_when() -> None:
    assert all(convention.source and convention.as_of for convention in CONVENTIONS.values())


# --- what the loader refuses ---

PARTY = """[[party]]
countries = ["FR", "ES"]
since = 2000-01-01
"""
FILE = """
id = "x"
title = "Treaty of X"
kinds = ["evidence"]
replaces = ["y"]
as_of = 2026-01-01
source = "gazette of X"
[[party]]
countries = ["FR", "ES"]
since = 2000-01-01
"""


def read(*changes: tuple[str, str], more: str = "") -> Convention:
    text = FILE
    for line, other in changes:
        assert line in text
        text = text.replace(line, other)
    return read_convention(text + more, file="x.toml")


def test_a_plain_file_is_an_instrument() -> None:
    convention = read()
    assert convention.binds("FR", date(2000, 1, 1))
    assert [party.verified for party in convention.parties] == [False, False]


def test_a_list_may_be_incomplete() -> None:
    convention = read(("replaces =", "parties_known = false\nreplaces ="))
    assert (convention.parties_known, len(convention.parties)) == (False, 2)


def test_a_country_may_leave_and_come_back() -> None:
    convention = read(more="until = 2005-01-01\n[[party]]\ncountries = ['FR']\nsince = 2010-01-01\n")
    assert [convention.binds("FR", date(year, 1, 1)) for year in (2004, 2007, 2010)] == [True, False, True]


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ((('title = "Treaty of X"\n', ""),), "", "title is missing"),
        ((('source = "gazette of X"\n', ""),), "", "source is missing"),
        ((("as_of = 2026-01-01\n", ""),), "", "as_of is missing"),
        ((("as_of = 2026-01-01", "as_of = 2026-01-01T00:00:00"),), "", "as_of must be a date"),
        ((('kinds = ["evidence"]\n', ""),), "", "kinds is missing"),
        ((("replaces =", "replace ="),), "", "unknown key replace"),
        ((('["y"]', '["x"]'),), "", "cannot replace itself"),
        ((('"FR"', '"FX"'),), "", '"FX" is no ISO 3166-1 alpha-2 code'),
        ((('["FR", "ES"]', "[]"),), "", "countries is missing"),
        ((("since = 2000-01-01", ""),), "", "since is missing"),
        ((), "until = 2000-01-01", "until must lie after since"),
        ((), "verified = true", "says where it was seen"),
        ((), "seen_at = 'gazette'", "says where it was seen"),
        ((), "untill = 2005-01-01", "unknown key untill"),
        ((), "[[party]]\ncountries = ['FR']\nsince = 2005-01-01", "FR is bound twice on 2005-01-01"),
        ((("replaces =", 'supplements = ["x"]\nreplaces ='),), "", "cannot supplement itself"),
        ((("replaces =", 'only_with = ["DE"]\nreplaces ='),), "", "only_with names a country"),
        (((PARTY, ""),), "", "list its parties, or say parties_known = false"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    changes: tuple[tuple[str, str], ...], more: str, message: str
) -> None:
    with pytest.raises(CatalogueError) as refusal:
        read(*changes, more=more)
    assert str(refusal.value).startswith("x.toml, convention x")
    assert message in str(refusal.value)


def test_an_instrument_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "b.toml").write_text(FILE, encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"b\.toml, convention x: another file has this id already"):
        load_conventions(tmp_path)
