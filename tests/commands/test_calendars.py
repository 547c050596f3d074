"""A country sets its calendar: who may, on what version, and which requests wait to be counted anew."""

import asyncio
from datetime import date
from typing import Any

import pytest

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.commands.calendars import CalendarChanged, NewCalendar, change_calendar
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.errors import InvalidEntry, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.calendars import calendar_in_force
from mla_tracker.storage.calendar_versions import StoredCalendar, version_in_force
from mla_tracker.storage.database import Database, DbRole
from tests.builders.counted import NOW, a_case, row_of, with_shipped_limits
from tests.builders.register import account, refused

FRIDAY = date(2026, 3, 13)
DECREE = NewCalendar(
    CalendarOverrides(holidays=((FRIDAY, "Mourning"),)), "Decree 1", {"holidays": ["2026-03-13"]}
)
NOTHING = NewCalendar(CalendarOverrides(), "As it ships", {})


@pytest.fixture
async def spain(db: Database) -> Actor:
    return await account(db, "ES", role=Role.HEAD)


async def change(
    db: Database, actor: Actor, entry: NewCalendar = DECREE, *, country: str = "ES", at: int | None = None
) -> CalendarChanged:
    expected = None if at is None else frozenset({at})
    return await change_calendar(db, country, entry, expected=expected, actor=actor, now=NOW)


async def version_of(db: Database, country: str = "ES") -> StoredCalendar:
    async with db.transaction(DbRole.API) as tx:
        return await version_in_force(tx, country, NOW)


async def in_force(db: Database, country: str = "ES") -> WorkingCalendar:
    async with db.transaction(DbRole.API) as tx:
        return (await calendar_in_force(tx, country, NOW))[0]


async def test_a_country_never_met_has_the_calendar_that_ships_as_version_1(db: Database) -> None:
    version = await version_of(db, "BT")
    assert (version.version, version.overrides, version.source) == (1, {}, shipped.source())
    assert version.calendar == shipped.country_calendar("BT", years=shipped.years_around(NOW.date()))
    assert (await version_of(db, "BT")).applied_at == NOW


async def test_a_holiday_by_decree_is_not_worked_from_the_next_reading_on(db: Database, spain: Actor) -> None:
    assert (await in_force(db)).is_working_day(FRIDAY)
    assert (await change(db, spain)).version == 2
    assert not (await in_force(db)).is_working_day(FRIDAY)
    version = await version_of(db)
    assert (version.zone, version.source, version.overrides) == (
        "Europe/Madrid", "Decree 1", {"holidays": ["2026-03-13"]},
    )  # fmt: skip


async def test_saying_nothing_goes_back_to_what_ships(db: Database, spain: Actor) -> None:
    before = await in_force(db)
    await change(db, spain)
    assert (await change(db, spain, NOTHING)).version == 3
    assert await in_force(db) == before


async def test_the_holidays_of_a_region_can_be_taken(db: Database, spain: Actor) -> None:
    await change(db, spain, NewCalendar(CalendarOverrides(), "Madrid", {"region": "MD"}, "MD"))
    assert date(2026, 5, 2) in (await in_force(db)).holidays
    assert (await in_force(db)).code == "ES-MD"


async def test_what_changes_nothing_is_no_new_version(db: Database, spain: Actor) -> None:
    await change(db, spain)
    assert await change(db, spain) == CalendarChanged(2, 0)


async def test_another_source_for_the_same_days_moves_no_date(db: Database, spain: Actor) -> None:
    await with_shipped_limits(db)
    await change(db, spain)
    await a_case().then("sent", "2026-03-02").logged(db, spain)
    again = NewCalendar(DECREE.own, "Gazette 7", DECREE.words)
    assert await change(db, spain, again) == CalendarChanged(3, 0)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.MINISTRY, Role.INTEGRATION, Role.AUDITOR])
async def test_only_who_answers_for_the_authority_sets_its_calendar(db: Database, role: Role) -> None:
    await refused(change(db, await account(db, "ES", role=role)), NotAllowed)


