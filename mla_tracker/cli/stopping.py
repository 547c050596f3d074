"""Stopping without cutting anything off: a balancer is told first, then nobody is let in, then what runs ends."""

import asyncio
import ctypes
import select
import signal
import socket
import struct
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from mla_tracker.api.health import Check, Finding
from mla_tracker.cli import leaving
from mla_tracker.cli.opening import tell

HANDSHAKE_SECONDS: Final = 0.2
"""How long a connection that is being made may take to be complete before the door closes."""
MOST_TURNS: Final = 1000
MOST_STEPS: Final = 20
SIGNALS: Final = (signal.SIGINT, *leaving.ENDING)

_SO_ATTACH_FILTER: Final = 26
_NO_SYN: Final = (
    (0x30, 0, 0, 13),  # the flags of the TCP header,
    (0x54, 0, 0, 0x12),  # of them SYN and ACK:
    (0x15, 0, 1, 0x02),  # SYN alone asks for a new connection,
    (0x06, 0, 0, 0),  # which is not heard;
    (0x06, 0, 0, 0xFFFFFFFF),  # everything else is.
)


class Stop:
    """How far the stopping of a process has come: asked for by one signal, forced by a second one."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()

    def ask(self) -> None:
        """Stop; asked a second time, at once."""
        if self.asked.is_set():
            self.forced.set()
        self.asked.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take the signals that ask a program to stop, while the block runs."""
        loop = asyncio.get_running_loop()
        # Who starts it with nohup wants it to outlive the terminal, whose end SIGHUP tells.
        heard = [number for number in SIGNALS if number not in leaving.ignored()]
        before = {number: signal.getsignal(number) for number in heard}
        for number in before:
            loop.add_signal_handler(number, self.ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    async def pause(self, seconds: float) -> None:
        """Wait, unless it is forced."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.forced.wait()

    def check(self) -> Check:
        """For /health/ready: whether the node takes new work."""

        async def serving(_tx: object, _now: object) -> Finding:
            if self.asked.is_set():
                return Finding("serving", False, "This node is being stopped: send new calls to another.")
            return Finding("serving", True, "The node takes calls.")

        return serving


async def unless_forced(work: Coroutine[Any, Any, None], stop: Stop) -> None:
    """Do the work to its end, or break it off where stopping is forced: the database undoes what is half done."""
    doing, forced = asyncio.create_task(work), asyncio.create_task(stop.forced.wait())
    with stop.on_signals():
        await asyncio.wait({doing, forced}, return_when=asyncio.FIRST_COMPLETED)
        if stop.forced.is_set():
            tell("Breaking off what runs; nothing half done is kept.")
            await _break_off({doing})
            await _break_off(asyncio.all_tasks() - {doing, forced, asyncio.current_task()})
    forced.cancel()
    with suppress(asyncio.CancelledError):
        await doing


async def _break_off(tasks: set[Any]) -> None:
    """Cancel, again and again: each step of the way out may want to wait for something."""
    left = {task for task in tasks if not task.done()}
    for _ in range(MOST_STEPS):
        if not left:
            return
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.5)


class LastCalls:
    """Wraps an ASGI app: once stopping is asked for, every answer is the last one of its connection."""

    def __init__(self, app: ASGIApp, stop: Stop) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stop.asked.is_set():
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, send_on)


async def close_door(listener: socket.socket) -> None:
    """Let in everybody whose connection is made already, and make no new ones; the event loop does the letting in.

    Who is made to wait by the closing of a socket is cut off: the kernel had accepted it, and resets it. So first no
    request for a connection is heard any more (Linux; elsewhere the queue is merely seen to be empty).
    """
    unheard = _hear_no_syn(listener)
    if unheard:
        await asyncio.sleep(HANDSHAKE_SECONDS)
    for _ in range(MOST_TURNS):
        if not waiting(listener):
            return
        await asyncio.sleep(0)  # the loop lets in all who wait


def waiting(connection: Any) -> bool:
    """Whether something has come on a socket that was not read yet."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _hear_no_syn(listener: socket.socket) -> bool:
    """Put a filter before the listener that drops calls for a new connection; who calls asks again, and is refused."""
    if sys.platform != "linux":
        return False
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    filter_ = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
    except OSError:
        return False
    return True
