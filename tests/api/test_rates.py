"""How often somebody may call: one limit for all nodes, by the minute, and never at the cost of somebody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from mla_tracker.api import rates
from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.api.problems import Problem
from mla_tracker.api.rates import Rates, subject_of
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import call_windows
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import ADDRESS, NOW, SETTINGS, Present, the_contract

CALLS, FAILURES = 60, 40
WRONG = {"Authorization": f"Bearer mla_{'x' * 43}"}

NodeOf = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def node_of(
    database_url: str, present: Present, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NodeOf]:
    """Makes another node on the one database, with a pool of its own; gives a client that calls from `address`."""
    monkeypatch.setattr(rates, "ASKING_SECONDS", 60)  # a slow machine is no database in trouble
    settings = SETTINGS.model_copy(update={"calls_per_minute": CALLS, "failures_per_minute": FAILURES})
    async with AsyncExitStack() as stack:

        async def make(address: str = "192.0.2.7") -> httpx.AsyncClient:
            db = await stack.enter_async_context(await Database.open(database_url, pool_size=4))
            app = create_app(db, settings, now=present)
            transport = httpx.ASGITransport(app, client=(address, 1))  # type: ignore[arg-type] # ASGI typed by both
            return await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=ADDRESS))

        yield make
        await settle()


@pytest.fixture
async def good(db: Database) -> dict[str, str]:
    """The header of a good token."""
    account = await create_account(db, name="Rabat", countries=["MA"], role=Role.OFFICER, now=NOW)
    return {"Authorization": f"Bearer {(await create_token(db, account, now=NOW)).secret}"}


@asynccontextmanager
async def busy(db: Database) -> AsyncIterator[None]:
    """Somebody else holds a connection, the only one there is."""
    held, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.transaction(DbRole.OWNER):
            held.set()
            await done.wait()

    holder = asyncio.create_task(hold())
    await held.wait()
    yield
    done.set()
    await holder


async def statuses(
    calls: int, *clients: httpx.AsyncClient, path: str = "/api/v1/me", **more: Any
) -> list[int]:
    """The statuses of so many calls, spread over the clients, eight at a time."""
    gate = asyncio.Semaphore(8)

    async def call(number: int) -> int:
        async with gate:
            return (await clients[number % len(clients)].get(path, **more)).status_code

    return await asyncio.gather(*(call(number) for number in range(calls)))


async def test_what_an_account_may_call_is_shared_by_all_nodes_and_never_exceeded(
    node_of: NodeOf, good: dict[str, str]
) -> None:
    one, two = await node_of(), await node_of()
    first = await statuses(CALLS // 2, one, headers=good)
    assert first == [200] * (CALLS // 2)
    rest = await statuses(CALLS, one, two, headers=good)
    assert rest.count(200) <= CALLS - CALLS // 2
    assert rest.count(200) >= CALLS // 2 - CALLS // call_windows.BLOCKS, (
        "no more is lost than a block of a node"
    )
    assert set(rest) == {200, 429}
    assert await statuses(3, one, two, headers=good) == [429] * 3


async def test_a_refused_call_says_when_to_come_back_and_then_is_let_in(
    node_of: NodeOf, good: dict[str, str], present: Present
) -> None:
    node = await node_of()
    present.now = NOW + timedelta(seconds=12, milliseconds=300)
    await statuses(CALLS, node, headers=good)
    refused = await node.get("/api/v1/me", headers=good)
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "48"
    assert refused.json()["type"] == "/problems/too-many-calls"
    present.now = NOW + timedelta(seconds=59)
    late = await node.get("/api/v1/me", headers=good)
    assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
    present.now = NOW + timedelta(seconds=60)
    assert (await node.get("/api/v1/me", headers=good)).status_code == 200


async def test_one_account_at_its_limit_is_no_matter_of_the_others(
    node_of: NodeOf, good: dict[str, str], db: Database
) -> None:
    node = await node_of()
    await statuses(CALLS, node, headers=good)
    other = await create_account(db, name="Madrid", countries=["ES"], role=Role.OFFICER, now=NOW)
    token = (await create_token(db, other, now=NOW)).secret
    assert (await node.get("/api/v1/me", headers=good)).status_code == 429
    assert (await node.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_who_guesses_tokens_is_stopped_on_every_node_and_without_a_look_at_the_database(
    node_of: NodeOf, good: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await node_of("198.51.100.1"), await node_of("198.51.100.1")
    tried = await statuses(FAILURES + 20, one, two, headers=WRONG)
    assert tried.count(401) <= FAILURES
    assert set(tried) == {401, 429}
    assert set(await statuses(4, one, two, headers=WRONG)) == {429}
    # Not even a good token gets through from there, if it was not used there before ...
    assert (await one.get("/api/v1/me", headers=good)).status_code == 429
    # ... while everywhere else nothing has changed.
    assert (await (await node_of("198.51.100.2")).get("/api/v1/me", headers=good)).status_code == 200

    async def asked(*_: object, **__: object) -> None:
        pytest.fail("the database was asked for a token that need not be looked at")

    monkeypatch.setattr("mla_tracker.api.auth.bearer_of", asked)
    assert (await two.get("/api/v1/me", headers=WRONG)).status_code == 429


async def test_a_faulty_program_behind_a_shared_address_does_not_lock_out_the_ministry(
    node_of: NodeOf, good: dict[str, str], db: Database
) -> None:
    node = await node_of()
    assert (await node.get("/api/v1/me", headers=good)).status_code == 200
    await statuses(FAILURES + 5, node, headers=WRONG)
    assert (await node.get("/api/v1/me", headers=good)).status_code == 200
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update api_token set revoked_at = $1", NOW)
    assert (await node.get("/api/v1/me", headers=good)).status_code == 429, "revoked, and so one more failure"


async def test_public_pages_are_limited_by_address_and_health_is_not(node_of: NodeOf) -> None:
    one, two = await node_of("203.0.113.5"), await node_of("203.0.113.5")
    seen = await statuses(FAILURES + 20, one, two, path="/problems")
    assert seen.count(200) <= FAILURES
    assert 429 in seen
    assert await statuses(FAILURES * 2, one, path="/health/live") == [200] * FAILURES * 2
    assert (await one.get("/health/ready")).status_code == 200
    assert (await (await node_of("203.0.113.6")).get("/problems")).status_code == 200


async def test_most_calls_touch_no_row(node_of: NodeOf, good: dict[str, str], db: Database) -> None:
    node = await node_of()
    taken = []
    take = call_windows.take

    async def counted(*args: Any) -> int:
        taken.append(args)
        return await take(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_windows, "take", counted)
        await statuses(CALLS // 2, node, headers=good)
    assert len(taken) == 10, "three calls a block"


@pytest.mark.parametrize(("allowance", "askers"), [(1, 3), (7, 3), (100, 5), (6000, 30)])
async def test_the_blocks_of_any_number_of_nodes_add_up_to_the_allowance(
    db: Database, allowance: int, askers: int
) -> None:
    async def exhaust() -> int:
        had = 0
        while True:
            async with db.transaction(DbRole.API) as tx:
                block = await call_windows.take(tx, "account x", NOW, allowance)
            if not block:
                return had
            had += block

    shares = await asyncio.gather(*(exhaust() for _ in range(askers)))
    assert sum(shares) == allowance


async def test_without_the_limits_nothing_is_counted(db: Database) -> None:
    off = Rates(db, calls=0, failures=0)
    for _ in range(300):
        await off.public_call("192.0.2.1", NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from call_window") == 0


async def test_a_database_that_does_not_answer_is_told_by_the_call_and_not_hidden_by_the_limiter(
    database_url: str, present: Present, good: dict[str, str]
) -> None:
    settings = SETTINGS.model_copy(update={"failures_per_minute": FAILURES})
    async with await Database.open(database_url, pool_size=1, acquire_seconds=0.1) as db:
        app = create_app(db, settings, now=present)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            async with busy(db):
                with capture_logs() as lines:
                    failed = await client.get("/api/v1/me", headers=good)
                    answers = [await client.get("/problems") for _ in range(FAILURES + 1)]
            assert [answer.status_code for answer in answers] == [200] * FAILURES + [429], (
                "kept by the node alone"
            )
            assert failed.status_code == 503
            assert failed.json()["type"] == "/problems/unavailable"
            alone = [line for line in lines if line["event"] == "limit of calls kept by this node alone"]
            assert len(alone) == 1, "a database in trouble is not asked by every call"
            present.now += rates.WINDOW
            assert (await client.get("/problems")).status_code == 200
            async with db.transaction(DbRole.OWNER) as tx:
                assert await tx.fetchval("select count(*) from call_window") == 1


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "address 192.0.2.7"),
        ("::ffff:192.0.2.7", "address 192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "address 2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "address 2001:db8:1:3::/64"),
        ("fe80::1%eth0", "address fe80::/64"),
        (None, "address unknown"),
        ("", "address unknown"),
        ("unix:", "address unknown"),
        ("'; drop table call_window; --" * 99, "address unknown"),
    ],
)
def test_an_address_is_limited_by_what_its_holder_cannot_change(address: str | None, subject: str) -> None:
    assert subject_of(address) == subject


async def test_a_flood_of_addresses_fills_no_memory(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_SUBJECTS", 3)
    limiter = Rates(db, calls=0, failures=1)
    for number in range(10):
        await limiter.public_call(f"192.0.2.{number}", NOW)
    assert len(limiter._shares) == 3
    with pytest.raises(Problem):  # forgotten here, and known to the database all the same
        await limiter.public_call("192.0.2.0", NOW)


async def test_every_route_documents_what_the_edge_refuses() -> None:
    contract = await the_contract()
    for path, methods in contract["paths"].items():
        for operation in methods.values():
            assert {"414", "431", "503"} <= set(operation["responses"])
            assert ("421" in operation["responses"]) is not path.startswith("/health/")


async def test_every_route_but_health_documents_that_it_may_be_refused() -> None:
    contract = await the_contract()
    for path, methods in contract["paths"].items():
        for operation in methods.values():
            answers = operation["responses"]
            assert ("429" in answers) is not path.startswith("/health/"), path
            assert path.startswith("/health/") or "Retry-After" in answers["429"]["headers"]
