"""Schemathesis against the running server: whatever its contract allows or forbids, it keeps to the contract.

A quick look by default; MLA_FUZZ=thorough looks for some ten minutes.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn

from mla_tracker.api.app import create_app
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database
from tests.builders.keys import the_keys

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
SECONDS: Final = 1200
MANY, FEW = 100, 4
QUICK: Final = (
    "[generation]\nmax-examples = 2\nmode = 'all'\ndeterministic = true\ndatabase = 'none'\n"
    "[phases]\nstateful.enabled = false\n"
    "[phases.coverage.generation]\nmode = 'positive'\n"
    # Limits have so many fields that covering each would take longer than all the rest.
    "[[operations]]\ninclude-path = '/api/v1/agreements'\ninclude-method = 'POST'\nphases.coverage.enabled = false\n"
    "[[operations]]\ninclude-path = '/api/v1/limits'\ninclude-method = 'POST'\nphases.coverage.enabled = false\n"
)
THOROUGH: Final = "[generation]\nmax-examples = 50\ndeterministic = true\ndatabase = 'none'\n"


@dataclass
class Running:
    """A server on a free port of this machine, in a thread with an event loop of its own."""

    url: str
    token: str = ""
    admin_token: str = ""
    server: uvicorn.Server | None = None


@pytest.fixture
def running(database_url: str) -> Iterator[Running]:
    listener = socket.create_server(("127.0.0.1", 0))
    running = Running(f"http://127.0.0.1:{listener.getsockname()[1]}")
    ready = threading.Event()

    async def serve() -> None:
        async with await Database.open(database_url, vault=the_keys(), pool_size=5) as db:
            now = datetime.now(UTC)
            account = await create_account(db, name="Rabat", countries=["MA", "ES"], role=Role.HEAD, now=now)
            running.token = (await create_token(db, account, now=now)).secret
            admin = await create_account(db, name="Admin", countries=["MA"], role=Role.ADMIN, now=now)
            running.admin_token = (await create_token(db, admin, now=now)).secret
            settings = Settings(calls_per_minute=0, failures_per_minute=0)
            app = create_app(db, settings, now=lambda: datetime.now(UTC))
            config = uvicorn.Config(app, log_config=None, access_log=False)
            running.server = uvicorn.Server(config)
            ready.set()
            await running.server.serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield running
    assert running.server is not None
    running.server.should_exit = True
    thread.join(30)
    listener.close()


def shortened(schema: Any) -> Any:
    """A schema with a few values of each long list (countries, zones), as each value would be a case of its own."""
    if isinstance(schema, dict):
        return {
            name: value[:: len(value) // FEW] if name == "enum" and len(value) > MANY else shortened(value)
            for name, value in schema.items()
        }
    return [shortened(item) for item in schema] if isinstance(schema, list) else schema


def with_short_lists(contract: dict[str, Any]) -> dict[str, Any]:
    """The contract with short lists in what is sent; what is answered stays as published."""
    schemas: dict[str, Any] = contract["components"]["schemas"]

    def reached(part: Any) -> set[str]:
        found, waiting = set[str](), [part]
        while waiting:
            names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop()))) - found
            found |= names
            waiting += [schemas[name] for name in names]
        return found

    operations = [operation for methods in contract["paths"].values() for operation in methods.values()]
    answered = reached([operation["responses"] for operation in operations])
    for operation in operations:
        operation["parameters"] = shortened(operation["parameters"])
    contract["components"]["schemas"] = {
        name: schema if name in answered else shortened(schema) for name, schema in schemas.items()
    }
    return contract


def records(client: httpx.Client, contract: dict[str, Any]) -> dict[str, str]:
    """Ids of an agreement and a request with an act, made from the examples, so that calls get beyond 404."""

    def make(path: str) -> str:
        content = contract["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        answer = client.post(path, json=next(iter(content["examples"].values()))["value"])
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    request_id = make("/api/v1/requests")
    acts = client.get(f"/api/v1/requests/{request_id}/events").json()["items"]
    return {"request_id": request_id, "event_id": acts[-1]["id"], "agreement_id": make("/api/v1/agreements")}


def managed(client: httpx.Client) -> dict[str, str]:
    """Ids of an account and a token of it."""
    account = client.post(
        "/api/v1/accounts", json={"name": "Desk", "countries": ["MA"], "role": "officer"}
    ).json()
    token = client.post(f"/api/v1/accounts/{account['id']}/tokens", json={}).json()
    return {"account_id": account["id"], "token_id": token["id"]}


def fuzz(
    running: Running,
    token: str,
    tmp_path: Path,
    known: Callable[[httpx.Client, dict[str, Any]], dict[str, str]],
    *which: str,
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.url, headers=headers) as client:
        contract = client.get("/schema/openapi.json").json()
        ids = [f'"path.{name}" = "{value}"' for name, value in known(client, contract).items()]
    (tmp_path / "contract.json").write_text(json.dumps(with_short_lists(contract)))
    config = tmp_path / "schemathesis.toml"
    depth = THOROUGH if os.environ.get("MLA_FUZZ") == "thorough" else QUICK
    config.write_text("\n".join([CONFIG.read_text(), "[parameters]", *ids, depth]))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", "contract.json"),
            *("--url", running.url, "--header", f"Authorization: Bearer {token}"),
            *which,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_makes_the_server_break_its_contract(running: Running, tmp_path: Path) -> None:
    fuzz(running, running.token, tmp_path, records)


def test_no_input_of_an_administrator_makes_the_server_break_its_contract(
    running: Running, tmp_path: Path
) -> None:
    accounts_alone = ("--include-path-regex", "^/api/v1/(accounts|tokens)")
    fuzz(running, running.admin_token, tmp_path, lambda client, _: managed(client), *accounts_alone)
