"""From settings to an open, migrated database: the one that is given, or the private one."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from mla_tracker.commands.keys import vault_of
from mla_tracker.commands.setting_up import require_set_up, set_up
from mla_tracker.settings import Settings
from mla_tracker.storage import embedded
from mla_tracker.storage.clock_watch import ahead, refuse
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun

REVIVED_AFTER: Final = 1.0
"""Seconds after which somebody looks whether the private server still lives."""

log = structlog.get_logger(__name__)


def now() -> datetime:
    """The present, as an aware UTC instant."""
    return datetime.now(UTC)


def tell(sentence: str) -> None:
    """Tell the person at the terminal how it goes on; results go to standard output, this does not."""
    print(sentence, file=sys.stderr, flush=True)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Database]:
    """An open database, whatever the state of its schema; the private one is started if need be."""
    with address_of(settings) as url:
        async with await _open(settings, url) as database:
            yield database


@contextmanager
def address_of(settings: Settings) -> Iterator[str]:
    """The address of the database that is given, or of the private one, which is started if need be."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.running(settings.data_dir) as server:
        yield server.url()


@asynccontextmanager
async def ready(settings: Settings, *, stays: bool = False) -> AsyncIterator[Database]:
    """An open database with the schema of this program, on a node whose clock is right.

    The private one is brought up to date; with a given one that is the operator's act (`mla-tracker migrate`),
    and CannotRun says so. `stays`: for a command that goes on working, so that the private database is started again
    whenever it ends; it watches the clock all the while, and need not be refused.
    """
    async with connected(settings) as database:
        if not stays:
            await require_clock(database)
        if settings.database_url is not None:
            await require_set_up(database, beside_newer=stays)
            yield database
            return
        await set_up(database, now())
        reviving = asyncio.create_task(_revive(settings.data_dir)) if stays else None
        try:
            yield database
        finally:
            if reviving is not None:
                reviving.cancel()


async def _revive(folder: Path) -> None:
    while True:
        await asyncio.sleep(REVIVED_AFTER)
        try:
            if await asyncio.to_thread(embedded.revive, folder):
                log.error("the private PostgreSQL had ended and was started again")
        except CannotRun as reason:
            log.error("the private PostgreSQL has ended and does not start", reason=str(reason))


async def require_clock(database: Database) -> None:
    """Raises ClockOff where this node must not judge by its clock what is due."""
    async with database.transaction(DbRole.OWNER, read_only=True) as tx:
        refuse(await ahead(tx, now))


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


def record_keys_file(settings: Settings) -> Path:
    """Where the wrapped keys of records are kept at a backup."""
    return settings.record_keys_file or keys_folder(settings) / "record-keys"
