"""One JSON document from one address, within a time, a size, and without being led elsewhere."""

import asyncio
import ipaddress
import json
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from mla_tracker import tracing

CONNECT_SECONDS: Final = 3.0
WHOLE_SECONDS: Final = 5.0
MOST_BYTES: Final = 256 * 1024


class FetchFailed(Exception):
    """The document did not come, or is none; the sentence says which and holds no secret."""


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine itself, where nobody else listens in."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_safe(url: str) -> bool:
    """Whether what comes from an address comes from whom it names: over TLS, or from this machine itself."""
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.username is None and not parts.fragment and parts.port != 0
        return sound and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))
    except ValueError:
        return False


async def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at an address. Raises FetchFailed; follows no redirect."""
    if not is_safe(url):
        raise FetchFailed(f"{url} is not an https address.")
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            body = await _body(url)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise FetchFailed(f"{url} cannot be read ({type(error).__name__}: {error}).") from error
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchFailed(f"{url} holds no JSON.") from error
    if not isinstance(document, dict):
        raise FetchFailed(f"{url} holds no JSON object.")
    return document


async def _body(url: str) -> bytes:
    limits = httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS)
    # A proxy of the environment is for the world outside.
    client = httpx.AsyncClient(timeout=limits, follow_redirects=False, trust_env=not is_loopback(url))
    with tracing.calling("fetch a document") as headers:
        async with (
            client,
            client.stream("GET", url, headers={"Accept": "application/json", **headers}) as answer,
        ):
            return await _taken(url, answer)


async def _taken(url: str, answer: httpx.Response) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise FetchFailed(f"{url} answered {answer.status_code}.")
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > MOST_BYTES:
            raise FetchFailed(f"{url} is larger than {MOST_BYTES} bytes.")
    return bytes(body)
