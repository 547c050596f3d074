"""Imports and the directory; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t04_00_00_000000_imports"
VERSION = "1.38.0"
DESCRIPTION = "Imports that go on where they were broken off, and a directory of authorities"


async def forwards() -> MigrationManager:
    """Tables, policies and rights."""
    return from_sql(ID, DESCRIPTION)
