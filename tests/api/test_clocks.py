"""GET /clocks: the worklist over HTTP."""

from datetime import timedelta
from typing import Any

import httpx

from mla_tracker.api.clocks import WorklistClock
from mla_tracker.api.paging import Page
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.reporting import a_duty, midnight

CLOCKS = "/api/v1/clocks"


async def listed(client: httpx.AsyncClient, **parameters: Any) -> list[dict[str, Any]]:
    answer = await client.get(CLOCKS, params=parameters)
    assert answer.status_code == 200, answer.text
    Page[WorklistClock].model_validate_json(answer.content)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_the_worklist_of_the_contract(db: Database, spain: httpx.AsyncClient) -> None:
    late = await a_duty().due("2026-03-05").on(assigned_requested="desk 4").stored(db)
    await a_duty().due("2026-03-20").stored(db)
    [row] = await listed(
        spain, state="overdue", stage="execute", country="MA", assigned_to="desk 4", due_before="2026-03-10"
    )
    assert row["id"] == str(late.id)
    assert (row["state"], row["due_on"], row["due_at"]) == ("overdue", "2026-03-05", "2026-03-06T00:00:00Z")
    assert row["days_overdue"] == 5
    assert row["explained"] == f"/api/v1/requests/{late.request_id}/clocks"
    assert "sort_at" not in row


async def test_pages_follow_each_other_as_of_the_first(
    db: Database, spain: httpx.AsyncClient, present: Present
) -> None:
    first, second, third = [await a_duty().due(f"2026-03-0{number}").stored(db) for number in (1, 2, 3)]
    await a_duty().due("2026-03-10").stored(db)
    page = (await spain.get(CLOCKS, params={"state": "overdue", "limit": 2})).json()
    assert [item["id"] for item in page["items"]] == [str(first.id), str(second.id)]
    present.now = NOW + timedelta(days=5)
    parameters = {"state": "overdue", "limit": 2, "cursor": page["next_cursor"]}
    page = (await spain.get(CLOCKS, params=parameters)).json()
    assert [item["id"] for item in page["items"]] == [str(third.id)]
    assert page["next_cursor"] is None


async def test_a_cursor_serves_only_the_list_it_came_from(db: Database, spain: httpx.AsyncClient) -> None:
    for number in (1, 2):
        await a_duty().due(f"2026-03-0{number}").stored(db)
    cursor = (await spain.get(CLOCKS, params={"limit": 1})).json()["next_cursor"]
    answer = await spain.get(CLOCKS, params={"limit": 1, "state": "overdue", "cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/cursor")


async def test_several_values_of_one_filter_widen_it(db: Database, spain: httpx.AsyncClient) -> None:
    await a_duty().due("2026-03-05").stored(db)
    await a_duty().due("2026-03-20").stored(db)
    await a_duty().due("2026-03-01").met("2026-03-01").stored(db)
    assert [row["state"] for row in await listed(spain, state="running,overdue")] == ["overdue", "running"]
    assert [row["state"] for row in await listed(spain)] == ["met", "overdue", "running"]


async def test_clocks_without_a_due_date_come_last_and_page_too(
    db: Database, spain: httpx.AsyncClient
) -> None:
    await a_duty().pending().stored(db)
    await a_duty().pending().stored(db)
    await a_duty().due("2026-03-20").stored(db)
    states, cursor = [], None
    for _ in range(3):
        page = (await spain.get(CLOCKS, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        states.append(page["items"][0]["state"])
        cursor = page["next_cursor"]
    assert (states, cursor) == (["running", "pending", "pending"], None)


async def test_an_expiry_that_ran_out_is_expired_and_not_overdue(
    db: Database, spain: httpx.AsyncClient
) -> None:
    await a_duty().on(effect="expiry", due_at=midnight("2026-03-02")).stored(db)
    assert await listed(spain, state="overdue") == []
    assert [row["state"] for row in await listed(spain, state="expired")] == ["expired"]


WRONG = [
    ("state", "late"), ("state", "late,"), ("stage", "arrive"), ("country", "es"), ("counterpart", "XX"), ("kind", "x"),
    ("due_before", "2026-02-30"), ("due_from", "yesterday"), ("stopped_from", "2026-03-02T10:00:00Z"), ("as", "both"),
    ("obligor", "nobody"), ("effect", "soft"), ("basis", "habit"), ("result", "won"), ("limit", "0"), ("page", "2"),
    ("assigned_to", ""), ("assigned_to", "a\x00b"),
]  # fmt: skip


async def test_a_wrong_filter_is_named(spain: httpx.AsyncClient) -> None:
    for name, value in WRONG:
        answer = await spain.get(CLOCKS, params={name: value})
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert {error["pointer"].split("/")[1] for error in answer.json()["errors"]} == {name}


async def test_every_role_reads_the_list_of_its_countries(db: Database, client_of: ClientOf) -> None:
    await a_duty().stored(db)
    for role in Role:
        assert len(await listed(await client_of("ES", role=role))) == 1
        assert await listed(await client_of("EC", role=role)) == []
