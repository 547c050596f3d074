"""Accounts and tokens: opened, changed, ended. By the operator on the command line (no actor), or by an administrator.

An administrator reaches accounts that speak for no country but his own; any other answers as if it did not exist.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from mla_tracker.catalogue.countries import is_country
from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import ALL_SCOPES, Actor
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.queries.accounts import has_accounts
from mla_tracker.storage import accounts
from mla_tracker.storage.accounts import AccountRow, TokenRow
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7

TOKEN_PREFIX: Final = "mla_"
TOKEN_PATTERN: Final = rf"{TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}"
"""What every token looks like, so that scanners for leaked secrets find it."""
OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is for the identity provider."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as asked for."""

    name: str
    countries: Sequence[str]
    role: Role
    identity: Identity | None = None


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


async def open_account(
    db: Database,
    entry: NewAccount,
    *,
    actor: Actor | None,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Open an account that speaks for one country or several.

    Raises InvalidEntry naming every field at fault, NotAllowed for a country that is not the administrator's own,
    AlreadyRecorded for an identity that leads to another account.
    """
    name = _checked_name(entry.name, () if entry.countries and all(map(is_country, entry.countries)) else (
        ("/countries", "Give at least one ISO 3166-1 alpha-2 code in capital letters, e.g. MA."),
    ))  # fmt: skip
    foreign = [] if actor is None else [each for each in entry.countries if not actor.speaks_for(each)]
    if actor is not None and foreign:
        raise NotAllowed(
            f"An administrator of {', '.join(actor.countries)} opens accounts of these countries only, not of "
            f"{', '.join(foreign)}.",
            fields=[("/countries", "Not all of them are your own.")],
        )
    row = AccountRow(
        id=uuid7(now),
        name=name,
        countries=tuple(sorted(set(entry.countries))),
        role=entry.role,
        version=1,
        oidc_issuer=entry.identity.issuer if entry.identity else None,
        oidc_subject=entry.identity.subject if entry.identity else None,
        created_at=now,
        disabled_at=None,
    )
    async with _as_manager(db, actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        await accounts.insert_account(tx, row)
        await complete(tx, idempotency, {"id": str(row.id)})
    return Recorded(row.id)


async def create_account(
    db: Database, *, name: str, countries: Sequence[str], role: Role, now: datetime
) -> UUID:
    """Open an account in the name of the program. Raises InvalidEntry."""
    return (await open_account(db, NewAccount(name, countries, role), actor=None, now=now)).id


async def change_account(
    db: Database,
    account_id: UUID,
    *,
    actor: Actor | None,
    now: datetime,
    name: str | None = None,
    identity: Identity | None = None,
    forget_identity: bool = False,
    versions: Iterable[int] | None = None,
) -> None:
    """Give an account another name or identity; what is None stays. `versions` are those it may be based on.

    Role and countries never change: what an account did, it did in them. Raises NotFound, VersionStale, InvalidEntry,
    AccountConflict for a disabled account, NotAllowed for one's own identity, AlreadyRecorded for an identity that
    leads to another account.
    """
    changes: dict[str, str | None] = {}
    if name is not None:
        changes["name"] = _checked_name(name)
    if identity is not None or forget_identity:
        changes["oidc_issuer"] = identity.issuer if identity else None
        changes["oidc_subject"] = identity.subject if identity else None
    async with _as_manager(db, actor) as tx:
        row = await _load(tx, account_id, actor)
        if versions is not None and row.version not in versions:
            raise VersionStale(
                f"The account {row.name} has changed meanwhile (it is at version {row.version}). Read it again.",
                facts={"version": row.version},
            )
        _refuse_disabled(row)
        if "oidc_subject" in changes and actor is not None and actor.account_id == row.id:
            raise NotAllowed(
                "Who may sign in as an administrator is not for that administrator to say. Ask another one, or the "
                "operator.",
                fields=[("/oidc_subject", "Not your own.")],
            )
        held = {"name": row.name, "oidc_issuer": row.oidc_issuer, "oidc_subject": row.oidc_subject}
        changes = {column: value for column, value in changes.items() if held[column] != value}
        if changes:
            await accounts.change_account(tx, account_id, changes)


async def disable_account(
    db: Database,
    account_id: UUID,
    *,
    now: datetime,
    actor: Actor | None = None,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """End an account with all its tokens at once; what it recorded stays. A second call changes nothing.

    Raises NotFound, AccountConflict for the last administrator of a country (an operator may end even that one).
    """
    async with _as_manager(db, actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        row = await _load(tx, account_id, actor)
        if row.disabled_at is None:
            if actor is not None and row.role is Role.ADMIN:
                await _refuse_last_admin(tx, row)
            await accounts.change_account(tx, account_id, {"disabled_at": now})
        await complete(tx, idempotency, {"id": str(account_id)})
    return Recorded(account_id)


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
    async with _as_manager(db, actor) as tx:
        if done := await claim(tx, idempotency, now):
            return TokenMade(UUID(done["id"]), account_id, None, replayed=True)
        account = await _load(tx, account_id, actor)
        _refuse_disabled(account)
        if actor is not None and actor.account_id == account_id:
            raise NotAllowed(
                "An administrator makes no tokens for his own account. Rotate the one you have, or ask another "
                "administrator or the operator."
            )
        await accounts.insert_token(tx, row, token_hash(secret))
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
    async with _as_manager(db, actor, itself=token_id == using) as tx:
        if done := await claim(tx, idempotency, now):
            return TokenMade(UUID(done["id"]), UUID(done["account_id"]), None, replayed=True)
        old = await _load_token(tx, token_id, actor)
        if actor is not None and old.account_id == actor.account_id and token_id != using:
            raise NotAllowed(
                "Of your own tokens you may rotate only the one that you call with. Revoke the other, or call with it."
            )
        _refuse_ended(old, await _load(tx, old.account_id, None), now)
        lasts = None if old.expires_at is None else old.expires_at - old.created_at
        new = TokenRow(
            uuid7(now), old.account_id, old.name, old.scopes, now, now + lasts if lasts else None, None, None
        )
        await accounts.insert_token(tx, new, token_hash(secret))
        await accounts.replace_token(
            tx, token_id, by=new.id, until=min(now + overlap, old.expires_at or now + overlap)
        )
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
    async with _as_manager(db, actor, itself=True) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        old = await _load_token(tx, token_id, actor)
        if actor is not None and old.account_id != actor.account_id:
            require(actor, Deed.MANAGE_ACCOUNTS)
        await accounts.revoke_token(tx, token_id, now)
        await complete(tx, idempotency, {"id": str(token_id)})
    return Recorded(token_id)


async def note_use(db: Database, token_id: UUID, *, now: datetime, not_since: datetime) -> None:
    """Note that a token was used, unless that was noted after `not_since`."""
    async with db.transaction(DbRole.API) as tx:
        await accounts.touch_token(tx, token_id, now, not_since=not_since)


def _as_manager(
    db: Database, actor: Actor | None, *, itself: bool = False
) -> AbstractAsyncContextManager[Tx]:
    """The transaction of an operator, or of an account that may manage others, or (`itself`) that renews its own."""
    if actor is None:
        return db.transaction(DbRole.OWNER)
    require(actor, Deed.RENEW_OWN_TOKEN if itself else Deed.MANAGE_ACCOUNTS)
    return db.transaction(DbRole.API, viewer=actor)


async def _load(tx: Tx, account_id: UUID, actor: Actor | None) -> AccountRow:
    row = await accounts.lock_account(tx, account_id, within=actor.countries if actor else None)
    if row is None:
        raise NotFound(f"There is no account {account_id}. List the accounts to find its id.")
    return row


async def _load_token(tx: Tx, token_id: UUID, actor: Actor | None) -> TokenRow:
    """The token, locked, if the actor may touch it: an administrator's of his countries, else one of his own."""
    row = await accounts.lock_token(tx, token_id, within=actor.countries if actor else None)
    own = row is not None and actor is not None and row.account_id == actor.account_id
    if row is None or (actor is not None and actor.role is not Role.ADMIN and not own):
        raise NotFound(f"There is no token {token_id}. List the tokens to find its id.")
    return row


async def _refuse_last_admin(tx: Tx, row: AccountRow) -> None:
    await accounts.wait_for_admins(tx, row.countries)
    for country in row.countries:
        if not await has_accounts(tx, country, (Role.ADMIN,), besides=row.id):
            raise AccountConflict(
                f"{row.name} is the last administrator of {country}. Open another administrator's account first.",
                facts={"country": country},
            )


def _refuse_disabled(row: AccountRow) -> None:
    if row.disabled_at is not None:
        raise AccountConflict(f"The account {row.name} is disabled and stays so. Open a new one.")


def _refuse_ended(token: TokenRow, account: AccountRow, now: datetime) -> None:
    _refuse_disabled(account)
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
    if not scopes:
        raise InvalidEntry(
            "A token without a scope is good for nothing. Give read, write or manage.",
            fields=[("/scopes", "Give at least one.")],
        )


def _checked_name(name: str, faults: Sequence[tuple[str, str]] = ()) -> str:
    """The name without blanks around it. Raises InvalidEntry, with the faults found elsewhere too."""
    if not 1 <= len(name.strip()) <= 200:
        faults = (("/name", "Give a name of 1 to 200 characters."), *faults)
    if faults:
        raise InvalidEntry("The account is not valid. Correct its name or countries.", fields=faults)
    return name.strip()
