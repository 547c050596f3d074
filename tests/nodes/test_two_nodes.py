"""Two nodes that know nothing of each other answer as one."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import NOW
from tests.builders.clocks import many_clocks
from tests.builders.requests import PATH, a_request_body, act

Nodes = tuple[httpx.AsyncClient, httpx.AsyncClient]


async def morocco_at(db: Database, nodes: Nodes) -> Any:
    """The token of an officer of Morocco, put on the clients of both nodes."""
    account = await create_account(db, name="MA", countries=("MA",), role=Role.OFFICER, now=NOW)
    token = await create_token(db, account, now=NOW)
    for client in nodes:
        client.headers["Authorization"] = f"Bearer {token.secret}"
    return token


async def logged(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    made = await client.post(PATH, json=a_request_body(act("sent", "2026-03-02"), **fields))
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def test_a_token_revoked_on_one_node_is_refused_by_the_other_at_once(
    db: Database, two_nodes: Nodes
) -> None:
    one, other = two_nodes
    manager = await create_account(db, name="Admin of MA", countries=("MA",), role=Role.ADMIN, now=NOW)
    admin = await create_token(db, manager, now=NOW)
    token = await morocco_at(db, two_nodes)
    for _ in range(3):  # both know it well
        assert [(await client.get("/api/v1/me")).status_code for client in two_nodes] == [200, 200]
    revoked = await one.post(
        f"/api/v1/tokens/{token.id}/revoke", headers={"Authorization": f"Bearer {admin.secret}"}
    )
    assert revoked.status_code == 200, revoked.text
    assert [(await client.get("/api/v1/me")).status_code for client in (other, one)] == [401, 401]


async def test_of_two_changes_of_one_version_on_two_nodes_one_is_made(db: Database, two_nodes: Nodes) -> None:
    await morocco_at(db, two_nodes)
    path = f"{PATH}/{(await logged(two_nodes[0]))['id']}"
    for number in range(8):
        etag = {"If-Match": (await two_nodes[number % 2].get(path)).headers["etag"]}
        answers = await asyncio.gather(
            *(
                client.patch(path, json={"external_reference": f"{number}-{which}"}, headers=etag)
                for which, client in enumerate(two_nodes * 2)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
        [won] = [answer.json()["external_reference"] for answer in answers if answer.status_code == 200]
        for client in two_nodes:
            assert (await client.get(path)).json()["external_reference"] == won


async def test_a_call_repeated_on_the_other_node_is_made_once(db: Database, two_nodes: Nodes) -> None:
    await morocco_at(db, two_nodes)
    for number in range(5):
        body = a_request_body(act("sent", "2026-03-02"), external_reference=f"once-{number}")
        key = {"Idempotency-Key": f"the-same-key-{number}"}
        answers = await asyncio.gather(
            *(client.post(PATH, json=body, headers=key) for client in two_nodes * 3)
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
    other_body = await two_nodes[1].post(PATH, json=a_request_body(act("sent", "2026-03-01")), headers=key)
    assert other_body.status_code == 422
    listed = (await two_nodes[0].get(PATH)).json()["items"]
    assert len(listed) == 5


async def test_two_schedulers_raise_every_flag_once(db: Database, database_url: str) -> None:
    await many_clocks(db, 300, "2026-03-10")
    async with await Database.open(database_url, pool_size=3) as other:
        swept = await asyncio.gather(
            *(flag_due(node, NOW + timedelta(days=1), batch=20) for node in (db, other, db, other))
        )
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow("select count(*) as flags, count(distinct clock_id) as clocks from flag")
    assert row is not None
    assert (row["flags"], row["clocks"]) == (300, 300)
    assert sum(each.raised for each in swept) == 300
    assert sum(each.raised > 0 for each in swept) > 1, "they shared the work"
