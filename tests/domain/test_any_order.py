"""What holds of every history that can be true: whoever recorded what in which order, the law reads it alike."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mla_tracker.domain.acts import OF_EITHER_SIDE, OF_KIND, ORDER, place
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.limits import ExtensionRule
from mla_tracker.domain.purposes import FurtherRequest
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Act, ClockState, Effect, RequestKind, Side, Status
from tests.builders.histories import SATURDAY_AND_SUNDAY, HistoryBuilder, a_limit

pytestmark = pytest.mark.no_cover  # what it runs others cover, and tracing makes it take three times as long

FIRST_DAY = date(2026, 2, 2)
CASES = {
    RequestKind.EVIDENCE: HistoryBuilder(requesting="FI", requested="ES", convention="eio"),
    RequestKind.EXTRADITION: HistoryBuilder(RequestKind.EXTRADITION, "MD", "ES", convention="ets24"),
    RequestKind.PROCEEDINGS: HistoryBuilder(RequestKind.PROCEEDINGS, "EC", "JP"),
    RequestKind.INFORMATION: HistoryBuilder(RequestKind.INFORMATION, "FI", "ES", convention="eu-2023-977"),
}
WARRANT = HistoryBuilder(RequestKind.EXTRADITION, "FI", "ES", convention="eaw")
# What a further `resumed` would end too.
HELD_UP = frozenset({Act.POSTPONED, Act.RESUMED, Act.TEMPORARILY_SURRENDERED})
# Voiding one of these can make another act impossible: those that must come first, and those that excuse.
OPENING = frozenset(act for rule in ORDER for act in (*rule.first, *rule.unless)) | {Act.REOPENED}

DATA: dict[Act, Any] = {
    Act.RECEIVED: st.fixed_dictionaries({}, optional={"documents": st.booleans()}),
    Act.EXTENDED: st.fixed_dictionaries({"reason": st.just("x")}, optional={"days": st.integers(1, 40)}),
    Act.REFUSED: st.just({"ground": "nationality"}),
    Act.CLOSED: st.just({"outcome": "lapsed"}),
    Act.CONSENT_GIVEN: st.fixed_dictionaries({}, optional={"revocable": st.booleans()}),
    Act.DECISION_FINAL: st.fixed_dictionaries({}, optional={"granted": st.booleans()}),
    Act.JUDICIAL_DECISION: st.fixed_dictionaries({"eligible": st.booleans()}),
    Act.FURTHER_REQUEST_RECEIVED: st.fixed_dictionaries(
        {"further_request": st.sampled_from([one.value for one in FurtherRequest])}
    ),
    Act.RECLASSIFIED: st.just({"reclassified_as": "enquiry"}),
}
ITEMS = frozenset({Act.ACCEPTED, Act.EXECUTED, Act.PARTLY_EXECUTED, Act.POSTPONED, Act.RESUMED, Act.REFUSED})


@st.composite
def entries(
    draw: st.DrawFn, kind: RequestKind, forms: int, without: frozenset[Act]
) -> tuple[Act, str, dict[str, Any]]:
    """One act on some day of four months, or at an instant of it."""
    act = draw(st.sampled_from(sorted(OF_KIND[kind] - without)))
    day = FIRST_DAY + timedelta(days=draw(st.integers(0, 120)))
    when = day.isoformat()
    if draw(st.booleans()):
        when += f"T{draw(st.integers(0, 23)):02}:{draw(st.sampled_from((0, 30))):02}+00:00"
    data = dict(draw(DATA.get(act, st.just({}))))
    if act in (Act.SURRENDER_DATE_AGREED, Act.HEARING_FIXED):
        data["date"] = (day + timedelta(days=draw(st.integers(0, 30)))).isoformat()
    if forms and act in ITEMS and draw(st.booleans()):
        data["items"] = draw(st.lists(st.integers(1, forms), min_size=1, max_size=forms, unique=True))
    return act, when, data


@st.composite
def histories(draw: st.DrawFn, without: frozenset[Act] = frozenset(), once: bool = False) -> HistoryBuilder:
    """A history that can be true: random acts, without those that contradict the others."""
    kind = draw(st.sampled_from(sorted(CASES)))
    history = WARRANT if kind is RequestKind.EXTRADITION and draw(st.booleans()) else CASES[kind]
    forms = draw(st.integers(0, 3)) if kind is RequestKind.EVIDENCE else 0
    history = history.about(*("records", "video_hearing", "confiscation")[:forms])
    for act, when, data in draw(
        st.lists(
            entries(kind, forms, without),
            min_size=1,
            max_size=12,
            unique_by=(lambda e: e[0]) if once else None,
        )
    ):
        said_by = history.requesting if act is Act.RECEIVED and draw(st.booleans()) else None
        history = history.did(act.value, when, by=said_by, **data)
    return possible(history)


def possible(history: HistoryBuilder) -> HistoryBuilder:
    """The history without the acts for which it is refused."""
    while True:
        try:
            history.clocks()
        except ActNotPossible as refused:
            history = history.without(refused.facts["event_ids"][0])
        else:
            return history


@given(histories(), st.integers(0, 1000))
def test_any_order_of_recording_gives_one_history_one_life_and_one_set_of_clocks(
    history: HistoryBuilder, seed: int
) -> None:
    other = history.shuffled(seed)
    assert other.case().history == history.case().history
    assert other.life() == history.life()
    assert other.read() == history.read()


@given(histories(), st.data())
def test_a_wrong_entry_voided_and_replaced_leaves_no_trace(
    history: HistoryBuilder, data: st.DataObject
) -> None:
    wrong = data.draw(st.sampled_from(sorted(Act)))
    day = data.draw(st.dates(FIRST_DAY, date(2026, 6, 1)))
    mistaken = history.did(
        wrong.value, day.isoformat(), reason="x", ground="x", date="2026-06-01", eligible=True
    )
    assert mistaken.without(mistaken.events[-1].id).read() == history.read()


@given(histories())
def test_what_has_ended_leaves_nothing_running(history: HistoryBuilder) -> None:
    if history.life().status not in (Status.ENDED, Status.CLOSED):
        return
    open_states = (ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED)
    still = [c.key for c in history.clocks().values() if c.state in open_states and not c.limit.survives_end]
    assert still == []


@given(histories())
def test_every_clock_is_whole_and_can_say_why(history: HistoryBuilder) -> None:
    for clock in history.clocks().values():
        said = [sentence(step) for step in (*clock.steps, *clock.warnings)]
        assert all(said)
        if clock.start is None:
            assert clock.state in (ClockState.PENDING, ClockState.CANCELLED)
            assert (clock.due_on, clock.due_at, clock.started_on) == (None, None, None)
            continue
        assert clock.due_on is not None
        assert clock.base_due_on is not None
        assert clock.started_on is not None
        assert clock.base_due_on <= clock.due_on
        assert clock.limit.span is None or clock.started_on <= clock.due_on
        assert (clock.stop is None) == (clock.state in (ClockState.RUNNING, ClockState.PAUSED))
        assert (clock.paused_since is not None) == (clock.state is ClockState.PAUSED)
        assert bool(clock.checks) <= (clock.state is ClockState.RUNNING)
        assert all(end is not None and begin < end for begin, end in clock.pauses[:-1])
        if (
            clock.state in (ClockState.MET, ClockState.MET_LATE)
            and clock.limit.effect is not Effect.NOT_BEFORE
        ):
            assert clock.ended_in_time == (clock.state is ClockState.MET) or clock.imprecise


@given(histories(without=HELD_UP | {Act.SURRENDER_DATE_AGREED}), st.integers(0, 110), st.integers(0, 40))
def test_more_pause_never_brings_a_due_date_nearer(history: HistoryBuilder, since: int, lasting: int) -> None:
    first = FIRST_DAY + timedelta(days=since)
    last = first + timedelta(days=lasting)
    try:
        paused = history.postponed(first.isoformat()).resumed(last.isoformat()).clocks()
    except ActNotPossible:
        return
    for key, clock in history.clocks().items():
        later = paused.get(key)
        if clock.due_at is not None and later is not None and later.due_at is not None:
            assert later.due_at >= clock.due_at, key


@given(histories(without=OPENING, once=True), st.data())
def test_whatever_is_left_of_a_history_that_can_be_true_can_be_true(
    history: HistoryBuilder, data: st.DataObject
) -> None:
    ids = [event.id for event in history.events]
    if ids:
        history.without(*data.draw(st.lists(st.sampled_from(ids), unique=True))).judged()


@given(histories(once=True), st.data())
def test_nothing_is_refused_for_what_is_missing_but_what_must_come_first_or_excuses(
    history: HistoryBuilder, data: st.DataObject
) -> None:
    others = [event.id for event in history.events if event.act not in OPENING]
    if others:
        history.without(*data.draw(st.lists(st.sampled_from(others), unique=True))).judged()


@pytest.mark.parametrize("counting", ["eu-1182-71", "roll-forward"])
@given(
    st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(1, 120), st.integers(0, 60), st.integers(0, 30)
)
@settings(max_examples=50)
def test_a_rolled_limit_ends_on_a_working_day(
    counting: str, start: date, amount: int, pause: int, extension: int
) -> None:
    limit = a_limit("rolled", f"{amount} days", counting=counting, extension=ExtensionRule())
    history = HistoryBuilder().with_only(limit).sent(start.isoformat()).received(start.isoformat())
    history = history.postponed((start + timedelta(days=1)).isoformat())
    history = history.resumed((start + timedelta(days=1 + pause)).isoformat())
    if extension:
        history = history.extended(start.isoformat(), days=extension, stage="decide", reason="x")
    due = history.clock("rolled").due_on
    assert due is not None
    assert due.weekday() not in SATURDAY_AND_SUNDAY[0][1]


@given(histories())
def test_a_draft_shares_nothing_and_what_was_sent_is_shared(history: HistoryBuilder) -> None:
    life = history.life()
    left = {Act.SENT, Act.PROVISIONAL_ARREST_REQUESTED, Act.RECEIVED} & {e.act for e in history.events}
    assert life.shared or not left
    if all(e.act in OF_EITHER_SIDE | {Act.DRAFTED, Act.WITHDRAWN, Act.HEARING_FIXED} for e in history.events):
        assert not life.shared


@given(histories())
def test_instants_that_come_to_light_do_not_turn_a_day_that_was_clear(history: HistoryBuilder) -> None:
    """An act that stood alone on its day may be given any hour of that day."""
    days = [event.day for event in history.case().history]
    timed = tuple(
        replace(
            event,
            on=None,
            at=datetime.combine(event.day, datetime.min.time(), event.zone).astimezone(UTC) + NOON,
        )
        if event.on is not None and days.count(event.day) == 1
        else event
        for event in history.events
    )
    exact = replace(history, events=timed)
    same_side = all(place(e.act) is Side.REQUESTED for e in history.events)
    if same_side:
        assert [e.id for e in exact.case().history] == [e.id for e in history.case().history]


NOON = timedelta(hours=12)
