"""An operator's own PostgreSQL, of the oldest version that is promised, with the two logins that the page makes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mla_tracker.commands.worked_example import load
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from tests.builders.backups import an_empty_place
from tests.builders.keys import the_keys
from tests.builders.older_server import OlderServer, older_server, programs_of_older
from tests.builders.programs import absent, environment

PROGRAM = Path(sys.executable).with_name("mla-tracker")
SECONDS = 120


@pytest.fixture
def older(server: Server) -> Iterator[OlderServer]:
    """After the tests' own server, which makes the user that no server may do without where root runs the tests."""
    programs = programs_of_older()
    if programs is None:
        absent("no PostgreSQL older than ours is installed (Debian: postgresql)")
    with older_server(programs) as one:
        yield one


def run(*arguments: str | Path, url: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [PROGRAM, *arguments], env=environment(MLA_DATABASE_URL=url, **settings),
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


async def test_it_is_migrated_worked_with_verified_and_copied_to_a_newer_one_and_back(
    older: OlderServer, server: Server, tmp_path: Path
) -> None:
    owner, runtime = older.url("mla_owner"), older.url("mla_runtime")
    migrated = run("migrate", url=owner)
    assert migrated.returncode == 0, migrated
    async with await Database.open(owner, pool_size=3, vault=the_keys()) as database:
        example = await load(database, datetime.now(UTC))
    swept = json.loads(run("sweep", "--json", url=runtime).stdout)
    assert swept["raised"] > 0
    assert run("rebuild", "--check", url=runtime).returncode == 0
    verified = run("verify", url=owner)
    assert (verified.returncode, "no fault" in verified.stdout) == (0, True), verified.stdout
    assert run("doctor", url=runtime).returncode in (0, 1)

    keeping = {"MLA_RECORD_KEYS_FILE": str(tmp_path / "record-keys")}
    refused = run("backup", tmp_path / "one", url=owner, **keeping)
    assert (refused.returncode, "MLA_POSTGRES_PROGRAMS" in refused.stderr) == (1, True), refused
    its_own = keeping | {"MLA_POSTGRES_PROGRAMS": str(older.programs)}
    backed_up = run("backup", tmp_path / "one", url=owner, **its_own)
    assert backed_up.returncode == 0, backed_up

    older.run("create database another owner mla_owner encoding 'UTF8' template template0")
    back = run("restore", tmp_path / "one", "--json", url=older.url("mla_owner", "another"), **its_own)
    told = json.loads(back.stdout)
    assert (back.returncode, told["sound"], told["requests"]) == (0, True, example.requests), back
    async with an_empty_place(server) as (url, _):
        newer = run("restore", tmp_path / "one", "--json", url=url, **keeping)
        told = json.loads(newer.stdout)
        assert (newer.returncode, told["sound"], told["requests"]) == (0, True, example.requests), newer
        again = run("backup", tmp_path / "two", url=url, **keeping)
        assert again.returncode == 0, again
    older.run("create database third owner mla_owner encoding 'UTF8' template template0")
    down = run("restore", tmp_path / "two", url=older.url("mla_owner", "third"), **its_own)
    assert (down.returncode, "into that version or a newer one" in down.stderr) == (1, True), down
