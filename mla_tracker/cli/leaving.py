"""How a command is asked to end by a signal: it is broken off between two steps, and clears up on its way out."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
"""Besides SIGINT, which Python itself turns into a KeyboardInterrupt, and asyncio into a cancelling of its task."""

Done = TypeVar("Done")


def take_signals() -> None:
    """Let a request to end be an exception, so that what was started is stopped on the way out."""
    for number in ENDING:
        if number not in ignored():
            signal.signal(number, _leave)


def ignored() -> set[signal.Signals]:
    """What the program was started to outlive: `nohup` has it ignore the end of its terminal."""
    return {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()


def ignore_signals() -> None:
    """The exit code stands already, and is to be told: whoever asks now to end comes too late."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def run(work: Coroutine[Any, Any, Done]) -> Done:
    """Do the work in an event loop, like asyncio.run; who asks the program to end has its task cancelled.

    An exception out of a signal's handler may come in the middle of whatever the loop does, and not all of that
    survives it: the driver of the database is C, which drops the exception or crashes.
    """
    asked: list[int] = []
    try:
        return asyncio.run(_until_asked(work, asked))
    except asyncio.CancelledError:
        if asked:
            raise SystemExit(128 + asked[0]) from None
        raise


async def _until_asked(work: Coroutine[Any, Any, Done], asked: list[int]) -> Done:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def leave(number: int, _: FrameType | None) -> None:
        asked.append(number)
        loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is _leave:
            signal.signal(number, leave)
    try:
        return await work
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
