"""Endpoints: named, changed, given another secret, taken away by their account; deliveries sent anew."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, Change, What
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.errors import InvalidEntry, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.outbound.webhooks import Reach, fault_of_url, host_of, new_secret
from mla_tracker.storage import deliveries, feed, webhooks
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import added, changed, removed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.webhooks import WebhookRow

MOST: Final = 20
"""Endpoints that one account may have."""

OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SecretMade:
    """An endpoint and its new secret, which is told once: None where an earlier call told it."""

    id: UUID
    secret: str | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to change of an endpoint; `kinds` counts where `of_kinds` says so, as None there means all."""

    url: str | None = None
    of_kinds: bool = False
    kinds: Sequence[ChangeKind] | None = None
    enabled: bool | None = None


async def create_webhook(
    db: Database,
    url: str,
    kinds: Sequence[ChangeKind] | None,
    *,
    reach: Reach,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> SecretMade:
    """Name an address to which changes are sent from now on, of some kinds or (None) of all.

    Raises InvalidEntry for an address that may not be called, and for one endpoint too many.
    """
    require(actor, Deed.MANAGE_WEBHOOKS)
    _refuse_url(url, reach)
    secret, webhook_id = new_secret(), uuid7(now)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return SecretMade(UUID(done["id"]), None, replayed=True)
        await tx.execute(
            "select pg_advisory_xact_lock(hashtextextended('webhooks ' || $1, 0))", str(actor.account_id)
        )
        if len(await webhooks.of_account(tx, actor.account_id)) >= MOST:
            raise InvalidEntry(
                f"An account has at most {MOST} endpoints. Delete one that is not needed any more."
            )
        # What is committed but has no place yet is told too: rather that than to miss what happens in this moment.
        extent = await feed.extent(tx)
        row = WebhookRow(
            id=webhook_id, account_id=actor.account_id, url=url, host=host_of(url), kinds=_plain(kinds),
            sealed=webhooks.seal_secret(tx.vault, webhook_id, secret), former_sealed=None, former_until=None,
            position=extent.last, version=1, created_at=now, updated_at=now, failing_since=None, disabled_at=None,
            disabled_reason=None,
        )  # fmt: skip
        await webhooks.insert(tx, row)
        await _tell(tx, row, What.WEBHOOK_CREATED, [added("webhook", asdict(row))], actor, now, fresh=True)
        await complete(tx, idempotency, {"id": str(webhook_id)})
    return SecretMade(webhook_id, secret)


async def change_webhook(
    db: Database,
    webhook_id: UUID,
    wanted: Wanted,
    *,
    reach: Reach,
    versions: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change address, kinds, or whether anything is sent. What happened while nothing was sent is sent then.

    Raises NotFound, VersionStale, InvalidEntry for an address that may not be called.
    """
    require(actor, Deed.MANAGE_WEBHOOKS)
    if wanted.url is not None:
        _refuse_url(wanted.url, reach)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        row = await _held(tx, webhook_id, actor)
        if versions is not None and row.version not in versions:
            raise VersionStale(
                f"The endpoint has changed meanwhile (it is at version {row.version}). Read it again.",
                facts={"version": row.version},
            )
        changes: dict[str, Any] = {}
        if wanted.url is not None:
            changes |= {"url": wanted.url, "host": host_of(wanted.url)}
        if wanted.of_kinds:
            changes["kinds"] = _plain(wanted.kinds)
        if wanted.enabled is False and row.disabled_at is None:
            changes |= {"disabled_at": now, "disabled_reason": "by_account"}
        if wanted.enabled and row.disabled_at is not None:
            changes |= {"disabled_at": None, "disabled_reason": None, "failing_since": None}
        changes = {name: value for name, value in changes.items() if getattr(row, name) != value}
        if changes:
            await webhooks.change(tx, webhook_id, changes, now)
            told = changed("webhook", asdict(row), asdict(replace(row, **changes)))
            await _tell(tx, row, What.WEBHOOK_CHANGED, told, actor, now)


async def rotate_secret(
    db: Database,
    webhook_id: UUID,
    *,
    overlap: timedelta = OVERLAP,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> SecretMade:
    """Give an endpoint another secret; for the time of `overlap` calls are signed with both. Raises NotFound."""
    require(actor, Deed.MANAGE_WEBHOOKS)
    secret = new_secret()
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return SecretMade(UUID(done["id"]), None, replayed=True)
        row = await _held(tx, webhook_id, actor)
        kept = overlap > timedelta()
        changes: dict[str, Any] = {
            "sealed": webhooks.seal_secret(tx.vault, webhook_id, secret),
            "former_sealed": row.sealed if kept else None,
            "former_until": now + overlap if kept else None,
        }
        await webhooks.change(tx, webhook_id, changes, now)
        told = changed("webhook", asdict(row), asdict(replace(row, **changes)))
        await _tell(tx, row, What.WEBHOOK_SECRET_ROTATED, told, actor, now)
        await complete(tx, idempotency, {"id": str(webhook_id)})
    return SecretMade(webhook_id, secret)


async def delete_webhook(db: Database, webhook_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Take an endpoint away with all that was to be sent to it. Raises NotFound."""
    require(actor, Deed.MANAGE_WEBHOOKS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        row = await _held(tx, webhook_id, actor)
        await webhooks.delete(tx, webhook_id)
        await _tell(tx, row, What.WEBHOOK_DELETED, [removed("webhook", asdict(row))], actor, now)


async def take_away(tx: Tx, webhook_id: UUID, now: datetime) -> None:
    """Delete an endpoint in the name of nobody, as was done before in another copy of the database."""
    row = await webhooks.load(tx, webhook_id, lock=True)
    assert row is not None
    countries = await tx.fetchval("select countries from account where id = $1", row.account_id)
    await webhooks.delete(tx, webhook_id)
    await tell_of_webhook(tx, row, What.WEBHOOK_DELETED, [removed("webhook", asdict(row))], countries, now)


async def resend(
    db: Database,
    webhook_id: UUID,
    delivery_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Have a delivery sent once more, whatever came of it, under the same webhook-id. Raises NotFound."""
    require(actor, Deed.MANAGE_WEBHOOKS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        await _held(tx, webhook_id, actor)
        if not await deliveries.send_again(tx, webhook_id, delivery_id, now):
            raise no_such_delivery(delivery_id)
        await complete(tx, idempotency, {"id": str(delivery_id)})
    return Recorded(delivery_id)


def no_such_webhook(webhook_id: UUID) -> NotFound:
    """The one answer for what does not exist and for what belongs to another account."""
    return NotFound(f"There is no endpoint {webhook_id} of this account. List the endpoints to find its id.")


def no_such_delivery(delivery_id: UUID) -> NotFound:
    """It does not exist, or is of what the account does not see any more."""
    return NotFound(
        f"There is no delivery {delivery_id} of this endpoint. List the deliveries to find its id."
    )


async def tell_of_webhook(
    tx: Tx, row: WebhookRow, what: What, told: list[Change], countries: Sequence[str], now: datetime
) -> None:
    """Tell the audit what the program itself did to an endpoint that is held."""
    chain = Chain(ChainKind.WEBHOOK, row.id)
    await append(tx, chain, what, told, actor=None, now=now, seen_by=countries)


async def _held(tx: Tx, webhook_id: UUID, actor: Actor) -> WebhookRow:
    row = await webhooks.load(tx, webhook_id, account_id=actor.account_id, lock=True)
    if row is None:
        raise no_such_webhook(webhook_id)
    return row


async def _tell(
    tx: Tx,
    row: WebhookRow,
    what: What,
    told: list[Change],
    actor: Actor,
    now: datetime,
    *,
    fresh: bool = False,
) -> None:
    chain = Chain(ChainKind.WEBHOOK, row.id)
    await append(tx, chain, what, told, actor=actor, now=now, seen_by=actor.countries, fresh=fresh)


def _refuse_url(url: str, reach: Reach) -> None:
    if fault := fault_of_url(url, reach):
        raise InvalidEntry("The endpoint is not valid. Nothing was recorded.", fields=[("/url", fault)])


def _plain(kinds: Sequence[ChangeKind] | None) -> tuple[str, ...] | None:
    return None if kinds is None else tuple(kind.value for kind in ChangeKind if kind in kinds)
