"""The limits that ship, put to work on short histories: the day each falls due, with its weekday."""

from datetime import UTC, date, datetime

import pytest

from mla_tracker.domain.vocabulary import Assistance, ClockState, RequestKind
from tests.catalogue.told import Told, clocks_of

SENT = ("sent", "2026-03-02")
RECEIVED = ("received", "2026-03-03")
FORMAL = ("received", "2026-03-20", {"documents": True})
ARRESTED = ("provisionally_arrested", "2026-03-03")
WANTED = ("provisional_arrest_requested", "2026-03-02")
FINAL = ("decision_final", "2026-04-01")


def agreed(on: str, day: str) -> Told:
    return ("surrender_date_agreed", on, {"date": day})


@pytest.mark.parametrize(
    ("convention", "acts", "limit", "due"),
    [
        ("eio", [SENT, RECEIVED], "eio-acknowledge", "Tue 2026-03-10"),
        ("eio", [SENT, RECEIVED], "eio-decide", "Thu 2026-04-02"),
        (
            "eio",
            [SENT, RECEIVED, ("received_by_competent_authority", "2026-03-06")],
            "eio-decide",
            "Sun 2026-04-05",
        ),
        (
            "eio",
            [SENT, RECEIVED, ("extended", "2026-03-30", {"stage": "decide", "reason": "x", "days": 30})],
            "eio-decide",
            "Sat 2026-05-02",
        ),
        ("eio", [SENT, RECEIVED, ("accepted", "2026-03-16")], "eio-execute", "Sun 2026-06-14"),
        (
            "eio",
            [
                SENT,
                RECEIVED,
                ("accepted", "2026-03-16"),
                ("postponed", "2026-04-01"),
                ("resumed", "2026-04-11"),
            ],
            "eio-execute",
            "Wed 2026-06-24",
        ),
        ("eaw", [SENT, RECEIVED, ("arrested", "2026-03-03")], "eaw-decide", "Sat 2026-05-02"),
        (
            "eaw",
            [SENT, RECEIVED, ("arrested", "2026-03-03"), ("immunity_waived", "2026-03-10")],
            "eaw-decide",
            "Sat 2026-05-09",
        ),
        (
            "eaw",
            [SENT, RECEIVED, ("arrested", "2026-03-03"), ("consent_given", "2026-03-05")],
            "eaw-decide-consent",
            "Sun 2026-03-15",
        ),
        ("eaw", [SENT, RECEIVED, FINAL], "eaw-surrender", "Sat 2026-04-11"),
        (
            "eaw",
            [SENT, RECEIVED, FINAL, agreed("2026-04-02", "2026-04-08")],
            "eaw-surrender",
            "Sat 2026-04-11",
        ),
        (
            "eaw",
            [SENT, RECEIVED, FINAL, agreed("2026-04-02", "2026-04-08"), agreed("2026-04-09", "2026-04-20")],
            "eaw-surrender",
            "Thu 2026-04-30",
        ),
        ("ets24", [WANTED, ARRESTED], "ets24-provisional-arrest-may", "Sat 2026-03-21"),
        ("ets24", [WANTED, ARRESTED], "ets24-provisional-arrest-shall", "Sun 2026-04-12"),
        (
            "ets24",
            [SENT, RECEIVED, FINAL, agreed("2026-04-02", "2026-04-08")],
            "ets24-collect-may",
            "Thu 2026-04-23",
        ),
        (
            "ets24",
            [SENT, RECEIVED, FINAL, agreed("2026-04-02", "2026-04-08"), agreed("2026-04-07", "2026-04-15")],
            "ets24-collect-shall",
            "Fri 2026-05-15",
        ),
        ("ets24", [SENT, RECEIVED, FINAL], "default-extradition-surrender", "Fri 2026-05-01"),
        (None, [SENT], "default-receive", "Mon 2026-03-16"),
        (None, [SENT, RECEIVED], "default-acknowledge", "Tue 2026-03-10"),
        (None, [SENT, RECEIVED], "default-evidence-decide", "Thu 2026-04-02"),
        (
            None,
            [SENT, RECEIVED, ("information_requested", "2026-03-10"), ("information_supplied", "2026-03-20")],
            "default-evidence-decide",
            "Sun 2026-04-12",
        ),
        (
            None,
            [SENT, RECEIVED, ("information_requested", "2026-03-10")],
            "default-supply-information",
            "Thu 2026-04-09",
        ),
    ],
)
def test_a_limit_falls_due(convention: str | None, acts: list[Told], limit: str, due: str) -> None:
    due_on = clocks_of(convention, *acts)[limit].due_on
    assert f"{due_on:%a %Y-%m-%d}" == due


