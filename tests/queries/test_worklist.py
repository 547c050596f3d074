"""The worklist: what is in it, in which order, and page by page."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.domain.clocks import state_at
from mla_tracker.domain.vocabulary import (
    Basis,
    ClockState,
    Effect,
    Obligor,
    RequestKind,
    Side,
    Stage,
)
from mla_tracker.queries import worklist
from mla_tracker.queries.counted_clocks import Result
from mla_tracker.queries.worklist import NEVER, ClockFilter, Key
from mla_tracker.storage.database import Database, Tx
from tests.builders.reporting import Duty, a_duty, midnight
from tests.queries import sla_by_hand
from tests.queries.random_duties import AS_OF, COUNTRIES, accounts, days, duties
from tests.queries.trials import TRIES, an_actor, holding


def some(kind: type[Any]) -> st.SearchStrategy[list[Any]]:
    return st.just([]) | st.lists(st.sampled_from(kind), min_size=1, max_size=3)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | values


moments = days | days.map(lambda on: midnight(on) + timedelta(hours=10))
filters = st.builds(
    ClockFilter,
    states=some(ClockState),
    results=some(Result),
    stages=some(Stage) | st.just([Stage.DECIDE, Stage.EXECUTE]),
    kinds=some(RequestKind),
    effects=some(Effect),
    bases=some(Basis),
    own_side=maybe(st.sampled_from(Side)),
    country=maybe(st.sampled_from(COUNTRIES)),
    counterpart=maybe(st.sampled_from(COUNTRIES)),
    obligor=maybe(st.sampled_from(Obligor)),
    obligor_country=maybe(st.sampled_from(COUNTRIES)),
    assigned_to=maybe(st.sampled_from(["desk 1", "desk 2"])),
    due_from=maybe(moments),
    due_before=maybe(moments),
    stopped_from=maybe(days),
    stopped_before=maybe(days),
)


def sorts_at(duty: Duty, as_of: datetime = AS_OF) -> datetime:
    if duty.due_at is None:
        return NEVER
    still = max(as_of - duty.paused_since, timedelta()) if duty.paused_since else timedelta()
    return duty.due_at + still


def reads_as(duty: Duty, as_of: datetime = AS_OF) -> ClockState:
    return state_at(ClockState(duty.state), Effect(duty.effect), duty.due_at, as_of)


def belongs(duty: Duty, wanted: ClockFilter, own: Sequence[str]) -> bool:
    """Whether the list should hold the clock, by plain reading of the definitions."""
    sides = [
        (mine, other, assigned)
        for side, mine, other, assigned in (
            (Side.REQUESTING, duty.requesting, duty.requested, duty.assigned_requesting),
            (Side.REQUESTED, duty.requested, duty.requesting, duty.assigned_requested),
        )
        if mine in own and wanted.own_side in (None, side)
    ]
    due_on = sla_by_hand.counted_on(duty, AS_OF)
    return (
        bool(sides)
        and (duty.shared or duty.recorded_by in own)
        and (not wanted.states or reads_as(duty) in wanted.states)
        and (not wanted.results or sla_by_hand.result(duty, AS_OF) in wanted.results)
        and (not wanted.stages or duty.stage in wanted.stages)
        and (not wanted.kinds or duty.kind in wanted.kinds)
        and (not wanted.effects or duty.effect in wanted.effects)
        and (not wanted.bases or duty.basis in wanted.bases)
        and wanted.country in (None, duty.requesting, duty.requested)
        and (wanted.counterpart is None or any(other == wanted.counterpart for _, other, _ in sides))
        and wanted.obligor in (None, duty.obligor)
        and wanted.obligor_country
        in (None, duty.requesting if duty.obligor == "requesting" else duty.requested)
        and (wanted.assigned_to is None or any(name == wanted.assigned_to for _, _, name in sides))
        and _within(wanted.due_from, due_on, sorts_at(duty), after=True)
        and _within(wanted.due_before, due_on, sorts_at(duty), after=False)
        and (wanted.stopped_from is None or bool(duty.stopped_on and duty.stopped_on >= wanted.stopped_from))
        and (
            wanted.stopped_before is None or bool(duty.stopped_on and duty.stopped_on < wanted.stopped_before)
        )
    )


def _within(bound: date | datetime | None, on: date | None, at: datetime, *, after: bool) -> bool:
    if bound is None:
        return True
    if on is None:
        return False
    if isinstance(bound, datetime):
        return (at > bound) is after
    return (on >= bound) is after


async def pages(tx: Tx, wanted: ClockFilter, own: Sequence[str], size: int) -> list[dict[str, Any]]:
    """The whole list, page by page."""
    found: list[dict[str, Any]] = []
    after: Key | None = None
    while True:
        rows = await worklist.clocks(tx, wanted, actor=an_actor(*own), as_of=AS_OF, after=after, limit=size)
        found += rows
        if len(rows) < size:
            return found
        after = worklist.sort_key(rows[-1])


@TRIES
@given(rows=st.lists(duties(), max_size=30), wanted=filters, own=accounts, size=st.integers(1, 50))
async def test_the_list_holds_what_was_asked_for_soonest_first_and_each_clock_once(
    db: Database, rows: list[Duty], wanted: ClockFilter, own: tuple[str, ...], size: int
) -> None:
    expected = sorted((sorts_at(duty), duty.id) for duty in rows if belongs(duty, wanted, own))
    async with holding(db, rows, *own) as tx:
        found = await pages(tx, wanted, own, size)
    assert [worklist.sort_key(row) for row in found] == expected
    by_id = {duty.id: duty for duty in rows}
    for row in found:
        assert row["state"] == reads_as(by_id[row["id"]])
        assert row["result"] == sla_by_hand.result(by_id[row["id"]], AS_OF)


async def listed(
    db: Database, *rows: Duty, own: Sequence[str] = ("ES",), **wanted: Any
) -> list[dict[str, Any]]:
    async with holding(db, rows, *own) as tx:
        return await worklist.clocks(
            tx, ClockFilter(**wanted), actor=an_actor(*own), as_of=AS_OF, after=None, limit=100
        )


async def test_a_row_says_whose_duty_it_is_and_how_late(db: Database) -> None:
    late = a_duty().due("2026-03-08").on(assigned_requesting="Rabat 2", assigned_requested="Madrid 4")
    [row] = await listed(db, late, states=[ClockState.OVERDUE])
    assert (row["obligor"], row["obligor_country"], row["state"]) == ("requested", "ES", "overdue")
    assert (row["due_on"], row["days_overdue"]) == (date(2026, 3, 8), 2)
    assert row["assigned_to"] == "Madrid 4"


async def test_each_side_sees_its_own_officer(db: Database) -> None:
    duty = a_duty().on(assigned_requesting="Rabat 2", assigned_requested="Madrid 4")
    [row] = await listed(db, duty, own=["MA"])
    assert row["assigned_to"] == "Rabat 2"
    assert await listed(db, duty, own=["MA"], assigned_to="Madrid 4") == []


async def test_what_a_country_calls_its_request_is_for_itself_alone(db: Database) -> None:
    duty = a_duty().on(recorded_by="MA", external_reference="Rabat-17")
    [row] = await listed(db, duty, own=["MA"])
    assert row["external_reference"] == "Rabat-17"
    [row] = await listed(db, duty, own=["ES"])
    assert row["external_reference"] is None


async def test_the_day_after_the_due_date_is_the_first_day_overdue(db: Database) -> None:
    [row] = await listed(db, a_duty().due("2026-03-09"))
    assert (row["state"], row["days_overdue"]) == ("overdue", 1)
    [row] = await listed(db, a_duty().due("2026-03-10"))
    assert (row["state"], row["days_overdue"]) == ("running", None)


@pytest.mark.parametrize(
    ("effect", "state"),
    [("deadline", "overdue"), ("goal", "overdue"), ("expiry", "expired"), ("not_before", "running")],
)
async def test_what_ran_out_reads_by_its_effect(db: Database, effect: str, state: str) -> None:
    duty = a_duty().due("2026-03-01").on(effect=effect)
    [row] = await listed(db, duty, states=[ClockState(state)])
    assert row["state"] == state
    others = [one for one in ClockState if one != state]
    assert await listed(db, duty, states=others) == []


async def test_a_paused_clock_stands_where_it_would_be_due_if_it_resumed_now(db: Database) -> None:
    paused = a_duty().due("2026-02-20").paused("2026-02-16")
    soon = a_duty().due("2026-03-12")
    rows = await listed(db, soon, paused.due("2026-02-28").paused("2026-02-16"))
    assert [row["state"] for row in rows] == ["running", "paused"]
    assert (rows[1]["due_on"], rows[1]["due_on_if_resumed"]) == (date(2026, 2, 28), date(2026, 3, 22))
    assert rows[1]["days_overdue"] is None


async def test_what_nobody_may_see_is_not_listed(db: Database) -> None:
    assert await listed(db, a_duty(), own=["EC"]) == []
    assert await listed(db, a_duty().draft(), own=["ES"]) == []
    assert len(await listed(db, a_duty().draft(), own=["MA"])) == 1


async def test_an_account_of_both_countries_sees_each_clock_once(db: Database) -> None:
    assert len(await listed(db, a_duty(), own=["ES", "MA"])) == 1


async def test_the_same_instant_ends_one_page_and_not_the_next(db: Database) -> None:
    due = midnight("2026-03-11")
    assert len(await listed(db, a_duty(), due_before=due)) == 1
    assert await listed(db, a_duty(), due_from=due) == []
    assert await listed(db, a_duty(), due_before=date(2026, 3, 10)) == []
    assert len(await listed(db, a_duty(), due_from=date(2026, 3, 10), due_before=date(2026, 3, 11))) == 1
