"""The private PostgreSQL: shared while used, stopped after its last user, and every hindrance a sentence."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from mla_tracker.storage import data_folder, embedded, postgres
from mla_tracker.storage.errors import CannotRun

HOLD = """
import sys, time
from pathlib import Path
from mla_tracker.storage import embedded
with embedded.running(Path(sys.argv[1]), settings={"fsync": "off"}):
    print("ready", flush=True)
    sys.stdin.readline()
"""

QUICK = {"fsync": "off"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of its own, with a short path."""
    with tempfile.TemporaryDirectory(prefix="mla-own-", dir="/tmp") as name:
        yield Path(name)


def _process(folder: Path) -> psutil.Process | None:
    return postgres._process(folder / "pg")


def _ask(server: embedded.Server) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(server.url())
        try:
            await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (1)")
            count: int = await connection.fetchval("SELECT count(*) FROM kept")
            return count
        finally:
            await connection.close()

    return asyncio.run(ask())


def _holder(folder: Path) -> "subprocess.Popen[str]":
    """Another program that uses the server until it reads a line."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    return other


def _let_go(other: "subprocess.Popen[str]") -> None:
    other.communicate("\n", timeout=30)


def test_it_starts_keeps_its_data_and_stops(folder: Path) -> None:
    for expected in (1, 2):
        with embedded.running(folder, settings=QUICK) as server:
            assert _ask(server) == expected
        assert _process(folder) is None


def test_it_listens_on_its_socket_only_and_only_its_owner_may_enter(folder: Path) -> None:
    with embedded.running(folder, settings=QUICK) as server:
        process = _process(folder)
        assert process is not None
        assert [
            one for one in process.net_connections() if one.status == psutil.CONN_LISTEN and one.family != 1
        ] == []
        assert (server.folder / "pg" / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700
        assert (server.folder / "pg").stat().st_mode & 0o777 == 0o700


def test_a_second_program_shares_it_and_the_last_one_stops_it(folder: Path) -> None:
    with embedded.running(folder, settings=QUICK) as server:
        first = _process(folder)
        other = _holder(folder)
        assert _process(folder) == first
        assert _ask(server) == 1
    assert _process(folder) == first
    _let_go(other)
    assert _process(folder) is None


def test_a_killed_user_does_not_keep_it_from_stopping(folder: Path) -> None:
    other = _holder(folder)
    other.kill()
    other.wait()
    assert _process(folder) is not None
    with embedded.running(folder, settings=QUICK) as server:
        assert _ask(server) == 1
    assert _process(folder) is None


def test_it_starts_again_after_its_server_was_killed(folder: Path) -> None:
    with embedded.running(folder, settings=QUICK) as server:
        assert _ask(server) == 1
        process = _process(folder)
        assert process is not None
        process.kill()
        process.wait(10)
    with embedded.running(folder, settings=QUICK) as server:
        assert _ask(server) == 2


def test_it_is_started_again_while_it_is_in_use(folder: Path) -> None:
    with embedded.running(folder, settings=QUICK) as server:
        assert _ask(server) == 1
        assert not embedded.revive(folder)
        killed = _process(folder)
        assert killed is not None
        killed.kill()
        killed.wait(10)
        assert embedded.revive(folder)
        assert not embedded.revive(folder)
        assert _ask(server) == 2
    assert _process(folder) is None


def test_a_stale_number_that_another_program_got_does_not_stop_it(folder: Path) -> None:
    with embedded.running(folder, settings=QUICK) as server:
        _ask(server)
        left = (folder / "pg" / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "pg" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *left[1:]]) + "\n")
        with embedded.running(folder, settings=QUICK) as server:
            assert _ask(server) == 2
    finally:
        stranger.kill()
        stranger.wait()


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(folder: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    process = _process(folder)
    assert process is not None
    os.killpg(other.pid, signal.SIGINT)
    other.communicate(timeout=30)
    assert "received fast shutdown request" in (folder / "postgres.log").read_text()
    assert _process(folder) is None
    assert process.pid != other.pid


def test_half_a_database_is_never_taken_for_one(folder: Path) -> None:
    (folder / "pg.new" / "base").mkdir(parents=True)
    with embedded.running(folder, settings=QUICK) as server:
        assert _ask(server) == 1
    assert not (folder / "pg.new").exists()


def test_many_that_start_at_once_get_one_server(folder: Path) -> None:
    others = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = [other.stdout.readline() for other in others if other.stdout is not None]
    assert said == ["ready\n"] * 3
    assert (folder / "postgres.log").read_text().count("starting PostgreSQL") == 1
    for other in others:
        _let_go(other)
    assert _process(folder) is None


def test_only_one_program_serves_and_the_second_is_told_where(folder: Path) -> None:
    with (
        embedded.only_server(folder, "http://127.0.0.1:8000"),
        pytest.raises(
            CannotRun, match=rf"already serves from .*process {os.getpid()}, http://127\.0\.0\.1:8000"
        ),
        embedded.only_server(folder, "http://127.0.0.1:8001"),
    ):
        pytest.fail("two served")
    with embedded.only_server(folder, "http://127.0.0.1:8001"):
        pass


def test_a_path_too_long_for_a_socket_is_told(folder: Path) -> None:
    long = folder / ("x" * 100)
    with pytest.raises(CannotRun, match="too long for a socket"), embedded.running(long):
        pytest.fail("it ran")


def test_a_path_of_the_longest_length_works(folder: Path) -> None:
    longest = folder / ("x" * (data_folder.LONGEST_FOLDER - len(str(folder)) - 1))
    with embedded.running(longest, settings=QUICK) as server:
        assert _ask(server) == 1


def test_a_file_in_the_place_of_the_folder_is_told(folder: Path) -> None:
    (folder / "data").write_text("")
    with (
        pytest.raises(CannotRun, match="a file of that name is in the way"),
        embedded.running(folder / "data"),
    ):
        pytest.fail("it ran")


def test_a_database_of_another_major_version_is_told(folder: Path) -> None:
    (folder / "pg").mkdir()
    (folder / "pg" / "PG_VERSION").write_text("16\n")
    with (
        pytest.raises(CannotRun, match="is of PostgreSQL 16; this mla-tracker brings 18"),
        embedded.running(folder),
    ):
        pytest.fail("it ran")


def test_a_folder_that_may_not_be_written_is_told(folder: Path) -> None:
    (folder / "data").mkdir(mode=0o500)
    folder.chmod(0o755)
    # Nothing is forbidden to root, so it becomes somebody else first.
    code = HOLD.replace("with ", "import os\nif os.geteuid() == 0: os.setuid(65534)\nwith ", 1)
    program = [sys.executable, "-c", code, str(folder / "data")]
    done = subprocess.run(
        program, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30
    )
    assert "is not writable. Change its owner or mode" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("least", [0, data_folder.LEAST_FREE_BYTES])
def test_a_full_disk_is_told(folder: Path, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "LEAST_FREE_BYTES", least)
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        with pytest.raises(CannotRun, match="is full"), embedded.running(disk):
            pytest.fail("it ran")
        assert not (disk / "pg").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a second user for the server")
def test_as_root_the_folders_above_are_opened_for_entering_and_not_for_listing(folder: Path) -> None:
    folder.chmod(0o700)
    with embedded.running(folder / "data", settings=QUICK) as server:
        assert _ask(server) == 1
    assert folder.stat().st_mode & 0o777 == 0o701


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a second user for the server")
def test_as_root_a_home_is_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o700)
    monkeypatch.setattr(Path, "home", lambda: folder)
    with pytest.raises(CannotRun, match="may not enter"), embedded.running(folder / "data"):
        pytest.fail("it ran")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_it_is_there_at_once(folder: Path) -> None:
    begins = time.monotonic()
    with embedded.running(folder, settings=QUICK):
        pass
    assert time.monotonic() - begins < 20
