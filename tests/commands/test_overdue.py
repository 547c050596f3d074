"""What the sweep flags: everything that has come due, once, on any number of nodes."""

import asyncio
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from mla_tracker.commands.overdue import Swept, flag_due
from mla_tracker.domain.vocabulary import FlagKind
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.flags import _RAISE_DUE
from tests.builders.actors import seen_by
from tests.builders.clocks import StoredClock, a_clock, instant, many_clocks
from tests.builders.keys import the_keys

DUE = "2026-03-10"


async def flags_of(db: Database, clock: StoredClock | None = None) -> list[dict[str, Any]]:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select * from flag where $1::uuid is null or request_id = $1 order by due_at, raised_at, kind, level",
            clock.request_id if clock else None,
        )
    return [dict(row) for row in rows]


async def kinds_of(db: Database, clock: StoredClock) -> list[tuple[str, int]]:
    return [(flag["kind"], flag["level"]) for flag in await flags_of(db, clock)]


async def waiting(db: Database) -> int:
    async with db.transaction(DbRole.OWNER) as tx:
        number: int = await tx.fetchval("select count(*) from clock_check")
    return number


async def test_nothing_is_flagged_before_it_is_due(db: Database) -> None:
    clock = await a_clock().due(DUE).stored(db)
    assert await flag_due(db, instant("2026-03-02T23:59:59.999999")) == Swept(0, {})
    assert await flags_of(db, clock) == []


async def test_each_instant_raises_its_flag_when_it_comes(db: Database) -> None:
    clock = await a_clock().due(DUE).warned(7).escalating(1, 7).stored(db)
    for day, raised in (
        ("2026-03-03", {FlagKind.WARNING: 1}),
        ("2026-03-10", {FlagKind.OVERDUE: 1}),
        ("2026-03-11", {FlagKind.ESCALATION: 1}),
        ("2026-03-17", {FlagKind.ESCALATION: 1}),
    ):
        assert (await flag_due(db, instant(day))).by_kind == raised
    assert await kinds_of(db, clock) == [("warning", 0), ("overdue", 0), ("escalation", 1), ("escalation", 2)]
    assert await waiting(db) == 0


async def test_a_flag_tells_which_clock_and_when_we_noticed(db: Database) -> None:
    clock = await a_clock().due(DUE).warned(None).stored(db)
    noticed = instant("2026-03-10T00:00:30")
    await flag_due(db, noticed)
    [flag] = await flags_of(db, clock)
    assert flag["clock_id"] == clock.id
    assert flag["clock_key"] == clock.key
    assert flag["limit_id"] == clock.built.limit
    assert (flag["requesting_country"], flag["requested_country"]) == ("MA", "ES")
    assert (flag["stage"], flag["obligor"]) == ("acknowledge", "requested")
    assert (flag["due_at"], flag["raised_at"]) == (instant(DUE), noticed)
    assert flag["id"].version == 7
    assert int(flag["id"].hex[:12], 16) == int(noticed.timestamp() * 1000)


async def test_an_expiry_is_flagged_as_expired(db: Database) -> None:
    clock = await a_clock().expiring().warned(None).stored(db)
    await flag_due(db, instant(DUE))
    assert await kinds_of(db, clock) == [("expired", 0)]


async def test_a_warning_found_only_after_the_due_instant_raises_nothing(db: Database) -> None:
    clock = await a_clock().due(DUE).warned(7).stored(db)
    assert (await flag_due(db, instant(DUE))) == Swept(2, {FlagKind.OVERDUE: 1})
    assert await kinds_of(db, clock) == [("overdue", 0)]


@pytest.mark.parametrize("state", ["pending", "paused", "met", "met_late", "cancelled"])
async def test_a_clock_that_does_not_run_is_never_flagged(db: Database, state: str) -> None:
    clock = await a_clock().due(DUE).in_state(state).stored(db)
    assert (await flag_due(db, instant("2026-04-01"))).raised == 0
    assert await flags_of(db, clock) == []


