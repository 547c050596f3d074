"""The limits that ship say what the law says: each is held against the row read from its source."""

import csv
import re
from pathlib import Path

import pytest

from mla_tracker.catalogue.limit_files import load_entries, load_limits
from mla_tracker.domain.limits import Limit, Trigger
from mla_tracker.domain.vocabulary import Act, Assistance, Basis, Effect, Obligor, RequestKind, Stage

HERE = Path(__file__).parent
ENTRIES = {entry.limit.id: entry for entry in load_entries()}
LIMITS = {limit.id: limit for limit in load_limits()}
LAW = {row["id"]: row for row in csv.DictReader((HERE / "time_limits.csv").open(encoding="utf-8"))}
DATE_AGREED = "surrender_date_agreed its date"

# What the sheet says in the unit, we say by the counting rule.
SAYS_HOW = " counted from and including the day of receipt"
# The sheet speaks of acts in words; so we read them.
PHRASES = {
    "-": "",
    "received_by_competent_authority, else received": "received_by_competent_authority, received",
    "accepted or refused": "accepted, refused",
    "arrested (immunity: immunity_waived)": "immunity_waived, arrested",
    "received with documents": "received documents=true",
    "surrender_date_agreed (its date)": DATE_AGREED,
    "hearing_fixed (its date, backwards)": "hearing_fixed its date",
    "received (follow-up request)": "further_request_received further_request=follow_up",
    "received (transit request)": "further_request_received further_request=transit",
    "consent_given or consent_withheld, notified": "consent_notified",
    "judicial_decision or appeal_decided (eligible)": "appeal_decided eligible=true, judicial_decision eligible=true",
}
# Where we read the provision otherwise than the sheet does, which says of itself that the provision wins.
MENDED = {
    # Art. 20: with an immunity both limits of the arrest warrant run from its waiver.
    ("eaw-decide-consent", "starts_on"): "immunity_waived, consent_given",
    # A refusal is a final decision on the warrant too.
    ("eaw-decide-consent", "stops_on"): "decision_final, refused",
    ("eaw-decide", "stops_on"): "decision_final, refused",
    # The person surrendered is in the requesting country and has 45 days there to leave it.
    ("eaw-speciality-45", "counted_in"): "requesting",
    ("ets24-speciality-45", "counted_in"): "requesting",
    # So is the witness who came there under safe conduct, which the requesting country owes.
    ("ets30-safe-conduct", "counted_in"): "requesting",
    ("un-safe-conduct", "counted_in"): "requesting",
    ("un-safe-conduct", "obligor"): "requesting",
    # The fourteen days are for the first court, which decides on eligibility.
    ("se-nordic-decide", "stops_on"): "judicial_decision",
    # Section 56 is about consent to deal with a further offence: the hearing on it must begin in time.
    ("uk-ea2003-consent-hearing", "stage"): "speciality_consent",
    ("uk-ea2003-consent-hearing", "starts_on"): "further_request_received further_request=speciality_consent",
    ("uk-ea2003-consent-hearing", "stops_on"): "consent_hearing_begun",
    # A request to continue the arrest keeps the first thirty days too, up to the sixty of the row beside it.
    ("riyadh-provisional-arrest", "stops_on"): "received documents=true, "
    "further_request_received further_request=continued_arrest",
    # Only a request that came without its documents starts it, and documents that arrive end it.
    ("ets73-documents", "starts_on"): "received documents=false",
    ("ets73-documents", "stops_on"): "information_supplied, received documents=true",
    # Other requests for information have limits of their own.
    ("eu-freezing-limit-reply", "starts_on"): "information_requested purpose=limit_of_freezing",
    # An arrest before the final decree starts nothing; a re-arrest has a row of its own.
    ("fr-cpp-696-22", "starts_on"): "arrested after decision_final",
    # The thirty days run from the receipt of the request for consent, where that is on record.
    ("eaw-speciality-consent", "starts_on"): "further_request_received further_request=speciality_consent, "
    "speciality_consent_requested",
    # Art. 29(3) asks for the request alone; Art. 29(4) gives fifteen days more for what must accompany it.
    ("ets73-provisional-arrest", "stops_on"): "received",
}


def in_words(*triggers: Trigger) -> str:
    return ", ".join(
        trigger.act.value
        + "".join(f" {name}={value}".lower() for name, value in trigger.where.items())
        + (f" its {trigger.date_field}" if trigger.date_field else "")
        + (f" after {trigger.after}" if trigger.after else "")
        for trigger in triggers
    )


def when_in_words(limit: Limit) -> tuple[str, str]:
    """Amount and unit as the sheet writes them."""
    if limit.request_date is not None:
        return "", "date fixed by the requester"
    if limit.span is None:
        return "", limit.wording["no_number"]
    if limit.span.amount < 0:
        return str(-limit.span.amount), f"{limit.span.unit} before"
    return str(limit.span.amount), limit.span.unit.value


