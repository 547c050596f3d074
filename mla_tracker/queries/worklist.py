"""The worklist: clocks of all cases that an account may see, soonest due first.

Each side is read by its own index, once per stored state that is wanted, and the few rows found are merged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.clocks import state_at
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import (
    Basis,
    ClockState,
    Effect,
    Obligor,
    RequestKind,
    Side,
    Stage,
)
from mla_tracker.queries import counted_clocks
from mla_tracker.queries.counted_clocks import OTHER_SIDE, STORED_STATES, Result
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Where clocks without a due instant stand in the list: last."""

# A running clock as it reads at an instant, see domain.clocks.state_at.
_READS_AS = {
    ClockState.OVERDUE: "c.effect in ('deadline', 'goal') and c.due_at <= {now}",
    ClockState.EXPIRED: "c.effect = 'expiry' and c.due_at <= {now}",
    ClockState.RUNNING: "(c.effect = 'not_before' or c.due_at > {now})",
}
_STORED_AS = {ClockState.OVERDUE: "running", ClockState.EXPIRED: "running"}
_SHOWN = (
    "id", "request_id", "requesting_country", "requested_country", "limit_version", "stage", "tier", "effect",
    "basis", "obligor", "started_on", "started_at", "base_due_on", "due_on", "due_at", "paused_since", "stopped_on",
    "stopped_at", "imprecise", "handling",
)  # fmt: skip

Key = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class ClockFilter:
    """What the worklist is narrowed to; None and empty: whatever.

    `due_from` (inclusive) and `due_before` (exclusive) are dates of `due_on`; as instants they tell what runs out after
    one instant and up to another. A paused clock is taken as if it resumed now. `stopped_from` (inclusive) and
    `stopped_before` (exclusive) are dates of the stop. `own_side` is the side on which the account's country stands.
    """

    states: Sequence[ClockState] = ()
    results: Sequence[Result] = ()
    stages: Sequence[Stage] = ()
    kinds: Sequence[RequestKind] = ()
    effects: Sequence[Effect] = ()
    bases: Sequence[Basis] = ()
    own_side: Side | None = None
    country: str | None = None
    counterpart: str | None = None
    obligor: Obligor | None = None
    obligor_country: str | None = None
    assigned_to: str | None = None
    due_from: date | datetime | None = None
    due_before: date | datetime | None = None
    stopped_from: date | None = None
    stopped_before: date | None = None
    handling: Handling | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """Clocks of one or more stored states that are found by one index: the condition, when due, and how sorted."""

    condition: str
    due_on: str
    due_at: str
    sort_at: str


class _Values:
    """The values of a statement, each bound once and known by its place."""

    def __init__(self) -> None:
        self.bound: list[Any] = []
        self._places: dict[tuple[str, Any], str] = {}

    def place(self, value: Any, kind: str) -> str:
        """The placeholder of a value of a PostgreSQL type."""
        key = (kind, tuple(value) if isinstance(value, list) else value)
        if key not in self._places:
            self.bound.append(value)
            self._places[key] = f"${len(self.bound)}::{kind}"
        return self._places[key]


def _among(column: str, words: Iterable[str]) -> str:
    """The condition that a column holds one of some words of our own; as text, so that partial indexes fit."""
    listed = ", ".join(f"'{word}'" for word in sorted(set(words)))
    return f"{column} in ({listed})" if "," in listed else f"{column} = {listed}"


async def clocks(
    tx: Tx, wanted: ClockFilter, *, actor: Actor, as_of: datetime, after: Key | None, limit: int
) -> list[dict[str, Any]]:
    """Up to `limit` clocks as they read at `as_of`; `after` is the sort key of the last one before, exclusive."""
    # The text of the statement holds our own words and places only; every value is bound.
    values = _Values()
    own = values.place(sorted(set(actor.countries)), "text[]")
    sight = Sight(own, values.place(actor.account_id, "uuid"), actor.role)
    now = values.place(as_of, "timestamptz")
    most = values.place(limit, "int")
    sides = [wanted.own_side] if wanted.own_side else [Side.REQUESTING, Side.REQUESTED]
    found = [
        _branch(
            side,
            group,
            [
                *_sided(wanted, side, values, own),
                sight.counted("c", "request_id"),
                *_common(wanted, values, now),
                *_timed(wanted, group, values, after),
            ],
            own=own,
            most=most,
            with_request=wanted.assigned_to is not None,
        )
        for side in sides
        for group in _groups(wanted, values, now)
    ]
    if not found:
        return []
    rows = await tx.fetch(
        f"""
        with found as (
            select id, sort_at, own_side from ({" union all ".join(found)}) each_side
            order by sort_at, id limit {most}
        )
        select {", ".join(f"c.{name}" for name in _SHOWN)}, c.request_kind, c.limit_id, c.counted_in_country, c.state,
            {counted_clocks.result(now)} as result, {counted_clocks.counted_on(now)} as counted_on, found.sort_at,
            r.status, r.reference_requesting, r.reference_requested,
            case when r.recorded_by = any({own}) then r.external_reference end as external_reference,
            case own_side when 'requesting' then r.assigned_requesting else r.assigned_requested end as assigned_to
        from found join clock c on c.id = found.id join request r on r.id = c.request_id
        order by found.sort_at, c.id
        """,
        *values.bound,
    )
    return [_view(dict(row), as_of) for row in rows]


def sort_key(row: Mapping[str, Any]) -> Key:
    """Where a row of `clocks` stands in the list."""
    return row["sort_at"], row["id"]


