"""Flags as a reader of one of the two countries sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.vocabulary import FlagKind, Obligor, Stage
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class FlagFilter:
    """What flags are wanted; None: any. `country` is the counterpart, `raised_after` is exclusive.

    `open`: neither cleared nor settled.
    """

    kind: FlagKind | None = None
    open: bool | None = None
    acknowledged: bool | None = None
    request_id: UUID | None = None
    country: str | None = None
    raised_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlagView:
    """One flag. Cleared: there was no lateness after all. Settled: there was, and it is over."""

    id: UUID
    request_id: UUID
    clock_id: UUID
    limit: str
    stage: Stage
    obligor: Obligor
    kind: FlagKind
    level: int
    due_at: datetime
    raised_at: datetime
    acknowledged_at: datetime | None
    cleared_at: datetime | None
    cleared_reason: str | None
    settled_at: datetime | None


# What was noted on the reader's own side: the requesting one if the account speaks for both.
_ACKNOWLEDGED: Final = (
    "case when flag.requesting_country = any($1) then flag.acknowledged_requesting_at"
    " else flag.acknowledged_requested_at end"
)
# A clock that went and came again has a new id; the flag belongs to its key.
_FIELDS: Final = f"""
flag.id, flag.request_id,
coalesce((select clock.id from clock where clock.request_id = flag.request_id and clock.clock_key = flag.clock_key),
    flag.clock_id) as clock_id,
flag.limit_id as "limit", flag.stage, flag.obligor, flag.kind, flag.level, flag.due_at, flag.raised_at,
{_ACKNOWLEDGED} as acknowledged_at, flag.cleared_at, flag.cleared_reason, flag.settled_at
"""

# Asked of each row as it is reached, never joined, so that flags are read in the order of their index and no further.
_VISIBLE: Final = (
    "(select request.shared or request.recorded_by = any($1) from request where request.id = flag.request_id)"
)


async def flag(tx: Tx, flag_id: UUID, *, countries: Sequence[str]) -> FlagView | None:
    """One flag, or None if these countries see no such flag."""
    row = await tx.fetchrow(
        f"""
        select {_FIELDS} from flag
        where flag.id = $2 and (flag.requesting_country = any($1) or flag.requested_country = any($1)) and {_VISIBLE}
        """,
        list(countries), flag_id,
    )  # fmt: skip
    return _view(dict(row)) if row is not None else None


async def page(
    tx: Tx, wanted: FlagFilter, *, countries: Sequence[str], after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[FlagView]:
    """The newest `limit` flags that these countries see, raised before `after` (instant and id, exclusive)."""
    if not countries:
        return []
    arguments: list[object] = [list(countries), limit]
    conditions = _conditions(wanted, after, arguments)
    # Each country's flags are read from each side's own index, newest first, and the few of each merged: `union` drops
    # the second reading of a flag between two of these countries.
    parts = []
    for country in countries:
        arguments.append(country)
        for side in ("requesting", "requested"):
            told = " and ".join([f"flag.{side}_country = ${len(arguments)}", _VISIBLE, *conditions])
            parts.append(
                f"(select {_FIELDS} from flag where {told} order by flag.raised_at desc, flag.id desc limit $2)"
            )
    rows = await tx.fetch(f"{' union '.join(parts)} order by raised_at desc, id desc limit $2", *arguments)
    return [_view(dict(row)) for row in rows]


def _conditions(
    wanted: FlagFilter, after: tuple[datetime, UUID] | None, arguments: list[object]
) -> list[str]:
    """The conditions of a page; their values are appended to `arguments`."""
    conditions: list[str] = []

    def add(condition: str, *values: object) -> None:
        places = range(len(arguments) + 1, len(arguments) + 1 + len(values))
        conditions.append(condition.format(*(f"${place}" for place in places)))
        arguments.extend(values)

    if wanted.kind is not None:
        add("flag.kind = {}", wanted.kind.value)
    if wanted.open is not None:
        standing = "flag.cleared_at is null and flag.settled_at is null"
        add(standing if wanted.open else f"not ({standing})")
    if wanted.acknowledged is not None:
        add(f"({_ACKNOWLEDGED}) is {'not ' if wanted.acknowledged else ''}null")
    if wanted.request_id is not None:
        add("flag.request_id = {}", wanted.request_id)
    if wanted.country is not None:
        add(
            "(flag.requested_country = {0} and flag.requesting_country = any($1)"
            " or flag.requesting_country = {0} and flag.requested_country = any($1))",
            wanted.country,
        )
    if wanted.raised_after is not None:
        add("flag.raised_at > {}", wanted.raised_after)
    if after is not None:
        add("(flag.raised_at, flag.id) < ({}, {})", *after)
    return conditions


def _view(row: Mapping[str, Any]) -> FlagView:
    words = {"stage": Stage(row["stage"]), "obligor": Obligor(row["obligor"]), "kind": FlagKind(row["kind"])}
    return FlagView(**{**row, **words})
