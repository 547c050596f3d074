"""Whether a history can be true: acts that contradict one another, each read by the days of where it took place."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from mla_tracker.domain.acts import AFTER_CLOSING, ORDER
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case, as_sentence
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.ordering import UNDONE_BY
from mla_tracker.domain.vocabulary import Act

# Where a turn that reads the wrong way round changes whether a person is held or a clock runs.
_TAKING_TURNS = (Act.POSTPONED, Act.RELEASED, Act.CLOSED)
_A_ZONE_APART = timedelta(days=1)
CORRECT_ONE = "Correct one of the two dates."


def contradictions(case: Case) -> list[Misfit]:
    """What cannot have happened, two acts and their dates each, in the same order whatever the order of recording."""
    return [
        *_out_of_order(case),
        *_undone_too_early(case),
        *_agreed_too_late(case),
        *_answered_too_early(case),
        *_after_closing(case),
    ]


def judge(case: Case) -> None:
    """Refuse a history that cannot be true. Raises ActNotPossible naming two acts and their dates."""
    for misfit in contradictions(case):
        raise misfit.refusal()


def _out_of_order(case: Case) -> Iterator[Misfit]:
    for rule in ORDER:
        firsts, later = case.recorded(rule.first), case.recorded(rule.later)
        if not firsts or not later:
            continue
        first = min(firsts, key=lambda e: (e.earliest, e.content))
        excused = case.recorded(rule.unless)
        for event in later:
            if _before(event, first) and not any(e.earliest <= event.latest for e in excused):
                yield contradiction(
                    event, first, "lies before", Step("acts-out-of-order", _two(event, first))
                )


def _undone_too_early(case: Case) -> Iterator[Misfit]:
    """What was undone, came anew and reads as never undone, since zones put the second undoing before it.

    The first of each kind is held by `ORDER`. Where no zone can have turned the two, the second undoing is an entry
    made twice, and `repetitions` warns of it.
    """
    for act in _TAKING_TURNS:
        undoing = UNDONE_BY[act]
        turns = case.recorded((act, undoing))
        for before, idle, last in zip(turns, turns[1:], turns[2:], strict=False):
            if (
                (before.act, idle.act, last.act) == (undoing, undoing, act)
                and last is turns[-1]
                and (idle.zone.key != last.zone.key or (idle.at is None) != (last.at is None))
                and last.day - idle.day <= _A_ZONE_APART
            ):
                yield contradiction(idle, last, "lies before", Step("acts-out-of-order", _two(idle, last)))


def _agreed_too_late(case: Case) -> Iterator[Misfit]:
    for event in case.all_of(Act.SURRENDER_DATE_AGREED):
        agreed = date.fromisoformat(str(event.data["date"]))
        if agreed < event.day:
            yield Misfit(
                Step(
                    "agreed-date-passed",
                    {"act": event.act, "day": _when(event), "zone": event.zone.key, "agreed": agreed},
                ),
                f"{as_sentence(event.told())} names {agreed.isoformat()}, which had passed by then. {CORRECT_ONE}",
                (event.id,),
                fields=(("/data/date", f"At the earliest {event.day.isoformat()}, the day of the act."),),
                facts={"act": event.act.value, "dated": event.day.isoformat()},
            )


def _answered_too_early(case: Case) -> Iterator[Misfit]:
    for event in case.history:
        answered = case.answered(event)
        question = None if answered is None else case.act(answered)
        if question is not None and _before(event, question):
            yield contradiction(
                event,
                question,
                "answers, and lies before,",
                Step("answer-before-question", _two(event, question)),
            )


def _after_closing(case: Case) -> Iterator[Misfit]:
    """Nothing happens to a closed request; on the day of closing only instants tell what came after it."""
    closed: Event | None = None
    for event in case.history:
        if event.act is Act.REOPENED:
            closed = None
        elif closed is not None and event.act not in AFTER_CLOSING and _after(event, closed):
            yield contradiction(
                event,
                closed,
                "lies after",
                Step("act-after-closing", _two(event, closed)),
                hint="Record the reopening first, or correct a date.",
            )
        elif event.act is Act.CLOSED:
            closed = closed or event


def _before(event: Event, other: Event) -> bool:
    return event.latest <= other.earliest and event.earliest < other.earliest


def _after(event: Event, closed: Event) -> bool:
    if event.at is not None and closed.at is not None:
        return event.at > closed.at
    return event.day > closed.day


def contradiction(event: Event, other: Event, how: str, warning: Step, *, hint: str = CORRECT_ONE) -> Misfit:
    """Two acts that cannot both stand as they do, named with their dates.

    Where these alone do not show it, the zones by which they are read are named too.
    """
    zoned = event.zone.key != other.zone.key and "before" in how and event.day >= other.day
    return Misfit(
        warning,
        f"{as_sentence(_told(event, zoned=zoned))} {how} {_told(other, zoned=zoned)}. {hint}",
        (event.id, other.id),
        facts={
            "act": event.act.value,
            "dated": event.day.isoformat(),
            "other_act": other.act.value,
            "other_dated": other.day.isoformat(),
        },
    )


def _told(event: Event, *, zoned: bool) -> str:
    return f"{event.told()} ({event.zone.key})" if zoned else event.told()


def _two(event: Event, other: Event) -> Mapping[str, Any]:
    """Two acts as a warning names them."""
    return {
        "act": event.act,
        "day": _when(event),
        "zone": event.zone.key,
        "other_act": other.act,
        "other_day": _when(other),
        "other_zone": other.zone.key,
    }


def _when(event: Event) -> date | datetime:
    return event.day if event.at is None else event.at.astimezone(event.zone)
