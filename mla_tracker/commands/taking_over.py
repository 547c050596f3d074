"""Records that are older than the audit: an entry each, that tells what they said when the audit began."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.audit import Chain, ChainKind, Change, What
from mla_tracker.storage import rows
from mla_tracker.storage.audit import append, entry_rows, has_entries, lock_chain
from mla_tracker.storage.audit_reading import chains_to_begin, root_tables, rows_of_chains
from mla_tracker.storage.audited import AUDITED, added
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.rows import Row

AT_ONCE: Final = 200
MARK: Final = Chain.named(ChainKind.SETTING, "taking over")
"""The chain that says that the audit has begun."""


async def take_over_once(db: Database, now: datetime) -> int:
    """Begin the audit of this database, once; gives how many records were taken over.

    Never again: a row put there by hand afterwards must stay one of which no entry tells.
    """
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        if await has_entries(tx, MARK):
            return 0
    number = await take_over(db, now)
    async with db.transaction(DbRole.OWNER) as tx:
        await lock_chain(tx, MARK)
        if not await has_entries(tx, MARK):
            more = {"records": number}
            await append(tx, MARK, What.SETTING_TAKEN_OVER, [], actor=None, now=now, seen_by=[], more=more)
    return number


async def take_over(db: Database, now: datetime) -> int:
    """Begin the chain of every record that has none; gives how many were begun. May be broken off and run again."""
    number = 0
    for kind, root in root_tables().items():
        after: UUID | None = None
        while True:
            async with db.transaction(DbRole.OWNER) as tx:
                await lock_chain(tx, MARK)
                chain_ids = await chains_to_begin(tx, root, after, AT_ONCE)
                if not chain_ids:
                    break
                await _begin(tx, kind, chain_ids, now)
            number += len(chain_ids)
            after = UUID(str(chain_ids[-1]))
    return number


async def _begin(tx: Tx, kind: ChainKind, chain_ids: Sequence[UUID], now: datetime) -> None:
    changes: dict[UUID, list[Change]] = {chain_id: [] for chain_id in chain_ids}
    readers: dict[UUID, tuple[str, ...]] = {}
    for table, audited in AUDITED.items():
        if audited.chain is kind:
            for row in await rows_of_chains(tx, table, chain_ids):
                changes[row["in_chain"]].append(added(table, row))
                if table in _READERS:
                    readers[row["in_chain"]] = _READERS[table](row)
    entries: list[Row] = []
    for chain_id, found in changes.items():
        made = await entry_rows(
            tx,
            Chain(kind, chain_id),
            What(f"{kind.value}.taken_over"),
            found,
            actor=None,
            now=now,
            # Of a request it tells what either side keeps for itself: for verifying, and for nobody to read.
            seen_by=() if kind is ChainKind.REQUEST else readers.get(chain_id, ()),
            fresh=True,
        )
        entries += made["audit_entry"]
    await rows.insert(tx, {"audit_entry": entries})


def _one(name: str) -> Any:
    return lambda row: (row[name],) if row[name] else ()


_READERS: Final[Mapping[str, Any]] = {
    "agreement": _one("recorded_by"),
    "account": lambda row: tuple(row["countries"]),
    "limit_version": _one("country"),
    "calendar_version": _one("country"),
    "opening_balance": _one("country"),
    "retention_rule": _one("country"),
}
"""Whose auditors read the entry of a record, by what its row says."""
