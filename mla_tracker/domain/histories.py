"""A request's history in legal order: whether it can be true, and what it says of life, custody and end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from mla_tracker.domain.acts import AFTER_CLOSING, OF_EITHER_SIDE, ORDER, RANK, SHOWS_SENDING, place
from mla_tracker.domain.errors import ActNotPossible, DatedInFuture
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.vocabulary import Act, Assistance, RequestKind, Side, Urgency


@dataclass(frozen=True, slots=True)
class Event:
    """One act of a history, with the instant or the local day on which it took place.

    `zone` is the zone of the country where it took place; `asserted_by` the country that says so.
    """

    id: str
    act: Act
    zone: ZoneInfo
    at: datetime | None = None
    on: date | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    asserted_by: str = ""

    @property
    def day(self) -> date:
        """The day of the act where it took place."""
        if self.on is not None:
            return self.on
        assert self.at is not None
        return self.at.astimezone(self.zone).date()

    @property
    def earliest(self) -> datetime:
        """The first instant (UTC) at which the act can have happened."""
        return self.at if self.at is not None else first_instant(self.day, self.zone)

    @property
    def latest(self) -> datetime:
        """The last instant (UTC, exclusive for a bare date) at which the act can have happened."""
        return self.at if self.at is not None else first_instant(self.day + timedelta(days=1), self.zone)

    @property
    def content(self) -> tuple[int, str, str]:
        """A sort key made of what the act says, for acts that nothing else puts in order."""
        return (RANK[self.act], repr(sorted(self.data.items(), key=str)), self.asserted_by)

    def told(self) -> str:
        """The act with its date, for messages to people."""
        when = (
            self.day.isoformat()
            if self.at is None
            else self.at.astimezone(self.zone).isoformat(timespec="minutes")
        )
        return f"{self.act.replace('_', ' ')} on {when}"


def _as_sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a local day begins, also where the clocks skip midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


@dataclass(frozen=True)
class Case:
    """All that the law looks at: what the request is, and the acts that were recorded and not voided."""

    kind: RequestKind
    requesting_country: str
    requested_country: str
    events: tuple[Event, ...]
    urgency: Urgency = Urgency.ROUTINE
    assistance: tuple[Assistance, ...] = ()
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
    def first_day(self) -> date:
        """The day on which the request left, else of its first act, else of its recording: law is judged as of it."""
        leaving = [e.day for e in self.history if e.act in (Act.SENT, Act.PROVISIONAL_ARREST_REQUESTED)]
        return min(leaving, default=min((e.day for e in self.history), default=self.recorded_on))

    @cached_property
    def shared(self) -> bool:
        """Whether the other side may see it: it was sent, or an act shows that it was."""
        return any(e.act in SHOWS_SENDING for e in self.events)

    def country(self, side: Side) -> str:
        return self.requesting_country if side is Side.REQUESTING else self.requested_country

    def all_of(self, *acts: Act) -> list[Event]:
        """The acts of these types in legal order; of two statements of a receipt the receiver's own counts."""
        found = [e for e in self.history if e.act in acts]
        if Act.RECEIVED in acts:
            own = {
                bool(e.data.get("documents"))
                for e in found
                if e.act is Act.RECEIVED and e.asserted_by == self.requested_country
            }
            found = [
                e
                for e in found
                if e.act is not Act.RECEIVED
                or e.asserted_by == self.requested_country
                or bool(e.data.get("documents")) not in own
            ]
        return found


def legal_order(events: Sequence[Event]) -> list[Event]:
    """The acts in the order in which they happened, whatever the order of recording.

    Timed acts stand by instant; an act with a bare date stands among those of its day by rank
    (`acts.RANK`); what is still equal stands by content, never by time of recording.
    """
    timed = sorted((e for e in events if e.at is not None), key=lambda e: (e.earliest, e.content))
    bare = sorted((e for e in events if e.at is None), key=lambda e: (e.day, e.content))
    slots: list[list[Event]] = [[] for _ in range(len(timed) + 1)]
    for event in bare:
        rank = RANK[event.act]
        later = (
            index
            for index, other in enumerate(timed)
            if other.day > event.day or (other.day == event.day and RANK[other.act] > rank)
        )
        slots[next(later, len(timed))].append(event)
    ordered = list(slots[0])
    for event, following in zip(timed, slots[1:], strict=True):
        ordered.append(event)
        ordered += following
    return ordered


def judge(case: Case) -> None:
    """Refuse a history that cannot be true. Raises ActNotPossible naming two acts and their dates."""
    for rule in ORDER:
        firsts = [e for e in case.events if e.act in rule.first]
        if not firsts:
            continue
        first = min(firsts, key=lambda e: (e.earliest, e.content))
        excused = [e for e in case.events if e.act in rule.unless]
        for event in case.history:
            if event.act in rule.later and event.latest <= first.earliest and event.earliest < first.earliest:
                if any(e.earliest <= event.latest for e in excused):
                    continue
                raise contradiction(event, first, "lies before")
    _judge_closing(case.history)


def _judge_closing(history: Sequence[Event]) -> None:
    closed: Event | None = None
    for event in history:
        if event.act is Act.REOPENED:
            closed = None
        elif closed is not None and event.act not in AFTER_CLOSING and event.day > closed.day:
            raise contradiction(
                event, closed, "lies after", hint="Record the reopening first, or correct a date."
            )
        elif event.act is Act.CLOSED:
            closed = event


def contradiction(
    event: Event, other: Event, how: str, *, hint: str = "Correct one of the two dates."
) -> ActNotPossible:
    """The refusal that names both acts with their dates."""
    return ActNotPossible(
        f"{_as_sentence(event.told())} {how} {other.told()}. {hint}",
        facts={
            "act": event.act.value,
            "dated": event.day.isoformat(),
            "other_act": other.act.value,
            "other_dated": other.day.isoformat(),
            "event_ids": [event.id, other.id],
        },
    )


def refuse_future(event: Event, now: datetime, *, pointer: str = "") -> None:
    """Refuse an act dated after `now` (aware) where it takes place. Raises DatedInFuture."""
    if event.at is not None:
        if event.at > now:
            raise DatedInFuture(
                f"{_as_sentence(event.told())} lies in the future. Record it once it has happened.",
                fields=[(f"{pointer}/occurred_at", "Lies in the future.")],
            )
    elif event.day > now.astimezone(event.zone).date():
        raise DatedInFuture(
            f"{_as_sentence(event.told())} lies in the future there ({event.zone.key}). "
            "Record it once it has happened.",
            fields=[(f"{pointer}/occurred_on", "Lies in the future.")],
        )


def zone_of(act: Act, zones: Mapping[Side, ZoneInfo], stated_by: Side) -> ZoneInfo:
    """The zone whose calendar day an act bears; book-keeping bears the day of the side that did it."""
    return zones[stated_by if act in OF_EITHER_SIDE else place(act)]


def missing_acts(case: Case) -> list[Step]:
    """What the history leaves out that must have happened: warnings, never refusals."""
    acts = {e.act for e in case.history}
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
    if any(e.act is Act.REFUSED and e.data.get("ground") == "bank_secrecy" for e in case.history):
        warnings.append(Step("bank-secrecy-no-ground", source="UNTOC Art. 18(8)"))
    return warnings
