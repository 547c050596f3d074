"""The rule of retention over HTTP."""

from datetime import timedelta

import httpx
import pytest

from mla_tracker.commands.retention import forget_due
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf
from tests.builders.requests import PATH, act, logged, pointers, problem, read

RULE = "/api/v1/retention/MA"


async def test_a_country_that_has_said_nothing_keeps_and_says_otherwise_in_versions(
    client_of: ClientOf,
) -> None:
    head = await client_of("MA", role=Role.HEAD)
    first = await head.get(RULE)
    assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
    assert first.json() == {"country": "MA", "version": 1, "years": None, "by_kind": {}, "set_at": None}
    body = {"years": 10, "by_kind": {"extradition": 30, "information": None}}
    answer = await head.put(RULE, json=body, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json() == {"country": "MA", "version": 2, **body, "set_at": "2026-03-10T12:00:00Z"}
    problem(await head.put(RULE, json=body, headers={"If-Match": '"1"'}), 412, "version-stale")
    problem(await head.put(RULE, json=body), 428, "precondition-required")
    assert (await head.put(RULE, json=body, headers={"If-Match": '"2"'})).headers["ETag"] == '"2"'
    assert (await (await client_of("ES")).get(RULE)).json() == answer.json()


@pytest.mark.parametrize("role", [Role.OFFICER, Role.INTEGRATION, Role.AUDITOR])
async def test_only_who_answers_for_the_country_sets_it(client_of: ClientOf, role: Role) -> None:
    client = await client_of("MA", role=role)
    problem(await client.put(RULE, json={"years": 1}, headers={"If-Match": "*"}), 403, "not-allowed")


@pytest.mark.parametrize("role", [Role.HEAD, Role.MINISTRY, Role.ADMIN])
async def test_nobody_sets_it_for_another_country(client_of: ClientOf, role: Role) -> None:
    client = await client_of("ES", role=role)
    problem(await client.put(RULE, json={"years": 1}, headers={"If-Match": "*"}), 403, "not-allowed")
    nowhere = RULE.replace("MA", "XX")
    problem(await client.put(nowhere, json={"years": 1}, headers={"If-Match": "*"}), 404, "not-found")
    problem(await client.get(nowhere), 404, "not-found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"years": -1}, "/years"),
        ({"years": 101}, "/years"),
        ({"years": 1.5}, "/years"),
        ({}, "/years"),
        ({"years": 1, "by_kind": {"murder": 3}}, "/by_kind/murder"),
        ({"years": 1, "by_kind": {"evidence": -3}}, "/by_kind/evidence"),
    ],
)
async def test_what_is_no_rule_is_refused(client_of: ClientOf, body: dict[str, object], pointer: str) -> None:
    head = await client_of("MA", role=Role.HEAD)
    answer = await head.put(RULE, json=body, headers={"If-Match": "*"})
    found = pointers(problem(answer, 400, "invalid-entry"))
    assert any(one.startswith(pointer) for one in found), found


async def test_an_erased_request_says_so_to_everybody_who_sees_it(
    client_of: ClientOf, morocco: httpx.AsyncClient, db: Database
) -> None:
    head = await client_of("MA", role=Role.HEAD)
    acts = (act("sent", "2026-03-02"), act("withdrawn", "2026-03-03"), act("closed", "2026-03-04"))
    made = await logged(morocco, *acts, subject="Secret of a bank")
    assert made["erased_at"] is None
    await head.put(RULE, json={"years": 0}, headers={"If-Match": "*"})
    await forget_due(db, NOW + timedelta(days=8))
    ministry = await client_of("MA", role=Role.MINISTRY)
    for client in (morocco, ministry):
        found = await read(client, made["id"])
        assert (found["subject"], found["erased_at"]) == (None, "2026-03-18T12:00:00Z")
        [listed] = (await client.get(PATH)).json()["items"]
        assert (listed["subject"], listed["erased_at"]) == (None, "2026-03-18T12:00:00Z")
    stale = await morocco.patch(
        f"{PATH}/{made['id']}", json={"assigned_to": "x"}, headers={"If-Match": f'"{made["version"]}"'}
    )
    problem(stale, 412, "version-stale")
    answer = await morocco.post(f"{PATH}/{made['id']}/notes", json={"text": "x"})
    assert "were erased" in problem(answer, 400, "invalid-entry")["detail"]