def _branch(
    side: Side, group: _Group, conditions: Sequence[str], *, own: str, most: str, with_request: bool
) -> str:
    """One side of one group: per country of the account an ordered stretch of an index."""
    request = " join request r on r.id = c.request_id" if with_request else ""
    where = " and ".join([f"c.{side}_country = its.country", group.condition, *conditions])
    return f"""
        (select one.id, one.sort_at, '{side}' as own_side
        from unnest({own}) its (country) cross join lateral (
            select c.id, {group.sort_at} as sort_at from clock c{request}
            where {where} order by {group.sort_at}, c.id limit {most}
        ) one)"""


def _groups(wanted: ClockFilter, values: _Values, now: str) -> Iterator[_Group]:
    """Running clocks by their index, paused ones by theirs; of all others those with a due instant, then the rest."""
    states = set(wanted.states) or set(ClockState)
    stored = {_STORED_AS.get(state, state.value) for state in states}
    if wanted.results:
        stored &= set().union(*(STORED_STATES[result] for result in wanted.results))
    if "running" in stored:
        reads_as = [text.format(now=now) for state, text in _READS_AS.items() if state in states]
        narrowed = "" if len(reads_as) == len(_READS_AS) else f" and ({' or '.join(reads_as)})"
        yield _Group(f"c.state = 'running'{narrowed}", "c.due_on", "c.due_at", "c.due_at")
    if "paused" in stored:
        due_on, due_at = counted_clocks.counted_on(now), counted_clocks.counted_at(now)
        yield _Group("c.state = 'paused'", due_on, due_at, due_at)
    if rest := sorted(stored - {"running", "paused"}):
        ended = _among("c.state", rest)
        yield _Group(f"{ended} and c.due_at is not null", "c.due_on", "c.due_at", "c.due_at")
        yield _Group(
            f"{ended} and c.due_at is null", "c.due_on", "c.due_at", values.place(NEVER, "timestamptz")
        )


def _sided(wanted: ClockFilter, side: Side, values: _Values, own: str) -> Iterator[str]:
    """What depends on the side on which the account's country stands."""
    other = f"c.{OTHER_SIDE[side]}_country"
    both_own = wanted.own_side is None and side is Side.REQUESTING
    if wanted.own_side is None and side is Side.REQUESTED:
        yield f"not c.requesting_country = any({own})"
    if wanted.counterpart is not None:
        country = values.place(wanted.counterpart, "text")
        reverse = f" or {other} = any({own}) and c.{side}_country = {country}" if both_own else ""
        yield f"({other} = {country}{reverse})"
    if wanted.assigned_to is not None:
        name = values.place(wanted.assigned_to, "text")
        reverse = f" or {other} = any({own}) and r.assigned_{OTHER_SIDE[side]} = {name}" if both_own else ""
        yield f"(r.assigned_{side} = {name}{reverse})"


def _common(wanted: ClockFilter, values: _Values, now: str) -> Iterator[str]:
    """What is asked of the clock itself."""
    lists: dict[str, Sequence[str]] = {
        "c.stage": wanted.stages, "c.request_kind": wanted.kinds, "c.effect": wanted.effects, "c.basis": wanted.bases,
    }  # fmt: skip
    yield from (_among(column, names) for column, names in lists.items() if names)
    if wanted.results:
        yield _among(f"({counted_clocks.result(now)})", wanted.results)
    if wanted.country is not None:
        country = values.place(wanted.country, "text")
        yield f"(c.requesting_country = {country} or c.requested_country = {country})"
    if wanted.handling is not None:
        yield _among("c.handling", [wanted.handling])
    if wanted.obligor is not None:
        yield _among("c.obligor", [wanted.obligor])
    if wanted.obligor_country is not None:
        country = values.place(wanted.obligor_country, "text")
        yield f"case c.obligor when 'requesting' then c.requesting_country else c.requested_country end = {country}"
    if wanted.stopped_from is not None:
        yield f"c.stopped_on >= {values.place(wanted.stopped_from, 'date')}"
    if wanted.stopped_before is not None:
        yield f"c.stopped_on < {values.place(wanted.stopped_before, 'date')}"


def _timed(wanted: ClockFilter, group: _Group, values: _Values, after: Key | None) -> Iterator[str]:
    """What depends on when a clock is due."""
    match wanted.due_from:
        case datetime() as instant:
            yield f"{group.due_at} > {values.place(instant, 'timestamptz')}"
        case date() as day:
            yield f"{group.due_on} >= {values.place(day, 'date')}"
    match wanted.due_before:
        case datetime() as instant:
            yield f"{group.due_at} <= {values.place(instant, 'timestamptz')}"
        case date() as day:
            yield f"{group.due_on} < {values.place(day, 'date')}"
    if after is not None:
        yield f"({group.sort_at}, c.id) > ({values.place(after[0], 'timestamptz')}, {values.place(after[1], 'uuid')})"


def _view(row: Mapping[str, Any], as_of: datetime) -> dict[str, Any]:
    """A clock as it reads at `as_of`, and where it stands in the list (`sort_at`)."""
    state = state_at(ClockState(row["state"]), Effect(row["effect"]), row["due_at"], as_of)
    late = state in (ClockState.OVERDUE, ClockState.EXPIRED)
    requesting = row["obligor"] == "requesting"
    return {
        **{name: row[name] for name in (*_SHOWN, "status", "result", "assigned_to", "sort_at")},
        "external_reference": row["external_reference"],
        "kind": row["request_kind"],
        "references": {"requesting": row["reference_requesting"], "requested": row["reference_requested"]},
        "limit": row["limit_id"],
        "obligor_country": row["requesting_country"] if requesting else row["requested_country"],
        "counted_in": row["counted_in_country"],
        "state": state.value,
        "due_on_if_resumed": row["counted_on"] if state is ClockState.PAUSED else None,
        "days_overdue": (as_of - row["due_at"]) // timedelta(days=1) + 1 if late else None,
    }
