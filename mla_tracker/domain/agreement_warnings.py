"""What looks odd in an agreement's dates: real registers hold such things, so it is told, never refused."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

from mla_tracker.domain.agreements import Agreement, AgreementEvent, Party, first_public_day, life
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.vocabulary import AgreementAct, AgreementStatus


def warnings(agreement: Agreement) -> tuple[Step, ...]:
    """Every oddity of an agreement's dates and events, none of which keeps it from being recorded."""
    return (
        *_dates_out_of_order(agreement),
        *_dates_against_events(agreement),
        *_signatures(agreement),
        *_events(agreement),
        *_without_effect(agreement),
    )


def _dates_out_of_order(agreement: Agreement) -> Iterator[Step]:
    for who in (None, *agreement.parties):
        dated: Agreement | Party = agreement if who is None else who
        name = who.name if who else agreement.title
        signed, in_force, ended = (
            dated.signed_on or _first_event(agreement, AgreementAct.SIGNED, who),
            dated.in_force_from or _first_event(agreement, AgreementAct.ENTERED_INTO_FORCE, who),
            dated.terminated_on,
        )
        if signed and in_force and in_force < signed:
            yield Step(
                "in-force-before-signature", {"name": name, "in_force_from": in_force, "signed_on": signed}
            )
        begun = in_force or signed
        if begun and ended and ended < begun:
            yield Step("terminated-before-begun", {"name": name, "terminated_on": ended, "begun_on": begun})
    applied = agreement.provisionally_applied_from
    if applied and agreement.signed_on and applied < agreement.signed_on:
        yield Step("applied-before-signature", {"applied_from": applied, "signed_on": agreement.signed_on})
    if applied and agreement.in_force_from and applied > agreement.in_force_from:
        yield Step(
            "applied-after-entry-into-force",
            {"applied_from": applied, "in_force_from": agreement.in_force_from},
        )


def _first_event(agreement: Agreement, act: AgreementAct, party: Party | None = None) -> date | None:
    days = (
        _day(event)
        for event in agreement.events
        if event.type is act and event.by == (party.name if party else None)
    )
    return min(days, default=None)


def _day(event: AgreementEvent) -> date:
    return event.has_effect_from or event.occurred_on


def _dates_against_events(agreement: Agreement) -> Iterator[Step]:
    """A date of the record and an event that say two things: the earlier counts until one is corrected."""
    told_twice = (
        ("signed_on", agreement.signed_on, AgreementAct.SIGNED),
        (
            "provisionally_applied_from",
            agreement.provisionally_applied_from,
            AgreementAct.PROVISIONALLY_APPLIED,
        ),
        ("in_force_from", agreement.in_force_from, AgreementAct.ENTERED_INTO_FORCE),
        ("terminated_on", agreement.terminated_on, AgreementAct.TERMINATED),
    )
    for field, day, act in told_twice:
        told = _first_event(agreement, act)
        if day and told and day != told:
            yield Step(
                "date-and-event-differ", {"field": field, "day": day, "act": act.value, "event_day": told}
            )


def _signatures(agreement: Agreement) -> Iterator[Step]:
    """Parties that have signed or ratified and yet do not make the agreement signed, or are not bound."""
    whole_signed = agreement.signed_on or _first_event(agreement, AgreementAct.SIGNED)
    if agreement.bilateral and not whole_signed:
        signed = {
            party.name
            for party in agreement.parties
            if party.signed_on or _first_event(agreement, AgreementAct.SIGNED, party)
        }
        missing = [party.name for party in agreement.parties if party.name not in signed]
        if signed and missing:
            yield Step("signed-by-one-side", {"signed": sorted(signed), "missing": missing})
    if not agreement.bilateral:
        for party in agreement.parties:
            ratified = _first_event(agreement, AgreementAct.RATIFIED, party)
            bound = party.in_force_from or _first_event(agreement, AgreementAct.ENTERED_INTO_FORCE, party)
            if ratified and not bound:
                yield Step("ratified-not-bound", {"party": party.name, "ratified_on": ratified})


def _events(agreement: Agreement) -> Iterator[Step]:
    for event in agreement.events:
        about = {"occurred_on": event.occurred_on, "act": event.type.value}
        if event.type is AgreementAct.RATIFIED and event.by is None:
            yield Step("ratified-by-whom", {"occurred_on": event.occurred_on})
        if event.type is AgreementAct.DENOUNCED and event.effective_on is None:
            yield Step("denounced-without-effect", {"occurred_on": event.occurred_on})
        if event.effective_on and event.effective_on < event.occurred_on:
            yield Step("effective-before-act", {**about, "effective_on": event.effective_on})


def _without_effect(agreement: Agreement) -> Iterator[Step]:
    """Suspensions of what did not apply, resumptions of what was not suspended, ends without a beginning."""
    spells = life(agreement)
    firsts = {(day, status) for day, status in spells}
    for event in agreement.events:
        if event.by is not None and not agreement.bilateral:
            continue
        day = _day(event)
        if event.type is AgreementAct.SUSPENDED and (day, AgreementStatus.SUSPENDED) not in firsts:
            yield Step("suspended-without-effect", {"day": day})
        if event.type is AgreementAct.RESUMED and not _resumes(spells, day):
            yield Step("resumed-without-effect", {"day": day})
    if spells and first_public_day(agreement) is None:
        yield Step("ended-without-beginning", {"country": agreement.recorded_by})


def _resumes(spells: tuple[tuple[date, AgreementStatus], ...], day: date) -> bool:
    return any(
        earlier[1] is AgreementStatus.SUSPENDED and later[0] == day for earlier, later in pairwise(spells)
    )


TEMPLATES: Mapping[str, str] = {
    "in-force-before-signature": (
        "{name}: in force from {in_force_from} lies before the signature on {signed_on}. "
        "Correct one of the two dates, or leave them if the register says so."
    ),
    "terminated-before-begun": (
        "{name}: terminated on {terminated_on} lies before its beginning on {begun_on}. "
        "Correct one of the two dates."
    ),
    "applied-before-signature": (
        "Provisionally applied from {applied_from} lies before the signature on {signed_on}. "
        "Correct one of the two dates, or leave them if the register says so."
    ),
    "applied-after-entry-into-force": (
        "Provisionally applied from {applied_from} lies after the entry into force on {in_force_from} "
        "and has no effect. Correct one of the two dates."
    ),
    "date-and-event-differ": (
        "The field {field} says {day}, the event {act} says {event_day}. "
        "Correct the field, or void the event."
    ),
    "signed-by-one-side": (
        "Signed by {signed} only: it counts as negotiated until the signature of {missing} is recorded."
    ),
    "ratified-not-bound": (
        "{party} ratified on {ratified_on}, but no day of entry into force for it is recorded: "
        "it does not count as bound. Add the day."
    ),
    "ratified-by-whom": (
        "The ratification of {occurred_on} does not say whose it was. Void it and record it with data.by."
    ),
    "denounced-without-effect": (
        "The denunciation of {occurred_on} does not say when it takes effect, so it has ended nothing. "
        "Void it and record it with data.effective_on, or record when it was terminated."
    ),
    "effective-before-act": (
        "The event {act} of {occurred_on} takes effect on {effective_on}, before it happened. "
        "Void it and record it with the right day if that is wrong."
    ),
    "suspended-without-effect": "The suspension from {day} has no effect: the agreement did not apply then.",
    "resumed-without-effect": "The resumption on {day} has no effect: the agreement was not suspended then.",
    "ended-without-beginning": (
        "An end is recorded, but no day of signature, provisional application or entry into force: "
        "only {country} sees this agreement."
    ),
}
