"""Where a limit begins and ends to run in one history: its start act, its stop act, and what cancels it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from mla_tracker.domain.histories import Case, Event
from mla_tracker.domain.life import ENDS, Life
from mla_tracker.domain.limits import Limit, Trigger
from mla_tracker.domain.precedence import Chosen
from mla_tracker.domain.vocabulary import Act, Stage

# Stages that are passed only when every item of assistance has been dealt with.
PER_ITEM = frozenset({Stage.DECIDE, Stage.EXECUTE})
# Acts that deal with the items they name.
ENDS_ITEMS = frozenset(ENDS) | {Act.PARTLY_EXECUTED}

# Stages that may be passed before their clock begins, even where each start act has a clock of its own.
KEPT_BEFOREHAND = frozenset({Stage.FORMAL_REQUEST_RECEIVED})
# Stages that follow only a decision in favour: one that denies begins none of their clocks.
AFTER_A_GRANT = frozenset({Stage.SURRENDER, Stage.COLLECT})


@dataclass(frozen=True, slots=True)
class Run:
    """One limit in one of its versions, with the acts that start, stop or cancel it; nothing is counted yet.

    `anchor` is what is counted from: the start act's own day or instant, or a date that it names.
    """

    chosen: Chosen
    limit: Limit
    key: str
    start: Event | None = None
    anchor: date | datetime | None = None
    stop: Event | None = None
    implied: bool = False
    cancelled_by: Event | None = None

    @property
    def backwards(self) -> bool:
        return self.limit.span is not None and self.limit.span.amount < 0

    def open_on(self, event: Event, case: Case) -> bool:
        """Whether the clock had started and not yet stopped when the event took place."""
        if self.start is None:
            return False
        order = case.order
        until = [order(e) for e in (self.stop, self.cancelled_by) if e is not None]
        return order(self.start) < order(event) and all(order(event) < end for end in until)


def find_runs(case: Case, life: Life, chosen: Iterable[Chosen]) -> list[Run]:
    """Every run of every limit that applies: one per limit, or one per start act where each starts its own."""
    return [run for one in chosen for run in _runs_of(case, life, one)]


def matches(event: Event, trigger: Trigger) -> bool:
    """Whether an act is the one that the trigger asks for, with the data it asks for."""
    return event.act is trigger.act and all(
        event.data.get(name) == value for name, value in trigger.where.items()
    )


def triggered(case: Case, triggers: Iterable[Trigger]) -> list[tuple[Event, Trigger]]:
    """The acts that any of the triggers asks for, in legal order, each with the trigger that it matches."""
    found = {
        event.id: (event, trigger)
        for trigger in triggers
        for event in case.all_of(trigger.act)
        if matches(event, trigger)
    }
    return sorted(found.values(), key=lambda pair: case.order(pair[0]))


def _starts(case: Case, limit: Limit) -> list[tuple[Event, Trigger]]:
    """The acts that start the limit: those of the first alternative that the history holds."""
    for trigger in limit.starts_on:
        found = triggered(case, [trigger])
        if limit.stage in AFTER_A_GRANT:
            found = [(e, t) for e, t in found if False not in (e.data.get("granted"), e.data.get("eligible"))]
        if found:
            return found if limit.starts_each else found[:1]
    return []


def _runs_of(case: Case, life: Life, chosen: Chosen) -> Iterator[Run]:
    newest = chosen.limit
    starts = _starts(case, newest)
    if not starts and not newest.starts_each:
        limit = _version_on(chosen, case, case.first_day)
        if limit is not None:
            ended = None if limit.survives_end else life.ended_by or life.closed_by
            yield Run(chosen, limit, limit.id, cancelled_by=ended or _reclassified(case))
    for start, trigger in starts:
        limit = _version_on(chosen, case, start.day)
        if limit is None:
            continue
        key = f"{limit.id}:{start.id}" if limit.starts_each else limit.id
        run = Run(chosen, limit, key, start=start, anchor=_anchor(start, trigger))
        yield _with_end(case, life, run)


def _version_on(chosen: Chosen, case: Case, day: date) -> Limit | None:
    """The version valid on the clock's legal start date; an explicit `recomputed` act moves that to its own day."""
    recomputed = [
        e.day
        for e in case.all_of(Act.RECOMPUTED)
        if e.day >= day and e.data.get("stage") in (None, chosen.limit.stage.value)
    ]
    valid = [limit for limit in chosen.versions if limit.in_force_on(max(recomputed, default=day))]
    return valid[-1] if valid else None


