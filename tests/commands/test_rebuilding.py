"""Projections can be thrown away: a rebuild finds what was stored, and names and repairs what was not."""

from datetime import timedelta
from uuid import UUID

import pytest

from mla_tracker.commands import worked_example
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.rebuilding import Difference, Rebuilt, rebuild
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.requests import record_event, void_event
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.counted import NOW, a_case, as_owner, clock_of, row_of, with_shipped_limits
from tests.builders.register import account

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def shipped(db: Database) -> None:
    await with_shipped_limits(db)


async def busy(db: Database) -> int:
    """Cases of every kind and age, swept, one corrected, one closed and opened again, one counted anew."""
    await worked_example.load(db, NOW)
    both = await account(db, "ES", "MA", role=Role.HEAD)
    case = a_case().then("sent", "2026-02-02").then("received", "2026-02-09").then("accepted", "2026-02-16")
    corrected = await case.logged(db, both)
    async with db.transaction(DbRole.OWNER) as tx:
        accepted = await tx.fetchval(
            "select id from request_event where request_id = $1 and type = 'accepted'", corrected
        )
    [right] = a_case().then("accepted", "2026-02-18").entry.events
    await void_event(db, corrected, accepted, reason="Misread.", replacement=right, actor=both, now=NOW)
    reopened = await case.logged(db, both)
    for act in (
        a_case()
        .then("closed", "2026-03-02", outcome="executed")
        .then("reopened", "2026-03-05", reason="A second account was found.")
        .entry.events
    ):
        await record_event(db, reopened, act, actor=both, now=NOW)
    await flag_due(db, NOW)
    own = CalendarOverrides(holidays=((NOW.date(), "Day of mourning"),))
    await change_calendar(db, "ES", NewCalendar(own, "Decree 1", {}), expected=None, actor=both, now=NOW)
    await recount_stale(db, LATER)
    await flag_due(db, LATER)
    async with db.transaction(DbRole.OWNER) as tx:
        number: int = await tx.fetchval("select count(*) from request")
    return number


async def some_clock(db: Database) -> tuple[UUID, str]:
    """A running deadline of some request: its request and its key."""
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow(
            "select request_id, clock_key from clock where state = 'running' and effect = 'deadline' limit 1"
        )
    assert row is not None
    return row["request_id"], row["clock_key"]


@pytest.mark.usefixtures("shipped")
async def test_what_was_stored_is_what_the_histories_give(db: Database) -> None:
    number = await busy(db)
    assert number > 10
    assert await rebuild(db, LATER, apply=False) == Rebuilt(number, 0, 0, (), ())
    assert await rebuild(db, LATER + timedelta(days=1), apply=True) == Rebuilt(number, 0, 0, (), ())


@pytest.mark.usefixtures("shipped")
async def test_a_date_tampered_with_is_named_and_repaired(db: Database) -> None:
    number = await busy(db)
    request_id, key = await some_clock(db)
    before = await row_of(db, request_id)
    await as_owner(
        db,
        "update clock set due_on = due_on + 1 where request_id = $1 and clock_key = $2",
        request_id,
        key,
    )
    difference = Difference(request_id, (f"clock {key}: due_on",), waiting=False)
    assert await rebuild(db, LATER, apply=False) == Rebuilt(number, 1, 0, (difference,), ())
    assert (await row_of(db, request_id))["version"] == before["version"]
    assert await rebuild(db, LATER, apply=True) == Rebuilt(number, 1, 1, (difference,), ())
    assert (await rebuild(db, LATER, apply=False)).differing == 0
    assert (await row_of(db, request_id))["version"] == before["version"] + 1