@pytest.mark.parametrize("id_", LAW)
def test_a_limit_of_the_law_says_what_its_source_says(id_: str) -> None:
    limit, later_kinds = ENTRIES[id_].limit, ENTRIES[id_].later_kinds
    law = {column: MENDED.get((id_, column), text) for column, text in LAW[id_].items()}
    amount, unit = when_in_words(limit)
    said = law["unit"].removeprefix("no number: ").removeprefix("no own number: ")
    assert (amount, unit.replace(",", "")) == (law["amount"], said.removesuffix(SAYS_HOW))
    assert (limit.instrument, limit.provision) == (law["instrument"], law["provision"])
    assert (",".join(sorted(limit.kinds | later_kinds)) or "any") == law["request_kind"]
    assert (limit.stage, limit.tier or "", limit.effect) == (law["stage"], law["tier"], law["effect"])
    assert (limit.obligor, limit.counted_in) == (law["obligor"], law["counted_in"])
    assert limit.counting == law["counting"]
    assert in_words(*limit.starts_on) == PHRASES.get(law["starts_on"], law["starts_on"])
    assert in_words(*limit.stops_on) == PHRASES.get(law["stops_on"], law["stops_on"])
    assert (limit.evidence, limit.verified) == (law["evidence"], law["evidence"] == "V")
    assert limit.wording.get("seen_at", "") == law["seen_at"]
    assert limit.wording.get("runs_from", "") == law["runs_from"]
    assert limit.wording.get("condition", "") == law["condition"]
    assert limit.wording.get("extension", "") == law["extension"]
    assert limit.wording.get("on_expiry", "") == law["on_expiry"]


@pytest.mark.parametrize(
    ("id_", "within", "kinds", "stage", "starts", "stops"),
    [
        (*row.split(" | "),)
        for row in (
            "default-receive | 10 working_days | EXPI | receive | sent | received",
            "default-acknowledge | 5 working_days | EXPI | acknowledge | received | acknowledged",
            "default-evidence-decide | 30 days | E | decide | received | accepted, refused",
            "default-evidence-execute | 90 days | E | execute | accepted | executed",
            "default-supply-information | 30 days | EXPI | supply_information | information_requested "
            "| information_supplied",
            "default-extradition-decide | 60 days | X | decide | received | decision_final, refused, granted",
            "default-extradition-surrender | 30 days | X | surrender | decision_final, granted | surrendered",
            "default-proceedings-decide | 180 days | P | decide | received | charged, declined, refused",
            "default-information-execute | 30 days | I | execute | received | executed",
            "default-tell-result | 30 days | P | tell_result | concluded | result_told",
        )
    ],
)
def test_our_default_policy(id_: str, within: str, kinds: str, stage: str, starts: str, stops: str) -> None:
    limit = LIMITS[id_]
    letters = {kind.value[0].upper(): kind for kind in RequestKind} | {
        "E": RequestKind.EVIDENCE,
        "X": RequestKind.EXTRADITION,
    }
    assert " ".join(when_in_words(limit)) == within
    assert limit.kinds == {letters[letter] for letter in kinds}
    assert limit.stage == stage
    assert in_words(*limit.starts_on) == starts
    assert in_words(*limit.stops_on) == stops
    assert (limit.basis, limit.effect) == (Basis.POLICY, Effect.DEADLINE)
    side = Obligor.REQUESTING if id_ == "default-supply-information" else Obligor.REQUESTED
    assert (limit.obligor, limit.counted_in) == (side, side)
    assert limit.counting == ("working-days" if "working" in within else "calendar")


# Not in force, for the reason that its file gives.
WAITING = {"icc-provisional-arrest"}


def test_all_rows_of_the_law_are_in_force_but_those_that_wait() -> None:
    assert set(LAW) - set(LIMITS) == WAITING
    beside = {
        *("un-safe-conduct-uncac", "un-safe-conduct-un1988", "de-irg-16-outside-europe"),
        *("fr-cpp-696-22-rearrested", "ie-ea1965-31-habeas-corpus", "eio-acknowledge-executing-authority"),
        *("untoc-requested-date", "uncac-requested-date"),
    }
    assert {id_ for id_ in LIMITS if not id_.startswith("default-")} - set(LAW) == beside
    assert len([id_ for id_ in LIMITS if id_.startswith("default-")]) == 13


def test_what_is_on_record_but_not_in_force_says_what_it_lacks() -> None:
    waiting = [entry for entry in ENTRIES.values() if not entry.ready]
    assert {entry.limit.id for entry in waiting} == WAITING
    assert all(entry.lacks for entry in waiting)


def test_an_expiry_that_an_act_can_avert_warns_before_it_runs_out() -> None:
    unwarned = [
        limit.id
        for limit in (entry.limit for entry in ENTRIES.values())
        if limit.effect is Effect.EXPIRY
        and limit.sets_a_number()
        and limit.stops_on
        and limit.warning_lead is None
    ]
    assert unwarned == []


