"""The yearly figures: carried forward, new, ended each way, continuing; docs/statistics.md defines every one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import product
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import Outcome, RequestKind, Side
from mla_tracker.queries import counted_requests
from mla_tracker.queries.counted_requests import COUNTED, NOT_STATED, Figure
from mla_tracker.queries.opening_balances import Stated, stated
from mla_tracker.queries.reports import PLAN_ANEW, Table
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight


class Division(StrEnum):
    """What the rows of the statistics can be divided by."""

    COUNTERPART = "counterpart"
    KIND = "kind"
    OFFENCE = "offence"


class By(StrEnum):
    """The spans that a report is cut into: the whole period, or years that begin on the day of its first."""

    PERIOD = "period"
    YEAR = "year"


GROUNDED = (Outcome.REFUSED, Outcome.DECLINED)
"""The ways out that are counted by ground too."""

_LEDGER = (Figure.OPENING, Figure.NEW, Figure.REOPENED, Figure.ENDED, Figure.CLOSING)
_ARRESTED = "c.arrested_on is not null"


@dataclass(frozen=True, slots=True)
class StatisticsWanted:
    """What the figures are about: the period [from_day, to_day), cut by `by`, and what its rows are divided by."""

    from_day: date
    to_day: date
    by: By = By.PERIOD
    group_by: Sequence[Division] = ()
    sides: Sequence[Side] = tuple(Side)


def spans(wanted: StatisticsWanted) -> list[tuple[date, date]]:
    """The spans of the report, each [first day, day after the last); the last year may be cut short by its end."""
    if wanted.by is By.PERIOD:
        return [(wanted.from_day, wanted.to_day)]
    starts = [wanted.from_day]
    while (following := _years_later(wanted.from_day, len(starts))) < wanted.to_day:
        starts.append(following)
    return list(zip(starts, [*starts[1:], wanted.to_day], strict=True))


def _years_later(day: date, years: int) -> date:
    """The same day so many years on; 28 February for a 29th that does not exist."""
    leap_day = (day.month, day.day) == (2, 29)
    year = day.year + years
    try:
        return day.replace(year=year)
    except ValueError:
        assert leap_day
        return date(year, 2, 28)


async def statistics(tx: Tx, wanted: StatisticsWanted, *, actor: Actor) -> Table:
    """The ledger of requests per side and span, with one total each, as it is read off the histories today.

    A request is counted once in a row, more often only where it was ended and reopened within the span. Divided by
    offence it stands in the row of each of its offences, so that totals are of requests and no sums of rows.
    """
    cut = spans(wanted)
    periods = "unnest($2::date[], $3::date[]) with ordinality as p(from_day, to_day, place)"
    columns = [str(division) for division in wanted.group_by]
    counted = (
        "with counted as materialized "
        f"({' union all '.join(counted_requests.rows(wanted.sides, periods, _sight(actor)))})"
    )
    offence = """cross join lateral (
            select distinct unnest(case c.offences when '{}' then '{null}' else c.offences end) as offence) o"""
    places = {"counterpart": "c.counterpart", "kind": "c.kind", "offence": "o.offence"}
    divided = "".join(f", {places[column]} as {column}" for column in columns)
    cells = f"""select c.side, c.place{divided}, false as total, {_FIGURES} from counted c
        {offence if Division.OFFENCE in wanted.group_by else ""}
        group by c.side, c.place{"".join(f", {places[column]}" for column in columns)}"""
    nothing = "".join(f", null as {column}" for column in columns)
    totals = (
        f"select c.side, c.place{nothing}, true as total, {_FIGURES} from counted c group by c.side, c.place"
    )
    await tx.execute(PLAN_ANEW)
    # The text of the statement holds our own words and places only; every value is bound.
    found = await tx.fetch(
        f"{counted} {totals if not columns else f'{cells} union all {totals}'}",
        sorted(set(actor.countries)),
        [first for first, _ in cut],
        [end for _, end in cut],
        actor.account_id,
    )
    balances = await stated(tx, actor=actor)
    rows = [dict(row) for row in found]
    whole = {(row["side"], row["place"]): row for row in rows if row["total"]}
    every_total = [
        _cell(whole.get((side, place), {"side": side, "place": place}), (), cut, balances)
        for side, place in product(map(str, wanted.sides), range(1, len(cut) + 1))
    ]
    if not columns:
        return Table(every_total, every_total)
    divided_rows = [_cell(row, columns, cut, balances) for row in rows if not row["total"]]
    return Table(sorted(divided_rows, key=lambda cell: _place(cell, columns)), every_total)


def _sight(actor: Actor) -> Sight:
    return Sight.of(actor, countries="$1", account="$4")


_FIGURES = ", ".join(
    (
        *(f"count(*) filter (where {condition}) as {figure}" for figure, condition in COUNTED.items()),
        *(f"count(*) filter (where {counted_requests.way(way)}) as way_{way}" for way in WAYS),
        *(
            f"array_agg(coalesce(c.ground, '{NOT_STATED}')) filter (where {counted_requests.way(way)}) as {way}_grounds"
            for way in GROUNDED
        ),
        *(
            f"{function} filter (where {COUNTED[figure]} and c.days is not null) as {name}_days_{consent}_consent"
            for consent, figure in (
                ("with", Figure.DECIDED_WITH_CONSENT),
                ("without", Figure.DECIDED_WITHOUT_CONSENT),
            )
            for name, function in (
                ("mean", "avg(c.days::float8)"),
                ("median", "percentile_cont(0.5) within group (order by c.days)"),
            )
        ),
    )
)
_DAYS = [f"{name}_days_{consent}_consent" for consent in ("with", "without") for name in ("mean", "median")]


def _cell(
    row: Mapping[str, Any],
    columns: Sequence[str],
    cut: Sequence[tuple[date, date]],
    balances: Mapping[tuple[str, str | None, date], Stated],
) -> dict[str, Any]:
    """One row of the ledger with every figure; those of nothing are 0 or None."""
    first, end = cut[row["place"] - 1]
    identity = {str(division): row.get(division) if division in columns else None for division in Division}
    restated = balances.get((row["side"], identity["kind"], first))
    if set(columns) - {"kind"}:
        restated = None
    opening, closing = row.get("opening", 0), row.get("closing", 0)
    difference = restated.count - opening if restated is not None else None
    return {
        "as": row["side"],
        "from": first,
        "to": end,
        **identity,
        "opening": opening,
        "new": row.get("new", 0),
        "reopened": row.get("reopened", 0),
        **{way: row.get(f"way_{way}", 0) for way in WAYS},
        "ended": row.get("ended", 0),
        "closing": closing,
        **{
            f"{way}_by_ground": dict(sorted(Counter(row.get(f"{way}_grounds") or ()).items()))
            for way in GROUNDED
        },
        "opening_restated": restated.count if restated is not None else None,
        "opening_difference": difference,
        "closing_restated": closing + difference if difference is not None else None,
        "restated_because": restated.reason if restated is not None else None,
        **{str(figure): row.get(figure, 0) for figure in Figure if figure not in _LEDGER},
        **{name: row.get(name) for name in _DAYS},
    }


def _place(cell: Mapping[str, Any], columns: Sequence[str]) -> tuple[Any, ...]:
    """Where a row stands among the others: by side and span, then its columns in turn; no offence comes last."""
    order = {"kind": [str(kind) for kind in RequestKind]}
    side = [str(side) for side in Side].index(cell["as"])
    return (
        side,
        cell["from"],
        *(
            (order[column].index(cell[column]),)
            if column in order
            else (cell[column] is None, cell[column] or "")
            for column in columns
        ),
    )


@dataclass(frozen=True, slots=True)
class CountedFilter:
    """The requests behind one figure of one row; without a figure, all that were on the books in its span.

    `ways` and `ground` narrow it to those that ended so in the span.
    """

    side: Side
    from_day: date
    to_day: date
    figure: Figure | None = None
    ways: Sequence[str] = ()
    ground: str | None = None
    counterpart: str | None = None
    kind: RequestKind | None = None
    offence: str | None = None
    without_offence: bool = False


async def counted(
    tx: Tx, wanted: CountedFilter, *, actor: Actor, after: tuple[date, UUID, int] | None, limit: int
) -> list[dict[str, Any]]:
    """The spells that a figure counts, by the day that counts; `after` is the last of the page before, exclusive."""
    periods = "(select 1 as place, $2::date as from_day, $3::date as to_day) as p"
    union = " union all ".join(counted_requests.rows([wanted.side], periods, _sight(actor)))
    values: list[Any] = [sorted(set(actor.countries)), wanted.from_day, wanted.to_day, actor.account_id]
    parts = [f"({COUNTED[wanted.figure]})" if wanted.figure else "c.opened_on is not null"]

    def add(condition: str, value: Any) -> None:
        values.append(value)
        parts.append(condition.replace("?", f"${len(values)}"))

    if wanted.ways or wanted.ground is not None:
        parts.append(f"({COUNTED[Figure.ENDED]})")
    if wanted.ways:
        add("c.way = any(?::text[])", list(wanted.ways))
    if wanted.ground is not None:
        add(f"coalesce(c.ground, '{NOT_STATED}') = ?", wanted.ground)
    if wanted.counterpart is not None:
        add("c.counterpart = ?", wanted.counterpart)
    if wanted.kind is not None:
        add("c.kind = ?", wanted.kind.value)
    if wanted.offence is not None:
        add("? = any(c.offences)", wanted.offence)
    if wanted.without_offence:
        parts.append("c.offences = '{}'")
    day = f"c.{_DAY_OF.get(wanted.figure or Figure.OPENING, 'opened_on')}"
    if after is not None:
        values.extend(after)
        last = len(values)
        parts.append(f"({day}, c.request_id, c.number) > (${last - 2}, ${last - 1}, ${last})")
    values.append(limit)
    await tx.execute(PLAN_ANEW)
    found = await tx.fetch(
        f"""
        with counted as ({union})
        select {day} as day, c.request_id, c.kind, c.counterpart, c.own_country, c.offences, c.opened_on,
            c.number, c.reopened, c.ended_on, c.way, c.ground, c.arrested_on, c.consented_on,
            c.decided_on, c.surrendered_on, c.days as days_from_arrest, r.status, r.handling, r.requesting_country,
            r.requested_country, r.reference_requesting, r.reference_requested
        from counted c join request r on r.id = c.request_id where {" and ".join(parts)}
        order by 1, 2, 8 limit ${len(values)}
        """,
        *values,
    )
    return [dict(row) for row in found]


_DAY_OF: Mapping[Figure, str] = {
    Figure.ENDED: "ended_on",
    Figure.ARRESTS: "arrested_on",
    Figure.CONSENTS: "consented_on",
    Figure.SURRENDERS: "surrendered_on",
    Figure.DECIDED_WITH_CONSENT: "decided_on",
    Figure.DECIDED_WITHOUT_CONSENT: "decided_on",
}
