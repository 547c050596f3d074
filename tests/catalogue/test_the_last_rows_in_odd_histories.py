"""Limits of the last rows where histories are odd: same days, second arrests, answers to another question."""

from typing import Any

import pytest

from mla_tracker.domain.vocabulary import ClockState, RequestKind, Urgency
from tests.catalogue.test_the_last_rows_at_work import (
    ARRESTED,
    FINAL,
    KEPT,
    ORDER,
    SENT,
    TRAFFIC,
    E,
    N,
    X,
    a_history,
    stating,
)
from tests.catalogue.told import Told, clocks_of


def state_of(
    limit: str, convention: str | None, kind: RequestKind, countries: str, *acts: Told, **facts: Any
) -> Any:
    requesting, requested = countries.split()
    clocks = clocks_of(convention, *acts, kind=kind, countries=(requesting, requested), **facts)
    return clocks[limit].state if limit in clocks else None


def test_data_that_were_preserved_lapse_though_the_request_to_preserve_them_was_executed() -> None:
    acts: list[Told] = [*SENT, ("preserved", "2026-03-04"), ("executed", "2026-03-05")]
    assert state_of("budapest-preserve", "ets185", E, "FR ES", *acts, **KEPT) is ClockState.RUNNING


def test_a_request_that_follows_up_on_the_day_of_the_preservation_keeps_it() -> None:
    followed: Told = ("further_request_received", "2026-03-04", {"further_request": "follow_up"})
    acts: list[Told] = [*SENT, ("preserved", "2026-03-04"), followed]
    assert state_of("budapest-preserve", "ets185", E, "FR ES", *acts, **KEPT) is ClockState.MET


def test_a_request_to_continue_one_arrest_does_nothing_for_the_next() -> None:
    acts: list[Told] = [
        *ARRESTED,
        ("further_request_received", "2026-03-20", {"further_request": "continued_arrest"}),
        ("released", "2026-04-10"),
        ("provisionally_arrested", "2026-04-20"),
    ]
    requesting, requested = "MA", "SA"
    clocks = told_clocks("riyadh1983", acts, (requesting, requested))
    (second,) = (c for c in clocks if c.limit.id == "riyadh-provisional-arrest" and c.start.id.endswith("-2"))
    assert (second.state, f"{second.due_on:%a %Y-%m-%d}") == (ClockState.RUNNING, "Wed 2026-05-20")


def told_clocks(convention: str, acts: list[Told], countries: tuple[str, str]) -> list[Any]:
    """All clocks, those of one limit each by itself."""
    history = a_history(X, convention, countries)
    for told in acts:
        history = history.did(told[0], told[1], **(told[2] if len(told) == 3 else {}))
    return list(history.clocks().values())


def test_an_answer_about_one_request_for_consent_is_none_about_another() -> None:
    history = (
        a_history(X, None, ("US", "GB"))
        .sent("2026-03-02")
        .received("2026-03-03")
        .decision_final("2026-04-01")
    )
    history = history.surrendered("2026-04-10")
    for day in ("2026-05-04", "2026-05-10"):
        history = history.further_request_received(day, further_request="speciality_consent")
    answered = history.speciality_consent_decided(
        "2026-05-20", granted=True, in_reply_to="further_request_received-1"
    )
    clocks = {
        c.start.id: c
        for c in answered.clocks().values()
        if c.limit.id == "uk-ea2003-consent-hearing" and c.start
    }
    assert clocks["further_request_received-1"].state is ClockState.MET
    assert clocks["further_request_received-2"].state is ClockState.RUNNING


def test_the_thirty_days_for_speciality_run_from_receipt_where_it_is_on_record() -> None:
    acts: list[Told] = [
        *FINAL,
        ("surrendered", "2026-04-10"),
        ("speciality_consent_requested", "2026-05-01"),
        ("further_request_received", "2026-05-11", {"further_request": "speciality_consent"}),
    ]
    clocks = clocks_of("eaw", *acts, kind=X, countries=("FR", "ES"))
    assert f"{clocks['eaw-speciality-consent'].due_on:%a %Y-%m-%d}" == "Wed 2026-06-10"


