"""What tests of the API share: the present they live in, and the types of their clients."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ADDRESS = "http://tests"

ClientOf = Callable[..., Awaitable[httpx.AsyncClient]]


class Present:
    """The present that the application reads; a test moves it by setting `now`."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now
