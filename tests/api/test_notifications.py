"""Saying where one is told what is due: addresses that a code proves, seen by nobody else."""

from typing import Any

import httpx
import pytest

from mla_tracker.commands.notifications import MOST_CODES, MOST_TRIES
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.counted import as_owner
from tests.builders.telling import code_of

PATH = "/api/v1/me/notifications"
CONFIRM = f"{PATH}/confirm"
ADDRESS = "desk4@justice.example"
NOTHING = {
    "address": None, "confirmed_at": None, "digest": "off", "urgent": False, "suspended_at": None,
    "refused_with": None, "mail_is_sent": False,
}  # fmt: skip


async def put(client: httpx.AsyncClient, wish: dict[str, Any], held: str = "*") -> httpx.Response:
    return await client.put(PATH, json=wish, headers={"If-Match": held})


async def the_code(db: Database, client: httpx.AsyncClient) -> str:
    return await code_of(db, (await client.get("/api/v1/me")).json()["id"])


async def test_an_address_is_given_confirmed_and_forgotten(db: Database, morocco: httpx.AsyncClient) -> None:
    assert (await morocco.get(PATH)).json() == NOTHING
    given = await put(morocco, {"address": ADDRESS, "urgent": False})
    assert given.status_code == 200
    assert given.json() == NOTHING | {"address": ADDRESS, "digest": "daily"}
    confirmed = await morocco.post(CONFIRM, json={"code": await the_code(db, morocco)})
    assert confirmed.json()["confirmed_at"] == "2026-03-10T12:00:00Z"
    changed = await put(morocco, {"address": ADDRESS, "digest": "off"})
    assert changed.json()["confirmed_at"] == "2026-03-10T12:00:00Z"
    assert changed.json()["digest"] == "off"
    for _ in range(2):
        gone = await morocco.delete(PATH)
        assert (gone.status_code, gone.json()) == (200, NOTHING)
    async with db.transaction(DbRole.OWNER) as tx:
        told = await tx.fetch(
            "select what, details from audit_entry where what like 'notification.%' order by position"
        )
    assert [row["what"] for row in told] == [
        "notification.set", "notification.confirmed", "notification.set", "notification.removed",
    ]  # fmt: skip
    assert all(ADDRESS not in row["details"] for row in told)


async def test_a_wish_is_based_on_what_one_has_read(morocco: httpx.AsyncClient) -> None:
    held = (await morocco.get(PATH)).headers["ETag"]
    assert (await morocco.put(PATH, json={"address": ADDRESS})).status_code == 428
    first = await put(morocco, {"address": ADDRESS}, held)
    assert first.status_code == 200
    assert (await put(morocco, {"address": "other@justice.example"}, held)).status_code == 412
    assert (await morocco.get(PATH)).json()["address"] == ADDRESS
    assert (
        await put(morocco, {"address": ADDRESS, "digest": "off"}, first.headers["ETag"])
    ).status_code == 200


async def test_a_wrong_code_is_refused_and_guessing_ends_it(db: Database, morocco: httpx.AsyncClient) -> None:
    assert (await morocco.post(CONFIRM, json={"code": "00000000"})).status_code == 404
    await put(morocco, {"address": ADDRESS})
    right = await the_code(db, morocco)
    wrong = f"{(int(right) + 1) % 10**8:08d}"
    for _ in range(MOST_TRIES):
        refused = await morocco.post(CONFIRM, json={"code": wrong}, headers={"Idempotency-Key": "a-key"})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["pointer"] == "/code"
    ended = await morocco.post(CONFIRM, json={"code": right})
    assert ended.status_code == 409
    assert (await morocco.get(PATH)).json()["confirmed_at"] is None
    await put(morocco, {"address": ADDRESS})
    fresh = await the_code(db, morocco)
    assert fresh != right
    assert (await morocco.post(CONFIRM, json={"code": fresh})).status_code == 200


async def test_a_code_ends_after_an_hour(db: Database, morocco: httpx.AsyncClient, present: Present) -> None:
    await put(morocco, {"address": ADDRESS})
    code = await the_code(db, morocco)
    present.now = NOW.replace(hour=13)
    assert (await morocco.post(CONFIRM, json={"code": code})).status_code == 409


async def test_a_confirmation_told_twice_is_one(db: Database, morocco: httpx.AsyncClient) -> None:
    await put(morocco, {"address": ADDRESS})
    call = {"json": {"code": await the_code(db, morocco)}, "headers": {"Idempotency-Key": "a-key"}}
    first = await morocco.post(CONFIRM, **call)  # type: ignore[arg-type]
    second = await morocco.post(CONFIRM, **call)  # type: ignore[arg-type]
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_codes_are_no_way_to_send_mail_to_strangers(db: Database, morocco: httpx.AsyncClient) -> None:
    answers = []
    for number in range(MOST_CODES + 1):
        given = await put(morocco, {"address": f"victim{number}@elsewhere.example"})
        answers.append(given.status_code)
        await as_owner(db, "update mail set status = 'sent', ended_at = created_at where status = 'waiting'")
    assert answers == [200] * MOST_CODES + [409]


@pytest.mark.parametrize(
    "address",
    [
        "desk",
        "desk@justice.example\r\nBcc: spy@elsewhere.example",
        "Desk <desk@justice.example>",
        "a@b.example, c@d.example",
        "désk@justice.example",
        "x" * 250 + "@justice.example",
        "",
        None,
    ],
)
async def test_junk_is_no_address(morocco: httpx.AsyncClient, address: str | None) -> None:
    refused = await put(morocco, {"address": address})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/address"
    assert (await morocco.get(PATH)).json() == NOTHING


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.INTEGRATION, Role.AUDITOR, Role.ADMIN])
async def test_only_those_who_work_on_cases_are_told(client_of: ClientOf, role: Role) -> None:
    client = await client_of("MA", role=role)
    assert (await put(client, {"address": ADDRESS})).status_code == 403
    assert (await client.get(PATH)).status_code == 403


async def test_a_token_that_may_only_read_redirects_no_mail(client_of: ClientOf) -> None:
    client = await client_of("MA", scopes=[Scope.READ])
    assert (await put(client, {"address": ADDRESS})).status_code == 403
    assert (await client.delete(PATH)).status_code == 403
    assert (await client.get(PATH)).status_code == 200


async def test_nobody_else_reads_an_address_but_an_administrator_can_end_it(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    await put(morocco, {"address": ADDRESS})
    me = (await morocco.get("/api/v1/me")).json()["id"]
    colleague, admin = await client_of("MA"), await client_of("MA", role=Role.ADMIN)
    assert (await colleague.get(PATH)).json() == NOTHING
    assert ADDRESS not in (await admin.get(f"/api/v1/accounts/{me}")).text
    assert (await admin.post(f"/api/v1/accounts/{me}/disable")).status_code == 200
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from notification") == 0
        assert await tx.fetchval("select count(*) from mail") == 0
