"""Agreements between countries or organisations: their life, and whom they bind on a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from uuid import UUID

from mla_tracker.domain.vocabulary import (
    AgreementAct,
    AgreementKind,
    AgreementScope,
    AgreementStatus,
)


@dataclass(frozen=True, slots=True)
class Party:
    """A country (ISO 3166-1 alpha-2) or an organisation bound by an agreement, with dates of its own.

    `terminated_on` is the first day on which the party is no longer bound.
    """

    name: str
    signed_on: date | None = None
    in_force_from: date | None = None
    terminated_on: date | None = None


@dataclass(frozen=True, slots=True)
class AgreementEvent:
    """A dated act in an agreement's life.

    `by` names the party whose act it was, None where it was the act of all. `effective_on` is the day from
    which it has effect where that is another day: a denunciation has none until the notice has run.
    """

    type: AgreementAct
    occurred_on: date
    by: str | None = None
    effective_on: date | None = None

    @property
    def has_effect_from(self) -> date | None:
        """The first day of its effect; None for a denunciation that does not say when it takes effect."""
        if self.type is AgreementAct.DENOUNCED:
            return self.effective_on
        return self.effective_on or self.occurred_on


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement as one country recorded it. `terminated_on` is the first day it is no longer in force.

    `events` are those that stand: a voided event never happened.
    """

    id: UUID
    title: str
    kind: AgreementKind
    scope: AgreementScope
    recorded_by: str
    parties: tuple[Party, ...]
    signed_on: date | None = None
    provisionally_applied_from: date | None = None
    in_force_from: date | None = None
    terminated_on: date | None = None
    events: tuple[AgreementEvent, ...] = ()

    @property
    def bilateral(self) -> bool:
        return self.scope is AgreementScope.BILATERAL

    def party(self, name: str) -> Party | None:
        """The party of that country code or organisation name."""
        return next((party for party in self.parties if party.name == name), None)


class _Change(IntEnum):
    """What a day can bring; several on one day take effect in this order."""

    SIGNATURE = 1
    PROVISIONAL_APPLICATION = 2
    ENTRY_INTO_FORCE = 3
    SUSPENSION = 4
    RESUMPTION = 5
    END = 6


_CHANGES: Mapping[AgreementAct, _Change] = {
    AgreementAct.SIGNED: _Change.SIGNATURE,
    AgreementAct.PROVISIONALLY_APPLIED: _Change.PROVISIONAL_APPLICATION,
    AgreementAct.ENTERED_INTO_FORCE: _Change.ENTRY_INTO_FORCE,
    AgreementAct.SUSPENDED: _Change.SUSPENSION,
    AgreementAct.RESUMED: _Change.RESUMPTION,
    AgreementAct.DENOUNCED: _Change.END,
    AgreementAct.TERMINATED: _Change.END,
    AgreementAct.SUPERSEDED: _Change.END,
}
# What an event's data may say: `by`, the party whose act it was; `effective_on`, the day of effect if it is
# another; `superseded_by`, the id of the agreement that took the place of this one.
EVENT_DATA: Mapping[AgreementAct, frozenset[str]] = {
    AgreementAct.NEGOTIATION_OPENED: frozenset(),
    AgreementAct.INITIALLED: frozenset({"by"}),
    AgreementAct.SIGNED: frozenset({"by"}),
    AgreementAct.RATIFIED: frozenset({"by"}),
    AgreementAct.PROVISIONALLY_APPLIED: frozenset({"by", "effective_on"}),
    AgreementAct.ENTERED_INTO_FORCE: frozenset({"by"}),
    AgreementAct.AMENDED: frozenset({"effective_on"}),
    AgreementAct.SUSPENDED: frozenset({"by", "effective_on"}),
    AgreementAct.RESUMED: frozenset({"by", "effective_on"}),
    AgreementAct.DENOUNCED: frozenset({"by", "effective_on"}),
    AgreementAct.TERMINATED: frozenset({"by", "effective_on"}),
    AgreementAct.SUPERSEDED: frozenset({"effective_on", "superseded_by"}),
}
_BEGINNINGS = (_Change.SIGNATURE, _Change.PROVISIONAL_APPLICATION, _Change.ENTRY_INTO_FORCE)
_Turn = tuple[date, _Change]

