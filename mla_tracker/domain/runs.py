"""Where a limit begins and ends to run in one history: its start act, its stop act, and what cancels it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mla_tracker.domain.consent import consent_against
from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.items import ENDS, concerned, numbers_of
from mla_tracker.domain.life import Life
from mla_tracker.domain.limits import Limit, Trigger
from mla_tracker.domain.precedence import Chosen
from mla_tracker.domain.starts import begun, counts_by_item, restarts_of, triggered, version_on
from mla_tracker.domain.vocabulary import Act, Outcome, Stage

# Stages that may be passed before their clock begins, even where each start act has a clock of its own.
KEPT_BEFOREHAND = frozenset({Stage.FORMAL_REQUEST_RECEIVED, Stage.SERVE})
# Who closes a request with such an outcome says that this act took place, if nobody recorded it.
SHOWN_BY_OUTCOME: Mapping[str, Act] = {
    **{outcome.value: act for act, outcome in ENDS.items() if act is not Act.WITHDRAWN},
    Outcome.EXECUTED_IN_PART.value: Act.EXECUTED,
    Outcome.NOT_EXECUTABLE.value: Act.EXECUTED,
    Outcome.GRANTED.value: Act.GRANTED,
}


@dataclass(frozen=True, slots=True)
class Run:
    """One limit in one of its versions, with the acts that start, stop or cancel it; nothing is counted yet.

    `anchor` is what is counted from: the start act's own day or instant, or a date that it names. `items` are
    those that the run is about; `apart` says that other items have runs of their own.
    """

    chosen: Chosen
    limit: Limit
    key: str
    start: Event | None = None
    anchor: date | datetime | None = None
    stop: Event | None = None
    implied: bool = False
    cancelled_by: Event | None = None
    items: frozenset[int] = frozenset()
    apart: bool = False

    @property
    def backwards(self) -> bool:
        return self.limit.span is not None and self.limit.span.amount < 0

    @property
    def end(self) -> Event | None:
        """The act at which the clock stops, kept or not."""
        return self.stop or self.cancelled_by

    def until(self, stop: Event | None, cancelled_by: Event | None, *, implied: bool) -> "Run":
        """The run with its end; written out, since `replace` takes as long as finding that end."""
        return Run(
            chosen=self.chosen,
            limit=self.limit,
            key=self.key,
            start=self.start,
            anchor=self.anchor,
            stop=stop,
            implied=implied,
            cancelled_by=cancelled_by,
            items=self.items,
            apart=self.apart,
        )

    def open_on(self, event: Event, case: Case, *, same_day: bool = False) -> bool:
        """Whether the clock had started and not yet stopped when the event took place.

        `same_day`: also if it started later on that day, as far as bare dates tell.
        """
        if self.start is None:
            return False
        order = case.order
        begun_by_then = order(self.start) < order(event) or (
            same_day and self.start.day == event.day and None in (self.start.at, event.at)
        )
        return begun_by_then and (self.end is None or order(event) < order(self.end))


def find_runs(case: Case, life: Life, chosen: Iterable[Chosen]) -> list[Run]:
    """Every run of every limit that applies: one per limit, or one per start act where each starts its own.

    A limit that is kept item by item has a run for each act that starts it for further items.
    """
    return [run for one in chosen for run in _runs_of(case, life, one)]


def _runs_of(case: Case, life: Life, chosen: Chosen) -> Iterator[Run]:
    newest = chosen.limit
    starts = begun(case, chosen.versions)
    if not starts and not newest.starts_each:
        limit = version_on(chosen.versions, case, None)
        if limit is not None:
            ended = None if limit.survives_end else next(iter(life.ending), None)
            yield Run(chosen, limit, limit.id, cancelled_by=ended or _reclassified(case))
        return
    started: frozenset[int] = frozenset()
    for limit, start, trigger in starts:
        by_item = limit.starts_each or counts_by_item(limit, case)
        new = (by_item and concerned(start, numbers_of(case))) or numbers_of(case)
        if not limit.starts_each:
            new -= started
            if not new:
                continue
        first = not started
        started |= new
        key = limit.id if first and not limit.starts_each else f"{limit.id}:{start.id}"
        apart = not limit.starts_each and new != numbers_of(case)
        run = Run(chosen, limit, key, start=start, anchor=_anchor(start, trigger), items=new, apart=apart)
        yield _with_end(case, life, run)


def _anchor(start: Event, trigger: Trigger) -> date | datetime:
    if trigger.date_field is not None:
        return date.fromisoformat(str(start.data[trigger.date_field]))
    return start.at if start.at is not None else start.day


def _with_end(case: Case, life: Life, run: Run) -> Run:
    """The run with its stop act, or with what cancels it if that comes first."""
    order = case.order
    stop, implied, ended = _stop(case, run)
    cancelled = _cancelled_by(case, life, run, stop, ended)
    if stop is not None and cancelled is not None and order(cancelled) < order(stop):
        # An end that itself shows that the stage was passed keeps the limit; its own act came after.
        shown = _implied(case, run)
        implied = shown is not None and order(shown) <= order(cancelled)
        stop = shown if implied else None
    return run.until(stop, cancelled if stop is None else None, implied=implied)


def _stop(case: Case, run: Run) -> tuple[Event | None, bool, Event | None]:
    """The act that keeps the limit, whether it only implies so, and the act that ended its last item instead."""
    own = _own_stops(case, run)
    if counts_by_item(run.limit, case):
        return _completed(case, run, own)
    if own:
        return own[0], False, None
    shown = _implied(case, run)
    return shown, shown is not None, None


def _own_stops(case: Case, run: Run) -> list[Event]:
    """The acts that keep the limit; one that came before the start counts where none came after."""
    assert run.start is not None
    order, start, limit = case.order, run.start, run.limit
    own = [event for event, _ in triggered(case, limit.stops_on)]
    if counts_by_item(limit, case):
        return own
    if limit.starts_each:
        own = [e for e in own if case.answered(e) in (None, start.id)]
    if limit.stage is Stage.ACKNOWLEDGE:
        own = [e for e in own if _may_answer(case, e, start)]
    # A further request, as to continue an arrest, is about what went before it.
    before = [e for e in own if order(e) < order(start) and e.act is not Act.FURTHER_REQUEST_RECEIVED]
    after = [e for e in own if order(e) > order(start)]
    if limit.stage in KEPT_BEFOREHAND:
        return before or after
    return after or ([] if limit.starts_each else before)


def _may_answer(case: Case, event: Event, start: Event) -> bool:
    """Whether an acknowledgement can be that of this receipt, and not of that of another authority, which it names."""
    answered = next((e for e in case.history if e.id == case.answered(event)), None)
    return answered is None or answered.act is start.act


def _implied(case: Case, run: Run) -> Event | None:
    """The first act after the start which shows that the stage was passed."""
    assert run.start is not None
    start = case.order(run.start)
    showing = case.recorded((*run.limit.implied_by, Act.CLOSED))
    return next(
        (
            e
            for e in showing
            if case.order(e) > start
            and _shows(e, run.limit)
            and (not run.limit.starts_each or case.answered(e) in (None, run.start.id))
        ),
        None,
    )


def _shows(event: Event, limit: Limit) -> bool:
    """Whether the act shows that the stage was passed; a closing does by the outcome that it states."""
    if event.act is not Act.CLOSED:
        return event.act in limit.implied_by
    kept_by = {trigger.act for trigger in limit.stops_on if not trigger.where} | set(limit.implied_by)
    return SHOWN_BY_OUTCOME.get(str(event.data.get("outcome"))) in kept_by


def _completed(case: Case, run: Run, own: Sequence[Event]) -> tuple[Event | None, bool, Event | None]:
    """The act with which the last item of the run was dealt with: kept, shown to be kept, or ended otherwise."""
    event, how = _last_dealt_with(case, run, own, shown=False)
    if how == "own":
        return event, False, None
    event, how = _last_dealt_with(case, run, own, shown=True)
    if how == "ended":
        return None, False, event
    return event, how == "shown", None


def _last_dealt_with(case: Case, run: Run, own: Sequence[Event], *, shown: bool) -> tuple[Event | None, str]:
    """The act after which nothing is left to do of the run's items, and how it dealt with the last of them.

    `shown`: also by acts which only show that it was done. What was given up is left again once reopened.
    """
    left, given_up = run.items, frozenset[int]()
    stops = {event.id for event in own}
    last: Event | None = None
    for event in case.history:
        if event.act is Act.REOPENED:
            again = concerned(event, given_up)
            left, given_up = left | again, given_up - again
            last = None
            continue
        dealt_with = concerned(event, left)
        if event.id in stops or (shown and _shows(event, run.limit)) or _done_in_part(event, run):
            left -= dealt_with
            if dealt_with and not left:
                return event, "own" if event.id in stops else "shown"
        elif event.act in ENDS:
            left, given_up = left - dealt_with, given_up | dealt_with
            if dealt_with and not left:
                last = event
    return last, "ended" if last is not None else ""


def _done_in_part(event: Event, run: Run) -> bool:
    """Whether the act executed the items that it names, and so all that a limit for executing asks of them."""
    part = event.act is Act.PARTLY_EXECUTED and bool(event.data.get("items"))
    return part and run.limit.stage is Stage.EXECUTE


def _cancelled_by(case: Case, life: Life, run: Run, stop: Event | None, ended: Event | None) -> Event | None:
    """The first act that ends the running without keeping the limit: the end, a release, a change of consent."""
    assert run.start is not None
    order = case.order
    found: list[Event] = []
    if not run.limit.survives_end:
        after = [e for e in life.ending if order(e) > order(run.start)]
        found += after[:1] or life.ending[-1:]
        found += [ended] if ended is not None else []
    since = max([order(run.start), *(order(e) for e, _ in restarting(case, run, stop))])
    cancelling = [e for e in case.all_of(*run.limit.cancelled_by) if order(e) > since]
    found += list(_covering(cancelling, run.items))[:1]
    found += [e for e in (_reclassified(case), consent_against(case, run.limit, stop)) if e is not None]
    return min(found, key=order) if found else None


def _covering(events: Iterable[Event], items: frozenset[int]) -> Iterator[Event]:
    """The acts from the one on with which all of the items are concerned."""
    for event in events:
        items -= concerned(event, items)
        if not items:
            yield event


def restarting(case: Case, run: Run, stop: Event | None) -> list[tuple[Event, Trigger]]:
    """The acts, from the start to the stop, that may begin the count anew."""
    assert run.start is not None
    order = case.order
    return [
        (event, trigger)
        for event, trigger in restarts_of(case, run.limit)
        if order(event) > order(run.start) and (stop is None or order(event) < order(stop))
    ]


def _reclassified(case: Case) -> Event | None:
    """The act that made the record an enquiry, which is no request and has no clocks, unless it was taken back."""
    enquiry: Event | None = None
    for event in case.all_of(Act.RECLASSIFIED):
        enquiry = (enquiry or event) if event.data.get("reclassified_as") == "enquiry" else None
    return enquiry
