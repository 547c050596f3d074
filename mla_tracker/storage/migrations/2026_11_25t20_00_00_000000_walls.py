"""Countries kept apart by the database itself; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t20_00_00_000000_walls"
VERSION = "1.38.0"
DESCRIPTION = "Row-level security by country, handling levels, named readers"


async def forwards() -> MigrationManager:
    """Policies, and the columns they need."""
    return from_sql(ID, DESCRIPTION)