def test_a_postponement_from_before_the_decision_makes_the_agreed_date_a_new_one() -> None:
    acts: list[Told] = [
        *SENT,
        ("arrested", "2026-03-10"),
        ("postponed", "2026-03-20", {"ground": "humanitarian"}),
        ("decision_final", "2026-04-01"),
        ("surrender_date_agreed", "2026-04-06", {"date": "2026-04-10"}),
    ]
    clocks = clocks_of("eaw", *acts, kind=X, countries=("FR", "ES"))
    assert f"{clocks['eaw-surrender'].due_on:%a %Y-%m-%d}" == "Mon 2026-04-20"


def test_documents_cannot_have_arrived_before_the_receiver_had_anything() -> None:
    history = a_history(X, "ets24", ("MD", "ES"))
    history = history.provisional_arrest_requested("2026-03-02").provisionally_arrested("2026-03-03")
    history = (
        history.sent("2026-03-15").received("2026-03-20", by="MD", documents=True).received("2026-03-23")
    )
    assert history.clock("ets24-provisional-arrest-may").state is ClockState.RUNNING
    same_day = history.without("received-2").received("2026-03-20")
    assert same_day.clock("ets24-provisional-arrest-may").state is ClockState.MET


def test_a_summons_that_arrived_before_the_hearing_was_fixed_is_in_time() -> None:
    acts: list[Told] = [
        ("sent", "2026-03-02"),
        ("received", "2026-03-03"),
        ("hearing_fixed", "2026-03-03", {"date": "2026-09-15"}),
    ]
    facts = stating("summons_of_accused", "service_of_documents")
    assert state_of("ets30-summons", "ets30", E, "UA CH", *acts, **facts) is ClockState.MET


def test_an_acknowledgement_of_the_executing_authority_is_none_of_the_central_one() -> None:
    history = a_history(E, "eio", ("FI", "ES")).sent("2026-03-02").received("2026-03-03")
    history = history.received_by_competent_authority("2026-03-04")
    history = history.acknowledged("2026-03-09", in_reply_to="received_by_competent_authority-1")
    states = {clock.limit.id: clock.state for clock in history.clocks().values()}
    assert states["eio-acknowledge"] is ClockState.RUNNING
    assert states["eio-acknowledge-executing-authority"] is ClockState.MET


def test_ten_days_and_ninety_six_hours_for_one_notification_do_not_run_together() -> None:
    facts = {**TRAFFIC, "urgency": Urgency.EMERGENCY}
    clocks = clocks_of("eu-2023-1543", *ORDER, kind=E, countries=("FR", "ES"), **facts)
    assert "eu-evidence-refusal" not in clocks
    assert "eu-evidence-refusal-emergency" in clocks


@pytest.mark.parametrize(
    ("convention", "countries", "acts", "ours"),
    [
        (
            "benelux1962",
            "BE NL",
            [*SENT, ("accepted", "2026-03-06"), ("decision_final", "2026-03-20")],
            "surrender",
        ),
        (None, "MA US", FINAL, "surrender"),
        ("ets73", "UA NO", SENT, "decide"),
    ],
)
def test_a_limit_that_has_not_begun_leaves_ours_running(
    convention: str | None, countries: str, acts: list[Told], ours: str
) -> None:
    assert state_of(f"default-extradition-{ours}", convention, X, countries, *acts) is ClockState.RUNNING


def test_a_second_provisional_arrest_has_eighteen_days_of_its_own_in_the_benelux() -> None:
    acts: list[Told] = [
        *ARRESTED,
        ("released", "2026-03-08"),
        ("provisionally_arrested", "2026-04-10"),
        ("consent_given", "2026-04-11"),
        ("accepted", "2026-04-12"),
    ]
    clocks = [
        c
        for c in told_clocks("benelux1962", acts, ("BE", "NL"))
        if c.limit.id == "benelux-simplified-surrender"
    ]
    assert [(c.state, f"{c.due_on:%a %Y-%m-%d}") for c in clocks] == [
        (ClockState.CANCELLED, "Sat 2026-03-21"),
        (ClockState.RUNNING, "Tue 2026-04-28"),
    ]


def test_the_information_was_supplied_once_the_results_were_transmitted() -> None:
    acts: list[Told] = [*SENT, ("results_transmitted", "2026-03-09")]
    assert state_of("eu-police-routine", "eu-2023-977", N, "FR ES", *acts) is ClockState.MET
