# ruff: noqa: T201
"""Two API processes against one, on one PostgreSQL: requests logged, and requests read, per second over HTTP.

`python -m bench.nodes` starts a private PostgreSQL with durable commits and API nodes without a scheduler on it, and
calls them from a process of its own at one concurrency, spread evenly. Everything shares the cores of this machine, the
caller too: on two cores the second node can only use what the first one, the database and the caller leave.
"""

import argparse
import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from bench.logging import PATH, PROGRAM, WARM_UP_SECONDS, Call, Connection, free_port, per_second, served
from mla_tracker.storage import embedded

CONCURRENCY = 16
SAMPLE = 50


class Reader(Connection):
    """One kept connection that reads requests, one after the other."""

    def __init__(self, port: int, token: str, ids: Sequence[str]) -> None:
        super().__init__(port, PATH, token)
        self._calls = [
            f"GET {PATH}/{one} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            for one in ids
        ]
        self._next = 0

    async def get(self) -> None:
        """Read the next request. Raises RuntimeError for any answer but 200."""
        self._writer.write(self._calls[self._next % len(self._calls)])
        self._next += 1
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.decode()}{answer.decode()}")


def burnt() -> dict[str, float]:
    """Seconds of CPU that the API nodes, PostgreSQL and the caller have used."""
    seconds = {"API": 0.0, "PostgreSQL": 0.0, "caller": sum(psutil.Process().cpu_times()[:2])}
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            whose = "PostgreSQL" if child.name() == "postgres" else "API"
            seconds[whose] += sum(child.cpu_times()[:2])
    return seconds


async def once(port: int, token: str) -> None:
    """Log one request, for which the calendars of its countries are stored."""
    connection = Connection(port, PATH, token)
    await connection.open()
    await connection.post()


async def logging(ports: Sequence[int], token: str, seconds: float) -> tuple[float, float]:
    """Log requests over connections spread over the nodes."""
    connections = [Connection(ports[number % len(ports)], PATH, token) for number in range(CONCURRENCY)]
    for connection in connections:
        await connection.open()
    return await per_second([connection.post for connection in connections], seconds)


async def reading(
    ports: Sequence[int], token: str, ids: Sequence[str], seconds: float
) -> tuple[float, float]:
    """Read requests over connections spread over the nodes."""
    readers = [Reader(ports[number % len(ports)], token, ids) for number in range(CONCURRENCY)]
    for reader in readers:
        await reader.open()
    calls: list[Call] = [reader.get for reader in readers]
    return await per_second(calls, seconds)


async def some_ids(url: str) -> list[str]:
    """Ids of requests that were logged."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        return [str(row["id"]) for row in await connection.fetch("select id from request limit $1", SAMPLE)]
    finally:
        await connection.close()


def main() -> None:
    """Print one line for each kind of call and number of processes."""
    arguments = argparse.ArgumentParser(prog="python -m bench.nodes", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8.0, help="how long each line is measured")
    given = arguments.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; concurrency {CONCURRENCY}")
    with tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as name, ExitStack() as stack:
        server = stack.enter_context(embedded.running(Path(name)))
        environment = {
            **os.environ, "MLA_DATA_DIR": name, "MLA_DATABASE_URL": server.url(), "MLA_LOG_LEVEL": "error",
            "MLA_CALLS_PER_MINUTE": "0",
        }  # fmt: skip
        subprocess.run([PROGRAM, "migrate"], env=environment, capture_output=True, check=True)
        made = subprocess.run(
            [PROGRAM, "token", "create", "--country", "MA", "--role", "officer", "--json"],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        token = json.loads(made.stdout)["token"]
        ports: list[int] = []
        for _ in range(2):
            ports.append(free_port())
            node = {**environment, "MLA_PORT": str(ports[-1])}
            stack.enter_context(served([str(PROGRAM), "serve", "--no-scheduler"], ports[-1], node))
        asyncio.run(once(ports[0], token))
        ids: list[str] = []
        for what in ("log", "read"):
            rates = []
            for number in (1, 2):
                before = burnt()
                if what == "log":
                    rate, middle = asyncio.run(logging(ports[:number], token, given.seconds))
                    ids = ids or asyncio.run(some_ids(server.url()))
                else:
                    rate, middle = asyncio.run(reading(ports[:number], token, ids, given.seconds))
                rates.append(rate)
                calls = rate * (given.seconds + WARM_UP_SECONDS)  # about as many while warming up
                cpu = ", ".join(
                    f"{who} {(spent - before[who]) / calls * 1000:.1f}" for who, spent in burnt().items()
                )
                print(
                    f"{what:<5} {number} process(es)  {rate:7.0f} per second   median {middle:6.1f} ms   "
                    f"CPU per call in ms: {cpu}"
                )
            print(f"{what:<5} two against one: {rates[1] / rates[0]:.2f} times")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
