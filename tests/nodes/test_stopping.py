"""A node that is asked to stop: nobody is cut off, the balancer is told first, a second signal is obeyed at once."""

import asyncio
import json
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import asyncpg
import httpx
import pytest

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW
from tests.builders.keys import the_keys
from tests.builders.programs import environment
from tests.builders.requests import PATH, a_request_body, act
from tools.cluster import PROGRAM, api_node, free_port, is_up, process, until

C = 16


async def a_token(url: str) -> str:
    async with await Database.open(url, pool_size=1, vault=the_keys()) as database:
        account = await create_account(database, name="MA", countries=("MA",), role=Role.OFFICER, now=NOW)
        return (await create_token(database, account, now=NOW)).secret


class Load:
    """Clients that log requests without pause, and what they heard."""

    def __init__(self, port: int, token: str, *, keep: bool) -> None:
        self.port = port
        self.heads = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self.keep = keep
        self.acknowledged: set[str] = set()
        self.enough = asyncio.Event()
        self.faults: list[str] = []
        self.refused = 0
        self.told_to_close = 0
        self.statuses: Counter[int] = Counter()

    async def client(self, name: str) -> None:
        """Until the connection is refused. An idle connection that ends between two calls is made anew."""
        connection = None
        for number in range(100_000):
            reference = f"{name}-{number}"
            if connection is None:
                try:
                    connection = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    self.refused += 1
                    return
                except OSError as error:
                    self.faults.append(f"{reference}: connecting: {error!r}")
                    return
            try:
                closing = await self.call(*connection, reference)
            except (OSError, EOFError, asyncio.IncompleteReadError) as error:
                self.faults.append(f"{reference}: {error!r}")
                return
            if closing:
                connection[1].close()
                connection = None

    async def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reference: str) -> bool:
        body = json.dumps(a_request_body(act("sent", "2025-01-06"), external_reference=reference)).encode()
        close = "" if self.keep else "Connection: close\r\n"
        head = f"POST {PATH} HTTP/1.1\r\n{self.heads}Content-Length: {len(body)}\r\n{close}\r\n"
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        answer = await reader.readexactly(int(headers["content-length"]))
        status = int(lines[0].split()[1])
        self.statuses[status] += 1
        if status == 201:
            assert json.loads(answer)["external_reference"] == reference
            self.acknowledged.add(reference)
            if len(self.acknowledged) > 2 * C:
                self.enough.set()
        else:
            self.faults.append(f"{reference}: {status} {answer!r}")
        closing = headers.get("connection") == "close"
        self.told_to_close += closing and self.keep
        return closing


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "node.log"


@pytest.mark.parametrize(
    ("pause", "keep"),
    [("0", True), ("0", False), ("0.6", True)],
    ids=["kept", "each-its-own", "with-a-pause"],
)
def test_under_load_whoever_was_let_in_is_answered_in_full(
    database_url: str, log: Path, pause: str, keep: bool
) -> None:
    token, port = asyncio.run(a_token(database_url)), free_port()
    given = environment(MLA_DATABASE_URL=database_url, MLA_STOP_PAUSE_SECONDS=pause, MLA_LOG_LEVEL="warning")

    async def run(node: "subprocess.Popen[bytes]") -> Load:
        load = Load(port, token, keep=keep)
        connection = await asyncio.open_connection("127.0.0.1", port)
        await load.call(*connection, "the first")  # which makes what all others need, such as calendars
        connection[1].close()
        clients = [asyncio.create_task(load.client(f"c{number}")) for number in range(C)]
        async with asyncio.timeout(60):
            await load.enough.wait()
            node.terminate()
            await asyncio.gather(*clients)
        return load

    with api_node(given, port, log) as node:
        load = asyncio.run(run(node))
        assert node.wait(30) == 0, log.read_text()
    assert load.faults == []
    assert load.refused == C
    assert load.statuses == {201: len(load.acknowledged)}
    if keep:
        assert load.told_to_close >= C, "every connection was told in its last answer that it ends"
    assert asyncio.run(stored(database_url)) == load.acknowledged


