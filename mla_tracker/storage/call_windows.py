"""Allowances of calls that all nodes share: who may make how many in a window, and how many are taken.

A node takes a block at a time and spends it in memory, so few calls ask the database, and what all nodes together
spend never exceeds the allowance. What a node has taken and does not spend is lost when the window ends.
"""

from datetime import datetime, timedelta
from typing import Final

from mla_tracker.storage.database import Tx

BLOCKS: Final = 20
"""A block is this part of an allowance while much is left, and smaller towards the end: many nodes all get some."""
KEPT: Final = timedelta(minutes=10)


async def take(tx: Tx, subject: str, began_at: datetime, allowance: int) -> int:
    """How many calls the asking node may let through; 0 when the window's allowance is spent."""
    block = max(1, allowance // BLOCKS)
    granted = await tx.fetchval(
        """
        insert into call_window as w (subject, began_at, used, granted) values ($1, $2, $3, $3)
        on conflict (subject, began_at) do update set
            granted = greatest(1, least($3, ($4 - w.used) / 10)),
            used = w.used + greatest(1, least($3, ($4 - w.used) / 10))
            where w.used < $4
        returning granted
        """,
        subject, began_at, block, allowance,
    )  # fmt: skip
    return int(granted or 0)


async def forget_old(tx: Tx, now: datetime) -> int:
    """Delete windows that ended long ago, by any node's clock; gives how many."""
    gone = await tx.fetch("delete from call_window where began_at < $1 returning 1", now - KEPT)
    return len(gone)
