"""Calendars and zone rules as versioned rows: what clocks count by, so that no upgrade moves a date by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from asyncpg import Record

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.catalogue import zone_rules
from mla_tracker.catalogue.countries import default_zone
from mla_tracker.domain.audit import Chain, ChainKind, Change, What
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.audited import added
from mla_tracker.storage.database import Tx
from mla_tracker.storage.tables import CalendarVersion, ZoneVersion

MOST_KEPT = 600


@dataclass(frozen=True, slots=True)
class LocalDays:
    """The calendars and the zones of countries, by ISO alpha-2, and the zones that were asked for by name."""

    calendars: Mapping[str, WorkingCalendar]
    zones: Mapping[str, ZoneInfo]
    named: Mapping[str, ZoneInfo] = field(default_factory=dict)


async def days_in_force(
    tx: Tx, countries: Sequence[str], now: datetime, names: Iterable[str] = (), *, reading: bool = False
) -> LocalDays:
    """The newest calendar and zone of each country, and the newest rules of the zones of these names.

    A country met for the first time gets the calendar that ships as its version 1, and a zone the rules that ship,
    stored, so that every later reading counts by the same days. `reading` stores no rules: a transaction that only
    reads takes those that ship. Raises KeyError for a name that is no zone.
    """
    wanted = sorted(set(names))
    rows = await _current(tx, countries, wanted)
    missing = sorted(set(countries) - {row["country"] for row in rows})
    for country in missing:
        await _store_shipped(tx, country, now)
    unknown = {row["zone"] for row in rows if row["zone_digest"] is None}
    unknown |= {default_zone(country).key for country in missing}
    if unknown and not reading:
        await store_zones(tx, sorted(unknown), now)
        rows = await _current(tx, countries, wanted)
    zones = {row["zone"]: await _zone(tx, row) for row in rows}
    of_countries = [row for row in rows if row["country"] is not None]
    return LocalDays(
        calendars={row["country"]: await _calendar(tx, row) for row in of_countries},
        zones={row["country"]: zones[row["zone"]] for row in of_countries},
        named={name: zones[name] for name in wanted},
    )


async def zone_as_stored(tx: Tx, name: str) -> ZoneInfo:
    """The zone by the newest rules stored, or as it ships where there are none. Raises KeyError for what is no zone."""
    [row] = await _current(tx, [], [name])
    return await _zone(tx, row)


async def store_zones(tx: Tx, names: Iterable[str], now: datetime) -> None:
    """Store the rules that ship for zones of which none are stored yet. Raises KeyError for what is no zone."""
    for name in names:
        row = _version(name, 1, zone_rules.zone_rules(name), now)
        stored = await ZoneVersion.insert(ZoneVersion(**row)).on_conflict(action="DO NOTHING")
        if stored:
            chain, told = Chain.named(ChainKind.ZONE, name), [added("zone_version", row)]
            await lock_chain(tx, chain)
            await append(tx, chain, What.ZONE_STORED, told, actor=None, now=now, seen_by=[])


@dataclass(frozen=True, slots=True)
class StoredRules:
    """The newest rules stored of a zone."""

    name: str
    version: int
    digest: str
    tzif: bytes


async def rules_in_force(tx: Tx) -> list[StoredRules]:
    """The newest rules of every zone of which any are stored."""
    rows = await tx.fetch(
        "select distinct on (name) name, version, digest, tzif from zone_version order by name, version desc"
    )
    return [StoredRules(**dict(row)) for row in rows]


async def insert_rules(name: str, version: int, rules: bytes, now: datetime) -> Change:
    """Store a version, and give what the audit tells of it.

    Raises asyncpg.UniqueViolationError if another writer has just stored one of this number.
    """
    row = _version(name, version, rules, now)
    await ZoneVersion.insert(ZoneVersion(**row))
    return added("zone_version", row)


def _version(name: str, version: int, rules: bytes, now: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "digest": zone_rules.digest(rules),
        "tzif": rules,
        "source": zone_rules.source(),
        "applied_at": now,
    }


async def pin_zones(tx: Tx, now: datetime) -> None:
    """Store the rules of every zone by which something was counted before rules were stored."""
    rows = await tx.fetch(
        """
        select zone as name from calendar_version
        union select data ->> 'zone' from request_event where type = 'forwarded' and data ? 'zone'
        except select name from zone_version
        """
    )
    await store_zones(tx, sorted(row["name"] for row in rows if row["name"]), now)


async def _store_shipped(tx: Tx, country: str, now: datetime) -> None:
    fresh = shipped.country_calendar(country, years=shipped.years_around(now.date()))
    document = shipped.to_document(fresh)
    row: dict[str, Any] = {
        "country": country,
        "region": "",
        "version": 1,
        "zone": default_zone(country).key,
        "document": document,
        "digest": shipped.digest(document),
        "source": shipped.source(),
        "applied_at": now,
    }
    stored = await CalendarVersion.insert(CalendarVersion(**row)).on_conflict(action="DO NOTHING")
    if stored:
        chain, told = Chain.named(ChainKind.CALENDAR, country), [added("calendar_version", row)]
        await lock_chain(tx, chain)
        await append(tx, chain, What.CALENDAR_SHIPPED, told, actor=None, now=now, seen_by=[country])


async def _current(tx: Tx, countries: Sequence[str], names: Sequence[str]) -> list[Record]:
    """A row for each country and zone wanted; `country` is null where a zone was asked for by name only."""
    rows: list[Record] = await tx.fetch(
        """
        select held.country, held.version, held.digest, held.zone, rules.version as zone_version,
            rules.digest as zone_digest from (
            select calendar.country, calendar.version, calendar.digest, calendar.zone
            from unnest($1::text[]) as wanted(code) cross join lateral (
                select country, version, digest, zone from calendar_version
                where country = wanted.code and region = '' order by version desc limit 1
            ) calendar
            union all select null, null, null, name from unnest($2::text[]) as wanted(name)
        ) held
        left join lateral (
            select version, digest from zone_version where name = held.zone order by version desc limit 1
        ) rules on true
        """,
        list(countries),
        list(names),
    )
    return rows


_known_calendars: dict[str, WorkingCalendar] = {}
_known_zones: dict[tuple[str, str], ZoneInfo] = {}


async def _calendar(tx: Tx, row: Record) -> WorkingCalendar:
    calendar = _known_calendars.get(row["digest"])
    if calendar is None:
        document = await tx.fetchval(
            "select document from calendar_version where country = $1 and region = '' and version = $2",
            row["country"],
            row["version"],
        )
        if len(_known_calendars) >= MOST_KEPT:
            _known_calendars.clear()
        calendar = _known_calendars[row["digest"]] = shipped.from_document(document)
    return calendar


async def _zone(tx: Tx, row: Record) -> ZoneInfo:
    if row["zone_digest"] is None:
        return zone_rules.zone_from(row["zone"], zone_rules.zone_rules(row["zone"]))
    key = (row["zone"], row["zone_digest"])
    zone = _known_zones.get(key)
    if zone is None:
        rules = await tx.fetchval(
            "select tzif from zone_version where name = $1 and version = $2", row["zone"], row["zone_version"]
        )
        if len(_known_zones) >= MOST_KEPT:
            _known_zones.clear()
        zone = _known_zones[key] = zone_rules.zone_from(row["zone"], rules)
    return zone
