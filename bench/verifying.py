"""Entries verified per second, chains and tree, and sealed per second, beside the bare hashing of the same bytes.

`python -m bench.verifying` fills a private PostgreSQL in a folder of its own with 200,000 entries of 20,000 chains by
COPY, seals them as the job does, and verifies them as `mla-tracker verify --no-records` does. The floor, in the same
run: HMAC-SHA256 and SHA-256 over the bytes of every entry, and a SHA-256 for each node of the tree.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from mla_tracker.commands.sealing import seal
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.audit import COLUMNS, FIRST, Change, What, details_of, mac
from mla_tracker.storage import embedded
from mla_tracker.storage.audit import bytes_of
from mla_tracker.storage.database import Database, DbRole, TimeLimits
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.migrating import migrate
from mla_tracker.storage.vault import Vault

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LONG = TimeLimits(statement=0, lock=0, idle=0)
PER_CHAIN = 10


def entries(number: int, key: bytes, account_id: UUID) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Rows as recording an act makes them, with their bytes."""
    for at in range(0, number, PER_CHAIN):
        chain_id, before = uuid7(NOW), FIRST
        for position in range(1, min(PER_CHAIN, number - at) + 1):
            event_id = str(uuid7(NOW))
            act = {
                "request_id": str(chain_id), "requesting_country": "MA", "requested_country": "ES", "type": "sent",
                "occurred_on": "2026-03-02", "data": {"channel": "diplomatic"}, "asserted_by": "MA",
                "recorded_by_account": str(account_id), "recorded_at": "2026-03-10T12:00:00.000000Z",
            }  # fmt: skip
            row: dict[str, Any] = {
                "id": uuid7(NOW),
                "chain_kind": "request",
                "chain_id": chain_id,
                "position": position,
                "at": NOW + timedelta(seconds=position),
                "account_id": account_id,
                "account_role": "officer",
                "country": "MA",
                "seen_by": ["ES", "MA"],
                "address": "192.0.2.17",
                "credential": "token 019cd79e-4600-7358-b20e-754b9e423e13",
                "request_id": "019cd79e46007358b20e754b9e423e13",
                "what": What.REQUEST_ACT_RECORDED.value,
                "details": details_of([Change("request_event", {"id": event_id}, None, act)]),
            }
            content = bytes_of(row)
            before = mac(key, before, content)
            yield {**row, "mac": before}, content


async def fill(db: Database, number: int) -> list[bytes]:
    """Store entries with right MACs; gives their bytes."""
    assert db.vault is not None
    account_id, contents = uuid7(NOW), list[bytes]()
    async with db.transaction(DbRole.OWNER, limits=LONG) as tx:
        await tx.execute(
            "insert into account (id, name, countries, role, created_at) values ($1, 'Bench', '{MA}', 'officer', $2)",
            account_id, NOW,
        )  # fmt: skip
        columns = [*COLUMNS, "mac"]
        batch: list[tuple[Any, ...]] = []
        for row, content in entries(number, db.vault.audit_key, account_id):
            contents.append(content)
            batch.append(tuple(row[name] for name in columns))
            if len(batch) == 20_000:
                await tx.connection.copy_records_to_table("audit_entry", records=batch, columns=columns)
                batch.clear()
        await tx.connection.copy_records_to_table("audit_entry", records=batch, columns=columns)
    async with db._connection() as connection:
        await connection.execute("vacuum analyze audit_entry", timeout=None)
    return contents


def floor(contents: list[bytes], key: bytes) -> float:
    """Seconds of the bare hashing."""
    began = time.perf_counter()
    before = FIRST
    for content in contents:
        before = hmac.digest(key, before + content, "sha256")
        leaf = hashlib.sha256(b"\0" + content + before).digest()
        hashlib.sha256(b"\1" + leaf + leaf).digest()
    return time.perf_counter() - began


async def measure(number: int, rounds: int) -> None:
    """Fill, seal, verify, and print a table."""
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as folder,
        embedded.running(Path(folder)) as server,
    ):
        async with await Database.open(server.url(), vault=Vault.made()) as db:
            await migrate(db)
            contents = await fill(db, number)
            began = time.perf_counter()
            sealed = await seal(db, NOW)
            sealing = time.perf_counter() - began
            async with db._connection() as connection:
                await connection.execute("vacuum analyze audit_entry", timeout=None)
            best = bare = busy = float("inf")
            for _ in range(rounds):
                began, at_work = time.perf_counter(), time.process_time()
                done = await verify(db, records=False)
                best = min(best, time.perf_counter() - began)
                busy = min(busy, time.process_time() - at_work)
                assert (done.entries, done.found, done.unsealed) == (number, 0, 0), done.findings[:3]
                assert db.vault is not None
                bare = min(bare, floor(contents, db.vault.audit_key))
    print(f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after; best of {rounds} rounds")  # noqa: T201
    print(f"{number} entries of {sum(map(len, contents)) // number} bytes, {sealed.checkpoints} checkpoints")  # noqa: T201
    print(f"verify: {number / best:,.0f} entries per second ({best:.2f} s)")  # noqa: T201
    print(f"of which this process was at work: {number / busy:,.0f} per second of its time ({busy:.2f} s)")  # noqa: T201
    print(f"bare hashing: {number / bare:,.0f} per second")  # noqa: T201
    print(f"seal: {number / sealing:,.0f} entries per second")  # noqa: T201


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.entries, arguments.rounds))


if __name__ == "__main__":
    main()
