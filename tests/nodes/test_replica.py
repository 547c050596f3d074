"""Reports from a streaming replica: only while it is fresh, as of what they say, and behind the same walls."""

import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.api.metrics import HttpMetrics
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.setting_up import set_up
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import embedded
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.replica import end_before
from tests.builders.actors import seen_by
from tests.builders.api import ADDRESS, NOW, SETTINGS, Present
from tests.builders.keys import the_keys
from tests.builders.requests import PATH, a_request_body, act
from tests.conftest import SETTINGS as POSTGRES
from tools import cluster

SECONDS = timedelta(seconds=1)
AGEING = "/api/v1/reports/ageing"
SLA = "/api/v1/reports/sla?from=2026-01-01&to=2027-01-01"
STATISTICS = "/api/v1/reports/statistics?from=2026-01-01&to=2027-01-01"


@dataclass(frozen=True)
class Pair:
    """A primary with a replica of its own."""

    primary: cluster.Socket
    replica: cluster.Socket

    async def at_replica(self, statement: str) -> Any:
        connection = await asyncpg.connect(self.replica.url(user="postgres"))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    @property
    def process(self) -> int:
        """The process id of the replica."""
        return int((self.replica.folder / "postmaster.pid").read_text().splitlines()[0])


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(
        prefix="mla-test-replica-", dir="/tmp", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "replica").mkdir()
        settings = POSTGRES | {"synchronous_commit": "on"}
        with embedded.running(folder / "primary", settings=settings) as server:
            primary = cluster.Socket(server.folder / "pg")
            with cluster.replica_of(primary.folder, folder / "replica", settings) as replica:
                yield Pair(primary, replica)


@pytest.fixture(scope="module")
async def primary(pair: Pair) -> AsyncIterator[Database]:
    async with await Database.open(pair.primary.url(), pool_size=5, vault=the_keys()) as database:
        await set_up(database, NOW)
        yield database


class Node:
    """An API node on the pair, at a present that a test moves."""

    def __init__(self, primary: Database, replica_url: str) -> None:
        self.primary = primary
        self.present = Present()
        self.figures = HttpMetrics()
        settings = SETTINGS.model_copy(update={"replica_url": replica_url})
        self.app = create_app(primary, settings, now=self.present, http_metrics=self.figures)

    async def client(self, country: str, role: Role = Role.OFFICER) -> httpx.AsyncClient:
        account = await create_account(
            self.primary, name=f"{country} {role}", countries=(country,), role=role, now=NOW
        )
        token = await create_token(self.primary, account, now=NOW)
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
        headers = {"Authorization": f"Bearer {token.secret}"}
        return httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers)

    def served(self) -> tuple[int, int]:
        """How many reports the replica and the primary served."""
        figure = self.figures.registry.get_sample_value
        return tuple(  # type: ignore[return-value] # there are two
            int(figure("mla_report_reads_total", {"database": which}) or 0)
            for which in ("replica", "primary")
        )


@pytest.fixture
async def node(pair: Pair, primary: Database) -> AsyncIterator[Node]:
    made = Node(primary, pair.replica.url())
    yield made
    await settle()
    await made.app.app.state.figures.close()  # type: ignore[attr-defined] # below the edge
    await pair.at_replica("select pg_wal_replay_resume()")


async def logged(client: httpx.AsyncClient) -> str:
    made = await client.post(PATH, json=a_request_body(act("sent", "2026-03-02")))
    assert made.status_code == 201, made.text
    request_id: str = made.json()["id"]
    return request_id


