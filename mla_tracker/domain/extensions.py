"""Extensions: which clock an act `extended` prolongs, and how far its limit allows it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case
from mla_tracker.domain.items import concerned
from mla_tracker.domain.limits import ExtensionRule, Span
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.runs import Run
from mla_tracker.domain.vocabulary import Act, Unit


@dataclass(frozen=True, slots=True)
class Extension:
    """One prolongation of a clock: the act that gave it, the due date before and after."""

    event: Event
    from_day: date
    to_day: date


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a limit is prolonged: to a date that an act sets or not at all, and by what is added to that.

    `whole`: to the end of all that the source allows.
    """

    fixed: tuple[Event, date] | None = None
    spans: tuple[Span, ...] = ()
    whole: bool = False

    def plus(self, span: Span) -> "Plan":
        """The same, and so much more."""
        return Plan(self.fixed, (*self.spans, span))

    def caps(self, rule: ExtensionRule) -> Iterator["Plan"]:
        """The furthest that the source allows to prolong from here: each time, and altogether."""
        if rule.each is not None:
            yield self.plus(rule.each)
        if rule.total is not None:
            yield Plan(spans=(rule.total,), whole=True)


def assign_extensions(case: Case, runs: Iterable[Run]) -> tuple[Mapping[str, list[Event]], list[Step]]:
    """Which clock each act `extended` prolongs: that of the stage it names, else the one running then.

    Where several run, the one that began last, and with it those of the same limit for other items. A named
    stage may have begun later on the same day. An act that meets no running clock is a warning, since the
    act that starts the clock may be recorded later.
    """
    extendable = [run for run in runs if run.limit.extension is not None]
    assigned: dict[str, list[Event]] = {}
    warnings: list[Step] = []
    for event in case.all_of(Act.EXTENDED):
        stage = event.data.get("stage")
        fitting = [
            run
            for run in extendable
            if run.open_on(event, case, same_day=stage is not None)
            and stage in (None, run.limit.stage.value)
            and concerned(event, run.items)
        ]
        if not fitting:
            warnings.append(Step("extension-without-clock", {"day": event.day, "stage": stage or "any"}))
            continue
        latest = max(fitting, key=lambda run: case.order(run.start) if run.start else -1)
        for run in fitting:
            if run is latest or (run.apart and run.limit.id == latest.limit.id):
                assigned.setdefault(run.key, []).append(event)
    return assigned, warnings


def one_too_many(rule: ExtensionRule, run: Run, event: Event, done: Sequence[Extension]) -> Misfit | None:
    """What is wrong with an extension that the source does not allow by its number."""
    nth, limit = len(done) + 1, run.limit
    if rule.times is None or nth <= rule.times:
        return None
    return Misfit(
        Step("extension-too-many", {"day": event.day, "number": nth, "limit": limit.id}, limit.source),
        f"The extension of {event.day.isoformat()} is number {nth} of the limit {limit.id}, which {limit.source} "
        f"allows to be prolonged {_times(rule.times)}. Leave it out or void the earlier one.",
        _adding_up(event, done),
        of=run.key,
        own_fault=True,
        facts={"limit": limit.id},
    )


def too_long(
    run: Run,
    event: Event,
    reached: date,
    *,
    latest: date,
    counted: date,
    country: str,
    done: Sequence[Extension] = (),
) -> Misfit:
    """What is wrong with an extension past the latest day that the source allows, which counts until `counted`.

    `done`: those before it that count towards what is allowed.
    """
    limit = run.limit
    named = "days" if event.data.get("until") is None else "until"
    args = {
        "day": event.day,
        "reached": reached,
        "country": country,
        "limit": limit.id,
        "latest": latest,
        "counted": counted,
    }
    return Misfit(
        Step("extension-too-long", args, limit.source),
        f"The extension of {event.day.isoformat()} reaches to {reached.isoformat()}; {limit.source} allows "
        f"{latest.isoformat()} at the latest for the limit {limit.id}. Give an earlier date.",
        _adding_up(event, done),
        of=run.key,
        own_fault=True,
        fields=((f"/data/{named}", f"At the latest {latest.isoformat()}."),),
        facts={"limit": limit.id},
    )


def _adding_up(event: Event, done: Sequence[Extension]) -> tuple[str, ...]:
    return (event.id, *(one.event.id for one in done))


def asked_span(event: Event, rule: ExtensionRule) -> Span | None:
    """How much an extension adds where it gives no date: the days it names, else what the source allows each time."""
    days = event.data.get("days")
    return Span(int(days), Unit.DAYS) if days is not None else rule.each


def _times(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
