"""Any Authorization header at all: the same refusal, never a fault of ours."""

import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mla_tracker.api.app import create_app
from mla_tracker.storage.database import Database
from tests.builders.api import ADDRESS, SETTINGS, Present

ISSUER = "https://login.invalid"
WORDS = st.sampled_from(
    [
        "alg",
        "typ",
        "kid",
        "jwk",
        "crit",
        "none",
        "None",
        "HS256",
        "RS256",
        "at+jwt",
        "JWT",
        "one",
        "iss",
        "sub",
        "exp",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)


def _part(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _is_for_the_provider(header: object) -> bool:
    """Whether only the provider, which cannot be reached here, could tell what is wrong."""
    return isinstance(header, dict) and header.get("alg") == "RS256"


HEADERS = JSON.filter(lambda header: not _is_for_the_provider(header)).map(
    lambda found: json.dumps(found).encode()
)
PARTS = (HEADERS | st.binary(max_size=60)).map(_part)
JWTS = st.builds(lambda *parts: b".".join(parts), PARTS, PARTS, st.binary(max_size=80).map(_part))
TOKENS = st.one_of(
    st.binary(max_size=200),
    st.text(st.characters(codec="ascii"), max_size=60).map(str.encode),
    st.from_regex(rb"\A(mla_|MLA_|mla-)?[A-Za-z0-9_\x00\xff-]{0,60}\Z"),
    JWTS,
    st.builds(lambda jwt, end: jwt + end, JWTS, st.sampled_from([b".", b".a", b"\n", b"\0", b" x", b"="])),
)
SCHEMES = st.sampled_from(
    [b"Bearer ", b"bearer   ", b"BEARER\t", b"Bearer", b"Basic ", b"DPoP ", b"", b"Bearer Bearer "]
)


@pytest.fixture
async def client(db: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an installation whose identity provider cannot be reached."""
    settings = SETTINGS.model_copy(
        update={"oidc_issuer": ISSUER, "oidc_audience": "mla-tracker", "failures_per_minute": 0}
    )
    transport = httpx.ASGITransport(create_app(db, settings, now=Present()))  # type: ignore[arg-type] # two ASGIs
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as made:
        yield made


@given(scheme=SCHEMES, token=TOKENS, twice=st.booleans())
@example(b"Bearer ", b"mla_" + b"A" * 43 + b"\0", False)
@example(b"Bearer ", b"mla_" + b"A" * 43, True)
@example(b"Bearer ", b"x" * 30_000, False)
@example(b"Bearer ", _part(b"[" * 6000) + b".e30.e30", False)
@example(b"Bearer ", _part(b'{"alg":"none"}') + b".e30.", False)
@example(b"Bearer ", _part(b'{"alg":"none"}') + b".e30.e30", False)
@example(b"Bearer ", _part(b'{"alg":' + b"9" * 5000 + b"}") + b".e30.e30", False)
@example(b"Bearer ", "é".encode() + b".\xff.a", False)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_stands_in_the_header_the_answer_is_the_same(
    client: httpx.AsyncClient, scheme: bytes, token: bytes, twice: bool
) -> None:
    header = (b"Authorization", scheme + token)
    plain = await client.get("/api/v1/me")
    answer = await client.get("/api/v1/me", headers=[header, header] if twice else [header])
    assert (answer.status_code, answer.content) == (401, plain.content)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mla-tracker"'
