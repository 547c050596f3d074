"""Which older programs work on beside a migration; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t05_00_00_000000_beside"
VERSION = "1.38.0"
DESCRIPTION = "Each migration says which older programs work on beside it"
BESIDE = "2026_11_26t00_00_00_000000_version_per_side"


async def forwards() -> MigrationManager:
    """One column."""
    return from_sql(ID, DESCRIPTION)
