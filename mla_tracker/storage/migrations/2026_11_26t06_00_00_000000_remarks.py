"""What outlives a file that was handed in, and who reads it; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t06_00_00_000000_remarks"
VERSION = "1.38.0"
DESCRIPTION = "What is told of the rows of an import is for who handed it in; its digest goes with the file"
BESIDE = "2026_11_26t00_00_00_000000_version_per_side"


async def forwards() -> MigrationManager:
    """A policy, a grant, and digests of imports that are over."""
    return from_sql(ID, DESCRIPTION)
