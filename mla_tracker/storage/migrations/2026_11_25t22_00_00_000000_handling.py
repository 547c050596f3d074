"""Handling levels at work, and two records of one case; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t22_00_00_000000_handling"
VERSION = "1.38.0"
DESCRIPTION = "Heads stand in for readers whose accounts are closed; two records of one case know each other"


async def forwards() -> MigrationManager:
    """A function, columns and rights."""
    return from_sql(ID, DESCRIPTION)
