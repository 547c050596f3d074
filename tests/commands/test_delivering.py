"""Endpoints are told what their account sees, signed, again and again until they take it, and no secret leaks."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from mla_tracker.commands import delivering
from mla_tracker.commands.accounts import disable_account
from mla_tracker.commands.amending import amend_request
from mla_tracker.commands.delivering import GIVEN_UP_AFTER, RETRIES, Delivered
from mla_tracker.commands.webhooks import (
    Wanted,
    change_webhook,
    delete_webhook,
    resend,
    rotate_secret,
)
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.counted import a_case
from tests.builders.deliveries import (
    HERE,
    SENT,
    an_endpoint,
    an_integration,
    listed,
    shown,
    signed_by,
    sweep,
)
from tests.builders.receiver import (
    receiving,
    status,
)


@pytest.fixture
def now() -> datetime:
    """The present, since receivers refuse what was signed long ago."""
    return datetime.now(UTC)


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
