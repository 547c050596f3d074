"""The outermost layer, around every answer there is: id, log, metrics, security headers, HEAD."""

import re
import time
from collections.abc import Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.api.problems import MEDIA_TYPE, problem_of

Headers = list[tuple[bytes, bytes]]

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}\Z")
_SECURITY: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

log = structlog.get_logger(__name__)


class Edge:
    """Wraps an ASGI app. A route's own header wins over the one that would be set here."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = str(scope["type"])
        if kind == "http":
            await self._serve(dict(scope), receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no websockets here"})
        else:
            await self._app(scope, receive, send)

    async def _serve(self, outer: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        method = str(outer["method"])
        scope: Any = {**outer, "method": "GET" if method == "HEAD" else method}
        request_id = _request_id(outer["headers"])
        status, sent = 0, 0

        async def send_on(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(
                    message.get("headers", ()), request_id, https=scope["scheme"] == "https"
                )
            elif message["type"] == "http.response.body":
                if method == "HEAD":
                    message["body"] = b""
                sent += len(message["body"])
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_on)
            except Exception as error:
                log.exception("failed outside any route")
                if status:
                    raise
                await _send_problem(error, send_on)
            finally:
                seconds = time.perf_counter() - began
                route = scope.get("path_template")
                self._metrics.observe(method, route, status or 500, seconds)
                actor = scope.get("auth")
                log.info(
                    "request",
                    method=method,
                    path=quote(outer["path"]),
                    route=route,
                    status=status,
                    bytes=sent,
                    milliseconds=round(seconds * 1000, 1),
                    client=(outer.get("client") or ("",))[0],
                    account=str(actor.account_id) if actor is not None else None,
                )


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's id if it sent a sound one, so that logs can be joined across systems; else a fresh one."""
    for name, value in headers:
        if name.lower() == b"x-request-id" and _REQUEST_ID.match(value):
            return value.decode("ascii")
    return uuid4().hex


def _with_headers(headers: Iterable[tuple[bytes, bytes]], request_id: str, *, https: bool) -> Headers:
    given = [
        (name.lower(), _with_head(value) if name.lower() == b"allow" else value) for name, value in headers
    ]
    names = {name for name, _ in given}
    ours = [*_SECURITY, (b"x-request-id", request_id.encode()), *([_HSTS] if https else [])]
    return [*given, *(header for header in ours if header[0] not in names)]


def _with_head(allow: bytes) -> bytes:
    """HEAD is answered wherever GET is."""
    methods = {method.strip() for method in allow.split(b",")}
    return b", ".join(sorted(methods | ({b"HEAD"} if b"GET" in methods else set())))


async def _send_problem(error: Exception, send: Send) -> None:
    problem = problem_of(error)
    body = problem.body()
    headers: Headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
    ]
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
