"""How many calls were made in a minute; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t11_00_00_000000_edges"
VERSION = "1.38.0"
DESCRIPTION = "Windows of calls, by which all nodes keep one limit"


async def forwards() -> MigrationManager:
    """One unlogged table."""
    return from_sql(ID, DESCRIPTION)
