"""The short form of `make faults`: every kind of fault once, in a few rounds on one installation."""

import asyncio
from functools import partial

from tests.faults.book import Kind, State
from tests.faults.faults import FAULTS
from tests.faults.harness import run
from tests.faults.installation import ROOT, installed
from tests.faults.nursery import Nursery

SEED = 7


def test_whatever_happens_every_acknowledged_write_is_there_once_and_every_due_flag_is_raised_once() -> None:
    with Nursery(ROOT) as nursery:
        report = asyncio.run(run(SEED, 3, at_once=6, fresh=partial(installed, nursery)))
    assert not report.findings, "\n".join([*report.findings, str(report)])
    assert set(report.faults) | set(report.skipped) == set(FAULTS)
    assert set(report.skipped) <= {"the disk is full"}, report  # needs root, to mount a small one
    assert report.writes[State.ACKNOWLEDGED] > 0
    assert {Kind.REQUEST, Kind.AGREEMENT} <= report.by_kind.keys()
    assert report.flags > 0
