"""Figures for Prometheus: requests by route template, method and status; never a country, an id or a name."""

from typing import Final

from litestar import Response, get
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

from mla_tracker.api.routes import documented

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
        media=[CONTENT_TYPE_PLAIN_0_0_4.split(";")[0]],
    ),
)
async def read_metrics(state: State) -> Response[bytes]:
    """The figures in Prometheus' text format."""
    return Response(generate_latest(state.metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
