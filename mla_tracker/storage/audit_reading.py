"""Reading the whole audit in order, and the rows that it tells of; for whoever checks one against the other."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.audit import ChainKind
from mla_tracker.storage.audit import PLAIN_COLUMNS
from mla_tracker.storage.audited import AUDITED, Audited
from mla_tracker.storage.database import Tx

MOST_UNKNOWN: Final = 1000


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is: all entries, those with a leaf, the largest leaf, and how many wait since when."""

    entries: int
    leaves: int
    last_leaf: int | None
    unsealed: int
    oldest_unsealed: datetime | None


async def extent(tx: Tx) -> Extent:
    """How much there is."""
    row = await tx.fetchrow(
        """
        select count(*) as entries, count(leaf) as leaves, max(leaf) as last_leaf,
            count(*) filter (where leaf is null) as unsealed, min(at) filter (where leaf is null) as oldest_unsealed
        from audit_entry
        """
    )
    assert row is not None
    return Extent(**dict(row))


async def entries_by_chain(tx: Tx, batch: int, *, ahead: bool) -> AsyncIterator[list[Record]]:
    """All entries as they are bound, with MAC and leaf: chain by chain, by position, readings last.

    `ahead`: the server prepares the next batch while one is looked at, and the transaction can do nothing else.
    """
    cursor = await tx.cursor(
        f"""
        select {PLAIN_COLUMNS}, mac, leaf from audit_entry
        order by audit_entry.chain_kind, audit_entry.chain_id, audit_entry.position, audit_entry.id
        """
    )
    if not ahead:
        while found := await cursor.fetch(batch):
            yield found
        return
    coming = asyncio.ensure_future(cursor.fetch(batch))
    try:
        while found := await coming:
            coming = asyncio.ensure_future(cursor.fetch(batch))
            await asyncio.sleep(0)  # so that the server is asked before the batch is looked at
            yield found
    finally:
        if not coming.done():
            await coming


async def ends_of_chains(tx: Tx, batch: int) -> AsyncIterator[list[tuple[str, str, int, bytes]]]:
    """The end of every chain: kind, id, and position and MAC of its last entry."""
    cursor = await tx.cursor(
        """
        select distinct on (chain_kind, chain_id) chain_kind, chain_id::text, position, mac from audit_entry
        where position is not null order by chain_kind, chain_id, position desc
        """
    )
    while found := await cursor.fetch(batch):
        yield [(row["chain_kind"], row["chain_id"], row["position"], row["mac"]) for row in found]


async def entries_of(tx: Tx, kind: ChainKind, chain_id: UUID, batch: int = 1000) -> AsyncIterator[Record]:
    """The entries of one chain, as `entries_by_chain` gives them."""
    cursor = await tx.cursor(
        f"""
        select {PLAIN_COLUMNS}, mac, leaf from audit_entry where chain_kind = $1 and chain_id = $2
        order by audit_entry.position, audit_entry.id
        """,
        kind.value,
        chain_id,
    )
    while found := await cursor.fetch(batch):
        for row in found:
            yield row


async def stored_checkpoints(tx: Tx, batch: int = 100) -> AsyncIterator[Record]:
    """All checkpoints, by number."""
    cursor = await tx.cursor(
        "select number, size, root, frontier, leaves, at, note from audit_checkpoint order by number"
    )
    while found := await cursor.fetch(batch):
        for row in found:
            yield row


async def leaves_between(tx: Tx, first: int, end: int, limit: int) -> list[str]:
    """The ids of some entries with leaves in [first, end)."""
    rows = await tx.fetch(
        "select id::text from audit_entry where leaf >= $1 and leaf < $2 order by leaf limit $3",
        first,
        end,
        limit,
    )
    return [row["id"] for row in rows]


async def rows_of_chains(tx: Tx, table: str, chain_ids: Sequence[UUID]) -> list[Record]:
    """The rows of a table that some chains tell of."""
    audited = AUDITED[table]
    return await tx.fetch(
        f"select {', '.join(audited.columns)}, {_chain_id(audited)} as in_chain from {table} "
        f"where {_chain_id(audited)} = any($1){_worth_telling(audited)}",
        list(chain_ids),
    )


async def rows_without_chain(tx: Tx, table: str) -> list[Record]:
    """Rows of a table of which no entry tells, since their chain has none: up to 1000."""
    audited = AUDITED[table]
    return await tx.fetch(
        f"""
        select {", ".join(audited.columns)} from {table} where not exists (
            select from audit_entry e where e.chain_kind = $1 and e.chain_id = {_chain_id(audited, table)}
        ){_worth_telling(audited)} limit {MOST_UNKNOWN}
        """,
        audited.chain.value,
    )


async def chains_to_begin(tx: Tx, table: str, after: UUID | None, limit: int) -> list[UUID]:
    """Chains of which a table tells and that have no entry yet, by id; the rows are held against other writers."""
    audited = AUDITED[table]
    missing = f"""
        not exists (select from audit_entry e where e.chain_kind = $1 and e.chain_id = {_chain_id(audited, table)})
        and ($2::uuid is null or {_chain_id(audited, table)} > $2)
        """
    if audited.by_name:
        rows = await tx.fetch(
            f"select distinct {_chain_id(audited, table)} as chain from {table} where {missing} order by 1 limit $3",
            audited.chain.value, after, limit,
        )  # fmt: skip
        return [row["chain"] for row in rows]
    rows = await tx.fetch(
        f"select {audited.of} as chain from {table} where {missing} order by 1 limit $3 for no key update",
        audited.chain.value, after, limit,
    )  # fmt: skip
    ids = [row["chain"] for row in rows]
    begun = await tx.fetch(
        "select distinct chain_id from audit_entry where chain_kind = $1 and chain_id = any($2)",
        audited.chain.value, ids,
    )  # fmt: skip
    held = {row["chain_id"] for row in begun}
    return [one for one in ids if one not in held]


def _chain_id(audited: Audited, table: str | None = None) -> str:
    """The chain of a row in SQL, as `Chain.named` has it."""
    column = f"{table}.{audited.of}" if table else audited.of
    if not audited.by_name:
        return column
    name = f"'{audited.chain.value} ' || coalesce({column}, '')"
    return f"encode(substring(sha256(convert_to({name}, 'UTF8')) from 1 for 16), 'hex')::uuid"


def _worth_telling(audited: Audited) -> str:
    if not audited.sparse:
        return ""
    return f" and ({' or '.join(f'{name} is not null' for name in audited.facts)})"


def root_tables() -> Mapping[ChainKind, str]:
    """The table of each kind of chain whose rows are what the chain is about."""
    return {
        audited.chain: table
        for table, audited in AUDITED.items()
        if audited.by_name or audited.of == "id"  # what one account has one of hangs on it by its id
        if not audited.sparse
    }
