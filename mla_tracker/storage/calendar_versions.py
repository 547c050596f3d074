"""Versions of countries' calendars as rows, with what the country itself said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.domain.calendars import WorkingCalendar
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
        select version, zone, document, source, applied_at from calendar_version
        where country = $1 and region = '' order by version desc limit 1
        """,
        country,
    )
    assert row is not None
    document = row["document"]
    return StoredCalendar(
        country=country,
        version=row["version"],
        zone=row["zone"],
        calendar=shipped.from_document(document),
        overrides=document.get(OVERRIDES, {}),
        source=row["source"],
        applied_at=row["applied_at"],
    )


async def insert_version(
    calendar: StoredCalendar, *, account_id: UUID | None, open_clocks: int | None
) -> None:
    """Store a version; `open_clocks`: how many the country saw that it is about.

    Raises asyncpg.UniqueViolationError if another writer has just stored one of this number.
    """
    document = {**shipped.to_document(calendar.calendar), OVERRIDES: dict(calendar.overrides)}
    await CalendarVersion.insert(
        CalendarVersion(
            country=calendar.country,
            region="",
            version=calendar.version,
            zone=calendar.zone,
            document=document,
            digest=shipped.digest(document),
            source=calendar.source,
            applied_at=calendar.applied_at,
            applied_by=account_id,
            open_clocks=open_clocks,
        )
    )
