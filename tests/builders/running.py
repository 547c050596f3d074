"""The application as a server on a free port of this machine, in a thread with an event loop of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import uvicorn

from mla_tracker.api.app import create_app
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database
from tests.builders.keys import the_keys

SECONDS: Final = 30


@dataclass
class Running:
    """Where the server answers, and a token of each role there, the head's first."""

    url: str
    tokens: dict[Role, str] = field(default_factory=dict)
    server: uvicorn.Server | None = None


@contextmanager
def a_server(database_url: str, *, countries: tuple[str, ...] = ("MA", "ES")) -> Iterator[Running]:
    """A server on a database, without limits on calls; its accounts speak for the countries."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = Running(f"http://127.0.0.1:{listener.getsockname()[1]}")
    ready = threading.Event()

    async def serve() -> None:
        async with await Database.open(database_url, vault=the_keys(), pool_size=5) as db:
            now = datetime.now(UTC)
            for role in (Role.HEAD, *(role for role in Role if role is not Role.HEAD)):
                account = await create_account(db, name=role, countries=countries, role=role, now=now)
                running.tokens[role] = (await create_token(db, account, now=now)).secret
            settings = Settings(calls_per_minute=0, failures_per_minute=0)
            app = create_app(db, settings, now=lambda: datetime.now(UTC))
            running.server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
            ready.set()
            await running.server.serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(SECONDS)
    try:
        yield running
    finally:
        assert running.server is not None
        running.server.should_exit = True
        thread.join(SECONDS)
        listener.close()
