"""The feed as it is asked for over HTTP."""

import httpx
import pytest

from tests.builders.api import ClientOf

CASE = {
    "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
    "subject": "A witness in Tetouan", "external_reference": "Rabat 7",
    "events": [{"type": "sent", "occurred_on": "2026-01-05"}],
}  # fmt: skip


async def logged(client: httpx.AsyncClient, reference: str = "Rabat 7") -> str:
    answer = await client.post("/api/v1/requests", json=CASE | {"external_reference": reference})
    assert answer.status_code == 201
    return str(answer.json()["id"])


async def test_a_reader_follows_page_by_page_from_the_beginning_or_from_now(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    first = await logged(morocco)
    now = (await spain.get("/api/v1/changes", params={"latest": "true"})).json()
    assert (now["items"], now["more"]) == ([], False)
    others = [await logged(morocco, f"Rabat {n}") for n in (8, 9)]
    page = (await spain.get("/api/v1/changes", params={"limit": 2})).json()
    assert [item["request_id"] for item in page["items"]] == [first, others[0]]
    assert page["more"] is True
    rest = (await spain.get("/api/v1/changes", params={"after": page["cursor"]})).json()
    assert [item["request_id"] for item in rest["items"]] == others[1:]
    assert rest["more"] is False
    since = (await spain.get("/api/v1/changes", params={"after": now["cursor"]})).json()
    assert [item["request_id"] for item in since["items"]] == others


async def test_the_feed_holds_ids_and_codes_alone_and_the_version_that_the_record_bears(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco)
    answer = await spain.get("/api/v1/changes")
    assert "Tetouan" not in answer.text
    assert "Rabat" not in answer.text
    [item] = answer.json()["items"]
    record = await spain.get(f"/api/v1/requests/{request}")
    assert record.headers["ETag"] == f'"{item["version"]}"'
    assert item["type"] == "request.logged"
    assert (item["requesting_country"], item["requested_country"]) == ("MA", "ES")


@pytest.mark.parametrize(
    "query", [{"after": "A" * 43}, {"after": "short"}, {"limit": "501"}, {"limit": "0"}, {"cursor": "A" * 43}]
)
async def test_a_wrong_question_is_told_what_is_wrong_with_it(
    morocco: httpx.AsyncClient, query: dict[str, str]
) -> None:
    answer = await morocco.get("/api/v1/changes", params=query)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-query")
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


async def test_a_cursor_and_from_now_on_contradict_each_other(morocco: httpx.AsyncClient) -> None:
    cursor = (await morocco.get("/api/v1/changes")).json()["cursor"]
    answer = await morocco.get("/api/v1/changes", params={"after": cursor, "latest": "true"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/latest")


async def test_a_cursor_is_good_for_another_account_and_shows_it_no_more_than_its_own(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    cursor = (await morocco.get("/api/v1/changes")).json()["cursor"]
    await logged(morocco)
    france = await client_of("FR")
    assert (await france.get("/api/v1/changes", params={"after": cursor})).json()["items"] == []
