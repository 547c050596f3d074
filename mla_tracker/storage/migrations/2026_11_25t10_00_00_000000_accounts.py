"""Scopes and rotation of tokens, identities of accounts; see the SQL file of the same name."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from mla_tracker.storage.migrating import from_sql

ID = "2026_11_25t10_00_00_000000_accounts"
VERSION = "1.38.0"
DESCRIPTION = (
    "Scopes and rotation of tokens, identities of accounts, and the functions that authentication asks"
)


async def forwards() -> MigrationManager:
    """Columns of account and api_token, and four functions."""
    return from_sql(ID, DESCRIPTION)
