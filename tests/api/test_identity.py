"""Bearer tokens of an identity provider: a real one, and everything that can be wrong with what it signs."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from litestar.types import ASGIApp

from mla_tracker.api.app import create_app
from mla_tracker.commands.accounts import Identity, NewAccount, create_account, disable_account, open_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import ADDRESS, SETTINGS, Present
from tests.builders.identity import AUDIENCE, Provider, a_key, node_or_skip, signed

ONE, OTHER = a_key("one"), a_key("other")
ME = "/api/v1/me"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """The provider, not yet started."""
    made = Provider(node_or_skip(), tmp_path)
    yield made
    made.stop()


@pytest.fixture
def present() -> Present:
    """The provider knows only the real time."""
    real = Present()
    real.now = datetime.now(UTC)
    return real


@pytest.fixture
def app(db: Database, present: Present, provider: Provider) -> ASGIApp:
    settings = SETTINGS.model_copy(
        update={"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "failures_per_minute": 0}
    )
    return create_app(db, settings, now=present)


@pytest.fixture
async def officer(db: Database, provider: Provider) -> UUID:
    """The account of the client `officer-of-rabat`."""
    entry = NewAccount("Rabat", ["MA"], Role.OFFICER, Identity(provider.issuer, "officer-of-rabat"))
    return (await open_account(db, entry, actor=None, now=datetime.now(UTC))).id


async def shown(client: httpx.AsyncClient, token: str, path: str = ME) -> httpx.Response:
    return await client.get(path, headers={"Authorization": f"Bearer {token}"})


async def test_a_token_of_the_provider_acts_as_the_account_with_its_subject(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    answer = await shown(anonymous, await provider.token(scope="mla:read mla:write"))
    assert answer.status_code == 200
    found = answer.json()
    assert (found["id"], found["role"], found["countries"]) == (str(officer), "officer", ["MA"])
    assert (found["scopes"], found["token_id"]) == (["read", "write"], None)
    ends = datetime.fromisoformat(found["expires_at"])
    assert timedelta(minutes=9) < ends - present.now < timedelta(minutes=11)


async def test_a_token_may_do_what_its_scope_says_and_none_of_ours_is_reading(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    for token in (
        await provider.token(scope="mla:read"),
        signed(ONE, provider.issuer, present.now, scope=None),
    ):
        assert (await shown(anonymous, token)).json()["scopes"] == ["read"]
        refused = await anonymous.post(
            "/api/v1/requests", json={}, headers={"Authorization": f"Bearer {token}"}
        )
        assert refused.status_code == 403
        assert refused.json()["type"] == "/problems/insufficient-scope"
        assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="write"'


async def test_who_has_no_account_or_shows_a_token_for_others_is_nobody(
    db: Database, anonymous: httpx.AsyncClient, provider: Provider, officer: UUID
) -> None:
    provider.start(ONE)
    strange = [
        await provider.token("nobody"),
        await provider.token(resource="urn:elsewhere"),
    ]
    answers = [await shown(anonymous, token) for token in strange]
    good = await provider.token()
    assert (await shown(anonymous, good)).status_code == 200
    await disable_account(db, officer, now=datetime.now(UTC))
    answers += [await shown(anonymous, good), await anonymous.get(ME)]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


async def test_new_keys_are_found_by_their_name_and_old_ones_end_with_the_next_look(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    old = signed(ONE, provider.issuer, present.now, exp=present.now.timestamp() + 3600)
    assert (await shown(anonymous, old)).status_code == 200
    provider.start(OTHER)
    new = await provider.token()
    assert (await shown(anonymous, new)).status_code == 401  # asked a moment ago
    assert (await shown(anonymous, old)).status_code == 200
    present.now += timedelta(seconds=31)
    assert (await shown(anonymous, new)).status_code == 200
    assert (await shown(anonymous, old)).status_code == 401


async def test_keys_that_are_old_are_asked_for_again(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    old = signed(ONE, provider.issuer, present.now, exp=present.now.timestamp() + 3600)
    assert (await shown(anonymous, old)).status_code == 200
    provider.start(OTHER)
    present.now += timedelta(minutes=15)
    assert (await shown(anonymous, old)).status_code == 401


async def test_strange_names_of_keys_do_not_tire_out_the_provider(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    for number in range(40):
        token = signed(OTHER, provider.issuer, present.now, header={"kid": f"junk {number}"})
        assert (await shown(anonymous, token)).status_code == 401
        present.now += timedelta(seconds=1)
    assert await provider.times_asked() == 2


async def test_a_provider_that_is_down_stops_its_own_tokens_alone(
    db: Database, anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    ours = await create_token(
        db,
        await create_account(db, name="x", countries=["MA"], role=Role.OFFICER, now=present.now),
        now=present.now,
    )
    token = signed(ONE, provider.issuer, present.now)
    for _ in range(2):
        answer = await shown(anonymous, token)
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/identity-provider-unavailable"
        assert answer.headers["Retry-After"] == "30"
    assert (await shown(anonymous, ours.secret)).status_code == 200
    assert (await shown(anonymous, "a.b.c")).status_code == 401
    provider.start(ONE)
    present.now += timedelta(seconds=31)
    assert (await shown(anonymous, token)).status_code == 200


async def test_keys_that_are_held_serve_for_a_day_while_the_provider_is_down(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    began = present.now
    long = signed(ONE, provider.issuer, began, exp=began.timestamp() + 3 * 86_400)
    assert (await shown(anonymous, long)).status_code == 200
    provider.stop()
    for hours, status in [(1, 200), (23, 200), (24, 503)]:
        present.now = began + timedelta(hours=hours)
        assert (await shown(anonymous, long)).status_code == status


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def forgeries(issuer: str, now: datetime) -> dict[str, str]:
    """Tokens that must not be taken, by what is wrong with them."""
    at = now.timestamp()
    good = signed(ONE, issuer, now)
    header, claims, signature = good.split(".")
    public = ONE.as_pem(private=False)

    def by_hmac(secret: bytes, algorithm: str = "HS256") -> str:
        head = part({"alg": algorithm, "typ": "at+jwt", "kid": "one"})
        mac = hmac.new(secret, f"{head}.{claims}".encode(), hashlib.sha256).digest()
        return f"{head}.{claims}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    with_claims: dict[str, dict[str, Any]] = {
        "expired beyond the skew": {"exp": at - 61},
        "for another audience": {"aud": "elsewhere"},
        "for other audiences": {"aud": ["elsewhere", "mla-tracker/"]},
        "for no audience": {"aud": None},
        "of another issuer": {"iss": f"{issuer}/"},
        "of no issuer": {"iss": None},
        "not yet valid": {"nbf": at + 61},
        "made in the future": {"iat": at + 61},
        "without an end": {"exp": None},
        "without a beginning": {"iat": None},
        "an end that is a text": {"exp": str(at + 600)},
        "an end that is true": {"exp": True},
        "an end without end": {"exp": float("inf")},
        "an end that is no number": {"exp": float("nan")},
        "an end beyond all calendars": {"exp": 10**400},
        "an end beyond the calendar": {"exp": 10**15},
        "a beginning that is null within a list": {"nbf": [None]},
        "of nobody": {"sub": None},
        "of a number": {"sub": 1},
        "of a subject with a NUL": {"sub": "officer-of-rabat\0"},
        "of a subject without end": {"sub": "x" * 256},
    }
    with_header: dict[str, dict[str, Any]] = {
        "a logout token": {"typ": "logout+jwt"},
        "with a kind that is no text": {"typ": ["at+jwt"]},
        "with an extension that must be understood": {"crit": ["b64"], "b64": False},
        "with a key named by nothing known": {"kid": "two"},
    }
    return {
        "unsigned": f"{part({'alg': 'none', 'typ': 'at+jwt', 'kid': 'one'})}.{claims}.{signature}",
        "unsigned, spelt otherwise": f"{part({'alg': 'nOnE', 'typ': 'at+jwt', 'kid': 'one'})}.{claims}.x",
        "signed with the public key as a secret": by_hmac(public),
        "the same, said to be RS256": by_hmac(public, "RS256"),
        "signed with the key set as a secret": by_hmac(json.dumps(ONE.as_dict(private=False)).encode()),
        "signed by a key of the same name": signed(a_key("one"), issuer, now),
        "with another's claims": f"{header}.{part({'sub': 'admin-of-rabat'})}.{signature}",
        "with a key that it brings along": signed(
            OTHER, issuer, now, header={"kid": "one", "jwk": OTHER.as_dict(private=False)}
        ),
        "with half a signature": good[:-200],
        "with a header that is a list": f"{part([1])}.{claims}.{signature}",
        "with a header without end": f"{part_of_brackets()}.{claims}.{signature}",
        "with a key named by a list": f"{part({'alg': 'RS256', 'kid': ['one']})}.{claims}.{signature}",
        "of half a character": by_hand({}, part({**told_in(good), "sub": "\ud800"})),
        "with claims that are a list": by_hand({}, part([told_in(good)])),
        "with claims that are no text": by_hand({}, "_w"),
        "with claims without end": by_hand({}, part_of_brackets()),
        "too long": f"{header}.{claims}.{signature * 40}",
        **{name: signed(ONE, issuer, now, **changed) for name, changed in with_claims.items()},
        **{name: by_hand(changed, claims) for name, changed in with_header.items()},
    }


def told_in(token: str) -> dict[str, Any]:
    claims = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return found


def part_of_brackets() -> str:
    return base64.urlsafe_b64encode(b"[" * 4000).decode().rstrip("=")


def by_hand(header: dict[str, Any], claims: str) -> str:
    """Signed with the provider's key, since the library makes no such thing."""
    head = part({"alg": "RS256", "typ": "at+jwt", "kid": "one", **header})
    assert ONE.private_key is not None
    signature = ONE.private_key.sign(f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_what_is_forged_stale_or_meant_for_others_is_refused_like_no_token_at_all(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    assert (await shown(anonymous, await provider.token())).status_code == 200
    sound = signed(ONE, provider.issuer, present.now)
    assert (await shown(anonymous, by_hand({}, sound.split(".")[1]))).status_code == 200
    same = (await anonymous.get(ME)).content
    for name, token in forgeries(provider.issuer, present.now).items():
        answer = await shown(anonymous, token)
        assert (answer.status_code, answer.content) == (401, same), name
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mla-tracker"'


async def test_clocks_may_differ_by_a_minute(
    anonymous: httpx.AsyncClient, provider: Provider, officer: UUID, present: Present
) -> None:
    provider.start(ONE)
    at = present.now.timestamp()
    for claims in ({"exp": at - 59}, {"nbf": at + 59}, {"iat": at + 59}, {"aud": ["x", AUDIENCE]}):
        token = signed(ONE, provider.issuer, present.now, **claims)
        assert (await shown(anonymous, token)).status_code == 200, claims


async def test_without_a_provider_its_tokens_are_none(db: Database, present: Present) -> None:
    transport = httpx.ASGITransport(create_app(db, SETTINGS, now=present))  # type: ignore[arg-type] # two ASGIs
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        token = signed(ONE, "http://127.0.0.1:1", present.now)
        assert (await shown(client, token)).status_code == 401
