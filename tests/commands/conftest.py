"""A second installation beside the one of a test."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from tests.builders.keys import the_keys
from tests.builders.worker_database import as_superuser


@pytest.fixture
async def elsewhere(server: Server, template: str) -> AsyncIterator[Database]:
    """An empty installation beside the one that `db` is."""
    name = f"t{uuid4().hex}"
    await as_superuser(server, f"CREATE DATABASE {name} OWNER mla TEMPLATE {template}")
    async with await Database.open(server.url(name), pool_size=2, vault=the_keys()) as database:
        yield database
    await as_superuser(server, f"DROP DATABASE {name} WITH (FORCE)")
