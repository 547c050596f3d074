"""How fast duties were done, in one statement; docs/reports.md defines every figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import product
from typing import Any

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Basis, RequestKind, Side, Stage
from mla_tracker.queries import counted_clocks
from mla_tracker.queries.counted_clocks import OPEN, OTHER_SIDE, Result
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight


class Dimension(StrEnum):
    """What the cells of a report can be divided by."""

    COUNTERPART = "counterpart"
    KIND = "kind"
    STAGE = "stage"
    MONTH = "month"


class Whose(StrEnum):
    """Whose duties are counted: those of the account's own country, or those of its partners."""

    OURS = "ours"
    THEIRS = "theirs"


class ReportBasis(StrEnum):
    """What a report keeps apart: `law` takes the law and agreements, `policy` a ministry's own targets."""

    LAW = "law"
    POLICY = "policy"


BASES: Mapping[ReportBasis, tuple[Basis, ...]] = {
    ReportBasis.LAW: (Basis.LAW, Basis.AGREEMENT),
    ReportBasis.POLICY: (Basis.POLICY,),
}
PLAN_ANEW = "set local plan_cache_mode = force_custom_plan"
"""A plan that is good for a country with many clocks is hundreds of times too slow for one with few."""

AS_OF = "$2::timestamptz"
_LEGAL_ORDER: Mapping[str, Sequence[str]] = {
    "as": list(Side),
    "basis": list(ReportBasis),
    "kind": list(RequestKind),
    "stage": list(Stage),
}


@dataclass(frozen=True, slots=True)
class SlaWanted:
    """What a speed report is about: the period [from_day, to_day), and how its cells are divided.

    `sides`: as what the account's country stands in the request. Each side and each basis makes cells of its own.
    """

    from_day: date
    to_day: date
    group_by: Sequence[Dimension] = ()
    sides: Sequence[Side] = tuple(Side)
    bases: Sequence[ReportBasis] = tuple(ReportBasis)
    whose: Whose = Whose.OURS


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a report, and one row of totals for each side and basis asked for."""

    cells: list[dict[str, Any]]
    totals: list[dict[str, Any]]


def duty_of(side: Side, whose: Whose) -> Side:
    """The side whose duties are counted where the account's country stands on `side`."""
    return side if whose is Whose.OURS else OTHER_SIDE[side]


def seen(row: str, side: Side, sight: Sight, of: str = "id") -> str:
    """The condition that a country of the account stands on `side`, and that it sees the row and counts it."""
    return f"{sight.own(f'{row}.{side}_country')} and {sight.counted(row, of)}"


async def sla(tx: Tx, wanted: SlaWanted, *, actor: Actor, as_of: datetime) -> Table:
    """Deadlines by what became of them, with the days that they took, as they read at `as_of`.

    Counts, and what is open, are of clocks due in the period; days taken are of clocks stopped in it. A month is
    that of the due date for the former, that of the stop for the latter.
    """
    columns = [str(dimension) for dimension in wanted.group_by]
    dimensions = "".join(f", {column}" for column in columns)
    sight = Sight.of(actor, countries="$1", account="$6")
    await tx.execute(PLAN_ANEW)
    # The text of the statement holds our own words and places only; every value is bound.
    found = await tx.fetch(
        f"""
        with counted as ({" union all ".join(_branches(wanted, sight))})
        select side, basis{dimensions}, {f"grouping({', '.join(columns)})" if columns else "0"} as level,
            count(result) as due, {", ".join(f"count(*) filter (where result = '{one}') as {one}" for one in Result)},
            count(*) filter (where stopped) as stopped,
            percentile_cont(array[0.5, 0.9]) within group (order by days) as spread, avg(days)::float8 as mean,
            percentile_cont(array[0.5, 0.9]) within group (order by net_days) as net_spread,
            avg(net_days)::float8 as net_mean,
            percentile_cont(0.5) within group (order by days_open) as median_open_days,
            max(days_open) as oldest_open_days
        from counted where stopped or result is not null
        group by grouping sets ((side, basis{dimensions}){", (side, basis)" if columns else ""})
        """,
        sorted(set(actor.countries)),
        as_of,
        wanted.from_day,
        wanted.to_day,
        [basis.value for one in wanted.bases for basis in BASES[one]],
        actor.account_id,
    )
    rows = [dict(row) for row in found]
    cells = [_cell(row, columns) for row in rows if row["level"] == 0]
    totals = {(row["side"], row["basis"]): _cell(row, ()) for row in rows if row["level"] or not columns}
    return Table(
        sorted(cells, key=lambda cell: place(cell, columns)),
        [
            totals.get((side, basis)) or _cell({"side": side, "basis": basis}, ())
            for side, basis in product(map(str, wanted.sides), map(str, wanted.bases))
        ],
    )


