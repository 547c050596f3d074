"""Reading a list of parties from CSV: taken whole, or refused naming every line at fault."""

from datetime import date

import pytest

from mla_tracker.catalogue.party_lists import MOST_LINES, read_parties
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.limits import Membership


def test_countries_are_read_by_either_code_and_put_in_order() -> None:
    text = "country,since,until\nMAR,2003-09-29,\nES,2003-09-29,2010-01-01\n\nES,2012-01-01,\n"
    assert read_parties(text) == (
        Membership("ES", date(2003, 9, 29), date(2010, 1, 1)),
        Membership("ES", date(2012, 1, 1)),
        Membership("MA", date(2003, 9, 29)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "country,since\nES,2003-09-29\n",
        "\ufeffcountry,since\r\nES,2003-09-29\r\n",
        "since,country\n2003-09-29, ESP ",
        'country,since,until\n"ES","2003-09-29",""\n',
    ],
)
def test_what_a_spreadsheet_makes_of_it_does_not_matter(text: str) -> None:
    assert read_parties(text) == (Membership("ES", date(2003, 9, 29)),)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", "line 1", "The first line must be"),
        ("country;since\nES;2003-09-29\n", "line 1", 'not "country;since"'),
        ("country\nES\n", "line 1", "The first line must be"),
        ("country,since,deposited\nES,2003-09-29,2003-01-01\n", "line 1", "The first line must be"),
        ("country,since,since\nES,2003-09-29,2003-09-29\n", "line 1", "The first line must be"),
        ("country,since\n", "file", "It names no country"),
        ('country,since\n"ES,2003-09-29\n', "file", "Not readable as CSV"),
        ("country,since\nES\n", "line 2", "1 values for 2 columns"),
        ("country,since\nES,2003-09-29,2010-01-01\n", "line 2", "3 values for 2 columns"),
        ("country,since\nEU,2003-09-29\n", "line 2", "The European Union is no country"),
        ("country,since\nYUG,2003-09-29\n", "line 2", '"YUG" is Yugoslavia, which is no more'),
        ("country,since\nAN,2003-09-29\n", "line 2", "the Netherlands Antilles"),
        ("country,since\nes,2003-09-29\n", "line 2", '"es" is no ISO 3166-1 code'),
        ("country,since\nSpain,2003-09-29\n", "line 2", '"Spain" is no ISO 3166-1 code'),
        ("country,since\nES,\n", "line 2", "since is missing"),
        ("country,since\nES,29/09/2003\n", "line 2", 'since "29/09/2003" is no date'),
        ("country,since\nES,2003-02-30\n", "line 2", "is no date that exists"),
        ("country,since\nES,20030929\n", "line 2", "is no date that exists"),
        ("country,since\nES,0203-09-29\n", "line 2", "is no date that exists"),
        ("country,since\nES,٢٠٠٣-٠٩-٢٩\n", "line 2", "is no date that exists"),
        ("country,since,until\nES,2003-09-29,2003-09-29\n", "line 2", "must lie after since"),
        ("country,since,until\nES,2003-09-29,x\n", "line 2", 'until "x" is no date'),
        ("country,since\nES,2003-09-29\nESP,2004-01-01\n", "line 3", "ES is bound by line 2"),
        ("country,since,until\nES,2004-01-01,\nES,2003-09-29,2005-01-01\n", "line 3", "bound by line 2"),
    ],
)
def test_a_line_that_cannot_be_meant_is_named_with_the_reason(text: str, line: str, reason: str) -> None:
    with pytest.raises(InvalidEntry) as caught:
        read_parties(text)
    [(where, what)] = caught.value.fields
    assert where == line
    assert reason in what


def test_all_lines_at_fault_are_named_at_once() -> None:
    text = "country,since\nXX,2003-09-29\nES,2003-09-29\nYY,soon\nES,2004-01-01\n"
    with pytest.raises(InvalidEntry) as caught:
        read_parties(text)
    assert [where for where, _ in caught.value.fields] == ["line 2", "line 4", "line 5"]
    assert caught.value.fields[1][1].count("is no") == 2


def test_no_list_is_longer_than_the_world() -> None:
    with pytest.raises(InvalidEntry) as caught:
        read_parties("country,since\n" + "ES,2003-09-29\n" * (MOST_LINES + 1))
    assert "2001 lines" in caught.value.fields[0][1]
