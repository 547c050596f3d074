"""Schemathesis against the running server: whatever its contract allows or forbids, it keeps to the contract.

Every check and every phase. A quick look by default; `make fuzz` (MLA_FUZZ=thorough) looks for as long as it takes.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.sealing import seal
from mla_tracker.storage.database import Database
from tests.api.schemathesis_hooks import CONTRACT
from tests.builders.keys import the_keys
from tests.builders.running import Running, a_server

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
HOOKS: Final = Path(__file__).with_name("schemathesis_hooks.py")
ROOT: Final = Path(__file__).parents[2]
FEW: Final = 4
OURS: Final = ("MA", "ES", "evidence", "sent", "received")
DEEP: Final = os.environ.get("MLA_FUZZ") == "thorough"
SECONDS: Final = 4 * 3600 if DEEP else 600
GENERATION: Final = "[generation]\nmode = '{}'\ndeterministic = true\ndatabase = 'none'\nmax-examples = {}\n"
NO_LINKS: Final = "[phases.stateful]\nenabled = false\n"
LINKS: Final = "".join(
    f"[phases.{phase}]\nenabled = false\n" for phase in ("examples", "coverage", "fuzzing")
)
QUICK: Final = "[phases.coverage]\nenabled = false\n"
"""Each value of each field in turn is left to the thorough look, which takes a quarter of an hour."""
JSON: Final = "application/json"


@pytest.fixture
def running(database_url: str) -> Iterator[Running]:
    with a_server(database_url) as server:
        yield server


def shortened(schema: Any) -> Any:
    """A schema with a few values of each long list, as each value would be a case of its own."""
    if isinstance(schema, dict):
        return {
            name: a_few(value) if name == "enum" else value if name == "x-enum-varnames" else shortened(value)
            for name, value in schema.items()
        }
    return [shortened(item) for item in schema] if isinstance(schema, list) else schema


def a_few(values: list[Any]) -> list[Any]:
    """The first, the last, one amid, and those that the examples are about."""
    if len(values) <= FEW:
        return values
    kept = {0, len(values) // 2, len(values) - 1} | {values.index(one) for one in OURS if one in values}
    return [values[index] for index in sorted(kept)]


def with_short_lists(contract: Mapping[str, Any]) -> dict[str, Any]:
    """The contract with short lists in what is sent; what is answered stays as published."""
    short: dict[str, Any] = json.loads(json.dumps(contract))
    schemas: dict[str, Any] = short["components"]["schemas"]

    def sent(part: Any) -> Any:
        return json.loads(
            re.sub(r'("#/components/schemas/)([^"]+")', r"\1Sent.\2", json.dumps(shortened(part)))
        )

    for operation in (operation for methods in short["paths"].values() for operation in methods.values()):
        operation["parameters"] = sent(operation["parameters"])
        if content := operation.get("requestBody", {}).get("content", {}).get(JSON):
            content["schema"] = sent(content["schema"])
    schemas |= {f"Sent.{name}": sent(schema) for name, schema in schemas.items()}
    return short


def with_bodies_of_examples(contract: Mapping[str, Any]) -> dict[str, Any]:
    """The contract with bodies that are taken: the examples, whole and each time without one field of them."""
    exemplary = with_short_lists(contract)
    for operation in (operation for methods in exemplary["paths"].values() for operation in methods.values()):
        if content := operation.get("requestBody", {}).get("content", {}).get(JSON):
            name = content["schema"]["$ref"].rsplit("/", 1)[-1]
            required = exemplary["components"]["schemas"][name].get("required", ())
            shown = [example["value"] for example in content["examples"].values()]
            less = [
                {name: value for name, value in body.items() if name != left_out}
                for body in shown
                for left_out in body
                if left_out not in required
            ]
            content["schema"] = {"enum": shown + [body for body in less if body not in shown]}
    return exemplary


@dataclass
class Operation:
    """An operation of the contract, the token that may call it, and the ids of records for its path."""

    method: str
    path: str
    said: Mapping[str, Any]
    token: str
    ids: dict[str, str] = field(default_factory=dict)

    def config(self, *, with_ids: bool) -> str:
        """What schemathesis is told of it."""
        known = {"path.country": "MA"} | {f"path.{name}": value for name, value in self.ids.items()}
        lines = [
            "[[operations]]",
            f"include-operation-id = '{self.said['operationId']}'",
            f'headers = {{Authorization = "Bearer {self.token}"}}',
        ]
        if with_ids:
            pairs = ", ".join(f'"{name}" = "{value}"' for name, value in known.items())
            lines.append(f"parameters = {{{pairs}}}")
        return "\n".join([*lines, ""])


def token_for(running: Running, operation: Mapping[str, Any]) -> str:
    """The token of a head if a head may, else of whoever may."""
    for role, token in running.tokens.items():
        if role in operation.get("x-roles", (role,)):
            return token
    raise AssertionError(f"{operation['operationId']} is for nobody whose token is at hand")


def operations_of(running: Running, contract: Mapping[str, Any]) -> dict[str, Operation]:
    """Every operation, each with the token of somebody who may."""
    return {
        operation["operationId"]: Operation(method, path, operation, token_for(running, operation))
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
    }


def learn(running: Running, operations: Mapping[str, Operation], method: str) -> None:
    """Give operations the ids of records that calls by a method make or list, so that they get beyond 404."""
    with httpx.Client(base_url=running.url, timeout=30) as client:
        for one in sorted(operations.values(), key=lambda one: one.path.count("/")):
            for target, ids in made_by(client, one).items() if one.method == method else ():
                operations[target].ids = ids | operations[target].ids


def made_by(client: httpx.Client, one: Operation) -> dict[str, dict[str, str]]:
    """Call an operation that has links and no unknown ids; the ids that they tell, by operation."""
    status = {"post": "201", "get": "200"}.get(one.method, "")
    links = one.said["responses"].get(status, {}).get("links", {})
    if not links or set(re.findall(r"\{(\w+)\}", one.path)) - one.ids.keys():
        return {}
    content = one.said.get("requestBody", {}).get("content", {}).get(JSON, {})
    answer = client.request(
        one.method,
        one.path.format_map(one.ids),
        headers={"Authorization": f"Bearer {one.token}"},
        json=next(iter(content["examples"].values()))["value"] if content else None,
    )
    if not answer.is_success:
        return {}  # as the limit of a country whose account speaks for two
    said = answer.json()
    record = said["items"][0] if said.get("items") else said
    return {
        target: {
            name: one.ids[name] if told.startswith("$request") else str(record["id"])
            for name, told in link["parameters"].items()
            if name != "If-Match"
        }
        for target, link in links.items()
        if "id" in record
    }


async def swept(database_url: str) -> None:
    """Flags raised and entries sealed, as jobs would do meanwhile."""
    async with await Database.open(database_url, vault=the_keys(), pool_size=2) as db:
        await flag_due(db, datetime.now(UTC))
        await seal(db, datetime.now(UTC))


def fuzz(
    running: Running,
    database_url: str,
    folder: Path,
    how: str,
    fuzzed: Callable[[Mapping[str, Any]], dict[str, Any]],
    *,
    with_ids: bool,
) -> str:
    """Run schemathesis on a variant of the contract; what it said."""
    contract = httpx.get(f"{running.url}/schema/openapi.json", timeout=30).json()
    operations = operations_of(running, contract)
    learn(running, operations, "post")
    asyncio.run(swept(database_url))
    learn(running, operations, "get")
    assert {"request_id", "event_id"} <= operations["void_event"].ids.keys()
    assert operations["acknowledge"].ids
    (folder / "published.json").write_text(json.dumps(contract))
    (folder / "contract.json").write_text(json.dumps(fuzzed(contract)))
    config = folder / "schemathesis.toml"
    told = [one.config(with_ids=with_ids) for one in operations.values()]
    config.write_text("\n".join([f"hooks = '{HOOKS}'", CONFIG.read_text(), how, *told]))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", "contract.json"),
            *("--url", running.url),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), CONTRACT: str(folder / "published.json")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if "MLA_FUZZ_REPORT" in os.environ:
        with Path(os.environ["MLA_FUZZ_REPORT"]).open("a") as report:
            report.write(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_input_makes_the_server_break_its_contract(
    running: Running, database_url: str, tmp_path: Path
) -> None:
    depth = GENERATION.format("all", 25 if DEEP else 2) + NO_LINKS + ("" if DEEP else QUICK)
    said = fuzz(running, database_url, tmp_path, depth, with_short_lists, with_ids=True)
    tested = re.search(r"Selected: (\d+)/(\d+)\n +Tested: (\d+)", said)
    assert tested is not None
    assert len(set(tested.groups())) == 1


def test_no_chain_of_calls_makes_the_server_break_its_contract(
    running: Running, database_url: str, tmp_path: Path
) -> None:
    depth = GENERATION.format("positive", 100 if DEEP else 10) + LINKS
    said = fuzz(running, database_url, tmp_path, depth, with_bodies_of_examples, with_ids=False)
    followed = re.search(r"API Links: +(\d+) covered", said)
    assert followed is not None
    assert int(followed[1]) >= (10 if DEEP else 2)
