"""Endpoints over HTTP: named, read, changed, given another secret, taken away."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from mla_tracker.commands.delivering import RETRIES, Terms, deliver
from mla_tracker.domain.vocabulary import Role
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present

URL = "https://hooks.example.org/mla"
CASE = {
    "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
    "events": [{"type": "sent", "occurred_on": "2026-01-05"}],
}  # fmt: skip


@pytest.fixture
async def machine(client_of: ClientOf) -> httpx.AsyncClient:
    """The integration of Morocco."""
    return await client_of("MA", role=Role.INTEGRATION)


async def made(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/webhooks", json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_secret_is_told_once_and_read_nowhere_after(machine: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await machine.post("/api/v1/webhooks", json={"url": URL}, headers=headers)
    again = await machine.post("/api/v1/webhooks", json={"url": URL}, headers=headers)
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert (again.json()["id"], again.json()["secret"]) == (first.json()["id"], None)
    assert "told" in again.json()["notice"]
    assert again.headers["Idempotency-Replayed"] == "true"
    place = first.headers["Location"]
    for answer in (await machine.get(place), await machine.get("/api/v1/webhooks")):
        assert answer.status_code == 200
        assert secret not in answer.text
    rotated = await machine.post(f"{place}/secret", json={"overlap_hours": 2})
    assert rotated.json()["secret"] not in (None, secret)
    assert rotated.json()["former_secret_until"] == (NOW + timedelta(hours=2)).isoformat().replace(
        "+00:00", "Z"
    )


async def test_an_endpoint_is_changed_on_the_version_that_was_read(machine: httpx.AsyncClient) -> None:
    webhook = await made(machine, types=["flag.raised", "request.logged"])
    place = f"/api/v1/webhooks/{webhook['id']}"
    assert (await machine.patch(place, json={"enabled": False})).status_code == 428
    off = await machine.patch(place, json={"enabled": False}, headers={"If-Match": '"1"'})
    assert (off.json()["enabled"], off.json()["disabled_reason"], off.json()["version"]) == (
        False,
        "by_account",
        2,
    )
    assert off.json()["types"] == ["request.logged", "flag.raised"], "what is left out stays"
    stale = await machine.patch(place, json={"enabled": True}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    all_kinds = await machine.patch(place, json={"types": None, "enabled": True}, headers={"If-Match": '"2"'})
    assert (all_kinds.json()["types"], all_kinds.json()["enabled"]) == (None, True)
    same = await machine.patch(place, json={"enabled": True}, headers={"If-Match": '"3"'})
    assert same.json()["version"] == 3, "nothing was changed"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/", "https://127.0.0.1/", "https://[::ffff:169.254.169.254]/", "https://user@host.example/",
        "https://hooks.example.org/#x", "https://10.0.0.8:8443/", "https://[fe80::1]/",
    ],
)  # fmt: skip
async def test_an_address_that_may_not_be_called_is_refused_when_it_is_named(
    machine: httpx.AsyncClient, url: str
) -> None:
    answer = await machine.post("/api/v1/webhooks", json={"url": url})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/url"]
    webhook = await made(machine)
    changed = await machine.patch(
        f"/api/v1/webhooks/{webhook['id']}", json={"url": url}, headers={"If-Match": "*"}
    )
    assert changed.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 7},
        {"url": URL, "types": []},
        {"url": URL, "types": ["nothing.known"]},
        {"url": URL, "secret": "x"},
    ],
)
async def test_a_wrong_entry_is_refused(machine: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await machine.post("/api/v1/webhooks", json=body)).status_code == 400


async def test_an_account_has_twenty_endpoints_at_most(machine: httpx.AsyncClient) -> None:
    for _ in range(20):
        webhook = await made(machine)
    assert (await machine.post("/api/v1/webhooks", json={"url": URL})).status_code == 400
    left = await machine.delete(f"/api/v1/webhooks/{webhook['id']}")
    assert len(left.json()["items"]) == 19
    await made(machine)


async def test_an_endpoint_of_another_account_is_not_there(
    machine: httpx.AsyncClient, client_of: ClientOf
) -> None:
    webhook = await made(machine)
    colleague = await client_of("MA", role=Role.HEAD)
    place = f"/api/v1/webhooks/{webhook['id']}"
    assert (await colleague.get(place)).status_code == 404
    assert (await colleague.get(f"{place}/deliveries")).status_code == 404
    assert (await colleague.delete(place)).status_code == 404
    assert (await colleague.get("/api/v1/webhooks")).json() == {"items": []}


async def test_an_officer_names_no_endpoint(morocco: httpx.AsyncClient) -> None:
    assert (await morocco.post("/api/v1/webhooks", json={"url": URL})).status_code == 403


async def test_deliveries_are_listed_by_state_page_by_page_and_sent_again(
    db: Database, machine: httpx.AsyncClient, morocco: httpx.AsyncClient, present: Present
) -> None:
    webhook = await made(machine)
    place = f"/api/v1/webhooks/{webhook['id']}/deliveries"
    for _ in range(3):
        assert (await morocco.post("/api/v1/requests", json=CASE)).status_code == 201

    async def nowhere(host: str, port: int) -> list[str]:
        return []

    at: datetime = NOW
    for wait in (*RETRIES, timedelta()):
        done = await deliver(db, at, Reach(resolve=nowhere), Terms(chance=lambda: 0.0))
        at += wait + timedelta(seconds=10)
    assert done.dead == 3
    present.now = at
    dead = (await machine.get(place, params={"state": "dead", "limit": 2})).json()
    assert [item["fault"] for item in dead["items"]] == ["name_unknown"] * 2
    assert [item["change"]["type"] for item in dead["items"]] == ["request.logged"] * 2
    rest = (
        await machine.get(place, params={"state": "dead", "limit": 2, "cursor": dead["next_cursor"]})
    ).json()
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    assert (await machine.get(place, params={"state": "delivered"})).json()["items"] == []
    one = dead["items"][0]["id"]
    again = await machine.post(f"{place}/{one}/resend")
    assert (again.json()["state"], again.json()["attempts"]) == ("pending", 0)
    assert [
        item["id"] for item in (await machine.get(place, params={"state": "pending"})).json()["items"]
    ] == [one]
    assert (await machine.post(f"{place}/{webhook['id']}/resend")).status_code == 404
