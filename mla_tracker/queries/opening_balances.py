"""What countries say their books showed at the start of a period: the register, and which statement holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Stated:
    """The opening balance that a country states, and why it is not what its record counts."""

    count: int
    reason: str


async def stated(tx: Tx, *, actor: Actor) -> Mapping[tuple[str, str | None, date], Stated]:
    """The last statement for each side, kind (None: all of them) and first day of a span.

    Empty for an account of several countries: its figures are of all of them, a statement is of one.
    """
    if len(set(actor.countries)) != 1:
        return {}
    found = await tx.fetch(
        """
        select distinct on (side, kind, first_day) side, kind, first_day, count, reason from opening_balance
        where country = $1 order by side, kind, first_day, recorded_at desc, id desc
        """,
        actor.countries[0],
    )
    return {
        (row["side"], row["kind"], row["first_day"]): Stated(row["count"], row["reason"]) for row in found
    }


async def balances(
    tx: Tx, *, actor: Actor, after: tuple[datetime, UUID] | None, as_of: datetime, limit: int
) -> list[dict[str, Any]]:
    """Every statement of the account's countries, last first, also such as a later one replaced."""
    found = await tx.fetch(
        f"""
        {_SHOWN} where b.country = any($1::text[]) and b.recorded_at <= $2
            and ($3::timestamptz is null or (b.recorded_at, b.id) < ($3, $4::uuid))
        order by b.recorded_at desc, b.id desc limit $5
        """,
        list(actor.countries),
        as_of,
        *(after or (None, None)),
        limit,
    )
    return [dict(row) for row in found]


async def balance(tx: Tx, balance_id: UUID) -> dict[str, Any]:
    """One statement that exists."""
    row = await tx.fetchrow(f"{_SHOWN} where b.id = $1", balance_id)
    assert row is not None
    return dict(row)


_SHOWN = """
    select b.id, b.country, b.side as "as", b.kind, b.first_day, b.count, b.reason, b.recorded_at,
        exists (
            select from opening_balance later where later.country = b.country and later.side = b.side
                and later.kind is not distinct from b.kind and later.first_day = b.first_day
                and (later.recorded_at, later.id) > (b.recorded_at, b.id)
        ) as replaced
    from opening_balance b"""
