"""The real program on a machine whose clock is wrong: commands say so and do nothing."""

import asyncio
import subprocess
import sys

import pytest

from mla_tracker.storage.database import Database, DbRole
from tests.builders.clocks import a_clock
from tests.builders.programs import environment
from tests.faults.installation import ROOT

DAY = 86_400


def on_a_wrong_clock(url: str, ahead: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.faults.shifted", "--ahead", str(ahead), *arguments],
        env=environment(MLA_DATABASE_URL=url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("ahead", [DAY, -DAY])
async def test_a_sweep_by_a_wrong_clock_is_refused_with_the_reason_and_flags_nothing(
    db: Database, database_url: str, ahead: int
) -> None:
    await a_clock().due("2026-03-10").warned(None).stored(db)
    done = await asyncio.to_thread(on_a_wrong_clock, database_url, ahead, "sweep")
    assert done.returncode == 1
    assert "The clock of this node is 1 day, 0:00:00 " in done.stderr
    assert ("ahead of" if ahead > 0 else "behind") in done.stderr
    assert "Traceback" not in done.stderr
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from flag") == 0
        assert await tx.fetchval("select count(*) from clock_check") > 0


def test_the_doctor_tells_of_a_wrong_clock(database_url: str) -> None:
    done = on_a_wrong_clock(database_url, DAY, "doctor")
    assert done.returncode == 1
    [told] = [line for line in done.stdout.splitlines() if " clock: " in line]
    assert told.startswith("BAD  clock: The clock of this node is ")
