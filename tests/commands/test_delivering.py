"""Webhooks, sent to a real receiver on this machine: each change at least once, to who may know of it then."""

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
import structlog
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from mla_tracker.commands import delivering
from mla_tracker.commands.accounts import disable_account
from mla_tracker.commands.amending import amend_request
from mla_tracker.commands.delivering import GIVEN_UP_AFTER, LEASE, RETRIES, Delivered, Terms, deliver
from mla_tracker.commands.webhooks import (
    SecretMade,
    Wanted,
    change_webhook,
    create_webhook,
    delete_webhook,
    resend,
    rotate_secret,
)
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import Role
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.queries import webhooks as queries
from mla_tracker.queries.webhooks import DeliveryView, WebhookView
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.counted import a_case, as_owner
from tests.builders.programs import environment
from tests.builders.receiver import (
    Got,
    dripping,
    endless_body,
    endless_head,
    never,
    receiving,
    status,
)
from tests.builders.tls import a_certificate

HERE = Reach((ip_network("127.0.0.0/8"),), http=True, seconds=5.0)
BRIEF = replace(HERE, seconds=0.4)
AT_ONCE = Terms(chance=lambda: 0.0)
SENT = a_case().then("sent", "2026-01-05").then("received", "2026-01-07")


@pytest.fixture
def now() -> datetime:
    """The present, since receivers refuse what was signed long ago."""
    return datetime.now(UTC)


async def an_endpoint(
    db: Database, actor: Actor, url: str, now: datetime, *kinds: ChangeKind, reach: Reach = HERE
) -> SecretMade:
    return await create_webhook(db, url, kinds or None, reach=reach, actor=actor, now=now)


async def an_integration(db: Database, country: str = "MA") -> Actor:
    return await register.account(db, country, role=Role.INTEGRATION)


async def sweep(db: Database, now: datetime, reach: Reach = HERE) -> Delivered:
    return await deliver(db, now, reach, AT_ONCE)


async def listed(db: Database, webhook_id: UUID, actor: Actor, now: datetime) -> Sequence[DeliveryView]:
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        return await queries.deliveries(tx, webhook_id, actor, now, state=None, after=None, limit=100)


async def shown(db: Database, webhook_id: UUID, actor: Actor, now: datetime) -> WebhookView:
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        view = await queries.webhook(tx, webhook_id, actor, now)
    assert view is not None
    return view


def signed_by(got: Got, secret: str | None) -> bool:
    assert secret is not None
    at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(got.headers["webhook-id"], at, got.body.decode())
    return expected in got.headers["webhook-signature"].split(" ")


async def test_a_change_is_sent_signed_and_says_no_more_than_ids_and_codes(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving() as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        case = replace(
            SENT, entry=replace(SENT.entry, subject="A witness in Tetouan", external_reference="Secret 7")
        )
        request = await case.logged(db, officer, now=now)
        done = await sweep(db, now)
    assert (done.queued, done.delivered) == (1, 1)
    [got] = receiver.got
    assert made.secret is not None
    told = Webhook(made.secret).verify(got.body, got.headers)
    assert told["type"] == "request.logged"
    assert datetime.fromisoformat(told["timestamp"]) == now
    assert told["data"].keys() == {
        "id", "version", "request_id", "requesting_country", "requested_country", "event_ids", "flag_id",
        "agreement_id", "agreement_event_id", "country", "limit_id",
    }  # fmt: skip
    assert told["data"]["request_id"] == str(request)
    assert b"Tetouan" not in got.body
    assert b"Secret 7" not in got.body
    [delivery] = await listed(db, made.id, machine, now)
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 1, 204)
    assert got.headers["webhook-id"] == f"msg_{delivery.id}"
    assert (await sweep(db, now + timedelta(hours=1))).delivered == 0


