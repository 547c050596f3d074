"""Accounts and tokens as an administrator makes them over HTTP."""

from typing import Any

import httpx

ACCOUNTS, TOKENS, ME = "/api/v1/accounts", "/api/v1/tokens", "/api/v1/me"
AN_OFFICER: dict[str, Any] = {"name": "Desk 4", "countries": ["MA"], "role": "officer"}


async def opened(admin: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await admin.post(ACCOUNTS, json=AN_OFFICER | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def token_for(admin: httpx.AsyncClient, account: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await admin.post(f"{ACCOUNTS}/{account['id']}/tokens", json=fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def bearing(token: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {token['secret']}"}


async def id_of(client: httpx.AsyncClient) -> str:
    return str((await client.get(ME)).json()["id"])
