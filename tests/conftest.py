"""A real PostgreSQL for the tests: one private server per run, one migrated template, one database per test."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import hypothesis
import pytest

from mla_tracker.commands.setting_up import set_up
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.vault import Vault
from tests.builders.keys import FOLDER, keys_folder, the_keys
from tests.builders.worker_database import WorkerDatabase, as_superuser

# A slow machine is no failure, and what fails in CI must fail again; searching anew is for developers.
hypothesis.settings.register_profile(
    "project", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("project")

PREFIX = "mla-test-"
TEMPLATE = "template_of_tests"
FORGOTTEN_SECONDS = 3600
MEASURED = {"domain", "commands", "catalogue", "queries", "storage"}

# Nothing has to outlive the run, so nothing has to reach the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
}


def pytest_configure(config: pytest.Config) -> None:
    """The run's folder is made once, by the process that starts the workers; they inherit its name."""
    if not hasattr(config, "workerinput"):
        _clear_forgotten()
        os.environ[FOLDER] = tempfile.mkdtemp(prefix=PREFIX, dir="/tmp")  # short: a socket's path is limited
        Vault.made().write(keys_folder())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage of the domain is measured where it is tried alone or by commands: tracing slows all else down."""
    for item in items:
        place = item.path.relative_to(Path(__file__).parent)
        if place.parts[0] not in MEASURED:
            item.add_marker("no_cover")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The workers have ended and the last of them has stopped the server."""
    if not hasattr(config, "workerinput") and FOLDER in os.environ:
        shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def _clear_forgotten() -> None:
    """Stop and remove what runs that were killed have left behind."""
    for folder in Path("/tmp").glob(f"{PREFIX}*"):
        with suppress(OSError):
            if (
                time.time() - folder.stat().st_mtime > FORGOTTEN_SECONDS
                and folder.stat().st_uid == os.geteuid()
            ):
                embedded.stop_forgotten(folder)
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The run's PostgreSQL, shared by all workers."""
    with embedded.running(Path(os.environ[FOLDER]), settings=SETTINGS) as server:
        yield server


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a migrated, empty database to copy from; the first worker makes it."""
    with (server.folder / "template.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(_make_template(server))
    return TEMPLATE


@pytest.fixture
def empty_database_url(server: Server, template: str) -> Iterator[str]:
    """The address of a fresh database without any table; the roles, which all databases share, are there."""
    yield from _fresh(server, "template1")


@pytest.fixture
def database_url(server: Server, template: str) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    yield from _fresh(server, template)


@pytest.fixture
async def db(
    own_url: str | None, server: Server, template: str, worker: list[WorkerDatabase]
) -> AsyncIterator[Database]:
    """A migrated database, open, as if it were fresh."""
    if own_url is not None:
        async with await Database.open(own_url, pool_size=5, vault=the_keys()) as database:
            yield database
        return
    if not worker:
        worker.append(await WorkerDatabase.made(server, template))
    yield worker[0].database
    if not await worker[0].cleaned():
        await worker.pop().ended()


@pytest.fixture
def own_url(request: pytest.FixtureRequest) -> str | None:
    """The address of the database of a test that asks for it, and so for one of its own."""
    if "database_url" not in request.fixturenames:
        return None
    url: str = request.getfixturevalue("database_url")
    return url


@pytest.fixture(scope="session")
async def worker() -> AsyncIterator[list[WorkerDatabase]]:
    """The database that this worker has open, if any."""
    kept: list[WorkerDatabase] = []
    yield kept
    for one in kept:
        await one.ended()


def _fresh(server: Server, template: str) -> Iterator[str]:
    name = f"t{uuid4().hex}"
    asyncio.run(as_superuser(server, f"CREATE DATABASE {name} OWNER mla TEMPLATE {template}"))
    try:
        yield server.url(name)
    finally:
        asyncio.run(as_superuser(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _make_template(server: Server) -> None:
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        if await connection.fetchval("SELECT datistemplate FROM pg_database WHERE datname = $1", TEMPLATE):
            return
        await connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        await connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER mla")
        async with await Database.open(server.url(TEMPLATE), pool_size=1, vault=the_keys()) as database:
            await set_up(database, datetime.now(UTC))
        await connection.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true")
    finally:
        await connection.close()