async def test_ten_sweeps_flag_once(db: Database) -> None:
    clock = await a_clock().due(DUE).warned(None).stored(db)
    swept = [await flag_due(db, instant(DUE)) for _ in range(10)]
    assert [sweep.raised for sweep in swept] == [1, *[0] * 9]
    assert len(await flags_of(db, clock)) == 1


async def test_sweeps_of_many_nodes_at_once_share_the_work(db: Database, database_url: str) -> None:
    await many_clocks(db, 500, DUE)
    other = await Database.open(database_url, vault=the_keys(), pool_size=5)
    async with other:
        swept = await asyncio.gather(
            *(flag_due(node, instant(DUE), batch=20) for node in (db, other) for _ in range(4))
        )
    assert sum(sweep.raised for sweep in swept) == 500
    assert sum(sweep.looked_at for sweep in swept) == 500
    assert len({flag["request_id"] for flag in await flags_of(db)}) == 500


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 20])
async def test_batches_end_where_the_work_ends(db: Database, number: int) -> None:
    await many_clocks(db, number, DUE)
    assert (await flag_due(db, instant(DUE), batch=10)) == Swept(
        number, {FlagKind.OVERDUE: number} if number else {}
    )


@pytest.mark.parametrize(("failing", "done"), [({2, 3}, 10), ({3}, 30)], ids=["all", "one-of-two"])
async def test_batches_beside_a_failure_stay_done(
    db: Database, monkeypatch: pytest.MonkeyPatch, failing: set[int], done: int
) -> None:
    await many_clocks(db, 30, DUE)
    real, calls = db.transaction, 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls in failing:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return real(*arguments, **options)

    monkeypatch.setattr(db, "transaction", counted)
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await flag_due(db, instant(DUE), batch=10)
    monkeypatch.undo()
    assert len(await flags_of(db)) == done
    assert (await flag_due(db, instant(DUE))).raised == 30 - done


async def test_a_date_that_moves_is_flagged_again_for_its_new_instant(db: Database) -> None:
    clock = await a_clock().due(DUE).warned(None).stored(db)
    await flag_due(db, instant(DUE))
    clock = await clock.moved(db, "2026-03-20")
    assert (await flag_due(db, instant("2026-03-19"))).raised == 0
    assert (await flag_due(db, instant("2026-03-20"))).raised == 1
    assert [(flag["due_at"], flag["cleared_reason"]) for flag in await flags_of(db, clock)] == [
        (instant(DUE), "date_moved"),
        (instant("2026-03-20"), None),
    ]


async def test_a_date_that_moves_there_and_back_raises_the_cleared_flag_again(db: Database) -> None:
    clock = await a_clock().due(DUE).warned(None).stored(db)
    await flag_due(db, instant(DUE))
    clock = await clock.moved(db, "2026-03-20")
    clock = await clock.moved(db, DUE)
    later = instant("2026-03-12")
    assert (await flag_due(db, later)).raised == 1
    [flag] = await flags_of(db, clock)
    assert flag["cleared_at"] is None
    assert flag["cleared_reason"] is None
    assert flag["raised_at"] == later


async def test_a_flag_that_stands_is_not_raised_again(db: Database) -> None:
    """Whatever a command writes into the checks, a flag that was not cleared stays the one flag of its instant."""
    clock = await a_clock().due(DUE).warned(None).stored(db)
    await flag_due(db, instant(DUE))
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update flag set settled_at = $1", instant("2026-03-11"))
        await clock.await_checks(tx)
    assert await flag_due(db, instant("2026-03-12")) == Swept(1, {})
    [flag] = await flags_of(db, clock)
    assert (flag["raised_at"], flag["settled_at"]) == (instant(DUE), instant("2026-03-11"))


