"""Policies of fewer parts; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t06_00_00_000000_lighter_policies"
VERSION = "1.38.0"
DESCRIPTION = "Row policies that say the same in fewer parts"
BESIDE = "2026_11_26t05_00_00_000000_beside"


async def forwards() -> MigrationManager:
    """No rows change."""
    return from_sql(ID, DESCRIPTION)
