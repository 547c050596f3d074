"""Requests logged per second over real HTTP, beside two floors of the same run: the bare handler and the bare inserts.

`python -m bench.logging` starts the program as a user does (private PostgreSQL, durable commits) in a folder of its
own, and logs evidence requests, each with one act, at concurrency 1 and 16. The bare handler parses the same body in
a Litestar of its own and records nothing; the bare inserts write the rows of one such request by asyncpg alone.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import create_connection, socket
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg

from mla_tracker.storage import embedded
from mla_tracker.storage.json_columns import read_and_write_json

PATH = "/api/v1/requests"
PROGRAM = Path(sys.executable).with_name("mla-tracker")
CONCURRENCY = (1, 16)
WARM_UP_SECONDS = 2.0
START_SECONDS = 180
TABLES = ("request", "request_event", "free_text", "clock", "clock_check")

Call = Callable[[], Awaitable[None]]


def body() -> bytes:
    """A request as the README logs one, with the act that sent it."""
    entry = {
        "kind": "evidence",
        "requesting_country": "MA",
        "requested_country": "ES",
        "subject": "Bank records of a shipping agent",
        "convention": "un1988",
        "assistance": ["records"],
        "external_reference": str(uuid4()),
        "events": [{"type": "sent", "occurred_on": "2026-03-02", "data": {"channel": "diplomatic"}}],
    }
    return json.dumps(entry).encode()


class Connection:
    """One kept HTTP/1.1 connection that posts; as little work as a client can do."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self._port = port
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nIdempotency-Key: "
        )

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def post(self) -> None:
        """Log one request. Raises RuntimeError for any answer but 201."""
        content = body()
        self._writer.write(
            f"{self._head}{uuid4()}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"{head.decode()}{answer.decode()}")


async def per_second(calls: Sequence[Call], seconds: float) -> tuple[float, float]:
    """How many calls a second, each of `calls` again and again at once, and the median milliseconds of one."""
    taken: list[float] = []

    async def repeat(call: Call, until: float) -> None:
        while (began := time.perf_counter()) < until:
            await call()
            taken.append(time.perf_counter() - began)

    await asyncio.gather(*(repeat(call, time.perf_counter() + WARM_UP_SECONDS) for call in calls))
    taken.clear()
    began = time.perf_counter()
    await asyncio.gather(*(repeat(call, began + seconds) for call in calls))
    return len(taken) / (time.perf_counter() - began), median(taken) * 1000


async def over_http(
    port: int, token: str, number: int, seconds: float, path: str = PATH
) -> tuple[float, float]:
    connections = [Connection(port, path, token) for _ in range(number)]
    for connection in connections:
        await connection.open()
    return await per_second([connection.post for connection in connections], seconds)


async def by_inserts(url: str, number: int, seconds: float) -> tuple[float, float]:
    """The rows of one logged request, written again under new ids, in one transaction each."""
    pool = await asyncpg.create_pool(url, min_size=number, max_size=number, init=read_and_write_json)
    async with pool:
        request_id = await pool.fetchval("select id from request order by created_at limit 1")
        rows = {
            table: await pool.fetch(
                f"select * from {table} where "
                + ("id" if table == "request" else "request_id" if table != "clock_check" else "clock_id")
                + (" = $1" if table != "clock_check" else " in (select id from clock where request_id = $1)"),
                request_id,
            )
            for table in TABLES
        }

        async def insert() -> None:
            renamed = {row["id"]: uuid4() for table in TABLES[:-1] for row in rows[table]}
            async with pool.acquire() as connection, connection.transaction():
                for table in TABLES:
                    columns = list(rows[table][0].keys())
                    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
                    values = [
                        [
                            str(uuid4())
                            if name == "external_reference"
                            else renamed.get(value, value)
                            if not isinstance(value, (list, dict))
                            else value
                            for name, value in row.items()
                        ]
                        for row in rows[table]
                    ]
                    await connection.executemany(
                        f"insert into {table} ({', '.join(columns)}) values ({places})", values
                    )

        return await per_second([insert] * number, seconds)


def bare(port: int) -> None:
    """Serve the bare handler: the body parsed, its id answered, nothing recorded."""
    import uvicorn
    from litestar import Litestar, Request, post

    from mla_tracker.api.answers import answer
    from mla_tracker.api.bodies import parse
    from mla_tracker.api.request_bodies import RequestBody

    @post("/bare", status_code=201)
    async def log(request: Request[Any, Any, Any]) -> Any:
        entry = parse(RequestBody, await request.body(), request.headers.get("Content-Type"))
        return answer({"id": entry.external_reference}, status=201)

    uvicorn.run(Litestar([log], openapi_config=None), host="127.0.0.1", port=port, log_level="error")


def free_port() -> int:
    with closing(socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """The program of `command`, once it takes connections; ended afterwards."""
    program = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield
    finally:
        program.terminate()
        program.wait(60)


def main() -> None:
    """Print one line for each way and concurrency."""
    arguments = argparse.ArgumentParser(prog="python -m bench.logging", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8.0, help="how long each line is measured")
    arguments.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.bare is not None:
        bare(given.bare)
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as name:
        port, bare_port = free_port(), free_port()
        environment = {
            **os.environ, "MLA_DATA_DIR": name, "MLA_PORT": str(port), "MLA_LOG_LEVEL": "error", "MLA_DATABASE_URL": "",
        }  # fmt: skip
        made = subprocess.run(
            [PROGRAM, "token", "create", "--country", "MA", "--role", "officer", "--json"],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        token = json.loads(made.stdout)["token"]
        figures: list[tuple[str, int, tuple[float, float]]] = []
        with served([str(PROGRAM), "serve", "--no-scheduler"], port, environment):
            for number in CONCURRENCY:
                figures.append(
                    (
                        "logged through the API",
                        number,
                        asyncio.run(over_http(port, token, number, given.seconds)),
                    )
                )
            with embedded.running(Path(name)) as server:
                for number in CONCURRENCY:
                    figures.append(
                        ("bare inserts", number, asyncio.run(by_inserts(server.url(), number, given.seconds)))
                    )
        with served(
            [sys.executable, "-m", "bench.logging", "--bare", str(bare_port)], bare_port, environment
        ):
            for number in CONCURRENCY:
                measured = asyncio.run(over_http(bare_port, token, number, given.seconds, "/bare"))
                figures.append(("bare handler", number, measured))
    print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")  # noqa: T201
    print(f"{'':<24} {'concurrency':>11} {'requests/s':>11} {'median ms':>10}")  # noqa: T201
    for way, number, (rate, milliseconds) in figures:
        print(f"{way:<24} {number:>11} {rate:>11,.0f} {milliseconds:>10.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