# Vienna Convention on the Law of Treaties Art. 25: a treaty that is applied provisionally is applied.
APPLYING = frozenset({AgreementStatus.IN_FORCE, AgreementStatus.PROVISIONALLY_APPLIED})


def _recorded(agreement: Agreement, party: Party | None) -> list[_Turn]:
    """What was recorded of the agreement as a whole (None), or of one party alone."""
    dated = agreement if party is None else party
    dates = [
        (dated.signed_on, _Change.SIGNATURE),
        (dated.in_force_from, _Change.ENTRY_INTO_FORCE),
        (dated.terminated_on, _Change.END),
    ]
    if party is None:
        dates.append((agreement.provisionally_applied_from, _Change.PROVISIONAL_APPLICATION))
    name = party.name if party else None
    dates += [
        (event.has_effect_from, _CHANGES[event.type])
        for event in agreement.events
        if event.by == name and event.type in _CHANGES
    ]
    return [(day, change) for day, change in dates if day is not None]


def _first(turns: Iterable[_Turn], change: _Change) -> date | None:
    return min((day for day, what in turns if what is change), default=None)


def _begun_by_parties(agreement: Agreement, change: _Change, each: Sequence[list[_Turn]]) -> date | None:
    """The day on which the parties' own dates together made the whole agreement signed, applied or in force.

    Between two, signature takes both, and the later day of entry into force counts. Among many, the first
    party to sign or to be bound shows that it was signed, and it applies once two are bound.
    """
    days = sorted(day for turns in each if (day := _first(turns, change)) is not None)
    if agreement.bilateral:
        both_needed = change is _Change.SIGNATURE
        return days[-1] if days and not (both_needed and len(days) < len(agreement.parties)) else None
    if change is _Change.SIGNATURE:
        return min((day for turns in each for day, what in turns if what in _BEGINNINGS), default=None)
    return days[1] if len(days) > 1 else None


def _turns(agreement: Agreement) -> list[_Turn]:
    """The turning points of the agreement as a whole."""
    turns = _recorded(agreement, None)
    each = [_recorded(agreement, party) for party in agreement.parties]
    for change in _BEGINNINGS:
        if _first(turns, change) is None and (day := _begun_by_parties(agreement, change, each)):
            turns.append((day, change))
    # Nobody ratifies what was not signed, though the register may not know the day of signature.
    turns += [
        (event.occurred_on, _Change.SIGNATURE)
        for event in agreement.events
        if event.type is AgreementAct.RATIFIED
    ]
    if agreement.bilateral:
        turns += [turn for own in each for turn in own if turn[1] not in _BEGINNINGS]
    elif all(left := [_left_on(own) for own in each]):
        turns.append((max(day for day in left if day), _Change.END))
    return turns


def _left_on(own: Iterable[_Turn]) -> date | None:
    """The first day on which a party is bound no more by what is recorded of it alone; None where nothing says so."""
    spells = _walk(own)
    return spells[-1][0] if spells and spells[-1][1] is AgreementStatus.TERMINATED else None


def _party_turns(agreement: Agreement, party: Party) -> list[_Turn]:
    """The turning points of the agreement for one party.

    A party to a multilateral agreement of whom no signature, ratification or entry into force of its own is
    recorded shares the agreement's; one that has only signed or ratified is not bound.
    """
    if agreement.bilateral:
        return _turns(agreement)
    own = _recorded(agreement, party)
    ratified = any(
        event.type is AgreementAct.RATIFIED and event.by == party.name for event in agreement.events
    )
    if ratified or any(change in _BEGINNINGS for _, change in own):
        return own
    return own + [turn for turn in _recorded(agreement, None) if turn[1] in _BEGINNINGS]


