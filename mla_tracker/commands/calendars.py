"""What a country's authority does with its calendar of working days: say what differs from the one that ships."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.catalogue.countries import default_zone, is_country
from mla_tracker.commands.previewing import Effect, Supposed, effect_of, open_clocks_in
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.calendar_overrides import CalendarOverrides, days_changed, laid_over
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.errors import InvalidEntry, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.calendar_versions import StoredCalendar, insert_version, version_in_force
from mla_tracker.storage.database import Database, DbRole, Isolation, Tx
from mla_tracker.storage.local_days import zone_as_stored
from mla_tracker.storage.stale import Changed, by_calendar, mark_all_of_country, mark_beyond, mark_for_country


@dataclass(frozen=True, slots=True)
class NewCalendar:
    """What a country says of its calendar, in full: it replaces what it said before.

    `region`: the subdivision whose holidays to start from, e.g. "MD" of ES-MD. `zone`: where its days begin and end,
    None for the zone of its capital. `source`: the decree or gazette.
    `words` is the same as the client gave it, kept to be shown and sent again.
    """

    own: CalendarOverrides
    source: str
    words: Mapping[str, Any]
    region: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class CalendarChanged:
    """The version in force now, and how many requests wait to be counted anew because of it."""

    version: int
    requests_waiting: int


@dataclass(frozen=True, slots=True)
class CalendarPreview:
    """The version that would come into force, the number of the one that is, and what would move."""

    based_on: int
    calendar: StoredCalendar
    effect: Effect


async def change_calendar(
    db: Database,
    country: str,
    entry: NewCalendar,
    *,
    expected: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> CalendarChanged:
    """Put a new version of a country's calendar in force: the one that ships today, with what the country says.

    The requests concerned are marked in the same transaction and counted anew by a job, so that nothing is lost if
    this process ends. `expected` are the versions that the change may be based on, None for any.
    Raises NotFound for what is no country, NotAllowed for another country's calendar, VersionStale, InvalidEntry
    naming every field at fault.
    """
    calendar = await _meant(country, entry, actor, now)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        before, after = await _versions(tx, country, entry, calendar, expected, now)
        if after is before:
            return CalendarChanged(before.version, 0)
        try:
            about = await open_clocks_in(tx, country)
            stored = await insert_version(after, account_id=actor.account_id, open_clocks=about)
        except asyncpg.UniqueViolationError:
            raise _stale(before) from None
        chain = Chain.named(ChainKind.CALENDAR, country)
        await lock_chain(tx, chain)
        await append(tx, chain, What.CALENDAR_CHANGED, [stored], actor=actor, now=now, seen_by=[country])
        cause = by_calendar(country, after.version)
        waiting = await mark_beyond(tx, mark_changed(tx, before, after, now), cause)
    return CalendarChanged(after.version, waiting)


async def preview_calendar(
    db: Database,
    country: str,
    entry: NewCalendar,
    *,
    expected: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> CalendarPreview:
    """The version that `change_calendar` would put in force, and which dates it would move; no version is stored.

    Raises what `change_calendar` raises.
    """
    calendar = await _meant(country, entry, actor, now)
    async with db.transaction(DbRole.API, viewer=actor, isolation=Isolation.REPEATABLE_READ) as tx:
        before, after = await _versions(tx, country, entry, calendar, expected, now)
        days = days_changed(before.calendar, calendar)
        supposed = Supposed(
            country=country,
            calendars={country: calendar},
            changed=Changed(*days) if days else None,
            zone=None if after.zone == before.zone else (await zone_as_stored(tx, after.zone)),
        )
        return CalendarPreview(before.version, after, await effect_of(tx, supposed, actor=actor, now=now))


async def _meant(country: str, entry: NewCalendar, actor: Actor, now: datetime) -> WorkingCalendar:
    if not is_country(country):
        raise no_such_country(country)
    _require_writer(actor, country)
    return laid_over(await _shipped(country, entry.region, now.date()), entry.own)


async def _versions(
    tx: Tx,
    country: str,
    entry: NewCalendar,
    calendar: WorkingCalendar,
    expected: frozenset[int] | None,
    now: datetime,
) -> tuple[StoredCalendar, StoredCalendar]:
    """The version in force and the one that would follow it: the same where nothing differs. Raises VersionStale."""
    before = await version_in_force(tx, country, now)
    if expected is not None and before.version not in expected:
        raise _stale(before)
    zone = entry.zone or default_zone(country).key
    said = (calendar, zone, entry.words, entry.source)
    if said == (before.calendar, before.zone, before.overrides, before.source):
        return before, before
    return before, StoredCalendar(country, before.version + 1, zone, calendar, entry.words, entry.source, now)


async def mark_changed(tx: Tx, before: StoredCalendar, after: StoredCalendar, now: datetime) -> int:
    """Mark the requests that a new version of a calendar can reach; gives how many wait now."""
    cause = by_calendar(after.country, after.version)
    if after.zone != before.zone:
        return await mark_all_of_country(tx, after.country, now, cause)
    days = days_changed(before.calendar, after.calendar)
    return await mark_for_country(tx, after.country, now, Changed(*days), cause) if days else 0


def no_such_country(country: str) -> NotFound:
    """The refusal of a calendar of nowhere."""
    return NotFound(
        f"There is no country {country[:20]!r}. Give its ISO 3166-1 alpha-2 code in capital letters, e.g. MA or ES."
    )


def _require_writer(actor: Actor, country: str) -> None:
    if not actor.speaks_for(country):
        raise NotAllowed(
            f"The calendar of {country} is set by {country}. This account belongs to {', '.join(actor.countries)}."
        )
    require(actor, Deed.SET_CALENDARS)


async def _shipped(country: str, region: str | None, today: date) -> WorkingCalendar:
    known = shipped.subdivisions(country)
    if region is not None and region not in known:
        named = (
            f"Known are {', '.join(known)}."
            if known
            else "No regions of this country are known: leave it out."
        )
        raise InvalidEntry(
            f"{country} has no region {region} with holidays of its own.",
            fields=[("/region", f"Not a region of {country}. {named}")],
        )
    years = shipped.years_around(today)
    return await asyncio.to_thread(shipped.country_calendar, country, region, years=years)


def _stale(before: StoredCalendar) -> VersionStale:
    return VersionStale(
        f"The calendar of {before.country} has changed; read it again and base the change on what it says now.",
        facts={"version": before.version},
    )
