"""What becomes of flags, clocks and versions when requests are recorded, corrected, ended and taken up again."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.requests import log_request, record_event, void_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import ActNotPossible, DatedInFuture, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.vocabulary import Act, RequestKind, Role
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.ids import uuid7
from tests.builders.counted import with_shipped_limits
from tests.builders.keys import the_keys
from tests.builders.register import account, refused

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
RECEIVE, ACKNOWLEDGE = "default-receive", "default-acknowledge"


@pytest.fixture
async def both(db: Database) -> Actor:
    """An officer who records for Morocco and for Spain."""
    await with_shipped_limits(db)
    return await account(db, "MA", "ES")


def happening(type_: str, day: str, **data: Any) -> NewEvent:
    return NewEvent(Act(type_), occurred_on=date.fromisoformat(day), data=data)


async def logged(db: Database, actor: Actor, *events: NewEvent, now: datetime = NOW, **facts: Any) -> UUID:
    entry = NewRequest(RequestKind.EVIDENCE, "MA", "ES", assistance=["records"], events=events, **facts)
    return (await log_request(db, entry, actor=actor, now=now)).id


async def flags(db: Database, request_id: UUID, **where: Any) -> list[Mapping[str, Any]]:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select * from flag where request_id = $1 order by due_at, level, kind", request_id
        )
    return [dict(row) for row in rows if all(row[name] == value for name, value in where.items())]


async def flagged(db: Database, request_id: UUID, limit: str) -> dict[str, str]:
    """The flags of a limit and what became of each: standing, settled, or why it was cleared."""
    return {
        f"{flag['kind']} {flag['level']} {flag['due_at']:%m-%d}": flag["cleared_reason"]
        or ("settled" if flag["settled_at"] else "standing")
        for flag in await flags(db, request_id, limit_id=limit)
    }


async def event_id(db: Database, request_id: UUID, type_: str) -> UUID:
    async with db.transaction(DbRole.OWNER) as tx:
        found: UUID = await tx.fetchval(
            """
            select id from request_event e where request_id = $1 and type = $2
            and not exists (select from event_void v where v.event_id = e.id)
            """,
            request_id,
            type_,
        )
    return found


async def test_a_sweep_raises_each_flag_once(db: Database, both: Actor) -> None:
    """Sent on 12 January, due ten working days later, on the 26th; escalated 7 and 30 days after."""
    request_id = await logged(db, both, happening("sent", "2026-01-12"))
    assert [(await flag_due(db, NOW)).raised for _ in range(3)] == [3, 0, 0]
    assert await flagged(db, request_id, RECEIVE) == {
        "overdue 0 01-26": "standing",
        "escalation 1 01-26": "standing",
        "escalation 2 01-26": "standing",
    }


async def test_a_warning_comes_before_the_date(db: Database, both: Actor) -> None:
    request_id = await logged(db, both, happening("sent", "2026-03-02"))
    for day, raised in (("2026-03-11", {}), ("2026-03-14", {"warning 0 03-16": "standing"})):
        await flag_due(db, datetime.fromisoformat(f"{day}T12:00:00+00:00"))
        assert await flagged(db, request_id, RECEIVE) == raised


async def test_a_late_entry_that_shows_no_lateness_clears_its_flags(db: Database, both: Actor) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-12"))
    await flag_due(db, NOW)
    await record_event(db, request_id, happening("received", "2026-01-26"), actor=both, now=NOW)
    assert set((await flagged(db, request_id, RECEIVE)).values()) == {"no_lateness"}
    assert (await flag_due(db, NOW)).raised > 0  # of what the receipt began
    assert set((await flagged(db, request_id, RECEIVE)).values()) == {"no_lateness"}
    assert len(await flags(db, request_id, limit_id=RECEIVE)) == 3


async def test_a_late_act_settles_its_flags(db: Database, both: Actor) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-12"))
    await flag_due(db, NOW)
    await record_event(db, request_id, happening("received", "2026-01-27"), actor=both, now=NOW)
    assert set((await flagged(db, request_id, RECEIVE)).values()) == {"settled"}


async def test_a_correction_into_lateness_raises_the_cleared_flag_again(db: Database, both: Actor) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-12"))
    await flag_due(db, NOW)
    await record_event(db, request_id, happening("received", "2026-01-20"), actor=both, now=NOW)
    wrong = await event_id(db, request_id, "received")
    await void_event(db, request_id, wrong, reason="Another letter.", actor=both, now=NOW)
    later = NOW + timedelta(hours=1)
    await flag_due(db, later)
    assert set((await flagged(db, request_id, RECEIVE)).values()) == {"standing"}
    assert {flag["raised_at"] for flag in await flags(db, request_id, limit_id=RECEIVE)} == {later}


async def test_a_date_that_moves_clears_its_flags_and_is_flagged_anew(db: Database, both: Actor) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-12"))
    await flag_due(db, NOW)
    wrong = await event_id(db, request_id, "sent")
    right = happening("sent", "2026-02-16")
    await void_event(
        db, request_id, wrong, reason="January's was a draft.", replacement=right, actor=both, now=NOW
    )
    await flag_due(db, NOW)
    assert await flagged(db, request_id, RECEIVE) == {
        "overdue 0 01-26": "date_moved",
        "escalation 1 01-26": "date_moved",
        "escalation 2 01-26": "date_moved",
        "overdue 0 03-02": "standing",
        "escalation 1 03-02": "standing",
    }


async def test_voiding_a_start_clears_the_flags_of_the_clocks_that_hang_on_it(
    db: Database, both: Actor
) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-12"), happening("received", "2026-01-19"))
    await flag_due(db, NOW)
    assert "standing" in (await flagged(db, request_id, ACKNOWLEDGE)).values()
    received = await event_id(db, request_id, "received")
    await void_event(db, request_id, received, reason="Another letter.", actor=both, now=NOW)
    assert set((await flagged(db, request_id, ACKNOWLEDGE)).values()) == {"clock_gone"}
    async with db.transaction(DbRole.OWNER) as tx:
        left = await tx.fetchval(
            "select count(*) from clock_check join clock on clock.id = clock_id where limit_id = $1",
            ACKNOWLEDGE,
        )
    assert left == 0


async def test_closing_settles_what_was_late_and_reopening_lets_it_stand_again(
    db: Database, both: Actor
) -> None:
    request_id = await logged(
        db,
        both,
        happening("sent", "2025-10-01"),
        happening("received", "2025-10-06"),
        happening("accepted", "2025-10-20"),
    )
    await flag_due(db, NOW)
    execute = "default-evidence-execute"
    standing = await flagged(db, request_id, execute)
    assert standing["overdue 0 01-18"] == "standing"
    await record_event(
        db, request_id, happening("closed", "2026-03-02", outcome="lapsed"), actor=both, now=NOW
    )
    assert set((await flagged(db, request_id, execute)).values()) == {"settled"}
    assert (await flag_due(db, NOW + timedelta(days=60))).raised == 0
    reopening = happening("reopened", "2026-03-09", reason="It was found.")
    await record_event(db, request_id, reopening, actor=both, now=NOW)
    assert await flagged(db, request_id, execute) == standing
    assert (await flag_due(db, NOW)).raised == 0


async def test_an_extension_moves_the_date_and_a_pause_stops_the_flags(db: Database, both: Actor) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-05"), happening("received", "2026-01-12"))
    decide = "default-evidence-decide"
    await flag_due(db, NOW)
    assert (await flagged(db, request_id, decide))["overdue 0 02-11"] == "standing"
    longer = happening("extended", "2026-02-09", stage="decide", days=60, reason="Translation.")
    await record_event(db, request_id, longer, actor=both, now=NOW)
    assert set((await flagged(db, request_id, decide)).values()) == {"date_moved"}
    assert (await flag_due(db, NOW)).raised == 0
    pausing = happening("postponed", "2026-03-02", ground="own_proceedings")
    await record_event(db, request_id, pausing, actor=both, now=NOW)
    assert (await flag_due(db, NOW + timedelta(days=365))).by_kind == {}


async def test_sweeps_and_writers_at_once_leave_what_one_after_the_other_would(
    db: Database, both: Actor, database_url: str
) -> None:
    ids = [await logged(db, both, happening("sent", "2026-01-12")) for _ in range(6)]
    ended = asyncio.Event()

    async def sweep(node: Database) -> None:
        while not ended.is_set():
            await flag_due(node, NOW, batch=2)

    async def write(request_id: UUID, number: int) -> None:
        await record_event(db, request_id, happening("received", "2026-01-26"), actor=both, now=NOW)
        if number % 2:
            wrong = await event_id(db, request_id, "received")
            await void_event(db, request_id, wrong, reason="No.", actor=both, now=NOW)

    async with await Database.open(database_url, vault=the_keys(), pool_size=2) as node:
        sweeps = [asyncio.create_task(sweep(node)) for _ in range(2)]
        await asyncio.gather(*(write(request_id, number) for number, request_id in enumerate(ids)))
        ended.set()
        await asyncio.gather(*sweeps)
    await flag_due(db, NOW)
    for number, request_id in enumerate(ids):
        fate = set((await flagged(db, request_id, RECEIVE)).values())
        assert fate <= ({"standing"} if number % 2 else {"no_lateness"})
        if number % 2:
            assert len(await flags(db, request_id, limit_id=RECEIVE)) == 3
    assert (await rebuild(db, NOW, apply=False)).differing == 0


async def test_what_one_may_not_see_or_do_is_refused_by_the_commands_themselves(
    db: Database, both: Actor
) -> None:
    request_id = await logged(db, both, happening("sent", "2026-01-12"))
    france, ministry = await account(db, "FR"), await account(db, "MA", role=Role.MINISTRY)
    received = happening("received", "2026-01-20")
    await refused(record_event(db, request_id, received, actor=france, now=NOW), NotFound)
    await refused(record_event(db, uuid7(NOW), received, actor=both, now=NOW), NotFound)
    await refused(record_event(db, request_id, received, actor=ministry, now=NOW), NotAllowed)
    future = happening("received", "2026-03-11")
    await refused(record_event(db, request_id, future, actor=both, now=NOW), DatedInFuture, "/occurred_on")
    undated = NewEvent(Act.RECEIVED)
    await refused(record_event(db, request_id, undated, actor=both, now=NOW), InvalidEntry, "/occurred_on")
    before = happening("received", "2026-01-01")
    await refused(record_event(db, request_id, before, actor=both, now=NOW), ActNotPossible, "/occurred_on")


async def test_a_history_grows_to_a_thousand_acts_and_no_further(db: Database, both: Actor) -> None:
    reminders = [happening("reminded", "2026-02-02")] * 998
    request_id = await logged(db, both, happening("sent", "2026-01-12"), *reminders)
    await record_event(db, request_id, happening("received", "2026-01-20"), actor=both, now=NOW)
    error = await refused(
        record_event(db, request_id, happening("accepted", "2026-01-20"), actor=both, now=NOW), InvalidEntry
    )
    assert "supplementary" in error.detail
