"""Versions of countries' calendars as rows, with what the country itself said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.storage.database import Tx
from mla_tracker.storage.law import calendars_in_force

OVERRIDES = "overrides"
"""The name in a stored document under which the country's own words stand, beside the days that follow from them."""


@dataclass(frozen=True, slots=True)
class CalendarVersion:
    """A version of a country's calendar. `overrides` holds what the country said, empty where it is as it ships."""

    country: str
    version: int
    zone: str
    calendar: WorkingCalendar
    overrides: Mapping[str, Any]
    source: str
    applied_at: datetime


async def version_in_force(tx: Tx, country: str, now: datetime) -> CalendarVersion:
    """The newest version of a country's calendar (ISO alpha-2); the one that ships is stored if there is none yet."""
    await calendars_in_force(tx, [country], now)
    row = await tx.fetchrow(
        """
        select version, zone, document, source, applied_at from calendar_version
        where country = $1 and region = '' order by version desc limit 1
        """,
        country,
    )
    assert row is not None
    document = row["document"]
    return CalendarVersion(
        country=country,
        version=row["version"],
        zone=row["zone"],
        calendar=shipped.from_document(document),
        overrides=document.get(OVERRIDES, {}),
        source=row["source"],
        applied_at=row["applied_at"],
    )


async def insert_version(tx: Tx, version: CalendarVersion, *, account_id: UUID) -> None:
    """Store a version. Raises asyncpg.UniqueViolationError if another writer has just stored one of this number."""
    document = {**shipped.to_document(version.calendar), OVERRIDES: dict(version.overrides)}
    await tx.execute(
        """
        insert into calendar_version (country, version, zone, document, digest, source, applied_at, applied_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        version.country, version.version, version.zone, document, shipped.digest(document), version.source,
        version.applied_at, account_id,
    )  # fmt: skip