@pytest.mark.parametrize(
    ("convention", "acts", "limit", "state"),
    [
        (
            "ets24",
            [WANTED, ARRESTED, ("sent", "2026-03-15")],
            "ets24-provisional-arrest-may",
            ClockState.RUNNING,
        ),
        ("ets24", [WANTED, ARRESTED, FORMAL], "ets24-provisional-arrest-may", ClockState.MET),
        (
            "ets24",
            [WANTED, ARRESTED, ("received", "2026-03-20", {"documents": False})],
            "ets24-provisional-arrest-may",
            ClockState.RUNNING,
        ),
        (
            "ets24",
            [WANTED, ARRESTED, ("received", "2026-03-22", {"documents": True})],
            "ets24-provisional-arrest-may",
            ClockState.MET_LATE,
        ),
        (
            "ets24",
            [WANTED, ARRESTED, ("released", "2026-03-10")],
            "ets24-provisional-arrest-shall",
            ClockState.CANCELLED,
        ),
        ("eaw", [SENT, RECEIVED, FINAL, ("postponed", "2026-04-03")], "eaw-surrender", ClockState.PAUSED),
        ("eio", [SENT, RECEIVED, ("accepted", "2026-03-06")], "eio-acknowledge", ClockState.MET),
        (
            "eio",
            [SENT, RECEIVED, ("refused", "2026-03-30", {"ground": "de_minimis"})],
            "eio-decide",
            ClockState.MET,
        ),
        (None, [SENT, ("acknowledged", "2026-03-05")], "default-receive", ClockState.MET),
    ],
)
def test_a_limit_stands(convention: str | None, acts: list[Told], limit: str, state: ClockState) -> None:
    assert clocks_of(convention, *acts)[limit].state is state


def test_the_day_for_a_provisional_measure_ends_at_the_hour_it_came() -> None:
    clocks = clocks_of(
        "eio", SENT, ("received", "2026-03-03T15:30:00+01:00"), assistance=(Assistance.PROVISIONAL_MEASURE,)
    )
    assert clocks["eio-provisional"].due_at == datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
    assert "eio-decide" in clocks


def test_a_date_wished_for_is_a_goal_of_the_investigation_order() -> None:
    clocks = clocks_of("eio", SENT, RECEIVED, wished_by=date(2026, 4, 30))
    assert clocks["eio-requested-date"].due_on == date(2026, 4, 30)
    assert "eio-requested-date" not in clocks_of("eio", SENT, RECEIVED)


def test_a_stage_that_the_law_numbers_displaces_our_policy_and_no_other() -> None:
    case = clocks_of("eaw", SENT, RECEIVED, ("arrested", "2026-03-03"))
    assert {"eaw-decide", "default-receive", "default-acknowledge"} <= set(case)
    assert "default-extradition-decide" not in case


def test_a_convention_without_number_leaves_our_policy_in_place() -> None:
    clocks = clocks_of("un1988", SENT, RECEIVED, kind=RequestKind.EVIDENCE)
    assert clocks["default-evidence-decide"].due_on == date(2026, 4, 2)
    assert "un1988-speed" not in clocks


def test_the_result_of_proceedings_is_owed_after_they_have_ended_for_the_request() -> None:
    clocks = clocks_of(
        None,
        SENT,
        RECEIVED,
        ("charged", "2026-05-04"),
        ("closed", "2026-05-05"),
        ("concluded", "2026-09-01"),
        kind=RequestKind.PROCEEDINGS,
    )
    assert clocks["default-tell-result"].due_on == date(2026, 10, 1)
    assert clocks["default-tell-result"].state is ClockState.RUNNING
    assert clocks["default-proceedings-decide"].state is ClockState.MET


def test_naming_the_convention_of_1957_between_members_of_the_union_runs_the_arrest_warrant() -> None:
    clocks = clocks_of("ets24", SENT, RECEIVED, ("arrested", "2026-03-03"), countries=("FR", "ES"))
    assert "eaw-decide" in clocks
    assert not any(id_.startswith("ets24") for id_ in clocks)
