"""The token of a calendar program: it reads the due dates of one account and can do nothing else."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mla_tracker.commands.accounts import own_account, tell_of_account
from mla_tracker.commands.tokens import token_hash
from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.audit import What
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import Scope
from mla_tracker.storage import notifications as storage
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete

FEED_PREFIX: Final = "mla_feed_"
FEED_PATTERN: Final = rf"{FEED_PREFIX}[A-Za-z0-9_-]{{43}}"
"""Another length than that of tokens, so that neither is ever taken for the other."""


@dataclass(frozen=True, slots=True, repr=False)
class FeedMade:
    """A feed's token, which is told once and stored nowhere: None where an earlier call told it."""

    account_id: UUID
    secret: str | None
    replayed: bool = False


async def make_feed(
    db: Database, *, actor: Actor, now: datetime, idempotency: IdempotencyKey | None = None
) -> FeedMade:
    """Give an account the token of a calendar feed; one that it had before ends at once."""
    require(actor, Deed.SET_NOTIFICATIONS)
    secret = FEED_PREFIX + secrets.token_urlsafe(32)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if await claim(tx, idempotency, now):
            return FeedMade(actor.account_id, None, replayed=True)
        account = await own_account(tx, actor)
        told = await storage.put_feed(tx, actor.account_id, token_hash(secret), now)
        await tell_of_account(tx, account, What.CALENDAR_FEED_MADE, told, actor, now)
        await complete(tx, idempotency, {"id": str(actor.account_id)})
    return FeedMade(actor.account_id, secret)


async def revoke_feed(db: Database, *, actor: Actor, now: datetime) -> None:
    """End the feed of an account at once; without one nothing changes."""
    require(actor, Deed.SET_NOTIFICATIONS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        account = await own_account(tx, actor)
        if told := await storage.remove_feed(tx, actor.account_id):
            await tell_of_account(tx, account, What.CALENDAR_FEED_REVOKED, told, actor, now)


@dataclass(frozen=True, slots=True)
class FeedShown:
    """The account behind a feed, as one that may only read, and when the feed's use was last noted."""

    actor: Actor
    last_used_at: datetime | None


async def feed_shown(
    db: Database, secret: str, *, address: str | None, request_id: str | None
) -> FeedShown | None:
    """Whose feed has this token; None for a token that is none's."""
    async with db.transaction(DbRole.API, read_only=True) as tx:
        bearer = await storage.feed_bearer(tx, token_hash(secret))
    if bearer is None:
        return None
    origin = Origin(address, "calendar feed", request_id)
    actor = Actor(
        bearer.account_id, bearer.countries, bearer.role, bearer.name, frozenset({Scope.READ}), origin
    )
    return FeedShown(actor, bearer.last_used_at)


async def note_use_of_feed(db: Database, *, actor: Actor, now: datetime) -> None:
    """Note that a feed was read, so that its holder sees that somebody does."""
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        await storage.touch_feed(tx, actor.account_id, now)
