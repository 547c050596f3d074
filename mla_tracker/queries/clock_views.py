"""Clocks and flags as they are shown with their request and in lists."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from asyncpg import Record

from mla_tracker.domain.clocks import state_at
from mla_tracker.domain.vocabulary import ClockState, Effect

Row: TypeAlias = Record | Mapping[str, Any]

# All columns of a clock that `clock_view` reads; the explanation is large and is read where it is wanted.
SHOWN_OF_CLOCK = """
    id, requesting_country, requested_country, clock_key, limit_id, limit_version, basis, stage, tier, effect, obligor,
    counted_in_country, state, started_on, started_at, base_due_on, due_on, due_at, paused_since, pauses, extensions,
    met_extended, stopped_on, stopped_at, imprecise
"""


def clock_view(row: Row, now: datetime) -> dict[str, Any]:
    """A clock as it reads at `now`."""
    state = state_at(ClockState(row["state"]), Effect(row["effect"]), row["due_at"], now)
    obligor_country = (
        row["requesting_country"] if row["obligor"] == "requesting" else row["requested_country"]
    )
    return {
        "id": row["id"],
        "limit": row["limit_id"],
        "limit_version": row["limit_version"],
        "stage": row["stage"],
        "tier": row["tier"],
        "effect": row["effect"],
        "basis": row["basis"],
        "obligor": row["obligor"],
        "obligor_country": obligor_country,
        "counted_in": row["counted_in_country"],
        "state": state.value,
        "started_on": row["started_on"],
        "started_at": row["started_at"],
        "due_on": row["due_on"],
        "due_at": row["due_at"],
        "base_due_on": row["base_due_on"],
        "paused_since": row["paused_since"],
        "pauses": row["pauses"],
        "extensions": row["extensions"],
        "stopped_on": row["stopped_on"],
        "stopped_at": row["stopped_at"],
        "met_extended": row["met_extended"],
        "imprecise": row["imprecise"],
    }


def flag_view(row: Row, side: str) -> dict[str, Any]:
    """A flag as shown with its request, with what the reader's own side has noted of it."""
    same = (
        "id", "clock_id", "stage", "obligor", "kind", "level", "due_at", "raised_at", "cleared_at", "cleared_reason",
        "settled_at",
    )  # fmt: skip
    noted = row[f"acknowledged_{side}_at"]
    return {**{name: row[name] for name in same}, "limit": row["limit_id"], "acknowledged_at": noted}


def clock_order(row: Row) -> tuple[bool, float, str]:
    """Clocks with a due instant first, soonest due first; then by limit."""
    due: datetime | None = row["due_at"]
    return (due is None, due.timestamp() if due else 0.0, row["clock_key"])
