"""An identity provider that publishes what it should not, or nothing at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from mla_tracker.outbound.fetching import FetchFailed, fetch_json, is_safe
from mla_tracker.outbound.identity import DISCOVERY, IdentityProvider, ProviderUnavailable, TokenRefused
from tests.builders.identity import AUDIENCE, a_key, signed

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
KEY = a_key("one")

Pages = dict[str, bytes]
Answer = Callable[[str], Awaitable[bytes]]


def page(content: Any, *, status: str = "200 OK", header: str = "") -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{header}Connection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """A server on loopback that answers each path as told; gives its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(await answer(request.split()[1].decode()))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def publishing(keys: Any, *, discovery: Callable[[str], bytes] | None = None) -> AsyncIterator[str]:
    """A provider with a key set; `discovery` makes its first page from its address."""

    async def answer(path: str) -> bytes:
        if path == DISCOVERY:
            usual = page({"issuer": address, "jwks_uri": f"{address}/keys"})
            return usual if discovery is None else discovery(address)
        return page(keys)

    async with serving(answer) as address:
        yield address


def published(*keys: RSAKey | ECKey | OctKey, **more: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), **more} for key in keys]}


async def test_a_token_is_taken_by_the_key_that_is_published() -> None:
    async with publishing(published(KEY)) as issuer:
        provider = IdentityProvider(issuer, AUDIENCE, "RS256")
        assert (await provider.claims_of(signed(KEY, issuer, NOW), NOW)).subject == "officer-of-rabat"


async def test_a_single_key_needs_no_name() -> None:
    claims = {"aud": AUDIENCE, "sub": "x", "iat": NOW.timestamp(), "exp": NOW.timestamp() + 60}
    async with publishing(published(KEY)) as issuer:
        nameless = jwt.encode({"alg": "RS256"}, {"iss": issuer, **claims}, KEY)
        provider = IdentityProvider(issuer, AUDIENCE, "RS256")
        assert (await provider.claims_of(nameless, NOW)).subject == "x"
    async with publishing(published(KEY, a_key("two"))) as issuer:
        nameless = jwt.encode({"alg": "RS256"}, {"iss": issuer, **claims}, KEY)
        with pytest.raises(TokenRefused):
            await IdentityProvider(issuer, AUDIENCE, "RS256").claims_of(nameless, NOW)


async def test_another_algorithm_is_taken_only_where_it_is_the_one_that_is_set() -> None:
    key = ECKey.generate_key("P-256", {"kid": "curve"})
    async with publishing(published(key, KEY)) as issuer:
        claims = {
            "iss": issuer,
            "aud": AUDIENCE,
            "sub": "x",
            "iat": NOW.timestamp(),
            "exp": NOW.timestamp() + 60,
        }
        token = jwt.encode({"alg": "ES256", "kid": "curve"}, claims, key)
        assert (await IdentityProvider(issuer, AUDIENCE, "ES256").claims_of(token, NOW)).subject == "x"
        with pytest.raises(TokenRefused):
            await IdentityProvider(issuer, AUDIENCE, "RS256").claims_of(token, NOW)
        with pytest.raises(TokenRefused):
            await IdentityProvider(issuer, AUDIENCE, "ES256").claims_of(signed(KEY, issuer, NOW), NOW)


@pytest.mark.parametrize(
    "keys",
    [
        {"keys": []},
        {"keys": "none"},
        {},
        {
            "keys": [
                1,
                None,
                {},
                {"kty": "RSA"},
                {"kty": "RSA", "n": "!", "e": "AQAB"},
                {"kty": "new", "kid": "one"},
            ]
        },
        {"keys": [KEY.as_dict(private=True)]},
        published(KEY, use="enc"),
        published(KEY, alg="RS512"),
        published(RSAKey.generate_key(1024, {"kid": "one"})),
        {"keys": [OctKey.generate_key(256, {"kid": "one"}).as_dict(private=True)]},
    ],
    ids=[
        "empty",
        "no list",
        "no set",
        "junk",
        "private",
        "for secrecy",
        "of another algorithm",
        "weak",
        "a secret",
    ],
)
async def test_keys_that_are_of_no_use_are_none(keys: Any) -> None:
    async with publishing(keys) as issuer:
        provider = IdentityProvider(issuer, AUDIENCE, "RS256")
        with pytest.raises(ProviderUnavailable):
            await provider.claims_of(signed(KEY, issuer, NOW), NOW)


