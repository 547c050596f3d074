"""Examples of the contract: each is what its schema says, each body is taken, each answer was really given.

With MLA_RECORD_EXAMPLES (`make contract`) answers are recorded where there is none that fits the schema.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest
from litestar.types import ASGIApp

from mla_tracker.api.app import create_app
from mla_tracker.api.openapi_answers import EXAMPLES
from mla_tracker.storage.database import Database
from tests.api.test_matrix import call, who_may
from tests.builders.api import SETTINGS, Present
from tests.builders.held import Contract, published
from tests.builders.matrix import ROWS, Cell, Party, Shown
from tests.builders.matrix_world import World, a_world

JSON: Final = "application/json"
MOST_ITEMS: Final = 2
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SECRET: Final = re.compile(r"(mla_(?:feed_)?)[A-Za-z0-9_-]{43}")
NOT_SHOWN: Final = frozenset({"read_contract"})
"""The contract holds no example of itself."""


@pytest.fixture(scope="session")
def contract() -> Contract:
    return published()


@pytest.fixture
def app(db: Database, present: Present) -> ASGIApp:
    settings = SETTINGS.model_copy(update={"failures_per_minute": 0, "calls_per_minute": 0})
    return create_app(db, settings, now=present)


@pytest.fixture
async def world(db: Database, anonymous: httpx.AsyncClient) -> World:
    return await a_world(db)


def operations(contract: Contract) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in contract.document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def bodies(operation: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The media type and the body of each example."""
    return [
        (media, example["value"])
        for media, content in operation.get("requestBody", {}).get("content", {}).items()
        for example in content.get("examples", {}).values()
    ]


def success(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        response for status, response in operation["responses"].items() if status < "300"
    )
    return found


def test_every_body_has_an_example_that_its_schema_takes(contract: Contract) -> None:
    wrong = []
    for name, operation in operations(contract):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            shown = [body for form, body in bodies(operation) if form == media]
            wrong += [] if shown else [f"{name}: no example of {media}. Give `examples=` in documented()."]
            wrong += [
                f"{name}: {fault}" for body in shown for fault in contract.faults(content["schema"], body)
            ]
    assert not wrong, "\n".join(wrong)


def test_every_answer_has_an_example_that_its_schema_takes(contract: Contract) -> None:
    wrong = []
    for name, operation in operations(contract):
        content = success(operation)["content"].get(JSON)
        if content is None or operation["operationId"] in NOT_SHOWN:
            continue
        shown = [example["value"] for example in content.get("examples", {}).values()]
        wrong += [] if shown else [f"{name}: no example. Run `make contract`."]
        wrong += [
            f"{name}: {fault}. Run `make contract`."
            for value in shown
            for fault in contract.faults(content["schema"], value)
        ]
    assert not wrong, "\n".join(wrong)


def test_every_example_of_an_answer_is_of_an_operation(contract: Contract) -> None:
    known = {operation["operationId"] for _, operation in operations(contract)}
    assert sorted({file.stem for file in EXAMPLES.glob("*.json")} - known) == [], "remove the files of these"


def test_every_type_of_problem_has_an_example_of_the_status_that_it_comes_with(contract: Contract) -> None:
    for name, operation in operations(contract):
        for status, response in operation["responses"].items():
            content = response["content"].get("application/problem+json")
            if content is None:
                continue
            shown = [contract.resolved(example)["value"] for example in content["examples"].values()]
            assert [value["type"] for value in shown] == response["x-problems"], name
            for value in shown:
                assert contract.faults(content["schema"], value) == []
                assert value["status"] == int(status)


async def test_every_example_of_a_body_is_taken_and_answered_as_shown(
    contract: Contract, anonymous: httpx.AsyncClient, world: World
) -> None:
    refused = []
    for number, (name, operation) in enumerate(operations(contract)):
        row = ROWS[name]
        cell = Cell(Shown.RIGHT, who_may(name), Party.OWN) if row.deed else Cell(Shown.NOTHING)
        for media, body in bodies(operation) or [("", None)]:
            shown: dict[str, Any] = {"json": body} if media == JSON else {}
            if media not in {"", JSON}:
                shown = {"content": body, "headers": {"Content-Type": media}}
            answer = await call(anonymous, world, name, cell, number=number, **shown)
            if answer.status_code >= 300:
                refused.append(f"{name}: {answer.status_code} {answer.text[:300]} for {body}")
            elif "MLA_RECORD_EXAMPLES" in os.environ:
                record(contract, operation, answer)
    assert not refused, "\n".join(refused)


def record(contract: Contract, operation: Mapping[str, Any], answer: httpx.Response) -> None:
    """Write an answer as an example, if there is none yet that fits."""
    content = success(operation)["content"].get(JSON)
    if content is None or operation["operationId"] in NOT_SHOWN:
        return
    file = EXAMPLES / f"{operation['operationId']}.json"
    if file.exists() and not contract.faults(content["schema"], json.loads(file.read_text())):
        return
    whole = json.loads(_without_real_names(answer.text))
    short = shortened(whole)
    shown = whole if contract.faults(content["schema"], short) else short
    EXAMPLES.mkdir(exist_ok=True)
    file.write_text(json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def _without_real_names(text: str) -> str:
    """Ids by order of appearance, and no secret, so that an example looks the same whenever it is recorded."""
    ids: dict[str, str] = {}
    text = _SECRET.sub(rf"\1{'EXAMPLE' * 6}A", text)
    return _ID.sub(
        lambda match: ids.setdefault(match[0], f"019cd7f4-2a80-7c3d-9b1e-2f4a6c8d{len(ids):04x}"), text
    )


def shortened(value: Any) -> Any:
    """The same with lists of a few items."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    return [shortened(item) for item in value[:MOST_ITEMS]] if isinstance(value, list) else value
