"""Accounts and tokens at the command line, where an operator keeps those that no administrator reaches."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders.programs import environment

PROGRAM = Path(sys.executable).with_name("mla-tracker")
ISSUER = {"MLA_OIDC_ISSUER": "https://login.example.org", "MLA_OIDC_AUDIENCE": "mla-tracker"}


class Program:
    """The program on one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, *args: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [str(PROGRAM), *args],
            env=environment(MLA_DATABASE_URL=self._url, **settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    def told(self, *args: str, **settings: str) -> Any:
        done = self.run(*args, "--json", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refusal(self, *args: str, **settings: str) -> str:
        done = self.run(*args, **settings)
        assert done.returncode == 1
        return done.stderr


@pytest.fixture
def program(database_url: str) -> Program:
    return Program(database_url)


def test_an_account_of_two_countries_is_made_changed_shown_and_ended(program: Program) -> None:
    made = program.told(
        *("account", "create", "--country", "MA", "--country", "ES", "--role", "admin", "--name", "Both"),
        *("--oidc-subject", "both"),
        **ISSUER,
    )["account_id"]
    assert program.run("account", "change", made, "--name", "Both of them").returncode == 0
    shown = program.told("account", "show", made)
    assert (shown["name"], shown["countries"], shown["role"]) == ("Both of them", ["ES", "MA"], "admin")
    assert (shown["oidc_subject"], shown["version"]) == ("both", 2)
    assert program.run("account", "change", made, "--forget-oidc").returncode == 0
    assert program.told("account", "show", made)["oidc_subject"] is None
    assert [each["id"] for each in program.told("account", "list", "--country", "ES", "--role", "admin")] == [
        made
    ]
    assert program.told("account", "list", "--country", "FR") == []
    assert program.run("account", "disable", made).returncode == 0
    assert "disabled 2" in program.run("account", "list").stdout
    assert "is disabled and stays so" in program.refusal("account", "change", made, "--name", "x")


def test_a_token_is_narrow_ends_and_is_rotated(program: Program) -> None:
    made = program.told(
        *("token", "create", "--country", "MA", "--role", "officer", "--days", "30", "--name", "night job"),
        *("--scope", "read", "--scope", "write"),
    )
    new = program.told("token", "rotate", made["id"], "--overlap-hours", "0")
    assert (new["account_id"], new["token"] == made["token"]) == (made["account_id"], False)
    old, young = program.told("token", "list", "--account", made["account_id"])
    assert (old["replaced_by"], young["id"]) == (new["id"], new["id"])
    assert old["scopes"] == young["scopes"] == ["read", "write"]
    assert old["expires_at"] < young["expires_at"]
    assert "was rotated before" in program.refusal("token", "rotate", made["id"])
    printed = program.run("account", "show", made["account_id"]).stdout + program.run("token", "list").stdout
    assert "night job" in printed
    assert new["token"] not in printed


def test_what_cannot_be_is_a_sentence(program: Program) -> None:
    nobody = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
    officer = ("--country", "MA", "--role", "officer")
    for args, sentence in {
        ("account", "show", nobody): f"There is no account {nobody}",
        ("account", "disable", nobody): f"There is no account {nobody}",
        ("account", "change", nobody): "Give --name, or either --oidc-subject or --forget-oidc.",
        ("token", "rotate", nobody): f"There is no token {nobody}",
        ("token", "rotate", nobody, "--overlap-hours", "169"): "Give 0 to 168 --overlap-hours.",
        ("token", "create", *officer, "--days", "0"): "Give 1 to 36500 --days",
        ("token", "create", *officer, "--account", nobody): "Give either --account, or --country and --role.",
        ("account", "create", *officer, "--name", "x", "--oidc-subject", "x"): "Set MLA_OIDC_ISSUER first.",
    }.items():
        assert sentence in program.refusal(*args)
    taken = ("account", "create", *officer, "--name", "x", "--oidc-subject", "x")
    assert program.run(*taken, **ISSUER).returncode == 0
    assert "Another account has this subject" in program.refusal(*taken, **ISSUER)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"MLA_OIDC_ISSUER": "http://login.example.org"},
            "The setting MLA_OIDC_ISSUER is not possible: give an https",
        ),
        (
            {"MLA_OIDC_ISSUER": "https://me:hidden@login.example.org"},
            "The setting MLA_OIDC_ISSUER is not possible",
        ),
        (
            {"MLA_OIDC_ISSUER": "https://login.example.org"},
            "MLA_OIDC_ISSUER and MLA_OIDC_AUDIENCE go together",
        ),
        ({"MLA_OIDC_AUDIENCE": "mla-tracker"}, "MLA_OIDC_ISSUER and MLA_OIDC_AUDIENCE go together"),
        (ISSUER | {"MLA_OIDC_ALGORITHM": "none"}, "The setting MLA_OIDC_ALGORITHM 'none' is not possible"),
        (ISSUER | {"MLA_OIDC_ALGORITHM": "HS256"}, "The setting MLA_OIDC_ALGORITHM 'HS256' is not possible"),
    ],
)
def test_an_identity_provider_that_cannot_be_trusted_is_refused(
    program: Program, settings: dict[str, str], sentence: str
) -> None:
    said = program.refusal("account", "list", **settings)
    assert sentence in said
    assert "hidden" not in said
