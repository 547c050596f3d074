"""Backups of the tests' databases, and another cluster to restore them into."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from mla_tracker.commands.backing_up import BackedUp, back_up
from mla_tracker.commands.restoring import Restored, check_backup, restore
from mla_tracker.storage import embedded
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from tests.builders.counted import NOW
from tests.builders.keys import the_keys
from tests.builders.worker_database import as_superuser


@contextmanager
def another_cluster() -> Iterator[Server]:
    """A server that has never heard of this program: not even its roles are there."""
    with (
        tempfile.TemporaryDirectory(prefix="mla-other-", dir="/tmp") as folder,
        embedded.running(Path(folder), settings={"fsync": "off", "full_page_writes": "off"}) as server,
    ):
        yield server


@asynccontextmanager
async def an_empty_place(server: Server) -> AsyncIterator[tuple[str, Database]]:
    """An empty database of a server: its address, and it, open."""
    name = f"r{uuid4().hex[:12]}"
    await as_superuser(server, f"create database {name} owner mla")
    url = server.url(name)
    async with await Database.open(url, pool_size=3, vault=the_keys()) as database:
        yield url, database
    await as_superuser(server, f"drop database {name} with (force)")


async def backed_up(db: Database, url: str, folder: Path) -> BackedUp:
    programs = await Programs.found(None)
    return await back_up(db, url, folder / "backup", folder / "record-keys", programs=programs, now=NOW)


async def restored(database: Database, url: str, folder: Path) -> Restored:
    sound = await asyncio.to_thread(check_backup, folder / "backup", folder / "record-keys", the_keys())
    return await restore(database, url, sound, programs=await Programs.found(None), now=NOW)
