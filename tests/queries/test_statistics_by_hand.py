"""The yearly figures of random cases are those that one would count by hand, and agree with lists and ageing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import Act, RequestKind, Side
from mla_tracker.queries.ageing import AgeingWanted, Section, ageing
from mla_tracker.queries.counted_requests import COUNTED, Figure
from mla_tracker.queries.reports import Dimension
from mla_tracker.queries.statistics import (
    By,
    CountedFilter,
    Division,
    StatisticsWanted,
    counted,
    spans,
    statistics,
)
from mla_tracker.storage.database import Database, Tx
from tests.builders.ledger import ACase, a_case
from tests.queries.trials import LEDGER, TRIES, adds_up, an_actor, on_record

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

FIRST = date(2024, 1, 1)
OFFENCES = ("theft", "fraud", "arson")
ENDS = (
    "executed_in_part",
    "granted",
    "lapsed",
    "refused",
    "withdrawn",
    "not_executable",
    "returned_incomplete",
)
GROUNDS = ("nationality", "age", "amnesty")


@dataclass(frozen=True)
class Told:
    """A case with what should be counted of it: (opened, reopened, ended, way, ground) for each spell, by side."""

    case: ACase
    spells: dict[Side, list[tuple[date, bool, date | None, str | None, str | None]]]


@st.composite
def told(draw: st.DrawFn) -> Told:
    """A case that goes and comes back some times."""
    requesting, requested = draw(st.permutations(("MA", "ES", "EC")))[:2]
    kind = draw(st.sampled_from(["evidence", "extradition", "proceedings"]))
    case = a_case().between(requesting, requested).of(kind).about(*draw(st.sets(st.sampled_from(OFFENCES))))
    if draw(st.integers(0, 9)) == 0:
        return Told(case.act("drafted", FIRST), {side: [] for side in Side})
    steps = st.integers(0, 150).map(lambda number: timedelta(days=number))
    sent = FIRST + draw(steps)
    received = sent + draw(steps) if draw(st.booleans()) else None
    case = case.sent(sent) if received is None or draw(st.booleans()) else case
    knows = any(act is Act.SENT for act, *_ in case.acts)
    case = case.received(received) if received else case
    opened = {
        Side.REQUESTING: sent if knows or received is None else received,
        Side.REQUESTED: received or sent,
    }
    spells: dict[Side, list[tuple[date, bool, date | None, str | None, str | None]]] = {
        side: [] for side in Side
    }
    last, back = received or sent, False
    while draw(st.booleans()) and len(spells[Side.REQUESTED]) < 3:
        last += draw(steps) + timedelta(days=1)
        way = draw(st.sampled_from((*ENDS, "reclassified")))
        ground = draw(st.sampled_from(GROUNDS)) if way == "refused" else None
        case = case.ended(way, last, ground)
        for side in Side:
            spells[side].append((opened[side], back, last, way, ground))
        if way == "reclassified" or not draw(st.booleans()):
            return Told(case, spells)
        if way in ("refused", "withdrawn"):
            case = case.act("closed", last)
        last += draw(steps) + timedelta(days=1)
        case, back, opened = case.reopened(last), True, dict.fromkeys(Side, last)
    for side in Side:
        spells[side].append((opened[side], back, None, None, None))
    return Told(case, spells)


def by_hand(cases: Sequence[Told], wanted: StatisticsWanted, own: Sequence[str]) -> dict[Any, Counter[str]]:
    """The rows of the ledger by their columns, those of nothing left out."""
    found: dict[Any, Counter[str]] = {}
    for one in cases:
        for side, mine, other in (
            (Side.REQUESTING, one.case.requesting, one.case.requested),
            (Side.REQUESTED, one.case.requested, one.case.requesting),
        ):
            if mine not in own or side not in wanted.sides:
                continue
            for offence in one.case.offences or (None,) if Division.OFFENCE in wanted.group_by else (None,):
                columns = {"counterpart": other, "kind": one.case.kind, "offence": offence}
                for first, end in spans(wanted):
                    key = (side, first, *(columns[name] for name in wanted.group_by))
                    for opened, back, ended, way, ground in one.spells[side]:
                        if opened >= end or (ended is not None and ended < first):
                            continue
                        row = found.setdefault(key, Counter())
                        row["opening" if opened < first else "reopened" if back else "new"] += 1
                        if ended is not None and ended < end:
                            row[str(way)] += 1
                            row[f"ground {ground}"] += ground is not None
                        else:
                            row["closing"] += 1
    return found


@TRIES
@given(
    cases=st.lists(told(), max_size=25),
    own=st.sampled_from([("MA",), ("ES",), ("MA", "ES"), ("KZ",)]),
    start=st.integers(0, 900),
    length=st.integers(1, 900),
    by=st.sampled_from(By),
    group_by=st.sampled_from(
        [(), (Division.OFFENCE,), (Division.KIND, Division.COUNTERPART), tuple(Division)]
    ),
)
async def test_the_figures_are_those_that_one_would_count_by_hand(
    db: Database,
    cases: list[Told],
    own: tuple[str, ...],
    start: int,
    length: int,
    by: By,
    group_by: Sequence[Division],
) -> None:
    first = FIRST + timedelta(days=start)
    wanted = StatisticsWanted(first, first + timedelta(days=length), by, group_by)
    expected = by_hand(cases, wanted, own)
    async with on_record(db, [one.case for one in cases], *own) as tx:
        table = await statistics(tx, wanted, actor=an_actor(*own))
        for row in (*table.cells, *table.totals):
            assert adds_up(row)
        found = {
            (Side(row["as"]), row["from"], *(row[name] for name in group_by)): Counter(
                {name: row[name] for name in LEDGER}
                | {f"ground {name}": number for name, number in row["refused_by_ground"].items()}
            )
            for row in table.cells
        }
        assert {key: +row for key, row in found.items() if +row} == {k: +row for k, row in expected.items()}
        for row in table.cells[:3]:
            await _lists_agree(tx, row, own, group_by)


@TRIES
@given(cases=st.lists(told(), max_size=25), own=st.sampled_from([("MA",), ("ES",), ("MA", "ES"), ("KZ",)]))
async def test_what_is_on_the_books_today_is_what_the_ageing_report_counts(
    db: Database, cases: list[Told], own: tuple[str, ...]
) -> None:
    until_now = StatisticsWanted(FIRST, date(2100, 1, 1), group_by=[Division.KIND])
    async with on_record(db, [one.case for one in cases], *own) as tx:
        ledger = await statistics(tx, until_now, actor=an_actor(*own))
        wanted = AgeingWanted(group_by=[Dimension.KIND])
        waiting = (await ageing(tx, wanted, actor=an_actor(*own), as_of=NOW))[Section.REQUESTS]
    on_the_books = {(row["as"], row["kind"]): row["closing"] for row in ledger.cells if row["closing"]}
    assert {(cell["as"], cell["kind"]): cell["total"] for cell in waiting.cells} == on_the_books
    assert [row["total"] for row in waiting.totals] == [row["closing"] for row in ledger.totals]


async def _lists_agree(
    tx: Tx, row: dict[str, Any], own: tuple[str, ...], group_by: Sequence[Division]
) -> None:
    """Every figure of a row is the length of the list behind it."""
    same = {
        "counterpart": row["counterpart"],
        "kind": RequestKind(row["kind"]) if row["kind"] else None,
        "offence": row["offence"],
        "without_offence": Division.OFFENCE in group_by and row["offence"] is None,
    }
    for figure in COUNTED:
        wanted = CountedFilter(Side(row["as"]), row["from"], row["to"], figure, **same)
        listed = await counted(tx, wanted, actor=an_actor(*own), after=None, limit=1000)
        assert len(listed) == row[figure], figure
        if figure is Figure.ENDED:
            assert Counter(one["way"] for one in listed) == +Counter({way: row[way] for way in WAYS})
