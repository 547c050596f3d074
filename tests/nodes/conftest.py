"""What tests of many nodes share: PgBouncer before the run's PostgreSQL, and nodes that know nothing of each other."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.errors import CannotRun
from tests.builders.api import ADDRESS, SETTINGS, Present
from tests.builders.keys import the_keys
from tools import cluster

SERVERS = 3
"""Connections of PgBouncer to one database: fewer than clients, so that they are shared all the time."""


@pytest.fixture(scope="session")
def pooler(server: Server) -> Iterator[cluster.Socket]:
    """PgBouncer in transaction mode. Skips where it is absent; in CI that is a failure."""
    with tempfile.TemporaryDirectory(
        prefix="mla-test-pooler-", dir="/tmp", ignore_cleanup_errors=True
    ) as name:
        Path(name).chmod(0o711)
        try:
            with cluster.pooler(server.folder / "pg", Path(name) / "pgbouncer", servers=SERVERS) as running:
                yield running
        except CannotRun as absent:
            if "CI" in os.environ or "not installed" not in str(absent):
                raise
            pytest.skip(str(absent))


@pytest.fixture
def pooled(pooler: cluster.Socket) -> Callable[[str], str]:
    """The address through PgBouncer of a database that has one without."""

    def through(url: str) -> str:
        return pooler.url(url.partition("?")[0].rpartition("/")[2])

    return through


@pytest.fixture
async def two_nodes(
    database_url: str, present: Present
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Two API nodes on one database, each with a pool and a memory of its own; clients without a token."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            database = await stack.enter_async_context(
                await Database.open(database_url, pool_size=5, vault=the_keys())
            )
            app = create_app(database, SETTINGS, now=present)
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
            client = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
            clients.append(await stack.enter_async_context(client))
        yield clients[0], clients[1]
        await settle()


@pytest.fixture
def present() -> Present:
    return Present()
