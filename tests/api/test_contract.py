"""The published contract: complete, and as strict as the reading."""

import json
import warnings
from typing import Any

import httpx
import pytest
from litestar.types import ASGIApp

from mla_tracker.api.app import OUTSIDE, PREFIX, ROUTES, create_app
from mla_tracker.api.documentation import MEDIA_TYPES, PAGE, STATIC
from mla_tracker.storage.database import Database
from tests.builders.api import SETTINGS, Present


@pytest.fixture
async def contract(anonymous: httpx.AsyncClient) -> dict[str, Any]:
    answer = await anonymous.get("/schema/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations(contract: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_says_what_it_takes_and_gives() -> None:
    assert all("route" in handler.opt for handler in (*ROUTES, *OUTSIDE))


async def test_every_operation_is_published_once_with_all_that_can_happen(contract: dict[str, Any]) -> None:
    found = operations(contract)
    assert len(found) == sum(not handler.opt["route"].hidden for handler in (*ROUTES, *OUTSIDE))
    assert len({operation["operationId"] for _, _, operation in found}) == len(found)
    for method, path, operation in found:
        assert path.startswith(PREFIX) or operation["security"] == []
        assert operation["summary"]
        assert {tag["name"] for tag in contract["tags"]} >= set(operation["tags"])
        statuses = set(operation["responses"])
        assert "500" in statuses
        if operation["security"]:
            assert {"401", "503"} <= statuses
        if "{" in path and path.startswith(PREFIX):
            assert "404" in statuses
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= statuses
        names = {parameter["name"] for parameter in operation["parameters"]}
        if method == "post" and path.startswith(PREFIX):
            assert "Idempotency-Key" in names
            assert {"400", "422"} <= statuses
        # A PUT without a body adds a name to a list, and can overwrite nothing.
        if method == "patch" or (method == "put" and "requestBody" in operation):
            assert "If-Match" in names
            assert {"412", "428"} <= statuses
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/health/ready":
                assert list(response["content"]) == ["application/problem+json"]


async def test_every_object_of_a_body_refuses_unknown_fields(contract: dict[str, Any]) -> None:
    schemas = contract["components"]["schemas"]
    for name, schema in schemas.items():
        if schema.get("type") == "object" and "properties" in schema:
            assert schema["additionalProperties"] is False, name


async def test_every_reference_leads_somewhere_and_nothing_is_left_over(contract: dict[str, Any]) -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(inner) for inner in value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    used = {tuple(reference.split("/")[2:]) for reference in references(contract)}
    held = {
        (kind, name)
        for kind, components in contract["components"].items()
        for name in components
        if kind != "securitySchemes"
    }
    assert used == held


async def test_parameters_are_as_strict_as_their_reading(contract: dict[str, Any]) -> None:
    listing = contract["paths"][f"{PREFIX}/requests"]["get"]
    parameters = {parameter["name"]: parameter for parameter in listing["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert parameters["cursor"]["schema"]["pattern"]
    assert not any("anyOf" in parameter["schema"] for parameter in parameters.values())


async def test_the_page_needs_nothing_from_elsewhere(anonymous: httpx.AsyncClient) -> None:
    page = await anonymous.get("/schema")
    assert "http" not in PAGE
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for name, media_type in MEDIA_TYPES.items():
        file = await anonymous.get(f"/schema/{name}")
        assert file.status_code == 200
        assert file.headers["Content-Type"].split(";")[0] == media_type
        assert file.content == (STATIC / name).read_bytes()
        unchanged = await anonymous.get(f"/schema/{name}", headers={"If-None-Match": file.headers["ETag"]})
        assert unchanged.status_code == 304
        assert unchanged.content == b""
    assert (await anonymous.get("/docs")).headers["Location"] == "/schema"


async def test_health_is_told_without_a_token(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/health/live")).json() == {"status": "live"}
    ready = await anonymous.get("/health/ready")
    assert ready.status_code == 200, ready.text
    assert ready.json()["status"] == "ready"


async def test_a_database_that_is_gone_makes_us_not_ready_and_answers_503(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    await db.close()
    assert (await morocco.get("/health/live")).status_code == 200
    ready = await morocco.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["status"] == "not_ready"
    assert [check["ok"] for check in ready.json()["checks"]] == [False]


async def test_the_application_uses_nothing_that_the_framework_will_drop(
    db: Database, present: Present
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app: ASGIApp = create_app(db, SETTINGS, now=present)
    assert app is not None


async def test_an_idempotency_key_is_read_strictly(spain: httpx.AsyncClient) -> None:
    question = {"start": "2026-03-02", "amount": 1, "unit": "days"}
    for key in ("", "a b", "x" * 201, "é"):
        headers = {b"Idempotency-Key": key.encode()}
        answer = await spain.post("/api/v1/requests", json={}, headers=headers)
        assert answer.status_code == 400, key
    answer = await spain.post("/api/v1/deadlines", json=question, headers={"Idempotency-Key": "a-key"})
    assert answer.status_code == 200
    assert json.loads(answer.content)["due_on"] == "2026-03-03"
