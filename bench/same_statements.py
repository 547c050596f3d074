"""Logging and reading one request through the API, beside the same SQL statements by raw asyncpg in a bare handler.

`python -m bench.same_statements` serves the program (private PostgreSQL, durable commits) and calls it at concurrency
16. The statements of one such call are then taken down as they go to the server, and a bare Litestar handler, with
a pool of the same size, sends them again for each call: what was new in them (ids, keys, sealed bytes) is new again.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from bench.logging import PATH, PROGRAM, Connection, body, free_port, per_second, served
from mla_tracker.api.app import create_app
from mla_tracker.settings import Settings
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database
from mla_tracker.storage.json_columns import read_and_write_json
from mla_tracker.storage.vault import Vault

CONCURRENCY = 16
READY = 8_000
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Statement:
    """One statement as it went to the server."""

    query: str
    args: tuple[Any, ...]


class Reading(Connection):
    """A kept connection that reads one request again and again."""

    def __init__(self, port: int, path: str, token: str) -> None:
        super().__init__(port, path, token)
        self._head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"

    async def post(self) -> None:
        """Read once. Raises RuntimeError for any answer but 200."""
        self._writer.write(self._head.encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        await self._reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())


async def measured(
    kind: type[Connection], port: int, token: str, path: str, seconds: float
) -> tuple[float, float]:
    """Calls per second at concurrency 16, and the median milliseconds of one."""
    connections = [kind(port, path, token) for _ in range(CONCURRENCY)]
    for connection in connections:
        await connection.open()
    return await per_second([connection.post for connection in connections], seconds)


async def taken_down(url: str, keys: Path, token: str) -> dict[str, Any]:
    """The statements of logging one request, twice, and of reading it; and how many bytes each answer had."""
    async with await Database.open(url, pool_size=1, vault=Vault.read(keys)) as db:
        app = create_app(db, Settings(allowed_hosts=("bench",)), now=lambda: datetime.now(UTC))
        async with db._pool.acquire() as held:
            connection = held._con
        said: list[Statement] = []
        connection.add_query_logger(lambda told: said.append(Statement(told.query, tuple(told.args or ()))))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        transport = httpx.ASGITransport(app)
        found: dict[str, Any] = {}
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as client:
            for name in ("warm", "again", "log", "log2"):
                said.clear()
                answer = await client.post(PATH, content=body(), headers={"Idempotency-Key": str(uuid4())})
                answer.raise_for_status()
                found[name] = (list(said), len(answer.content))
            for name in ("reading", "read"):
                said.clear()
                answer = await client.get(f"{PATH}/{answer.json()['id']}")
                found[name] = (list(said), len(answer.content))
    return found


def fresh_ids(one: Sequence[Statement], other: Sequence[Statement]) -> set[str]:
    """The ids of the one call that the other had otherwise."""
    both = [set(_ID.findall(repr([statement.args for statement in said]))) for said in (one, other)]
    return both[0] - both[1]


def renewed(value: Any, other: Any, ids: Mapping[str, str]) -> Any:
    """An argument as a further call would have it: what differed between two calls differs again."""
    if isinstance(value, UUID):
        return UUID(ids.get(str(value), str(value)))
    if isinstance(value, (list, tuple)):
        others = other if isinstance(other, (list, tuple)) and len(other) == len(value) else value
        return [renewed(one, two, ids) for one, two in zip(value, others, strict=True)]
    if isinstance(value, dict):
        others = other if isinstance(other, dict) else value
        return {name: renewed(one, others.get(name, one), ids) for name, one in value.items()}
    if isinstance(value, bytes):
        return os.urandom(len(value)) if value != other else value
    if isinstance(value, str):
        if _ID.fullmatch(value) and value != other:
            return ids.setdefault(value, str(uuid4()))
        return _ID.sub(lambda found: ids.get(found[0], found[0]), value) if value != other else value
    return value


def serve_bare(port: int, url: str, keys: Path, token: str) -> None:
    """Serve handlers that do nothing but send the statements of one call to the database again."""
    import uvicorn
    from litestar import Litestar, Request, Response, get, post

    taken = asyncio.run(taken_down(url, keys, token))
    logged, like = taken["log"][0], taken["log2"][0]
    new = fresh_ids(logged, like)
    log_answer, read_answer = b" " * taken["log"][1], b" " * taken["read"][1]
    holder: list[Any] = []

    def one_more() -> list[tuple[str, Sequence[Any]]]:
        ids = {one: str(uuid4()) for one in new}
        return [
            (one.query, [renewed(a, b, ids) for a, b in zip(one.args, two.args, strict=True)])
            for one, two in zip(logged, like, strict=True)
        ]

    # Made beforehand: to renew them is no part of the floor.
    ready = [one_more() for _ in range(READY)]

    async def opened() -> None:
        holder.append(await asyncpg.create_pool(
            url, min_size=10, max_size=10, init=read_and_write_json, reset=_nothing, statement_cache_size=256,
        ))  # fmt: skip

    async def say(statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        # The first three find the bearer of the token; they have a connection of their own there too.
        async with holder[0].acquire() as connection:
            for query, args in statements[:3]:
                await (connection.fetch(query, *args) if args else connection.execute(query))
        async with holder[0].acquire() as connection:
            for query, args in statements[3:]:
                await (connection.fetch(query, *args) if args else connection.execute(query))

    @post("/bare", status_code=201)
    async def log(request: Request[Any, Any, Any]) -> Response[bytes]:
        json.loads(await request.body())
        await say(ready.pop() if ready else one_more())
        return Response(log_answer, media_type="application/json")

    @get("/bare")
    async def read() -> Response[bytes]:
        await say([(one.query, one.args) for one in taken["read"][0]])
        return Response(read_answer, media_type="application/json")

    app = Litestar([log, read], openapi_config=None, on_startup=[opened])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


async def _nothing(_: Any) -> None:
    """Each transaction sets all that it needs."""


def main() -> None:
    """Print one line for each way."""
    arguments = argparse.ArgumentParser(prog="python -m bench.same_statements", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8.0, help="how long each line is measured")
    arguments.add_argument(
        "--rounds", type=int, default=1, help="how often all is measured; the best of each is shown"
    )
    arguments.add_argument("--bare", nargs=4, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.bare is not None:
        port, url, keys, token = given.bare
        serve_bare(int(port), url, Path(keys), token)
        return
    load = os.getloadavg()[0]
    figures: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(prefix="mla-bench-", dir="/tmp") as name:
        port, bare_port = free_port(), free_port()
        environment = {
            **os.environ, "MLA_DATA_DIR": name, "MLA_PORT": str(port), "MLA_LOG_LEVEL": "error", "MLA_DATABASE_URL": "",
            "MLA_CALLS_PER_MINUTE": "10000000",
        }  # fmt: skip
        made = subprocess.run(
            [PROGRAM, "token", "create", "--country", "MA", "--role", "officer", "--json"],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        token = json.loads(made.stdout)["token"]
        with ExitStack() as stack:
            stack.enter_context(served([str(PROGRAM), "serve", "--no-scheduler"], port, environment))
            server = stack.enter_context(embedded.running(Path(name)))
            bare = [str(bare_port), server.url(), str(Path(name) / "keys"), token]
            stack.enter_context(
                served(
                    [sys.executable, "-m", "bench.same_statements", "--bare", *bare], bare_port, environment
                )
            )
            made_id = httpx.post(
                f"http://127.0.0.1:{port}{PATH}", content=body(),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            ).json()["id"]  # fmt: skip
            for _ in range(given.rounds):
                for way, kind, at, path in (
                    ("logged through the API", Connection, port, PATH),
                    ("its statements in a bare handler", Connection, bare_port, "/bare"),
                    ("read through the API", Reading, port, f"{PATH}/{made_id}"),
                    ("its statements in a bare handler ", Reading, bare_port, "/bare"),
                ):
                    now = asyncio.run(measured(kind, at, token, path, given.seconds))
                    figures[way] = max(now, figures.get(way, now))
    print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, at {CONCURRENCY}")  # noqa: T201
    print(f"{'':<34} {'calls/s':>9} {'median ms':>10} {'of the floor':>13}")  # noqa: T201
    for (way, (rate, milliseconds)), floor in zip(
        figures.items(), [figures[w][0] for w in list(figures)[1::2] for _ in (0, 1)], strict=True
    ):
        print(f"{way:<34} {rate:>9,.0f} {milliseconds:>10.1f} {rate / floor:>13.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
