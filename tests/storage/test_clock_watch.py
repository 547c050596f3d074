"""A node whose clock lies off the database's is found out, and nothing else is taken for that."""

from datetime import UTC, datetime, timedelta

import pytest

from mla_tracker.storage.clock_watch import CLOCK_BOUND, COMPARED_EVERY, ClockOff, ClockWatch, ahead, sentence
from mla_tracker.storage.database import Database, DbRole

HOUR = timedelta(hours=1)


class NodeClock:
    """A clock that can be set, and counts how often it was read."""

    def __init__(self, off: timedelta = timedelta(0)) -> None:
        self.off = off
        self.steadily = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off + timedelta(seconds=self.steadily)

    def steady(self) -> float:
        return self.steadily


@pytest.mark.parametrize(
    "off", [timedelta(0), CLOCK_BOUND - timedelta(seconds=5), timedelta(seconds=5) - CLOCK_BOUND]
)
async def test_a_clock_that_is_right_or_nearly_so_is_taken(db: Database, off: timedelta) -> None:
    await ClockWatch(db, NodeClock(off).now).require()


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (3 * HOUR, "3:00:00 ahead of the database's"),
        (-3 * HOUR, "3:00:00 behind the database's"),
        (timedelta(days=40), "40 days, 0:00:00 ahead of"),
        (CLOCK_BOUND + timedelta(seconds=5), "0:00:35 ahead of"),
        (-CLOCK_BOUND - timedelta(seconds=5), "0:00:35 behind"),
    ],
)
async def test_a_clock_that_is_wrong_is_told_with_how_much_and_what_to_do(
    db: Database, off: timedelta, told: str
) -> None:
    with pytest.raises(ClockOff) as refused:
        await ClockWatch(db, NodeClock(off).now).require()
    assert told in str(refused.value)
    assert "Set the wrong one of the two right" in str(refused.value)


@pytest.mark.parametrize("jump", [3 * HOUR, -3 * HOUR])
async def test_a_clock_that_jumps_is_found_out_at_once_and_taken_again_when_it_was_put_right(
    db: Database, jump: timedelta
) -> None:
    clock = NodeClock()
    watch = ClockWatch(db, clock.now, steady=clock.steady)
    await watch.require()
    clock.off = jump
    for _ in range(2):
        with pytest.raises(ClockOff):
            await watch.require()
    clock.off = timedelta(0)
    await watch.require()


async def test_a_clock_that_runs_evenly_is_compared_again_only_after_a_while(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set off together with the steady clock, as when a machine slept: only the database can tell."""
    clock = NodeClock()
    watch = ClockWatch(db, clock.now, steady=clock.steady)
    await watch.require()
    clock.steadily = COMPARED_EVERY - 1
    await watch.require()
    clock.steadily = 3600
    with pytest.raises(ClockOff, match="1:00:00 ahead"):
        await watch.require()


async def test_what_a_slow_answer_takes_is_never_held_against_the_clock(db: Database) -> None:
    start = datetime.now(UTC)
    readings = iter([start - HOUR, start + HOUR])
    async with db.transaction(DbRole.API, read_only=True) as tx:
        assert await ahead(tx, lambda: next(readings)) == timedelta(0)


def test_of_a_clock_that_agrees_no_figure_is_told() -> None:
    assert (
        sentence(CLOCK_BOUND)
        == sentence(-CLOCK_BOUND)
        == "The clock of this node agrees with the database's."
    )
