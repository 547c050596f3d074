"""Clients that generators make from the contract build, type-check, and do a desk's day against a running server."""

import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from mla_tracker.domain.vocabulary import Role
from tests.builders.generated import FOLDER, Workshop
from tests.builders.held import published
from tests.builders.running import Running, a_server

STEPS: Final = {
    ("POST", "/api/v1/requests", 201),
    ("GET", "/api/v1/requests/{request_id}/clocks", 200),
    ("POST", "/api/v1/requests/{request_id}/events", 201),
    ("POST", "/api/v1/requests/{request_id}/events", 400),
    ("PATCH", "/api/v1/requests/{request_id}", 412),
    ("GET", "/api/v1/requests/{request_id}", 200),
    ("PATCH", "/api/v1/requests/{request_id}", 200),
    ("GET", "/api/v1/requests", 200),
    ("POST", "/api/v1/agreements", 201),
    ("POST", "/api/v1/agreements/{agreement_id}/events", 201),
    ("GET", "/api/v1/reports/sla", 200),
}
"""What a journey must have done."""

FREE_DEFAULTS: Final = ("--default-non-nullable", "false")
"""Else the generator demands every field of a body that has a default; docs/clients.md says so."""


@pytest.fixture
def running(database_url: str) -> Iterator[Running]:
    with a_server(database_url, countries=("MA",)) as server:
        yield server


@pytest.fixture(scope="session")
def python_client(workshop: Workshop) -> str:
    """The Python client, generated beside its journey; what the generator said."""
    said = workshop.must_run(
        "openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none",
        "--output-path", "mla_client", "--fail-on-warning", "--config", str(FOLDER / "python-client.yaml"),
    )  # fmt: skip
    shutil.copy(FOLDER / "journey.py", workshop.folder)
    return said


@pytest.fixture(scope="session")
def typescript_client(workshop: Workshop) -> str:
    """The types for TypeScript, generated beside their journey; what the generator said."""
    said = workshop.must_run(
        workshop.npm("openapi-typescript"), "openapi.json", "--output", "schema.ts", *FREE_DEFAULTS
    )
    shutil.copy(FOLDER / "journey.ts", workshop.folder)
    return said


@pytest.fixture(scope="session")
def compiled(workshop: Workshop, typescript_client: str) -> str:
    """The journey, compiled strictly."""
    return workshop.must_run(
        workshop.npm("tsc"), "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext",
        "--types", "node", "--skipLibCheck", "journey.ts",
    )  # fmt: skip


def judge(printed: str) -> None:
    """Every answer of the journey is as the contract says, and it did what a journey does."""
    contract = published()
    seen: list[dict[str, Any]] = json.loads(printed)
    wrong = [
        f"{answer['method']} {answer['path']} {answer['status']}: {fault}"
        for answer in seen
        for fault in contract.wrong(
            answer["method"],
            answer["path"],
            answer["status"],
            [(name, value) for name, value in answer["headers"]],
            answer["body"].encode(),
        )
    ]
    assert not wrong, "\n".join(wrong)
    done = {
        (answer["method"], contract.path_of(urlsplit(answer["path"]).path), answer["status"])
        for answer in seen
    }
    assert done >= STEPS


def test_the_generator_for_python_leaves_nothing_out(workshop: Workshop, python_client: str) -> None:
    assert "WARNING" not in python_client
    made = {file.stem for file in (workshop.folder / "mla_client" / "api").rglob("*.py")}
    operations = {
        operation["operationId"]
        for methods in published().document["paths"].values()
        for operation in methods.values()
    }
    assert operations <= made


def test_the_python_client_has_types_that_fit_together(workshop: Workshop, python_client: str) -> None:
    workshop.must_run(
        sys.executable, "-m", "mypy", "--config-file", str(FOLDER / "mypy.ini"), "--cache-dir", "mypy",
        "mla_client", "journey.py",
    )  # fmt: skip


def test_a_desk_works_with_the_python_client(
    workshop: Workshop, python_client: str, running: Running
) -> None:
    judge(workshop.must_run(sys.executable, "journey.py", running.url, running.tokens[Role.HEAD]))


def test_a_desk_works_with_the_typescript_client(workshop: Workshop, compiled: str, running: Running) -> None:
    judge(workshop.must_run(workshop.node, "journey.js", running.url, running.tokens[Role.HEAD]))
