"""The scheduler in a process of its own and beside a server: begins at once, ends gently, outlives faults and kills."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from mla_tracker.commands.jobs import TERMS, Work
from mla_tracker.scheduler.jobs import ESSENTIAL, Job, intervals, scheduled_jobs
from mla_tracker.scheduler.measures import JobMeasures
from mla_tracker.scheduler.running import LOOK_EVERY, look_at_once, look_every, run_scheduler, scheduling
from mla_tracker.settings import Settings
from mla_tracker.storage.clock_watch import ClockWatch
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import DatabaseUnavailable
from tests.builders.clocks import a_clock, instant

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def noon() -> datetime:
    return NOON


class Recorder:
    """A work that can be waited for, held up, and broken."""

    def __init__(self, *, hold: bool = False) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended = False
        self.ran: list[datetime] = []
        if not hold:
            self.go_on.set()

    async def __call__(self, db: Database, now: datetime) -> Mapping[str, Any]:
        self.ran.append(now)
        self.begun.set()
        await self.go_on.wait()
        self.ended = True
        return {"by_kind": {"overdue": 2}}


def job(work: Work, name: str = "sweep", interval: timedelta = timedelta(minutes=1)) -> Job:
    return Job(name, interval, work)


async def slots(db: Database) -> list[dict[str, Any]]:
    async with db.transaction(DbRole.OWNER) as tx:
        return [dict(row) for row in await tx.fetch("select * from job_slot order by job, slot")]


@asynccontextmanager
async def soon() -> AsyncIterator[None]:
    async with asyncio.timeout(20):
        yield


@pytest.mark.parametrize(
    ("interval", "look"),
    [
        (timedelta(seconds=60), LOOK_EVERY),
        (timedelta(hours=1), LOOK_EVERY),
        (timedelta(seconds=5), timedelta(seconds=5)),
        (timedelta(seconds=20), timedelta(seconds=10)),
        (timedelta(seconds=61), timedelta(seconds=61) / 5),
    ],
)
def test_a_job_is_looked_for_the_moment_its_slot_begins(interval: timedelta, look: timedelta) -> None:
    found = look_every(job(Recorder(), interval=interval))
    assert found == look
    assert found <= LOOK_EVERY
    assert interval % found == timedelta(0)


def test_sweep_recount_and_sealing_run_every_minute_the_others_as_rarely_as_they_can() -> None:
    assert intervals(Settings()) == {
        "sweep": timedelta(minutes=1),
        "recount": timedelta(minutes=1),
        "housekeeping": timedelta(hours=1),
        "seal": timedelta(minutes=1),
        "retention": timedelta(days=1),
        "deliver": 15 * SECOND,
        "import": 15 * SECOND,
    }
    assert intervals(Settings(sweep_seconds=5))["sweep"] == 5 * SECOND
    assert {one.name for one in scheduled_jobs(Settings())} >= ESSENTIAL


def test_a_lease_outlives_several_heartbeats() -> None:
    assert TERMS.heartbeat * 3 <= TERMS.lease


async def test_a_job_runs_at_once_and_its_figures_are_counted(db: Database) -> None:
    work, registry = Recorder(), CollectorRegistry()
    async with soon(), scheduling(db, [job(work)], now=noon, measures=JobMeasures(registry)):
        await work.begun.wait()
    assert work.ran == [NOON]
    [row] = await slots(db)
    assert (row["job"], row["slot"], row["status"]) == ("sweep", NOON, "done")
    sample = registry.get_sample_value
    assert sample("mla_job_runs_total", {"job": "sweep", "outcome": "done"}) == 1
    assert sample("mla_job_last_success_timestamp_seconds", {"job": "sweep"}) == NOON.timestamp()
    assert sample("mla_job_duration_seconds_count", {"job": "sweep"}) == 1
    assert sample("mla_job_slots_missed_total", {"job": "sweep"}) == 0
    assert sample("mla_flags_raised_total", {"kind": "overdue"}) == 2


async def number_of_flags(db: Database) -> int:
    async with db.transaction(DbRole.OWNER) as tx:
        number: int = await tx.fetchval("select count(*) from flag")
    return number


async def test_the_scheduler_flags_what_is_due_and_stops_when_told(db: Database) -> None:
    await a_clock().due("2026-03-10").warned(None).stored(db)
    stop, registry = asyncio.Event(), CollectorRegistry()
    with capture_logs() as logged:
        async with soon():
            running = asyncio.create_task(
                run_scheduler(db, Settings(), now=noon, stop=stop, registry=registry)
            )
            while len([row for row in await slots(db) if row["status"] == "done"]) < 2:
                pass
            stop.set()
            await running
    done = {row["job"]: row["result"] for row in await slots(db)}
    [swept] = [entry for entry in logged if entry["event"] == "job done" and entry.get("raised") == 1]
    assert str(swept["by_kind"]) == "{'overdue': 1}"
    assert done["sweep"] == {"looked_at": 1, "raised": 1, "by_kind": {"overdue": 1}}
    assert set(done["housekeeping"].values()) == {0}
    assert registry.get_sample_value("mla_flags_raised_total", {"kind": "overdue"}) == 1


async def test_the_next_slot_is_run_when_it_begins(db: Database) -> None:
    ran: list[datetime] = []
    third = asyncio.Event()

    async def counted(db: Database, now: datetime) -> Mapping[str, Any]:
        ran.append(now)
        if len(ran) == 3:
            third.set()
        return {}

    def wall() -> datetime:
        return datetime.now(UTC)

    async with soon(), scheduling(db, [job(counted, interval=timedelta(milliseconds=200))], now=wall):
        await third.wait()
    assert len(await slots(db)) == len(ran)
    assert {row["slot"].microsecond % 200_000 for row in await slots(db)} == {0}


async def test_a_node_whose_clock_is_wrong_claims_no_slot(db: Database) -> None:
    """The clock stands at noon of another year; the database's does not."""
    work, registry = Recorder(), CollectorRegistry()
    measures, clock = JobMeasures(registry), ClockWatch(db, noon)
    with capture_logs() as logged:
        async with soon(), scheduling(db, [job(work)], now=noon, clock=clock, measures=measures):
            while not (told := [e for e in logged if e["event"] == "job not run: the clock is wrong"]):
                assert await slots(db) == []
    assert "behind the database's" in told[0]["fault"]
    assert work.ran == []
    assert await slots(db) == []


