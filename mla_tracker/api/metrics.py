"""Figures for Prometheus: requests by route template, method and status; never an id or a name.

Those of the installation, among them how many duties of each country are overdue, are given with the operator's token
alone (MLA_METRICS_TOKEN), and without one set to nobody.
"""

import hmac
from datetime import datetime
from typing import Any, Final

from litestar import Request, Response, get
from litestar.datastructures import State
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from mla_tracker.api.auth import CHALLENGE
from mla_tracker.api.problems import UNAUTHENTICATED, Problem
from mla_tracker.api.routes import documented
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
UNMATCHED: Final = "unmatched"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Counts and latencies of HTTP requests, in a registry of its own: one process may hold several apps."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._count = Counter(
            "http_requests", "HTTP requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from the first byte of a request to the last of its answer.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        if registry is None:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the template of its path, None if it matched none."""
        method = method if method in METHODS else "other"
        route = route or UNMATCHED
        self._count.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


@get(
    "/metrics",
    **documented(
        "Figures for Prometheus",
        tag="operation",
        answer=None,
        public=True,
        problems=[UNAUTHENTICATED],
        media=[CONTENT_TYPE_PLAIN_0_0_4.split(";")[0]],
        description="Where the operator has set a token for it, that token is asked for, and figures of the whole "
        "installation are given with the others.",
    ),
)
async def read_metrics(
    request: Request[Any, Any, Any], state: State, database: Database, settings: Settings, now: datetime
) -> Response[bytes]:
    """The figures in Prometheus' text format. Raises the 401 problem where a token is set and not shown."""
    figures = generate_latest(state.metrics.registry)
    if settings.metrics_token is not None:
        _require(settings.metrics_token, request.headers.get("Authorization"))
        await state.installation.refresh(database, now)
        figures += generate_latest(state.installation.registry)
    return Response(figures, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _require(token: str, authorization: str | None) -> None:
    shown = (authorization or "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(shown, f"Bearer {token}".encode()):
        raise Problem(
            UNAUTHENTICATED,
            "Send the token that the operator has set for the figures: Authorization: Bearer <token>.",
            headers=dict(CHALLENGE),
        )
