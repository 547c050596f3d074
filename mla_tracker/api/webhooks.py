"""Endpoints of the account that calls: where changes are sent, with which secret, and what became of that."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from litestar import Response, delete, get, patch, post

from mla_tracker.api import paging
from mla_tracker.api.answers import answer
from mla_tracker.api.paging import Page
from mla_tracker.api.routes import documented
from mla_tracker.api.webhook_bodies import (
    SHOWN_ONCE,
    DeliveryAnswer,
    DeliveryQuery,
    NewWebhook,
    SecretRotation,
    WebhookAnswer,
    WebhookChange,
    WebhookList,
    WebhookMadeAnswer,
    delivery_answer,
    webhook_answer,
)
from mla_tracker.commands import webhooks as commands
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.commands.webhooks import SecretMade, Wanted, no_such_delivery, no_such_webhook
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import InvalidEntry, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.queries import webhooks as queries
from mla_tracker.queries.webhooks import DeliveryView, WebhookView
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey

_ONCE: Final = "The secret is told once: a repeated call under one Idempotency-Key answers without it."
_DELIVERIES: Final = "/webhooks/{webhook_id}/deliveries"


@post(
    "/webhooks",
    **documented(
        "Have changes sent to an address",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        body=NewWebhook,
        answer=WebhookMadeAnswer,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[InvalidEntry],
        examples={"what is late": {"url": "https://hooks.example.org/mla", "types": ["flag.raised"]}},
        description="From now on, in the form of Standard Webhooks, with ids and codes alone. The endpoint is told "
        f"what the account sees, looked at anew before each call. {_ONCE}",
    ),
)
async def create_webhook(
    entry: NewWebhook,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Makes an endpoint and answers with its secret."""
    made = await commands.create_webhook(
        database,
        entry.url,
        entry.types,
        reach=_reach(settings),
        actor=actor,
        now=now,
        idempotency=idempotency,
    )
    return await _made(database, made, actor, now, status=201)


