"""Sealing the audit: entries get their place in the tree, the tree a signed checkpoint, and that leaves the house."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from mla_tracker.outbound.checkpoints import NotPublished, append_to_file, post
from mla_tracker.storage import checkpoints
from mla_tracker.storage.database import Database, DbRole

AT_ONCE: Final = 5000
FILE: Final = "file"
URL: Final = "url"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many entries were sealed, under how many checkpoints, and to how many places the last one went."""

    entries: int
    checkpoints: int
    published: int
    not_published: int


async def seal(
    db: Database, now: datetime, *, file: Path | None = None, url: str | None = None, at_once: int = AT_ONCE
) -> Sealed:
    """Seal all entries that are not, and publish the last checkpoint where it has not been yet.

    Entries of transactions that are still open are taken the next time. Where nothing is new there is no new
    checkpoint. A place that cannot be reached is tried again the next time, with what is the last one then: a later
    checkpoint seals all that an earlier one did.
    """
    entries = number = 0
    while some := await _seal_some(db, now, at_once):
        entries += some
        number += 1
        if some < at_once:
            break
    done = [await _publish(db, target, now, file, url) for target in (FILE, URL)]
    return Sealed(entries, number, done.count(True), done.count(False))


async def _seal_some(db: Database, now: datetime, at_once: int) -> int:
    async with db.transaction(DbRole.JOBS) as tx:
        await checkpoints.lock_sealing(tx)
        entries = await checkpoints.unsealed(tx, at_once)
        if entries:
            number, tree = await checkpoints.last_frontier(tx)
            await checkpoints.number_leaves(tx, entries, tree.size)
            leaves = [entry.leaf_hash for entry in entries]
            tree.extend(leaves)
            await checkpoints.insert_checkpoint(tx, number + 1, tree, leaves, now)
    return len(entries)


async def _publish(
    db: Database, target: str, now: datetime, file: Path | None, url: str | None
) -> bool | None:
    """Whether the last checkpoint has gone there just now; None where there is nothing to do."""
    if (file if target == FILE else url) is None:
        return None
    async with db.transaction(DbRole.JOBS, read_only=True) as tx:
        due = await checkpoints.unpublished(tx, target)
    if due is None:
        return None
    try:
        if target == FILE and file is not None:
            await append_to_file(file, due.note)
        elif url is not None:
            await post(url, due.note)
    except NotPublished as error:
        log.warning("checkpoint not published", target=target, number=due.number, why=str(error))
        return False
    async with db.transaction(DbRole.JOBS) as tx:
        await checkpoints.note_published(tx, target, due.number, now)
    return True
