"""A request's history in legal order, and what it leaves out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from mla_tracker.domain.acts import (
    OF_EITHER_SIDE,
    PRESUMES_SENDING,
    RECEIPTS,
    SHOWS_SENDING,
    place,
)
from mla_tracker.domain.errors import ActNotPossible, DatedInFuture
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.ordering import legal_order
from mla_tracker.domain.vocabulary import Act, Assistance, Circumstance, RequestKind, Side, Urgency


def as_sentence(words: str) -> str:
    """The words with a capital at the beginning."""
    return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class Case:
    """All that the law looks at: what the request is, and the acts that were recorded and not voided."""

    kind: RequestKind
    requesting_country: str
    requested_country: str
    events: tuple[Event, ...]
    urgency: Urgency = Urgency.ROUTINE
    assistance: tuple[Assistance, ...] = ()
    circumstances: frozenset[Circumstance] = frozenset()
    convention: str | None = None
    wished_by: date | None = None
    recorded_on: date = date.min
    zones: Mapping[Side, ZoneInfo] = field(default_factory=dict)

    @cached_property
    def history(self) -> tuple[Event, ...]:
        """The acts in legal order."""
        return tuple(legal_order(self.events))

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {event.id: index for index, event in enumerate(self.history)}

    def order(self, event: Event) -> int:
        """The place of an act in legal order, counted from 0."""
        return self._positions[event.id]

    @cached_property
    def by_act(self) -> Mapping[Act, Sequence[Event]]:
        """The acts of each type in legal order; a type that did not occur is not there."""
        found: dict[Act, list[Event]] = {}
        for event in self.history:
            found.setdefault(event.act, []).append(event)
        return found

    def recorded(self, acts: Collection[Act]) -> list[Event]:
        """The acts of these types in legal order, of a receipt all statements."""
        by_act = self.by_act
        found = [event for act in acts for event in by_act.get(act, ())]
        return sorted(found, key=self.order) if len(found) > 1 and len(acts) > 1 else found

    @cached_property
    def first_day(self) -> date:
        """The day on which the request left, else of its first act, else of its recording: law is judged as of it."""
        leaving = [e.day for e in self.recorded((Act.SENT, Act.PROVISIONAL_ARREST_REQUESTED))]
        return min(leaving, default=min((e.day for e in self.history), default=self.recorded_on))

    @cached_property
    def shared(self) -> bool:
        """Whether the other side may see it: it was sent, or an act shows that it was."""
        return any(e.act in SHOWS_SENDING for e in self.events)

    def act(self, event_id: str) -> Event:
        """The act of this id, which the history holds."""
        return self.history[self._positions[event_id]]

    def country(self, side: Side) -> str:
        return self.requesting_country if side is Side.REQUESTING else self.requested_country

    def all_of(self, *acts: Act) -> list[Event]:
        """The acts of these types in legal order; of two statements of a receipt the receiver's own counts."""
        found = self.recorded(acts)
        return self.prevailing(found) if Act.RECEIVED in acts else found

    def prevailing(self, events: Sequence[Event]) -> list[Event]:
        """The acts without statements of receipt that the receiver's own statement sets aside.

        That is every statement of the other side where the receiver's own is among these acts or, of documents that
        the other side says to have delivered, where the receiver says of that day or later that they were missing.
        """
        own = [e for e in self.by_act.get(Act.RECEIVED, ()) if e.asserted_by == self.requested_country]
        among = any(e in own for e in events)
        further = {
            e.data.get("further_request")
            for e in events
            if e.act is Act.FURTHER_REQUEST_RECEIVED and e.asserted_by == self.requested_country
        }
        return [
            e
            for e in events
            if e.asserted_by == self.requested_country
            or e.act not in RECEIPTS
            or (
                e.data.get("further_request") not in further
                if e.act is Act.FURTHER_REQUEST_RECEIVED
                else not (among or _set_aside(e, own))
            )
        ]

    def answered(self, event: Event) -> str | None:
        """The id of the act that this one answers, where it names one that the history holds.

        A question that was voided and replaced is gone; what answered it then answers whatever is open.
        """
        named = event.data.get("in_reply_to")
        return str(named) if named is not None and str(named) in self._positions else None


