"""Policies of a country, set and looked at over HTTP."""

from typing import Any

import httpx

from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import NOW

PATH = "/api/v1/limits"
TODAY = "2026-03-10"
CIRCULAR = {"stage": "receive", "amount": 4, "unit": "days", "source": "Circular 4/2026"}


async def put_in_force(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=CIRCULAR | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{found['id']}"
    assert found["effect"] is None
    return found


async def preview(client: httpx.AsyncClient, recomputed: bool = False, **fields: Any) -> dict[str, Any]:
    query = {"preview": "true", "recomputed": str(recomputed).lower()}
    answer = await client.post(PATH, json=CIRCULAR | fields, params=query)
    assert answer.status_code == 200, answer.text
    assert "Location" not in answer.headers
    found: dict[str, Any] = answer.json()
    return found


def problem(answer: httpx.Response, status: int, *pointers: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    assert [error["pointer"] for error in found["errors"]] == list(pointers), found["errors"]
    return found


async def sent(client: httpx.AsyncClient, day: str = TODAY, **fields: Any) -> str:
    """The id of a request that Morocco sent to Spain on a day."""
    body = {
        "kind": "evidence",
        "requesting_country": "MA",
        "requested_country": "ES",
        "assistance": ["records"],
        "events": [{"type": "sent", "occurred_on": day}],
        **fields,
    }
    answer = await client.post("/api/v1/requests", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def clock(client: httpx.AsyncClient, request_id: str, stage: str = "receive") -> dict[str, Any]:
    answer = await client.get(f"/api/v1/requests/{request_id}/clocks")
    [found] = [one for one in answer.json()["items"] if one["stage"] == stage]
    return {name: found[name] for name in ("limit", "due_on")}


async def rows(db: Database) -> Any:
    async with db.transaction(DbRole.OWNER) as tx:
        return await tx.fetchrow(
            """
            select (select count(*) from limit_version) as limits, (select count(*) from calendar_version) as calendars,
                (select sum(version) from request) as versions, (select count(stale_since) from request) as stale
            """
        )


async def no_difference(db: Database) -> None:
    done = await rebuild(db, NOW, apply=False)
    assert (done.differing, done.impossible) == (0, ())
