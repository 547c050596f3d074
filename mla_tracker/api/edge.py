"""The outermost layer, around every answer there is: host, sizes, id, log, metrics, security headers, HEAD."""

import re
import time
from collections.abc import Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from mla_tracker import tracing
from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.api.problems import (
    HEADERS_TOO_LARGE,
    MEDIA_TYPE,
    UNKNOWN_HOST,
    URL_TOO_LONG,
    Problem,
    problem_of,
)

Headers = list[tuple[bytes, bytes]]

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}\Z")
MOST_URL_BYTES: Final = 8 * 1024
MOST_HEADER_BYTES: Final = 32 * 1024
MOST_HEADERS: Final = 100
SECURITY: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (b"x-permitted-cross-domain-policies", b"none"),
    (b"x-dns-prefetch-control", b"off"),
    (b"cache-control", b"no-store"),
)
_FEEDS: Final = re.compile(r"calendar-feeds?/+", re.IGNORECASE)
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::\d{1,5})?\Z")
_HEALTH: Final = "/health/"
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

log = structlog.get_logger(__name__)


class Hosts:
    """The names under which an installation answers: exact ones, `*.example.org` for all below it, `*` for any."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names)
        self._below = tuple(name[1:] for name in self._names if name.startswith("*."))

    def take(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether the request is for one of them. One without a Host, or with two, is for none."""
        if "*" in self._names:
            return True
        given = [value for name, value in headers if name.lower() == b"host"]
        match = _HOST.match(given[0].decode("latin-1").lower()) if len(given) == 1 else None
        if match is None:
            return False
        host = match[1].rstrip(".")
        return host in self._names or host.endswith(self._below)


class Edge:
    """Wraps an ASGI app. A route's own header wins over the one that would be set here."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, hosts: Hosts) -> None:
        self.app = app
        self._metrics = metrics
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = str(scope["type"])
        if kind == "http":
            with tracing.serving(scope["headers"]) as span:
                await self._serve(dict(scope), receive, send, span)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no websockets here"})
        else:
            await self.app(scope, receive, send)

    async def _serve(
        self, outer: MutableMapping[str, Any], receive: Receive, send: Send, span: tracing.Span
    ) -> None:
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
                if (refusal := self._refusal(outer)) is not None:
                    await _send_problem(refusal, send_on)
                else:
                    await self.app(scope, receive, send_on)
            except Exception as error:
                log.exception("failed outside any route")
                if status:
                    raise
                await _send_problem(error, send_on)
            finally:
                seconds = time.perf_counter() - began
                route = scope.get("path_template")
                self._metrics.observe(method, route, status or 500, seconds)
                span.answered(method, route, status or 500)
                actor = scope.get("auth")
                log.info(
                    "request",
                    method=method,
                    path=path_told(outer["path"]),
                    route=route,
                    status=status,
                    bytes=sent,
                    milliseconds=round(seconds * 1000, 1),
                    client=(outer.get("client") or ("",))[0],
                    account=str(actor.account_id) if actor is not None else None,
                )

    def _refusal(self, scope: MutableMapping[str, Any]) -> Problem | None:
        """What keeps a request from being looked at; for health it is the sizes alone, since probes go by address."""
        headers = scope["headers"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_URL_BYTES:
            return Problem(
                URL_TOO_LONG,
                f"Path and query may be {MOST_URL_BYTES} bytes long. Filter by fewer values at once.",
            )
        if (
            len(headers) > MOST_HEADERS
            or sum(len(name) + len(value) for name, value in headers) > MOST_HEADER_BYTES
        ):
            return Problem(
                HEADERS_TOO_LARGE, f"Send at most {MOST_HEADERS} headers of {MOST_HEADER_BYTES} bytes in all."
            )
        if not scope["path"].startswith(_HEALTH) and not self._hosts.take(headers):
            return Problem(
                UNKNOWN_HOST,
                "This installation does not answer for the host that the call names. Call it by a name that it "
                "knows, or have the operator add this one to the setting MLA_ALLOWED_HOSTS.",
            )
        return None


def path_told(path: str) -> str:
    """A path as logs and traces may have it: of a calendar feed the address is the secret, so it ends before that."""
    found = _FEEDS.search(path)
    return quote(path) if found is None else f"{quote(path[: found.end()])}…"


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
    ours = [*SECURITY, (b"x-request-id", request_id.encode()), *([_HSTS] if https else [])]
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
