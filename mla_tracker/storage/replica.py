"""Figures read from a streaming replica of the database while it is fresh enough, and from the primary otherwise.

How far a replica is behind is not asked of it: cut off, and with an idle primary, it says the same. The primary is
asked how far it has written, at an instant that is noted; what the replica has replayed up to there holds everything
that was committed before that instant.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from mla_tracker.domain.actors import Actor
from mla_tracker.storage.database import LIMITS, Database, DbRole, Tx
from mla_tracker.storage.errors import CannotRun

LOOKED_EVERY: Final = timedelta(seconds=1)
QUIET: Final = timedelta(seconds=10)
"""How long a replica that did not answer is not asked again."""
LOOK_SECONDS: Final = 2.0
READ_SECONDS: Final = LIMITS[DbRole.API].statement / 1000 + 5
WAITS: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds between the looks at a replica that has not replayed yet what was just written."""
PATIENT_LOOKS: Final = 3
"""Of these looks, how many are for the newest position, though an older one would do."""

SHORT_HEADER: Final = 24
"""Bytes at the head of each page of the log; a record that was begun before goes on behind it, and never ends there."""
LONG_HEADER: Final = 40
"""The same on the first page of each of its files."""

_FAULTS: Final = (CannotRun, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

log = structlog.get_logger(__name__)

Found = TypeVar("Found")
Query = Callable[[Tx, datetime], Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class _Position:
    """How far the primary had written at an instant: what was committed before that lies before it."""

    written: int
    at: datetime


class Figures:
    """Where reports are read. Without a replica, from the primary as anything else."""

    def __init__(
        self,
        primary: Database,
        open_replica: Callable[[], Awaitable[Database]] | None,
        *,
        most_lag: timedelta,
        registry: CollectorRegistry,
    ) -> None:
        self._primary = primary
        self._open = open_replica
        self._most_lag = most_lag
        self._replica: Database | None = None
        self._positions: list[_Position] = []
        self._fresh_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._quiet_until: datetime | None = None
        self._looking = asyncio.Lock()
        self._reads = Counter(
            "mla_report_reads",
            "Reports read, by the database that served them.",
            ["database"],
            registry=registry,
        )
        self._lag = Gauge(
            "mla_replica_lag_seconds",
            "Seconds that the replica was behind at most when it was last looked at; NaN where that is not known.",
            registry=registry,
        )
        self._lag.set(float("nan"))

    async def read(self, viewer: Actor, now: datetime, query: Query[Found]) -> tuple[Found, datetime]:
        """What a query finds in the eyes of the viewer, and as of when: all that was committed before is in it.

        The query may run twice, on the replica and then on the primary, and is given the instant each time.
        """
        as_of = await self._fresh(now) if self._open is not None else None
        if as_of is not None and self._replica is not None:
            try:
                found = await _within(READ_SECONDS, _read(self._replica, viewer, as_of, query))
            except asyncpg.QueryCanceledError:
                raise  # it takes too long, and would take as long on the primary
            except _FAULTS as fault:
                self._leave_alone(now, fault)
            else:
                self._reads.labels("replica").inc()
                return found, as_of
        found = await _read(self._primary, viewer, now, query)
        self._reads.labels("primary").inc()
        return found, now

    async def close(self) -> None:
        """Close the connections to the replica; one that is stuck is not waited for."""
        if self._replica is not None:
            replica, self._replica = self._replica, None
            try:
                await asyncio.wait_for(replica.close(), LOOK_SECONDS)
            except TimeoutError:
                log.warning("connections to the replica broken off")

    async def _fresh(self, now: datetime) -> datetime | None:
        """As of when the replica can be read; None if it is too far behind, or not to be had."""
        async with self._looking:
            if self._quiet_until is not None and now < self._quiet_until:
                return None
            if self._looked_at is None or abs(now - self._looked_at) >= LOOKED_EVERY:
                try:
                    self._fresh_at = await _within(LOOK_SECONDS, self._look(now))
                except _FAULTS as fault:
                    self._leave_alone(now, fault)
                    return None
                self._looked_at = now
                self._lag.set((now - self._fresh_at).total_seconds() if self._fresh_at else float("nan"))
            if self._fresh_at is None or now - self._fresh_at > self._most_lag:
                return None
            return self._fresh_at

    async def _look(self, now: datetime) -> datetime | None:
        """The newest noted instant whose commits the replica has all replayed, if there is one that is near enough."""
        async with self._primary.transaction(DbRole.API, read_only=True) as tx:
            written, of = await _written(tx)
        near = [
            position for position in self._positions if timedelta() <= now - position.at <= self._most_lag
        ]
        self._positions = [*near, _Position(written, now)]
        if self._replica is None:
            assert self._open is not None
            self._replica = await self._open()
        for number, wait in enumerate(WAITS):
            await asyncio.sleep(wait)
            async with self._replica.transaction(DbRole.API, read_only=True) as tx:
                replayed = await _replayed(tx, of)
            if replayed >= written:
                return now
            if number + 1 >= PATIENT_LOOKS:
                reached = [position.at for position in self._positions if position.written <= replayed]
                if reached:
                    return reached[-1]
        return None

    def _leave_alone(self, now: datetime, fault: BaseException) -> None:
        self._quiet_until = now + QUIET
        self._looked_at = self._fresh_at = None
        self._lag.set(float("nan"))
        log.warning(
            "replica not used, reports are read from the primary", fault=f"{type(fault).__name__}: {fault}"
        )


async def _read(database: Database, viewer: Actor, as_of: datetime, query: Query[Found]) -> Found:
    async with database.transaction(DbRole.API, viewer=viewer, read_only=True) as tx:
        return await query(tx, as_of)


async def _written(tx: Tx) -> tuple[int, int]:
    """How far the primary has got, and which cluster it is.

    What is asked for is where the next record will begin: what has been written already (pg_current_wal_lsn) lacks what
    was committed asynchronously a moment ago. Where a page is full that lies behind the header of the next one, to
    which nobody has replayed before that record is there.
    """
    row = await tx.fetchrow(
        """
        select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint as next,
            current_setting('wal_block_size')::bigint as page,
            pg_size_bytes(current_setting('wal_segment_size')) as segment,
            (select system_identifier from pg_control_system()) as cluster
        """
    )
    assert row is not None
    return end_before(row["next"], row["page"], row["segment"]), row["cluster"]


def end_before(following: int, page: int, segment: int) -> int:
    """Where the record ended after which the next one begins at `following`."""
    if following % segment == LONG_HEADER:
        return following - LONG_HEADER
    return following - SHORT_HEADER if following % page == SHORT_HEADER else following


async def _replayed(tx: Tx, cluster: int) -> int:
    """How far the replica has replayed. Raises CannotRun unless it is a replica of that cluster."""
    row = await tx.fetchrow(
        """
        select pg_is_in_recovery() as replica, (select system_identifier from pg_control_system()) as cluster,
            pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint as replayed
        """
    )
    if row is None or not row["replica"] or row["cluster"] != cluster or row["replayed"] is None:
        raise CannotRun("MLA_REPLICA_URL names no replica of the database at MLA_DATABASE_URL.")
    replayed: int = row["replayed"]
    return replayed


async def _within(seconds: float, work: Awaitable[Found]) -> Found:
    """What the work gives, if it does in time; else it is left behind: a server that hangs holds up its end too."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError("no answer in time")
    return task.result()
