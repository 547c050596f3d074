"""The audit and its seals; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t12_00_00_000000_audit"
VERSION = "1.38.0"
DESCRIPTION = "Entries of the audit in chains, and checkpoints over them"


async def forwards() -> MigrationManager:
    """Tables that are only appended to, and the triggers that hold it."""
    return from_sql(ID, DESCRIPTION)
