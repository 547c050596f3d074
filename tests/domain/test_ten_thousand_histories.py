"""Ten thousand random histories: however they were recorded and corrected, they read as if recorded right at once.

Every history is made from a seed, in chunks that workers share; who fails says its seed and its acts. `drawn(seed)`
of tests/builders/random_histories.py gives it again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mla_tracker.domain.clocks import Clock, state_at
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import Life, life_of
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Act, ClockState, Effect, RequestKind, Status
from tests.builders.histories import HistoryBuilder
from tests.builders.random_histories import Drawn, drawn

pytestmark = pytest.mark.no_cover  # what it runs others cover, and tracing makes it take three times as long

HISTORIES = 10_000
CHUNK = 500
CHUNKS = [range(first, first + CHUNK) for first in range(0, HISTORIES, CHUNK)]

GOING = (ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED)

Read = tuple[tuple[Clock, ...], tuple[Step, ...]]


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_every_way_to_one_history_leads_to_one_reading(seeds: range) -> None:
    for seed in seeds:
        request = drawn(seed)
        try:
            holds(request)
        except Exception as fault:
            fault.add_note(str(request))
            raise


def holds(request: Drawn) -> None:
    """All that has to hold of one request."""
    history, dice = request.history, random.Random(request.seed)
    other, later = history.shuffled(request.seed), history.counted_by(request.later)
    # One case is counted by one calendar and then by the other; the others are new each time.
    case = history.judged()
    life = life_of(case)
    counted_anew = later.read_as(case, life)
    read = history.read_as(case, life)

    told = other.judged()
    assert told.history == case.history, "another order of recording gives another history"
    assert life_of(told) == life, "another order of recording gives another life"
    assert other.read_as(told, life) == read, "another order of recording gives other clocks"
    _, _, from_the_start = other.counted_by(request.later).as_recorded()
    assert from_the_start == counted_anew, (
        "counted anew by another calendar, it differs from one counted by that from the start"
    )
    corrected = by_detours(request, dice)
    assert meaning(corrected) == meaning(history, (case, life, read)), "a correction left a trace"

    for clock in read[0]:
        sound(clock, history)
    assert all(sentence(step) for step in (*life.warnings, *read[1]))
    if life.status in (Status.ENDED, Status.CLOSED):
        assert [c.key for c in read[0] if c.state in GOING and not c.limit.survives_end] == []


@pytest.mark.parametrize("seeds", CHUNKS[::5], ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_every_history_with_mistakes_in_it_is_counted_as_well_as_can_be(seeds: range) -> None:
    """A change of days can make of any history one that nobody could have entered; it is read all the same."""
    for seed in seeds:
        request = drawn(seed)
        try:
            stands(overdone(request).counted_by(request.later), seed)
        except Exception as fault:
            fault.add_note(f"seed {seed}: {request.mistakes}")
            raise


def overdone(request: Drawn) -> HistoryBuilder:
    """The history with its mistakes, and extended again and again on the days of its acts, far beyond any source."""
    history = request.mistakes
    for event in request.history.events[::2]:
        history = history.extended(event.day.isoformat(), reason="r", days=25)
        history = history.extended(
            event.day.isoformat(), reason="r", until=(event.day + timedelta(days=300)).isoformat()
        )
    return history


def stands(history: HistoryBuilder, seed: int) -> None:
    """What holds of a history as it stands recorded, whatever does not fit in it: any order of recording gives that."""
    case, life, read = history.as_recorded()
    told, lived, other = history.shuffled(seed).as_recorded()
    assert told.history == case.history
    assert lived == life
    assert other == read
    assert history.shuffled(seed).misfits() == history.misfits()
    for clock in read[0]:
        sound(clock, history)
        assert {misfit.warning.code for misfit in clock.misfits} <= {step.code for step in clock.warnings}
    for misfit in history.misfits():
        assert sentence(misfit.warning)
        assert set(misfit.event_ids) <= {event.id for event in history.events}
    over = [c for c in read[0] if c.state in GOING and not c.limit.survives_end]
    assert not over or life.status not in (Status.ENDED, Status.CLOSED)


def sound(clock: Clock, history: HistoryBuilder) -> None:
    """What holds of any clock: it has reasons in words, and its days, its state and its flags agree."""
    assert clock.steps
    assert all(sentence(step) for step in (*clock.steps, *clock.warnings)), clock.key
    if clock.start is None:
        assert clock.state in (ClockState.PENDING, ClockState.CANCELLED), clock.key
        assert (clock.due_on, clock.due_at, clock.started_on, clock.checks) == (None, None, None, ()), (
            clock.key
        )
        return
    assert clock.due_on is not None
    assert clock.due_at is not None
    assert clock.base_due_on is not None
    assert clock.started_on is not None
    assert clock.started_at is not None
    assert clock.base_due_on <= clock.due_on, clock.key
    if clock.limit.span is not None and clock.limit.span.amount >= 0:
        assert clock.started_on <= clock.due_on, f"{clock.key} is due before it began"
        assert clock.started_at <= clock.due_at, f"{clock.key} is due before it began"
    assert (clock.stop is None) == (clock.state in (ClockState.RUNNING, ClockState.PAUSED)), clock.key
    assert all(end is not None and begin < end for begin, end in clock.pauses[:-1]), clock.key
    assert clock.extensions == () or clock.due_on == clock.extensions[-1].to_day, clock.key
    assert {check.at for check in clock.checks if check.level == 0} <= {
        clock.due_at, *(check.at for check in clock.checks if check.at <= max(clock.due_at, clock.start.earliest))
    }, clock.key  # fmt: skip
    reads_on(clock)


def reads_on(clock: Clock) -> None:
    """A clock that runs is late from its due instant on and not before; any other reads the same for ever."""
    assert clock.due_at is not None
    effect = clock.limit.effect
    late = {Effect.EXPIRY: ClockState.EXPIRED, Effect.NOT_BEFORE: clock.state}.get(effect, ClockState.OVERDUE)
    after = late if clock.state is ClockState.RUNNING else clock.state
    assert (
        state_at(clock.state, effect, clock.due_at, clock.due_at - timedelta(microseconds=1)) is clock.state
    )
    assert state_at(clock.state, effect, clock.due_at, clock.due_at) is after
    assert state_at(clock.state, effect, clock.due_at, clock.due_at + timedelta(days=400)) is after


# --- recorded wrongly first


def by_detours(request: Drawn, dice: random.Random) -> HistoryBuilder:
    """The same history by way of wrong entries: each was read, then voided, some of them replaced under a new id."""
    history = request.history
    wrong = [e for e in history.events if dice.random() < 0.3]
    mistakes = request.mistakes.events[len(history.events) :]
    misdated = tuple(moved(event, dice.choice((-40, -1, 1, 12))) for event in wrong)
    untouched = tuple(e for e in history.events if e not in wrong)
    meanwhile = replace(history, events=(*mistakes, *misdated, *untouched))
    if dice.random() < 0.5:
        with suppress(ActNotPossible):
            meanwhile.shuffled(request.seed + 1).read()
    new_ids = {event.id: f"a-{index}" for index, event in enumerate(wrong)}
    corrected = replace(history, events=tuple(renamed(event, new_ids) for event in history.events))
    return corrected.shuffled(request.seed + 2)


def moved(event: Event, days: int) -> Event:
    if event.on is not None:
        return replace(event, on=event.on + timedelta(days=days))
    assert event.at is not None
    return replace(event, at=event.at + timedelta(days=days))


def renamed(event: Event, ids: dict[str, str]) -> Event:
    """The act under its new id; an answer to an act that has one names that."""
    data = dict(event.data)
    if data.get("in_reply_to") in ids:
        data["in_reply_to"] = ids[data["in_reply_to"]]
    return replace(event, id=ids.get(event.id, event.id), data=data)


def meaning(history: HistoryBuilder, known: tuple[Case, Life, Read] | None = None) -> Any:
    """What life and clocks say, with acts named by what they say and not by their ids."""
    if known is None:
        case = history.judged()
        life = life_of(case)
        known = (case, life, history.read_as(case, life))
    case, life, (clocks, warnings) = known
    by_id = {event.id: event for event in history.events}

    def name(event: Event | None) -> str:
        if event is None:
            return ""
        answered = by_id.get(str(event.data.get("in_reply_to")))
        data = {key: value for key, value in sorted(event.data.items()) if key != "in_reply_to"}
        return f"{event.told()} {data} {event.asserted_by} {name(answered)}"

    def told(clock: Clock) -> tuple[Any, ...]:
        return (
            (clock.limit.id, clock.limit.version, ":" in clock.key, name(clock.start), name(clock.stop)),
            (
                clock.state,
                clock.started_at,
                clock.due_at,
                clock.base_due_on,
                clock.stopped_at,
                clock.imprecise,
            ),
            (
                clock.pauses,
                [(name(e.event), e.from_day, e.to_day) for e in clock.extensions],
                clock.met_extended,
            ),
            (clock.steps, clock.warnings, clock.checks),
        )

    acts = [name(event) for event in case.history]
    ends = [name(event) for event in (*life.ending, life.ended_by, life.closed_by)]
    lived = (life.status, life.outcome, life.custody, life.items, life.tally, life.warnings)
    return acts, ends, lived, warnings, sorted((told(c) for c in clocks), key=lambda said: str(said[:2]))


# --- what is drawn


def test_the_random_histories_hold_what_the_law_has_most_to_say_about() -> None:
    """Else ten thousand of them would say little."""
    seen: Counter[Any] = Counter()
    for seed in range(1000):
        seen.update(features(drawn(seed)))
    wanted: Sequence[Any] = (
        *RequestKind, *Act,
        ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED, ClockState.MET, ClockState.MET_LATE,
        ClockState.CANCELLED,
        "no instrument", "own limits of an agreement", "a policy in its second version", "both sides say of a receipt",
        "for-items", "extended", "restarted", "restarted-by", "stood-still", "recess", "displaces", "minimum-extends",
        "rolled-forward", "falls-on-holiday", "start-imprecise", "holiday-estimated", "convention-replaced",
        "agreement-not-in-force", "act-after-the-end", "another calendar moves a date",
    )  # fmt: skip
    assert [what for what in wanted if not seen[what]] == []
    assert len([what for what in seen if str(what).startswith("under ")]) >= 20


def test_the_mistakes_hold_all_that_may_not_fit() -> None:
    seen: Counter[str] = Counter()
    for seed in range(400):
        seen.update(misfit.warning.code for misfit in overdone(drawn(seed)).misfits())
    wanted = (
        "acts-out-of-order", "answer-before-question", "act-after-closing", "closing-contradicts-outcome",
        "closed-without-outcome", "extension-too-many", "extension-too-long",
    )  # fmt: skip
    assert [what for what in wanted if not seen[what]] == []


def features(request: Drawn) -> Iterable[Any]:
    history = request.history
    clocks, warnings = history.read()
    yield history.kind
    yield from (event.act for event in history.events)
    yield from (clock.state for clock in clocks)
    yield from (step.code for clock in clocks for step in (*clock.steps, *clock.warnings))
    yield from (step.code for step in (*warnings, *history.life().warnings))
    yield from (f"under {clock.limit.convention}" for clock in clocks if clock.limit.convention)
    _, _, (counted_anew, _) = history.counted_by(request.later).as_recorded()
    moving = [c.due_at for c in counted_anew] != [c.due_at for c in clocks]
    told: dict[str, Callable[[], bool]] = {
        "no instrument": lambda: history.convention is None,
        "own limits of an agreement": lambda: any(c.limit.agreement_id for c in clocks),
        "a policy in its second version": lambda: any(c.limit.version == 2 for c in clocks),
        "both sides say of a receipt": lambda: (
            len({e.asserted_by for e in history.events if e.act is Act.RECEIVED}) == 2
        ),
        "another calendar moves a date": lambda: moving,
    }
    yield from (name for name, holds in told.items() if holds())
