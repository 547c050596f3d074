"""Killed in the middle of writing, one process with its private PostgreSQL loses and doubles nothing, needs no hand."""

import asyncio

from tests.faults.book import State
from tests.faults.harness import run
from tests.faults.installation import private


def test_nothing_acknowledged_is_lost_or_doubled_when_program_and_private_database_are_killed() -> None:
    """The program is started again as a service manager does; its PostgreSQL it must start again itself."""
    names = ("an API node is killed", "PostgreSQL is killed", "a backend of PostgreSQL is killed")
    report = asyncio.run(run(1, 3, names=names, at_once=1, fresh=private))
    assert report.findings == [], report
    assert set(report.faults) == set(names)
    assert report.writes[State.ACKNOWLEDGED] > 0
    assert report.flags > 0
