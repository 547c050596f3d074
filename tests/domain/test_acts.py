"""What each act must say, in which kind of request it occurs, where it takes place and where it stands in order."""

from typing import Any

import pytest

from mla_tracker.domain.acts import (
    AFTER_CLOSING,
    BELONGS_TO,
    OF_EITHER_SIDE,
    OF_KIND,
    OF_REQUESTING_SIDE,
    ORDER,
    RANK,
    REQUIRED,
    SHOWS_SENDING,
    faults_of_data,
    place,
)
from mla_tracker.domain.ordering import UNDONE_BY
from mla_tracker.domain.vocabulary import Act, RequestKind, Side

EVIDENCE, EXTRADITION, PROCEEDINGS = RequestKind.EVIDENCE, RequestKind.EXTRADITION, RequestKind.PROCEEDINGS


def test_every_act_has_a_rank_of_its_own_and_a_kind_of_request() -> None:
    assert set(RANK) == set(Act)
    assert len(set(RANK.values())) == len(Act)
    assert frozenset().union(*OF_KIND.values()) == set(Act)


def test_acts_that_undo_one_another_stand_side_by_side() -> None:
    assert all(RANK[undoing] == RANK[act] + 1 for act, undoing in UNDONE_BY.items())


def test_what_must_have_been_before_ranks_before() -> None:
    # Bare dates of one day must never make a history that the order of precedence refuses.
    for rule in ORDER:
        assert all(min(RANK[first] for first in rule.first) < RANK[later] for later in rule.later)


@pytest.mark.parametrize(
    ("kind", "act", "occurs"),
    [
        (EVIDENCE, Act.EXECUTED, True),
        (EVIDENCE, Act.CHARGED, False),
        (EVIDENCE, Act.ARRESTED, False),
        (PROCEEDINGS, Act.CHARGED, True),
        (PROCEEDINGS, Act.EXECUTED, False),
        (EXTRADITION, Act.UNSCHEDULED_LANDING, True),
        (EXTRADITION, Act.PROVISIONAL_ARREST_REQUESTED, True),
        (EXTRADITION, Act.EXECUTED, False),
        (EXTRADITION, Act.RESULT_TOLD, False),
        (EVIDENCE, Act.LINKED, True),
        (PROCEEDINGS, Act.DRAFTED, True),
    ],
)
def test_an_act_occurs_in_its_kind_of_request(kind: RequestKind, act: Act, occurs: bool) -> None:
    data = dict.fromkeys(REQUIRED.get(act, ()), "x")
    pointers = [pointer for pointer, _ in faults_of_data(act, kind, data)]
    assert pointers == ([] if occurs else ["/type"])


@pytest.mark.parametrize(
    ("act", "where"),
    [
        (Act.SENT, Side.REQUESTING),
        (Act.INFORMATION_SUPPLIED, Side.REQUESTING),
        (Act.RESULTS_RECEIVED, Side.REQUESTING),
        (Act.RECEIVED, Side.REQUESTED),
        (Act.ARRESTED, Side.REQUESTED),
        (Act.SURRENDERED, Side.REQUESTED),
        (Act.SPECIALITY_CONSENT_REQUESTED, Side.REQUESTING),
        (Act.SPECIALITY_CONSENT_DECIDED, Side.REQUESTED),
    ],
)
def test_an_act_takes_place_in_one_of_the_two_countries(act: Act, where: Side) -> None:
    assert place(act) is where


def test_book_keeping_is_nobodys_in_particular() -> None:
    assert not OF_EITHER_SIDE & OF_REQUESTING_SIDE
    assert not OF_EITHER_SIDE & SHOWS_SENDING


@pytest.mark.parametrize(
    "act", [Act.DRAFTED, Act.LOCATED, Act.WITHDRAWN, Act.HEARING_FIXED, Act.LINKED, Act.CLOSED]
)
def test_what_happens_to_a_draft_does_not_show_that_it_was_sent(act: Act) -> None:
    assert act not in SHOWS_SENDING


@pytest.mark.parametrize(
    "act", [Act.SENT, Act.RECEIVED, Act.ARRESTED, Act.REMINDED, Act.PROVISIONAL_ARREST_REQUESTED]
)
def test_what_the_other_side_knows_shows_that_it_was_sent(act: Act) -> None:
    assert act in SHOWS_SENDING


@pytest.mark.parametrize(
    ("act", "data", "pointers"),
    [
        (Act.EXTENDED, {"days": 10}, ["/data/reason"]),
        (Act.EXTENDED, {"days": 10, "reason": ""}, ["/data/reason"]),
        (Act.EXTENDED, {"days": 10, "reason": "translation"}, []),
        (Act.EXTENDED, {"days": 10, "until": "2026-05-01", "reason": "x"}, ["/data/days"]),
        (Act.REFUSED, {}, ["/data/ground"]),
        (Act.JUDICIAL_DECISION, {}, ["/data/eligible"]),
        (Act.JUDICIAL_DECISION, {"eligible": False}, []),
        (Act.SPECIALITY_CONSENT_DECIDED, {"granted": False}, []),
        (Act.LINKED, {}, ["/data/request_id", "/data/relation"]),
        (Act.SENT, {"ground": "nationality", "documents": True}, ["/data/ground"]),
        (Act.EXECUTED, {"outcome": "executed_in_part"}, []),
        (Act.EXECUTED, {"outcome": "refused"}, ["/data/outcome"]),
        (Act.CONSENT_GIVEN, {"revocable": True}, []),
        (Act.DECISION_FINAL, {"granted": False}, []),
    ],
)
def test_an_act_says_what_it_must_and_nothing_that_means_nothing(
    act: Act, data: dict[str, Any], pointers: list[str]
) -> None:
    kind = next(kind for kind in RequestKind if act in OF_KIND[kind])
    assert [pointer for pointer, _ in faults_of_data(act, kind, data)] == pointers


def test_all_faults_are_named_at_once() -> None:
    faults = faults_of_data(Act.CHARGED, EVIDENCE, {"ground": "x", "days": 3})
    assert [pointer for pointer, _ in faults] == ["/type", "/data/ground", "/data/days"]
    assert all(sentence.endswith(".") for _, sentence in faults)


def test_the_tables_speak_of_acts_that_exist_together() -> None:
    assert all(name in BELONGS_TO or name in {"reason"} for names in REQUIRED.values() for name in names)
    assert Act.REOPENED in AFTER_CLOSING
    assert Act.EXECUTED not in AFTER_CLOSING
