"""The ageing report: bands, what age is counted from, and equality with what is counted by hand."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.api.bodies import parse_query
from mla_tracker.api.clocks import ClockQuery
from mla_tracker.api.reports import ageing_list
from mla_tracker.domain.vocabulary import Side
from mla_tracker.queries import worklist
from mla_tracker.queries.ageing import AgeingWanted, Section, ageing, bands
from mla_tracker.queries.reports import Dimension, ReportBasis, Table, Whose
from mla_tracker.storage.database import Database
from tests.builders.reporting import Duty, a_duty, insert_acts
from tests.queries import sla_by_hand
from tests.queries.random_duties import AS_OF, accounts, duties
from tests.queries.trials import TRIES, an_actor, holding

BY_COUNTERPART_AND_KIND = (Dimension.COUNTERPART, Dimension.KIND)
Tables = dict[Section, Table]


async def aged(
    db: Database,
    *rows: Duty,
    own: Sequence[str] = ("ES",),
    acts: Sequence[tuple[str, str, str]] = (),
    **wanted: Any,
) -> Tables:
    """The report on these clocks as Spain sees it, with the same acts in the history of each request."""
    async with holding(db, rows, *own) as tx:
        await tx.execute("reset role")
        for row in rows:
            await insert_acts(tx, row, acts)
        await tx.execute("set local role mla_api")
        return dict(await ageing(tx, AgeingWanted(**wanted), actor=an_actor(*own), as_of=AS_OF))


def test_bands_leave_no_day_out() -> None:
    assert bands([30, 90]) == [(0, 30), (31, 90), (91, None)]


@TRIES
@given(
    rows=st.lists(duties(), max_size=40),
    own=accounts,
    whose=st.sampled_from(Whose),
    group_by=st.sampled_from([(), BY_COUNTERPART_AND_KIND, BY_COUNTERPART_AND_KIND[1:]]),
    bounds=st.sampled_from([(30, 90, 180, 365), (0,), (7, 8, 60)]),
)
async def test_open_duties_are_counted_as_one_would_by_hand(
    db: Database,
    rows: list[Duty],
    own: tuple[str, ...],
    whose: Whose,
    group_by: Sequence[Dimension],
    bounds: Sequence[int],
) -> None:
    wanted = AgeingWanted(group_by, bounds, whose=whose)
    expected = _by_hand(rows, wanted, own)
    async with holding(db, rows, *own) as tx:
        tables = await ageing(tx, wanted, actor=an_actor(*own), as_of=AS_OF)
        for section in (Section.CLOCKS, Section.OVERDUE):
            table = tables[section]
            found = {tuple(cell[name] for name in ("as", "basis", *group_by)): cell for cell in table.cells}
            assert {key: cell["counts"] for key, cell in found.items()} == expected[section]
            for cell in [*table.cells, *table.totals]:
                assert cell["total"] == sum(cell["counts"])
                address = ageing_list(cell, section, wanted, as_of=AS_OF)["list"]
                query = parse_query(ClockQuery, address.partition("?")[2].encode())
                listed = await worklist.clocks(
                    tx, query.wanted(), actor=an_actor(*own), as_of=AS_OF, after=None, limit=1000
                )
                assert len(listed) == cell["total"]
            for total in table.totals:
                parts = [c for c in table.cells if (c["as"], c["basis"]) == (total["as"], total["basis"])]
                assert total["total"] == sum(cell["total"] for cell in parts)


def _by_hand(
    rows: Sequence[Duty], wanted: AgeingWanted, own: Sequence[str]
) -> dict[Section, dict[tuple[Any, ...], list[int]]]:
    found: dict[Section, dict[tuple[Any, ...], list[int]]] = {Section.CLOCKS: {}, Section.OVERDUE: {}}
    spans = bands(wanted.bounds)
    for duty in rows:
        if duty.state not in ("running", "paused") or duty.effect != "deadline":
            continue
        for side, mine, other in (
            (Side.REQUESTING, duty.requesting, duty.requested),
            (Side.REQUESTED, duty.requested, duty.requesting),
        ):
            owes = (duty.obligor == side) is (wanted.whose is Whose.OURS) and duty.obligor != "provider"
            if mine not in own or not owes or not (duty.shared or duty.recorded_by in own):
                continue
            told = {"counterpart": other, "kind": duty.kind}
            basis = ReportBasis.POLICY if duty.basis == "policy" else ReportBasis.LAW
            key = (side, basis, *(told[dimension] for dimension in wanted.group_by))
            ages = {Section.CLOCKS: sla_by_hand.days_open(duty, AS_OF) or 0}
            if sla_by_hand.result(duty, AS_OF) == "open_overdue":
                assert duty.due_at is not None
                ages[Section.OVERDUE] = ((duty.paused_since or AS_OF) - duty.due_at) // sla_by_hand.DAY + 1
            for section, age in ages.items():
                counts = found[section].setdefault(key, [0] * len(spans))
                counts[sum(last is not None and age > last for _, last in spans)] += 1
    return found


def ages(tables: Tables, section: Section = Section.REQUESTS) -> list[tuple[str, int]]:
    return [(cell["as"], cell["oldest_days"]) for cell in tables[section].cells]


async def test_a_request_ages_from_receipt_where_it_came_and_from_sending_where_it_went(db: Database) -> None:
    acts = [("sent", "2026-02-10", "MA"), ("received", "2026-02-24", "ES")]
    assert ages(await aged(db, a_duty(), acts=acts)) == [("requested", 14)]
    assert ages(await aged(db, a_duty(), own=["MA"], acts=acts)) == [("requesting", 28)]


async def test_the_receiving_country_s_own_word_on_receipt_prevails(db: Database) -> None:
    acts = [("received", "2026-02-20", "MA"), ("received", "2026-02-24T10:00:00+01:00", "ES")]
    assert ages(await aged(db, a_duty(), acts=acts)) == [("requested", 14)]


async def test_silence_ages_a_request_from_its_sending(db: Database) -> None:
    acts = [("drafted", "2026-01-10", "MA"), ("provisional_arrest_requested", "2026-03-01", "MA")]
    assert ages(await aged(db, a_duty(), acts=acts)) == [("requested", 9)]


@pytest.mark.parametrize("status", ["draft", "ended", "closed"])
async def test_only_open_requests_age(db: Database, status: str) -> None:
    assert ages(await aged(db, a_duty().on(status=status), acts=[("sent", "2026-03-01", "MA")])) == []


async def test_an_enquiry_is_no_request_and_does_not_age(db: Database) -> None:
    sent = [("sent", "2026-03-01", "MA")]
    for said, aged_days in (("enquiry", []), ("information", [("requested", 9)])):
        async with holding(db, [duty := a_duty()], "ES") as tx:
            await tx.execute("reset role")
            await insert_acts(tx, duty, sent)
            await tx.execute("update request set reclassified_as = $1", said)
            await tx.execute("set local role mla_api")
            tables = await ageing(tx, AgeingWanted(), actor=an_actor("ES"), as_of=AS_OF)
        assert ages(dict(tables)) == aged_days


async def test_the_days_overdue_begin_on_the_day_after_the_due_date(db: Database) -> None:
    rows = [a_duty().due(day) for day in ("2026-03-10", "2026-03-09", "2026-03-08", "2026-02-07")]
    tables = await aged(db, *rows, bounds=[1, 30], sides=[Side.REQUESTED], bases=[ReportBasis.LAW])
    [total] = tables[Section.OVERDUE].totals
    assert (total["counts"], total["oldest_days"]) == ([1, 1, 1], 31)
    [total] = tables[Section.CLOCKS].totals
    assert (total["counts"], total["median_days"]) == ([0, 0, 4], 36)
