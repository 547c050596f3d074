"""Checkpoints of the audit written to another place, where whoever owns the database cannot change them."""

import asyncio
import os
from pathlib import Path
from typing import Final

import httpx

from mla_tracker import tracing

SECONDS: Final = 10.0
MEDIA_TYPE: Final = "text/plain; charset=utf-8"


class NotPublished(Exception):
    """A checkpoint that did not reach the other place; a sentence says why."""


async def append_to_file(path: Path, note: str) -> None:
    """Append a signed note to a file, with an empty line after it, and wait until it has reached the disk.

    Raises NotPublished.
    """
    try:
        await asyncio.to_thread(_append, path, note)
    except OSError as error:
        raise NotPublished(f"The checkpoint could not be appended to {path} ({error.strerror}).") from error


def _append(path: Path, note: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    with os.fdopen(handle, "ab") as file:
        file.write(f"{note}\n".encode())
        file.flush()
        os.fsync(file.fileno())


async def post(url: str, note: str, *, seconds: float = SECONDS) -> None:
    """Send a signed note to an address. Raises NotPublished unless it answers with 2xx in time."""
    try:
        with tracing.calling("publish a checkpoint") as headers:
            async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds) as client:
                headers["Content-Type"] = MEDIA_TYPE
                answer = await client.post(url, content=note.encode(), headers=headers)
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise NotPublished(f"The checkpoint could not be sent to {_host(url)} ({reason}).") from error
    if not answer.is_success:
        raise NotPublished(f"{_host(url)} answered {answer.status_code} and did not take the checkpoint.")


def _host(url: str) -> str:
    """The address without what may be secret in it."""
    return httpx.URL(url).host