async def test_a_country_sets_no_other_countrys_calendar(db: Database, spain: Actor) -> None:
    await refused(change(db, spain, country="MA"), NotAllowed)
    await refused(change(db, spain, country="ZZ"), NotFound)
    await refused(change(db, spain, country="\x00"), NotFound)
    assert (await version_of(db, "MA")).version == 1


async def test_a_region_that_does_not_exist_is_refused(db: Database, spain: Actor) -> None:
    entry = NewCalendar(CalendarOverrides(), "x", {}, "XX")
    error = await refused(change(db, spain, entry), InvalidEntry, "/region")
    assert "MD" in error.fields[0][1]
    fiji = await account(db, "FJ", role=Role.ADMIN)
    await refused(change(db, fiji, entry, country="FJ"), InvalidEntry, "/region")


async def test_an_impossible_calendar_changes_nothing(db: Database, spain: Actor) -> None:
    own = CalendarOverrides(weekend=frozenset(range(7)), not_holidays=(FRIDAY,))
    await refused(change(db, spain, NewCalendar(own, "x", {})), InvalidEntry, "/not_holidays/0", "/weekend")
    assert (await version_of(db)).version == 1


async def test_a_change_based_on_an_older_version_is_refused(db: Database, spain: Actor) -> None:
    assert (await change(db, spain, at=1)).version == 2
    error = await refused(change(db, spain, NOTHING, at=1), VersionStale)
    assert error.facts == {"version": 2}


async def test_of_two_changes_at_once_one_is_refused(db: Database, spain: Actor) -> None:
    await version_of(db)
    done: list[Any] = await asyncio.gather(
        *(change(db, spain, NewCalendar(DECREE.own, f"Decree {n}", DECREE.words), at=1) for n in range(4)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["CalendarChanged", *["VersionStale"] * 3]
    assert (await version_of(db)).version == 2


async def test_requests_to_and_from_the_country_wait_to_be_counted_anew(db: Database, spain: Actor) -> None:
    await with_shipped_limits(db)
    morocco = await account(db, "MA", "PT")
    to = await a_case().then("sent", "2026-03-02").logged(db, morocco)
    own = await a_case().between("ES", "MA").then("sent", "2026-03-02").logged(db, spain)
    draft = await a_case().logged(db, morocco)
    other = await a_case().between("MA", "PT").then("sent", "2026-03-02").logged(db, morocco)
    # The draft of the other side waits too, and Spain does not learn of it by a number.
    assert (await change(db, spain)).requests_waiting == 2
    for request_id in (to, own, draft):
        assert (await row_of(db, request_id))["stale_since"] == NOW
    assert (await row_of(db, other))["stale_since"] is None


async def test_a_closed_request_waits_only_if_a_changed_day_lies_in_its_time(
    db: Database, spain: Actor
) -> None:
    await with_shipped_limits(db)
    closed = a_case().then("sent", "2025-10-01").then("received", "2025-10-03")
    long_ago = await closed.then("withdrawn", "2025-10-06").then("closed", "2025-10-07").logged(db, spain)
    covering = (
        a_case().then("sent", "2026-03-02").then("received", "2026-03-05")
        .then("withdrawn", "2026-03-05").then("closed", "2026-03-06")
    )  # fmt: skip
    recent = await covering.logged(db, spain)
    in_january = NewCalendar(CalendarOverrides(holidays=((date(2026, 1, 30), "x"),)), "x", {})
    assert (await change(db, spain, in_january)).requests_waiting == 0
    only_recent = NewCalendar(
        CalendarOverrides(holidays=((date(2026, 1, 30), "x"), (date(2026, 3, 4), "x"))), "y", {}
    )
    assert (await change(db, spain, only_recent)).requests_waiting == 1
    assert (await row_of(db, recent))["stale_since"] is not None
    assert (await row_of(db, long_ago))["stale_since"] is None
