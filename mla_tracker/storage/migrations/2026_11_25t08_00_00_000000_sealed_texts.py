"""Texts sealed under keys outside the database; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t08_00_00_000000_sealed_texts"
VERSION = "1.38.0"
DESCRIPTION = "Keys of records, and texts sealed under them"


async def forwards() -> MigrationManager:
    """Two tables and columns of free texts."""
    return from_sql(ID, DESCRIPTION)
