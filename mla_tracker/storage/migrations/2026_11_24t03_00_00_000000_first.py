"""The first schema; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_24t03_00_00_000000_first"
VERSION = "1.38.0"
DESCRIPTION = "Accounts, agreements, requests, history, clocks, flags, jobs"


async def forwards() -> MigrationManager:
    """All tables and roles of the first release."""
    return from_sql(ID, DESCRIPTION)
