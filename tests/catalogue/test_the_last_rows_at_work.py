"""Limits that depend on a further request, a circumstance or a declared figure: a dated example of each."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.domain.vocabulary import Assistance, Circumstance, ClockState, RequestKind, Urgency
from tests.builders.histories import HistoryBuilder
from tests.catalogue.told import Told, clocks_of, law_at_work

X, E, N, P = RequestKind.EXTRADITION, RequestKind.EVIDENCE, RequestKind.INFORMATION, RequestKind.PROCEEDINGS
SENT: list[Told] = [("sent", "2026-03-02"), ("received", "2026-03-03")]
ARRESTED: list[Told] = [
    ("provisional_arrest_requested", "2026-03-02"),
    ("provisionally_arrested", "2026-03-03"),
]
SERVED: list[Told] = [*SENT, ("provider_served", "2026-03-05")]
FINAL: list[Told] = [*SENT, ("decision_final", "2026-04-01")]
AGREED: list[Told] = [*FINAL, ("surrender_date_agreed", "2026-04-02", {"date": "2026-04-08"})]
OF_2003: list[Told] = [
    ("provisional_arrest_requested", "2003-03-03"),
    ("provisionally_arrested", "2003-03-04"),
]
HEARING: list[Told] = [("sent", "2026-03-02"), ("hearing_fixed", "2026-03-02", {"date": "2026-09-15"})]
ORDER: list[Told] = [
    ("sent", "2026-09-01"),
    ("received", "2026-09-01"),
    ("provider_served", "2026-09-01"),
    ("preserved", "2026-09-01"),
]
SUBSCRIBER = {"assistance": (Assistance.SUBSCRIBER_DATA,)}
TRAFFIC = {"assistance": (Assistance.TRAFFIC_DATA,)}
KEPT = {"assistance": (Assistance.PRESERVATION_OF_DATA,)}
WISHED: dict[str, Any] = {"wished_by": date(2026, 4, 30)}


def stating(circumstance: str, *forms: str) -> dict[str, Any]:
    return {
        "circumstances": frozenset({Circumstance(circumstance)}),
        "assistance": tuple(Assistance(form) for form in forms),
    }


def a_history(kind: RequestKind, convention: str | None, countries: tuple[str, str]) -> HistoryBuilder:
    return HistoryBuilder(kind, *countries, convention=convention)


Example = tuple[str, str | None, RequestKind, str, list[Told], str, dict[str, Any]]
DAYS: list[Example] = [
    ("hk-nl-collect", "hk-nl-surrender", X, "NL HK", AGREED, "Fri 2026-05-08", {}),
    ("cets209-notify-consent", "cets209", X, "CH TR", ARRESTED, "Fri 2026-03-13", {}),
    (
        "ets30-summons",
        "ets30",
        E,
        "UA CH",
        HEARING,
        "Sun 2026-08-16",
        stating("summons_of_accused", "service_of_documents"),
    ),
    ("budapest-preserve", "ets185", E, "FR ES", [*SENT, ("preserved", "2026-03-04")], "Sun 2026-05-03", KEPT),
    (
        "cets224-subscriber-provider",
        "cets224",
        E,
        "FR ES",
        SERVED,
        "Sat 2026-04-04",
        stating("addressed_to_provider", "subscriber_data"),
    ),
    ("cets224-serve-provider", "cets224", E, "FR ES", SENT, "Fri 2026-04-17", SUBSCRIBER),
    ("cets224-return-subscriber", "cets224", E, "FR ES", SERVED, "Wed 2026-03-25", SUBSCRIBER),
    ("cets224-return-traffic", "cets224", E, "FR ES", SERVED, "Sun 2026-04-19", TRAFFIC),
    (
        "ets73-documents",
        "ets73",
        X,
        "UA NO",
        [("sent", "2026-03-02"), ("received", "2026-03-03", {"documents": False})],
        "Wed 2026-03-18",
        {},
    ),
    ("ets73-custody-max", "ets73", X, "UA NO", ARRESTED, "Sun 2026-04-12", {}),
    ("eu-simplified-notify-consent", "eu-simplified-1995", X, "AT ES", OF_2003, "Fri 2003-03-14", {}),
    ("eu-evidence-produce", "eu-2023-1543", E, "FR ES", ORDER, "Fri 2026-09-11", TRAFFIC),
    # The last of the 60 days is Saturday 31 October: Regulation 1182/71 moves it to Monday.
    ("eu-evidence-preserve", "eu-2023-1543", E, "FR ES", ORDER, "Mon 2026-11-02", KEPT),
    ("eu-evidence-refusal", "eu-2023-1543", E, "FR ES", ORDER, "Fri 2026-09-11", TRAFFIC),
    (
        "eu-freezing-limit-reply",
        "eu-2018-1805",
        E,
        "FR ES",
        [*SENT, ("information_requested", "2026-03-10", {"purpose": "limit_of_freezing"})],
        "Tue 2026-04-21",
        {"assistance": (Assistance.SEARCH_SEIZURE_FREEZING,)},
    ),
    (
        "eu-police-urgent-indirect",
        "eu-2023-977",
        N,
        "FR ES",
        SENT,
        "Fri 2026-03-06",
        {"urgency": Urgency.URGENT},
    ),
    ("eu-police-routine", "eu-2023-977", N, "FR ES", SENT, "Tue 2026-03-10", {}),
    (
        "benelux-simplified-surrender",
        "benelux1962",
        X,
        "BE NL",
        [*ARRESTED, ("consent_given", "2026-03-05"), ("accepted", "2026-03-06")],
        "Sat 2026-03-21",
        {},
    ),
    ("riyadh-provisional-max", "riyadh1983", X, "MA SA", ARRESTED, "Sat 2026-05-02", {}),
    ("un-model-provisional-arrest", "un-model-extradition", X, "EC MA", ARRESTED, "Sun 2026-04-12", {}),
    ("us-3188", None, X, "MA US", [*SENT, ("committed", "2026-04-01")], "Mon 2026-06-01", {}),
    (
        "uk-ea2003-consent-hearing",
        None,
        X,
        "US GB",
        [
            *FINAL,
            ("surrendered", "2026-04-10"),
            ("further_request_received", "2026-05-04", {"further_request": "speciality_consent"}),
        ],
        "Sun 2026-05-24",
        {},
    ),
    ("uk-ea2003-s74", None, X, "MA GB", ARRESTED, "Thu 2026-04-16", {}),
    ("fr-cpp-696-22", None, X, "MA FR", [*FINAL, ("arrested", "2026-04-03")], "Fri 2026-04-10", {}),
    ("lv-cpl-701-may", None, X, "MA LV", ARRESTED, "Sat 2026-03-21", {}),
    ("ie-ea1965-31", None, X, "US IE", [*SENT, ("committed", "2026-04-01")], "Thu 2026-04-16", {}),
    (
        "ie-ea1965-31-habeas-corpus",
        None,
        X,
        "US IE",
        [*SENT, ("committed", "2026-04-01"), ("appealed", "2026-04-08"), ("appeal_decided", "2026-04-20")],
        "Sun 2026-04-19",
        {},
    ),
    (
        "fr-cpp-696-22-rearrested",
        None,
        X,
        "MA FR",
        [*FINAL, ("arrested", "2026-04-03"), ("released", "2026-04-10"), ("rearrested", "2026-04-20")],
        "Mon 2026-04-27",
        {},
    ),
    (
        "eio-acknowledge-executing-authority",
        "eio",
        E,
        "FR ES",
        [*SENT, ("received_by_competent_authority", "2026-03-10")],
        "Tue 2026-03-17",
        {},
    ),
    ("default-information-execute", None, N, "EC MA", SENT, "Thu 2026-04-02", {}),
    ("untoc-requested-date", "untoc", E, "EC MA", SENT, "Thu 2026-04-30", WISHED),
    ("uncac-requested-date", "uncac", E, "EC MA", SENT, "Thu 2026-04-30", WISHED),
    ("default-requested-date", None, E, "EC MA", SENT, "Thu 2026-04-30", WISHED),
    ("default-requested-surrender", None, X, "EC MA", SENT, "Thu 2026-04-30", WISHED),
    ("default-requested-charge", None, P, "EC MA", SENT, "Thu 2026-04-30", WISHED),
]
LANDED = ("unscheduled_landing", "2026-03-06T15:30:00+01:00")
FREEZING = stating("immediate_freezing", "provisional_measure")
HOURS: list[Example] = [
    ("us-ch-transit", "us-ch-extradition", X, "US CH", [LANDED], "Mon 2026-03-09 14:30", {}),
    ("eu-us-transit", "eu-us-extradition", X, "US ES", [LANDED], "Tue 2026-03-10 14:30", {}),
    # The hour of the event is not counted: Regulation 1182/71 Art. 3(1).
    (
        "eu-freezing-decide",
        "eu-2018-1805",
        E,
        "FR ES",
        [("sent", "2026-03-03"), ("received", "2026-03-03T10:20:00+01:00")],
        "Thu 2026-03-05 10:00",
        FREEZING,
    ),
    (
        "eu-freezing-execute",
        "eu-2018-1805",
        E,
        "FR ES",
        [*SENT, ("accepted", "2026-03-04T09:00:00+01:00")],
        "Fri 2026-03-06 09:00",
        FREEZING,
    ),
    (
        "eu-evidence-refusal-emergency",
        "eu-2023-1543",
        E,
        "FR ES",
        [("sent", "2026-09-01"), ("received", "2026-09-01T10:20:00+02:00")],
        "Sat 2026-09-05 09:00",
        {**TRAFFIC, "urgency": Urgency.EMERGENCY},
    ),
    (
        "eu-police-urgent-direct",
        "eu-2023-977",
        N,
        "FR ES",
        [("sent", "2026-03-03"), ("received", "2026-03-03T10:20:00+01:00")],
        "Tue 2026-03-03 17:20",
        {**stating("directly_accessible"), "urgency": Urgency.URGENT},
    ),
]


def clock_of(example: Example) -> Any:
    limit, convention, kind, countries, acts, _, facts = example
    requesting, requested = countries.split()
    return clocks_of(convention, *acts, kind=kind, countries=(requesting, requested), **facts)[limit]


@pytest.mark.parametrize("example", DAYS, ids=lambda example: example[0])
def test_a_limit_falls_due_on_its_day(example: Example) -> None:
    assert f"{clock_of(example).due_on:%a %Y-%m-%d}" == example[5]


@pytest.mark.parametrize("example", HOURS, ids=lambda example: example[0])
def test_a_limit_falls_due_at_its_hour(example: Example) -> None:
    due_at: datetime = clock_of(example).due_at
    assert f"{due_at.astimezone(UTC):%a %Y-%m-%d %H:%M}" == example[5]


def test_a_rule_about_receipt_at_an_embassy_sets_no_number_and_runs_no_clock() -> None:
    (limit,) = (limit for limit in load_limits() if limit.id == "eu-us-embassy-receipt")
    assert not limit.sets_a_number()
    clocks = clocks_of("eu-us-extradition", *ARRESTED, kind=X, countries=("US", "NL"))
    assert "eu-us-embassy-receipt" not in clocks
    assert f"{clocks['us-nl-provisional-arrest'].due_on:%a %Y-%m-%d}" == "Sat 2026-05-02"


@pytest.mark.parametrize(
    ("requesting", "due"), [("US", "Wed 2026-05-06"), ("IN", "Wed 2026-05-06"), ("SH", "Wed 2026-05-06")]
)
def test_an_order_gives_some_countries_longer_in_the_united_kingdom(requesting: str, due: str) -> None:
    clocks = clocks_of(None, *ARRESTED, kind=X, countries=(requesting, "GB"))
    assert f"{clocks['uk-ea2003-s74'].due_on:%a %Y-%m-%d}" == "Wed 2026-05-06"


def test_a_country_that_declared_no_figure_for_summonses_sets_none_and_that_is_said() -> None:
    facts = stating("summons_of_accused", "service_of_documents")
    clocks, warnings = law_at_work("ets30", *HEARING, kind=E, countries=("UA", "ES"), **facts)
    assert "ets30-summons" not in clocks
    assert [step.code for step in warnings] == ["figure-not-known"]


def test_a_witness_is_not_summoned_by_the_rule_for_the_accused() -> None:
    facts = {"assistance": (Assistance.SERVICE_OF_DOCUMENTS,)}
    clocks, warnings = law_at_work("ets30", *HEARING, kind=E, countries=("UA", "CH"), **facts)
    assert ("ets30-summons" in clocks, list(warnings)) == (False, [])


FOLLOWED: Told = ("further_request_received", "2026-05-03", {"further_request": "follow_up"})


@pytest.mark.parametrize(
    ("acts", "state"),
    [
        ([FOLLOWED], ClockState.MET),
        ([("further_request_received", "2026-05-04", {"further_request": "follow_up"})], ClockState.MET_LATE),
        ([("further_request_received", "2026-05-03", {"further_request": "transit"})], ClockState.RUNNING),
        ([("received", "2026-05-03")], ClockState.RUNNING),
    ],
)
def test_only_the_request_that_follows_up_keeps_what_was_preserved(
    acts: list[Told], state: ClockState
) -> None:
    history = [*SENT, ("preserved", "2026-03-04"), *acts]
    clock = clocks_of("ets185", *history, kind=E, countries=("FR", "ES"), **KEPT)["budapest-preserve"]
    assert clock.state is state


def test_a_request_to_continue_the_arrest_carries_it_to_sixty_days_and_no_further() -> None:
    asked: Told = ("further_request_received", "2026-03-30", {"further_request": "continued_arrest"})
    clocks = clocks_of("riyadh1983", *ARRESTED, asked, kind=X, countries=("MA", "SA"))
    assert clocks["riyadh-provisional-arrest"].state is ClockState.MET
    assert clocks["riyadh-provisional-max"].state is ClockState.RUNNING


def test_custody_of_the_requested_countrys_own_ends_the_forty_days_of_the_transfer_of_proceedings() -> None:
    clocks = clocks_of("ets73", *ARRESTED, ("arrested", "2026-03-20"), kind=X, countries=("UA", "NO"))
    assert clocks["ets73-custody-max"].state is ClockState.CANCELLED


def test_a_report_of_a_justified_delay_takes_the_latvian_eighteen_days_away_but_not_the_forty() -> None:
    reported: Told = ("delay_reported", "2026-03-18")
    clocks = clocks_of(None, *ARRESTED, reported, kind=X, countries=("MA", "LV"))
    assert clocks["lv-cpl-701-may"].state is ClockState.CANCELLED
    assert clocks["lv-cpl-701-shall"].state is ClockState.RUNNING


def test_an_arrest_before_the_final_decree_starts_no_seven_days() -> None:
    acts: list[Told] = [*SENT, ("arrested", "2026-03-20"), ("decision_final", "2026-04-01")]
    clocks = clocks_of(None, *acts, kind=X, countries=("MA", "FR"))
    assert "fr-cpp-696-22" not in clocks


def test_consent_waives_the_fifteen_days_of_ireland() -> None:
    acts: list[Told] = [*SENT, ("committed", "2026-04-01"), ("consent_given", "2026-04-03")]
    clocks = clocks_of(None, *acts, kind=X, countries=("US", "IE"))
    assert clocks["ie-ea1965-31"].state is ClockState.CANCELLED


def test_the_prosecutor_has_to_agree_to_simplified_surrender() -> None:
    acts: list[Told] = [*ARRESTED, ("consent_given", "2026-03-05")]
    assert "benelux-simplified-surrender" not in clocks_of(
        "benelux1962", *acts, kind=X, countries=("BE", "NL")
    )


def test_an_order_to_a_provider_and_one_through_the_requested_country_have_limits_of_their_own() -> None:
    direct = stating("addressed_to_provider", "subscriber_data")
    through = clocks_of("cets224", *SERVED, kind=E, countries=("FR", "ES"), **SUBSCRIBER)
    addressed = clocks_of("cets224", *SERVED, kind=E, countries=("FR", "ES"), **direct)
    of_protocol = {id_ for id_ in (*through, *addressed) if id_.startswith("cets224")}
    assert {id_ for id_ in through if id_.startswith("cets224")} == of_protocol - {
        "cets224-subscriber-provider"
    }
    assert {id_ for id_ in addressed if id_.startswith("cets224")} == {"cets224-subscriber-provider"}


@pytest.mark.parametrize("form", ["provisional_measure", "search_seizure_freezing"])
def test_a_freezing_that_is_not_said_to_be_immediate_has_no_forty_eight_hours(form: str) -> None:
    facts = {"assistance": (Assistance(form),), "urgency": Urgency.URGENT}
    assert "eu-freezing-decide" not in clocks_of(
        "eu-2018-1805", *SENT, kind=E, countries=("FR", "ES"), **facts
    )


def test_a_date_wished_for_is_one_goal_of_the_source_that_goes_first_beside_the_deadline() -> None:
    clocks = clocks_of("eio", *SENT, ("accepted", "2026-03-10"), **WISHED)
    assert {"eio-requested-date", "eio-execute"} <= clocks.keys()
    assert "default-requested-date" not in clocks
    clocks = clocks_of("untoc", *SENT, ("accepted", "2026-03-10"), kind=E, countries=("EC", "MA"), **WISHED)
    assert {"untoc-requested-date", "default-evidence-execute"} <= clocks.keys()
    assert "default-requested-date" not in clocks