async def test_a_job_is_looked_for_at_once_when_the_clock_was_set_back() -> None:
    """APScheduler would wait until the clock has caught up, and nothing would be flagged for hours."""
    again = asyncio.Event()
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(again.set, "interval", seconds=15, id="sweep")
    scheduler.start()
    try:
        assert look_at_once(scheduler, datetime.now(UTC)) == 0
        [waiting] = scheduler.get_jobs()
        waiting.modify(next_run_time=datetime.now(UTC) + timedelta(hours=3))
        assert look_at_once(scheduler, datetime.now(UTC)) == 1
        async with soon():
            await again.wait()
        assert look_at_once(scheduler, datetime.now(UTC)) == 0
    finally:
        scheduler.shutdown(wait=False)


async def test_slots_missed_while_nothing_ran_are_run_once_at_the_start(db: Database) -> None:
    early, late = Recorder(), Recorder()
    async with soon(), scheduling(db, [job(early)], now=noon):
        await early.begun.wait()
    registry = CollectorRegistry()
    morning = NOON + timedelta(hours=8)
    async with soon(), scheduling(db, [job(late)], now=lambda: morning, measures=JobMeasures(registry)):
        await late.begun.wait()
    assert late.ran == [morning]
    assert len(await slots(db)) == 2
    assert registry.get_sample_value("mla_job_slots_missed_total", {"job": "sweep"}) == 479


