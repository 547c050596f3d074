"""How HTTP is spoken: uvicorn, told whom to believe, and kept from waiting for or storing whatever is sent to it."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mla_tracker.api import problems
from mla_tracker.api.edge import MOST_HEADER_BYTES, MOST_URL_BYTES, SECURITY
from mla_tracker.api.problems import Problem
from mla_tracker.api.routes import MAX_BODY
from mla_tracker.cli.stopping import waiting
from mla_tracker.settings import Settings

DRAIN_SECONDS: Final = 20
IDLE_SECONDS: Final = 75
"""Above what balancers and clients keep a connection for; else one is closed here while it is used again there."""
HEAD_SECONDS: Final = 20
SEND_SECONDS: Final = 60
LINGER_SECONDS: Final = 2

MOST_HEAD_BYTES: Final = MOST_URL_BYTES + 2 * MOST_HEADER_BYTES
"""Of a request line and headers that are not complete yet; beyond, more is read only to be thrown away."""
MOST_MESSAGE_BYTES: Final = 8 * MAX_BODY
"""Of one request with the framing of its pieces, whatever the route takes."""


def server_config(application: Any, settings: Settings, **given: Any) -> uvicorn.Config:
    """uvicorn's settings; nothing is left to variables of the environment that it would read by itself."""
    return uvicorn.Config(
        application,
        lifespan="on",
        http=Guarded,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **given,
    )


log = structlog.get_logger(__name__)


class Guarded(HttpToolsProtocol):
    """uvicorn's protocol, which stores heads of any size and waits for them for ever, with an end to both.

    What is refused here never becomes a request, and has a line of its own in the log; the answer is a problem like
    any other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn's own answer to too many is plain text, and comes only after the head of the request.
        self._most_connections = self.limit_concurrency or 0
        self.limit_concurrency = None
        self._in_head = True
        self._unread = 0
        self._answered = False
        self._refused = False
        self._head_timer: TimerHandle | None = None
        self._send_timer: TimerHandle | None = None
        self._end_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take the connection, or refuse it when there are too many."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > self._most_connections:
            self.refuse(
                Problem(
                    problems.TOO_BUSY,
                    "The server has as many connections open as it takes. Connect again in a moment.",
                    headers={"Retry-After": str(problems.RETRY_AFTER_SECONDS)},
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that waits."""
        for timer in (self._head_timer, self._send_timer, self._end_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, while it is within bounds."""
        if self._refused:
            return
        self._unread += len(data)
        if self._in_head and self._head_timer is None:
            self._wait_for_head()
        super().data_received(data)
        if self._in_head and self._unread > MOST_HEAD_BYTES:
            too_long = len(getattr(self, "url", b"")) > MOST_URL_BYTES
            kind = problems.URL_TOO_LONG if too_long else problems.HEADERS_TOO_LARGE
            self.refuse(
                Problem(kind, "The head of the request is longer than what is read. Send a shorter one.")
            )
        elif self._unread > MOST_MESSAGE_BYTES:
            self.refuse(Problem(problems.TOO_LARGE, "The request is longer than any that is read."))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what comes after the body is of no use to us."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete; what follows is the body."""
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; what follows is the next one."""
        self._in_head = True
        self._unread = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered. Who is still sending the body of what was refused is not listened to for long."""
        super().on_response_complete()
        self._answered = True
        if not self._in_head and not self.pipeline:
            self._end_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def shutdown(self) -> None:
        """Take no further request; but one that has come already, or for which the client has just connected."""
        if self._answering:
            super().shutdown()
        elif not self._unread and not waiting(self.transport.get_extra_info("socket")):
            if self._answered:
                self.transport.close()
            else:
                self._end_timer = self._after(LINGER_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if not self._unread and not self._answering:
            self.transport.close()

    def pause_writing(self) -> None:
        """The client takes nothing more for the moment; for a while only."""
        super().pause_writing()
        self._send_timer = self._after(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client goes on reading."""
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets a problem, too."""
        self.refuse(Problem(problems.BAD_REQUEST, "The request could not be read as HTTP demands."))

    def refuse(self, problem: Problem) -> None:
        """Answer and read no more. Closing at once would take the answer from who is still sending."""
        self._refused = True
        log.info("refused", problem=problem.kind.slug, client=self.client[0] if self.client else None)
        if self.transport.is_closing():
            return
        if self._answering:
            self.transport.close()  # an earlier answer is under way, and ours must not get into it
            return
        self.transport.write(_as_http(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._end_timer = self._after(LINGER_SECONDS, self.transport.abort)

    @property
    def _answering(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._head_timer = self._after(HEAD_SECONDS, self._head_did_not_come)

    def _head_did_not_come(self) -> None:
        self._head_timer = None
        if self._answering:
            self._wait_for_head()  # the earlier request is still worked on
        elif not self._unread:
            self.transport.close()
        else:
            self.refuse(
                Problem(
                    problems.TIMED_OUT,
                    f"The head of the request did not arrive within {HEAD_SECONDS} seconds.",
                )
            )

    def _after(self, seconds: float, act: Callable[[], None]) -> TimerHandle:
        return self.loop.call_later(seconds, act)


def _as_http(problem: Problem) -> bytes:
    status = HTTPStatus(problem.kind.status)
    body = problem.body()
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        *SECURITY,
    ]
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}".encode(),
        *(name + b": " + value for name, value in headers),
    ]
    return b"\r\n".join([*lines, b"", body])
