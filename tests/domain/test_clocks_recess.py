"""A recess of courts: what stands still in it, and what runs on."""

from dataclasses import replace
from datetime import date

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.vocabulary import Basis, Effect
from tests.builders.histories import (
    HistoryBuilder,
    a_limit,
    a_request,
    a_warrant,
    an_extradition,
    an_order,
    spoken,
)

AUGUST = (date(2026, 8, 1), date(2026, 8, 31))


def with_recess(history: HistoryBuilder) -> HistoryBuilder:
    """The same where the courts of both countries rest in August."""
    countries = (history.requesting, history.requested)
    return history.counted_by({code: WorkingCalendar(code, recess=(AUGUST,)) for code in countries})


ARRESTED = an_extradition().provisional_arrest_requested("2026-07-13").provisionally_arrested("2026-07-14")
ORDERED = an_order().sent("2026-07-06").received("2026-07-10")
CONFISCATION = (
    a_request()
    .between("FR", "ES")
    .under("eu-2018-1805")
    .about("confiscation")
    .sent("2026-07-06")
    .received("2026-07-08")
)


@pytest.mark.parametrize(
    ("history", "limit", "due", "source"),
    [
        (ARRESTED, "ets24-provisional-arrest-may", "Sat 2026-08-01", "ETS 24 Art. 16(4): after 18 days"),
        (ARRESTED, "ets24-provisional-arrest-shall", "Sun 2026-08-23", "ETS 24 Art. 16(4): in no event over 40 days"),
        (a_warrant().arrested("2026-07-14"), "eaw-decide", "Sat 2026-09-12", "FD 2002/584/JHA Art. 17(3): 60 days"),
        (ORDERED, "eio-decide", "Sun 2026-08-09", "Directive 2014/41/EU Art. 12(3): 30 days"),
        (
            CONFISCATION,
            "eu-confiscation-decide",
            "Mon 2026-08-24",
            "45 days end on Saturday, and roll over holidays and weekends alone: Regulation 1182/71 Art. 3(4)",
        ),
    ],
)  # fmt: skip
def test_no_law_of_ours_stands_still_while_courts_rest(
    history: HistoryBuilder, limit: str, due: str, source: str
) -> None:
    assert with_recess(history).due(limit) == due, source
    assert "recess" not in {step.code for step in with_recess(history).clock(limit).steps}


def test_a_limit_of_an_agreement_does_not_stand_still_either() -> None:
    agreed = replace(a_limit("agreed"), basis=Basis.AGREEMENT)
    history = a_request().with_agreement(agreed).sent("2026-07-20").received("2026-07-27")
    assert with_recess(history).due("agreed") == history.due("agreed")


def test_what_lapses_under_a_policy_lapses_in_a_recess_too() -> None:
    held = a_limit("national", "40 days", effect=Effect.EXPIRY)
    history = a_request().with_limits(held).sent("2026-07-20").received("2026-07-27")
    assert with_recess(history).due("national") == "Sat 2026-09-05"


def test_targets_of_a_policy_stand_still() -> None:
    history = a_request().sent("2026-07-20").received("2026-07-27")
    assert with_recess(history).due("default-evidence-decide") == "Sat 2026-09-26"
    assert with_recess(history).due("default-acknowledge") == "Tue 2026-09-01", "five working days"


def test_a_date_that_was_named_stays_where_it_is() -> None:
    wished = ORDERED.wished("2026-08-20")
    assert with_recess(wished).due("eio-requested-date") == "Thu 2026-08-20"
    asked = a_request().sent("2026-06-15").received("2026-06-19")
    until = asked.extended("2026-07-10", stage="decide", until="2026-08-14", reason="complex")
    assert with_recess(until).due("default-evidence-decide") == "Fri 2026-08-14"
    more = until.extended("2026-08-03", stage="decide", days=5, reason="complex")
    assert spoken(with_recess(more).clock("default-evidence-decide").due_on) == "Sat 2026-09-05", (
        "what is added to it is counted when the courts are back"
    )
