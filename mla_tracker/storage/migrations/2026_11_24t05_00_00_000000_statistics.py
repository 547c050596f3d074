"""What statistics count; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_24t05_00_00_000000_statistics"
VERSION = "1.38.0"
DESCRIPTION = "What statistics count of a request; opening balances that were restated"


async def forwards() -> MigrationManager:
    """A column of the projection, and a table."""
    return from_sql(ID, DESCRIPTION)
