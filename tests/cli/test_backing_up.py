"""The commands backup and restore as an operator runs them: from one cluster to another, killed, on a full disk."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from mla_tracker.storage.database import Database, DbRole
from tests.builders.backups import an_empty_place, another_cluster
from tests.builders.counted import with_shipped_limits
from tests.builders.forgetting import closed_case
from tests.builders.programs import environment
from tests.builders.register import account

PROGRAM = Path(sys.executable).with_name("mla-tracker")
SECONDS = 60


def run(
    arguments: list[str | Path], settings: dict[str, str], *before: str
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [*before, str(PROGRAM), *map(str, arguments)],
        env=environment(**settings), capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"MLA_RECORD_KEYS_FILE": str(tmp_path / "record-keys"), "MLA_DATABASE_URL": database_url}


async def test_what_was_backed_up_is_restored_into_another_cluster_by_two_commands(
    db: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    await with_shipped_limits(db)
    await closed_case(db, await account(db, "MA"))
    (tmp_path / "backups").mkdir()
    told = json.loads(run(["backup", tmp_path / "backups", "--json"], settings).stdout)
    folder = Path(told["folder"])
    assert (folder.parent, folder.name.startswith("mla-2")) == (tmp_path / "backups", True)
    assert (told["requests"], told["record_keys"]["rows"]) == (1, 1)
    again = run(["restore", folder], settings)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True), again
    with another_cluster() as elsewhere:
        async with an_empty_place(elsewhere) as (url, place):
            back = run(["restore", folder, "--json"], settings | {"MLA_DATABASE_URL": url})
            assert (back.returncode, json.loads(back.stdout)["sound"]) == (0, True), back
            async with place.transaction(DbRole.OWNER) as tx:
                assert await tx.fetchval("select count(*) from request") == 1


def test_the_record_keys_are_renewed_alone_and_a_command_without_a_place_says_so(
    settings: dict[str, str], tmp_path: Path
) -> None:
    only = json.loads(run(["backup", "--only-record-keys", "--json"], settings).stdout)
    assert (only["rows"], only["taken_away"]) == (0, 0)
    assert (tmp_path / "record-keys").stat().st_size > 100
    done = run(["backup"], settings)
    assert (done.returncode, done.stderr.startswith("Give the folder")) == (1, True), done


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_backup_that_is_killed_is_never_taken_for_a_whole_one(
    number: signal.Signals, database_url: str, settings: dict[str, str], tmp_path: Path
) -> None:
    blocker = await asyncpg.connect(database_url)
    try:
        await blocker.execute("begin; lock table flag in access exclusive mode")  # pg_dump waits for it
        await asyncio.to_thread(kill_in_the_middle, number, settings, tmp_path)
    finally:
        await blocker.close()
    hidden = await asyncio.to_thread(lambda: list(tmp_path.glob(".one.*.unfinished")))
    assert len(hidden) == (number is signal.SIGKILL)  # who is asked to end clears up; who is killed cannot
    for left in hidden:
        done = run(["restore", left, "--only-check"], settings)
        assert (done.returncode, "broken off" in done.stderr) == (1, True), done
        assert run(["backup", tmp_path / "two"], settings).returncode == 0
        assert not left.exists()  # the next one clears it away
    assert not (tmp_path / "one").exists()


def kill_in_the_middle(number: signal.Signals, settings: dict[str, str], folder: Path) -> None:
    program = subprocess.Popen([PROGRAM, "backup", folder / "one"], env=environment(**settings))
    until = time.monotonic() + SECONDS
    while not list(folder.glob(".one.*/database.dump")):
        assert program.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    program.send_signal(number)
    assert program.wait(SECONDS) == (128 + number if number is signal.SIGTERM else -number)
    assert not (folder / "record-keys").exists()


def test_a_disk_that_is_full_leaves_no_backup_and_the_record_keys_of_before(
    settings: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "record-keys").write_text("those of before")
    # No file may grow beyond 64 KiB: the write fails as it does where a disk is full.
    limited = ("bash", "-c", 'ulimit -f 64; exec "$@"', "limited")
    done = run(["backup", tmp_path / "one"], settings, *limited)
    assert (done.returncode, "could not be written" in done.stderr) == (1, True), done
    assert [path.name for path in tmp_path.iterdir()] == ["record-keys"]
    assert (tmp_path / "record-keys").read_text() == "those of before"
