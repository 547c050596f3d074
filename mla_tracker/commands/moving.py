"""Keeping what a change of days or law has moved, before a new reading is written over the one that stood there."""

from collections.abc import Iterable
from datetime import datetime

from mla_tracker.commands.projecting import project
from mla_tracker.domain.clocks import Clock
from mla_tracker.domain.moves import dated, moves
from mla_tracker.storage.database import Tx
from mla_tracker.storage.date_moves import insert_moves, standing
from mla_tracker.storage.requests import StoredCase

REPAIRED = "rebuild"
"""The cause of a move that no change explains: what was stored was wrong."""


async def record_moves(tx: Tx, stored: StoredCase, clocks: Iterable[Clock], now: datetime) -> None:
    """Keep which dates of a locked request differ from those that stand there, with what it waited for."""
    moved = moves(await standing(tx, stored.record.id), (dated(clock) for clock in clocks))
    await insert_moves(tx, stored.record, moved, stored.stale_causes or (REPAIRED,), now)


async def catch_up(tx: Tx, stored: StoredCase, now: datetime) -> None:
    """Keep what a change has moved in a locked request that still waits for it, before an act or an amendment does.

    So the act is not taken for the reason.
    """
    if not stored.stale_causes:
        return
    fresh = await project(tx, stored, now)
    await record_moves(tx, stored, fresh.clocks, now)
