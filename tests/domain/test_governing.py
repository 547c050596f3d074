"""Which agreement governs a request, and what is said of the others."""

from datetime import date

import pytest

from mla_tracker.domain.governing import governing
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import RequestKind
from tests.builders.agreements import AgreementBuilder, a_party, an_agreement

IN_FORCE = an_agreement().signed("2019-05-01").in_force("2020-01-01")
MANY = an_agreement().between("MA", "ES", "FR")


def chosen(kind: str, *agreements: AgreementBuilder, on: str = "2025-01-01") -> tuple[str | None, list[str]]:
    decided = governing(
        [entry.build() for entry in agreements], RequestKind(kind), "MA", "ES", date.fromisoformat(on)
    )
    sentences = [sentence(step) for step in decided.steps]
    return (decided.agreement.title if decided.agreement else None), sentences


ASSISTANCE = IN_FORCE.titled("Assistance 2020", 1)
OLDER = an_agreement().in_force("1998-01-01").titled("Assistance 1998", 2)
PROCEEDINGS = an_agreement().in_force("1990-01-01").on("transfer_of_proceedings").titled("Transfer 1990", 3)
CONVENTION = MANY.in_force("2023-01-01").on("convention").titled("Convention 2023", 4)
EXTRADITION = IN_FORCE.on("extradition").titled("Extradition 2020", 5)
GOVERNING = [
    ("evidence", [ASSISTANCE], "Assistance 2020"),
    ("evidence", [EXTRADITION], None),
    ("evidence", [], None),
    ("evidence", [ASSISTANCE, CONVENTION], "Assistance 2020"),
    ("evidence", [CONVENTION, EXTRADITION], "Convention 2023"),
    ("evidence", [OLDER, ASSISTANCE], "Assistance 2020"),
    ("evidence", [OLDER, ASSISTANCE.then("suspended", "2024-01-01")], "Assistance 1998"),
    ("extradition", [ASSISTANCE, CONVENTION, EXTRADITION], "Extradition 2020"),
    ("extradition", [ASSISTANCE, CONVENTION], "Convention 2023"),
    ("proceedings", [ASSISTANCE, PROCEEDINGS], "Transfer 1990"),
    ("proceedings", [ASSISTANCE, CONVENTION], "Assistance 2020"),
    ("proceedings", [EXTRADITION], None),
    ("evidence", [PROCEEDINGS], None),
    ("evidence", [ASSISTANCE.between("MA", "FR"), OLDER], "Assistance 1998"),
    ("evidence", [ASSISTANCE.recorded_by("DE"), OLDER], "Assistance 1998"),
    (
        "evidence",
        [ASSISTANCE.titled("Recorded second", 9), ASSISTANCE.titled("Recorded first", 8)],
        "Recorded first",
    ),
]


@pytest.mark.parametrize(("kind", "agreements", "title"), GOVERNING)
def test_the_special_bilateral_and_latest_agreement_in_force_governs(
    kind: str, agreements: list[AgreementBuilder], title: str | None
) -> None:
    assert chosen(kind, *agreements)[0] == title
    assert chosen(kind, *agreements[::-1])[0] == title


def test_every_agreement_between_the_two_is_told_why_it_does_not_govern() -> None:
    unbound = an_agreement().between("MA", a_party("ES", signed="2000-01-01"), "FR").in_force("2000-01-01")
    title, sentences = chosen(
        "proceedings",
        PROCEEDINGS,
        ASSISTANCE,
        EXTRADITION,
        PROCEEDINGS.in_force("1980-01-01").titled("Older", 6),
        PROCEEDINGS.titled("Its copy", 7),
        CONVENTION.on("transfer_of_proceedings"),
        OLDER.ended("2020-01-01"),
        OLDER.titled("Theirs").recorded_by("DE"),
        unbound.titled("Signed by Spain alone"),
        IN_FORCE.between("ES", "FR"),
    )
    assert title == "Transfer 1990"
    assert sentences == [
        "Transfer 1990 governs between MA and ES on Wednesday 1 January 2025; "
        "it applies since Monday 1 January 1990.",
        "Its copy does not govern: Transfer 1990 applies since the same day and was recorded first.",
        "Older does not govern: Transfer 1990 is later, this one applies since Tuesday 1 January 1980.",
        "Convention 2023 does not govern: Transfer 1990 is bilateral and goes before it.",
        "Assistance 2020 does not govern: Transfer 1990 is about such requests in particular.",
        "Extradition 2020 does not govern: extradition is no basis for proceedings.",
        "Assistance 1998 does not govern: on Wednesday 1 January 2025 its status was terminated.",
        "Theirs does not govern: DE, a third country, recorded it.",
        "Signed by Spain alone does not govern: on Wednesday 1 January 2025 it did not bind ES.",
    ]
