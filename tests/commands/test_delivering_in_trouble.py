"""What can go wrong while endpoints are called: workers that die, receivers that do not answer, addresses that move."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from mla_tracker.commands.delivering import LEASE, deliver
from mla_tracker.commands.webhooks import (
    Wanted,
    change_webhook,
    delete_webhook,
    resend,
    rotate_secret,
)
from mla_tracker.domain.errors import NotFound
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.counted import as_owner
from tests.builders.deliveries import (
    AT_ONCE,
    BRIEF,
    HERE,
    SENT,
    an_endpoint,
    an_integration,
    listed,
    shown,
    sweep,
)
from tests.builders.programs import environment
from tests.builders.receiver import (
    dripping,
    endless_body,
    endless_head,
    never,
    receiving,
    status,
)
from tests.builders.tls import a_certificate


@pytest.fixture
def now() -> datetime:
    """The present, since receivers refuse what was signed long ago."""
    return datetime.now(UTC)


async def test_two_workers_at_once_make_each_delivery_once(database_url: str, now: datetime) -> None:
    from tests.builders.keys import the_keys

    async with (
        await Database.open(database_url, pool_size=20, vault=the_keys()) as one,
        await Database.open(database_url, pool_size=20, vault=the_keys()) as two,
        receiving() as receiver,
    ):
        officer, machine = await register.account(one, "MA"), await an_integration(one)
        await an_endpoint(one, machine, receiver.url(), now)
        for _ in range(25):
            await SENT.logged(one, officer, now=now)
        done = await asyncio.gather(sweep(one, now), sweep(two, now), sweep(one, now))
        assert sum(each.delivered for each in done) + (await sweep(one, now)).delivered == 25
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert len(ids) == len(set(ids)) == 25


async def test_one_endpoint_that_never_answers_does_not_hold_up_the_others(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(never) as deaf, receiving() as receiver:
        await an_endpoint(db, machine, deaf.url(), now)
        await an_endpoint(db, machine, receiver.url(), now)
        for _ in range(12):
            await SENT.logged(db, officer, now=now)
        done = await sweep(db, now, BRIEF)
    assert (done.delivered, done.failed) == (12, 12)
    assert len(receiver.got) == 12


async def test_slow_endpoints_of_one_account_leave_the_others_theirs(db: Database, now: datetime) -> None:
    """Five of Morocco's never answer, and were there first; in one run of a second Spain is told of all."""
    officer, morocco = await register.account(db, "MA"), await an_integration(db)
    spain = await an_integration(db, "ES")
    async with receiving(never) as deaf, receiving() as receiver:
        for _ in range(5):
            await an_endpoint(db, morocco, deaf.url(), now)
        await an_endpoint(db, spain, receiver.url(), now)
        for _ in range(40):
            await SENT.logged(db, officer, now=now)
        brief = replace(HERE, seconds=2.0)
        done = await deliver(db, now, brief, replace(AT_ONCE, budget=timedelta(seconds=1.5)))
    assert len(receiver.got) == done.delivered == 40
    assert 0 < done.failed <= 16


async def test_what_a_worker_had_in_hand_when_it_was_killed_is_taken_up_again(
    database_url: str, now: datetime
) -> None:
    """A process of its own, killed without warning while the receiver has the call and has not answered."""
    from tests.builders.keys import the_keys

    program = (
        "import asyncio, os\n"
        "from datetime import datetime\n"
        "from ipaddress import ip_network\n"
        "from mla_tracker.commands.delivering import deliver\n"
        "from mla_tracker.outbound.webhooks import Reach\n"
        "from mla_tracker.storage.database import Database\n"
        "from mla_tracker.storage.vault import Vault\n"
        "from pathlib import Path\n"
        "async def main():\n"
        "    vault = Vault.read(Path(os.environ['MLA_KEYS_DIR']))\n"
        "    async with await Database.open(os.environ['MLA_DATABASE_URL'], vault=vault) as db:\n"
        "        reach = Reach((ip_network('127.0.0.0/8'),), http=True)\n"
        f"        await deliver(db, datetime.fromisoformat('{now.isoformat()}'), reach)\n"
        "asyncio.run(main())\n"
    )
    async with (
        await Database.open(database_url, pool_size=5, vault=the_keys()) as db,
        receiving(never) as receiver,
    ):
        officer, machine = await register.account(db, "MA"), await an_integration(db)
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=environment(MLA_DATABASE_URL=database_url)
        )
        async with asyncio.timeout(30):
            await receiver.arrived.wait()
        os.kill(worker.pid, signal.SIGKILL)
        await worker.wait()
        async with db.transaction(DbRole.OWNER) as tx:
            left_open = await tx.fetchval(
                "select count(*) from pg_stat_activity where state like 'idle in tr%' and datname = current_database()"
            )
            assert left_open == 0
        receiver.answers[:] = [status(204)]
        assert (await sweep(db, now)).delivered == 0, "its lease runs still"
        assert (await sweep(db, now + LEASE + timedelta(seconds=30))).delivered == 1
        [delivery] = await listed(db, made.id, machine, now)
    assert delivery.state == "delivered"
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


