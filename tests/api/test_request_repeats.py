"""Repeated, parallel and stale calls about requests: one effect each, and nobody's work overwritten unseen."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
from litestar.types import ASGIApp

from mla_tracker.commands.overdue import flag_due
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.requests import (
    PATH,
    a_request_body,
    act,
    contents,
    happened,
    history,
    id_of,
    logged,
    pointers,
    problem,
    read,
)

KEY = {"Idempotency-Key": "0b7d"}


async def test_twenty_calls_at_once_under_one_key_log_one_request(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    body = a_request_body(act("sent", "2026-03-02"), subject="Once")
    answers = await asyncio.gather(*(morocco.post(PATH, json=body, headers=KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotency-Replayed", "no") for answer in answers) == [
        "no",
        *["true"] * 19,
    ]
    assert len({answer.content for answer in answers}) == 1
    assert len((await morocco.get(PATH)).json()["items"]) == 1
    before = await contents(db)
    await morocco.post(PATH, json=body, headers=KEY)
    assert await contents(db) == before


async def test_a_body_that_comes_in_pieces_is_read_whole_beside_its_key(
    app: ASGIApp, client_of: ClientOf
) -> None:
    """As over a slow line: the head alone, then the body bit by bit, and never twice."""
    morocco = await client_of("MA")
    answers = [await in_pieces(app, morocco, a_request_body(subject="One"), KEY) for _ in range(2)]
    assert [status for status, _ in answers] == [201, 201], answers
    assert answers[0][1]["id"] == answers[1][1]["id"]
    assert answers[0][1]["subject"] == "One"
    assert (await in_pieces(app, morocco, a_request_body(subject="Two"), KEY))[0] == 422


async def in_pieces(
    app: ASGIApp, client: httpx.AsyncClient, body: dict[str, Any], headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    raw = json.dumps(body).encode()
    waiting = [raw[:10], raw[10:50], raw[50:]]
    status, said = 0, b""

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        piece = waiting.pop(0) if waiting else b""
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        nonlocal status, said
        status = message.get("status", status)
        said += message.get("body", b"")

    every = {**client.headers, **headers, "content-type": "application/json", "host": "tests"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": PATH, "raw_path": PATH.encode(), "root_path": "", "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in every.items()],
        "client": ("127.0.0.1", 1), "server": ("tests", 80),
    }  # fmt: skip
    await app(scope, receive, send)  # type: ignore[arg-type] # a scope as a server makes it
    return status, json.loads(said)


async def test_calls_at_once_under_one_key_record_one_act_and_void_once(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"))
    events = f"{PATH}/{request['id']}/events"
    answers = await asyncio.gather(
        *(spain.post(events, json=act("received", "2026-03-05"), headers=KEY) for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    [event_id] = {answer.json()["id"] for answer in answers}
    voids = await asyncio.gather(
        *(
            spain.post(
                f"{events}/{event_id}/void",
                json={"reason": "r", "replacement": act("received", "2026-03-06")},
                headers=KEY,
            )
            for _ in range(8)
        )
    )
    assert [answer.status_code for answer in voids] == [201] * 8
    assert sum("Idempotency-Replayed" in answer.headers for answer in (*answers, *voids)) == 14
    assert [event["type"] for event in await history(spain, request["id"])] == [
        "sent",
        "received",
        "received",
    ]
    assert (await read(spain, request["id"]))["version"] == 3


async def test_one_key_stands_for_one_body_of_one_account(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    first = await morocco.post(PATH, json=a_request_body(), headers=KEY)
    assert first.status_code == 201
    before = await contents(db)
    found = problem(
        await morocco.post(PATH, json=a_request_body(subject="Another"), headers=KEY),
        422,
        "idempotency-key-reused",
    )
    assert pointers(found) == {"/Idempotency-Key"}
    assert await contents(db) == before
    events = f"{PATH}/{first.json()['id']}/events"
    assert (await morocco.post(events, json=act("sent", "2026-03-02"), headers=KEY)).status_code == 201
    problem(
        await morocco.post(events, json=act("sent", "2026-03-03"), headers=KEY), 422, "idempotency-key-reused"
    )
    assert "Idempotency-Replayed" not in (await spain.post(PATH, json=a_request_body(), headers=KEY)).headers


async def test_a_refused_call_leaves_its_key_free(morocco: httpx.AsyncClient) -> None:
    wrong = a_request_body(act("received", "2026-03-02"), act("sent", "2026-03-05"))
    problem(await morocco.post(PATH, json=wrong, headers=KEY), 409, "act-not-possible")
    answer = await morocco.post(PATH, json=a_request_body(), headers=KEY)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)


async def test_a_replay_shows_the_request_as_it_stands_and_under_todays_rights(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    body = a_request_body(act("sent", "2026-03-02"))
    request_id = (await morocco.post(PATH, json=body, headers=KEY)).json()["id"]
    events = f"{PATH}/{request_id}/events"
    first = await spain.post(events, json=act("received", "2026-03-05"), headers=KEY)
    again = await morocco.post(PATH, json=body, headers=KEY)
    assert (again.json()["status"], again.headers["ETag"]) == ("received", '"2"')
    await spain.post(f"{events}/{first.json()['id']}/void", json={"reason": "r"})
    sent = await id_of(morocco, request_id, "sent")
    await morocco.post(f"{events}/{sent}/void", json={"reason": "r"})
    problem(await spain.post(events, json=act("received", "2026-03-05"), headers=KEY), 404, "not-found")


async def test_a_key_is_new_again_after_a_day(morocco: httpx.AsyncClient, present: Present) -> None:
    first = await morocco.post(PATH, json=a_request_body(), headers=KEY)
    present.now = NOW + timedelta(hours=24)
    second = await morocco.post(PATH, json=a_request_body(), headers=KEY)
    assert second.status_code == 201
    assert second.json()["id"] != first.json()["id"]
    again = await morocco.post(PATH, json=a_request_body(), headers=KEY)
    assert again.json()["id"] == second.json()["id"]


async def test_acts_recorded_at_once_are_all_kept(client_of: ClientOf) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-02-02"))
    answers = await asyncio.gather(
        *(
            both.post(f"{PATH}/{request['id']}/events", json=act("reminded", f"2026-02-{day:02}"))
            for day in range(3, 11)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sorted(answer.headers["ETag"] for answer in answers) == [f'"{n}"' for n in range(2, 10)]
    assert len(await history(both, request["id"])) == 9


async def test_a_change_needs_the_version_that_it_is_based_on(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco)
    path = f"{PATH}/{request['id']}"
    assert (await morocco.get(path)).headers["ETag"] == '"1"'
    answer = await morocco.patch(path, json={"subject": "One"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"], answer.json()["subject"]) == (200, '"2"', "One")
    before = await contents(db)
    problem(await morocco.patch(path, json={"subject": "Two"}), 428, "precondition-required")
    for tag in ('"1"', 'W/"2"', '"nonsense"', '"3", "4"'):
        found = problem(
            await morocco.patch(path, json={"subject": "Two"}, headers={"If-Match": tag}),
            412,
            "version-stale",
        )
        assert "version 2" in found["detail"]
    problem(
        await morocco.patch(path, json={"subject": "Two"}, headers={"If-Match": "2"}), 400, "invalid-header"
    )
    problem(await morocco.patch(path, json={}, headers={"If-Match": "*"}), 400, "invalid-entry")
    problem(
        await morocco.patch(path, json={"kind": "proceedings"}, headers={"If-Match": "*"}),
        400,
        "invalid-entry",
    )
    assert await contents(db) == before
    for tag in ("*", '"1", "3"'):
        assert (
            await morocco.patch(path, json={"subject": tag}, headers={"If-Match": tag})
        ).status_code == 200


async def test_of_changes_at_once_based_on_one_version_one_is_made(morocco: httpx.AsyncClient) -> None:
    request = await logged(morocco)
    answers = await asyncio.gather(
        *(
            morocco.patch(f"{PATH}/{request['id']}", json={"subject": f"S{n}"}, headers={"If-Match": '"1"'})
            for n in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]


async def test_the_version_grows_with_acts_and_not_with_sweeps(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco, act("sent", "2026-01-12"))
    assert (await flag_due(db, NOW)).raised > 0
    now = await read(spain, request["id"])
    assert (now["version"], bool(now["flags"])) == (1, True)
    assert (await happened(spain, request["id"], "received", "2026-02-05"))["version"] == 2


async def test_facts_belong_to_who_recorded_them_and_its_own_reference_and_officer_to_each_side(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"), references={"requesting": "DACG 17"})
    path, any_version = f"{PATH}/{request['id']}", {"If-Match": "*"}
    before = await contents(db)
    for changes, at in (
        ({"subject": "x", "urgency": "routine"}, {"/subject", "/urgency"}),
        ({"assistance": ["records"]}, {"/assistance"}),
        ({"references": {"requesting": "x", "requested": "y"}}, {"/references/requesting"}),
        ({"external_reference": "x", "assigned_to": "y"}, {"/external_reference"}),
    ):
        found = problem(await spain.patch(path, json=changes, headers=any_version), 403, "not-allowed")
        assert pointers(found) == at
    assert await contents(db) == before
    answer = await spain.patch(
        path, json={"references": {"requested": "AN 4"}, "assigned_to": "sala 2"}, headers=any_version
    )
    assert answer.json()["references"] == {"requesting": "DACG 17", "requested": "AN 4"}
    assert answer.json()["assigned_to"] == "sala 2"
    assert (await read(morocco, request["id"]))["assigned_to"] is None
    answer = await morocco.patch(path, json={"references": {"requesting": None}}, headers=any_version)
    assert answer.json()["references"] == {"requesting": None, "requested": "AN 4"}


async def test_facts_amended_move_the_clocks_that_rest_on_them(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"), assistance=["records"])
    path, any_version = f"{PATH}/{request['id']}", {"If-Match": "*"}
    for changes in ({"assistance": ["interception"]}, {"urgency": "urgent"}, {"convention": "eaw"}):
        problem(await morocco.patch(path, json=changes, headers=any_version), 400, "invalid-entry")
    answer = await morocco.patch(
        path,
        json={"urgency": "urgent", "urgency_reason": "Custody.", "convention": None},
        headers=any_version,
    )
    assert (answer.json()["urgency"], answer.json()["convention"]) == ("urgent", None)
    # The reason stays with the urgency that needs it.
    problem(
        await morocco.patch(path, json={"urgency_reason": None}, headers=any_version), 400, "invalid-entry"
    )
    draft = await logged(morocco)
    answer = await morocco.patch(
        f"{PATH}/{draft['id']}", json={"assistance": ["interception", "records"]}, headers=any_version
    )
    assert [item["form"] for item in answer.json()["items"]] == ["interception", "records"]
