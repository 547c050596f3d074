"""Accounts and tokens as an administrator keeps them, within his own countries."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from mla_tracker.commands.accounts import create_account, disable_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database, DbRole
from tests.builders.account_calls import ACCOUNTS, AN_OFFICER, ME, TOKENS, bearing, id_of, opened, token_for
from tests.builders.api import NOW, ClientOf, Present


@pytest.fixture
async def admin(client_of: ClientOf) -> httpx.AsyncClient:
    """The administrator of Morocco."""
    return await client_of("MA", role=Role.ADMIN)


async def test_an_administrator_opens_an_account_and_its_token_works(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    answer = await admin.post(ACCOUNTS, json=AN_OFFICER)
    assert answer.status_code == 201
    account = answer.json()
    assert answer.headers["Location"] == f"{ACCOUNTS}/{account['id']}"
    assert (await admin.get(answer.headers["Location"])).json() == account
    ends = "2026-04-01T00:00:00Z"
    token = await token_for(admin, account, name="laptop", scopes=["read", "write"], expires_at=ends)
    me = (await anonymous.get(ME, headers=bearing(token))).json()
    assert me == {
        "id": account["id"], "name": "Desk 4", "role": "officer", "countries": ["MA"], "scopes": ["read", "write"],
        "token_id": token["id"], "expires_at": ends,
    }  # fmt: skip
    listed = (await admin.get(f"{ACCOUNTS}/{account['id']}/tokens")).json()["items"]
    assert [each["id"] for each in listed] == [token["id"]]
    assert token["secret"] not in str(listed)
    assert [each["id"] for each in (await admin.get(f"{ACCOUNTS}?role=officer")).json()["items"]] == [
        account["id"]
    ]


async def test_the_list_of_accounts_is_paged(admin: httpx.AsyncClient) -> None:
    made = [(await opened(admin, name=f"Desk {number}"))["id"] for number in range(5)]
    seen, cursor = [], ""
    while True:
        page = (await admin.get(f"{ACCOUNTS}?limit=2&role=officer{cursor}")).json()
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 5


async def test_accounts_of_others_are_as_if_they_did_not_exist(
    db: Database, admin: httpx.AsyncClient, client_of: ClientOf
) -> None:
    spaniard = await client_of("ES")
    of_both = await client_of("ES", "MA", role=Role.ADMIN)
    there_is_none = str(uuid4())
    answers: dict[str, set[tuple[int, str]]] = {}
    for account in (await id_of(spaniard), await id_of(of_both), there_is_none):
        token = await create_token(db, UUID(account), now=NOW) if account != there_is_none else None
        token_id = str(token.id) if token else there_is_none
        for name, call in {
            "read": admin.get(f"{ACCOUNTS}/{account}"),
            "tokens": admin.get(f"{ACCOUNTS}/{account}/tokens"),
            "token": admin.post(f"{ACCOUNTS}/{account}/tokens", json={}),
            "change": admin.patch(f"{ACCOUNTS}/{account}", json={"name": "x"}, headers={"If-Match": "*"}),
            "disable": admin.post(f"{ACCOUNTS}/{account}/disable"),
            "rotate": admin.post(f"{TOKENS}/{token_id}/rotate", json={}),
            "revoke": admin.post(f"{TOKENS}/{token_id}/revoke"),
        }.items():
            answer = await call
            said = answer.text.replace(account, "…").replace(token_id, "…")
            answers.setdefault(name, set()).add((answer.status_code, said))
        if token:
            me = await admin.get(ME, headers={"Authorization": f"Bearer {token.secret}"})
            assert me.status_code == 200
    assert {name: len(found) for name, found in answers.items()} == dict.fromkeys(answers, 1)
    assert {status for found in answers.values() for status, _ in found} == {404}
    listed = (await admin.get(ACCOUNTS)).json()["items"]
    assert [each["id"] for each in listed] == [await id_of(admin)]
    both = {each["id"] for each in (await of_both.get(ACCOUNTS)).json()["items"]}
    assert both == {await id_of(admin), await id_of(spaniard), await id_of(of_both)}


async def test_an_administrator_opens_no_account_for_another_country(admin: httpx.AsyncClient) -> None:
    for countries in (["ES"], ["MA", "ES"]):
        answer = await admin.post(ACCOUNTS, json=AN_OFFICER | {"countries": countries})
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["pointer"] == "/countries"


async def test_what_is_wrong_with_an_account_is_named(admin: httpx.AsyncClient, present: Present) -> None:
    wrong = await admin.post(ACCOUNTS, json={"name": " ", "countries": [], "role": "king", "admin": True})
    assert wrong.status_code == 400
    assert {fault["pointer"] for fault in wrong.json()["errors"]} == {
        "/name",
        "/countries",
        "/role",
        "/admin",
    }
    unknown = await admin.post(ACCOUNTS, json=AN_OFFICER | {"oidc_subject": "x"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (400, "/oidc_subject")
    account = await opened(admin)
    for body, pointer in [
        ({"expires_at": "2026-03-10T12:00:00Z"}, "/expires_at"),
        ({"expires_at": "2399-12-31T00:00:00Z"}, "/expires_at"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["all"]}, "/scopes/0"),
        ({"name": "a\0b"}, "/name"),
    ]:
        answer = await admin.post(f"{ACCOUNTS}/{account['id']}/tokens", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    token = await token_for(admin, account)
    for hours in (-1, 169, "24", None):
        answer = await admin.post(f"{TOKENS}/{token['id']}/rotate", json={"overlap_hours": hours})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/overlap_hours")


async def test_a_changed_account_has_a_new_version_and_a_stale_change_is_refused(
    admin: httpx.AsyncClient,
) -> None:
    account = await opened(admin)
    path = f"{ACCOUNTS}/{account['id']}"
    assert (await admin.patch(path, json={"name": "x"})).status_code == 428
    changed = await admin.patch(path, json={"name": "Desk 5"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["name"], changed.headers["ETag"]) == (200, "Desk 5", '"2"')
    stale = await admin.patch(path, json={"name": "Desk 6"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    same = await admin.patch(path, json={}, headers={"If-Match": "*"})
    assert (same.json()["name"], same.json()["version"]) == ("Desk 5", 2)
    for field in ("role", "countries"):
        refused = await admin.patch(path, json={field: "admin"}, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, f"/{field}")


async def test_a_disabled_account_is_out_at_once_and_for_good(
    admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    account = await opened(admin)
    token = await token_for(admin, account)
    for _ in range(2):
        done = await admin.post(f"{ACCOUNTS}/{account['id']}/disable")
        assert (done.status_code, done.json()["disabled_at"], done.json()["version"]) == (
            200,
            "2026-03-10T12:00:00Z",
            2,
        )
    assert (await anonymous.get(ME, headers=bearing(token))).status_code == 401
    for call in (
        admin.post(f"{ACCOUNTS}/{account['id']}/tokens", json={}),
        admin.post(f"{TOKENS}/{token['id']}/rotate", json={}),
        admin.patch(f"{ACCOUNTS}/{account['id']}", json={"name": "x"}, headers={"If-Match": "*"}),
    ):
        answer = await call
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/account-conflict")
    assert [each["id"] for each in (await admin.get(f"{ACCOUNTS}?disabled=true")).json()["items"]] == [
        account["id"]
    ]


async def test_the_last_administrator_of_a_country_stays(
    admin: httpx.AsyncClient, client_of: ClientOf
) -> None:
    me = await id_of(admin)
    refused = await admin.post(f"{ACCOUNTS}/{me}/disable")
    assert (refused.status_code, refused.json()["facts"]) == (409, {"country": "MA"})
    await client_of("ES", role=Role.ADMIN)
    await opened(admin, role="head")
    assert (await admin.post(f"{ACCOUNTS}/{me}/disable")).status_code == 409
    other = await client_of("MA", role=Role.ADMIN)
    assert (await admin.post(f"{ACCOUNTS}/{me}/disable")).status_code == 200
    assert (await admin.get(ME)).status_code == 401
    assert (await other.post(f"{ACCOUNTS}/{await id_of(other)}/disable")).status_code == 409


@pytest.mark.parametrize("country", ["BE", "FR", "DE", "IT", "PT"])
async def test_two_administrators_who_disable_each_other_at_once_leave_one(
    client_of: ClientOf, country: str
) -> None:
    one, other = await client_of(country, role=Role.ADMIN), await client_of(country, role=Role.ADMIN)
    first, second = await id_of(one), await id_of(other)
    answers = await asyncio.gather(
        one.post(f"{ACCOUNTS}/{second}/disable"), other.post(f"{ACCOUNTS}/{first}/disable")
    )
    alive = [client for client in (one, other) if (await client.get(ME)).status_code == 200]
    assert len(alive) == 1
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 409])


async def test_an_administrator_cannot_lift_himself(
    db: Database, admin: httpx.AsyncClient, client_of: ClientOf, anonymous: httpx.AsyncClient
) -> None:
    keeper = await client_of("MA", role=Role.ADMIN, scopes=[Scope.MANAGE])
    me = (await keeper.get(ME)).json()
    wide = await create_token(db, UUID(me["id"]), now=NOW)
    assert (await keeper.post(f"{ACCOUNTS}/{me['id']}/tokens", json={})).status_code == 403
    assert (await keeper.post(f"{TOKENS}/{wide.id}/rotate", json={})).status_code == 403
    assert (await keeper.get("/api/v1/requests")).json()["type"] == "/problems/insufficient-scope"
    for body in ({"oidc_subject": None}, {"name": "x", "oidc_subject": None}):
        refused = await keeper.patch(f"{ACCOUNTS}/{me['id']}", json=body, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (403, "/oidc_subject")
    rotated = await keeper.post(f"{TOKENS}/{me['token_id']}/rotate", json={})
    assert (rotated.status_code, rotated.json()["scopes"]) == (201, ["manage"])


async def test_the_program_itself_answers_under_the_runtime_role_alone(db: Database) -> None:
    async with db.transaction(DbRole.API) as tx:
        for function in ("mla_bearer(bytea)", "mla_bearer(text,text)", "mla_has_accounts(text,text[],uuid)"):
            for_all, ours = await tx.fetchrow(
                "select has_function_privilege('public', $1, 'execute'), has_function_privilege($1, 'execute')",
                function,
            ) or (None, None)
            assert (for_all, ours) == (False, True)
        assert not await tx.fetchval("select has_table_privilege('account', 'delete')")
        assert not await tx.fetchval("select has_column_privilege('account', 'role', 'update')")
        assert not await tx.fetchval("select has_column_privilege('account', 'countries', 'update')")
        assert not await tx.fetchval("select has_column_privilege('api_token', 'token_hash', 'update')")
        assert not await tx.fetchval("select has_column_privilege('api_token', 'scopes', 'update')")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_nobody_else_manages_accounts(role: Role, client_of: ClientOf) -> None:
    client = await client_of("MA", role=role)
    me = await id_of(client)
    for call in (
        client.get(ACCOUNTS),
        client.post(ACCOUNTS, json=AN_OFFICER),
        client.get(f"{ACCOUNTS}/{me}"),
        client.patch(f"{ACCOUNTS}/{me}", json={"name": "x"}, headers={"If-Match": "*"}),
        client.post(f"{ACCOUNTS}/{me}/disable"),
        client.get(f"{ACCOUNTS}/{me}/tokens"),
        client.post(f"{ACCOUNTS}/{me}/tokens", json={}),
    ):
        assert (await call).status_code == 403


async def test_an_operator_may_end_even_the_last_administrator(
    db: Database, admin: httpx.AsyncClient
) -> None:
    await disable_account(db, UUID(await id_of(admin)), now=NOW)
    assert (await admin.get(ME)).status_code == 401
    await create_account(db, name="next", countries=["MA"], role=Role.ADMIN, now=NOW)
