"""Counting anew what a changed calendar has moved: nothing is lost, nothing is held up, nothing moves without need."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.commands.agreements import change_agreement, record_agreement
from mla_tracker.commands.agreements import record_event as record_agreement_event
from mla_tracker.commands.agreements import void_event as void_agreement_event
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.projecting import project
from mla_tracker.commands.recounting import RETRY_AFTER, Recounted, recount_stale
from mla_tracker.commands.requests import record_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import stale
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.date_moves import moves_of
from tests.builders.counted import (
    NOW,
    THE_DAY_BEFORE,
    a_case,
    as_owner,
    clock_of,
    row_of,
    with_shipped_limits,
)
from tests.builders.keys import the_keys
from tests.builders.register import SIGNED, account, entry, event

RECEIVE_DUE = date(2026, 3, 16)
A_DAY_LATER = date(2026, 3, 17)
LATER = NOW + timedelta(minutes=1)
ARRIVED_UNSEEN = a_case().then("sent", "2026-03-02")
[REMINDED] = a_case().then("reminded", "2026-03-09").entry.events
THREE_DAYS = {
    "stage": "receive", "amount": 3, "unit": "days", "starts_on": ["sent"], "stops_on": ["received"],
    "counting": "calendar", "effect": "deadline", "obligor": "requested", "counted_in": "requested",
}  # fmt: skip


@pytest.fixture
async def spain(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "ES", role=Role.HEAD)


async def declare(db: Database, actor: Actor, day: str, *, now: datetime = NOW, country: str = "ES") -> int:
    """A day of rest by decree; gives how many requests wait then."""
    own = CalendarOverrides(holidays=((date.fromisoformat(day), "Day of mourning"),))
    entry = NewCalendar(own, f"Decree of {day}", {})
    done = await change_calendar(db, country, entry, expected=None, actor=actor, now=now)
    return done.requests_waiting


async def corrupted(db: Database, request_id: UUID) -> None:
    """An act that cannot be read, as no command would have recorded it: it names no date."""
    await as_owner(
        db,
        """
        insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_on,
            asserted_by, recorded_at)
        values (gen_random_uuid(), $1, 'MA', 'ES', 'surrender_date_agreed', '2026-03-05', 'ES', $2)
        """,
        request_id,
        NOW,
    )


async def stale_since(db: Database, request_id: UUID) -> datetime | None:
    found: datetime | None = (await row_of(db, request_id))["stale_since"]
    return found


async def test_a_day_of_rest_declared_late_moves_the_date_and_says_why(db: Database, spain: Actor) -> None:
    request_id = await ARRIVED_UNSEEN.logged(db, spain)
    assert (await clock_of(db, request_id, "receive"))["due_on"] == RECEIVE_DUE
    assert await declare(db, spain, "2026-03-12") == 1
    assert (await clock_of(db, request_id, "receive"))["due_on"] == RECEIVE_DUE
    assert await recount_stale(db, LATER) == Recounted(1, 1, ())
    clock = await clock_of(db, request_id, "receive")
    assert clock["due_on"] == A_DAY_LATER
    assert "Day of mourning" in str(clock["explanation"])
    row = await row_of(db, request_id)
    assert (row["version"], row["stale_since"], row["updated_at"]) == (2, None, LATER)


async def test_a_request_whose_dates_stay_keeps_its_version(db: Database, spain: Actor) -> None:
    request_id = await ARRIVED_UNSEEN.logged(db, spain)
    await declare(db, spain, "2026-12-01")
    assert await recount_stale(db, LATER) == Recounted(1, 0, ())
    row = await row_of(db, request_id)
    assert (row["version"], row["stale_since"]) == (1, None)


async def test_nothing_waits_when_nothing_changed(db: Database, spain: Actor) -> None:
    await ARRIVED_UNSEEN.logged(db, spain)
    assert await recount_stale(db, LATER) == Recounted(0, 0, ())


async def test_whoever_records_an_act_meanwhile_counts_by_the_new_days(db: Database, spain: Actor) -> None:
    request_id = await ARRIVED_UNSEEN.logged(db, spain)
    await declare(db, spain, "2026-03-12")
    morocco = await account(db, "MA")
    await record_event(db, request_id, REMINDED, actor=morocco, now=LATER)
    assert (await clock_of(db, request_id, "receive"))["due_on"] == A_DAY_LATER
    assert await stale_since(db, request_id) is None


async def test_a_flag_for_a_date_that_moved_is_cleared_and_raised_when_the_new_one_comes(
    db: Database, spain: Actor
) -> None:
    await ARRIVED_UNSEEN.logged(db, spain)
    due, next_due = datetime(2026, 3, 16, 23, tzinfo=NOW.tzinfo), datetime(2026, 3, 17, 23, tzinfo=NOW.tzinfo)
    await flag_due(db, due)
    await declare(db, spain, "2026-03-12", now=due)
    await recount_stale(db, due)
    assert await overdue_flags(db) == [(due, "date_moved")]
    assert (await flag_due(db, due + timedelta(hours=1))).by_kind == {"warning": 1}
    await flag_due(db, next_due)
    assert await overdue_flags(db) == [(due, "date_moved"), (next_due, None)]


async def overdue_flags(db: Database) -> list[tuple[Any, ...]]:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select due_at, cleared_reason from flag where kind = 'overdue' and stage = 'receive' order by due_at"
        )
    return [tuple(row) for row in rows]


async def test_a_request_that_cannot_be_counted_holds_up_no_other(db: Database, spain: Actor) -> None:
    broken = await ARRIVED_UNSEEN.logged(db, spain)
    others = [await ARRIVED_UNSEEN.logged(db, spain) for _ in range(3)]
    await corrupted(db, broken)
    await declare(db, spain, "2026-03-12")
    assert await recount_stale(db, LATER, batch=2) == Recounted(3, 3, (broken,))
    assert (await row_of(db, broken))["version"] == 1
    assert await stale_since(db, broken) == LATER + RETRY_AFTER
    for other in others:
        assert (await clock_of(db, other, "receive"))["due_on"] == A_DAY_LATER
    much_later = NOW + timedelta(hours=1)
    assert await recount_stale(db, much_later) == Recounted(0, 0, ())
    assert await recount_stale(db, LATER + RETRY_AFTER) == Recounted(0, 0, (broken,))


async def test_a_recount_that_is_broken_off_is_finished_by_the_next(
    db: Database, spain: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = [await ARRIVED_UNSEEN.logged(db, spain) for _ in range(5)]
    await declare(db, spain, "2026-03-12")
    calls = 0

    async def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise OSError("connection lost")
        return await project(*arguments)

    monkeypatch.setattr("mla_tracker.commands.recounting.project", failing)
    with pytest.raises(OSError, match="connection lost"):
        await recount_stale(db, LATER, batch=2)
    monkeypatch.undo()
    assert [await stale_since(db, one) for one in logged].count(None) == 2
    assert (await recount_stale(db, LATER)).done == 3
    assert {(await row_of(db, one))["version"] for one in logged} == {2}


async def test_recounts_on_two_nodes_share_the_work(db: Database, database_url: str, spain: Actor) -> None:
    logged = [await ARRIVED_UNSEEN.logged(db, spain) for _ in range(12)]
    await declare(db, spain, "2026-03-12")
    async with await Database.open(database_url, vault=the_keys(), pool_size=3) as other:
        done = await asyncio.gather(*(recount_stale(node, LATER, batch=2) for node in (db, other, other)))
    assert sum(one.done for one in done) == 12
    assert {(await row_of(db, one))["version"] for one in logged} == {2}


async def test_a_change_during_a_recount_marks_again_what_it_has_in_hand(db: Database, spain: Actor) -> None:
    request_id = await ARRIVED_UNSEEN.logged(db, spain)
    await declare(db, spain, "2026-03-12")
    async with db.transaction(DbRole.JOBS) as tx:
        assert await stale.claim(tx, LATER, 10) == [request_id]
        second = asyncio.create_task(declare(db, spain, "2026-03-11", now=LATER))
        await waiting_for_a_lock(db)
        await stale.settle(tx, request_id)
    assert await second == 1
    assert await stale_since(db, request_id) == LATER


async def waiting_for_a_lock(db: Database) -> None:
    while True:
        async with asyncio.timeout(10):
            waiting = await asyncio.create_task(_lock_waiters(db))
        if waiting:
            return
        await asyncio.sleep(0.02)


async def _lock_waiters(db: Database) -> int:
    async with db.transaction(DbRole.OWNER) as tx:
        number: int = await tx.fetchval(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
    return number


async def unseen(*_: Any) -> int:
    """A mark that sees none of the requests: their transactions had counted but not yet committed."""
    return 0


async def test_a_request_being_logged_while_the_calendar_changes_is_found(
    db: Database, spain: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_before = await ARRIVED_UNSEEN.logged(db, spain)
    meanwhile = await ARRIVED_UNSEEN.logged(db, spain, now=NOW - timedelta(seconds=1))
    monkeypatch.setattr("mla_tracker.commands.calendars.mark_for_country", unseen)
    assert await declare(db, spain, "2026-03-12") == 0
    assert await recount_stale(db, LATER) == Recounted(1, 1, ())
    assert (await clock_of(db, meanwhile, "receive"))["due_on"] == A_DAY_LATER
    assert (await clock_of(db, long_before, "receive"))["due_on"] == RECEIVE_DUE
    hours_later = NOW + timedelta(hours=1)
    assert await recount_stale(db, hours_later) == Recounted(0, 0, ())


async def test_the_job_may_do_all_of_it_in_its_own_role(db: Database, spain: Actor) -> None:
    """No table is out of its reach, and history stays out of it."""
    await ARRIVED_UNSEEN.then("received", "2026-03-09").logged(db, spain)
    await declare(db, spain, "2026-03-12")
    assert (await recount_stale(db, LATER)).changed == 1


async def test_an_agreement_that_changes_moves_the_dates_of_requests_that_rely_on_it(
    db: Database, spain: Actor
) -> None:
    """Its limit counts once it is known to have been in force; a denial of that brings the policy back."""
    new = entry(replace(SIGNED, limits=(THREE_DAYS,)))
    agreement_id = (await record_agreement(db, new, actor=spain, now=THE_DAY_BEFORE)).id
    request_id = await ARRIVED_UNSEEN.under(agreement=agreement_id).logged(db, spain)
    other = await ARRIVED_UNSEEN.logged(db, spain)
    await record_event(db, request_id, REMINDED, actor=await account(db, "MA"), now=NOW)
    in_force = event("entered_into_force", "2026-01-01")
    done = await record_agreement_event(db, agreement_id, in_force, actor=spain, now=NOW)
    assert await stale_since(db, request_id) == NOW
    assert await stale_since(db, other) is None
    assert (await recount_stale(db, LATER)).changed == 1
    assert (await clock_of(db, request_id, "receive"))["due_on"] == date(2026, 3, 5)
    await void_agreement_event(db, agreement_id, done.id, reason="Misread.", actor=spain, now=LATER)
    assert (await recount_stale(db, LATER)).changed == 1
    assert (await clock_of(db, request_id, "receive"))["due_on"] == RECEIVE_DUE
    changes = {"in_force_from": date(2026, 2, 1)}
    await change_agreement(db, agreement_id, changes, versions=None, actor=spain, now=LATER)
    assert (await recount_stale(db, LATER)).changed == 1
    assert (await clock_of(db, request_id, "receive"))["due_on"] == date(2026, 3, 5)


async def test_an_agreement_that_changes_while_a_request_is_logged_is_found(
    db: Database, spain: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = entry(replace(SIGNED, limits=(THREE_DAYS,)))
    agreement_id = (await record_agreement(db, new, actor=spain, now=THE_DAY_BEFORE)).id
    request_id = await ARRIVED_UNSEEN.under(agreement=agreement_id).logged(db, spain, now=NOW)
    monkeypatch.setattr("mla_tracker.commands.agreements.mark_for_agreement", unseen)
    in_force = event("entered_into_force", "2026-01-01")
    await record_agreement_event(db, agreement_id, in_force, actor=spain, now=NOW)
    assert await stale_since(db, request_id) is None
    assert (await recount_stale(db, LATER)).changed == 1
    assert (await clock_of(db, request_id, "receive"))["due_on"] == date(2026, 3, 5)


async def causes(db: Database, request_id: UUID) -> list[tuple[Any, ...]]:
    """The changes to which the moves of a request are put down."""
    async with db.transaction(DbRole.JOBS, read_only=True) as tx:
        found = await moves_of(tx, request_id)
    return [
        (
            move["stage"],
            move["due_on_before"],
            move["due_on_after"],
            cause["kind"],
            cause["of"],
            cause["version"],
        )
        for move in found
        for cause in move["causes"]
    ]


async def test_a_move_is_put_down_to_the_agreement_that_changed(db: Database, spain: Actor) -> None:
    new = entry(replace(SIGNED, limits=(THREE_DAYS,)))
    agreement_id = (await record_agreement(db, new, actor=spain, now=THE_DAY_BEFORE)).id
    request_id = await ARRIVED_UNSEEN.under(agreement=agreement_id).logged(db, spain)
    await record_agreement_event(
        db, agreement_id, event("entered_into_force", "2026-01-01"), actor=spain, now=NOW
    )
    await recount_stale(db, LATER)
    assert ("receive", RECEIVE_DUE, date(2026, 3, 5), "agreement", str(agreement_id), 2) in await causes(
        db, request_id
    )


async def test_a_move_found_late_has_its_cause_too(
    db: Database, spain: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = await ARRIVED_UNSEEN.logged(db, spain, now=NOW - timedelta(seconds=1))
    monkeypatch.setattr("mla_tracker.commands.calendars.mark_for_country", unseen)
    await declare(db, spain, "2026-03-12")
    await recount_stale(db, LATER)
    assert await causes(db, request_id) == [("receive", RECEIVE_DUE, A_DAY_LATER, "calendar", "ES", 2)]


async def test_two_changes_that_wait_together_are_both_named(db: Database, spain: Actor) -> None:
    request_id = await ARRIVED_UNSEEN.logged(db, spain)
    await declare(db, spain, "2026-03-12")
    await declare(db, await account(db, "MA", role=Role.HEAD), "2026-03-12", country="MA")
    await declare(db, spain, "2026-03-11")
    await recount_stale(db, LATER)
    assert {cause[3:] for cause in await causes(db, request_id)} == {
        ("calendar", "ES", 2), ("calendar", "MA", 2), ("calendar", "ES", 3),
    }  # fmt: skip
    row = await row_of(db, request_id)
    assert (row["stale_causes"], row["stale_since"]) == ([], None)