@pytest.mark.parametrize(
    ("tampering", "what"),
    [
        ("update request set status = 'ended'", ("status",)),
        ("update request set warnings = '[]', first_act_on = null", ("warnings", "first_act_on")),
        ("update clock set state = 'met' where stage = 'decide'", ("clock default-evidence-decide: state",)),
        (
            "update clock set clock_key = 'other' where stage = 'decide'",
            (
                "clock default-evidence-decide: missing",
                "clock other: should not be there",
                "check other overdue 0: should not be there",
                "check default-evidence-decide overdue 0: missing",
            ),
        ),
        (
            "delete from clock_check where kind = 'overdue'",
            ("check default-evidence-decide overdue 0: missing",),
        ),
        (
            "update clock_check set at = at + interval '1 hour' where kind = 'overdue'",
            ("check default-evidence-decide overdue 0: at",),
        ),
    ],
)
@pytest.mark.usefixtures("shipped")
async def test_whatever_is_stored_otherwise_is_named(
    db: Database, tampering: str, what: tuple[str, ...]
) -> None:
    case = (
        a_case()
        .then("reminded", "2026-03-01")
        .then("received", "2026-03-05")
        .then("acknowledged", "2026-03-06")
    )
    request_id = await case.logged(db, await account(db, "ES"))
    await as_owner(db, tampering)
    [difference] = (await rebuild(db, NOW, apply=True)).differences
    assert difference.request_id == request_id
    assert set(what) <= set(difference.what)
    assert (await rebuild(db, NOW, apply=False)).differing == 0


@pytest.mark.usefixtures("shipped")
async def test_what_is_known_to_wait_is_told_apart(db: Database) -> None:
    spain = await account(db, "ES", role=Role.HEAD)
    request_id = await a_case().then("sent", "2026-03-02").logged(db, spain)
    own = CalendarOverrides(holidays=((NOW.date(), "Day of mourning"),))
    await change_calendar(db, "ES", NewCalendar(own, "Decree 1", {}), expected=None, actor=spain, now=NOW)
    [difference] = (await rebuild(db, NOW, apply=False)).differences
    assert (difference.request_id, difference.waiting) == (request_id, True)
    assert (await rebuild(db, NOW, apply=True)).written == 1
    assert (await row_of(db, request_id))["stale_since"] is None


@pytest.mark.usefixtures("shipped")
async def test_a_history_that_cannot_be_true_is_told_and_counted_as_well_as_can_be(db: Database) -> None:
    spain = await account(db, "ES")
    broken = await a_case().then("sent", "2026-03-02").logged(db, spain)
    sound = await a_case().then("sent", "2026-03-02").logged(db, spain)
    await as_owner(
        db,
        """
        insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_on,
            asserted_by, recorded_at)
        values (gen_random_uuid(), $1, 'MA', 'ES', 'executed', '2026-02-01', 'ES', $2)
        """,
        broken,
        NOW,
    )
    await as_owner(db, "update clock set due_on = due_on + 1 where due_on is not null")
    done = await rebuild(db, NOW, apply=True)
    assert (done.requests, done.differing, done.written) == (2, 2, 2)
    [(request_id, reason)] = done.impossible
    assert request_id == broken
    assert reason == "Executed on 2026-02-01 lies before sent on 2026-03-02. Correct one of the two dates."
    again = await rebuild(db, NOW, apply=False)
    assert (again.differing, again.impossible) == (0, done.impossible)
    assert (await clock_of(db, sound, "receive"))["due_on"].isoformat() == "2026-03-16"


@pytest.mark.usefixtures("shipped")
async def test_progress_is_told_after_every_batch(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    spain = await account(db, "ES")
    for _ in range(5):
        await a_case().then("sent", "2026-03-02").logged(db, spain)
    monkeypatch.setattr("mla_tracker.commands.rebuilding.BATCH", 2)
    heard: list[tuple[int, int]] = []
    await rebuild(db, NOW, apply=False, told=lambda *figures: heard.append(figures))
    assert heard == [(2, 0), (4, 0), (5, 0)]


async def test_an_empty_register_has_nothing_to_rebuild(db: Database) -> None:
    assert await rebuild(db, NOW, apply=True) == Rebuilt(0, 0, 0, (), ())
