"""Rules of time zones, and what moved a date; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t03_00_00_000000_zones_and_moves"
VERSION = "1.38.0"
DESCRIPTION = "Rules of time zones as versions; which dates a change moved, and why"


async def forwards() -> MigrationManager:
    """Two tables and a column of requests."""
    return from_sql(ID, DESCRIPTION)
