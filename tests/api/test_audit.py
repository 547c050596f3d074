"""The audit as auditors of a country read it: what they may see, whole pages, and proofs that hold outside."""

from typing import Any

import httpx
import pytest

from mla_tracker.commands.sealing import seal
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.checkpoints import checked, public_key_of
from mla_tracker.storage.database import Database
from mla_tracker.storage.proofs import check_proof
from tests.builders.agreements import an_agreement_body
from tests.builders.api import NOW, ClientOf
from tests.builders.keys import the_keys
from tests.builders.requests import logged

PATH = "/api/v1/audit"


@pytest.fixture
async def auditor(client_of: ClientOf) -> httpx.AsyncClient:
    return await client_of("MA", role=Role.AUDITOR)


async def recorded(client: httpx.AsyncClient) -> str:
    answer = await client.post("/api/v1/agreements", json=an_agreement_body())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def listed(client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_an_auditor_reads_what_was_done_by_whom_before_and_after(
    auditor: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    agreement_id = await recorded(morocco)
    [entry] = await listed(auditor, record_kind="agreement", record_id=agreement_id)
    me = (await morocco.get("/api/v1/me")).json()
    assert (entry["what"], entry["position"], entry["country"]) == ("agreement.recorded", 1, "MA")
    assert (entry["account_id"], entry["account_role"], entry["leaf"]) == (me["id"], "officer", None)
    tables = [change["table"] for change in entry["details"]["changes"]]
    assert tables == ["agreement", "agreement_party", "agreement_party"]
    assert entry["details"]["changes"][0]["before"] is None
    assert await listed(auditor, account_id=me["id"], what="agreement.recorded") == [entry]
    assert await listed(auditor, account_id=me["id"], what="agreement.changed") == []
    assert await listed(auditor, record_id=agreement_id, to=entry["at"]) == []
    assert await listed(auditor, record_id=agreement_id, **{"from": entry["at"]}) == [entry]


async def test_other_countries_and_other_roles_read_nothing_of_it(
    client_of: ClientOf, morocco: httpx.AsyncClient, db: Database
) -> None:
    agreement_id = await recorded(morocco)
    await seal(db, NOW)
    spain = await client_of("ES", role=Role.AUDITOR)
    assert await listed(spain, record_id=agreement_id) == []
    own = await client_of("MA", role=Role.AUDITOR)
    [entry] = await listed(own, record_id=agreement_id)
    for answer in (
        await spain.get(f"{PATH}/{entry['id']}/proof"),
        await own.get(f"{PATH}/019cd79e-4600-7358-b20e-754b9e423e13/proof"),
    ):
        assert answer.status_code == 404
    for role in set(Role) - {Role.AUDITOR}:
        client = await client_of("MA", role=role)
        assert (await client.get(PATH)).status_code == 403
        assert (await client.get(f"{PATH}/{entry['id']}/proof")).status_code == 403


async def test_pages_give_every_entry_once_newest_first(
    auditor: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    for _ in range(5):
        await recorded(morocco)
    found, cursor = [], None
    while True:
        answer = (
            await auditor.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        ).json()
        found += [entry["id"] for entry in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(set(found), reverse=True)
    assert set(found) >= {entry["id"] for entry in await listed(auditor, record_kind="agreement")}


async def test_a_proof_holds_for_whoever_has_the_public_key(
    auditor: httpx.AsyncClient, morocco: httpx.AsyncClient, db: Database
) -> None:
    assert (await auditor.get(f"{PATH}/checkpoint")).status_code == 404
    agreement_id = await recorded(morocco)
    [entry] = await listed(auditor, record_id=agreement_id)
    assert (await auditor.get(f"{PATH}/{entry['id']}/proof")).status_code == 404
    await seal(db, NOW)
    proof = (await auditor.get(f"{PATH}/{entry['id']}/proof")).json()
    key = public_key_of(the_keys().public_key)
    checkpoint, proven = check_proof(proof, key)
    assert (proven["id"], proven["chain_id"]) == (entry["id"], agreement_id)
    [sealed] = await listed(auditor, record_id=agreement_id)
    assert sealed["leaf"] == proof["leaf"]
    shown = (await morocco.get(f"{PATH}/checkpoint")).json()
    assert checked(shown["note"], key) == checkpoint
    assert (shown["number"], shown["size"]) == (checkpoint.number, checkpoint.size)


async def test_what_an_auditor_reads_of_a_confidential_case_is_told_as_any_reading_of_it(
    auditor: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    """He sees no such request, and yet what the audit tells of it."""
    request = await logged(morocco, handling="confidential")
    assert await listed(auditor, what="request.listed") == []
    [logging] = await listed(auditor, record_id=request["id"], what="request.logged")
    [told] = await listed(auditor, what="request.listed")
    me = (await auditor.get("/api/v1/me")).json()
    assert (told["record_id"], told["account_id"]) == (request["id"], me["id"])
    assert told["details"] == {"route": "GET /audit"}
    open_one = await logged(morocco)
    number = len(await listed(auditor, what="request.listed"))
    assert await listed(auditor, record_id=open_one["id"], what="request.logged")
    assert len(await listed(auditor, what="request.listed")) == number + 1  # of the list before alone
    assert logging["position"] == 1
