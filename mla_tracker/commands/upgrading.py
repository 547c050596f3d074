"""Calendars and zone rules as a newer program ships them, held against those in force, and applied when wanted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import asyncpg

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.catalogue import zone_rules
from mla_tracker.commands.calendars import mark_changed
from mla_tracker.commands.previewing import Effect, Supposed, effect_of, open_clocks_in
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.calendar_overrides import (
    DayChange,
    day_changes,
    days_changed,
    extended,
    laid_over,
    years_changed,
)
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.calendar_versions import StoredCalendar, insert_version, versions_in_force
from mla_tracker.storage.database import Database, DbRole, Isolation
from mla_tracker.storage.local_days import StoredRules, insert_rules, rules_in_force
from mla_tracker.storage.stale import Changed, by_zone, mark_for_zone

_AND_SHIPPED: Final = "; holidays "


@dataclass(frozen=True, slots=True)
class CalendarUpgrade:
    """A country's calendar as it is in force and as it would be: what ships now, with what the country says."""

    before: StoredCalendar
    after: StoredCalendar

    @property
    def changes(self) -> tuple[DayChange, ...]:
        """The holidays and worked days that differ."""
        return day_changes(self.before.calendar, self.after.calendar)

    @property
    def years(self) -> list[int]:
        """The years of which only one of the two knows holidays."""
        return years_changed(self.before.calendar, self.after.calendar)

    @property
    def other_weekend(self) -> bool:
        """Whether the weekends differ."""
        return self.before.calendar.weekends != self.after.calendar.weekends


@dataclass(frozen=True, slots=True)
class ZoneUpgrade:
    """The rules of a zone that ship now, and the instant from which they differ from those in force."""

    held: StoredRules
    rules: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class Upgrades:
    """All that an upgrade of the program would change. `problems` tell what it cannot change, and why."""

    calendars: Sequence[CalendarUpgrade]
    zones: Sequence[ZoneUpgrade]
    problems: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.calendars or self.zones or self.problems)


async def upgrades(db: Database, now: datetime, country: str | None = None) -> Upgrades:
    """What ships now and differs from what is in force, of every country met so far or of one; nothing is changed."""
    async with db.transaction(DbRole.JOBS, read_only=True) as tx:
        stored = await versions_in_force(tx, country)
        rules = await rules_in_force(tx)
    if country is not None:
        zones = {calendar.zone for calendar in stored}
        rules = [held for held in rules if held.name in zones]
    return await asyncio.to_thread(_compared, stored, rules, now)


async def effect_of_calendar(db: Database, upgrade: CalendarUpgrade, now: datetime) -> Effect:
    """Which dates the calendar would move, of all requests; nothing is stored."""
    days = days_changed(upgrade.before.calendar, upgrade.after.calendar)
    country = upgrade.after.country
    supposed = Supposed(
        country=country,
        calendars={country: upgrade.after.calendar},
        changed=Changed(*days) if days else None,
    )
    async with db.transaction(DbRole.JOBS, isolation=Isolation.REPEATABLE_READ) as tx:
        return await effect_of(tx, supposed, actor=None, now=now)


async def effect_of_zone(db: Database, upgrade: ZoneUpgrade, now: datetime) -> Effect:
    """Which dates the rules would move, of all requests; nothing is stored."""
    name = upgrade.held.name
    supposed = Supposed(rules=zone_rules.zone_from(name, upgrade.rules), since=upgrade.since.date())
    async with db.transaction(DbRole.JOBS, isolation=Isolation.REPEATABLE_READ) as tx:
        return await effect_of(tx, supposed, actor=None, now=now)


async def apply_calendar(db: Database, upgrade: CalendarUpgrade, now: datetime) -> int | None:
    """Put the calendar in force; gives how many requests wait to be counted anew, None if it has just changed."""
    after = replace(upgrade.after, applied_at=now)
    try:
        async with db.transaction(DbRole.JOBS) as tx:
            about = await open_clocks_in(tx, after.country)
            stored = await insert_version(after, account_id=None, open_clocks=about)
            chain = Chain.named(ChainKind.CALENDAR, after.country)
            await lock_chain(tx, chain)
            seen_by = [after.country]
            await append(tx, chain, What.CALENDAR_UPGRADED, [stored], actor=None, now=now, seen_by=seen_by)
            return await mark_changed(tx, upgrade.before, after, now)
    except asyncpg.UniqueViolationError:
        return None


