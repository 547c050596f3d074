"""Requests with histories imported per second, beside COPY of the very rows that the import wrote, in the same run.

`python -m bench.importing --size 10000` starts a private PostgreSQL as a user has it (durable commits) in a folder of
its own, writes a file of requests with six acts each, and imports it with `mla-tracker import`, row by row, whose
memory high-water mark is told. Then every row of every table that the import wrote is copied (binary COPY, one
transaction per table, all constraints, indexes and triggers in place) into a second database that is empty.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from mla_tracker.storage import embedded

PROGRAM: Final = Path(sys.executable).with_name("mla-tracker")
TABLES: Final = (
    "request", "request_event", "record_key", "free_text", "clock", "clock_check", "audit_entry", "bulk_import",
)  # fmt: skip
COUNTERPARTS: Final = ("ES", "FR", "IT", "NL", "DE", "US", "BE", "TN")


def a_request(number: int, chance: random.Random) -> dict[str, Any]:
    """A request of Morocco, sent in the last years, most of them over."""
    day = date(2022, 1, 3) + timedelta(days=chance.randrange(1300))

    def later(most: int) -> str:
        nonlocal day
        day += timedelta(days=chance.randrange(1, most))
        return day.isoformat()

    events: list[dict[str, Any]] = [{"type": "sent", "occurred_on": day.isoformat()}]
    events += [{"type": act, "occurred_on": later(12)} for act in ("received", "acknowledged", "accepted")]
    events.append({"type": "executed", "occurred_on": later(120)})
    events.append({"type": "closed", "occurred_on": later(20)})
    if number % 10 == 0:
        events = events[:3]
    return {
        "external_reference": f"B-{number:08d}",
        "kind": "evidence",
        "requesting_country": "MA",
        "requested_country": chance.choice(COUNTERPARTS),
        "subject": f"Bank records of a shipping agent, {number}",
        "convention": "uncac",
        "assistance": ["records"],
        "offences": ["money laundering"],
        "references": {"requesting": f"{number}/2026"},
        "events": events,
    }


def write_file(file: Path, size: int) -> None:
    """A file of requests, the same in every run."""
    chance = random.Random(7)
    with file.open("w") as written:
        for number in range(size):
            written.write(json.dumps(a_request(number, chance)) + "\n")


async def copied(source: str, target: str, folder: Path) -> tuple[float, int]:
    """Seconds to COPY the rows of one database into another, and how many rows."""
    seconds, rows = 0.0, 0
    read, write = await asyncpg.connect(source), await asyncpg.connect(target)
    try:
        for table in TABLES:
            taken, number = await _one(read, write, table, folder)
            seconds += taken
            rows += number
    finally:
        await read.close()
        await write.close()
    return seconds, rows


async def _one(read: Any, write: Any, table: str, folder: Path) -> tuple[float, int]:
    file = folder / f"{table}.copy"
    # Of the audit only what tells of requests: the rest was there before.
    where = " where chain_kind = 'request'" if table == "audit_entry" else ""
    await read.copy_from_query(f"select * from {table}{where}", output=file, format="binary")
    began = time.perf_counter()
    with file.open("rb") as rows:
        done = await write.copy_to_table(table, source=rows, format="binary")
    seconds = time.perf_counter() - began
    file.unlink()
    return seconds, int(done.split()[-1])


def main() -> None:
    """Print one line for each way."""
    arguments = argparse.ArgumentParser(prog="python -m bench.importing", description=__doc__)
    arguments.add_argument("--size", type=int, default=10_000, help="requests in the file")
    given = arguments.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as name:
        folder = Path(name)
        environment = {**os.environ, "MLA_DATA_DIR": name, "MLA_LOG_LEVEL": "error", "MLA_DATABASE_URL": ""}
        made = subprocess.run(
            [PROGRAM, "token", "create", "--country", "MA", "--role", "officer", "--json"],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        account = json.loads(made.stdout)["account_id"]
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        before_program = spent.ru_utime + spent.ru_stime
        file = folder / "requests.ndjson"
        write_file(file, given.size)
        with embedded.running(folder) as server:
            url = server.url(user="postgres")
            asyncio.run(_copy_of_empty(server))
            environment["MLA_DATABASE_URL"] = ""
            before = _seconds_of(server)
            began = time.perf_counter()
            done = subprocess.run(
                [PROGRAM, "import", str(file), "--kind", "requests", "--account", account, "--json"],
                env=environment, capture_output=True, check=False,
            )  # fmt: skip
            seconds = time.perf_counter() - began
            told = json.loads(done.stdout)
            assert told["recorded"] == given.size, told
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            spent = resource.getrusage(resource.RUSAGE_CHILDREN)
            worked = spent.ru_utime + spent.ru_stime - before_program + _seconds_of(server) - before
            before = _seconds_of(server)
            floor, rows = asyncio.run(copied(url, server.url("floor", "postgres"), folder))
            copying = _seconds_of(server) - before
    print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")  # noqa: T201
    print(f"{given.size:,} requests, {rows:,} rows ({rows / given.size:.1f} each)")  # noqa: T201
    print(f"{'import':<10} {seconds:>8.1f} s {given.size / seconds:>10,.0f} requests/s")  # noqa: T201
    print(f"{'COPY':<10} {floor:>8.1f} s {given.size / floor:>10,.0f} requests/s")  # noqa: T201
    print(f"memory of the import at most {memory:.0f} MB")  # noqa: T201
    print(f"import at {floor / seconds:.3f} of the speed of COPY")  # noqa: T201
    print(  # noqa: T201
        f"seconds of processors, server included: import {worked:.1f}, COPY {copying:.1f}: {copying / worked:.3f}"
    )


def _seconds_of(server: embedded.Server) -> float:
    """Processor seconds of all connections to the server that have ended."""
    time.sleep(0.5)  # until those that have just ended are counted
    process = int((server.folder / "pg" / "postmaster.pid").read_text().splitlines()[0])
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


async def _copy_of_empty(server: embedded.Server) -> None:
    """A second database of the same shape, with the law that ships and nothing recorded."""
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        await connection.execute(f"create database floor template {embedded.DATABASE}")
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
