"""Lists of parties: what a newer one makes of an instrument, what differs, and who has to be counted anew."""

from dataclasses import replace
from datetime import date

import pytest

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.domain.limits import Convention, Membership
from mla_tracker.domain.party_lists import (
    Differences,
    PartyList,
    by_list,
    differences,
    relying_on,
    same_list,
)
from mla_tracker.domain.precedence import Law
from mla_tracker.domain.sentences import sentence, step_of
from mla_tracker.domain.vocabulary import RequestKind
from tests.builders.histories import SHIPPED
from tests.builders.histories import HistoryBuilder as History

CONVENTIONS = load_conventions()
MARCH_2003 = date(2003, 3, 1)
TREATY = Convention(
    "t",
    "A treaty",
    frozenset({RequestKind.EVIDENCE}),
    (Membership("ES", MARCH_2003), Membership("FR", MARCH_2003), Membership("MA", MARCH_2003)),
    parties_known=False,
    as_of=date(2015, 3, 14),
    source="A collection",
)
NEWER = PartyList(
    "t",
    date(2026, 10, 1),
    "Another collection",
    complete=True,
    parties=(
        Membership("ES", MARCH_2003),
        Membership("JP", date(2017, 8, 10)),
        Membership("MA", date(2004, 1, 1)),
    ),
)


def test_a_newer_list_takes_the_place_of_the_whole_of_the_one_before() -> None:
    held = by_list(TREATY, NEWER)
    assert (held.id, held.title, held.kinds) == (TREATY.id, TREATY.title, TREATY.kinds)
    assert (held.as_of, held.source, held.parties_known) == (NEWER.as_of, NEWER.source, True)
    assert [party.country for party in held.parties] == ["ES", "JP", "MA"]


def test_what_differs_between_two_lists_is_named_by_country() -> None:
    assert differences(TREATY, by_list(TREATY, NEWER)) == Differences(("JP",), ("FR",), ("MA",))
    assert differences(TREATY, TREATY) == Differences()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"parties": TREATY.parties[::-1]}, True),
        ({"parties": (*TREATY.parties[:2], replace(TREATY.parties[2], verified=True))}, True),
        ({"as_of": date(2015, 3, 15)}, False),
        ({"source": "Elsewhere"}, False),
        ({"parties_known": True}, False),
        ({"parties": TREATY.parties[:2]}, False),
        ({"parties": (*TREATY.parties[:2], Membership("MA", MARCH_2003, date(2020, 1, 1)))}, False),
    ],
)
def test_a_list_is_the_same_whatever_the_order_of_its_lines(change: dict[str, object], same: bool) -> None:
    assert same_list(TREATY, replace(TREATY, **change)) is same  # type: ignore[arg-type] # each value fits its field


def test_a_request_is_concerned_by_what_takes_the_place_of_the_convention_it_names() -> None:
    assert {"eaw", "ets24"} <= relying_on("eaw", CONVENTIONS)
    assert "eaw" not in relying_on("ets24", CONVENTIONS)
    assert relying_on("untoc", CONVENTIONS) == {"untoc"}


def test_a_request_is_concerned_by_what_is_read_together_with_the_convention_it_names() -> None:
    assert {"cets209", "ets24"} <= relying_on("cets209", CONVENTIONS) & relying_on("ets24", CONVENTIONS)


def test_no_list_has_a_say_in_a_request_that_would_not_be_counted_anew() -> None:
    """Whatever is named, the law is judged by no instrument that does not lead back to it."""
    for named in CONVENTIONS.values():
        instead = [other for other in CONVENTIONS.values() if named.id in other.replaces]
        for relied_on in (named, *instead):
            beside = [
                other.id
                for other in CONVENTIONS.values()
                if other.id in relied_on.supplements or relied_on.id in other.supplements
            ]
            for asked in (relied_on.id, *beside):
                assert named.id in relying_on(asked, CONVENTIONS), (named.id, asked)


def warned(history: History) -> list[str]:
    _, warnings = history.read()
    return [sentence(step) for step in warnings if step.code.startswith("convention-")]


def test_the_warning_of_a_missing_country_says_of_which_day_the_list_is() -> None:
    def between(country: str, law: Law = SHIPPED) -> History:
        return History(requesting=country, requested="ES", convention="untoc", law=law).sent("2026-03-02")

    [told] = warned(between("JP"))
    assert "as of Saturday 14 March 2015, is not complete and does not show JP as bound" in told
    untoc = CONVENTIONS["untoc"]
    newer = by_list(untoc, replace(NEWER, convention="untoc", complete=False))
    law = replace(SHIPPED, conventions={**CONVENTIONS, "untoc": newer})
    assert warned(between("JP", law)) == []
    [other] = warned(between("FR", law))
    assert "as of Thursday 1 October 2026" in other
    assert other.endswith("Source: Another collection.")
    complete = replace(law, conventions={**CONVENTIONS, "untoc": by_list(untoc, NEWER)})
    [refused] = warned(between("FR", complete))
    assert "as of Thursday 1 October 2026, does not show FR as bound" in refused
    assert "its limits do not run" in refused


@pytest.mark.parametrize("code", ["convention-parties-incomplete", "convention-not-binding"])
def test_a_warning_that_was_stored_before_it_said_the_day_can_still_be_read(code: str) -> None:
    document = {
        "code": code,
        "args": {"convention": "A treaty", "countries": ["JP"], "day": "2026-03-02"},
    }
    assert "as of a day not known" in sentence(step_of(document))
