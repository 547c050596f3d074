"""Calls to the outside for each change; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t02_00_00_000000_webhooks"
VERSION = "1.38.0"
DESCRIPTION = "Webhooks and their deliveries"


async def forwards() -> MigrationManager:
    """The tables, and who may do what with them."""
    return from_sql(ID, DESCRIPTION)
