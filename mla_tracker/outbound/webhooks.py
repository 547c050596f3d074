"""One signed call in the form of Standard Webhooks: within a time, a size, and without being led elsewhere.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import ipaddress
import json
import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from mla_tracker.outbound.addresses import (
    AddressRefused,
    NameUnknown,
    Network,
    Resolve,
    address_of,
    is_allowed,
    resolve,
)

CONNECT_SECONDS: Final = 3.0
WHOLE_SECONDS: Final = 10.0
MOST_BYTES: Final = 16 * 1024
LONGEST_HOST: Final = 253
"""Names of DNS are no longer."""

SECRET_PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Reach:
    """Where calls may go: the networks inside the house, and whether without TLS too. `context`: whom TLS trusts.

    `seconds`: how long a call may take in all.
    """

    networks: Sequence[Network] = ()
    http: bool = False
    resolve: Resolve = resolve
    context: ssl.SSLContext | None = None
    seconds: float = WHOLE_SECONDS

    @classmethod
    def of(cls, networks: Sequence[str], *, http: bool) -> Self:
        """As the operator has set it."""
        return cls(tuple(ipaddress.ip_network(each) for each in networks), http)


class NotDelivered(Exception):
    """A call that did not succeed: a word for why, and the status of the answer if there was one."""

    def __init__(self, fault: str, status: int | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.status = status


def fault_of_url(url: str, reach: Reach) -> str | None:
    """What is wrong with an address, as a sentence; None: it can be called, as far as it can be told without asking."""
    wrong = "Give an https address in ASCII with a host, and without user, password or fragment."
    try:
        parts = urlsplit(url)
        sound = (
            0 < len(parts.hostname or "") <= LONGEST_HOST
            and "@" not in parts.netloc
            and parts.port != 0
            and "#" not in url
        )
        host = host_of(url)
    except (ValueError, httpx.InvalidURL, UnicodeError):
        return wrong
    if not sound or not url.isascii() or any(char <= " " or char == "\\" for char in url):
        return wrong
    if parts.scheme != "https" and not (parts.scheme == "http" and reach.http):
        return (
            "Give an https address. Whether http may be called is for the operator to set (MLA_WEBHOOK_HTTP)."
        )
    if host != parts.hostname:  # two readings of one address
        return wrong
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return None
    if is_allowed(literal, reach.networks):
        return None
    return (
        "Not an address of the public internet. Ask the operator to allow its network (MLA_WEBHOOK_NETWORKS)."
    )


def host_of(url: str) -> str:
    """The host of an address that has no fault, in ASCII as it is called."""
    return httpx.URL(url).raw_host.decode("ascii")


def new_secret() -> str:
    """A secret to sign with, as the specification writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def body_of(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """The body of a call."""
    content = {"type": kind, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(content, separators=(",", ":")).encode()


def headers_of(message_id: str, body: bytes, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of a call that is made at `now`, signed with each of the secrets."""
    signatures = [Webhook(key).sign(message_id, now, body.decode()) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
        "user-agent": "mla-tracker",
    }


async def call(url: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> int:
    """Make the call; gives the status, which is one of success. Raises NotDelivered.

    Nothing of the answer is kept but its status; a redirect is not followed, and is no success.
    """
    try:
        async with asyncio.timeout(reach.seconds):
            status = await _status(url, body, headers, reach)
    except AddressRefused as error:
        raise NotDelivered("address_refused") from error
    except NameUnknown as error:
        raise NotDelivered("name_unknown") from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise NotDelivered("too_slow") from error
    except (httpx.ConnectError, OSError) as error:
        raise NotDelivered("tls" if "SSL" in str(error) else "no_connection") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotDelivered("no_answer") from error
    if not 200 <= status < 300:
        raise NotDelivered("redirect" if 300 <= status < 400 else "status", status)
    return status


async def _status(url: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> int:
    if fault_of_url(url, reach) is not None:  # it may have been allowed once
        raise AddressRefused(url)
    named = httpx.URL(url)
    port = named.port or (443 if named.scheme == "https" else 80)
    address = await address_of(host_of(url), port, reach.networks, reach.resolve)
    # Called is the address that was looked at; the host keeps its name, for TLS and for whoever serves several.
    pinned = named.copy_with(host=address)
    told = {**headers, "host": named.netloc.decode("ascii")}
    async with httpx.AsyncClient(
        verify=reach.context or _trusted(),
        timeout=httpx.Timeout(reach.seconds, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    ) as client:
        extensions = {"sni_hostname": named.raw_host.decode("ascii")}
        request = client.build_request("POST", pinned, content=body, headers=told, extensions=extensions)
        answer = await client.send(request, stream=True)
        try:
            read = 0
            if answer.is_success:
                # Whoever is cut off while he still answers may think that it failed; who never ends is cut off.
                async for part in answer.aiter_raw():
                    read += len(part)
                    if read > MOST_BYTES:
                        break
        finally:
            await answer.aclose()
        return answer.status_code


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