def _walk(turns: Iterable[_Turn]) -> list[tuple[date, AgreementStatus]]:
    """The statuses in order of time, each with its first day."""
    status = AgreementStatus.NEGOTIATING
    before_suspension = status
    spells: list[tuple[date, AgreementStatus]] = []
    for day, change in sorted(turns):
        following = status
        match change:
            case _Change.SIGNATURE if status is AgreementStatus.NEGOTIATING:
                following = AgreementStatus.SIGNED
            case _Change.PROVISIONAL_APPLICATION if status in (
                AgreementStatus.NEGOTIATING,
                AgreementStatus.SIGNED,
            ):
                following = AgreementStatus.PROVISIONALLY_APPLIED
            case _Change.ENTRY_INTO_FORCE:
                following = AgreementStatus.IN_FORCE
            case _Change.SUSPENSION if status in APPLYING:
                before_suspension, following = status, AgreementStatus.SUSPENDED
            case _Change.RESUMPTION if status is AgreementStatus.SUSPENDED:
                following = before_suspension
            case _Change.END:
                following = AgreementStatus.TERMINATED
        if following is not status:
            status = following
            if spells and spells[-1][0] == day:
                spells.pop()
            spells.append((day, status))
    return spells


def _at(spells: Iterable[tuple[date, AgreementStatus]], day: date) -> AgreementStatus:
    status = AgreementStatus.NEGOTIATING
    for first_day, following in spells:
        if first_day <= day:
            status = following
    return status


def life(agreement: Agreement) -> tuple[tuple[date, AgreementStatus], ...]:
    """Every status the agreement takes, with the first day of each; before the first it is negotiated."""
    return tuple(_walk(_turns(agreement)))


def status_on(agreement: Agreement, day: date) -> AgreementStatus:
    """Where the agreement as a whole stands on a day, past or to come."""
    return _at(life(agreement), day)


def party_status_on(agreement: Agreement, name: str, day: date) -> AgreementStatus | None:
    """Where the agreement stands for one party on a day; None for who is not a party."""
    party = agreement.party(name)
    return _at(_walk(_party_turns(agreement, party)), day) if party else None


def first_public_day(agreement: Agreement) -> date | None:
    """The first day on which others than the recording country may see it; None while it is negotiated.

    That is the day it was signed, provisionally applied or in force. A record that shows an end without any
    beginning stays secret: negotiations that were broken off are nobody else's business.
    """
    return min((day for day, change in _turns(agreement) if change in _BEGINNINGS), default=None)


def in_force_between(agreement: Agreement, a: str, b: str, day: date) -> bool:
    """Whether both are parties and both bound on the day; provisional application binds too.

    Among many each party's own dates count beside those of the agreement.
    """
    return (
        a != b
        and status_on(agreement, day) in APPLYING
        and all(party_status_on(agreement, name, day) in APPLYING for name in (a, b))
    )


def applied_since(agreement: Agreement, a: str, b: str, day: date) -> date | None:
    """Since when the agreement has applied between two parties, suspensions aside; None where it does not."""
    if not in_force_between(agreement, a, b, day):
        return None
    lives = [life(agreement)]
    lives += [
        tuple(_walk(_party_turns(agreement, party))) for party in agreement.parties if party.name in (a, b)
    ]
    return max(_current_start(spells, day) for spells in lives)


def _current_start(spells: Sequence[tuple[date, AgreementStatus]], day: date) -> date:
    """The first day of the application that runs on `day`."""
    start = date.min
    previous = AgreementStatus.NEGOTIATING
    for first_day, status in spells:
        if first_day > day:
            break
        if status in APPLYING and previous not in APPLYING and previous is not AgreementStatus.SUSPENDED:
            start = first_day
        previous = status
    return start
