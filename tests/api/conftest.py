"""The application on a real database, its accounts, and clients that carry their tokens."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

import httpx
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from mla_tracker.api.app import create_app, rates_of
from mla_tracker.api.auth import settle
from mla_tracker.api.edge import Edge
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database
from tests.builders.api import ADDRESS, NOW, SETTINGS, ClientOf, Present
from tests.builders.held import hold, published

HELD: Final = {"response": [hold]}
"""Whatever a test asks, the answer is one that the contract knows."""


@pytest.fixture(scope="session", autouse=True)
def contract_to_hold() -> None:
    """Made before any event loop runs."""
    published()


@pytest.fixture
def present() -> Present:
    return Present()


@pytest.fixture(scope="session")
def applications() -> dict[Database, tuple[ASGIApp, list[Present]]]:
    """The application of the database that this worker has open, and whose present it reads."""
    return {}


@pytest.fixture
def app(
    db: Database, present: Present, applications: dict[Database, tuple[ASGIApp, list[Present]]]
) -> ASGIApp:
    """As if it had just started: what it knew of callers is forgotten."""
    if db not in applications:
        applications.clear()
        presents = [present]
        applications[db] = create_app(db, SETTINGS, now=lambda: presents[0].now), presents
    app, presents = applications[db]
    presents[0] = present
    assert isinstance(app, Edge)
    assert isinstance(app.app, Litestar)
    app.app.state.rates = rates_of(db, SETTINGS)
    return app


@pytest.fixture
async def anonymous(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, event_hooks=HELD) as client:
        yield client
        await settle()


@pytest.fixture
async def client_of(db: Database, anonymous: httpx.AsyncClient, app: ASGIApp) -> AsyncIterator[ClientOf]:
    """Makes a client whose account speaks for countries in a role, with a token of some scopes."""
    clients: list[httpx.AsyncClient] = []

    async def make(
        *countries: str, role: Role = Role.OFFICER, scopes: Iterable[Scope] = Scope
    ) -> httpx.AsyncClient:
        account = await create_account(
            db, name=f"{'-'.join(countries)} {role}", countries=countries, role=role, now=NOW
        )
        token = await create_token(db, account, now=NOW, scopes=scopes)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
        headers = {"Authorization": f"Bearer {token.secret}"}
        clients.append(
            httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers, event_hooks=HELD)
        )
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def morocco(client_of: ClientOf) -> httpx.AsyncClient:
    """An officer of Morocco."""
    return await client_of("MA")


@pytest.fixture
async def spain(client_of: ClientOf) -> httpx.AsyncClient:
    """An officer of Spain."""
    return await client_of("ES")
