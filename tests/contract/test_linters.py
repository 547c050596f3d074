"""Linters of OpenAPI documents find nothing that we do not answer with a reason, in the files of their rules."""

import json
from pathlib import Path

from tests.builders.generated import FOLDER, Workshop


def test_spectral_finds_nothing(workshop: Workshop) -> None:
    done = workshop.run(
        workshop.npm("spectral"), "lint", "openapi.json", "--ruleset", str(FOLDER / ".spectral.yaml"),
        "--fail-severity", "hint", "--format", "json", "--quiet",
    )  # fmt: skip
    found = json.loads(done.stdout or "[]")
    assert done.returncode == 0, "\n".join(f"{fault['code']}: {fault['message']}" for fault in found)
    assert found == []


def test_spectral_would_find_something(workshop: Workshop, tmp_path: Path) -> None:
    schemas = {"Lost": {"$ref": "#/components/schemas/Nowhere"}}
    broken = {"openapi": "3.1.0", "info": {}, "paths": {}, "components": {"schemas": schemas}}
    (tmp_path / "openapi.json").write_text(json.dumps(broken))
    done = workshop.run(
        workshop.npm("spectral"), "lint", str(tmp_path / "openapi.json"),
        "--ruleset", str(FOLDER / ".spectral.yaml"), "--format", "json", "--quiet",
    )  # fmt: skip
    assert done.returncode == 1
    assert "invalid-ref" in done.stdout


def test_redocly_finds_nothing(workshop: Workshop) -> None:
    done = workshop.run(
        workshop.npm("redocly"),
        "lint",
        "openapi.json",
        "--config",
        str(FOLDER / "redocly.yaml"),
        "--format",
        "json",
    )
    found = json.loads(done.stdout)
    told = [f"{fault['severity']} {fault['ruleId']}: {fault['message']}" for fault in found["problems"]]
    assert told == []
    assert found["totals"]["ignored"] == 0
    assert done.returncode == 0