def _branches(wanted: SlaWanted, sight: Sight) -> Iterator[str]:
    """Per side three stretches of an index: due in the period, due in it once resumed, stopped in it."""
    result, open_days = counted_clocks.result(AS_OF), counted_clocks.days_open(AS_OF)
    counted_on = counted_clocks.counted_on(AS_OF)
    due = f"{result} as result, false as stopped, null::int as days, null::int as net_days, {open_days} as days_open"
    days, net_days = counted_clocks.days_taken(), counted_clocks.days_taken_without_pauses()
    stopped = (
        f"null as result, true as stopped, {days} as days, {net_days} as net_days, null::int as days_open"
    )
    spans = (
        ("c.due_on", due, "c.state not in ('pending', 'paused') and c.due_on >= $3 and c.due_on < $4"),
        (counted_on, due, f"c.state = 'paused' and {counted_on} >= $3 and {counted_on} < $4"),
        (
            "c.stopped_on",
            stopped,
            "c.state in ('met', 'met_late') and c.stopped_on >= $3 and c.stopped_on < $4",
        ),
    )
    for side in wanted.sides:
        for day, figures, condition in spans:
            yield f"""
            select '{side}' as side, case c.basis when 'policy' then 'policy' else 'law' end as basis,
                c.{OTHER_SIDE[side]}_country as counterpart, c.request_kind as kind, c.stage,
                to_char({day}, 'YYYY-MM') as month, {figures}
            from clock c
            where {seen("c", side, sight, "request_id")} and c.effect = 'deadline'
                and c.obligor = '{duty_of(side, wanted.whose)}' and c.basis = any($5::text[]) and {condition}"""


def _cell(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """One row of the report with every figure; those of nothing are 0 or None."""
    counts = {name: row.get(name, 0) for name in ("due", *Result)}
    in_time = counts[Result.MET] + counts[Result.MET_EXTENDED]
    decided = counts["due"] - counts[Result.OPEN_IN_TIME]
    median, p90 = row.get("spread") or (None, None)
    net_median, net_p90 = row.get("net_spread") or (None, None)
    return {
        "as": row["side"],
        "basis": row["basis"],
        **{dimension.value: row[dimension] if dimension in columns else None for dimension in Dimension},
        **{str(name): count for name, count in counts.items()},
        "on_time_rate": in_time / counts["due"] if counts["due"] else None,
        "on_time_rate_so_far": in_time / decided if decided else None,
        "stopped": row.get("stopped", 0),
        "median_days": median,
        "p90_days": p90,
        "mean_days": row.get("mean"),
        "median_days_without_pauses": net_median,
        "p90_days_without_pauses": net_p90,
        "mean_days_without_pauses": row.get("net_mean"),
        "open": sum(counts[one] for one in OPEN),
        "median_open_days": row.get("median_open_days"),
        "oldest_open_days": row.get("oldest_open_days"),
    }


def place(cell: Mapping[str, Any], columns: Sequence[str]) -> tuple[Any, ...]:
    """Where a cell stands among the others: by its columns in turn, kinds and stages in legal order."""
    return tuple(
        _LEGAL_ORDER[column].index(cell[column]) if column in _LEGAL_ORDER and cell[column] else cell[column]
        for column in ("as", "basis", *columns)
    )
