"""The feed of changes as it is kept: places given to what was committed, and what is old taken out.

The rows are written by triggers; docs/decisions/0018-change-feed.md says why, and why the order holds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mla_tracker.storage.database import Tx

AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True)
class Extent:
    """The last position that was given, and the last whose change is not kept any more; 0: none."""

    last: int
    emptied_to: int


async def number(tx: Tx, most: int = AT_ONCE) -> int:
    """Give the next positions to what was committed so far, up to `most`; gives how many.

    To be committed before any of them is shown: in a transaction of its own, and none but READ COMMITTED.
    """
    done: int = await tx.fetchval("select mla_number_changes($1)", most)
    return done


async def extent(tx: Tx) -> Extent:
    """From where to where the feed goes, for all readers together."""
    row = await tx.fetchrow("select last, emptied_to from mla_feed()")
    assert row is not None
    return Extent(row["last"], row["emptied_to"])


async def forget_old(tx: Tx, older_than: datetime, most: int = AT_ONCE) -> int:
    """Take up to `most` changes from the beginning of the feed, until one that is not older; gives how many."""
    done: int = await tx.fetchval("select mla_empty_feed($1, $2)", older_than, most)
    return done
