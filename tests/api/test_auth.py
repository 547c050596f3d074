"""Who is calling: tokens in all their states, and what a role may do."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import structlog
from litestar.connection import ASGIConnection

from mla_tracker.api.auth import Credential, origin_of, settle
from mla_tracker.commands.accounts import create_account, create_token, disable_account, revoke_token
from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.accounts import tokens
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import NOW, ClientOf, Present


async def test_one_learns_who_one_is(client_of: ClientOf) -> None:
    head = await client_of("MA", "ES", role=Role.HEAD)
    answer = await head.get("/api/v1/me")
    assert answer.status_code == 200
    assert {name: value for name, value in answer.json().items() if name not in {"id", "token_id"}} == {
        "name": "MA-ES head",
        "role": "head",
        "countries": ["ES", "MA"],
        "scopes": ["read", "write", "manage"],
        "expires_at": None,
    }


async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    db: Database, anonymous: httpx.AsyncClient, present: Present
) -> None:
    account = await create_account(db, name="Rabat", countries=["MA"], role=Role.OFFICER, now=NOW)
    closed = await create_account(db, name="Closed", countries=["MA"], role=Role.OFFICER, now=NOW)
    expired = await create_token(db, account, now=NOW, expires_at=NOW + timedelta(hours=1))
    revoked = await create_token(db, account, now=NOW)
    disabled = await create_token(db, closed, now=NOW)
    await revoke_token(db, revoked.id, now=NOW)
    await disable_account(db, closed, now=NOW)
    present.now = NOW + timedelta(hours=1)
    headers = [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer mla_{'A' * 43}"},
        {"Authorization": f"Bearer {expired.secret}"},
        {"Authorization": f"Bearer {revoked.secret}"},
        {"Authorization": f"Bearer {disabled.secret}"},
        {"Authorization": f"Bearer {revoked.secret} "},
    ]
    answers = [await anonymous.get("/api/v1/me", headers=header) for header in headers]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)


async def test_the_token_is_checked_before_anything_else_is_read(anonymous: httpx.AsyncClient) -> None:
    for path in ("/api/v1/requests?nonsense=1", "/api/v1/me?nonsense=1"):
        assert (await anonymous.get(path)).status_code == 401
    wrong = await anonymous.post("/api/v1/deadlines", content=b"{", headers={"Content-Type": "text/plain"})
    assert wrong.status_code == 401


async def test_an_id_in_the_path_that_is_none_is_not_found(morocco: httpx.AsyncClient) -> None:
    for name in ("1", "019b6f2e8f7a7c3d9b1e2f4a6c8d0e12", "{019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12}", "%00"):
        answer = await morocco.get(f"/api/v1/requests/{name}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/not-found"


async def test_the_use_of_a_token_is_noted_at_most_once_a_minute(
    db: Database, morocco: httpx.AsyncClient, present: Present
) -> None:
    async def noted() -> object:
        await settle()
        async with db.transaction(DbRole.OWNER) as tx:
            return (await tokens(tx))[0].last_used_at

    for seconds, seen in [(0, 0), (59, 0), (61, 61)]:
        present.now = NOW + timedelta(seconds=seconds)
        await morocco.get("/api/v1/me")
        assert await noted() == NOW + timedelta(seconds=seen)


def test_it_is_known_from_where_by_which_token_and_in_which_request_somebody_acts() -> None:
    scope: Any = {"type": "http", "client": ("192.0.2.7", 40000), "headers": []}
    connection = ASGIConnection[Any, Any, Any, Any](scope)
    actor = Actor(UUID(int=1), ("MA",), Role.OFFICER, "x")
    with structlog.contextvars.bound_contextvars(request_id="request-0001"):
        by_token = origin_of(connection, Credential(actor, UUID(int=2), None))
        by_identity = origin_of(connection, Credential(actor, None, NOW))
    assert by_token == Origin("192.0.2.7", f"token {UUID(int=2)}", "request-0001")
    assert by_identity.credential == "oidc"
