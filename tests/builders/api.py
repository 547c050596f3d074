"""What tests of the API share: the present they live in, and the types of their clients."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from mla_tracker.api.app import create_app
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOST = "tests"
ADDRESS = f"http://{HOST}"
SETTINGS = Settings(allowed_hosts=(HOST,))
"""Those that ship, but for the name by which the tests call."""

ClientOf = Callable[..., Awaitable[httpx.AsyncClient]]


class Present:
    """The present that the application reads; a test moves it by setting `now`."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def the_contract() -> dict[str, Any]:
    """The published contract, which needs no database."""
    settings = SETTINGS.model_copy(update={"failures_per_minute": 0})
    app = create_app(Database.__new__(Database), settings, now=Present())
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        contract: dict[str, Any] = (await client.get("/schema/openapi.json")).json()
        return contract
