"""Lists of parties that operators load; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t01_00_00_000000_party_lists"
VERSION = "1.38.0"
DESCRIPTION = "Newer lists of the parties to conventions"


async def forwards() -> MigrationManager:
    """A table, and a mark on the requests whose warning did not yet say of which day the list is."""
    return from_sql(ID, DESCRIPTION)
