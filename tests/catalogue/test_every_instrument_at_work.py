"""Each limit beyond the first instruments, on one dated history: the day it falls due, with its weekday."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.domain.vocabulary import Assistance, ClockState, RequestKind, Urgency
from tests.catalogue import told
from tests.catalogue.test_the_last_rows_at_work import DAYS, HOURS
from tests.catalogue.told import Told, clocks_of, law_at_work

ARRESTED: list[Told] = [
    ("provisional_arrest_requested", "2026-03-02"),
    ("provisionally_arrested", "2026-03-03"),
]
NOTIFIED: list[Told] = [*ARRESTED, ("arrest_notified", "2026-03-04")]
SENT: list[Told] = [("sent", "2026-03-02"), ("received", "2026-03-03")]
HELD: list[Told] = [*SENT, ("arrested", "2026-03-03")]
CONSENT: list[Told] = [*HELD, ("consent_given", "2026-03-05")]
AGREED: list[Told] = [
    *SENT,
    ("decision_final", "2026-04-01"),
    ("surrender_date_agreed", "2026-04-02", {"date": "2026-04-08"}),
]
AT_DISPOSAL: list[Told] = [*SENT, ("decision_final", "2026-04-01"), ("put_at_disposal", "2026-04-08")]
FINAL: list[Told] = [*SENT, ("decision_final", "2026-04-01")]
TOLD_AFTER_CONSENT: list[Told] = [*CONSENT, ("decision_notified", "2026-03-20")]
ASKED: list[Told] = [*SENT, ("information_requested", "2026-03-10")]
FREE: list[Told] = [*SENT, ("presence_no_longer_required", "2026-05-04")]
HEARING: list[Told] = [("sent", "2026-03-02"), ("hearing_fixed", "2026-03-02", {"date": "2026-09-15"})]
OF_2003: list[Told] = [
    ("sent", "2003-03-03"),
    ("received", "2003-03-04"),
    ("arrested", "2003-03-04"),
    ("consent_given", "2003-03-06"),
    ("decision_notified", "2003-03-20"),
]
ORDER: list[Told] = [
    ("sent", "2026-09-01"),
    ("received", "2026-09-01"),
    ("information_requested", "2026-09-02"),
]
SERVICE = {"assistance": (Assistance.SERVICE_OF_DOCUMENTS,)}
CONTENT = {"assistance": (Assistance.CONTENT_DATA,)}
KEPT = {"assistance": (Assistance.PRESERVATION_OF_DATA,)}

Example = (
    tuple[str, str | None, str, list[Told], str]
    | tuple[str, str | None, str, list[Told], str, dict[str, Any]]
)

EXTRADITION: list[Example] = [
    # Treaties of the Netherlands.
    ("us-nl-provisional-arrest", "us-nl-extradition", "US NL", ARRESTED, "Sat 2026-05-02"),
    ("ca-nl-provisional-arrest", "ca-nl-extradition", "CA NL", ARRESTED, "Sat 2026-05-02"),
    ("ca-nl-collect-may", "ca-nl-extradition", "NL CA", AGREED, "Thu 2026-04-23"),
    ("ca-nl-collect-shall", "ca-nl-extradition", "NL CA", AGREED, "Fri 2026-05-08"),
    ("au-nl-provisional-arrest", "au-nl-extradition", "AU NL", ARRESTED, "Fri 2026-04-17"),
    (
        "au-nl-not-before",
        "au-nl-extradition",
        "NL AU",
        [*HELD, ("judicial_decision", "2026-04-01", {"eligible": True})],
        "Thu 2026-04-16",
    ),
    ("hk-nl-provisional-arrest", "hk-nl-surrender", "HK NL", ARRESTED, "Sat 2026-05-02"),
    ("sr-nl-provisional-arrest", "nl-sr-extradition-mla", "SR NL", ARRESTED, "Mon 2026-03-23"),
    ("tt-nl-provisional-arrest", "nl-tt-extradition", "TT NL", ARRESTED, "Sun 2026-04-12"),
    ("tt-nl-information", "nl-tt-extradition", "NL TT", ASKED, "Thu 2026-04-09"),
    # Treaties of Switzerland.
    ("us-ch-provisional-arrest", "us-ch-extradition", "US CH", ARRESTED, "Sun 2026-04-12"),
    ("ca-ch-provisional-arrest", "ca-ch-extradition", "CH CA", ARRESTED, "Sun 2026-04-12"),
    ("au-ch-provisional-arrest", "au-ch-extradition", "AU CH", ARRESTED, "Sun 2026-04-12"),
    (
        "au-ch-collect",
        "au-ch-extradition",
        "AU CH",
        [*FINAL, ("decision_notified", "2026-04-03")],
        "Sat 2026-04-18",
    ),
    ("ph-ch-provisional-arrest", "ph-ch-extradition", "PH CH", ARRESTED, "Sun 2026-04-12"),
    ("fr-ch-simplified-surrender", "fr-ch-simplified", "FR CH", TOLD_AFTER_CONSENT, "Thu 2026-04-09"),
    ("uy-ch-provisional-arrest", "ch-uy-extradition", "UY CH", ARRESTED, "Mon 2026-06-01"),
    ("uy-ch-information", "ch-uy-extradition", "UY CH", ASKED, "Mon 2026-06-08"),
    ("uy-ch-collect", "ch-uy-extradition", "UY CH", AT_DISPOSAL, "Wed 2026-07-08"),
    ("br-ch-collect", "br-ch-extradition", "CH BR", AT_DISPOSAL, "Tue 2026-04-28"),
    ("ar-ch-provisional-arrest", "ar-ch-extradition", "CH AR", ARRESTED, "Wed 2026-06-03"),
    # Other treaties between two countries.
    ("us-in-provisional-arrest", "us-in-extradition", "US IN", ARRESTED, "Sat 2026-05-02"),
    ("id-ph-provisional-arrest", "id-ph-extradition", "ID PH", ARRESTED, "Mon 2026-03-23"),
    ("ru-ee-collect", "ru-ee-legal-assistance", "RU EE", AGREED, "Thu 2026-04-23"),
    # Council of Europe.
    ("cets209-notify-decision", "cets209", "CH TR", CONSENT, "Wed 2026-03-25"),
    ("cets209-surrender", "cets209", "CH TR", TOLD_AFTER_CONSENT, "Mon 2026-03-30"),
    ("ets70-provisional-arrest", "ets70", "TR DK", ARRESTED, "Sat 2026-03-21"),
    ("ets73-provisional-arrest", "ets73", "UA NO", ARRESTED, "Sat 2026-03-21"),
    # European Union.
    ("eu-simplified-notify-decision", "eu-simplified-1995", "AT ES", OF_2003, "Wed 2003-03-26"),
    ("eu-simplified-extradition-surrender", "eu-simplified-1995", "AT ES", OF_2003, "Wed 2003-04-09"),
    ("tca-surrender-decide-consent", "eu-uk-tca", "GB FR", CONSENT, "Sun 2026-03-15"),
    ("tca-surrender-decide", "eu-uk-tca", "FR GB", HELD, "Sat 2026-05-02"),
    ("tca-surrender", "eu-uk-tca", "FR GB", FINAL, "Sat 2026-04-11"),
    # Nordic countries and Benelux.
    ("nordic-decide-consent", "nordic2005", "NO SE", CONSENT, "Sun 2026-03-08"),
    ("nordic-decide", "nordic2005", "NO SE", HELD, "Thu 2026-04-02"),
    ("nordic-surrender", "nordic2005", "NO DK", FINAL, "Mon 2026-04-06"),
    ("benelux-provisional-arrest", "benelux1962", "BE NL", ARRESTED, "Sat 2026-03-21"),
    ("benelux-collect-may", "benelux1962", "BE LU", AGREED, "Thu 2026-04-23"),
    ("benelux-collect-shall", "benelux1962", "BE LU", AGREED, "Fri 2026-05-08"),
    # Other regions.
    ("montevideo-provisional-arrest", "montevideo1933", "US CL", NOTIFIED, "Mon 2026-05-04"),
    ("montevideo-collect", "montevideo1933", "US CL", AT_DISPOSAL, "Mon 2026-06-08"),
    ("montevideo-collect-contiguous", "montevideo1933", "AR CL", AT_DISPOSAL, "Mon 2026-05-18"),
    ("caracas-provisional-arrest", "caracas1981", "PA VE", ARRESTED, "Sat 2026-05-02"),
    ("caracas-collect", "caracas1981", "PA VE", AT_DISPOSAL, "Fri 2026-05-08"),
    ("minsk-provisional-arrest", "minsk1993", "AM MD", ARRESTED, "Sun 2026-04-12"),
    ("minsk-collect", "minsk1993", "UZ KZ", AGREED, "Thu 2026-04-23"),
    ("riyadh-provisional-arrest", "riyadh1983", "MA SA", ARRESTED, "Thu 2026-04-02"),
    ("ecowas-provisional-arrest", "ecowas1994", "NG GH", ARRESTED, "Mon 2026-03-23"),
    ("ecowas-provisional-arrest-max", "ecowas1994", "NG GH", ARRESTED, "Sun 2026-04-12"),
    # National laws, where no treaty is relied on.
    ("de-irg-16", None, "UA DE", ARRESTED, "Sun 2026-05-03"),
    ("de-irg-16-outside-europe", None, "MA DE", ARRESTED, "Wed 2026-06-03"),
    ("ch-takeover", None, "MA CH", AT_DISPOSAL, "Sat 2026-04-18"),
    ("ch-imac-50", None, "MA CH", ARRESTED, "Sat 2026-03-21"),
    ("fr-cpp-696-24", None, "MA FR", ARRESTED, "Thu 2026-04-02"),
    ("dk-provisional-arrest", None, "MA DK", ARRESTED, "Thu 2026-04-02"),
    ("dk-surrender", None, "MA DK", FINAL, "Fri 2026-05-01"),
    ("se-nordic-decide", None, "FI SE", HELD, "Tue 2026-03-17"),
    ("lv-cpl-701-shall", None, "MA LV", ARRESTED, "Sun 2026-04-12"),
    ("cn-provisional-arrest", None, "MA CN", ARRESTED, "Thu 2026-04-02"),
    ("cn-collect", None, "MA CN", AGREED, "Thu 2026-04-23"),
    ("ar-law24767-50", None, "MA AR", NOTIFIED, "Fri 2026-04-03"),
]
EVIDENCE: list[Example] = [
    ("ma-nl-summons", "ma-nl-mla", "MA NL", HEARING, "Sat 2026-06-27", SERVICE),
    ("us-ch-summons", "us-ch-mla", "US CH", HEARING, "Sun 2026-08-16", SERVICE),
    ("ets30-safe-conduct", "ets30", "UA CH", FREE, "Tue 2026-05-19"),
    ("un-safe-conduct", "untoc", "EC MA", FREE, "Tue 2026-05-19"),
    ("un-safe-conduct-uncac", "uncac", "EC MA", FREE, "Tue 2026-05-19"),
    ("un-safe-conduct-un1988", "un1988", "EC MA", FREE, "Tue 2026-05-19"),
    ("tca-decide", "eu-uk-tca", "GB FR", SENT, "Fri 2026-04-17"),
    ("tca-execute", "eu-uk-tca", "GB FR", [*SENT, ("accepted", "2026-03-16")], "Sun 2026-06-14"),
    ("tca-requested-date", "eu-uk-tca", "GB FR", SENT, "Thu 2026-04-30", {"wished_by": date(2026, 4, 30)}),
    # The last of the 45 days would be Sunday 19 April: Regulation 1182/71 moves it to Monday.
    (
        "eu-confiscation-decide",
        "eu-2018-1805",
        "FR ES",
        [("sent", "2026-03-05"), ("received", "2026-03-05")],
        "Mon 2026-04-20",
        {"assistance": (Assistance.CONFISCATION,)},
    ),
    (
        "eu-freezing-requested-date",
        "eu-2018-1805",
        "FR ES",
        SENT,
        "Thu 2026-04-30",
        {"wished_by": date(2026, 4, 30), "assistance": (Assistance.PROVISIONAL_MEASURE,)},
    ),
    ("eu-evidence-clarify", "eu-2023-1543", "FR ES", ORDER, "Mon 2026-09-07", CONTENT),
    ("eu-evidence-clarify-preserve", "eu-2023-1543", "FR ES", ORDER, "Mon 2026-09-07", KEPT),
]
BY_HOURS = {"eu-mla2000-interception", "eu-evidence-emergency"}


@pytest.mark.parametrize("example", EXTRADITION, ids=lambda example: example[0])
def test_a_limit_on_extradition_falls_due(example: Example) -> None:
    limit, convention, countries, acts, due, *_ = example
    requesting, requested = countries.split()
    clocks = clocks_of(convention, *acts, kind=RequestKind.EXTRADITION, countries=(requesting, requested))
    assert f"{clocks[limit].due_on:%a %Y-%m-%d}" == due


@pytest.mark.parametrize("example", EVIDENCE, ids=lambda example: example[0])
def test_a_limit_on_evidence_falls_due(example: Example) -> None:
    limit, convention, countries, acts, due, *more = example
    requesting, requested = countries.split()
    facts = more[0] if more else {}
    clocks = clocks_of(
        convention, *acts, kind=RequestKind.EVIDENCE, countries=(requesting, requested), **facts
    )
    assert f"{clocks[limit].due_on:%a %Y-%m-%d}" == due


def test_an_interception_notified_is_objected_to_within_four_days_to_the_hour() -> None:
    notified = ("notified_of_interception", "2026-03-06T15:30:00+01:00")
    clocks = clocks_of("eu-mla2000", *SENT, notified, kind=RequestKind.EVIDENCE, countries=("FR", "ES"))
    due_at = clocks["eu-mla2000-interception"].due_at
    assert due_at == datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
    assert f"{due_at:%a}" == "Tue"


def test_a_provider_answers_an_emergency_within_eight_hours() -> None:
    clocks = clocks_of(
        "eu-2023-1543",
        ("sent", "2026-09-04"),
        ("received", "2026-09-04"),
        ("provider_served", "2026-09-04T20:00:00+02:00"),
        kind=RequestKind.EVIDENCE,
        countries=("FR", "ES"),
        urgency=Urgency.EMERGENCY,
        **CONTENT,
    )
    due_at = clocks["eu-evidence-emergency"].due_at
    assert due_at == datetime(2026, 9, 5, 2, 0, tzinfo=UTC)
    assert f"{due_at:%a}" == "Sat"


def test_every_limit_beyond_the_first_instruments_has_its_example() -> None:
    first = ("eio-", "eaw-", "ets24-", "default-")
    shown = {example[0] for example in (*EXTRADITION, *EVIDENCE, *DAYS, *HOURS)} | BY_HOURS
    shown = {id_ for id_ in shown if not id_.startswith(first)}
    wanted = {limit.id for limit in load_limits() if limit.sets_a_number() and not limit.id.startswith(first)}
    assert shown == wanted


# --- which of them count ---


def extradition(convention: str | None, acts: list[Told], requesting: str, requested: str) -> set[str]:
    return set(clocks_of(convention, *acts, kind=RequestKind.EXTRADITION, countries=(requesting, requested)))


def test_a_national_law_counts_only_where_its_country_is_requested() -> None:
    assert "fr-cpp-696-24" in extradition(None, ARRESTED, "MA", "FR")
    assert "fr-cpp-696-24" not in extradition(None, ARRESTED, "FR", "MA")


def test_a_national_law_yields_to_the_treaty_that_says_by_when() -> None:
    under_treaty = extradition("ets24", ARRESTED, "UA", "FR")
    assert {"ets24-provisional-arrest-may", "ets24-provisional-arrest-shall"} <= under_treaty
    assert "fr-cpp-696-24" not in under_treaty


def test_a_national_law_fills_a_stage_for_which_the_treaty_has_no_number() -> None:
    assert "fr-cpp-696-24" in extradition("untoc", ARRESTED, "MA", "FR")


def test_a_national_law_goes_before_our_policy_for_its_stage_and_no_other() -> None:
    clocks = extradition(None, FINAL, "MA", "DK")
    assert {"dk-surrender", "default-extradition-decide"} <= clocks
    assert "default-extradition-surrender" not in clocks


def test_a_national_law_goes_before_the_policy_of_its_country(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = next(limit for limit in load_limits() if limit.id == "default-extradition-surrender")
    own = replace(ours, id="dk-policy", country="DK")
    also = replace(own, id="dk-policy-beside", in_addition=True)
    monkeypatch.setattr(told, "LAW", replace(told.LAW, limits=(*told.LAW.limits, own, also)))
    clocks = extradition(None, FINAL, "MA", "DK")
    assert {"dk-surrender", "dk-policy-beside"} <= clocks
    assert "dk-policy" not in clocks
    assert "dk-policy" in extradition(None, FINAL, "NO", "DK")


def test_the_danish_law_is_for_requesters_outside_the_nordic_countries_and_the_union() -> None:
    assert "dk-surrender" not in extradition(None, FINAL, "PL", "DK")
    assert "dk-surrender" not in extradition(None, FINAL, "NO", "DK")
    assert "dk-surrender" in extradition(None, FINAL, "GB", "DK")


def test_the_german_law_gives_countries_outside_europe_a_month_more() -> None:
    assert {"de-irg-16", "de-irg-16-outside-europe"} & extradition(None, ARRESTED, "UA", "DE") == {
        "de-irg-16"
    }
    assert "de-irg-16" not in extradition(None, ARRESTED, "EC", "DE")


def test_countries_with_a_common_border_collect_sooner() -> None:
    assert "montevideo-collect" not in extradition("montevideo1933", AT_DISPOSAL, "AR", "CL")
    assert "montevideo-collect-contiguous" not in extradition("montevideo1933", AT_DISPOSAL, "US", "CL")


def test_a_protocol_runs_beside_the_convention_that_it_supplements_whichever_is_named() -> None:
    both = {"ets24-provisional-arrest-shall", "cets209-notify-decision"}
    acts = [*ARRESTED, ("consent_given", "2026-03-05")]
    assert both <= extradition("ets24", acts, "CH", "TR")
    assert both <= extradition("cets209", acts, "CH", "TR")
    assert "cets209-notify-decision" not in extradition("ets24", acts, "RU", "TR")


def test_the_agreement_with_the_united_kingdom_says_nothing_between_two_members_of_the_union() -> None:
    clocks, warnings = law_at_work("eu-uk-tca", *HELD, kind=RequestKind.EXTRADITION, countries=("FR", "ES"))
    assert not any(id_.startswith("tca-") for id_ in clocks)
    assert [step.code for step in warnings] == ["convention-not-binding"]


def test_naming_the_convention_of_1957_with_the_united_kingdom_runs_the_agreement_of_2020() -> None:
    assert "tca-surrender-decide" in extradition("ets24", HELD, "FR", "GB")


def test_naming_the_minsk_convention_runs_nothing_where_that_of_chisinau_took_its_place() -> None:
    assert "minsk-provisional-arrest" not in extradition("minsk1993", ARRESTED, "KZ", "BY")


def test_an_incomplete_list_of_parties_warns_and_does_not_stand_in_the_way() -> None:
    clocks, warnings = law_at_work("untoc", *FREE, kind=RequestKind.EVIDENCE, countries=("EC", "JP"))
    assert clocks["un-safe-conduct"].state is ClockState.RUNNING
    assert [(step.code, step.args["countries"]) for step in warnings] == [
        ("convention-parties-incomplete", ["JP"])
    ]
    assert law_at_work("untoc", *FREE, kind=RequestKind.EVIDENCE, countries=("EC", "MA"))[1] == ()
