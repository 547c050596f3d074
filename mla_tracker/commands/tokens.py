"""Tokens of accounts: made, rotated, revoked. By the operator, an administrator, or the account that holds them."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from mla_tracker.commands.accounts import as_manager, load_account, refuse_disabled, tell_of_account
from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import ALL_SCOPES, Actor
from mla_tracker.domain.audit import Change, What
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage import accounts
from mla_tracker.storage.accounts import AccountRow, TokenRow
from mla_tracker.storage.audited import added, changed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7

TOKEN_PREFIX: Final = "mla_"
TOKEN_PATTERN: Final = rf"{TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}"
"""What every token looks like, so that scanners for leaked secrets find it."""
OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=7)
LONGEST_LIFE: Final = timedelta(days=36_525)
"""A token that shall live longer has no end; each rotation gives the same span again."""


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A token and its secret, which is told once and stored nowhere: None where an earlier call told it."""

    id: UUID
    account_id: UUID
    secret: str | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that the program itself made."""

    id: UUID
    account_id: UUID
    secret: str


def token_hash(secret: str) -> bytes:
    """What is stored of a token: one SHA-256, enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


async def issue_token(
    db: Database,
    account_id: UUID,
    *,
    actor: Actor | None,
    now: datetime,
    name: str = "",
    scopes: Iterable[Scope] = ALL_SCOPES,
    expires_at: datetime | None = None,
    idempotency: IdempotencyKey | None = None,
) -> TokenMade:
    """Make a token for an account, valid until `expires_at` (exclusive; None: until revoked).

    Raises NotFound, AccountConflict for a disabled account, InvalidEntry for an expiry that has passed or no scope,
    NotAllowed for one's own account: what one holds could be narrower than what one would give oneself.
    """
    _refuse_dead_on_arrival(scopes := frozenset(scopes), expires_at, now)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = TokenRow(uuid7(now), account_id, name[:200], scopes, now, expires_at, None, None)
    async with as_manager(db, actor) as tx:
        if done := await claim(tx, idempotency, now):
            return TokenMade(UUID(done["id"]), account_id, None, replayed=True)
        account = await load_account(tx, account_id, actor)
        refuse_disabled(account)
        if actor is not None and actor.account_id == account_id:
            raise NotAllowed(
                "An administrator makes no tokens for his own account. Rotate the one you have, or ask another "
                "administrator or the operator."
            )
        await accounts.insert_token(tx, row, token_hash(secret))
        await tell_of_account(tx, account, What.TOKEN_CREATED, [_made(row, secret)], actor, now)
        await complete(tx, idempotency, {"id": str(row.id)})
    return TokenMade(row.id, account_id, secret)


async def create_token(
    db: Database,
    account_id: UUID,
    *,
    now: datetime,
    name: str = "",
    scopes: Iterable[Scope] = ALL_SCOPES,
    expires_at: datetime | None = None,
) -> NewToken:
    """Make a token in the name of the program; raises what `issue_token` raises."""
    made = await issue_token(
        db, account_id, actor=None, now=now, name=name, scopes=scopes, expires_at=expires_at
    )
    assert made.secret is not None  # without an idempotency key nothing is replayed
    return NewToken(made.id, account_id, made.secret)