async def test_stopping_waits_for_what_runs(db: Database) -> None:
    work = Recorder(hold=True)

    async def live() -> None:
        async with scheduling(db, [job(work)], now=noon):
            await work.begun.wait()

    async with soon():
        living = asyncio.create_task(live())
        await work.begun.wait()
        await asyncio.sleep(0)
        assert not living.done()
        work.go_on.set()
        await living
    assert work.ended
    assert [row["status"] for row in await slots(db)] == ["done"]


async def test_stopping_never_breaks_off_what_runs_too_long(db: Database) -> None:
    work = Recorder(hold=True)
    with capture_logs() as logs:
        async with soon(), scheduling(db, [job(work)], now=noon, drain=timedelta(0)):
            await work.begun.wait()
        left = [task for task in asyncio.all_tasks() if task.get_name() == "sweep"]
        assert not work.ended
        assert "job still running" in [line["event"] for line in logs]
        work.go_on.set()
        async with soon():
            await asyncio.gather(*left)
    assert work.ended
    assert [row["status"] for row in await slots(db)] == ["done"]


async def test_a_cancelled_server_still_waits_for_what_runs(db: Database) -> None:
    work = Recorder(hold=True)

    async def live() -> None:
        async with scheduling(db, [job(work)], now=noon):
            await asyncio.Event().wait()

    async with soon():
        living = asyncio.create_task(live())
        await work.begun.wait()
        living.cancel()
        work.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await living
    assert work.ended


async def test_a_database_that_is_down_is_asked_again_and_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, registry = Recorder(), CollectorRegistry()
    real, refused = db.transaction, 0

    def down_twice(*arguments: Any, **options: Any) -> Any:
        nonlocal refused
        if refused < 2:
            refused += 1
            raise DatabaseUnavailable("The database cannot be reached. Start it.")
        return real(*arguments, **options)

    monkeypatch.setattr(db, "transaction", down_twice)
    brief = job(work, interval=timedelta(milliseconds=100))
    with capture_logs() as logs:
        async with soon(), scheduling(db, [brief], now=noon, measures=JobMeasures(registry)):
            await work.begun.wait()
    assert registry.get_sample_value("mla_job_claim_faults_total", {"job": "sweep"}) == 2
    assert len([line for line in logs if line["log_level"] == "error"]) == 2


async def test_a_job_that_fails_does_not_stop_the_others(db: Database) -> None:
    async def broken(db: Database, now: datetime) -> Mapping[str, Any]:
        raise RuntimeError("no")

    sound, registry = Recorder(), CollectorRegistry()
    jobs = [job(broken), job(sound, "housekeeping")]
    async with soon(), scheduling(db, jobs, now=noon, measures=JobMeasures(registry)):
        await sound.begun.wait()
        while len([row for row in await slots(db) if row["status"] == "running"]):
            pass
    assert {row["job"]: row["status"] for row in await slots(db)} == {
        "sweep": "failed",
        "housekeeping": "done",
    }
    assert registry.get_sample_value("mla_job_runs_total", {"job": "sweep", "outcome": "failed"}) == 1


async def test_an_error_of_our_own_is_logged_and_the_job_is_looked_for_again(db: Database) -> None:
    calls = 0
    work = Recorder()

    def clock_that_fails_once() -> datetime:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError("a mistake in the program")
        return NOON

    with capture_logs() as logs:
        brief = job(work, interval=timedelta(milliseconds=100))
        async with soon(), scheduling(db, [brief], now=clock_that_fails_once):
            await work.begun.wait()
    assert "look for a job failed" in [line["event"] for line in logs]


async def test_a_sweep_finds_a_clock_that_came_due_while_nothing_ran(db: Database) -> None:
    await a_clock().due("2026-03-01").warned(None).stored(db)
    async with soon(), scheduling(db, scheduled_jobs(Settings()), now=lambda: instant("2026-03-10")):
        while not await number_of_flags(db):
            pass