async def test_a_worker_that_wakes_after_its_lease_changes_nothing_that_another_has_settled(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    slow: asyncio.Event = asyncio.Event()

    async def waits(writer: asyncio.StreamWriter) -> None:
        await slow.wait()
        await status(500)(writer)

    async with receiving(waits, status(204)) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        first = asyncio.create_task(sweep(db, now))
        await receiver.arrived.wait()
        assert (await sweep(db, now + LEASE + timedelta(seconds=1))).delivered == 1
        slow.set()
        await first
        [delivery] = await listed(db, made.id, machine, now)
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


@pytest.mark.parametrize(
    ("answer", "fault", "number"),
    [
        (status(302, "location: http://127.0.0.1:1/"), "redirect", 302),
        (status(307, "location: /elsewhere"), "redirect", 307),
        (status(404), "status", 404),
        (never, "too_slow", None),
        (dripping, "too_slow", None),
        (endless_head, "no_answer", None),
    ],
)
async def test_what_is_no_answer_of_success_in_time_is_a_failure(
    db: Database, now: datetime, answer: Any, fault: str, number: int | None
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(answer) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        assert (await sweep(db, now, BRIEF)).failed == 1
        [delivery] = await listed(db, made.id, machine, now)
        assert (delivery.fault, delivery.status) == (fault, number)
        assert len(receiver.got) == receiver.connections == 1, "nobody was led elsewhere"


async def test_of_an_endless_answer_of_success_a_little_is_read(db: Database, now: datetime) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(endless_body) as receiver:
        await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        assert (await sweep(db, now)).delivered == 1


async def test_a_name_that_leads_into_the_house_after_a_while_is_not_called(
    db: Database, now: datetime
) -> None:
    """The name leads to an allowed address at first, and to a forbidden one later (DNS rebinding)."""
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2" if len(asked) == 2 else "169.254.169.254"]

    reach = Reach((ip_network("127.0.0.1/32"),), http=True, resolve=resolve)
    async with receiving() as receiver:
        made = await an_endpoint(db, machine, receiver.url("hooks.example.org"), now, reach=reach)
        for _ in range(3):
            await SENT.logged(db, officer, now=now)
            await sweep(db, now, reach)
        faults = sorted(str(one.fault) for one in await listed(db, made.id, machine, now))
    assert asked == ["hooks.example.org"] * 3, "once for each call, and the call goes where that led"
    assert faults == ["None", "address_refused", "address_refused"]
    [got] = receiver.got
    assert got.headers["host"] == f"hooks.example.org:{receiver.port}"


async def test_over_tls_the_name_counts_and_not_the_address_that_is_called(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    served, trusted = a_certificate("hooks.example.org")

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    reach = replace(HERE, http=False, resolve=resolve, context=trusted)
    async with receiving(tls=served) as receiver:
        await an_endpoint(db, machine, receiver.url("hooks.example.org", "https"), now, reach=reach)
        other = await an_endpoint(db, machine, receiver.url("other.example.org", "https"), now, reach=reach)
        await SENT.logged(db, officer, now=now)
        done = await sweep(db, now, reach)
        stranger = await sweep(
            db, now + timedelta(minutes=1), replace(reach, context=ssl.create_default_context())
        )
        [refused] = await listed(db, other.id, machine, now)
    assert (done.delivered, done.failed) == (1, 1)
    assert stranger.failed == 1
    assert refused.fault == "tls"
    assert len(receiver.got) == 1


async def test_an_address_that_was_allowed_once_is_not_called_when_it_is_no_more(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving() as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        await sweep(db, now, Reach())
        [delivery] = await listed(db, made.id, machine, now)
    assert (delivery.fault, receiver.got) == ("address_refused", [])


async def test_no_proxy_of_the_environment_is_asked(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with receiving() as receiver:
        await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        assert (await sweep(db, now)).delivered == 1
    assert len(receiver.got) == 1


async def test_an_endpoint_is_its_accounts_own(db: Database, now: datetime) -> None:
    machine, colleague = await an_integration(db), await an_integration(db)
    made = await an_endpoint(db, machine, "https://hooks.example.org/", now)
    for call in (
        delete_webhook(db, made.id, actor=colleague, now=now),
        rotate_secret(db, made.id, actor=colleague, now=now),
        change_webhook(
            db, made.id, Wanted(enabled=False), reach=HERE, versions=None, actor=colleague, now=now
        ),
        resend(db, made.id, made.id, actor=colleague, now=now),
    ):
        with pytest.raises(NotFound):
            await call
    async with db.transaction(DbRole.API, viewer=colleague) as tx:
        assert await tx.fetchval("select count(*) from webhook") == 0
    assert (await shown(db, made.id, machine, now)).version == 1


async def test_a_delivery_whose_change_is_kept_no_more_goes_with_it(db: Database, now: datetime) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(status(500)) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        await sweep(db, now)
        await as_owner(db, "select mla_empty_feed($1, 100)", now + timedelta(days=1))
        assert await listed(db, made.id, machine, now) == []
        assert (await sweep(db, now + timedelta(days=1))).failed == 0
