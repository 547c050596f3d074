"""The life of a request, read off its history: status, custody, outcome, and the outcome of each item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case, Event, contradiction, missing_acts
from mla_tracker.domain.vocabulary import Act, Assistance, Custody, Outcome, RequestKind, Status

A = Act

PROGRESS: Mapping[Act, Status] = {
    A.SENT: Status.SENT,
    A.PROVISIONAL_ARREST_REQUESTED: Status.SENT,
    A.RECEIVED: Status.RECEIVED,
    A.RECEIVED_BY_COMPETENT_AUTHORITY: Status.RECEIVED,
    A.PROVISIONALLY_ARRESTED: Status.RECEIVED,
    A.ARRESTED: Status.RECEIVED,
    A.ACKNOWLEDGED: Status.ACKNOWLEDGED,
    A.ACCEPTED: Status.ACCEPTED,
    A.GRANTED: Status.ACCEPTED,
    A.PARTLY_EXECUTED: Status.IN_EXECUTION,
    A.PRESERVED: Status.IN_EXECUTION,
    A.PROVIDER_SERVED: Status.IN_EXECUTION,
    A.RESULTS_TRANSMITTED: Status.IN_EXECUTION,
    A.TEMPORARILY_SURRENDERED: Status.IN_EXECUTION,
}
_ORDER = (
    Status.DRAFT,
    Status.SENT,
    Status.RECEIVED,
    Status.ACKNOWLEDGED,
    Status.ACCEPTED,
    Status.IN_EXECUTION,
)
CUSTODY: Mapping[Act, Custody] = {
    A.PROVISIONALLY_ARRESTED: Custody.PROVISIONAL,
    A.ARRESTED: Custody.IN_CUSTODY,
    A.REARRESTED: Custody.IN_CUSTODY,
    A.COMMITTED: Custody.IN_CUSTODY,
    A.RELEASED: Custody.RELEASED,
    A.TEMPORARILY_SURRENDERED: Custody.TEMPORARILY_SURRENDERED,
    A.RETURNED: Custody.IN_CUSTODY,
    A.SURRENDERED: Custody.SURRENDERED,
}
# An act that ends the whole request, or the items it names, and how.
ENDS: Mapping[Act, Outcome] = {
    A.EXECUTED: Outcome.EXECUTED,
    A.REFUSED: Outcome.REFUSED,
    A.WITHDRAWN: Outcome.WITHDRAWN,
    A.SURRENDERED: Outcome.SURRENDERED,
    A.CHARGED: Outcome.CHARGED,
    A.DECLINED: Outcome.DECLINED,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One form of assistance asked for, numbered from 1, with its own end."""

    number: int
    form: Assistance
    outcome: Outcome | None = None
    ground: str | None = None
    ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """Where a request stands and how it got there."""

    status: Status
    outcome: Outcome | None
    custody: Custody | None
    items: tuple[Item, ...]
    shared: bool
    ended_by: Event | None
    closed_by: Event | None
    reclassified_as: str | None
    warnings: tuple[Step, ...]


@dataclass
class _Telling:
    """The state of the fold over one history."""

    progress: Status = Status.DRAFT
    awaiting: bool = False
    postponed: bool = False
    custody: Custody = Custody.NONE
    outcome: Outcome | None = None
    ended_by: Event | None = None
    closed_by: Event | None = None
    granted_by: Event | None = None
    reclassified_as: str | None = None
    items: list[Item] = field(default_factory=list)

    @property
    def status(self) -> Status:
        if self.closed_by is not None:
            return Status.CLOSED
        if self.outcome is not None:
            return Status.ENDED
        if self.postponed:
            return Status.POSTPONED
        return Status.AWAITING_INFORMATION if self.awaiting else self.progress