SAYS_WHEN_IT_PAUSES = {
    *("eio-execute", "eaw-surrender", "eu-evidence-emergency", "eu-evidence-produce", "eu-freezing-execute"),
}


def test_a_law_that_says_nothing_on_pauses_does_not_pause() -> None:
    pausing = {limit.id for limit in LIMITS.values() if limit.basis is Basis.LAW and limit.pauses}
    assert pausing == SAYS_WHEN_IT_PAUSES


def test_the_investigation_order_is_decided_once_thirty_days_later_with_reason_and_estimate() -> None:
    rule = LIMITS["eio-decide"].extension
    assert rule is not None
    assert rule.each is not None
    assert (rule.each.amount, rule.each.unit, rule.times) == (30, "days", 1)
    assert (rule.reason_required, rule.estimate_required) == (True, True)


def test_executing_an_investigation_order_may_take_longer_without_cap() -> None:
    rule = LIMITS["eio-execute"].extension
    assert rule is not None
    assert (rule.each, rule.times, rule.total, rule.reason_required) == (None, None, None, True)


def test_the_provisional_measure_alone_has_a_day() -> None:
    assert LIMITS["eio-provisional"].conditions.assistance == {Assistance.PROVISIONAL_MEASURE}


@pytest.mark.parametrize(("id_", "consent"), [("eaw-decide-consent", True), ("eaw-decide", False)])
def test_the_arrest_warrant_has_one_limit_with_and_one_without_consent(id_: str, consent: bool) -> None:
    limit = LIMITS[id_]
    assert limit.conditions.consent is consent
    assert limit.extension is not None
    assert limit.extension.each is not None
    assert (limit.extension.each.amount, limit.extension.times) == (30, 1)
    assert "C-237/15" in str(limit.consequence)


def test_a_new_surrender_date_starts_the_ten_days_of_the_arrest_warrant_anew() -> None:
    assert in_words(*LIMITS["eaw-surrender"].restarts_on) == DATE_AGREED


@pytest.mark.parametrize("id_", ["ets24-collect-may", "ets24-collect-shall"])
def test_a_new_date_starts_the_collection_anew(id_: str) -> None:
    assert in_words(*LIMITS[id_].restarts_on) == DATE_AGREED


@pytest.mark.parametrize(
    "id_", [id_ for id_ in LIMITS if id_.startswith(("ets24-provisional", "ets24-collect"))]
)
def test_release_ends_the_clocks_of_custody(id_: str) -> None:
    assert Act.RELEASED in LIMITS[id_].cancelled_by


@pytest.mark.parametrize(
    "id_", ["eaw-speciality-consent", "eaw-speciality-45", "ets24-speciality-45", "default-tell-result"]
)
def test_what_begins_after_the_end_survives_it(id_: str) -> None:
    assert LIMITS[id_].survives_end


@pytest.mark.parametrize("id_", ["un1988-speed", "untoc-speed", "uncac-speed"])
def test_the_united_nations_conventions_set_no_number_for_any_kind(id_: str) -> None:
    assert not LIMITS[id_].sets_a_number()
    assert LIMITS[id_].kinds == frozenset()
    assert LIMITS[id_].convention == id_.removesuffix("-speed")


def test_silence_about_arrival_is_overdue_for_every_kind() -> None:
    assert LIMITS["default-receive"].kinds == frozenset(RequestKind)
    assert LIMITS["default-receive"].stage is Stage.RECEIVE


@pytest.mark.parametrize("id_", [id_ for id_ in LIMITS if re.search(r"^default-.*(decide|execute)$", id_)])
def test_our_policy_pauses_while_postponed_or_waiting_and_may_be_extended_again(id_: str) -> None:
    limit = LIMITS[id_]
    executing = limit.stage is Stage.EXECUTE
    assert [(rule.begins, rule.ends) for rule in limit.pauses] == [
        ((Act.POSTPONED,), (Act.RESUMED,)),
        ((Act.INFORMATION_REQUESTED,), (Act.INFORMATION_SUPPLIED, *[Act.ACCEPTED] * executing)),
    ]
    assert limit.extension is not None
    assert (limit.extension.times, limit.extension.reason_required) == (None, True)


def test_our_policy_is_said_to_be_ours() -> None:
    ours = [limit for limit in LIMITS.values() if limit.basis is Basis.POLICY]
    assert all(limit.instrument == "Our default policy" and limit.evidence == "own" for limit in ours)
    assert all(limit.escalation_days == (7, 30) for limit in ours if limit.effect is Effect.DEADLINE)


def test_information_asked_for_is_owed_by_the_requesting_country() -> None:
    assert LIMITS["default-supply-information"].obligor is Obligor.REQUESTING
