"""Runs of scheduled jobs as rows (job, slot): who holds a slot, until when, and how it ended.

The instants in these rows are the database's own, not the node's: a lease is judged by every node, and
their clocks may differ by more than it lasts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mla_tracker.storage.database import Tx

# How far back a slot is looked for whose holder has died: the newest rows of its job, whatever their age.
RECENT = 100
ABANDONED = "Whoever ran it stopped answering, and all attempts are used up."

_RECENT = f"array(select slot from job_slot where job = $1 order by slot desc limit {RECENT})"


@dataclass(frozen=True, slots=True)
class Claim:
    """A slot that is ours until the lease ends; `attempts` counts this one.

    `missed`: how many slots before it nobody ran.
    """

    job: str
    slot: datetime
    node: str
    attempts: int
    missed: int = 0


async def give_up(tx: Tx, job: str, *, attempts: int) -> int:
    """Mark as failed what was abandoned `attempts` times; gives how many slots."""
    given_up = await tx.fetch(
        f"""
        update job_slot set status = 'failed', finished_at = clock_timestamp(), error = $3
        where job = $1 and slot = any({_RECENT}) and status = 'running' and lease_until <= clock_timestamp()
            and attempts >= $2
        returning slot
        """,
        job, attempts, ABANDONED,
    )  # fmt: skip
    return len(given_up)


async def take_over(tx: Tx, job: str, *, node: str, lease: timedelta, attempts: int) -> Claim | None:
    """Claim the newest slot whose holder let its lease run out, if it was tried fewer than `attempts` times."""
    row = await tx.fetchrow(
        f"""
        update job_slot set node = $2, attempts = attempts + 1, claimed_at = clock_timestamp(),
            lease_until = clock_timestamp() + $3
        where job = $1 and status = 'running' and slot = (
            select slot from job_slot
            where job = $1 and slot = any({_RECENT}) and status = 'running' and lease_until <= clock_timestamp()
                and attempts < $4
            order by slot desc limit 1 for update skip locked)
        returning slot, attempts
        """,
        job, node, lease, attempts,
    )  # fmt: skip
    return Claim(job, row["slot"], node, row["attempts"]) if row is not None else None


async def retry(
    tx: Tx, job: str, slot: datetime, *, node: str, lease: timedelta, attempts: int, after: timedelta
) -> Claim | None:
    """Claim a slot that failed fewer than `attempts` times, `after` the first failure, twice that after the second …"""
    row = await tx.fetchrow(
        """
        update job_slot set status = 'running', node = $3, attempts = attempts + 1, claimed_at = clock_timestamp(),
            lease_until = clock_timestamp() + $4, finished_at = null
        where job = $1 and slot = $2 and status = 'failed' and attempts < $5
            and finished_at + $6::interval * power(2, attempts - 1) <= clock_timestamp()
        returning attempts
        """,
        job, slot, node, lease, attempts, after,
    )  # fmt: skip
    return Claim(job, slot, node, row["attempts"]) if row is not None else None


async def claim(
    tx: Tx, job: str, slot: datetime, *, node: str, lease: timedelta, interval: timedelta
) -> Claim | None:
    """Claim a slot that nobody has claimed. Of any number of nodes that try at once, one gets it."""
    row = await tx.fetchrow(
        """
        insert into job_slot (job, slot, status, node, claimed_at, lease_until)
        values ($1, $2, 'running', $3, clock_timestamp(), clock_timestamp() + $4)
        on conflict (job, slot) do nothing
        returning (select max(slot) from job_slot where job = $1 and slot < $2) as before
        """,
        job, slot, node, lease,
    )  # fmt: skip
    if row is None:
        return None
    missed = (slot - row["before"]) // interval - 1 if row["before"] is not None else 0
    return Claim(job, slot, node, 1, missed)


async def renew(tx: Tx, claim: Claim, lease: timedelta) -> bool:
    """Put the end of the lease off; false if the slot is no longer ours."""
    return await _change(tx, claim, "lease_until = clock_timestamp() + $5", lease)


async def finish(tx: Tx, claim: Claim, result: Mapping[str, Any]) -> bool:
    """Record that the slot is done and what came of it; false if the slot is no longer ours."""
    done = "status = 'done', finished_at = clock_timestamp(), error = null, result = $5"
    return await _change(tx, claim, done, dict(result))


async def fail(tx: Tx, claim: Claim, error: str) -> bool:
    """Record that this attempt failed and why; false if the slot is no longer ours."""
    return await _change(tx, claim, "status = 'failed', finished_at = clock_timestamp(), error = $5", error)


async def forget_old(tx: Tx, before: datetime) -> int:
    """Delete slots that lie before an instant; gives how many."""
    return len(await tx.fetch("delete from job_slot where slot < $1 returning 1", before))


async def _change(tx: Tx, claim: Claim, change: str, value: object) -> bool:
    ours = await tx.fetchval(
        f"update job_slot set {change}"
        " where job = $1 and slot = $2 and node = $3 and attempts = $4 and status = 'running' returning true",
        claim.job, claim.slot, claim.node, claim.attempts, value,
    )  # fmt: skip
    return ours is not None