@get(
    "/webhooks",
    **documented(
        "List the endpoints of your account, oldest first",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        answer=WebhookList,
    ),
)
async def list_webhooks(actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """All of them, at most twenty."""
    return await _listed(database, actor, now)


@get(
    "/webhooks/{webhook_id:uuid}",
    **documented(
        "Read an endpoint",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        answer=WebhookAnswer,
        etag=True,
        problems=[NotFound],
    ),
)
async def read_webhook(webhook_id: UUID, actor: Actor, database: Database, now: datetime) -> Response[bytes]:
    """One of the account's own."""
    view = await _seen(database, webhook_id, actor, now)
    return answer(WebhookAnswer.model_validate(webhook_answer(view)), version=view.version)


@patch(
    "/webhooks/{webhook_id:uuid}",
    **documented(
        "Change an endpoint",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        body=WebhookChange,
        answer=WebhookAnswer,
        if_match=True,
        etag=True,
        problems=[InvalidEntry, NotFound, VersionStale],
        examples={"send again": {"enabled": True}},
        description="What became due while it was not enabled is sent once it is.",
    ),
)
async def change_webhook(
    webhook_id: UUID,
    entry: WebhookChange,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Changes an endpoint and answers with it."""
    given = entry.model_fields_set
    wanted = Wanted(
        url=entry.url if "url" in given else None,
        of_kinds="types" in given,
        kinds=entry.types,
        enabled=entry.enabled if "enabled" in given else None,
    )
    await commands.change_webhook(
        database, webhook_id, wanted, reach=_reach(settings), versions=if_match, actor=actor, now=now
    )
    view = await _seen(database, webhook_id, actor, now)
    return answer(WebhookAnswer.model_validate(webhook_answer(view)), version=view.version)


@delete(
    "/webhooks/{webhook_id:uuid}",
    **documented(
        "Delete an endpoint",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        answer=WebhookList,
        problems=[NotFound],
        description="With all that was to be sent to it. Answers with the endpoints that are left.",
    ),
)
async def delete_webhook(
    webhook_id: UUID, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Takes an endpoint away."""
    await commands.delete_webhook(database, webhook_id, actor=actor, now=now)
    return await _listed(database, actor, now)


@post(
    "/webhooks/{webhook_id:uuid}/secret",
    **documented(
        "Give an endpoint another secret",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        body=SecretRotation,
        answer=WebhookMadeAnswer,
        idempotent=True,
        etag=True,
        problems=[NotFound],
        examples={"a day to change over": {"overlap_hours": 24}},
        description=f"For a while calls bear the signatures of both, the new one first. {_ONCE}",
    ),
)
async def rotate_webhook_secret(
    webhook_id: UUID,
    entry: SecretRotation,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Makes a secret in the place of another."""
    made = await commands.rotate_secret(
        database, webhook_id, overlap=timedelta(hours=entry.overlap_hours), actor=actor, now=now,
        idempotency=idempotency,
    )  # fmt: skip
    return await _made(database, made, actor, now, status=200)


@get(
    "/webhooks/{webhook_id:uuid}/deliveries",
    **documented(
        "List what was sent to an endpoint or is to be, newest first",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        query=DeliveryQuery,
        answer=Page[DeliveryAnswer],
        problems=[NotFound],
        description="As far as the feed keeps the changes, and you see them still.",
    ),
)
async def list_deliveries(
    webhook_id: UUID, filters: DeliveryQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """A page of deliveries of an endpoint."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    after = None if position.after is None else (position.after[0], position.after[1])
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        if await queries.webhook(tx, webhook_id, actor, now) is None:
            raise no_such_webhook(webhook_id)
        rows = await queries.deliveries(
            tx, webhook_id, actor, now, state=filters.state, after=after, limit=filters.limit + 1
        )
        await _note(tx, rows[: filters.limit], f"GET {_DELIVERIES}", actor, now)
    page = paging.page(
        rows, filters, position, key=lambda row: (row.created_at, row.id), item=delivery_answer
    )
    return answer(Page[DeliveryAnswer].model_validate(page))


@post(
    "/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/resend",
    **documented(
        "Send a delivery once more",
        tag="webhooks",
        may=Deed.MANAGE_WEBHOOKS,
        answer=DeliveryAnswer,
        idempotent=True,
        problems=[NotFound],
        description="Whatever became of it, at once and with all attempts anew, under the same `webhook-id`. What an "
        "endpoint that is not enabled is to be told waits until it is.",
    ),
)
async def resend_delivery(
    webhook_id: UUID,
    delivery_id: UUID,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Makes a delivery due, and answers with it."""
    done = await commands.resend(
        database, webhook_id, delivery_id, actor=actor, now=now, idempotency=idempotency
    )
    async with database.transaction(DbRole.API, viewer=actor) as tx:
        view = await queries.delivery(tx, done.id, actor, now)
        if view is None:
            raise no_such_delivery(delivery_id)
        await _note(tx, [view], f"POST {_DELIVERIES}/{{delivery_id}}/resend", actor, now)
    return answer(DeliveryAnswer.model_validate(delivery_answer(view)), replayed=done.replayed)


def _reach(settings: Settings) -> Reach:
    return Reach.of(settings.webhook_networks, http=settings.webhook_http)


async def _note(tx: Tx, shown: Sequence[DeliveryView], route: str, actor: Actor, now: datetime) -> None:
    requests = {one.change.request_id for one in shown if one.change.request_id is not None}
    await note_reading_of(tx, requests, route=route, actor=actor, now=now, what=What.REQUEST_LISTED)


async def _seen(database: Database, webhook_id: UUID, actor: Actor, now: datetime) -> WebhookView:
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        view = await queries.webhook(tx, webhook_id, actor, now)
    if view is None:
        raise no_such_webhook(webhook_id)
    return view


async def _listed(database: Database, actor: Actor, now: datetime) -> Response[bytes]:
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        views = await queries.webhooks(tx, actor, now)
    return answer(WebhookList(items=[WebhookAnswer.model_validate(webhook_answer(view)) for view in views]))


async def _made(
    database: Database, made: SecretMade, actor: Actor, now: datetime, *, status: int
) -> Response[bytes]:
    view = await _seen(database, made.id, actor, now)
    notice = SHOWN_ONCE if made.secret is None else None
    fields = webhook_answer(view, secret=made.secret, notice=notice)
    location = f"/api/v1/webhooks/{made.id}" if status == 201 else None
    return answer(
        WebhookMadeAnswer.model_validate(fields), status=status, version=view.version, location=location,
        replayed=made.replayed,
    )  # fmt: skip