async def test_an_endpoint_is_told_from_its_naming_on_and_only_of_what_it_asked_for(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving() as receiver:
        before = await SENT.logged(db, officer, now=now)
        await sweep(db, now)
        await an_endpoint(db, machine, receiver.url(), now, ChangeKind.REQUEST_AMENDED)
        await SENT.logged(db, officer, now=now)
        await amend_request(db, before, {"language": "fr"}, expected=None, actor=officer, now=now)
        await sweep(db, now)
    assert [json.loads(got.body)["type"] for got in receiver.got] == ["request.amended"]


async def test_an_endpoint_is_told_what_its_account_sees_and_nothing_more(
    db: Database, now: datetime
) -> None:
    morocco, france = await register.account(db, "MA"), await register.account(db, "FR")
    async with receiving() as receiver:
        await an_endpoint(db, await an_integration(db, "ES"), receiver.url(), now)
        draft = a_case().then("drafted", "2026-01-05")
        await draft.logged(db, morocco, now=now)
        await SENT.between("FR", "DE").logged(db, france, now=now)
        assert (await sweep(db, now)).queued == 0
    assert receiver.got == []


async def test_a_level_raised_between_change_and_delivery_keeps_it_back(db: Database, now: datetime) -> None:
    head, machine = await register.account(db, "MA", role=Role.HEAD), await an_integration(db)
    async with receiving(status(500), status(204)) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        request = await SENT.logged(db, head, now=now)
        await sweep(db, now)
        assert len(receiver.got) == 1
        later = now + timedelta(seconds=3)
        await amend_request(
            db, request, {"handling": Handling.CONFIDENTIAL}, expected=None, actor=head, now=later
        )
        assert await listed(db, made.id, machine, later) == [], "not even that there was something"
        done = await sweep(db, now + timedelta(minutes=10))
    assert (done.withheld, done.delivered, len(receiver.got)) == (1, 0, 1)


async def test_to_an_account_that_is_disabled_nothing_is_sent(db: Database, now: datetime) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(status(500)) as receiver:
        await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        await sweep(db, now)
        await disable_account(db, machine.account_id, now=now)
        await SENT.logged(db, officer, now=now)
        done = await sweep(db, now + timedelta(days=1))
    assert done == Delivered(0, 0, 0, 0, 0)
    assert len(receiver.got) == 1


async def test_who_is_disabled_while_the_call_is_being_prepared_is_not_told(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    real = delivering._attempt

    async def after_the_claim(db: Database, *arguments: Any) -> str:
        await disable_account(db, machine.account_id, now=now)
        return await real(db, *arguments)

    async with receiving() as receiver:
        await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        monkeypatch.setattr(delivering, "_attempt", after_the_claim)
        await sweep(db, now)
    assert receiver.got == []


async def test_what_fails_is_tried_for_three_days_under_one_id_and_then_lies_there_dead(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(status(500)) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        at = now
        for number, wait in enumerate(RETRIES, start=1):
            assert (await sweep(db, at)).failed == 1
            [delivery] = await listed(db, made.id, machine, at)
            assert (delivery.state, delivery.attempts) == ("pending", number)
            assert delivery.next_at is not None
            assert timedelta() <= delivery.next_at - at - wait < timedelta(seconds=5)
            assert (await sweep(db, delivery.next_at - timedelta(seconds=1))).failed == 0, (
                "not before its time"
            )
            at = delivery.next_at
        assert (await sweep(db, at)).dead == 1
        [dead] = await listed(db, made.id, machine, at)
        assert (dead.state, dead.attempts, dead.status, dead.fault) == ("dead", 10, 500, "status")
        assert timedelta(days=3) < at - now < timedelta(days=4)
        assert len(receiver.got) == 10
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
        assert all(signed_by(got, made.secret) for got in receiver.got)
        receiver.answers[:] = [status(200)]
        await resend(db, made.id, dead.id, actor=machine, now=at)
        assert (await sweep(db, at)).delivered == 1
        assert receiver.got[-1].headers["webhook-id"] == receiver.got[0].headers["webhook-id"]
        assert (await shown(db, made.id, machine, at)).failing_since is None


def test_waits_grow_and_are_spread_out() -> None:
    assert list(RETRIES) == sorted(RETRIES)
    assert sum(RETRIES, timedelta()) > timedelta(days=3)
    assert delivering.JITTER > 0
    assert sum(RETRIES, timedelta()) * (1 + delivering.JITTER) < GIVEN_UP_AFTER


async def test_an_endpoint_that_fails_for_five_days_is_let_be_and_told_all_when_it_is_opened_again(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(status(503)) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        await sweep(db, now)
        later = now + GIVEN_UP_AFTER + timedelta(minutes=1)
        await sweep(db, later)
        view = await shown(db, made.id, machine, later)
        assert (view.enabled, view.disabled_reason) == (False, "failing")
        calls = len(receiver.got)
        await SENT.logged(db, officer, now=later)
        assert await sweep(db, later + timedelta(hours=9)) == Delivered(0, 0, 0, 0, 0)
        assert len(receiver.got) == calls
        receiver.answers[:] = [status(204)]
        again = later + timedelta(hours=10)
        await change_webhook(
            db, made.id, Wanted(enabled=True), reach=HERE, versions=None, actor=machine, now=again
        )
        assert (await sweep(db, again)).delivered == 2
    async with db.transaction(DbRole.OWNER) as tx:
        told = await tx.fetch(
            "select what, account_id from audit_entry where chain_kind = 'webhook' order by position"
        )
    assert [(row["what"], row["account_id"] is None) for row in told] == [
        ("webhook.created", False), ("webhook.disabled", True), ("webhook.changed", False),
    ]  # fmt: skip


async def test_who_answers_410_is_not_called_again(db: Database, now: datetime) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving(status(410)) as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        await SENT.logged(db, officer, now=now)
        await sweep(db, now)
        assert (await shown(db, made.id, machine, now)).disabled_reason == "gone"
        await sweep(db, now + timedelta(days=1))
    assert len(receiver.got) == 1


async def test_after_a_rotation_both_secrets_sign_for_a_while_and_then_the_new_one_alone(
    db: Database, now: datetime
) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    async with receiving() as receiver:
        made = await an_endpoint(db, machine, receiver.url(), now)
        new = await rotate_secret(db, made.id, overlap=timedelta(hours=2), actor=machine, now=now)
        await SENT.logged(db, officer, now=now)
        await sweep(db, now)
        later = now + timedelta(hours=2)
        await SENT.logged(db, officer, now=later)
        await sweep(db, later)
        at_once = await rotate_secret(db, made.id, overlap=timedelta(), actor=machine, now=later)
        await SENT.logged(db, officer, now=later)
        await sweep(db, later)
    during, after, last = receiver.got
    assert new.secret is not None
    assert made.secret is not None
    for secret in (new.secret, made.secret):
        Webhook(secret).verify(during.body, during.headers)
    assert (signed_by(after, new.secret), signed_by(after, made.secret)) == (True, False)
    assert (signed_by(last, at_once.secret), signed_by(last, new.secret)) == (True, False)
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select former_sealed from webhook") is None


async def test_no_secret_stands_in_the_database_the_audit_or_the_log(db: Database, now: datetime) -> None:
    officer, machine = await register.account(db, "MA"), await an_integration(db)
    with capture_logs() as lines:
        async with receiving(status(500)) as receiver:
            url = receiver.url() + "?token=hidden-in-the-address"
            made = await an_endpoint(db, machine, url, now)
            rotated = await rotate_secret(db, made.id, actor=machine, now=now)
            await SENT.logged(db, officer, now=now)
            await sweep(db, now)
            await delete_webhook(db, made.id, actor=machine, now=now)
    async with db.transaction(DbRole.OWNER) as tx:
        rows = [
            str(row["row"])
            for table in ("webhook", "webhook_delivery", "audit_entry", "idempotency_key", "change")
            for row in await tx.fetch(f"select {table}::text as row from {table}")
        ]
        what = await tx.fetch(
            "select what, details from audit_entry where chain_kind = 'webhook' order by position"
        )
    text = "\n".join(rows) + str(lines)
    for secret in (made.secret, rotated.secret):
        assert secret is not None
        assert secret not in text
        assert secret.removeprefix("whsec_") not in text
    assert "hidden-in-the-address" not in text
    assert [row["what"] for row in what] == ["webhook.created", "webhook.secret_rotated", "webhook.deleted"]
    assert '"host":"127.0.0.1"' in what[0]["details"]
    structlog.reset_defaults()


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
