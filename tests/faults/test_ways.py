"""What the harness says it does to a COMMIT is what happens to it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from mla_tracker.storage.embedded import Server
from tests.faults.ways import AtCommit, Way

LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@pytest.fixture(params=["a Unix socket", "a TCP port"])
async def way(request: pytest.FixtureRequest, server: Server, database_url: str) -> AsyncIterator[Way]:
    """A way to a database of the test's own, with a table in it."""
    with tempfile.TemporaryDirectory(prefix="mla-own-", dir="/tmp") as name:
        folder = Path(name) / "way" if request.param == "a Unix socket" else None
        way = Way(server.folder / "pg", folder, urlsplit(database_url).path.lstrip("/"))
        await way.open()
        connection = await asyncpg.connect(way.url)
        await connection.execute("create table written (number int)")
        await connection.close()
        yield way
        await way.close()


async def written(way: Way) -> int:
    connection = await asyncpg.connect(way.url)
    try:
        number: int = await connection.fetchval("select count(*) from written")
        return number
    finally:
        await connection.close()


async def commit(way: Way, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute("BEGIN")
    await connection.execute("insert into written values (1)")
    await connection.execute("COMMIT")


@pytest.mark.parametrize(("what", "stays"), [(AtCommit.LOST, 0), (AtCommit.ANSWER_LOST, 1)])
async def test_a_lost_commit_is_not_done_and_one_whose_answer_is_lost_is(
    way: Way, what: AtCommit, stays: int
) -> None:
    connection = await asyncpg.connect(way.url)
    striking = asyncio.create_task(way.at_commit(what, 20))
    await asyncio.sleep(0)
    with pytest.raises(LOST):
        await commit(way, connection)
    assert await striking
    assert await written(way) == stays


async def test_a_commit_that_is_told_of_is_answered_and_told_before_the_node_hears(way: Way) -> None:
    order: list[str] = []
    connection = await asyncpg.connect(way.url)
    striking = asyncio.create_task(way.at_commit(AtCommit.TOLD, 20, lambda: order.append("told")))
    await asyncio.sleep(0)
    await commit(way, connection)
    order.append("heard")
    assert await striking
    assert order == ["told", "heard"]
    assert await written(way) == 1
    await connection.close()


async def test_nothing_is_struck_where_nobody_commits(way: Way) -> None:
    assert not await way.at_commit(AtCommit.LOST, 0)
    connection = await asyncpg.connect(way.url)
    await commit(way, connection)
    await connection.close()


async def test_what_is_cut_is_broken_off_and_the_way_stays_open(way: Way) -> None:
    connection = await asyncpg.connect(way.url)
    assert way.cut() == 1
    with pytest.raises(LOST):
        await connection.fetchval("select 1")
    assert await written(way) == 0
