"""Clocks, what the sweep will find of them, and the fate of flags already raised: rows written as decided."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.clocks import Clock
from mla_tracker.domain.explanation import plain
from mla_tracker.domain.flags import Fate, RaisedFlag, fate
from mla_tracker.domain.sentences import step_document
from mla_tracker.domain.vocabulary import FlagKind
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.requests import RequestRecord
from mla_tracker.storage.rows import Row, insertion

CONTENT = (
    "shared",
    "handling",
    "same_case_as",
    "request_kind",
    "limit_id",
    "limit_version",
    "basis",
    "stage",
    "tier",
    "effect",
    "obligor",
    "counted_in_country",
    "state",
    "start_event_id",
    "started_on",
    "started_at",
    "base_due_on",
    "due_on",
    "due_at",
    "paused_since",
    "paused_seconds",
    "pauses",
    "extensions",
    "met_extended",
    "stop_event_id",
    "stopped_on",
    "stopped_at",
    "imprecise",
    "explanation",
)
_COLUMNS = (
    "id",
    "request_id",
    "requesting_country",
    "requested_country",
    "recorded_by",
    "clock_key",
    *CONTENT,
)
_CHECK_COLUMNS = ("clock_id", "kind", "level", "at", "due_at")
# What is gone, what stands now and what the sweep will find of it, in one round trip.
_REPLACE = f"""
    with gone as (delete from clock where id = any($3::uuid[])),
    standing as (
        {insertion("clock", _COLUMNS, 1)}
        on conflict (request_id, clock_key) do update set {", ".join(f"{name} = excluded.{name}" for name in CONTENT)}
    )
    {insertion("clock_check", _CHECK_COLUMNS, 2)}
"""


def clock_content(record: RequestRecord, clock: Clock, *, shared: bool) -> dict[str, Any]:
    """What is stored of a clock, by column; two readings of one history give the same."""
    limit = clock.limit
    finished = [(end - begin).total_seconds() for begin, end in clock.pauses if end is not None]
    return {
        "shared": shared,
        "handling": record.handling,
        "same_case_as": record.same_case_as,
        "request_kind": record.kind,
        "limit_id": limit.id,
        "limit_version": limit.version,
        "basis": limit.basis.value,
        "stage": limit.stage.value,
        "tier": limit.tier.value if limit.tier else None,
        "effect": limit.effect.value,
        "obligor": limit.obligor.value,
        "counted_in_country": clock.counted_in_country,
        "state": clock.state.value,
        "start_event_id": UUID(clock.start.id) if clock.start else None,
        "started_on": clock.started_on,
        "started_at": clock.started_at,
        "base_due_on": clock.base_due_on,
        "due_on": clock.due_on,
        "due_at": clock.due_at,
        "paused_since": clock.paused_since,
        "paused_seconds": int(sum(finished)),
        "pauses": [{"from": plain(begin), "to": plain(end)} for begin, end in clock.pauses],
        "extensions": [
            {"event_id": e.event.id, "from": plain(e.from_day), "to": plain(e.to_day)}
            for e in clock.extensions
        ],
        "met_extended": clock.met_extended,
        "stop_event_id": UUID(clock.stop.id) if clock.stop else None,
        "stopped_on": clock.stopped_on,
        "stopped_at": clock.stopped_at,
        "imprecise": clock.imprecise,
        "explanation": {
            "steps": [step_document(step) for step in clock.steps],
            "warnings": [step_document(step) for step in clock.warnings],
        },
    }


def clock_rows(
    record: RequestRecord, clocks: Sequence[Clock], *, shared: bool, now: datetime
) -> dict[str, list[Row]]:
    """The clocks and checks of a request that had none."""
    ids = {clock.key: uuid7(now) for clock in clocks}
    return {
        "clock": _rows(record, clocks, ids, shared=shared),
        "clock_check": _checks(clocks, ids, []),
    }


async def replace_all(
    tx: Tx, record: RequestRecord, clocks: Sequence[Clock], *, shared: bool, now: datetime
) -> None:
    """Bring the stored clocks, checks and flags of a locked request in line with a new reading of its history.

    Clocks keep their ids; clocks that no longer exist go; flags are cleared or settled, never deleted.
    """
    # Checks go first: a sweep at work on them is waited for, and its flags are then seen below.
    found = await tx.fetch(
        """
        with gone as (
            delete from clock_check using clock where clock.id = clock_check.clock_id and clock.request_id = $1
        )
        select id, clock_key from clock where request_id = $1
        """,
        record.id,
    )
    known: Mapping[str, UUID] = {row["clock_key"]: row["id"] for row in found}
    ids = {clock.key: known.get(clock.key) or uuid7(now) for clock in clocks}
    standing = await _settle_flags(tx, record, clocks, now)
    await tx.execute(
        _REPLACE,
        _rows(record, clocks, ids, shared=shared),
        _checks(clocks, ids, standing),
        [clock_id for key, clock_id in known.items() if key not in ids],
    )


def _rows(
    record: RequestRecord, clocks: Iterable[Clock], ids: Mapping[str, UUID], *, shared: bool
) -> list[Row]:
    return [
        {
            "id": ids[clock.key],
            "request_id": record.id,
            "requesting_country": record.requesting_country,
            "requested_country": record.requested_country,
            "recorded_by": record.recorded_by,
            "clock_key": clock.key,
            **clock_content(record, clock, shared=shared),
        }
        for clock in clocks
    ]


def _checks(clocks: Iterable[Clock], ids: Mapping[str, UUID], standing: Sequence[RaisedFlag]) -> list[Row]:
    raised = {(flag.clock_key, flag.kind, flag.level, flag.due_at) for flag in standing}
    return [
        {
            "clock_id": ids[clock.key],
            "kind": check.kind.value,
            "level": check.level,
            "at": check.at,
            "due_at": clock.due_at,
        }
        for clock in clocks
        for check in clock.checks
        if (clock.key, check.kind, check.level, clock.due_at) not in raised
    ]


async def _settle_flags(
    tx: Tx, record: RequestRecord, clocks: Iterable[Clock], now: datetime
) -> list[RaisedFlag]:
    """Clear or settle the flags of the request; returns those that are not cleared."""
    rows = await tx.fetch(
        "select id, clock_key, kind, level, due_at, settled_at from flag where request_id = $1 and cleared_at is null",
        record.id,
    )
    by_key = {clock.key: clock for clock in clocks}
    standing: list[RaisedFlag] = []
    for row in rows:
        flag = RaisedFlag(
            str(row["id"]), row["clock_key"], FlagKind(row["kind"]), row["level"], row["due_at"]
        )
        becomes = fate(flag, by_key.get(flag.clock_key))
        if becomes in (Fate.STANDS, Fate.SETTLED):
            standing.append(flag)
            settled = now if becomes is Fate.SETTLED else None
            if (row["settled_at"] is None) != (settled is None):
                await tx.execute("update flag set settled_at = $2 where id = $1", row["id"], settled)
        else:
            await tx.execute(
                "update flag set cleared_at = $2, cleared_reason = $3 where id = $1",
                row["id"],
                now,
                becomes.value,
            )
    return standing
