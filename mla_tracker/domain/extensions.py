"""Extensions: which clock an act `extended` prolongs, and whether its limit allows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case, Event
from mla_tracker.domain.items import concerned
from mla_tracker.domain.limits import ExtensionRule, Limit, Span
from mla_tracker.domain.runs import Run
from mla_tracker.domain.vocabulary import Act, Unit


@dataclass(frozen=True, slots=True)
class Extension:
    """One prolongation of a clock: the act that gave it, the due date before and after."""

    event: Event
    from_day: date
    to_day: date


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


def refuse_beyond(rule: ExtensionRule, limit: Limit, event: Event, nth: int) -> None:
    """Refuse an extension that the source does not allow by its number. Raises ActNotPossible."""
    if rule.times is not None and nth > rule.times:
        raise ActNotPossible(
            f"The extension of {event.day.isoformat()} is number {nth} of the limit {limit.id}, which {limit.source} "
            f"allows to be prolonged {_times(rule.times)}. Leave it out or void the earlier one.",
            facts={"limit": limit.id, "event_ids": [event.id]},
        )


def refuse_longer(limit: Limit, event: Event, until: date, latest: date) -> None:
    """Refuse an extension past the latest day that the source allows. Raises ActNotPossible."""
    if until > latest:
        named = "days" if event.data.get("until") is None else "until"
        raise ActNotPossible(
            f"The extension of {event.day.isoformat()} reaches to {until.isoformat()}; {limit.source} allows "
            f"{latest.isoformat()} at the latest for the limit {limit.id}. Give an earlier date.",
            fields=[(f"/data/{named}", f"At the latest {latest.isoformat()}.")],
            facts={"limit": limit.id, "event_ids": [event.id]},
        )


def asked_span(event: Event, rule: ExtensionRule) -> Span | None:
    """How much an extension adds where it gives no date: the days it names, else what the source allows each time."""
    days = event.data.get("days")
    return Span(int(days), Unit.DAYS) if days is not None else rule.each


def _times(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
