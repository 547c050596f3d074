"""Slots of jobs: claimed once, kept by a lease, taken over when their holder dies, tried again when they fail."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from mla_tracker.commands.housekeeping import Kept, keep_house
from mla_tracker.commands.jobs import Outcome, Run, Terms, Work, run_slot, slot_of
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import DatabaseUnavailable
from mla_tracker.storage.job_slots import ABANDONED, RECENT
from tests.builders.keys import the_keys

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_ONCE = Terms(retry_after=timedelta(0))


async def nothing(db: Database, now: datetime) -> Mapping[str, Any]:
    return {"looked_at": 0}


async def broken(db: Database, now: datetime) -> Mapping[str, Any]:
    raise ValueError("the sweep tripped\nover the row of Juan Pérez")


async def run(
    db: Database,
    work: Work = nothing,
    *,
    now: datetime = NOON,
    node: str = "a",
    terms: Terms = AT_ONCE,
) -> Run | None:
    return await run_slot(db, "sweep", MINUTE, work, node=node, now=now, terms=terms)


async def slots(db: Database) -> list[dict[str, Any]]:
    async with db.transaction(DbRole.OWNER) as tx:
        return [dict(row) for row in await tx.fetch("select * from job_slot order by slot")]


async def crashed(
    db: Database, slot: datetime = NOON, *, attempts: int = 1, lease: str = "-1 second"
) -> None:
    """A slot whose holder was killed; its lease ended a second ago, by the clock of the database."""
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            """
            insert into job_slot (job, slot, status, node, attempts, claimed_at, lease_until)
            values ('sweep', $1, 'running', 'killed', $2, clock_timestamp(), clock_timestamp() + $3::text::interval)
            """,
            slot, attempts, lease,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "interval", "slot"),
    [
        ("2026-03-10T12:00:59.999", timedelta(minutes=1), "2026-03-10T12:00"),
        ("2026-03-10T12:01:00", timedelta(minutes=1), "2026-03-10T12:01"),
        ("2026-03-10T12:59:00", timedelta(hours=1), "2026-03-10T12:00"),
        ("2026-03-10T23:00:00", timedelta(days=1), "2026-03-10T00:00"),
        ("1969-12-31T23:59:59", timedelta(hours=1), "1969-12-31T23:00"),
    ],
)
def test_a_slot_begins_where_the_interval_does_in_utc(now: str, interval: timedelta, slot: str) -> None:
    at, expected = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, slot))
    assert slot_of(at, interval) == expected


async def test_a_slot_is_run_once_and_recorded(db: Database) -> None:
    done = await run(db, now=NOON + timedelta(seconds=20))
    assert done is not None
    assert (done.slot, done.attempts, done.outcome, done.missed) == (NOON, 1, Outcome.DONE, 0)
    assert await run(db, now=NOON + timedelta(seconds=59), node="b") is None
    [row] = await slots(db)
    assert (row["status"], row["node"], row["attempts"]) == ("done", "a", 1)
    assert row["result"] == {"looked_at": 0}
    assert row["error"] is None
    assert row["finished_at"] >= row["claimed_at"]


async def test_eight_nodes_at_once_run_a_slot_once(db: Database, database_url: str) -> None:
    ran: list[datetime] = []

    async def counted(db: Database, now: datetime) -> Mapping[str, Any]:
        ran.append(now)
        return {}

    async with await Database.open(database_url, vault=the_keys(), pool_size=8) as other:
        nodes = [(db if number % 2 else other, f"node {number}") for number in range(8)]
        runs = await asyncio.gather(*(run(pool, counted, node=node) for pool, node in nodes))
    assert len(ran) == 1
    assert [done.outcome for done in runs if done is not None] == [Outcome.DONE]
    assert len(await slots(db)) == 1


async def test_after_a_night_without_a_process_the_newest_slot_stands_for_those_missed(
    db: Database,
) -> None:
    await run(db)
    with capture_logs() as logs:
        done = await run(db, now=NOON + timedelta(hours=8))
    assert done is not None
    assert (done.slot, done.missed) == (NOON + timedelta(hours=8), 479)
    assert await run(db, now=NOON + timedelta(hours=8)) is None
    assert [(row["slot"], row["result"].get("missed_slots")) for row in await slots(db)] == [
        (NOON, None),
        (NOON + timedelta(hours=8), 479),
    ]
    assert [line["missed"] for line in logs if line["log_level"] == "warning"] == [479]


async def test_the_slot_of_a_crashed_process_is_finished_by_another(db: Database) -> None:
    await crashed(db)
    done = await run(db, now=NOON + timedelta(seconds=45), node="b")
    assert done is not None
    assert (done.slot, done.attempts, done.outcome) == (NOON, 2, Outcome.DONE)
    [row] = await slots(db)
    assert (row["status"], row["node"], row["attempts"]) == ("done", "b", 2)


async def test_a_crashed_slot_is_finished_even_when_newer_ones_are_done(db: Database) -> None:
    await crashed(db, lease="1 hour")
    for minute in (1, 2):
        await run(db, now=NOON + minute * MINUTE)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update job_slot set lease_until = clock_timestamp() where status = 'running'")
    done = await run(db, now=NOON + 2 * MINUTE)
    assert done is not None
    assert done.slot == NOON
    assert {row["status"] for row in await slots(db)} == {"done"}


async def test_a_slot_under_a_lease_is_left_alone(db: Database) -> None:
    await crashed(db, lease="20 seconds")
    assert await run(db, node="b") is None


async def test_eight_nodes_at_once_take_a_slot_over_once(db: Database, database_url: str) -> None:
    await crashed(db)
    async with await Database.open(database_url, vault=the_keys(), pool_size=8) as other:
        runs = await asyncio.gather(*(run(other, node=f"node {number}") for number in range(8)))
    assert len([done for done in runs if done is not None]) == 1
    assert [row["attempts"] for row in await slots(db)] == [2]


async def test_a_slot_that_kills_whoever_runs_it_is_given_up(db: Database) -> None:
    await crashed(db, attempts=5)
    with capture_logs() as logs:
        assert await run(db, now=NOON + timedelta(seconds=30)) is None
    [row] = await slots(db)
    assert (row["status"], row["error"]) == ("failed", ABANDONED)
    assert row["finished_at"] is not None
    assert [line["log_level"] for line in logs] == ["error"]


async def test_a_failure_is_recorded_without_what_its_lines_may_tell_of_people(db: Database) -> None:
    with capture_logs() as logs:
        done = await run(db, broken)
    assert done is not None
    assert (done.outcome, done.error) == (Outcome.FAILED, "ValueError: (withheld)")
    [row] = await slots(db)
    assert (row["status"], row["error"], row["result"]) == ("failed", "ValueError: (withheld)", None)
    assert any(line["log_level"] == "error" and line["event"] == "job failed" for line in logs)


async def test_a_failed_slot_is_tried_again_until_it_is_done(db: Database) -> None:
    await run(db, broken)
    await run(db, broken, node="b")
    done = await run(db, nothing)
    assert done is not None
    assert (done.attempts, done.outcome) == (3, Outcome.DONE)
    [row] = await slots(db)
    assert (row["status"], row["attempts"], row["error"]) == ("done", 3, None)
    assert await run(db) is None


async def test_a_failed_slot_is_tried_five_times_at_most(db: Database) -> None:
    tried = [await run(db, broken) for _ in range(7)]
    assert [done.attempts for done in tried if done is not None] == [1, 2, 3, 4, 5]
    assert (await run(db, nothing, now=NOON + MINUTE)) is not None


async def test_a_failed_slot_rests_twice_as_long_after_every_failure(db: Database) -> None:
    terms = Terms(retry_after=timedelta(seconds=30))
    await run(db, broken, terms=terms)
    for rested, tried in (
        ("29 seconds", False),
        ("31 seconds", True),
        ("59 seconds", False),
        ("61 seconds", True),
    ):
        async with db.transaction(DbRole.OWNER) as tx:
            await tx.execute(
                "update job_slot set finished_at = clock_timestamp() - $1::text::interval", rested
            )
        assert (await run(db, broken, terms=terms) is not None) is tried


async def test_a_newer_slot_does_not_wait_for_a_failed_one(db: Database) -> None:
    await run(db, broken, terms=Terms())
    done = await run(db, now=NOON + MINUTE, terms=Terms())
    assert done is not None
    assert (done.slot, done.outcome) == (NOON + MINUTE, Outcome.DONE)


async def test_the_lease_is_renewed_while_the_work_lasts(db: Database) -> None:
    terms = Terms(lease=timedelta(seconds=30), heartbeat=timedelta(milliseconds=5))

    async def long(db: Database, now: datetime) -> Mapping[str, Any]:
        first = (await slots(db))[0]["lease_until"]
        async with asyncio.timeout(10):
            while (await slots(db))[0]["lease_until"] == first:
                pass
        return {}

    done = await run(db, long, terms=terms)
    assert done is not None
    assert done.outcome is Outcome.DONE


async def test_who_lost_a_slot_goes_on_but_closes_it_no_more(db: Database) -> None:
    taken: list[Run | None] = []

    async def overtaken(db: Database, now: datetime) -> Mapping[str, Any]:
        async with db.transaction(DbRole.OWNER) as tx:
            await tx.execute("update job_slot set lease_until = clock_timestamp() - interval '1 second'")
        taken.append(await run(db, nothing, node="b"))
        return {"by": "a"}

    with capture_logs() as logs:
        done = await run(db, overtaken)
    assert done is not None
    assert done.outcome is Outcome.LOST
    assert [other.outcome for other in taken if other is not None] == [Outcome.DONE]
    [row] = await slots(db)
    assert (row["node"], row["result"]) == ("b", {"looked_at": 0})
    assert "slot was taken over before it was closed" in [line["event"] for line in logs]


async def test_a_slot_that_cannot_be_closed_is_run_again_once_its_lease_ends(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(db: Database, now: datetime) -> Mapping[str, Any]:
        def down(*arguments: Any, **options: Any) -> Any:
            raise DatabaseUnavailable("The database is restarting.")

        monkeypatch.setattr(db, "transaction", down)
        return {}

    done = await run(db, cut)
    monkeypatch.undo()
    assert done is not None
    assert done.outcome is Outcome.LOST
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update job_slot set lease_until = clock_timestamp()")
    again = await run(db, node="b")
    assert again is not None
    assert (again.attempts, again.outcome) == (2, Outcome.DONE)


async def test_a_work_that_is_cancelled_leaves_its_slot_to_others(db: Database) -> None:
    begun = asyncio.Event()

    async def endless(db: Database, now: datetime) -> Mapping[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    task = asyncio.create_task(run(db, endless))
    async with asyncio.timeout(10):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row["status"] for row in await slots(db)] == ["running"]


async def test_claiming_from_a_database_that_is_down_says_so(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*arguments: Any, **options: Any) -> Any:
        raise asyncpg.CannotConnectNowError("the database system is shutting down")

    monkeypatch.setattr(db, "transaction", down)
    with pytest.raises(asyncpg.CannotConnectNowError):
        await run(db)


async def test_looking_for_work_reads_the_newest_slots_only(db: Database) -> None:
    await crashed(db)
    for minute in range(1, RECENT + 1):
        await run(db, now=NOON + minute * MINUTE) if minute in (1, RECENT) else await crashed(
            db, NOON + minute * MINUTE, lease="1 hour"
        )
    assert [row["status"] for row in await slots(db)].count("done") == 2


async def test_old_keys_and_records_go_and_fresh_ones_stay(db: Database) -> None:
    account = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "insert into account (id, name, countries, role, created_at) values ($1, 'x', '{MA}', 'officer', $2)",
            account, NOON,
        )  # fmt: skip
        for name, hours in (("old", 25), ("fresh", 23)):
            await tx.execute(
                "insert into idempotency_key values ($1, 'POST /requests', $2, '', 201, '{}', $3)",
                account, name, NOON - timedelta(hours=hours),
            )  # fmt: skip
        for minutes in (11, 10):
            await tx.execute(
                "insert into call_window values ('address unknown', $1, 5, 5)",
                NOON - timedelta(minutes=minutes),
            )
    await crashed(db, NOON - timedelta(days=30, seconds=1))
    await crashed(db, NOON - timedelta(days=30))
    assert await keep_house(db, NOON) == Kept(idempotency_keys=1, runs=1, call_windows=1, calendars=0)
    assert await keep_house(db, NOON) == Kept(0, 0, 0, 0)
    async with db.transaction(DbRole.OWNER) as tx:
        assert [row["key"] for row in await tx.fetch("select key from idempotency_key")] == ["fresh"]
