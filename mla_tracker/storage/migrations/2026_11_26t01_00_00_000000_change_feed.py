"""What changed, for systems that follow along; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t01_00_00_000000_change_feed"
VERSION = "1.38.0"
DESCRIPTION = "The feed of changes, written by triggers"


async def forwards() -> MigrationManager:
    """The table, who writes it, who sees it."""
    return from_sql(ID, DESCRIPTION)
