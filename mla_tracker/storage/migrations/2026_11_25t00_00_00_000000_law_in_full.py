"""Words that the law in full needs; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t00_00_00_000000_law_in_full"
VERSION = "1.38.0"
DESCRIPTION = "Requests for information, further acts, circumstances of a request"


async def forwards() -> MigrationManager:
    """Wider checks and a column."""
    return from_sql(ID, DESCRIPTION)
