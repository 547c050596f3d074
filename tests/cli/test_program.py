"""The program as a person runs it: what stands in its way is a sentence and an exit code, never a traceback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mla_tracker.storage.embedded import Server
from tests.builders.programs import environment

PROGRAM = Path(sys.executable).with_name("mla-tracker")
SECONDS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of its own, with a short path."""
    with tempfile.TemporaryDirectory(prefix="mla-own-", dir="/tmp") as name:
        yield Path(name)


def _run(*args: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [str(PROGRAM), *args],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serving(folder: Path, port: int) -> "subprocess.Popen[str]":
    program = subprocess.Popen(
        [str(PROGRAM), "serve", "--port", str(port)],
        env=environment(MLA_DATA_DIR=str(folder)),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stderr is not None
    for line in program.stderr:
        if line.startswith("Serving"):
            return program
    pytest.fail("it did not serve")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"MLA_PORT": "99999"}, "The setting MLA_PORT '99999' is not possible: less than or equal to 65535."),
        ({"MLA_SWEEP_SECONDS": "soon"}, "The setting MLA_SWEEP_SECONDS 'soon' is not possible"),
        ({"MLA_DATABASE_URL": "mysql://u:secret@h/d"}, "The setting MLA_DATABASE_URL is not possible"),
        ({"MLA_LOG_FORMAT": "xml"}, "The setting MLA_LOG_FORMAT 'xml' is not possible"),
        ({"MLA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d"}, '"d" at 127.0.0.1:1 cannot be reached'),
        ({"MLA_DATA_DIR": "/proc/nowhere"}, "The data folder /proc/nowhere"),
    ],
)
def test_a_wrong_setting_is_named_and_no_password_is_shown(settings: dict[str, str], sentence: str) -> None:
    done = _run("migrate", **settings)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_a_taken_port_is_told_before_anything_is_started(folder: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = _run("serve", "--port", str(port), MLA_DATA_DIR=str(folder))
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use by another program" in done.stderr
    assert not (folder / "pg").exists()


def test_an_unknown_host_is_told(folder: Path) -> None:
    done = _run("serve", "--host", "no.such.host.invalid", MLA_DATA_DIR=str(folder))
    assert done.returncode == 1
    assert "Cannot listen on no.such.host.invalid" in done.stderr


def test_it_serves_once_lets_commands_in_and_stops_on_ctrl_c(folder: Path) -> None:
    port = _free_port()
    program = _serving(folder, port)
    try:
        second = _run("serve", "--port", str(_free_port()), MLA_DATA_DIR=str(folder))
        assert second.returncode == 1
        assert f"mla-tracker already serves from {folder} (process {program.pid}" in second.stderr

        made = _run(
            "token", "create", "--country", "MA", "--role", "officer", "--json", MLA_DATA_DIR=str(folder)
        )
        secret = json.loads(made.stdout)["token"]
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/me", headers={"Authorization": f"Bearer {secret}"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert json.load(answer)["countries"] == ["MA"]
        assert secret not in _run("token", "list", MLA_DATA_DIR=str(folder)).stdout

        os.killpg(program.pid, signal.SIGINT)
        _, said = program.communicate(timeout=SECONDS)
    finally:
        program.kill()
    assert program.returncode == 0
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said
    assert not (folder / "pg" / "postmaster.pid").exists()


def test_it_stops_on_sigterm_and_takes_its_database_with_it(folder: Path) -> None:
    program = _serving(folder, _free_port())
    program.terminate()
    program.communicate(timeout=SECONDS)
    assert program.returncode == 0
    assert not (folder / "pg" / "postmaster.pid").exists()


def test_a_database_that_lacks_migrations_is_not_served_and_migrate_helps(
    server: Server, empty_database_url: str
) -> None:
    refused = _run("sweep", MLA_DATABASE_URL=empty_database_url)
    assert refused.returncode == 1
    assert "Run: mla-tracker migrate" in refused.stderr
    assert _run("migrate", MLA_DATABASE_URL=empty_database_url).returncode == 0
    assert "up to date" in _run("migrate", MLA_DATABASE_URL=empty_database_url).stdout
    swept = _run("sweep", "--json", MLA_DATABASE_URL=empty_database_url)
    assert json.loads(swept.stdout)["raised"] == 0


def test_a_country_that_does_not_exist_gets_no_token(database_url: str) -> None:
    done = _run("token", "create", "--country", "XX", "--role", "officer", MLA_DATABASE_URL=database_url)
    assert done.returncode == 1
    assert "ISO 3166-1 alpha-2" in done.stderr


def test_the_worked_example_shows_what_is_late_with_its_reference_and_ends(folder: Path) -> None:
    done = _run("demo", "--once", MLA_DATA_DIR=str(folder))
    assert done.returncode == 0
    assert "This is a WORKED EXAMPLE" in done.stdout
    assert re.search("EXAMPLE-[0-9]{2} .* overdue ", done.stdout)
    assert "…" not in done.stdout  # nothing of a table is cut off


def test_doctor_finds_a_good_database_good(database_url: str) -> None:
    done = _run("doctor", "--json", MLA_DATABASE_URL=database_url)
    findings = {finding["name"]: finding["ok"] for finding in json.loads(done.stdout)}
    assert findings["database"]
    assert findings["schema"]


def test_doctor_names_a_setting_that_is_misspelt(database_url: str) -> None:
    done = _run("doctor", MLA_DATABASE_URL=database_url, MLA_DATABSE_URL="postgresql://elsewhere/mla")
    assert (
        "BAD  settings: There is no setting MLA_DATABSE_URL; perhaps MLA_DATABASE_URL is meant."
        in done.stdout
    )
    assert done.returncode == 1


def test_the_engine_answers_on_the_command_line(database_url: str) -> None:
    question = ["deadline", "2026-03-02", "60", "days", "--timezone", "Europe/Madrid"]
    done = _run(*question, "--json", MLA_DATABASE_URL=database_url)
    assert json.loads(done.stdout)["due_on"] == "2026-05-01"
    assert "Due on 2026-05-01" in _run(*question, MLA_DATABASE_URL=database_url).stdout


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["2026-02-30", "1", "days"], "/start"),
        (["2026-03-02", "1", "days", "--timezone", "Mars/Base"], "/timezone"),
        (["2026-03-02", "1", "days", "--pause", "2026-03-04"], "give START/END"),
        (["2026-03-02", "1", "days", "--plus", "a while"], "give amount and unit"),
        (["2026-03-02", "1", "days", "--counting", "guess"], "/counting"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    database_url: str, args: list[str], sentence: str
) -> None:
    done = _run("deadline", *args, MLA_DATABASE_URL=database_url)
    assert done.returncode == 1
    assert sentence in done.stderr
