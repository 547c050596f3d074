"""The life of a request, read off its history: status, custody, outcome, and the outcome of each item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from mla_tracker.domain.acts import SHOWS_SENDING
from mla_tracker.domain.contradictions import contradiction
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case, missing_acts
from mla_tracker.domain.items import DONE, ENDS, Ends, numbers_of, outcome_of
from mla_tracker.domain.limits import PauseRule
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.repetitions import repeated_acts
from mla_tracker.domain.standing import Standing
from mla_tracker.domain.tallies import Ending, Tally, tally_of
from mla_tracker.domain.vocabulary import Act, Assistance, Custody, Outcome, RequestKind, Status

A = Act

PROGRESS: Mapping[Act, Status] = {
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
POSTPONEMENT = PauseRule((A.POSTPONED,), (A.RESUMED, A.SURRENDER_DATE_AGREED))
# Who decides or executes goes on without the information that was asked for.
WAITING = PauseRule(
    (A.INFORMATION_REQUESTED,),
    (
        A.INFORMATION_SUPPLIED,
        A.ACCEPTED,
        A.PARTLY_EXECUTED,
        A.RESULTS_TRANSMITTED,
        A.DECISION_FINAL,
        A.GRANTED,
        A.TEMPORARILY_SURRENDERED,
    ),
)
# What says that a request which has ended goes on after all, or ended otherwise.
NOT_AFTER_THE_END = frozenset(ENDS) | {A.ACCEPTED, A.PARTLY_EXECUTED, A.GRANTED, A.DECISION_FINAL}


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
    """Where a request stands and how it got there; `ending`: every act since the last reopening that ended it.

    `misfits`: closings without an outcome, or with another one than was reached, which counts then.
    """

    status: Status
    outcome: Outcome | None
    custody: Custody | None
    items: tuple[Item, ...]
    shared: bool
    ended_by: Event | None
    ending: tuple[Event, ...]
    closed_by: Event | None
    reclassified_as: str | None
    tally: Tally
    warnings: tuple[Step, ...]
    misfits: tuple[Misfit, ...] = ()


@dataclass
class _Telling:
    """The state of the fold over one history."""

    ends: Ends
    postponed: Standing
    waiting: Standing
    progress: Status = Status.DRAFT
    custody: Custody = Custody.NONE
    surrendered_by: Event | None = None
    outcome: Outcome | None = None
    ended_by: Event | None = None
    ending: list[Event] = field(default_factory=list)
    closed_by: Event | None = None
    granted_by: Event | None = None
    reclassified_as: str | None = None
    reopened: list[Ending] = field(default_factory=list)
    warnings: list[Step] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)

    @property
    def status(self) -> Status:
        if self.closed_by is not None:
            return Status.CLOSED
        if self.outcome is not None:
            return Status.ENDED
        if self.postponed.holds(self.ends.left):
            return Status.POSTPONED
        return Status.AWAITING_INFORMATION if self.waiting.holds(self.ends.left) else self.progress

    def endings(self, reopened_by: Event | None = None) -> list[Ending]:
        """Every end so far, the last one taken back by that act."""
        if self.ended_by is None or self.outcome is None:
            return self.reopened
        return [*self.reopened, Ending(self.ended_by, self.outcome, reopened_by)]


def life_of(case: Case) -> Life:
    """Status, outcome and custody of a case."""
    tale = _Telling(Ends(numbers_of(case)), Standing(case, POSTPONEMENT), Standing(case, WAITING))
    for event in case.history:
        _tell(tale, event)
    return Life(
        status=tale.status,
        outcome=tale.outcome,
        custody=tale.custody if case.kind is RequestKind.EXTRADITION else None,
        items=tuple(_item(number, form, tale.ends) for number, form in enumerate(case.assistance, start=1)),
        shared=case.shared,
        ended_by=tale.ended_by,
        ending=tuple(tale.ending),
        closed_by=tale.closed_by,
        reclassified_as=tale.reclassified_as,
        tally=tally_of(case, tale.endings()),
        warnings=(*missing_acts(case), *tale.warnings, *repeated_acts(case)),
        misfits=tuple(tale.misfits),
    )


def _item(number: int, form: Assistance, ends: Ends) -> Item:
    end = ends.told.get(number)
    return Item(number, form) if end is None else Item(number, form, end.outcome, end.ground, end.on)


def _tell(tale: _Telling, event: Event) -> None:
    act = event.act
    in_favour = event.data.get("granted") is not False
    if act in SHOWS_SENDING:
        tale.progress = max(tale.progress, Status.SENT, key=_ORDER.index)
    if act in PROGRESS or (act is A.DECISION_FINAL and in_favour):
        tale.progress = max(tale.progress, PROGRESS.get(act, Status.ACCEPTED), key=_ORDER.index)
    if act in NOT_AFTER_THE_END and in_favour:
        _warn_after_the_end(tale, event)
    _take_into_custody(tale, event)
    tale.postponed.tell(event)
    tale.waiting.tell(event)
    if act is A.CLOSED:
        _close(tale, event)
    before = dict(tale.ends.told)
    tale.ends.tell(event)
    if act in ENDS or act is A.PARTLY_EXECUTED:
        _end(tale, event, changed=tale.ends.told != before)
    elif act is A.GRANTED:
        tale.granted_by = event
    elif act is A.RECLASSIFIED:
        tale.reclassified_as = str(event.data.get("reclassified_as"))
    elif act is A.REOPENED:
        tale.reopened = tale.endings(event)
        tale.closed_by = tale.ended_by = tale.outcome = None
        tale.ending = []


def _take_into_custody(tale: _Telling, event: Event) -> None:
    """Who was surrendered is no longer in the requested country, which can neither hold nor release them."""
    gone = tale.surrendered_by
    if event.act not in CUSTODY or (event.act is A.SURRENDERED and gone is not None):
        return
    if gone is not None and event.act is not A.RETURNED:
        args = {"act": event.act, "day": event.day, "on": gone.day}
        tale.warnings.append(Step("custody-after-surrender", args))
        return
    tale.custody = CUSTODY[event.act]
    tale.surrendered_by = event if event.act is A.SURRENDERED else None


def _warn_after_the_end(tale: _Telling, event: Event) -> None:
    end = tale.ended_by
    if end is None or (event.act is A.EXECUTED and tale.outcome in DONE):
        return
    args = {"act": event.act, "day": event.day, "end": end.act, "on": end.day}
    tale.warnings.append(Step("act-after-the-end", args))


def _end(tale: _Telling, event: Event, *, changed: bool) -> None:
    """The end of the whole, once nothing is left of it."""
    if tale.ends.left and event.act is A.EXECUTED:
        tale.progress = Status.IN_EXECUTION
    if changed and not tale.ends.left:
        tale.ended_by = event
        tale.ending.append(event)
        tale.outcome = _overall(tale.ends, event)


def _overall(ends: Ends, last: Event) -> Outcome:
    """The outcome of the whole from those of the items: executed only in part where others ended otherwise."""
    outcomes = {end.outcome for end in ends.told.values()}
    if len(outcomes) == 1:
        return outcomes.pop()
    return Outcome.EXECUTED_IN_PART if outcomes & DONE else outcome_of(last)


def _close(tale: _Telling, event: Event) -> None:
    stated = event.data.get("outcome")
    reached = tale.outcome
    if (
        reached is not None
        and stated is not None
        and Outcome(stated) is not reached
        and tale.ended_by is not None
    ):
        args = {"day": event.day, "stated": stated, "act": tale.ended_by.act, "on": tale.ended_by.day}
        tale.misfits.append(
            contradiction(
                event,
                tale.ended_by,
                f"with the outcome {stated} contradicts the outcome {reached} of",
                Step("closing-contradicts-outcome", args | {"outcome": reached}),
                hint="Leave the outcome out, or correct the other act.",
            )
        )
    if reached is None and stated is None and tale.granted_by is not None:
        stated = Outcome.GRANTED
    tale.closed_by = tale.closed_by or event
    tale.ending.append(event)
    if reached is None and stated is None:
        tale.misfits.append(
            Misfit(
                Step("closed-without-outcome", {"day": event.day}),
                f"Closed on {event.day.isoformat()} without an outcome. Say how it ended in data.outcome, "
                "or record the act that ended it first.",
                (event.id,),
                fields=(("/data/outcome", "Say how the request ended."),),
                facts={"act": event.act.value, "dated": event.day.isoformat()},
            )
        )
        return
    tale.outcome = reached or Outcome(str(stated))
    tale.ended_by = tale.ended_by or event