async def report(client: httpx.AsyncClient, path: str = AGEING) -> tuple[int, datetime]:
    """How many open requests the ageing report counts, and as of when."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    counted = sum(sum(total["counts"]) for total in told["requests"]["totals"]) if "requests" in told else -1
    return counted, datetime.fromisoformat(told["as_of"])


async def test_a_fresh_replica_serves_every_report_with_what_was_just_written(node: Node) -> None:
    morocco = await node.client("MA")
    before, _ = await report(morocco)
    for number in range(1, 4):
        node.present.now += 2 * SECONDS
        await logged(morocco)
        node.present.now += 2 * SECONDS
        assert await report(morocco) == (before + number, node.present.now)
    for path in (SLA, STATISTICS):
        assert (await report(morocco, path))[1] == node.present.now
    csv = await morocco.get(AGEING, headers={"Accept": "text/csv"})
    assert csv.status_code == 200
    assert node.served() == (7, 0)


async def test_what_was_committed_asynchronously_is_not_claimed_before_it_is_there(
    node: Node, pair: Pair, primary: Database
) -> None:
    """The server acknowledges such a commit before it has written it, so that what is written says too little."""
    async with primary.transaction(DbRole.OWNER) as tx:
        await tx.execute("alter database mla set synchronous_commit = off")
    async with await Database.open(pair.primary.url(), pool_size=5, vault=the_keys()) as hasty:
        other = Node(hasty, pair.replica.url())
        morocco = await other.client("MA")
        for _ in range(8):
            before, _ = await report(morocco)
            other.present.now += 2 * SECONDS
            await logged(morocco)
            other.present.now += 2 * SECONDS
            found, as_of = await report(morocco)
            assert found == before + 1 if as_of == other.present.now else found >= before
        assert other.served() == (16, 0)
        await settle()
        await other.app.app.state.figures.close()  # type: ignore[attr-defined] # below the edge
    async with primary.transaction(DbRole.OWNER) as tx:
        await tx.execute("alter database mla reset synchronous_commit")


@pytest.mark.parametrize(
    ("following", "ended"),
    [(8192 + 24, 8192), (8192 + 32, 8192 + 32), (8192, 8192), (2**24 + 40, 2**24), (8192 + 40, 8192 + 40)],
)
def test_where_a_page_is_full_its_end_counts_and_not_the_header_of_the_next(
    following: int, ended: int
) -> None:
    assert end_before(following, 8192, 2**24) == ended


async def test_an_idle_primary_makes_no_replica_old(node: Node) -> None:
    morocco = await node.client("MA")
    await report(morocco)
    node.present.now += timedelta(hours=12)
    _, as_of = await report(morocco)
    assert (as_of, node.served()) == (node.present.now, (2, 0))


async def test_a_report_says_as_of_when_it_is_and_beyond_the_bound_the_primary_makes_it(
    node: Node, pair: Pair
) -> None:
    morocco = await node.client("MA")
    before, as_of = await report(morocco)
    await pair.at_replica("select pg_wal_replay_pause()")
    while await pair.at_replica("select pg_get_wal_replay_pause_state()") != "paused":
        pass
    node.present.now += 2 * SECONDS
    request_id = await logged(morocco)
    node.present.now += 2 * SECONDS
    assert await report(morocco) == (before, as_of), "what it does not have it does not claim to have"
    listed = await morocco.get(
        "/api/v1/reports/statistics/requests?from=2026-01-01&to=2027-01-01&figure=new&as=requesting&limit=200"
    )
    assert request_id in listed.text, "cases themselves are read, and their reading told, where they are"
    node.present.now += 8 * SECONDS
    assert await report(morocco) == (before + 1, node.present.now)
    assert node.served() == (2, 1)
    await pair.at_replica("select pg_wal_replay_resume()")
    node.present.now += 2 * SECONDS
    assert await report(morocco) == (before + 1, node.present.now)
    assert node.served() == (3, 1)


async def test_the_walls_stand_on_the_replica(node: Node, pair: Pair) -> None:
    morocco, france = await node.client("MA"), await node.client("FR", Role.MINISTRY)
    request_id = await logged(morocco)
    node.present.now += 2 * SECONDS
    assert (await report(morocco))[0] > 0
    assert (await report(france))[0] == 0
    assert node.served() == (2, 0)
    async with await Database.open(pair.replica.url(), pool_size=1) as replica:
        seen = "select count(*) from request where id = $1::uuid"

        async def count(viewer: Actor | None) -> int:
            async with replica.transaction(DbRole.API, viewer=viewer, read_only=True) as tx:
                number: int = await tx.fetchval(seen, request_id)
            return number

        assert await count(seen_by("MA")) == 1
        assert await count(seen_by("FR")) == 0
        assert await count(None) == 0
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with replica.transaction(DbRole.API, viewer=seen_by("MA")) as tx:
                await tx.execute("update request set urgency = 'urgent' where id = $1::uuid", request_id)


async def test_a_replica_that_hangs_or_is_gone_costs_a_moment_and_no_answer(node: Node, pair: Pair) -> None:
    morocco = await node.client("MA")
    await report(morocco)
    os.kill(pair.process, signal.SIGSTOP)
    backends = children(pair.process)
    for each in backends:
        os.kill(each, signal.SIGSTOP)
    try:
        node.present.now += 2 * SECONDS
        began = time.monotonic()
        _, as_of = await report(morocco)
        assert time.monotonic() - began < 5
        assert (as_of, node.served()) == (node.present.now, (1, 1))
        began = time.monotonic()
        node.present.now += 5 * SECONDS
        await report(morocco)
        assert time.monotonic() - began < 1.5, "it is left alone for a while"
    finally:
        for each in (*backends, pair.process):
            os.kill(each, signal.SIGCONT)
    node.present.now += 20 * SECONDS
    _, as_of = await report(morocco)
    assert (as_of, node.served()) == (node.present.now, (2, 2))


def children(process: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(process).children(recursive=True)]


@pytest.mark.parametrize("wrong", ["the primary itself", "nobody"])
async def test_an_address_that_is_no_replica_is_not_used(primary: Database, pair: Pair, wrong: str) -> None:
    url = (
        pair.primary.url() if wrong == "the primary itself" else "postgresql://mla@/mla?host=/tmp/nobody-here"
    )
    node = Node(primary, url)
    morocco = await node.client("MA")
    _, as_of = await report(morocco)
    assert (as_of, node.served()) == (node.present.now, (0, 1))
    await settle()
