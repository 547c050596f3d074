"""Flags as a reader of one of the two countries sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import FlagKind, Obligor, Stage
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight


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
    requesting_country: str
    requested_country: str
    handling: Handling
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
(select request.handling from request where request.id = flag.request_id) as handling, flag.requesting_country,
flag.requested_country, flag.limit_id as "limit", flag.stage, flag.obligor, flag.kind, flag.level, flag.due_at,
flag.raised_at, {_ACKNOWLEDGED} as acknowledged_at, flag.cleared_at, flag.cleared_reason, flag.settled_at
"""


# Asked of each row as it is reached, never joined, so that flags are read in the order of their index and no further.
def _visible(sight: Sight) -> str:
    return f"(select {sight.seen('request')} from request where request.id = flag.request_id)"


async def flag(tx: Tx, flag_id: UUID, *, actor: Actor) -> FlagView | None:
    """One flag, or None if the account sees no such flag."""
    sight = Sight.of(actor, countries="$1", account="$3")
    row = await tx.fetchrow(
        f"""
        select {_FIELDS} from flag
        where flag.id = $2 and {sight.is_party("flag")} and {_visible(sight)}
        """,
        list(actor.countries), flag_id, actor.account_id,
    )  # fmt: skip
    return _view(dict(row)) if row is not None else None


async def page(
    tx: Tx, wanted: FlagFilter, *, actor: Actor, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[FlagView]:
    """The newest `limit` flags that the account sees, raised before `after` (instant and id, exclusive)."""
    if not actor.countries:
        return []
    arguments: list[object] = [list(actor.countries), limit, actor.account_id]
    visible = _visible(Sight.of(actor, countries="$1", account="$3"))
    conditions = _conditions(wanted, after, arguments)
    # Each country's flags are read from each side's own index, newest first, and the few of each merged: `union` drops
    # the second reading of a flag between two of these countries.
    parts = []
    for country in actor.countries:
        arguments.append(country)
        for side in ("requesting", "requested"):
            told = " and ".join([f"flag.{side}_country = ${len(arguments)}", visible, *conditions])
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
    words = {
        "handling": Handling(row["handling"]),
        "stage": Stage(row["stage"]),
        "obligor": Obligor(row["obligor"]),
        "kind": FlagKind(row["kind"]),
    }
    return FlagView(**{**row, **words})