async def rotate_token(
    db: Database,
    token_id: UUID,
    *,
    actor: Actor | None,
    now: datetime,
    overlap: timedelta = OVERLAP,
    using: UUID | None = None,
    idempotency: IdempotencyKey | None = None,
) -> TokenMade:
    """Make a token in the place of another, with its name and scopes and valid for as long as that one was made for.

    The other one ends after `overlap` at the latest. `using` is the token that the call was made with: it may rotate
    itself, whatever its account's role. Raises NotFound, AccountConflict for a token that has ended or was rotated
    before, NotAllowed for another token of one's own, InvalidEntry for an overlap that is too long.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidEntry(
            f"The old token can stay valid for up to {LONGEST_OVERLAP.days * 24} hours. Give fewer.",
            fields=[("/overlap_hours", f"Give 0 to {LONGEST_OVERLAP.days * 24}.")],
        )
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    async with as_manager(db, actor, itself=token_id == using) as tx:
        if done := await claim(tx, idempotency, now):
            return TokenMade(UUID(done["id"]), UUID(done["account_id"]), None, replayed=True)
        old = await _load_token(tx, token_id, actor)
        if actor is not None and old.account_id == actor.account_id and token_id != using:
            raise NotAllowed(
                "Of your own tokens you may rotate only the one that you call with. Revoke the other, or call with it."
            )
        account = await load_account(tx, old.account_id, None)
        _refuse_ended(old, account, now)
        lasts = None if old.expires_at is None else old.expires_at - old.created_at
        new = TokenRow(
            uuid7(now), old.account_id, old.name, old.scopes, now, now + lasts if lasts else None, None, None
        )
        await accounts.insert_token(tx, new, token_hash(secret))
        until = min(now + overlap, old.expires_at or now + overlap)
        await accounts.replace_token(tx, token_id, by=new.id, until=until)
        replaced = changed(
            "api_token", asdict(old), {"id": old.id, "replaced_by": new.id, "expires_at": until}
        )
        await tell_of_account(tx, account, What.TOKEN_ROTATED, [_made(new, secret), *replaced], actor, now)
        await complete(tx, idempotency, {"id": str(new.id), "account_id": str(new.account_id)})
    return TokenMade(new.id, new.account_id, secret)


async def revoke_token(
    db: Database,
    token_id: UUID,
    *,
    now: datetime,
    actor: Actor | None = None,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """End a token at once; every account may end those of its own. Raises NotFound; the first revocation stays."""
    async with as_manager(db, actor, itself=True) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        old = await _load_token(tx, token_id, actor)
        if actor is not None and old.account_id != actor.account_id:
            require(actor, Deed.MANAGE_ACCOUNTS)
        account = await load_account(tx, old.account_id, None)
        if old.revoked_at is None:
            await accounts.revoke_token(tx, token_id, now)
            told = changed("api_token", asdict(old), {"id": old.id, "revoked_at": now})
            await tell_of_account(tx, account, What.TOKEN_REVOKED, told, actor, now)
        await complete(tx, idempotency, {"id": str(token_id)})
    return Recorded(token_id)


async def note_use(db: Database, token_id: UUID, *, now: datetime, not_since: datetime) -> None:
    """Note that a token was used, unless that was noted after `not_since`."""
    async with db.transaction(DbRole.API) as tx:
        await accounts.touch_token(tx, token_id, now, not_since=not_since)


def _made(row: TokenRow, secret: str) -> Change:
    return added("api_token", {**asdict(row), "scopes": sorted(row.scopes), "token_hash": token_hash(secret)})


async def _load_token(tx: Tx, token_id: UUID, actor: Actor | None) -> TokenRow:
    """The token, locked, if the actor may touch it: an administrator's of his countries, else one of his own."""
    row = await accounts.lock_token(tx, token_id, within=actor.countries if actor else None)
    own = row is not None and actor is not None and row.account_id == actor.account_id
    if row is None or (actor is not None and actor.role is not Role.ADMIN and not own):
        raise NotFound(f"There is no token {token_id}. List the tokens to find its id.")
    return row


def _refuse_ended(token: TokenRow, account: AccountRow, now: datetime) -> None:
    refuse_disabled(account)
    if token.replaced_by is not None:
        raise AccountConflict(
            f"The token was rotated before, and {token.replaced_by} took its place. Rotate that one. If it was not you "
            "who did so, revoke both.",
            facts={"replaced_by": token.replaced_by},
        )
    if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
        raise AccountConflict("The token has ended. Make a new one for its account.")


def _refuse_dead_on_arrival(scopes: frozenset[Scope], expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise InvalidEntry(
            f"The token would have expired already ({expires_at.isoformat()}). Give a later instant.",
            fields=[("/expires_at", "Lies in the past. Give a later instant.")],
        )
    if expires_at is not None and expires_at - now > LONGEST_LIFE:
        raise InvalidEntry(
            f"The token would end in more than a hundred years ({expires_at.isoformat()}). Leave the end out.",
            fields=[
                ("/expires_at", "Lies more than a hundred years ahead. Give null for a token without end.")
            ],
        )
    if not scopes:
        raise InvalidEntry(
            "A token without a scope is good for nothing. Give read, write or manage.",
            fields=[("/scopes", "Give at least one.")],
        )
