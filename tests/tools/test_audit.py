"""What the gate makes of pip-audit's answer: a known vulnerability stops it, an unknown one is said to be unknown."""

import json
import subprocess
from typing import Any

import pytest

from tools import audit
from tools.audit import judge

CLEAN: dict[str, Any] = {"name": "asyncpg", "version": "0.32.0", "vulns": []}
UNKNOWN = {
    "name": "anyio",
    "skip_reason": "Dependency not found on PyPI and could not be audited: anyio (4.16.0)",
}
FAULTY = {
    "name": "litestar",
    "version": "2.25.0",
    "vulns": [
        {"id": "PYSEC-2027-1", "fix_versions": ["2.25.1"], "aliases": ["CVE-2027-1"], "description": "Bad."},
        {"id": "PYSEC-2027-2", "fix_versions": [], "aliases": [], "description": "Worse."},
    ],
}


def answer(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_known_vulnerability_stops_the_gate_and_is_named_with_its_remedy() -> None:
    verdict = judge(1, answer(CLEAN, FAULTY, UNKNOWN), "")
    assert not verdict.ok
    assert verdict.lines[1:] == (
        "  litestar 2.25.0: PYSEC-2027-1, fixed in 2.25.1",
        "  litestar 2.25.0: PYSEC-2027-2, no fix yet",
    )


def test_a_vulnerability_counts_whatever_the_exit_code() -> None:
    assert not judge(0, answer(FAULTY), "").ok


def test_dependencies_without_one_are_counted_and_those_not_looked_at_are_named() -> None:
    assert judge(0, answer(CLEAN), "").lines == ("Audited 1 dependencies: no known vulnerability.",)
    partly = judge(0, answer(CLEAN, UNKNOWN), "")
    assert partly.ok
    assert "not audited, since unknown there: anyio" in partly.lines[0]


@pytest.mark.parametrize(
    ("output", "errors"),
    [
        (answer(UNKNOWN, UNKNOWN), "No known vulnerabilities found"),
        ("", "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed at pypi.example.org"),
        ("", "requests.exceptions.ConnectTimeout: Max retries exceeded with url: /pypi/x/json"),
    ],
)
def test_where_nothing_could_be_asked_one_line_says_so_and_the_gate_goes_on(output: str, errors: str) -> None:
    verdict = judge(0 if output else 1, output, errors)
    assert verdict.ok
    assert len(verdict.lines) == 1
    assert verdict.lines[0].startswith("NOT AUDITED: ")
    assert "example.org" not in verdict.lines[0]


@pytest.mark.parametrize(
    ("code", "output", "errors"),
    [
        (
            1,
            "",
            "ERROR:pip_audit._cli:requirement asyncpg==0.32.0 does not contain a hash, see https://x.example.com/y",
        ),
        (2, "", "usage: pip-audit"),
        (1, "", ""),
        (1, answer(CLEAN), ""),
        (0, answer(), ""),
        (0, '{"dependencies": 3}', ""),
        (0, "[]", ""),
    ],
)
def test_what_failed_for_another_reason_is_no_clean_bill(code: int, output: str, errors: str) -> None:
    verdict = judge(code, output, errors)
    assert not verdict.ok
    assert "example.com" not in "".join(verdict.lines)


def test_a_database_that_does_not_answer_in_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def late(*_: object, **given: Any) -> None:
        raise subprocess.TimeoutExpired("pip-audit", given["timeout"])

    monkeypatch.setattr(subprocess, "run", late)
    assert audit.main() == 0
    assert capsys.readouterr().out.startswith(
        "NOT AUDITED: no database of vulnerabilities answered within 9 seconds"
    )
