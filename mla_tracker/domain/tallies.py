"""What statistics count of a request, read off its history: when it came, how it went, and if it came back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from mla_tracker.domain.acts import SHOWS_SENDING, place
from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.vocabulary import Act, Outcome, RequestKind, Side

ENQUIRY: Final = "enquiry"
RECLASSIFIED: Final = "reclassified"
WAYS: Final = (*(outcome.value for outcome in Outcome), RECLASSIFIED)
"""Every way in which a request leaves the books: its outcomes, and being found to be no request."""

_DECIDED: Final = (Act.GRANTED, Act.REFUSED)
_CONSENT: Final = (Act.CONSENT_GIVEN, Act.CONSENT_WITHHELD, Act.CONSENT_WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Ending:
    """The act that ended a request, and how; `reopened_by`: the act that took that back."""

    by: Event
    outcome: Outcome
    reopened_by: Event | None = None


@dataclass(frozen=True, slots=True)
class Spell:
    """A span in which a request is on the books of a country: from its coming, or coming back, to its end.

    `ended_on` never lies before `opened_on`. `way` is one of `WAYS`, `ground` that of the act that ended it.
    """

    opened_on: date
    reopened: bool = False
    ended_on: date | None = None
    way: str | None = None
    ground: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The spells of a request as each side counts them, none of a draft; and the days of an extradition.

    `decided_on`: of the final decision, else of the grant or refusal. `with_consent`: consent stood when it was taken.
    """

    spells: Mapping[Side, tuple[Spell, ...]]
    arrested_on: date | None = None
    consented_on: date | None = None
    decided_on: date | None = None
    with_consent: bool = False
    surrendered_on: date | None = None


def tally_of(case: Case, endings: Sequence[Ending]) -> Tally:
    """What statistics count of a case; `endings` in legal order, all but the last one taken back by a reopening."""
    if not case.shared:
        return Tally(dict.fromkeys(Side, ()))
    spells = {side: tuple(_spells(case, endings, first_day(case, side))) for side in Side}
    return _of_extradition(case, Tally(spells)) if case.kind is RequestKind.EXTRADITION else Tally(spells)


def first_day(case: Case, side: Side) -> date:
    """The day on which a request that was sent became one for that side.

    For the requesting country that of sending. For the requested one that of receipt, or of its own first act where
    that is earlier (an arrest on a provisional request). Where that day is not on record, the other of the two.
    """
    showing = [e for e in case.history if e.act in SHOWS_SENDING]
    sent = [e.day for e in showing if e.act in (Act.SENT, Act.PROVISIONAL_ARREST_REQUESTED)]
    received = case.all_of(Act.RECEIVED, Act.RECEIVED_BY_COMPETENT_AUTHORITY)
    arrived = [e.day for e in received]
    if received:
        arrived += [e.day for e in showing if e.act is not Act.RECEIVED and place(e.act) is Side.REQUESTED]
    known = (sent or arrived) if side is Side.REQUESTING else (arrived or sent)
    return min(known or [e.day for e in showing])


def _spells(case: Case, endings: Sequence[Ending], first: date) -> Iterator[Spell]:
    """The spells in legal order: on the books is what has not ended and is not found to be an enquiry."""
    spell: Spell | None = Spell(first)
    last, ended, enquiry = first, False, False
    for event, ending in _turns(case, endings):
        if event.act is Act.RECLASSIFIED:
            enquiry = event.data.get("reclassified_as") == ENQUIRY
        else:
            ended = ending is not None
        gone = ended or enquiry
        if gone is (spell is None):
            continue
        last = max(event.day, last)
        if spell is None:
            spell = Spell(last, reopened=True)
        else:
            way = RECLASSIFIED if ending is None else ending.outcome.value
            ground = None if ending is None else event.data.get("ground")
            yield replace(spell, ended_on=last, way=way, ground=ground)
            spell = None
    if spell is not None:
        yield spell


def _turns(case: Case, endings: Sequence[Ending]) -> list[tuple[Event, Ending | None]]:
    """The acts in legal order that can take a request off the books or bring it back; the former with the ending."""
    turns: list[tuple[Event, Ending | None]] = [(ending.by, ending) for ending in endings]
    turns += [(ending.reopened_by, None) for ending in endings if ending.reopened_by is not None]
    turns += [(event, None) for event in case.history if event.act is Act.RECLASSIFIED]
    return sorted(turns, key=lambda turn: case.order(turn[0]))


def _of_extradition(case: Case, tally: Tally) -> Tally:
    """With the days of arrest, consent, decision and surrender, each where it is known."""
    consents = [e for e in case.history if e.act in _CONSENT]
    decision = _first(case, Act.DECISION_FINAL) or _first(case, *_DECIDED)
    arrest = _first(case, Act.PROVISIONALLY_ARRESTED, Act.ARRESTED)
    surrender = _first(case, Act.SURRENDERED)
    standing = consents[-1] if consents and consents[-1].act is Act.CONSENT_GIVEN else None
    before = [e for e in consents if decision is not None and case.order(e) < case.order(decision)]
    return replace(
        tally,
        arrested_on=arrest.day if arrest else None,
        consented_on=standing.day if standing else None,
        decided_on=decision.day if decision else None,
        with_consent=bool(before) and before[-1].act is Act.CONSENT_GIVEN,
        surrendered_on=surrender.day if surrender else None,
    )


def _first(case: Case, *acts: Act) -> Event | None:
    return next((e for e in case.history if e.act in acts and not e.data.get("items")), None)


def tally_document(tally: Tally) -> dict[str, object]:
    """A tally in JSON's terms, as it is stored."""
    days = {
        name: value.isoformat() if isinstance(value := getattr(tally, name), date) else None
        for name in ("arrested_on", "consented_on", "decided_on", "surrendered_on")
    }
    return {
        **{
            side.value: [
                {
                    "opened_on": spell.opened_on.isoformat(),
                    "reopened": spell.reopened,
                    "ended_on": spell.ended_on.isoformat() if spell.ended_on else None,
                    "way": spell.way,
                    "ground": spell.ground,
                }
                for spell in spells
            ]
            for side, spells in tally.spells.items()
        },
        **days,
        "with_consent": tally.with_consent,
    }
