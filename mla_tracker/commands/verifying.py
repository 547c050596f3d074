"""Checking the whole audit: chains, tree, checkpoints, and the records themselves against what the audit tells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mla_tracker.commands.verifying_records import RecordChecker
from mla_tracker.commands.verifying_seals import TreeChecker
from mla_tracker.domain.audit_checking import WIDTH, ChainChecker, Fault, Finding
from mla_tracker.storage import audit_reading
from mla_tracker.storage.database import Database, DbRole, Isolation, TimeLimits, Tx
from mla_tracker.storage.leaf_file import LeafFile
from mla_tracker.storage.migrating import require_owner

BATCH: Final = 1000
MOST_TOLD: Final = 1000
SOME: Final = 20
_NO_END: Final = TimeLimits(statement=0, lock=5_000, idle=0)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at and found. `findings` are the first 1000 of `found`.

    `unsealed`: entries that no checkpoint seals yet, the oldest made at `oldest_unsealed`: were such cut off from the
    end of a chain, only the records could tell. `rows`: rows of records compared, None if none were to be.
    """

    entries: int
    chains: int
    checkpoints: int
    rows: int | None
    unsealed: int
    oldest_unsealed: datetime | None
    found: int
    findings: tuple[Finding, ...]


async def verify(
    db: Database,
    *,
    outside: Sequence[str] = (),
    records: bool = True,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> Verified:
    """Check everything as of one instant, beside everything else that goes on; nothing is changed.

    `outside` are signed notes that were kept elsewhere. Memory does not grow with what is stored, but for a temporary
    file of 32 bytes per entry. `told` hears how many entries were looked at, of how many. Raises CannotRun for a login
    that does not see everything.
    """
    async with db.transaction(
        DbRole.OWNER, isolation=Isolation.REPEATABLE_READ, read_only=True, limits=_NO_END
    ) as tx:
        await require_owner(tx, db.where)
        return await verify_in(tx, outside=outside, records=records, told=told)


async def verify_in(
    tx: Tx,
    *,
    outside: Sequence[str] = (),
    records: bool = True,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> Verified:
    """What `verify` does, in a transaction that is open and sees one state of everything."""
    extent = await audit_reading.extent(tx)
    last = -1 if extent.last_leaf is None else extent.last_leaf
    places = min(last + 1, 2 * extent.leaves + 1000)
    findings = _Findings()
    chains, rows = ChainChecker(tx.vault.audit_key), RecordChecker()
    with LeafFile(places) as leaves:
        async for batch in audit_reading.entries_by_chain(tx, BATCH, ahead=not records):
            hashes = chains.take(batch)
            for leaf in leaves.put([row[WIDTH + 1] for row in batch], hashes):
                findings.add(Finding(Fault.REPEATED, f"Leaf {leaf} is out of place or given twice."))
            if records:
                await rows.take(tx, batch)
            findings.drain(chains.findings, rows.findings)
            told(chains.entries, extent.entries)
        if chains.close():
            async for ends in audit_reading.ends_of_chains(tx, BATCH):
                chains.compare_ends(ends)
        chains.blame_the_rest()
        if records:
            await rows.close(tx)
        findings.drain(chains.findings, rows.findings)
        checkpoints = await _check_tree(tx, leaves, outside, findings)
    return Verified(
        entries=chains.entries,
        chains=chains.chains,
        checkpoints=checkpoints,
        rows=rows.rows if records else None,
        unsealed=extent.unsealed,
        oldest_unsealed=extent.oldest_unsealed,
        found=findings.number,
        findings=tuple(findings.first),
    )


async def _check_tree(tx: Tx, leaves: LeafFile, outside: Sequence[str], findings: "_Findings") -> int:
    public_key = tx.vault.signing_key.public_key().public_bytes_raw()
    tree = TreeChecker(leaves, public_key, outside)
    async for row in audit_reading.stored_checkpoints(tx):
        tree.meet(row)
        findings.drain(tree.findings)
    tree.close()
    findings.drain(tree.findings)
    for suspect in tree.suspects[:SOME]:
        ids = await audit_reading.leaves_between(tx, suspect.first, suspect.end, SOME + 1)
        named = ", ".join(ids[:SOME]) + (", ..." if len(ids) > SOME else "")
        findings.add(Finding(Fault.SEALED_OTHERWISE, f"{suspect.sentence}: {named}.", position=suspect.first))
    return tree.checkpoints


class _Findings:
    """The first of what was found, and how much it is."""

    def __init__(self) -> None:
        self.number = 0
        self.first: list[Finding] = []

    def add(self, finding: Finding) -> None:
        self.number += 1
        if len(self.first) < MOST_TOLD:
            self.first.append(finding)

    def drain(self, *sources: list[Finding]) -> None:
        for source in sources:
            for finding in source:
                self.add(finding)
            source.clear()
