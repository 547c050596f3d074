"""How long open requests and duties have waited, in one statement; docs/reports.md defines every figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import product
from typing import Any

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.tallies import ENQUIRY
from mla_tracker.domain.vocabulary import Side
from mla_tracker.queries import counted_clocks
from mla_tracker.queries.counted_clocks import OTHER_SIDE
from mla_tracker.queries.reports import (
    AS_OF,
    BASES,
    PLAN_ANEW,
    Dimension,
    ReportBasis,
    Table,
    Whose,
    duty_of,
    place,
    seen,
)
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight

BOUNDS = (30, 90, 180, 365)


class Section(StrEnum):
    """What is counted: requests by age, duties still to be done by age, and those overdue by days overdue."""

    REQUESTS = "requests"
    CLOCKS = "clocks"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class AgeingWanted:
    """What an ageing report is about. `bounds` are the last days of the bands, ascending; one more band has no end."""

    group_by: Sequence[Dimension] = ()
    bounds: Sequence[int] = BOUNDS
    sides: Sequence[Side] = tuple(Side)
    bases: Sequence[ReportBasis] = tuple(ReportBasis)
    whose: Whose = Whose.OURS


def bands(bounds: Sequence[int]) -> list[tuple[int, int | None]]:
    """First and last day of every band, both inclusive; the last one has no end."""
    firsts = [0, *(bound + 1 for bound in bounds)]
    return list(zip(firsts, [*bounds, None], strict=True))


async def ageing(tx: Tx, wanted: AgeingWanted, *, actor: Actor, as_of: datetime) -> Mapping[Section, Table]:
    """What is open at `as_of`, by days waited; of requests since received (or sent), of clocks since their start."""
    columns = [str(dimension) for dimension in wanted.group_by]
    dimensions = "".join(f", {column}" for column in columns)
    counts = [
        f"count(*) filter (where days >= {first}{'' if last is None else f' and days <= {last}'}) as band_{number}"
        for number, (first, last) in enumerate(bands(wanted.bounds))
    ]
    sight = Sight.of(actor, countries="$1", account="$4")
    await tx.execute(PLAN_ANEW)
    # The text of the statement holds our own words, places and whole numbers only; every value is bound.
    found = await tx.fetch(
        f"""
        with waiting as ({" union all ".join(_branches(wanted, sight))})
        select section, side, basis{dimensions}, {f"grouping({', '.join(columns)})" if columns else "0"} as level,
            count(*) as total, {", ".join(counts)},
            percentile_cont(0.5) within group (order by days) as median_days, max(days) as oldest_days
        from waiting where days is not null
        group by grouping sets ((section, side, basis{dimensions}){", (section, side, basis)" if columns else ""})
        """,
        sorted(set(actor.countries)),
        as_of,
        [basis.value for one in wanted.bases for basis in BASES[one]],
        actor.account_id,
    )
    rows = [dict(row) for row in found]
    return {
        section: _table([row for row in rows if row["section"] == section], section, wanted)
        for section in Section
    }


def _branches(wanted: AgeingWanted, sight: Sight) -> Iterator[str]:
    open_days, overdue_days = counted_clocks.days_open(AS_OF), counted_clocks.days_overdue(AS_OF)
    ages = f"('clocks', coalesce({open_days}, 0)), ('overdue', {overdue_days})"
    for side in wanted.sides:
        yield f"""
            select 'requests' as section, '{side}' as side, null as basis, r.{OTHER_SIDE[side]}_country as counterpart,
                r.kind, greatest(({AS_OF} at time zone 'UTC')::date - {_SINCE[side]}, 0) as days
            from request r cross join lateral ({_ACTS}) acts
            where {seen("r", side, sight)} and r.status not in ('draft', 'ended', 'closed')
                and r.reclassified_as is distinct from '{ENQUIRY}'"""
        for state in ("running", "paused"):
            yield f"""
            select waited.section, '{side}', case c.basis when 'policy' then 'policy' else 'law' end,
                c.{OTHER_SIDE[side]}_country, c.request_kind, waited.days
            from clock c cross join lateral (values {ages}) waited (section, days)
            where {seen("c", side, sight, "request_id")} and c.state = '{state}' and c.effect = 'deadline'
                and c.obligor = '{duty_of(side, wanted.whose)}' and c.basis = any($3::text[])"""


# The days of sending and receipt; of two statements on the receipt the receiving country's own prevails.
_ACTS = """
    select min(day) filter (where type <> 'received') as sent_on,
        coalesce(min(day) filter (where type = 'received' and asserted_by = r.requested_country),
            min(day) filter (where type = 'received')) as received_on
    from (
        select e.type, e.asserted_by, coalesce(e.occurred_on, (e.occurred_at at time zone 'UTC')::date) as day
        from request_event e
        where e.request_id = r.id and e.type in ('sent', 'provisional_arrest_requested', 'received')
            and not exists (select from event_void v where v.event_id = e.id)
    ) told"""
_SINCE = {
    Side.REQUESTING: "coalesce(acts.sent_on, acts.received_on, r.first_act_on, r.created_at::date)",
    Side.REQUESTED: "coalesce(acts.received_on, acts.sent_on, r.first_act_on, r.created_at::date)",
}


def _table(rows: Sequence[Mapping[str, Any]], section: Section, wanted: AgeingWanted) -> Table:
    columns = [str(dimension) for dimension in wanted.group_by]
    bases: list[str | None] = (
        [None] if section is Section.REQUESTS else [str(basis) for basis in wanted.bases]
    )
    cells = [_cell(row, columns, wanted) for row in rows if row["level"] == 0]
    totals = {(row["side"], row["basis"]): row for row in rows if row["level"] or not columns}
    return Table(
        sorted(cells, key=lambda cell: place(cell, columns)),
        [
            _cell(totals.get((side, basis)) or {"side": side, "basis": basis}, (), wanted)
            for side, basis in product(map(str, wanted.sides), bases)
        ],
    )


def _cell(row: Mapping[str, Any], columns: Sequence[str], wanted: AgeingWanted) -> dict[str, Any]:
    return {
        "as": row["side"],
        "basis": row["basis"],
        "counterpart": row["counterpart"] if "counterpart" in columns else None,
        "kind": row["kind"] if "kind" in columns else None,
        "total": row.get("total", 0),
        "counts": [row.get(f"band_{number}", 0) for number in range(len(wanted.bounds) + 1)],
        "median_days": row.get("median_days"),
        "oldest_days": row.get("oldest_days"),
    }