def life_of(case: Case) -> Life:
    """Status, outcome and custody of a case. Raises ActNotPossible where it is closed without any outcome."""
    tale = _Telling(items=[Item(number, form) for number, form in enumerate(case.assistance, start=1)])
    for event in case.history:
        _tell(tale, event)
    return Life(
        status=tale.status,
        outcome=tale.outcome,
        custody=tale.custody if case.kind is RequestKind.EXTRADITION else None,
        items=tuple(tale.items),
        shared=case.shared,
        ended_by=tale.ended_by,
        closed_by=tale.closed_by,
        reclassified_as=tale.reclassified_as,
        warnings=tuple(missing_acts(case)),
    )


def _tell(tale: _Telling, event: Event) -> None:
    act = event.act
    if act in PROGRESS:
        tale.progress = max(tale.progress, PROGRESS[act], key=_ORDER.index)
    tale.custody = CUSTODY.get(act, tale.custody)
    if act is A.INFORMATION_REQUESTED:
        tale.awaiting = True
    elif act is A.INFORMATION_SUPPLIED:
        tale.awaiting = False
    elif act is A.POSTPONED and not event.data.get("items"):
        tale.postponed = True
    elif act is A.RESUMED:
        tale.postponed = False
    elif act is A.GRANTED:
        tale.granted_by = event
    elif act is A.RECLASSIFIED:
        tale.reclassified_as = str(event.data.get("reclassified_as"))
    elif act is A.PARTLY_EXECUTED:
        _end_items(tale, event, Outcome.EXECUTED)
    elif act in ENDS:
        _end(tale, event)
    elif act is A.CLOSED:
        _close(tale, event)
    elif act is A.REOPENED:
        tale.closed_by = tale.ended_by = tale.outcome = None
        tale.postponed = tale.awaiting = False


def _end_items(tale: _Telling, event: Event, outcome: Outcome) -> None:
    """Give the items that the act names, or all that are still open where it names none, their end."""
    named = event.data.get("items")
    for index, item in enumerate(tale.items):
        concerned = (
            item.number in named if named else item.outcome is None and event.act is not A.PARTLY_EXECUTED
        )
        if concerned:
            tale.items[index] = Item(item.number, item.form, outcome, event.data.get("ground"), event.day)


def _end(tale: _Telling, event: Event) -> None:
    outcome = Outcome(event.data.get("outcome") or ENDS[event.act])
    _end_items(tale, event, outcome)
    if event.data.get("items") and any(item.outcome is None for item in tale.items):
        if event.act is A.EXECUTED:
            tale.progress = Status.IN_EXECUTION
        return
    tale.ended_by = event
    tale.outcome = _overall(tale.items, outcome)


def _overall(items: Sequence[Item], outcome: Outcome) -> Outcome:
    """The outcome of the whole from those of the items: executed only in part where others ended otherwise."""
    ends = {item.outcome for item in items if item.outcome is not None} or {outcome}
    if len(ends) == 1:
        return ends.pop()
    return Outcome.EXECUTED_IN_PART if ends & {Outcome.EXECUTED, Outcome.EXECUTED_IN_PART} else outcome


def _close(tale: _Telling, event: Event) -> None:
    stated = event.data.get("outcome")
    reached = tale.outcome
    if (
        reached is not None
        and stated is not None
        and Outcome(stated) is not reached
        and tale.ended_by is not None
    ):
        raise contradiction(
            event,
            tale.ended_by,
            f"with the outcome {stated} contradicts the outcome {reached} of",
            hint="Leave the outcome out, or correct the other act.",
        )
    if reached is None and stated is None and tale.granted_by is not None:
        stated = Outcome.GRANTED
    if reached is None and stated is None:
        raise ActNotPossible(
            f"Closed on {event.day.isoformat()} without an outcome. Say how it ended in data.outcome, "
            "or record the act that ended it first.",
            fields=[("/data/outcome", "Say how the request ended.")],
            facts={"act": event.act.value, "dated": event.day.isoformat()},
        )
    tale.outcome = reached or Outcome(str(stated))
    if reached is None:
        tale.ended_by = event
        for index, item in enumerate(tale.items):
            if item.outcome is None:
                tale.items[index] = Item(item.number, item.form, tale.outcome, None, event.day)
    tale.closed_by = event
