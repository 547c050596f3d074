"""PgBouncer in transaction mode before PostgreSQL: nothing may stay on a connection that others are given."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import httpx
import pytest

from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.setting_up import set_up
from mla_tracker.commands.tokens import create_token
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.vocabulary import Role
from mla_tracker.scheduler.jobs import scheduled_jobs
from mla_tracker.scheduler.running import scheduling
from mla_tracker.storage import migrating
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import ADDRESS, NOW, SETTINGS
from tests.builders.keys import the_keys
from tests.builders.programs import environment
from tests.builders.requests import PATH, a_request_body, act
from tests.nodes.conftest import SERVERS
from tools.cluster import PROGRAM

pytestmark = pytest.mark.xdist_group("pooler")

LEFT_BEHIND = """
    select pg_backend_pid() as pid, current_setting('role') as role, session_user = current_user as itself,
        coalesce(current_setting('mla.countries', true), '') as countries,
        coalesce(current_setting('mla.account', true), '') as account,
        current_setting('statement_timeout') as statement_timeout, current_setting('lock_timeout') as lock_timeout,
        (select count(*) from pg_prepared_statements where name <> '') as statements,
        (select count(*) from pg_cursors where is_holdable) as cursors,
        (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
        (select count(*) from pg_listening_channels()) as channels,
        pg_my_temp_schema() <> 0 as temporary
    from pg_sleep(0.1)
"""
CLEAN = {
    "role": "none", "itself": True, "countries": "", "account": "", "statement_timeout": "0", "lock_timeout": "0",
    "statements": 0, "cursors": 0, "locks": 0, "channels": 0, "temporary": False,
}  # fmt: skip


async def open_through(url: str, size: int = 8) -> Database:
    return await Database.open(url, pool_size=size, statement_cache=False, vault=the_keys())


async def left_behind(url: str) -> list[dict[str, Any]]:
    """What stands on each connection of PgBouncer to the server, seen as a client that it is lent to."""
    clients = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(SERVERS * 2)]
    try:
        found = await asyncio.gather(*(client.fetch(LEFT_BEHIND) for client in clients))
    finally:
        for client in clients:
            await client.close()
    return [dict(row) for row in {rows[0]["pid"]: rows[0] for rows in found}.values()]


async def assert_clean(url: str) -> None:
    found = await left_behind(url)
    assert len(found) == SERVERS, "not all connections were seen"
    for row in found:
        row.pop("pid")
        assert row == CLEAN


@pytest.fixture
async def nodes(database_url: str, pooled: Callable[[str], str]) -> AsyncIterator[tuple[Database, Database]]:
    """Two nodes' ways to one database; together they have many more connections than PgBouncer has."""
    url = pooled(database_url)
    async with await open_through(url) as one, await open_through(url) as two:
        yield one, two


async def test_migrations_run_through_it_once_each_though_two_processes_begin_at_once(
    empty_database_url: str, pooled: Callable[[str], str]
) -> None:
    url = pooled(empty_database_url)
    async with await open_through(url, 1) as one, await open_through(url, 1) as two:
        done = await asyncio.gather(set_up(one, NOW), set_up(two, NOW))
        assert sorted(name for names, _ in done for name in names) == migrating.known()
        await migrating.require_up_to_date(one)
    await assert_clean(url)


async def test_two_nodes_at_once_answer_each_caller_with_its_own(
    nodes: tuple[Database, Database], database_url: str, pooled: Callable[[str], str]
) -> None:
    """Countries and role of a transaction never reach the next one, which another node may be given."""
    clients: dict[str, list[httpx.AsyncClient]] = {}
    for country in ("MA", "ES", "FR", "PT"):
        account = await create_account(
            nodes[0], name=country, countries=(country,), role=Role.OFFICER, now=NOW
        )
        token = await create_token(nodes[0], account, now=NOW)
        for database in nodes:
            app = create_app(database, SETTINGS, now=lambda: NOW)
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
            headers = {"Authorization": f"Bearer {token.secret}"}
            client = httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers)
            clients.setdefault(country, []).append(client)
    numbers = count()

    async def work(client: httpx.AsyncClient, country: str, other: str) -> None:
        for _ in range(3):
            body = a_request_body(
                act("sent", "2026-03-02"), requesting_country=country, requested_country=other,
                external_reference=f"{country}-{next(numbers)}",
            )  # fmt: skip
            made = await client.post(PATH, json=body, headers={"Idempotency-Key": f"key-{next(numbers):08}"})
            assert made.status_code == 201, made.text
            listed = await client.get(PATH, params={"limit": 200})
            assert listed.status_code == 200, listed.text
            for item in listed.json()["items"]:
                assert country in (item["requesting_country"], item["requested_country"])
            report = await client.get(
                "/api/v1/reports/sla", params={"from": "2026-01-01", "to": "2027-01-01"}
            )
            assert report.status_code == 200, report.text

    pairs = (("MA", "ES"), ("ES", "FR"), ("FR", "PT"), ("PT", "MA"))
    await asyncio.gather(*(work(client, *pair) for pair in pairs for client in clients[pair[0]]))
    for country, both in clients.items():
        for client in both:
            items = (await client.get(PATH, params={"limit": 200})).json()["items"]
            assert len(items) == 12, f"6 that {country} sends and 6 that it gets"
            await client.aclose()
    await settle()
    await assert_clean(pooled(database_url))


async def test_jobs_of_two_schedulers_run_through_it(
    nodes: tuple[Database, Database], database_url: str, pooled: Callable[[str], str]
) -> None:
    jobs = scheduled_jobs(SETTINGS)
    async with asyncio.timeout(30):
        for database in nodes:
            async with scheduling(database, jobs, now=lambda: NOW + timedelta(hours=1)):
                for job in jobs:
                    while await status_of(database, job.name) != "done":
                        pass
    await assert_clean(pooled(database_url))


async def status_of(database: Database, job: str) -> str | None:
    async with database.transaction(DbRole.OWNER) as tx:
        status: str | None = await tx.fetchval("select max(status) from job_slot where job = $1", job)
    return status


async def test_several_can_verify_the_audit_through_it_at_once(
    nodes: tuple[Database, Database], database_url: str, pooled: Callable[[str], str]
) -> None:
    """Reading by cursor names things on the connection: names that two processes give alike must not meet."""
    for number in range(3):
        await create_account(nodes[0], name=f"N{number}", countries=("MA",), role=Role.OFFICER, now=NOW)
    for _ in range(2):
        for done in await asyncio.gather(*(verify(database) for database in nodes * 2)):
            assert (done.found, done.findings) == (0, ())
    await assert_clean(pooled(database_url))


def test_the_command_line_works_through_it(empty_database_url: str, pooled: Callable[[str], str]) -> None:
    given = environment(MLA_DATABASE_URL=pooled(empty_database_url), MLA_STATEMENT_CACHE="false")

    def run(*arguments: str) -> str:
        done = subprocess.run([PROGRAM, *arguments], env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    run("migrate")
    token = json.loads(run("token", "create", "--country", "MA", "--role", "officer", "--json"))
    assert token["token"].startswith("mla_")
    assert json.loads(run("sweep", "--json"))["raised"] == 0
    assert json.loads(run("verify", "--json"))["found"] == 0
    asyncio.run(assert_clean(pooled(empty_database_url)))
