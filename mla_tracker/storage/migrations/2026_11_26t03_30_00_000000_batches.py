"""Urgent mails of one account that go out together; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t03_30_00_000000_batches"
VERSION = "1.38.0"
DESCRIPTION = "Urgent flags that wait for one account are told in one mail"


async def forwards() -> MigrationManager:
    """A column."""
    return from_sql(ID, DESCRIPTION)
