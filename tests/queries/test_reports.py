"""The speed report: every figure as defined, and equal to what is counted by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.api.bodies import parse_query
from mla_tracker.api.clocks import ClockQuery
from mla_tracker.api.reports import sla_lists
from mla_tracker.domain.vocabulary import Side
from mla_tracker.queries import reports, worklist
from mla_tracker.queries.reports import Dimension, ReportBasis, SlaWanted, Table, Whose
from mla_tracker.storage.database import Database, Tx
from tests.builders.reporting import Duty, a_duty, midnight
from tests.queries import sla_by_hand
from tests.queries.random_duties import AS_OF, accounts, duties
from tests.queries.trials import TRIES, an_actor, holding

SECOND = timedelta(seconds=1)
SPAIN_S_MARCH = SlaWanted(
    date(2026, 3, 1), date(2026, 4, 1), sides=(Side.REQUESTED,), bases=(ReportBasis.LAW,)
)


async def report(
    db: Database,
    rows: Sequence[Duty],
    wanted: SlaWanted = SPAIN_S_MARCH,
    *countries: str,
    as_of: datetime = AS_OF,
) -> Table:
    own = countries or ("ES",)
    async with holding(db, rows, *own) as tx:
        return await reports.sla(tx, wanted, actor=an_actor(*own), as_of=as_of)


wishes = st.builds(
    SlaWanted,
    st.dates(date(2025, 10, 1), date(2026, 3, 1)),
    st.dates(date(2026, 3, 2), date(2026, 8, 1)),
    st.permutations(list(Dimension)).flatmap(lambda all_: st.integers(0, 4).map(lambda n: all_[:n])),
    st.sampled_from([(Side.REQUESTING,), (Side.REQUESTED,), tuple(Side)]),
    st.sampled_from([(ReportBasis.LAW,), (ReportBasis.POLICY,), tuple(ReportBasis)]),
    st.sampled_from(Whose),
)


@TRIES
@given(rows=st.lists(duties(), max_size=40), wanted=wishes, own=accounts)
async def test_the_report_counts_as_one_would_by_hand(
    db: Database, rows: list[Duty], wanted: SlaWanted, own: tuple[str, ...]
) -> None:
    expected = sla_by_hand.report(rows, wanted, own, AS_OF)
    async with holding(db, rows, *own) as tx:
        table = await reports.sla(tx, wanted, actor=an_actor(*own), as_of=AS_OF)
        found = {
            tuple(cell[name] for name in ("as", "basis", *wanted.group_by)): cell for cell in table.cells
        }
        assert found.keys() == expected.keys()
        for key, figures in expected.items():
            assert {name: found[key][name] for name in figures} == pytest.approx(figures)
        _adds_up(table, wanted)
        for cell in [*table.cells, *table.totals]:
            await _is_listed(tx, cell, wanted, own)


def _adds_up(table: Table, wanted: SlaWanted) -> None:
    """Totals are the sums of the cells, and the parts of every cell are the whole."""
    assert [(t["as"], t["basis"]) for t in table.totals] == [
        (s, b) for s in wanted.sides for b in wanted.bases
    ]
    for total in table.totals:
        parts = [c for c in table.cells if (c["as"], c["basis"]) == (total["as"], total["basis"])]
        for name in ("due", "stopped", "open", *sla_by_hand.RESULTS):
            assert total[name] == sum(cell[name] for cell in parts)
    for cell in [*table.cells, *table.totals]:
        assert cell["due"] == sum(cell[name] for name in sla_by_hand.RESULTS)
        assert cell["open"] == cell["open_in_time"] + cell["open_overdue"]


async def _is_listed(tx: Tx, cell: dict[str, Any], wanted: SlaWanted, own: Sequence[str]) -> None:
    """The lists behind a cell hold exactly the clocks that it counts."""
    lists = sla_lists(cell, wanted)
    for name, address in lists.items():
        query = parse_query(ClockQuery, address.partition("?")[2].encode())
        rows = await worklist.clocks(
            tx, query.wanted(), actor=an_actor(*own), as_of=AS_OF, after=None, limit=1000
        )
        if name == "list":
            results = [row["result"] for row in rows]
            assert {one: results.count(one) for one in sla_by_hand.RESULTS} == {
                one: cell[one] for one in sla_by_hand.RESULTS
            }
        else:
            assert len(rows) == cell["stopped"]


def march() -> Duty:
    """Spain's duty, due on 5 March, begun on 2 February."""
    return a_duty().due("2026-03-05")


