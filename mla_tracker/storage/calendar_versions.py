"""Versions of countries' calendars as rows, with what the country itself said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.domain.audit import Change
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.storage.audited import added
from mla_tracker.storage.database import Tx
from mla_tracker.storage.local_days import days_in_force
from mla_tracker.storage.tables import CalendarVersion

OVERRIDES = "overrides"
"""The name in a stored document under which the country's own words stand, beside the days that follow from them."""


@dataclass(frozen=True, slots=True)
class StoredCalendar:
    """A version of a country's calendar. `overrides` holds what the country said, empty where it is as it ships."""

    country: str
    version: int
    zone: str
    calendar: WorkingCalendar
    overrides: Mapping[str, Any]
    source: str
    applied_at: datetime


async def version_in_force(tx: Tx, country: str, now: datetime) -> StoredCalendar:
    """The newest version of a country's calendar (ISO alpha-2); the one that ships is stored if there is none yet."""
    await days_in_force(tx, [country], now)
    row = await tx.fetchrow(
        """
        select country, version, zone, document, source, applied_at from calendar_version
        where country = $1 and region = '' order by version desc limit 1
        """,
        country,
    )
    assert row is not None
    return _calendar_of(row)


async def versions_in_force(
    tx: Tx, country: str | None = None, applied_before: datetime | None = None
) -> list[StoredCalendar]:
    """The newest version of every country that has one, or of one country; `applied_before`: only those."""
    rows = await tx.fetch(
        """
        select * from (
            select distinct on (country) country, version, zone, document, source, applied_at from calendar_version
            where region = '' and ($1::text is null or country = $1) order by country, version desc
        ) newest where $2::timestamptz is null or applied_at < $2 order by country
        """,
        country,
        applied_before,
    )
    return [_calendar_of(row) for row in rows]


def _calendar_of(row: Record) -> StoredCalendar:
    document = row["document"]
    return StoredCalendar(
        country=row["country"],
        version=row["version"],
        zone=row["zone"],
        calendar=shipped.from_document(document),
        overrides=document.get(OVERRIDES, {}),
        source=row["source"],
        applied_at=row["applied_at"],
    )


async def insert_version(
    calendar: StoredCalendar, *, account_id: UUID | None, open_clocks: int | None
) -> Change:
    """Store a version, and give what the audit tells of it; `open_clocks`: how many the country saw that it is about.

    Raises asyncpg.UniqueViolationError if another writer has just stored one of this number.
    """
    document = {**shipped.to_document(calendar.calendar), OVERRIDES: dict(calendar.overrides)}
    row: dict[str, Any] = {
        "country": calendar.country,
        "region": "",
        "version": calendar.version,
        "zone": calendar.zone,
        "document": document,
        "digest": shipped.digest(document),
        "source": calendar.source,
        "applied_at": calendar.applied_at,
        "applied_by": account_id,
        "open_clocks": open_clocks,
    }
    await CalendarVersion.insert(CalendarVersion(**row))
    return added("calendar_version", row)
