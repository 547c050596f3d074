"""HTTP over a real socket: whom the server believes, and what it neither waits for nor stores."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from litestar.types import Receive, Scope, Send
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from mla_tracker.api.edge import MOST_URL_BYTES, SECURITY, Edge, Hosts
from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.cli import http_server
from mla_tracker.cli.http_server import MOST_HEAD_BYTES, MOST_MESSAGE_BYTES, server_config
from mla_tracker.settings import Settings

MUCH = 64 * 1024 * 1024


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `/early` before the body is read, `/large` with much, and all else with what came."""
    body = b""
    if scope["path"] == "/large":
        body = b"x" * MUCH
    elif scope["path"] != "/early":
        more = True
        while more:
            message: Any = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[int]:
    """The app below the edge, served on a free port; gives the port."""
    edge = Edge(app, HttpMetrics(CollectorRegistry()), Hosts(["tests"]))
    config = server_config(edge, Settings(**settings), host="127.0.0.1", port=0)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def exchange(port: int, *sent: bytes, seconds: float = 10) -> bytes:
    """What comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in sent:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(seconds):
            return await reader.read()
    finally:
        writer.close()


def call(*headers: str, path: str = "/", method: str = "GET") -> bytes:
    return "\r\n".join(
        [f"{method} {path} HTTP/1.1", "Host: tests", "Connection: close", *headers, "", ""]
    ).encode()


def problem(answer: bytes) -> tuple[int, str]:
    """Status and type of a problem that stands alone, with every header that is due to it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert b"content-type: application/problem+json" in lines
    assert {name + b": " + value for name, value in SECURITY} <= set(lines)
    told = json.loads(body)
    assert int(head.split()[1]) == told["status"]
    return told["status"], told["type"]


FORGED = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")


@pytest.mark.parametrize(
    ("proxies", "believed"),
    [((), False), (("10.0.0.1",), False), (("127.0.0.1",), True), (("127.0.0.0/8", "::1"), True)],
)
async def test_what_a_proxy_says_of_the_client_is_believed_only_from_a_trusted_one(
    proxies: tuple[str, ...], believed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # which uvicorn reads, if it is let
    with capture_logs() as lines:
        async with serving(trusted_proxies=proxies) as port:
            answer = await exchange(port, call(*FORGED))
    [line] = [line for line in lines if line["event"] == "request"]
    assert line["client"] == ("203.0.113.9" if believed else "127.0.0.1")
    assert (b"strict-transport-security" in answer) is believed


async def test_what_the_client_wrote_before_the_proxy_is_not_believed() -> None:
    with capture_logs() as lines:
        async with serving(trusted_proxies=("127.0.0.1",)) as port:
            await exchange(port, call("X-Forwarded-For: 10.9.9.9, 203.0.113.9"))
    assert [line["client"] for line in lines if line["event"] == "request"] == ["203.0.113.9"]


async def test_a_head_that_does_not_end_is_not_stored_without_end() -> None:
    async with serving() as port:
        endless = b"GET / HTTP/1.1\r\nHost: tests\r\nX-Wide: " + b"x" * (MOST_HEAD_BYTES + 1)
        assert problem(await exchange(port, endless)) == (431, "/problems/headers-too-large")
        many = b"GET / HTTP/1.1\r\nHost: tests\r\n" + b"A: b\r\n" * MOST_HEAD_BYTES
        assert problem(await exchange(port, many)) == (431, "/problems/headers-too-large")
        long = b"GET /" + b"x" * (MOST_HEAD_BYTES + 1)
        assert problem(await exchange(port, long)) == (414, "/problems/url-too-long")


async def test_a_head_that_is_too_large_and_does_end_is_refused_by_the_edge() -> None:
    async with serving() as port:
        for path, headers, status in [
            ("/" + "x" * MOST_URL_BYTES, [], 414),
            ("/", ["X-Wide: " + "x" * 40_000], 431),
            ("/", ["A: b"] * 100, 431),
        ]:
            assert problem(await exchange(port, call(*headers, path=path)))[0] == status


async def test_who_sends_nothing_or_half_a_head_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.2)
    async with serving() as port:
        assert await exchange(port) == b""
        assert problem(await exchange(port, b"GET / HT")) == (408, "/problems/request-timeout")
        assert problem(await exchange(port, b"\r\n\r\n"))[0] == 408
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: tests\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"GE")  # half a second request on the connection that was kept
        async with asyncio.timeout(10):
            assert problem(await reader.read())[0] == 408
        writer.close()


async def test_a_body_in_tiny_pieces_or_with_an_endless_trailer_is_not_stored_without_end() -> None:
    head = call("Transfer-Encoding: chunked", method="POST", path="/")
    async with serving() as port:
        answer = await exchange(port, head, b"1\r\nx\r\n0\r\nA: ", b"b" * (MOST_MESSAGE_BYTES + 1))
    assert b"200 OK" not in answer


async def test_who_goes_on_sending_what_was_refused_is_not_listened_to_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "LINGER_SECONDS", 0.2)
    sent = 0
    async with serving() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /early HTTP/1.1\r\nHost: tests\r\nContent-Length: 9000000\r\n\r\n")
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(10):
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
                    sent += 1
    assert sent < 100


async def test_who_does_not_take_the_answer_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "SEND_SECONDS", 0.2)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(call(path="/large"))
        await asyncio.sleep(1)  # takes nothing meanwhile
        received = 0
        with pytest.raises(ConnectionError):
            while chunk := await reader.read(1 << 20):
                received += len(chunk)
            raise ConnectionError  # a clean end, of too little, says the same
        writer.close()
    assert received < MUCH


async def test_one_connection_too_many_is_told_so_and_the_others_stay() -> None:
    async with serving(max_connections=2) as port:
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.1)
        refused = await exchange(port)
        assert problem(refused) == (503, "/problems/too-busy")
        assert b"retry-after: 2" in refused
        for reader, writer in kept:
            writer.write(call())
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
        await asyncio.sleep(0.1)
        assert (await exchange(port, call())).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_what_is_no_http_gets_a_problem(junk: bytes) -> None:
    with capture_logs() as lines:
        async with serving() as port:
            assert problem(await exchange(port, junk)) == (400, "/problems/bad-request")
    assert {"event": "refused", "problem": "bad-request", "client": "127.0.0.1", "log_level": "info"} in lines


async def test_an_upgrade_that_nobody_offers_is_answered_as_if_it_had_not_been_asked_for() -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: tests\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    async with serving() as port:
        assert (await exchange(port, upgrade)).startswith(b"HTTP/1.1 200")


async def test_a_call_of_no_host_or_of_two_is_refused() -> None:
    async with serving() as port:
        for hosts in (b"", b"Host: tests\r\nHost: evil\r\n", b"Host: evil\r\n"):
            answer = await exchange(port, b"GET / HTTP/1.1\r\nConnection: close\r\n" + hosts + b"\r\n")
            assert problem(answer)[0] == 421
        absolute = call(path="http://evil/")
        assert (await exchange(port, absolute)).startswith(b"HTTP/1.1 200"), "the Host header alone counts"
