"""Files of records handed in over HTTP."""

import json
from typing import Any

import httpx

from tests.builders.secrets import MARK

PATH = "/api/v1/imports"
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson; charset=utf-8"}


def a_file(number: int, **more: Any) -> str:
    row = {
        "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
        "subject": MARK, "events": [{"type": "sent", "occurred_on": "2026-01-05"}],
    }  # fmt: skip
    return "".join(json.dumps({**row, "external_reference": f"H-{n}", **more}) + "\n" for n in range(number))


async def handed_in(client: httpx.AsyncClient, content: str | bytes, **query: str) -> dict[str, Any]:
    answer = await client.post(PATH, params={"kind": "requests"} | query, content=content, headers=NDJSON)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"{PATH}/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


async def read(client: httpx.AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"{PATH}/{made['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
