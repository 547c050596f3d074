"""Who requests are about, notes of a side, and how long both are kept; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t21_00_00_000000_persons"
VERSION = "1.38.0"
DESCRIPTION = "Persons, notes of a side, retention"


async def forwards() -> MigrationManager:
    """Tables, columns and policies."""
    return from_sql(ID, DESCRIPTION)
