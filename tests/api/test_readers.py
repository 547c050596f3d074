"""The officers who are named to a confidential request: by whom, of whom, and what if nobody is left."""

from uuid import UUID

import httpx

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import ClientOf
from tests.builders.requests import PATH, act, contents, logged, problem

NOWHERE = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"


async def id_of_account(client: httpx.AsyncClient) -> str:
    return str((await client.get("/api/v1/me")).json()["id"])


async def named(client: httpx.AsyncClient, request_id: str) -> list[str]:
    answer = await client.get(f"{PATH}/{request_id}/readers")
    assert answer.status_code == 200, answer.text
    return [one["account_id"] for one in answer.json()["items"]]


async def sees(client: httpx.AsyncClient, request_id: str) -> bool:
    return (await client.get(f"{PATH}/{request_id}")).status_code == 200


async def test_who_logs_it_is_named_and_names_others_who_see_it_then(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    colleague, machine = await client_of("MA"), await client_of("MA", role=Role.INTEGRATION)
    request = (await logged(morocco, act("sent", "2026-03-02"), handling="confidential"))["id"]
    me = await id_of_account(morocco)
    assert await named(morocco, request) == [me]
    for client in (colleague, machine):
        account = await id_of_account(client)
        assert not await sees(client, request)
        for _ in range(2):
            answer = await morocco.put(f"{PATH}/{request}/readers/{account}")
            assert answer.status_code == 200, answer.text
        assert await sees(client, request)
    everybody = {me, await id_of_account(colleague), await id_of_account(machine)}
    assert set(await named(colleague, request)) == everybody
    gone = await id_of_account(colleague)
    for _ in range(2):
        answer = await morocco.delete(f"{PATH}/{request}/readers/{gone}")
        assert answer.status_code == 200
        assert {one["account_id"] for one in answer.json()["items"]} == everybody - {gone}
    assert not await sees(colleague, request)


async def test_each_side_names_its_own_and_sees_no_other(
    morocco: httpx.AsyncClient, client_of: ClientOf, spain: httpx.AsyncClient, db: Database
) -> None:
    head = await client_of("ES", role=Role.HEAD)
    request = (await logged(morocco, act("sent", "2026-03-02"), handling="confidential"))["id"]
    assert await named(head, request) == []
    before = await contents(db)
    for client, foreign in ((head, morocco), (morocco, spain)):
        account = await id_of_account(foreign)
        strange = await client.put(f"{PATH}/{request}/readers/{account}")
        nobody = await client.put(f"{PATH}/{request}/readers/{NOWHERE}")
        assert (
            problem(strange, 404, "not-found")["detail"].replace(account, NOWHERE) == nobody.json()["detail"]
        )
    assert (await head.delete(f"{PATH}/{request}/readers/{await id_of_account(morocco)}")).status_code == 200
    assert {k: v for k, v in (await contents(db)).items() if k != "audit_entry"} == {
        k: v for k, v in before.items() if k != "audit_entry"
    }
    assert await sees(morocco, request)
    answer = await head.put(f"{PATH}/{request}/readers/{await id_of_account(spain)}")
    assert answer.status_code == 200, answer.text
    assert await named(spain, request) == [await id_of_account(spain)]
    # The head stood in while nobody was named.
    assert not await sees(head, request)
    problem(await head.put(f"{PATH}/{request}/readers/{await id_of_account(head)}"), 404, "not-found")


async def test_only_open_accounts_that_work_on_requests_are_named(
    morocco: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    request = (await logged(morocco, act("sent", "2026-03-02"), handling="confidential"))["id"]
    closed = await id_of_account(await client_of("MA"))
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update account set disabled_at = now() where id = $1", UUID(closed))
    wrong = [closed] + [
        await id_of_account(await client_of("MA", role=role))
        for role in (Role.MINISTRY, Role.AUDITOR, Role.ADMIN)
    ]
    for account in wrong:
        problem(await morocco.put(f"{PATH}/{request}/readers/{account}"), 400, "invalid-entry")
    machine = await client_of("MA", role=Role.INTEGRATION)
    problem(await machine.put(f"{PATH}/{request}/readers/{wrong[0]}"), 403, "not-allowed")
    assert await named(morocco, request) == [await id_of_account(morocco)]


async def test_the_last_one_goes_only_where_a_head_sees_it_then(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    request = (await logged(morocco, act("sent", "2026-03-02"), handling="confidential"))["id"]
    mine = f"{PATH}/{request}/readers/{await id_of_account(morocco)}"
    problem(await morocco.delete(mine), 409, "act-not-possible")
    head = await client_of("MA", role=Role.HEAD)
    assert not await sees(head, request)
    answer = await morocco.delete(mine)
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert not await sees(morocco, request)
    assert await sees(head, request)
    assert await named(head, request) == []


async def test_the_head_stands_in_for_one_whose_account_is_closed(
    morocco: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    head = await client_of("MA", role=Role.HEAD)
    request = (await logged(morocco, act("sent", "2026-03-02"), handling="confidential"))["id"]
    account = await id_of_account(morocco)
    assert not await sees(head, request)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update account set disabled_at = now() where id = $1", UUID(account))
    assert await sees(head, request)
    [reader] = (await head.get(f"{PATH}/{request}/readers")).json()["items"]
    assert (reader["account_id"], reader["closed"]) == (account, True)


async def test_naming_is_told_to_the_audit(
    morocco: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    colleague = await id_of_account(await client_of("MA"))
    request = (await logged(morocco, act("sent", "2026-03-02"), handling="confidential"))["id"]
    await morocco.put(f"{PATH}/{request}/readers/{colleague}")
    await morocco.delete(f"{PATH}/{request}/readers/{colleague}")
    async with db.transaction(DbRole.OWNER) as tx:
        told = [
            row["details"]
            for row in await tx.fetch(
                "select details from audit_entry where what = 'request.readers_changed' order by position"
            )
        ]
    assert len(told) == 2
    assert all(colleague in details for details in told)