async def stored(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch("select external_reference from request")}
    finally:
        await connection.close()


def test_the_balancer_is_told_before_the_door_closes(database_url: str, log: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    given = environment(MLA_DATABASE_URL=database_url, MLA_STOP_PAUSE_SECONDS="1.5", MLA_LOG_LEVEL="warning")
    with (
        process([PROGRAM, "serve"], log, env={**given, "MLA_PORT": str(port)}) as node,
        httpx.Client() as client,
    ):
        until(lambda: is_up(f"{address}/health/ready"), node, log)
        assert client.get(f"{address}/health/ready").status_code == 200
        node.terminate()
        last = time.monotonic() + 5
        while (answer := client.get(f"{address}/health/ready")).status_code == 200:
            assert time.monotonic() < last
        assert answer.status_code == 503
        assert answer.headers["connection"] == "close"
        [serving] = [check for check in answer.json()["checks"] if check["name"] == "serving"]
        assert serving == {
            "name": "serving", "ok": False, "detail": "This node is being stopped: send new calls to another.",
        }  # fmt: skip
        assert client.get(f"{address}/health/live").status_code == 200, "who still comes is served"
        assert node.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            client.get(f"{address}/health/live")


def slow_call(port: int, token: str) -> "subprocess.Popen[bytes]":
    """A call that waits for a lock in the database, made by a process of its own."""
    body = json.dumps(a_request_body(act("sent", "2025-01-06"), external_reference="slow"))
    return subprocess.Popen(
        ["curl", "-sS", "-i", "-m", "30", "-H", f"Authorization: Bearer {token}", "-H",
         "Content-Type: application/json", "-d", body, f"http://127.0.0.1:{port}{PATH}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def until_somebody_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(20):
        while not await connection.fetchval(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ):
            pass


async def test_a_second_signal_breaks_off_what_runs_and_nothing_half_done_stays(
    database_url: str, log: Path
) -> None:
    token, port = await a_token(database_url), free_port()
    given = environment(MLA_DATABASE_URL=database_url, MLA_LOG_LEVEL="warning")
    holder = await asyncpg.connect(database_url)
    with api_node(given, port, log) as node:
        async with holder.transaction():
            await holder.execute("lock table request_event in exclusive mode")
            call = slow_call(port, token)
            await until_somebody_waits(holder)
            node.terminate()
            with pytest.raises(subprocess.TimeoutExpired):
                node.wait(1)
            began = time.monotonic()
            node.terminate()
            assert await asyncio.to_thread(node.wait, 10) == 0
            assert time.monotonic() - began < 6
            call.communicate(timeout=10)
    assert await holder.fetchval("select count(*) from request") == 0
    await holder.close()
    assert "Breaking off" in await asyncio.to_thread(log.read_text)


async def test_a_call_under_way_is_answered_after_the_signal(database_url: str, log: Path) -> None:
    token, port = await a_token(database_url), free_port()
    given = environment(MLA_DATABASE_URL=database_url, MLA_LOG_LEVEL="warning")
    holder = await asyncpg.connect(database_url)
    with api_node(given, port, log) as node:
        async with holder.transaction():
            await holder.execute("lock table request_event in exclusive mode")
            call = slow_call(port, token)
            await until_somebody_waits(holder)
            node.terminate()
            with pytest.raises(subprocess.TimeoutExpired):
                node.wait(1)
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
                pass
        said, _ = await asyncio.to_thread(call.communicate, timeout=20)
        assert said.startswith(b"HTTP/1.1 201"), said
        assert await asyncio.to_thread(node.wait, 20) == 0
    assert await holder.fetchval("select count(*) from request") == 1
    await holder.close()


async def test_a_connection_that_says_nothing_does_not_hold_up_the_end(database_url: str, log: Path) -> None:
    port = free_port()
    given = environment(MLA_DATABASE_URL=database_url, MLA_LOG_LEVEL="warning")
    with api_node(given, port, log) as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        node.terminate()
        assert await reader.read() == b""
        assert await asyncio.to_thread(node.wait, 20) == 0
        assert time.monotonic() - began < 10
        writer.close()