def _set_aside(told: Event, own: Sequence[Event]) -> bool:
    """Whether the receiver's own statements leave no room for documents that the other side says to have delivered.

    They were missing on that day or later, or the receiver had received nothing yet by then.
    """
    missing = any(o.data.get("documents") is False and o.day >= told.day for o in own)
    return missing or (bool(own) and all(o.day > told.day for o in own))


def refuse_silent_sharing(case: Case) -> None:
    """Refuse to show a draft to the other country by the requesting country's word on what came after the sending.

    Whoever states that it arrived knows when it left, and says so first. Raises ActNotPossible.
    """
    showing = [e for e in case.history if e.act in SHOWS_SENDING]
    if not showing or not all(
        e.act in PRESUMES_SENDING and e.asserted_by == case.requesting_country for e in showing
    ):
        return
    event = showing[0]
    raise ActNotPossible(
        f"{as_sentence(event.told())} would show the draft to {case.requested_country}, and the record does not say "
        "that it was sent. Record the act sent with its date first, or together with this one.",
        fields=[("/type", "Record the act sent first, or together with this one.")],
        facts={"act": event.act.value, "dated": event.day.isoformat(), "event_ids": [e.id for e in showing]},
    )


def refuse_future(event: Event, now: datetime, *, pointer: str = "") -> None:
    """Refuse an act dated after `now` (aware) where it takes place. Raises DatedInFuture."""
    if event.at is not None:
        if event.at > now:
            raise DatedInFuture(
                f"{as_sentence(event.told())} lies in the future. Record it once it has happened.",
                fields=[(f"{pointer}/occurred_at", "Lies in the future.")],
            )
    elif event.day > now.astimezone(event.zone).date():
        raise DatedInFuture(
            f"{as_sentence(event.told())} lies in the future there ({event.zone.key}). "
            "Record it once it has happened.",
            fields=[(f"{pointer}/occurred_on", "Lies in the future.")],
        )


def zone_of(act: Act, zones: Mapping[Side, ZoneInfo], stated_by: Side) -> ZoneInfo:
    """The zone whose calendar day an act bears; book-keeping bears the day of the side that did it."""
    return zones[stated_by if act in OF_EITHER_SIDE else place(act)]


def unexplained_wish(wished_by: date | None, reason: str | None) -> list[Step]:
    """The warning of a date that is wished without saying why; an authority may pass over such a wish."""
    if wished_by is None or reason:
        return []
    return [
        Step("wished-by-without-reason", {"day": wished_by}, source="UNTOC Art. 18(24), UNCAC Art. 46(24)")
    ]


def suspected_twin(country: str, request_id: str) -> Step:
    """The warning that a record of the other side bears the same reference, and may be of the same case."""
    return Step("may-be-the-same-case", {"country": country, "request": request_id})


def missing_acts(case: Case) -> list[Step]:
    """What the history leaves out that must have happened: warnings, never refusals."""
    acts = case.by_act.keys()
    warnings: list[Step] = []
    if case.shared and not acts & {Act.SENT, Act.PROVISIONAL_ARREST_REQUESTED}:
        warnings.append(Step("missing-sent"))
    arrival = {Act.RECEIVED, Act.RECEIVED_BY_COMPETENT_AUTHORITY}
    if (
        acts & {Act.ACKNOWLEDGED, Act.ACCEPTED, Act.REFUSED, Act.EXECUTED, Act.PARTLY_EXECUTED, Act.GRANTED}
        and not acts & arrival
    ):
        warnings.append(Step("missing-received"))
    if acts & {Act.EXECUTED, Act.PARTLY_EXECUTED, Act.RESULTS_TRANSMITTED} and Act.ACCEPTED not in acts:
        warnings.append(Step("missing-accepted"))
    if Act.RESULTS_TRANSMITTED in acts and not acts & {Act.EXECUTED, Act.PARTLY_EXECUTED}:
        warnings.append(Step("missing-executed"))
    if Act.INFORMATION_SUPPLIED in acts and Act.INFORMATION_REQUESTED not in acts:
        warnings.append(Step("missing-information-requested"))
    if Act.SURRENDERED in acts and not acts & {Act.DECISION_FINAL, Act.GRANTED}:
        warnings.append(Step("missing-decision-final"))
    if any(e.data.get("ground") == "bank_secrecy" for e in case.recorded((Act.REFUSED,))):
        warnings.append(Step("bank-secrecy-no-ground", source="UNTOC Art. 18(8)"))
    return warnings
