"""Schema and reading agree: what the published schema allows, the model behind it reads."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel
from schemathesis.core.result import Ok

from mla_tracker.api.app import PREFIX, ROUTES
from mla_tracker.api.bodies import parse, parse_query
from mla_tracker.api.problems import Problem
from mla_tracker.api.routes import Route
from tests.builders.api import the_contract

CONTRACT = schemathesis.openapi.from_dict(asyncio.run(the_contract()))
BY_NAME = {handler.fn.__name__: handler.opt["route"] for handler in ROUTES}
OPERATIONS = [
    pytest.param(operation, id=operation.definition.raw["operationId"])
    for operation in (found.ok() for found in CONTRACT.get_all_operations() if isinstance(found, Ok))
    if operation.path.startswith(PREFIX)
]


BEYOND_A_SCHEMA = (
    # what holds between fields
    "Give either occurred_on",
    "Give family_names, given_names or as_written",
    "A name, an identifier or a remark",
    "There is no such day",
    "Name at least one field",
    "Not after from",
    "The bands do not ascend",
    "More than 20 years after from",
    # what is refused in any text or number, wherever it stands
    "Holds a NUL",
    "In a field name",
    "Holds half of",
    "The number is too large",
)
"""How sentences begin that a schema has no words for."""


def as_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(model: type[BaseModel] | None, kind: str, sent: Any) -> None:
    try:
        if model is not None and kind == "body":
            parse(model, json.dumps(sent).encode(), "application/json")
        elif model is not None:
            query = {name: as_text(value) for name, value in sent.items()}
            parse_query(model, urlencode(query).encode())
    except Problem as problem:
        faults = [fault for fault in problem.errors if not fault[1].startswith(BEYOND_A_SCHEMA)]
        assert not faults, f"The schema allows what is refused: {faults} in {sent}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_schema_allows_is_read(operation: Any) -> None:
    route: Route = BY_NAME[operation.definition.raw["operationId"]]
    if route.body is None and route.query is None:
        return

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        read(route.body, "body", case.body)
        read(route.query, "query", dict(case.query or {}))

    check()
