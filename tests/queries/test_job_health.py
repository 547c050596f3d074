"""What the operator is told of the jobs, and when the program is not fit for work."""

from datetime import UTC, datetime, timedelta

from mla_tracker.queries.jobs import job_health, verdict
from mla_tracker.scheduler.jobs import ESSENTIAL
from mla_tracker.storage.database import Database, DbRole

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def health(db: Database, now: datetime, since: datetime | None = None) -> tuple[bool, str]:
    async with db.transaction(DbRole.API, read_only=True) as tx:
        found = await job_health(tx, now, {"sweep": timedelta(minutes=1)}, since=since)
    return verdict(found, ESSENTIAL)


async def a_slot(
    db: Database, slot: datetime, status: str, *, job: str = "sweep", attempts: int = 1, missed: int = 0
) -> None:
    error = "OSError: disk full" if status == "failed" else None
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            """
            insert into job_slot
                (job, slot, status, node, attempts, claimed_at, lease_until, finished_at, error, result)
            values ($1, $2, $3, 'a', $4, $2, $2, $2, $5, $6)
            """,
            job, slot, status, attempts, error, {"missed_slots": missed},
        )  # fmt: skip


async def test_a_sweep_that_never_ran_is_said_so(db: Database) -> None:
    assert await health(db, NOON) == (True, "sweep (every minute) has never run.")


async def test_a_server_just_begun_is_not_late(db: Database) -> None:
    minutes = timedelta(minutes=1)
    assert (await health(db, NOON + 4 * minutes, since=NOON))[0]
    fit, sentence = await health(db, NOON + 4 * minutes + SECOND, since=NOON)
    assert not fit
    assert "has never run. Start a scheduler: mla-tracker serve" in sentence
    await a_slot(db, NOON - timedelta(days=3), "done")
    assert (await health(db, NOON + 4 * minutes, since=NOON))[0]
    assert not (await health(db, NOON + 4 * minutes + SECOND, since=NOON))[0]


async def test_a_job_that_no_node_ever_ran_is_late_by_the_day_on_which_the_schema_began_to_know_it(
    database_url: str, db: Database
) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update migration set ran_on = '2026-03-10 11:00'")
        await tx.execute("update migration set ran_on = '2026-03-10 12:00' where id = 1")
    assert await health(db, NOON + timedelta(minutes=4)) == (True, "sweep (every minute) has never run.")
    fit, sentence = await health(db, NOON + timedelta(minutes=4, seconds=1))
    assert not fit
    assert sentence.endswith("has never run. Start a scheduler: mla-tracker serve, or mla-tracker scheduler.")
    assert (await health(db, NOON + timedelta(minutes=7), since=NOON + timedelta(minutes=3)))[0]


async def test_a_sweep_is_late_when_its_next_slot_has_waited_three_intervals(db: Database) -> None:
    await a_slot(db, NOON, "done")
    assert await health(db, NOON + timedelta(minutes=4)) == (
        True,
        "sweep (every minute) last finished slot 2026-03-10 12:00 UTC.",
    )
    fit, sentence = await health(db, NOON + timedelta(minutes=4, seconds=1))
    assert not fit
    assert sentence.endswith("is late: check that a scheduler is running.")


async def test_a_sweep_that_fails_three_times_on_end_is_not_fit(db: Database) -> None:
    await a_slot(db, NOON - timedelta(minutes=3), "failed", attempts=5)
    await a_slot(db, NOON - timedelta(minutes=2), "done")
    await a_slot(db, NOON - timedelta(minutes=1), "failed", attempts=2)
    assert (await health(db, NOON))[0]
    await a_slot(db, NOON, "failed")
    fit, sentence = await health(db, NOON)
    assert not fit
    assert "failed 3 times on end (OSError: disk full)" in sentence


async def test_housekeeping_that_fails_is_told_and_does_not_make_the_program_unfit(db: Database) -> None:
    await a_slot(db, NOON, "failed", job="housekeeping", attempts=5)
    async with db.transaction(DbRole.API, read_only=True) as tx:
        found = await job_health(tx, NOON, {"housekeeping": timedelta(hours=1)})
    fit, sentence = verdict(found, ESSENTIAL)
    assert fit
    assert not found[0].ok
    assert "housekeeping (every hour) was never finished; slot 2026-03-10 12:00 UTC is failed" in sentence


async def test_missed_slots_of_the_last_day_are_told(db: Database) -> None:
    await a_slot(db, NOON - timedelta(hours=25), "done", missed=5)
    await a_slot(db, NOON - timedelta(hours=1), "done", missed=59)
    await a_slot(db, NOON, "done")
    fit, sentence = await health(db, NOON)
    assert fit
    assert sentence.endswith("59 slots of the last day were missed.")


async def test_a_sweep_that_kills_whoever_runs_it_is_failing(db: Database) -> None:
    await a_slot(db, NOON, "running", attempts=4)
    fit, sentence = await health(db, NOON)
    assert not fit
    assert "failed 3 times on end (whoever ran it stopped answering)" in sentence