def _anchor(start: Event, trigger: Trigger) -> date | datetime:
    if trigger.date_field is not None:
        return date.fromisoformat(str(start.data[trigger.date_field]))
    return start.at if start.at is not None else start.day


def _with_end(case: Case, life: Life, run: Run) -> Run:
    """The run with its stop act, or with what cancels it if that comes first."""
    stop, implied = _stop(case, life, run)
    cancelled = _cancelled_by(case, life, run)
    order = case.order
    if stop is not None and cancelled is not None and order(cancelled) < order(stop):
        stop, implied = None, False
    elif stop is not None:
        cancelled = None
    return replace(run, stop=stop, implied=implied, cancelled_by=cancelled)


def _stop(case: Case, life: Life, run: Run) -> tuple[Event | None, bool]:
    assert run.start is not None
    order = case.order
    own = [event for event, _ in triggered(case, run.limit.stops_on)]
    if run.limit.stage in PER_ITEM and len(life.items) > 1:
        own = list(_completing(case, own, {item.number for item in life.items}))
    if run.limit.starts_each:
        own = [e for e in own if e.data.get("in_reply_to") in (None, run.start.id)]
    after = [e for e in own if order(e) > order(run.start)]
    if after:
        return after[0], False
    if own and (not run.limit.starts_each or run.limit.stage in KEPT_BEFOREHAND):
        return own[0], False
    implied = [e for e in case.all_of(*run.limit.implied_by) if order(e) > order(run.start)]
    return (implied[0], True) if implied else (None, False)


def _completing(case: Case, stopping: Sequence[Event], items: set[int]) -> Iterator[Event]:
    """Of the acts that would stop a limit, those at which every item has been dealt with, by whatever act."""
    left, own = set(items), {event.id for event in stopping}
    for event in case.history:
        named = event.data.get("items")
        if event.id in own or (named and event.act in ENDS_ITEMS):
            left -= set(named) if named else items
        if event.id in own and not left:
            yield event


def _cancelled_by(case: Case, life: Life, run: Run) -> Event | None:
    """The first act that ends the running without keeping the limit: the end, a release, a change of consent."""
    assert run.start is not None
    order = case.order
    found: list[Event] = []
    if not run.limit.survives_end:
        found += [e for e in (life.ended_by, life.closed_by) if e is not None]
    found += [e for e in case.all_of(*run.limit.cancelled_by) if order(e) > order(run.start)]
    found += [e for e in (_reclassified(case), _consent_against(case, run)) if e is not None]
    return min(found, key=order) if found else None


def _reclassified(case: Case) -> Event | None:
    """The act that made the record an enquiry, which is no request and has no clocks."""
    return next(
        (e for e in case.all_of(Act.RECLASSIFIED) if e.data.get("reclassified_as") == "enquiry"), None
    )


def _consent_against(case: Case, run: Run) -> Event | None:
    """The act by which the person's consent came to differ from what the limit is for, if it does at the end.

    Consent that may be revoked is no consent for a limit (FD 2002/584/JHA Art. 13(4)).
    """
    wanted = run.limit.conditions.consent
    if wanted is None:
        return None
    given = False
    changed: Event | None = None
    for event in case.all_of(Act.CONSENT_GIVEN, Act.CONSENT_WITHDRAWN, Act.CONSENT_WITHHELD):
        now_given = event.act is Act.CONSENT_GIVEN and not event.data.get("revocable")
        if now_given != given:
            given, changed = now_given, event
    if given == wanted:
        return None
    return changed or run.start
