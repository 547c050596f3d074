"""Endpoints on loopback, and runs of the job that tells them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import UUID

from standardwebhooks import Webhook

from mla_tracker.commands.delivering import Delivered, Terms, deliver
from mla_tracker.commands.webhooks import (
    SecretMade,
    create_webhook,
)
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.vocabulary import Role
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.queries import webhooks as queries
from mla_tracker.queries.webhooks import DeliveryView, WebhookView
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.counted import a_case
from tests.builders.receiver import (
    Got,
)

HERE = Reach((ip_network("127.0.0.0/8"),), http=True, seconds=5.0)
BRIEF = replace(HERE, seconds=0.4)
AT_ONCE = Terms(chance=lambda: 0.0)
SENT = a_case().then("sent", "2026-01-05").then("received", "2026-01-07")


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
