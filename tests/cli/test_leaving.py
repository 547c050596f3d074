"""A command that is asked to end: between two steps, with time to clear up, whatever it was doing."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mla_tracker.cli import leaving
from tests.builders.programs import environment

PROGRAM = Path(sys.executable).with_name("mla-tracker")
SECONDS = 60


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """As the program takes them, and afterwards as the tests do."""
    before = {number: signal.getsignal(number) for number in leaving.ENDING}
    leaving.take_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", leaving.ENDING, ids=lambda number: number.name)
def test_a_step_is_done_to_its_end_and_the_rest_is_broken_off(number: signal.Signals) -> None:
    done = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            done.append("the step in which the signal came")
            await asyncio.sleep(SECONDS)
            done.append("the next step")
        finally:
            await asyncio.sleep(0)
            done.append("cleared up")

    with pytest.raises(SystemExit) as left:
        leaving.run(work())
    assert left.value.code == 128 + number
    assert done == ["the step in which the signal came", "cleared up"]


def test_a_signal_in_a_step_of_another_task_breaks_off_the_work_itself() -> None:
    done = []

    async def aside() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("aside")

    async def work() -> None:
        task = asyncio.create_task(aside())
        try:
            await asyncio.sleep(SECONDS)
        finally:
            await task
            done.append("cleared up")

    with pytest.raises(SystemExit):
        leaving.run(work())
    assert done == ["aside", "cleared up"]


def test_what_was_asked_for_before_and_after_is_an_exception_as_ever() -> None:
    async def work() -> str:
        return "done"

    assert leaving.run(work()) == "done"
    with pytest.raises(SystemExit) as left:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS)
    assert left.value.code == 128 + signal.SIGTERM


def test_what_is_started_with_nohup_outlives_its_terminal(database_url: str, tmp_path: Path) -> None:
    with scheduler("nohup", url=database_url, log=tmp_path / "log") as program:
        program.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(1)
        program.terminate()
        assert program.wait(SECONDS) == 0
    assert (tmp_path / "log").read_text().endswith("Stopped.\n")


def test_the_end_of_its_terminal_stops_a_program_that_stays_as_any_request_does(
    database_url: str, tmp_path: Path
) -> None:
    with scheduler(url=database_url, log=tmp_path / "log") as program:
        program.send_signal(signal.SIGHUP)
        assert program.wait(SECONDS) == 0
    assert (tmp_path / "log").read_text().endswith("Stopped.\n")


@contextmanager
def scheduler(*before: str, url: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One at work."""
    with log.open("w") as file:
        program = subprocess.Popen(
            [*before, PROGRAM, "scheduler"], env=environment(MLA_DATABASE_URL=url), stderr=file
        )
    try:
        until = time.monotonic() + SECONDS
        while "job done" not in log.read_text():
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        yield program
    finally:
        program.kill()
        program.wait()
