"""Entries of the audit as rows: made with the change that they tell, in its transaction, and never changed after."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.audit import (
    COLUMNS,
    FIRST,
    READINGS,
    Chain,
    Change,
    Plain,
    What,
    details_of,
    entry_bytes,
    instant,
    mac,
)
from mla_tracker.storage import rows
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7, uuid7_numbered
from mla_tracker.storage.rows import Row, bytes_in, octets

LONGEST_ORIGIN: Final = 200

PLAIN_COLUMNS: Final = ", ".join(
    {
        "id": "id::text as id",
        "chain_id": "chain_id::text as chain_id",
        "account_id": "account_id::text as account_id",
        "at": """to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at""",
    }.get(name, name)
    for name in COLUMNS
)
"""What to select of an entry to have what `entry_bytes` takes."""


async def append(
    tx: Tx,
    chain: Chain,
    what: What,
    changes: Sequence[Change],
    *,
    actor: Actor | None,
    now: datetime,
    seen_by: Sequence[str],
    country: str | None = None,
    more: Mapping[str, Plain] | None = None,
    fresh: bool = False,
) -> None:
    """Append an entry to a chain; see `entry_rows`."""
    await rows.insert(
        tx,
        await entry_rows(
            tx, chain, what, changes,
            actor=actor, now=now, seen_by=seen_by, country=country, more=more, fresh=fresh,
        ),
    )  # fmt: skip


async def entry_rows(
    tx: Tx,
    chain: Chain,
    what: What,
    changes: Sequence[Change],
    *,
    actor: Actor | None,
    now: datetime,
    seen_by: Sequence[str],
    country: str | None = None,
    more: Mapping[str, Plain] | None = None,
    fresh: bool = False,
    after: Row | None = None,
) -> dict[str, list[Row]]:
    """The row of an entry, to be inserted by the statement that writes what it tells.

    Whoever appends holds the record (its row, or `lock_chain`) until the transaction ends, and inserts the row before
    asking for another of the chain. `actor` None: the program itself. `seen_by`: the countries whose auditors read it.
    `country`: for which the actor acted, by default the first of its own among those. `more`: what is to be told
    besides changes. `fresh`: the chain begins here for certain; `after`: it goes on behind this row, which the same
    statement inserts. No erasable content may be in it.
    """
    position, before = None, FIRST
    if what not in READINGS:
        if after is not None:
            position, before = after["position"] + 1, bytes_in(after["mac"])
        else:
            head = None if fresh else await _head(tx, chain)
            position, before = head or (1, FIRST)
    if actor is not None and country is None:
        country = next((own for own in actor.countries if own in seen_by), next(iter(actor.countries), None))
    origin = actor.origin if actor else Origin()
    row: dict[str, Any] = {
        # Of one instant they stand in the order of their chain.
        "id": uuid7(now) if position is None else uuid7_numbered(now, position),
        "chain_kind": chain.kind.value,
        "chain_id": chain.id,
        "position": position,
        "at": now,
        "account_id": actor.account_id if actor else None,
        "account_role": actor.role.value if actor else None,
        "country": country,
        "seen_by": sorted(set(seen_by)),
        "address": _cut(origin.address),
        "credential": _cut(origin.credential),
        "request_id": _cut(origin.request_id),
        "what": what.value,
        "details": details_of(changes, more),
    }
    return {"audit_entry": [{**row, "mac": octets(mac(tx.vault.audit_key, before, bytes_of(row)))}]}


def bytes_of(row: Mapping[str, Any]) -> bytes:
    """The bytes of an entry that are bound, from its row."""
    ids = {name: str(row[name]) for name in ("id", "chain_id")}
    account_id = row["account_id"]
    plain = {
        **row,
        **ids,
        "at": instant(row["at"]),
        "account_id": None if account_id is None else str(account_id),
        "seen_by": list(row["seen_by"]),
    }
    return entry_bytes([plain[name] for name in COLUMNS])


async def has_entries(tx: Tx, chain: Chain) -> bool:
    """Whether a chain has begun."""
    return await _head(tx, chain) is not None


async def lock_chain(tx: Tx, chain: Chain) -> None:
    """Hold a chain that has no row to lock against other writers until the transaction ends."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('audit ' || $1 || ' ' || $2, 0))",
        chain.kind.value, str(chain.id),
    )  # fmt: skip


async def _head(tx: Tx, chain: Chain) -> tuple[int, bytes] | None:
    """The position that comes next in a chain, and the MAC that stands before it; None where it begins.

    Asked through a function that sees entries of the other side too, and tells nothing else of them.
    """
    row = await tx.fetchrow("select last, last_mac from audit_head($1, $2)", chain.kind.value, chain.id)
    return (row["last"] + 1, row["last_mac"]) if row is not None else None


def _cut(text: str | None) -> str | None:
    return text[:LONGEST_ORIGIN] if text else None