@pytest.mark.parametrize(
    "discovery",
    [
        lambda at: page({"issuer": f"{at}/", "jwks_uri": f"{at}/keys"}),
        lambda at: page({"jwks_uri": f"{at}/keys"}),
        lambda at: page({"issuer": at}),
        lambda at: page({"issuer": at, "jwks_uri": "http://keys.example/"}),
        lambda at: page({"issuer": at, "jwks_uri": f"{at}@keys.example/"}),
        lambda at: page({"issuer": at, "jwks_uri": "file:///etc/passwd"}),
        lambda at: page({"issuer": at, "jwks_uri": 1}),
        lambda at: page([at]),
        lambda _: page(b"<html>"),
        lambda _: page(b"[" * 100_000),
        lambda at: page({"issuer": at, "jwks_uri": f"{at}/keys", "long": "x" * 300_000}),
        lambda at: page(b"", status="302 Found", header=f"Location: {at}/keys\r\n"),
        lambda _: page({}, status="500 Internal Server Error"),
        lambda _: b"nonsense\r\n\r\n",
        lambda _: b"",
    ],
)
async def test_what_a_provider_publishes_wrongly_is_as_if_it_did_not_answer(
    discovery: Callable[[str], bytes],
) -> None:
    async with publishing(published(KEY), discovery=discovery) as issuer:
        provider = IdentityProvider(issuer, AUDIENCE, "RS256")
        with pytest.raises(ProviderUnavailable):
            await provider.claims_of(signed(KEY, issuer, NOW), NOW)


async def test_a_provider_that_hangs_is_given_up_and_meanwhile_keys_that_are_held_serve() -> None:
    hangs, hanging, asked = asyncio.Event(), asyncio.Event(), 0

    async def answer(path: str) -> bytes:
        nonlocal asked
        asked += 1
        if hangs.is_set():
            hanging.set()
            await asyncio.sleep(60)
        return page({"issuer": issuer, "jwks_uri": f"{issuer}/keys"} if path == DISCOVERY else published(KEY))

    async with serving(answer) as issuer:
        provider = IdentityProvider(issuer, AUDIENCE, "RS256")
        later = NOW + timedelta(minutes=20)
        token = signed(KEY, issuer, NOW, exp=later.timestamp() + 60)
        await provider.claims_of(token, NOW)
        hangs.set()
        first = asyncio.create_task(provider.claims_of(token, later))
        await hanging.wait()
        others = await asyncio.wait_for(
            asyncio.gather(*(provider.claims_of(token, later) for _ in range(20))), timeout=2
        )
        assert len(others) == 20
        assert not first.done()
        assert (await asyncio.wait_for(first, timeout=10)).subject == "officer-of-rabat"
        assert asked == 3


async def test_many_callers_at_once_ask_once() -> None:
    asked = 0

    async def answer(path: str) -> bytes:
        nonlocal asked
        asked += 1
        return page({"issuer": issuer, "jwks_uri": f"{issuer}/keys"} if path == DISCOVERY else published(KEY))

    async with serving(answer) as issuer:
        provider = IdentityProvider(issuer, AUDIENCE, "RS256")
        token = signed(KEY, issuer, NOW)
        await asyncio.gather(*(provider.claims_of(token, NOW) for _ in range(20)))
    assert asked == 2


async def test_nothing_is_fetched_over_an_open_line() -> None:
    for address in (
        "http://example.org/",
        "ftp://example.org",
        "//example.org",
        "",
        "https://",
        "https://a@b/",
        "http://[::1",
    ):
        assert not is_safe(address)
        with pytest.raises(FetchFailed):
            await fetch_json(address)
    for address in (
        "https://example.org/realms/x",
        "http://localhost:1/",
        "http://127.8.9.1:1",
        "http://[::1]:1/",
    ):
        assert is_safe(address)
