"""A version of a request for each side; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t00_00_00_000000_version_per_side"
VERSION = "1.38.0"
DESCRIPTION = "Each side of a request has a version that counts what it may know of"


async def forwards() -> MigrationManager:
    """Columns and rights."""
    return from_sql(ID, DESCRIPTION)