async def total(db: Database, *rows: Duty, own: str = "ES", **changes: Any) -> dict[str, Any]:
    """The one total of the report on March, by default Spain's as the requested country, under law."""
    [found] = (await report(db, rows, replace(SPAIN_S_MARCH, **changes), own)).totals
    return found


def counts(cell: dict[str, Any]) -> dict[str, int]:
    return {name: cell[name] for name in ("due", *sla_by_hand.RESULTS) if cell[name]}


async def test_every_end_has_a_place_of_its_own(db: Database) -> None:
    found = await total(
        db,
        march().met("2026-03-04"),
        march().met("2026-03-05"),
        march().met("2026-03-04", extended=True),
        march().met("2026-03-09"),
        march(),
        march().due("2026-03-20"),
        march().cancelled("2026-03-05"),
        march().cancelled("2026-03-06"),
    )
    assert counts(found) == {
        "due": 7, "met": 2, "met_extended": 1, "met_late": 1, "open_in_time": 1, "open_overdue": 1, "ended_overdue": 1,
    }  # fmt: skip
    assert found["on_time_rate"] == pytest.approx(3 / 7)
    assert found["on_time_rate_so_far"] == pytest.approx(3 / 6)


async def test_the_period_holds_its_first_day_and_not_its_last(db: Database) -> None:
    found = await total(
        db, *(march().due(on) for on in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01"))
    )
    assert found["due"] == 2


async def test_a_duty_turns_overdue_at_its_due_instant(db: Database) -> None:
    for as_of, name in (
        (midnight("2026-03-06") - SECOND, "open_in_time"),
        (midnight("2026-03-06"), "open_overdue"),
    ):
        [found] = (await report(db, [march()], as_of=as_of)).totals
        assert counts(found) == {"due": 1, name: 1}


async def test_a_paused_duty_counts_as_if_it_resumed_now(db: Database) -> None:
    paused = (
        a_duty().due("2026-02-20").paused("2026-02-16")
    )  # four days left; 22 whole days later it is 10 March
    assert counts(await total(db, paused)) == {"due": 1, "open_in_time": 1}
    assert counts(await total(db, paused, from_day=date(2026, 2, 1), to_day=date(2026, 3, 1))) == {}
    [cell] = (await report(db, [paused], replace(SPAIN_S_MARCH, group_by=[Dimension.MONTH]))).cells
    assert cell["month"] == "2026-03"


async def test_what_was_overdue_before_it_was_paused_stays_overdue(db: Database) -> None:
    at_ten = march().on(due_at=midnight("2026-03-05") + timedelta(hours=10))
    since = midnight("2026-03-05") + timedelta(hours=15)
    late = at_ten.on(state="paused", paused_since=since, pauses=((since, None),))
    assert counts(await total(db, late)) == {"due": 1, "open_overdue": 1}


async def test_what_ended_while_it_was_paused_was_not_overdue(db: Database) -> None:
    ended = march().paused("2026-03-02").cancelled("2026-03-25")
    assert counts(await total(db, ended)) == {}


async def test_what_is_pending_is_not_due(db: Database) -> None:
    assert counts(await total(db, march().pending())) == {}


async def test_days_are_taken_where_the_answer_fell_whenever_it_was_due(db: Database) -> None:
    early = a_duty().started("2026-03-01").due("2026-06-01").met("2026-03-11")
    late = a_duty().started("2025-03-01").due("2025-06-01").met("2026-03-01")
    found = await total(db, early, late)
    assert counts(found) == {}
    assert found["on_time_rate"] is None
    assert (found["stopped"], found["median_days"], found["mean_days"]) == (2, 187.5, 187.5)
    assert found["p90_days"] == pytest.approx(10 + 0.9 * 355)


async def test_days_are_told_with_and_without_pauses(db: Database) -> None:
    paused_twice = march().paused("2026-02-05", "2026-02-12").paused("2026-02-10", "2026-02-15")
    found = await total(db, paused_twice.met("2026-03-04"))
    assert (found["median_days"], found["median_days_without_pauses"]) == (30, 20)


async def test_no_days_are_told_of_nothing(db: Database) -> None:
    found = await total(db)
    assert counts(found) == {}
    assert {found[name] for name in found if name.endswith(("_rate", "_days", "_pauses", "_so_far"))} == {
        None
    }


async def test_a_limit_that_is_counted_backwards_has_no_duration(db: Database) -> None:
    found = await total(db, a_duty().started("2026-04-20").due("2026-03-01").met("2026-03-01"))
    assert (found["met"], found["stopped"], found["median_days"]) == (1, 1, None)


async def test_what_is_never_answered_is_seen_to_wait(db: Database) -> None:
    found = await total(db, march(), march().started("2025-09-01"), march().met("2026-02-03"))
    assert (found["open"], found["median_open_days"], found["oldest_open_days"]) == (2, (36 + 190) / 2, 190)


async def test_law_takes_agreements_and_policy_stands_apart(db: Database) -> None:
    rows = [march().on(basis=basis) for basis in ("law", "agreement", "policy")]
    table = await report(db, rows, replace(SPAIN_S_MARCH, bases=tuple(ReportBasis)))
    assert [(cell["basis"], cell["due"]) for cell in table.cells] == [("law", 2), ("policy", 1)]
    assert [(cell["basis"], cell["due"]) for cell in table.totals] == [("law", 2), ("policy", 1)]


async def test_each_side_answers_for_its_own_duties(db: Database) -> None:
    rows = [march(), march(), march().on(obligor="requesting"), march().on(obligor="provider")]
    for own, side, whose, due in (
        ("ES", Side.REQUESTED, Whose.OURS, 2),
        ("ES", Side.REQUESTED, Whose.THEIRS, 1),
        ("ES", Side.REQUESTING, Whose.OURS, 0),
        ("MA", Side.REQUESTING, Whose.OURS, 1),
        ("MA", Side.REQUESTING, Whose.THEIRS, 2),
        ("MA", Side.REQUESTED, Whose.OURS, 0),
        ("EC", Side.REQUESTED, Whose.OURS, 0),
    ):
        fresh = [row.on(id=a_duty().id, request_id=a_duty().request_id) for row in rows]
        assert (await total(db, *fresh, own=own, sides=(side,), whose=whose))["due"] == due


async def test_a_draft_of_the_other_side_is_not_counted(db: Database) -> None:
    assert (await total(db, march().draft()))["due"] == 0
    assert (await total(db, march().draft().on(recorded_by="ES")))["due"] == 1


@pytest.mark.parametrize("effect", ["goal", "expiry", "not_before"])
async def test_only_deadlines_are_counted(db: Database, effect: str) -> None:
    assert (await total(db, march().on(effect=effect)))["due"] == 0


async def test_cells_stand_in_the_order_of_the_law_and_of_the_columns(db: Database) -> None:
    rows = [
        march().on(kind=kind, stage=stage)
        for kind in ("proceedings", "evidence")
        for stage in ("execute", "acknowledge", "receive")
    ]
    table = await report(db, rows, replace(SPAIN_S_MARCH, group_by=[Dimension.STAGE, Dimension.KIND]))
    assert [(cell["stage"], cell["kind"]) for cell in table.cells] == [
        (stage, kind)
        for stage in ("receive", "acknowledge", "execute")
        for kind in ("evidence", "proceedings")
    ]
    assert {(cell["counterpart"], cell["month"]) for cell in table.cells} == {(None, None)}


async def test_the_worked_example_of_the_documentation(db: Database) -> None:
    """docs/reports.md, clocks A to H."""
    g = a_duty().started("2026-02-20").due("2026-03-22").paused("2026-03-12")
    rows = [
        a_duty().started("2026-02-02").due("2026-03-04").met("2026-03-04"),
        a_duty().started("2026-02-02").due("2026-03-20").met("2026-03-16", extended=True),
        a_duty().started("2026-02-09").due("2026-03-21").paused("2026-02-16", "2026-02-26").met("2026-03-31"),
        a_duty().started("2026-02-16").due("2026-03-18"),
        a_duty().started("2026-02-23").due("2026-03-25").cancelled("2026-03-30"),
        a_duty().started("2026-03-02").due("2026-03-31").cancelled("2026-03-12"),
        g,
        a_duty().started("2026-03-05").due("2026-04-04").met("2026-03-25"),
    ]
    noon = midnight("2026-04-10") + timedelta(hours=12)
    assert sla_by_hand.counted_on(g, noon) == date(2026, 4, 20)
    [found] = (await report(db, rows, as_of=noon)).totals
    assert counts(found) == {
        "due": 5, "met": 1, "met_extended": 1, "met_late": 1, "open_overdue": 1, "ended_overdue": 1,
    }  # fmt: skip
    assert {name: found[name] for name in found if "days" in name or name in ("on_time_rate", "stopped", "open")} == (
        pytest.approx({
            "on_time_rate": 0.4, "stopped": 4, "median_days": 36, "p90_days": 47.6, "mean_days": 35.5,
            "median_days_without_pauses": 35, "p90_days_without_pauses": 41.4, "mean_days_without_pauses": 33,
            "open": 1, "median_open_days": 53, "oldest_open_days": 53,
        })
    )  # fmt: skip
