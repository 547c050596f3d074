"""Tokens of accounts over HTTP: rotated, revoked, told once, and good for what their scopes say."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database, DbRole
from tests.builders.account_calls import ACCOUNTS, AN_OFFICER, ME, TOKENS, bearing, opened, token_for
from tests.builders.api import NOW, ClientOf, Present


@pytest.fixture
async def admin(client_of: ClientOf) -> httpx.AsyncClient:
    """The administrator of Morocco."""
    return await client_of("MA", role=Role.ADMIN)


async def test_a_token_rotates_itself_and_the_old_one_lives_on_for_the_overlap(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient, present: Present
) -> None:
    account = await opened(admin)
    old = await token_for(
        admin, account, name="night job", scopes=["read"], expires_at="2026-03-20T12:00:00Z"
    )
    present.now = NOW + timedelta(days=3)
    answer = await anonymous.post(
        f"{TOKENS}/{old['id']}/rotate", json={"overlap_hours": 2}, headers=bearing(old)
    )
    assert answer.status_code == 201
    new = answer.json()
    assert (new["name"], new["scopes"], new["expires_at"]) == ("night job", ["read"], "2026-03-23T12:00:00Z")
    assert new["secret"] != old["secret"]
    for hours, of_old in [(0, 200), (1.99, 200), (2, 401)]:
        present.now = NOW + timedelta(days=3, hours=hours)
        assert (await anonymous.get(ME, headers=bearing(old))).status_code == of_old
        assert (await anonymous.get(ME, headers=bearing(new))).status_code == 200
    listed = (await admin.get(f"{ACCOUNTS}/{account['id']}/tokens")).json()["items"]
    assert [each["replaced_by"] for each in listed] == [new["id"], None]


async def test_a_token_is_rotated_once_and_never_outlives_its_end_by_it(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient, present: Present
) -> None:
    account = await opened(admin)
    old = await token_for(admin, account, expires_at="2026-03-10T13:00:00Z")
    answers = await asyncio.gather(
        *(anonymous.post(f"{TOKENS}/{old['id']}/rotate", json={}, headers=bearing(old)) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + 5 * [409]
    assert (await admin.post(f"{TOKENS}/{old['id']}/rotate", json={})).status_code == 409
    present.now = NOW + timedelta(hours=1)
    assert (await anonymous.get(ME, headers=bearing(old))).status_code == 401
    revoked = await token_for(admin, account)
    await admin.post(f"{TOKENS}/{revoked['id']}/revoke")
    assert (await admin.post(f"{TOKENS}/{revoked['id']}/rotate", json={})).status_code == 409


async def test_an_overlap_of_nothing_ends_the_old_token_at_once(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    old = await token_for(admin, await opened(admin))
    assert (await admin.post(f"{TOKENS}/{old['id']}/rotate", json={"overlap_hours": 0})).status_code == 201
    assert (await anonymous.get(ME, headers=bearing(old))).status_code == 401


async def test_one_rotates_and_revokes_ones_own_and_nobody_elses(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    account = await opened(admin)
    mine, also_mine = await token_for(admin, account, scopes=["read"]), await token_for(admin, account)
    foreign = await token_for(admin, await opened(admin, name="another"))
    headers = bearing(mine)
    for token, status in ((also_mine, 403), (foreign, 403)):
        answer = await anonymous.post(f"{TOKENS}/{token['id']}/rotate", json={}, headers=headers)
        assert answer.status_code == status
    assert (await anonymous.post(f"{TOKENS}/{foreign['id']}/revoke", headers=headers)).status_code == 404
    assert (await anonymous.post(f"{TOKENS}/{uuid4()}/revoke", headers=headers)).status_code == 404
    for token in (also_mine, mine):
        assert (await anonymous.post(f"{TOKENS}/{token['id']}/revoke", headers=headers)).status_code == 200
        assert (await anonymous.get(ME, headers=bearing(token))).status_code == 401
    assert (await anonymous.get(ME, headers=bearing(foreign))).status_code == 200


async def test_a_repeated_call_tells_no_secret_and_makes_no_second_token(admin: httpx.AsyncClient) -> None:
    account = await opened(admin)
    key = {"Idempotency-Key": "once"}
    path = f"{ACCOUNTS}/{account['id']}/tokens"
    first, again = [await admin.post(path, json={}, headers=key) for _ in range(2)]
    told = first.json()
    rotated = [await admin.post(f"{TOKENS}/{told['id']}/rotate", json={}, headers=key) for _ in range(2)]
    for one, other in ((first, again), rotated):
        assert (one.status_code, other.status_code) == (201, 201)
        assert (one.json()["notice"], other.json()["secret"]) == (None, None)
        assert "told in the answer to the first call" in other.json()["notice"]
        assert other.headers["Idempotency-Replayed"] == "true"
        assert one.json()["id"] == other.json()["id"]
        assert one.json()["secret"] not in other.text
    assert len((await admin.get(path)).json()["items"]) == 2
    made = [await admin.post(ACCOUNTS, json=AN_OFFICER, headers=key) for _ in range(2)]
    assert made[0].json()["id"] == made[1].json()["id"]


async def test_a_secret_is_nowhere_in_the_database(db: Database, admin: httpx.AsyncClient) -> None:
    token = await token_for(admin, await opened(admin))
    async with db.transaction(DbRole.OWNER) as tx:
        for table in ("account", "api_token", "idempotency_key"):
            rows = await tx.fetchval(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")
            assert token["secret"] not in rows
            assert token["secret"].removeprefix("mla_") not in rows


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [([Scope.READ], {"read"}), ([Scope.WRITE], {"write"}), ([Scope.MANAGE], {"manage"})],
)
async def test_a_token_does_only_what_its_scopes_say(
    scopes: list[Scope], allowed: set[str], client_of: ClientOf
) -> None:
    head = await client_of("MA", role=Role.HEAD, scopes=scopes)
    calls = {
        "read": head.get("/api/v1/requests"),
        "write": head.post("/api/v1/requests", json={}),
        "manage": head.post("/api/v1/limits", json={}),
    }
    for scope, call in calls.items():
        answer = await call
        lacking = f'Bearer error="insufficient_scope", scope="{scope}"'
        assert (answer.status_code == 403) is (scope not in allowed)
        assert answer.headers.get("WWW-Authenticate") == (None if scope in allowed else lacking)
    assert (await head.get(ME)).json()["scopes"] == [scope.value for scope in scopes]


async def test_who_may_not_read_reads_no_text_in_the_answer_to_what_he_writes(client_of: ClientOf) -> None:
    body = {
        "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
        "subject": "A secret subject",
    }  # fmt: skip
    writer = await client_of("MA", scopes=[Scope.WRITE])
    made = await writer.post("/api/v1/requests", json=body)
    assert (made.status_code, made.json()["subject"]) == (201, None)
    reader = await client_of("MA", scopes=[Scope.READ])
    assert (await reader.get(made.headers["Location"])).json()["subject"] == "A secret subject"
