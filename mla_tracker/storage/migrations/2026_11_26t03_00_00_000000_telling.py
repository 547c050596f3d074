"""Where people are told what is due, and what was sent to whom; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_26t03_00_00_000000_telling"
VERSION = "1.38.0"
DESCRIPTION = "Mail and calendar feeds: who asked for them, and what was sent"


async def forwards() -> MigrationManager:
    """Tables, rights, policies and the function that knows whose feed a token is of."""
    return from_sql(ID, DESCRIPTION)
