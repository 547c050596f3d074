"""What a change of days or law moved, as rows: written when a request is counted anew, read with its clocks."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.domain.moves import Dated, Move
from mla_tracker.domain.vocabulary import Effect, Stage
from mla_tracker.storage import rows
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.requests import RequestRecord


async def standing(tx: Tx, request_id: UUID) -> list[Dated]:
    """The clocks of a request as they are stored."""
    found = await tx.fetch(
        "select clock_key, stage, effect, start_event_id, due_on, due_at from clock where request_id = $1",
        request_id,
    )
    return [
        Dated(
            row["clock_key"],
            Stage(row["stage"]),
            Effect(row["effect"]),
            str(row["start_event_id"]) if row["start_event_id"] else None,
            row["due_on"],
            row["due_at"],
        )
        for row in found
    ]


async def insert_moves(
    tx: Tx, record: RequestRecord, moves: Iterable[Move], causes: Sequence[str], now: datetime
) -> None:
    """Keep what moved, and the changes that it waited for (see `storage.stale`)."""
    await rows.insert(
        tx,
        {
            "date_move": [
                {
                    "id": uuid7(now),
                    "request_id": record.id,
                    "requesting_country": record.requesting_country,
                    "requested_country": record.requested_country,
                    "clock_key": move.key,
                    "stage": move.stage.value,
                    "due_on_before": move.before.due_on if move.before else None,
                    "due_on_after": move.after.due_on if move.after else None,
                    "due_at_before": move.before.due_at if move.before else None,
                    "due_at_after": move.after.due_at if move.after else None,
                    "causes": list(causes),
                    "moved_at": now,
                }
                for move in moves
            ]
        },
    )


MOVE = (
    "m.id, m.request_id, m.clock_key, m.stage, m.due_on_before, m.due_on_after, m.due_at_before, m.due_at_after, "
    "m.moved_at"
)
"""What is read of a move `m`."""
SOURCES = """
    (select coalesce(jsonb_agg(jsonb_build_object('cause', cause, 'source', case split_part(cause, ' ', 1)
        when 'calendar' then (select source from calendar_version where country = split_part(cause, ' ', 2)
            and region = '' and version = split_part(cause, ' ', 3)::int)
        when 'zone' then (select source from zone_version where name = split_part(cause, ' ', 2)
            and version = split_part(cause, ' ', 3)::int)
        end) order by place), '[]') from unnest(m.causes) with ordinality as told(cause, place))
"""
"""The causes of a move `m`, each with the source of the calendar or of the zone rules."""


async def moves_of(tx: Tx, request_id: UUID) -> list[dict[str, Any]]:
    """What moved in a request, in the order of time."""
    found = await tx.fetch(
        f"select {MOVE}, {SOURCES} as why from date_move m where m.request_id = $1 order by m.moved_at, m.id",
        request_id,
    )
    return [move_view(row) for row in found]


def move_view(row: Any) -> dict[str, Any]:
    """A move as it is shown, with what caused it."""
    same = (
        "request_id",
        "stage",
        "due_on_before",
        "due_on_after",
        "due_at_before",
        "due_at_after",
        "moved_at",
    )
    causes = [_cause(told["cause"], told["source"]) for told in row["why"]]
    return {**{name: row[name] for name in same}, "clock": row["clock_key"], "causes": causes}


def _cause(cause: str, source: str | None) -> dict[str, Any]:
    kind, _, rest = cause.partition(" ")
    of, _, version = rest.rpartition(" ")
    return {"kind": kind, "of": of or None, "version": int(version) if version else None, "source": source}