async def test_a_request_being_changed_is_left_to_the_next_sweep(db: Database) -> None:
    """The writer holds the checks it has deleted: the sweep neither waits for it nor flags what it may take back."""
    clock = await a_clock().due(DUE).warned(None).stored(db)
    await a_clock().due(DUE).warned(None).stored(db)
    async with db.transaction(DbRole.API, viewer=seen_by("MA")) as tx:
        await tx.execute("select 1 from request where id = $1 for no key update", clock.request_id)
        await tx.execute("delete from clock_check where clock_id = $1", clock.id)
        assert (await asyncio.create_task(flag_due(db, instant(DUE)))).raised == 1
        await tx.execute("update clock set state = 'met' where id = $1", clock.id)
    assert (await flag_due(db, instant(DUE))).raised == 0
    assert await flags_of(db, clock) == []


async def test_a_writer_waits_for_the_sweep_that_holds_its_checks(db: Database) -> None:
    """Afterwards it sees the flag that was raised, and can clear it; there is no deadlock between the two."""
    clock = await a_clock().due(DUE).warned(None).stored(db)
    holds = asyncio.Event()

    async def writer() -> list[Any]:
        async with db.transaction(DbRole.API, viewer=seen_by("MA")) as tx:
            await tx.execute("select 1 from request where id = $1 for no key update", clock.request_id)
            holds.set()
            await tx.execute("delete from clock_check where clock_id = $1", clock.id)
            return list(await tx.fetch("select kind from flag where request_id = $1", clock.request_id))

    async with db.transaction(DbRole.JOBS) as tx:
        await tx.execute("select 1 from clock_check for update")
        task = asyncio.create_task(writer())
        await holds.wait()
        await tx.execute("delete from clock_check")
        await tx.execute(
            """
            insert into flag (id, request_id, requesting_country, requested_country, clock_id, clock_key, limit_id,
                stage, obligor, kind, due_at, raised_at)
            select mla_uuid7($1), request_id, requesting_country, requested_country, id, clock_key, limit_id, stage,
                obligor, 'overdue', due_at, $1 from clock
            """,
            instant(DUE),
        )
    assert [row["kind"] for row in await task] == ["overdue"]


async def test_sweeps_and_moving_dates_at_once_never_deadlock_or_double(
    db: Database, database_url: str
) -> None:
    clocks = [await a_clock().due(DUE).warned(None).stored(db) for _ in range(20)]
    ended = asyncio.Event()

    async def sweep(node: Database) -> int:
        raised = 0
        while not ended.is_set():
            raised += (await flag_due(node, instant(DUE), batch=3)).raised
        return raised

    async def move(clock: StoredClock) -> StoredClock:
        for day in ("2026-03-05", "2026-03-20", "2026-03-06"):
            clock = await clock.moved(db, day)
        return clock

    async with await Database.open(database_url, vault=the_keys(), pool_size=2) as other:
        sweeps = [asyncio.create_task(sweep(other)) for _ in range(2)]
        clocks = await asyncio.gather(*(move(clock) for clock in clocks))
        ended.set()
        await asyncio.gather(*sweeps)
    await flag_due(db, instant(DUE))
    for clock in clocks:
        standing = [flag["due_at"] for flag in await flags_of(db, clock) if flag["cleared_at"] is None]
        assert standing == [instant("2026-03-06")]


async def test_what_is_not_due_is_never_read(db: Database) -> None:
    """The plan walks the index of instants and reaches clocks by key: its cost grows with what is due alone."""
    await many_clocks(db, 2_000, "2027-01-01")
    await many_clocks(db, 3, DUE)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("analyze clock_check, clock, flag, request")
    assert await buffers_of_a_sweep(db, instant("2026-03-01")) < 30
    assert await buffers_of_a_sweep(db, instant(DUE)) < 300


async def buffers_of_a_sweep(db: Database, now: datetime) -> int:
    """Pages of 8 kB that one batch touches."""
    async with db.transaction(DbRole.OWNER) as tx:
        plan = await tx.fetchval(f"explain (analyze, buffers, format json) {_RAISE_DUE}", now, 1000)
    top = plan[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])