async def apply_zone(db: Database, upgrade: ZoneUpgrade, now: datetime) -> int | None:
    """Put the rules in force; gives how many requests wait to be counted anew, None if they have just changed."""
    name, version = upgrade.held.name, upgrade.held.version + 1
    try:
        async with db.transaction(DbRole.JOBS) as tx:
            stored = await insert_rules(name, version, upgrade.rules, now)
            chain = Chain.named(ChainKind.ZONE, name)
            await lock_chain(tx, chain)
            await append(tx, chain, What.ZONE_UPGRADED, [stored], actor=None, now=now, seen_by=[])
            return await mark_for_zone(tx, name, now, upgrade.since.date(), by_zone(name, version))
    except asyncpg.UniqueViolationError:
        return None


async def extend_calendars(db: Database, now: datetime) -> int:
    """Give the calendars in force the years that have come within reach since; gives how many got any.

    A calendar knows ten years from the year in which its version was applied. The first run of a new year adds the
    one that follows, as a new version that says nothing else of the years before.
    """
    async with db.transaction(DbRole.JOBS, read_only=True) as tx:
        new_year = datetime(now.year, 1, 1, tzinfo=now.tzinfo)
        stored = await versions_in_force(tx, applied_before=new_year)
    number = 0
    for before in stored:
        after = await asyncio.to_thread(_with_further_years, before, now)
        if after is not None:
            number += await apply_calendar(db, CalendarUpgrade(before, after), now) is not None
    return number


def _compared(stored: Sequence[StoredCalendar], rules: Sequence[StoredRules], now: datetime) -> Upgrades:
    calendars, zones, problems = list[CalendarUpgrade](), list[ZoneUpgrade](), list[str]()
    for before in stored:
        try:
            after = _as_it_ships(before, now.date())
        except KeyError:
            problems.append(
                f"{before.country}: the holidays of its region ship no more. Its head must set another."
            )
        except InvalidEntry as error:
            problems.append(
                f"{before.country}: what it says cannot be laid over what ships. {error.fields[0][1]}"
            )
        else:
            if after.calendar != before.calendar:
                calendars.append(CalendarUpgrade(before, after))
    for held in rules:
        try:
            fresh = zone_rules.zone_rules(held.name)
        except KeyError:
            problems.append(f"{held.name}: this zone ships no more. The rules in force stay.")
            continue
        if zone_rules.digest(fresh) == held.digest:
            continue
        was, becomes = (zone_rules.zone_from(held.name, each) for each in (held.tzif, fresh))
        since = zone_rules.first_difference(was, becomes)
        if since is not None:
            zones.append(ZoneUpgrade(held, fresh, since))
    return Upgrades(calendars, zones, problems)


def _as_it_ships(before: StoredCalendar, today: date) -> StoredCalendar:
    """The next version of a calendar: what ships today, with what the country says.

    A day that the country works though it shipped as a holiday, and ships as none any more, is worked anyway. Raises
    KeyError for a region that is gone, InvalidEntry for words that do not fit what ships.
    """
    fresh = shipped.country_calendar(
        before.country, before.overrides.get("region"), years=shipped.years_around(today)
    )
    own = shipped.own_from_words(before.overrides)
    own = replace(own, not_holidays=tuple(day for day in own.not_holidays if day in fresh.holidays))
    return replace(before, version=before.version + 1, calendar=laid_over(fresh, own), source=_source(before))


def _with_further_years(before: StoredCalendar, now: datetime) -> StoredCalendar | None:
    reach = shipped.years_around(before.applied_at.date()).stop
    years = shipped.offered(before.country, range(reach, shipped.years_around(now.date()).stop))
    if not years or before.calendar.known_years is None:
        return None
    further = shipped.country_calendar(before.country, before.overrides.get("region"), years=years)
    own = shipped.own_from_words(before.overrides)
    calendar = extended(before.calendar, further, weekends=own.weekend is None)
    if calendar == before.calendar:
        return None
    return replace(before, version=before.version + 1, calendar=calendar, source=_source(before))


def _source(before: StoredCalendar) -> str:
    """What a country published, and what it was laid over."""
    if not before.overrides:
        return shipped.source()
    return f"{before.source.partition(_AND_SHIPPED)[0]}; {shipped.source()}"
