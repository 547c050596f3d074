"""The feed takes many flags at once in less time; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t07_00_00_000000_feed_in_bulk"
VERSION = "1.38.0"
DESCRIPTION = "Many flags at once are told to the feed in less time"
BESIDE = "2026_11_26t05_00_00_000000_beside"


async def forwards() -> MigrationManager:
    """No rows change."""
    return from_sql(ID, DESCRIPTION)
