"""What tests of requests say over HTTP: bodies, acts, and what the answers hold."""

from typing import Any

import httpx

from mla_tracker.storage.database import Database, DbRole

PATH = "/api/v1/requests"


def a_request_body(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An evidence request of Morocco to Spain for bank records, under a source without numbers."""
    body = {
        "kind": "evidence",
        "requesting_country": "MA",
        "requested_country": "ES",
        "convention": "un1988",
        "assistance": ["records"],
        "events": list(events),
    }
    return body | changes


def act(type_: str, when: str, /, *, note: str | None = None, **data: Any) -> dict[str, Any]:
    """An act as a body: on a day, or at an instant if `when` holds a T."""
    found: dict[str, Any] = {"type": type_, "occurred_at" if "T" in when else "occurred_on": when}
    if data:
        found["data"] = data
    if note is not None:
        found["note"] = note
    return found


async def logged(client: httpx.AsyncClient, *events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A request that was logged, as the answer shows it."""
    answer = await client.post(PATH, json=a_request_body(*events, **changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def happened(
    client: httpx.AsyncClient, request_id: str, type_: str, when: str, /, **data: Any
) -> dict[str, Any]:
    """The request after an act was recorded."""
    answer = await client.post(f"{PATH}/{request_id}/events", json=act(type_, when, **data))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["request"]
    return found


async def read(client: httpx.AsyncClient, request_id: str) -> dict[str, Any]:
    """The request as a reader sees it."""
    answer = await client.get(f"{PATH}/{request_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def history(client: httpx.AsyncClient, request_id: str) -> list[dict[str, Any]]:
    """Every act of a request as a reader sees it."""
    answer = await client.get(f"{PATH}/{request_id}/events", params={"limit": 200})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def id_of(client: httpx.AsyncClient, request_id: str, type_: str) -> str:
    """The id of the one act of a type that was not voided."""
    [found] = [
        event["id"]
        for event in await history(client, request_id)
        if event["type"] == type_ and event["voided"] is None
    ]
    return str(found)


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem that an answer is, which must be of this status and type."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), (
        answer.text
    )
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["type"]) == (status, f"/problems/{slug}")
    assert found["detail"]
    return found


def pointers(found: dict[str, Any]) -> set[str]:
    """The fields that a problem names."""
    return {error["pointer"] for error in found["errors"]}


def clock(request: dict[str, Any], limit: str) -> dict[str, Any]:
    """The one clock of a limit."""
    [found] = [clock for clock in request["clocks"] if clock["limit"] == limit]
    return dict(found)


def states(request: dict[str, Any]) -> dict[str, str]:
    """The state of every clock by its limit."""
    return {clock["limit"]: clock["state"] for clock in request["clocks"]}


async def contents(db: Database) -> dict[str, tuple[int, int]]:
    """The number of rows of every table and a sum over all they hold; the use of tokens is left aside."""
    async with db.transaction(DbRole.OWNER) as tx:
        tables = await tx.fetch(
            "select tablename from pg_tables where schemaname = 'public' "
            "and tablename not in ('api_token', 'call_window') order by 1"
        )
        found = {}
        for (table,) in tables:
            row = await tx.fetchrow(
                f'select count(*), coalesce(sum(hashtextextended(one::text, 0)), 0)::numeric from "{table}" one'
            )
            assert row is not None
            found[table] = (int(row[0]), int(row[1]))
    return found
