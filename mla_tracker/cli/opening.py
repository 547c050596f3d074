"""From settings to an open, migrated database: the one that is given, or the private one."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from mla_tracker.commands.keys import vault_of
from mla_tracker.commands.setting_up import require_set_up, set_up
from mla_tracker.settings import Settings
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database


def now() -> datetime:
    """The present, as an aware UTC instant."""
    return datetime.now(UTC)


def tell(sentence: str) -> None:
    """Tell the person at the terminal how it goes on; results go to standard output, this does not."""
    print(sentence, file=sys.stderr, flush=True)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Database]:
    """An open database, whatever the state of its schema; the private one is started if need be."""
    if settings.database_url is not None:
        async with await _open(settings, settings.database_url) as database:
            yield database
        return
    with embedded.running(settings.data_dir) as server:
        async with await _open(settings, server.url()) as database:
            yield database


@asynccontextmanager
async def ready(settings: Settings, *, beside_newer: bool = False) -> AsyncIterator[Database]:
    """An open database with the schema of this program, or, for nodes that work on while others are replaced, with
    newer migrations that allow it.

    The private one is brought up to date; with a given one that is the operator's act (`mla-tracker migrate`),
    and CannotRun says so.
    """
    async with connected(settings) as database:
        if settings.database_url is None:
            await set_up(database, now())
        else:
            await require_set_up(database, beside_newer=beside_newer)
        yield database


async def _open(settings: Settings, url: str) -> Database:
    database = await Database.open(
        url, pool_size=settings.pool_size, statement_cache=settings.statement_cache
    )
    try:
        database.vault = await vault_of(database, keys_folder(settings))
    except BaseException:
        await database.close()
        raise
    return database


def keys_folder(settings: Settings) -> Path:
    """Where the keys lie."""
    return settings.keys_dir or settings.data_dir / "keys"
