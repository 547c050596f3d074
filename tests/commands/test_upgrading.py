"""Newer holidays and time zones: nothing moves until they are applied, and what they move is known before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.catalogue.zone_rules import zone_rules
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.setting_up import set_up
from mla_tracker.commands.upgrading import (
    apply_calendar,
    apply_zone,
    effect_of_calendar,
    effect_of_zone,
    extend_calendars,
    upgrades,
)
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendar_overrides import CalendarOverrides, DayChange
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.requests import history
from mla_tracker.storage.calendar_versions import StoredCalendar, insert_version, version_in_force
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.date_moves import moves_of
from mla_tracker.storage.local_days import insert_rules
from tests.builders.counted import NOW, a_case, as_owner, clock_of, row_of, with_shipped_limits
from tests.builders.register import account

LATER = NOW + timedelta(minutes=1)
THE_13TH = date(2026, 3, 13)
SENT = a_case().then("sent", "2026-03-02")
DUE, A_DAY_LATER = date(2026, 3, 16), date(2026, 3, 17)


@pytest.fixture
async def spain(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "ES", role=Role.HEAD)


async def shipped_then(
    db: Database, country: str = "ES", words: Mapping[str, Any] | None = None
) -> WorkingCalendar:
    """Stores what an older program shipped: all the same, but that the 13th of March was a holiday."""
    fresh = shipped.country_calendar(country, years=shipped.years_around(NOW.date()))
    calendar = replace(fresh, holidays={**fresh.holidays, THE_13TH: "Old Holiday"})
    zone = "Europe/Madrid"
    version = StoredCalendar(country, 1, zone, calendar, words or {}, "holidays 0.1", NOW)
    async with db.transaction(DbRole.OWNER):
        await insert_version(version, account_id=None, open_clocks=None)
    return calendar


async def in_force(db: Database, now: datetime = NOW, country: str = "ES") -> StoredCalendar:
    async with db.transaction(DbRole.API) as tx:
        return await version_in_force(tx, country, now)


async def test_a_newer_package_changes_nothing_by_itself(db: Database, spain: Actor) -> None:
    calendar = await shipped_then(db)
    await set_up(db, LATER)
    request_id = await SENT.logged(db, spain)
    assert (await in_force(db)).calendar == calendar
    assert (await clock_of(db, request_id, "receive"))["due_on"] == A_DAY_LATER
    assert (await recount_stale(db, LATER)).done == 0
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_an_upgrade_tells_its_days_and_dates_and_moves_them_once_applied(
    db: Database, spain: Actor
) -> None:
    await shipped_then(db)
    request_id = await SENT.logged(db, spain)
    found = await upgrades(db, NOW)
    [upgrade] = found.calendars
    assert (found.zones, found.problems) == ([], [])
    assert upgrade.changes == (DayChange(THE_13TH, "Old Holiday", None),)
    assert (upgrade.years, upgrade.other_weekend) == ([], False)
    effect = await effect_of_calendar(db, upgrade, NOW)
    [receiving] = [move for move in effect.moves if move.stage == "receive"]
    assert (receiving.before, receiving.after) == (A_DAY_LATER, DUE)
    assert (await in_force(db)).version == 1

    assert await apply_calendar(db, upgrade, NOW) == 1
    assert await apply_calendar(db, upgrade, NOW) is None
    assert (await in_force(db)).version == 2
    assert (await recount_stale(db, LATER)).changed == 1
    assert (await clock_of(db, request_id, "receive"))["due_on"] == DUE
    async with db.transaction(DbRole.API, viewer=spain) as tx:
        [move] = [move for move in await moves_of(tx, request_id) if move["stage"] == "receive"]
    assert move["causes"] == [{"kind": "calendar", "of": "ES", "version": 2, "source": shipped.source()}]
    assert not await upgrades(db, LATER)
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_what_a_country_said_stays_laid_over_what_ships(db: Database, spain: Actor) -> None:
    await shipped_then(db)
    request_id = await SENT.logged(db, spain)
    own = CalendarOverrides(holidays=((date(2026, 3, 12), "By decree"),))
    words = {"holidays": [{"date": "2026-03-12", "name": "By decree"}]}
    await change_calendar(db, "ES", NewCalendar(own, "Decree 1", words), expected=None, actor=spain, now=NOW)
    # Setting a calendar starts from what ships, so the country has applied the upgrade itself.
    assert not await upgrades(db, NOW)
    await recount_stale(db, LATER)
    assert (await clock_of(db, request_id, "receive"))["due_on"] == A_DAY_LATER


async def test_words_that_no_longer_fit_do_no_harm(db: Database, spain: Actor) -> None:
    words = {
        "not_holidays": ["2026-03-13"], "recess": [["2026-08-01", "2026-08-31"]], "weekend": [4, 5],
        "weekend_from": "2030-01-01", "hours": {"0": [["08:00", "15:00"]]}, "date_hours": {"2026-12-24": []},
        "extra_working_days": ["2026-03-14"], "complete_years": [2050],
    }  # fmt: skip
    await shipped_then(db, words=words)
    [upgrade] = (await upgrades(db, NOW, "ES")).calendars
    after = upgrade.after.calendar
    assert THE_13TH not in after.holidays
    assert (after.recess, after.weekend_on(date(2031, 1, 1))) == (
        ((date(2026, 8, 1), date(2026, 8, 31)),), frozenset({4, 5}),
    )  # fmt: skip
    assert after.opening_hours(date(2026, 3, 16)) == ((480, 900),)
    assert upgrade.after.source == f"holidays 0.1; {shipped.source()}"
    assert (await upgrades(db, NOW, "MA")).calendars == []


async def test_a_region_that_is_gone_is_told_and_left_alone(db: Database, spain: Actor) -> None:
    await shipped_then(db, words={"region": "XX"})
    found = await upgrades(db, NOW)
    assert found.calendars == []
    assert "region" in found.problems[0]


async def test_newer_zone_rules_change_nothing_until_applied(db: Database, spain: Actor) -> None:
    async with db.transaction(DbRole.OWNER):
        await insert_rules("Europe/Madrid", 1, zone_rules("Atlantic/Canary"), NOW)
    request_id = await SENT.logged(db, spain)
    portugal = (
        await a_case().between("MA", "PT").then("sent", "2026-03-02").logged(db, await account(db, "PT"))
    )
    assert (await clock_of(db, request_id, "receive"))["due_at"] == datetime(2026, 3, 17, tzinfo=UTC)

    found = await upgrades(db, NOW)
    [upgrade] = found.zones
    assert (upgrade.held.name, upgrade.since, found.calendars) == (
        "Europe/Madrid",
        datetime(1990, 1, 1, tzinfo=UTC),
        [],
    )
    effect = await effect_of_zone(db, upgrade, NOW)
    [receiving] = [move for move in effect.moves if move.stage == "receive"]
    assert (receiving.before, receiving.after) == (DUE, DUE)
    assert receiving.after_at == datetime(2026, 3, 16, 23, tzinfo=UTC)
    assert (await rebuild(db, NOW, apply=False)).differing == 0

    assert await apply_zone(db, upgrade, NOW) == 1
    assert await apply_zone(db, upgrade, NOW) is None
    assert (await row_of(db, portugal))["stale_since"] is None
    assert (await recount_stale(db, LATER)).changed == 1
    assert (await clock_of(db, request_id, "receive"))["due_at"] == datetime(2026, 3, 16, 23, tzinfo=UTC)
    async with db.transaction(DbRole.API, viewer=spain) as tx:
        causes = [move["causes"] for move in await moves_of(tx, request_id)]
    assert {(cause[0]["kind"], cause[0]["of"], cause[0]["version"]) for cause in causes} == {
        ("zone", "Europe/Madrid", 2)
    }
    assert not await upgrades(db, LATER)
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_rules_that_were_in_use_before_any_were_stored_are_kept_on_migrating(
    db: Database, spain: Actor
) -> None:
    forwarded = SENT.then("received", "2026-03-03").then("forwarded", "2026-03-04", zone="Atlantic/Canary")
    await forwarded.logged(db, spain)
    await as_owner(db, "delete from zone_version")
    await set_up(db, LATER)
    async with db.transaction(DbRole.OWNER) as tx:
        names = {row["name"] for row in await tx.fetch("select name from zone_version")}
    assert names == {"Europe/Madrid", "Africa/Casablanca", "Atlantic/Canary"}


async def test_a_new_year_brings_the_calendar_the_year_that_comes_within_reach(
    db: Database, spain: Actor
) -> None:
    words = {"holidays": [{"date": "2038-05-05", "name": "Jubilee"}]}
    before = await shipped_then(db, words=words)
    assert before.known_years == range(2008, 2037)
    assert await extend_calendars(db, datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == 0
    now = datetime(2028, 1, 1, 0, 30, tzinfo=UTC)
    assert await extend_calendars(db, now) == 1
    version = await in_force(db, now)
    after = version.calendar
    assert (version.version, after.known_years, version.overrides) == (2, range(2008, 2039), words)
    assert not after.is_working_day(date(2038, 12, 8))
    assert after.knows_holidays_of(2038)
    assert {day: name for day, name in after.holidays.items() if day.year < 2037} == before.holidays
    assert await extend_calendars(db, now) == 0
    assert (await in_force(db, now)).version == 2


async def test_a_year_of_which_nothing_ships_warns_and_is_not_taken_for_one_without_holidays(
    db: Database, spain: Actor
) -> None:
    await in_force(db, country="IN")
    now = datetime(2030, 6, 1, tzinfo=UTC)
    assert await extend_calendars(db, now) == 0
    assert not (await in_force(db, now, "IN")).calendar.knows_holidays_of(2038)


async def test_a_history_is_read_by_whoever_only_reads_though_no_rules_are_stored(
    db: Database, spain: Actor
) -> None:
    request_id = await SENT.logged(db, spain)
    await as_owner(db, "delete from zone_version")
    async with db.transaction(DbRole.API, viewer=spain, read_only=True) as tx:
        assert len(await history(tx, request_id, actor=spain, now=LATER)) == 1
