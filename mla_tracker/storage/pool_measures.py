"""Figures of the pool of connections for Prometheus: how many there are, and how long one is waited for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    import asyncpg

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0)


class PoolMeasures(Collector):
    """Figures of one pool. A pool whose every connection is in use makes callers wait, and then refuses them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._seconds = Histogram(
            "mla_database_pool_acquire_seconds",
            "Seconds until a connection to the database was had.",
            buckets=BUCKETS,
            registry=None,
        )
        self._faults = Counter(
            "mla_database_pool_acquire_faults",
            "Times that no connection was had, because none became free in time or none could be made.",
            ["reason"],
            registry=None,
        )
        for reason in ("busy", "unavailable"):
            self._faults.labels(reason)

    @contextmanager
    def acquiring(self) -> Iterator[None]:
        """Measure the block in which a connection is had."""
        began = time.perf_counter()
        try:
            yield
        except TimeoutError:
            self._faults.labels("busy").inc()
            raise
        except Exception:
            self._faults.labels("unavailable").inc()
            raise
        self._seconds.observe(time.perf_counter() - began)

    def describe(self) -> list[Metric]:
        """Nothing beforehand: what is registered is asked when it is collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        connections = GaugeMetricFamily(
            "mla_database_pool_connections", "Connections to the database, by what they do.", labels=["state"]
        )
        idle = self._pool.get_idle_size()
        connections.add_metric(["idle"], idle)
        connections.add_metric(["used"], self._pool.get_size() - idle)
        yield connections
        yield GaugeMetricFamily(
            "mla_database_pool_connections_max",
            "Most connections that this process opens (MLA_POOL_SIZE).",
            value=self._pool.get_max_size(),
        )
        yield from self._seconds.collect()
        yield from self._faults.collect()
