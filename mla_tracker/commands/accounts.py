"""Accounts: opened, changed, ended. By the operator on the command line (no actor), or by an administrator.

An administrator reaches accounts that speak for no country but his own; any other answers as if it did not exist.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from mla_tracker.catalogue.countries import is_country
from mla_tracker.commands.recorded import Recorded
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Chain, ChainKind, Change, What
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.accounts import has_accounts
from mla_tracker.storage import accounts, notifications
from mla_tracker.storage.accounts import AccountRow
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import added, changed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7


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
    async with as_manager(db, actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        await accounts.insert_account(tx, row)
        await tell_of_account(
            tx, row, What.ACCOUNT_CREATED, [added("account", asdict(row))], actor, now, fresh=True
        )
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
    async with as_manager(db, actor) as tx:
        row = await load_account(tx, account_id, actor)
        if versions is not None and row.version not in versions:
            raise VersionStale(
                f"The account {row.name} has changed meanwhile (it is at version {row.version}). Read it again.",
                facts={"version": row.version},
            )
        refuse_disabled(row)
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
            told = changed("account", asdict(row), {"id": row.id, **changes})
            await tell_of_account(tx, row, What.ACCOUNT_CHANGED, told, actor, now)


async def disable_account(
    db: Database,
    account_id: UUID,
    *,
    now: datetime,
    actor: Actor | None = None,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """End an account with all its tokens at once, its mail address and its calendar feed; what it recorded stays.

    A second call changes nothing.
    Raises NotFound, AccountConflict for the last administrator of a country (an operator may end even that one).
    """
    async with as_manager(db, actor) as tx:
        if done := await claim(tx, idempotency, now):
            return Recorded(UUID(done["id"]), replayed=True)
        row = await load_account(tx, account_id, actor)
        if row.disabled_at is None:
            if actor is not None and row.role is Role.ADMIN:
                await _refuse_last_admin(tx, row)
            await accounts.change_account(tx, account_id, {"disabled_at": now})
            told = changed("account", asdict(row), {"id": row.id, "disabled_at": now})
            told += [
                *await notifications.remove_notification(tx, account_id),
                *await notifications.remove_feed(tx, account_id),
            ]
            await tell_of_account(tx, row, What.ACCOUNT_DISABLED, told, actor, now)
        await complete(tx, idempotency, {"id": str(account_id)})
    return Recorded(account_id)


async def tell_of_account(
    tx: Tx,
    row: AccountRow,
    what: What,
    changes: Sequence[Change],
    actor: Actor | None,
    now: datetime,
    *,
    fresh: bool = False,
) -> None:
    """Tell the audit what became of an account that is locked; the auditors of all its countries read it."""
    chain = Chain(ChainKind.ACCOUNT, row.id)
    await append(tx, chain, what, changes, actor=actor, now=now, seen_by=row.countries, fresh=fresh)


def as_manager(db: Database, actor: Actor | None, *, itself: bool = False) -> AbstractAsyncContextManager[Tx]:
    """The transaction of an operator, or of an account that may manage others, or (`itself`) that renews its own."""
    if actor is None:
        return db.transaction(DbRole.OWNER)
    require(actor, Deed.RENEW_OWN_TOKEN if itself else Deed.MANAGE_ACCOUNTS)
    return db.transaction(DbRole.API, viewer=actor)


async def load_account(tx: Tx, account_id: UUID, actor: Actor | None) -> AccountRow:
    row = await accounts.lock_account(tx, account_id, within=actor.countries if actor else None)
    if row is None:
        raise NotFound(f"There is no account {account_id}. List the accounts to find its id.")
    return row


async def own_account(tx: Tx, actor: Actor) -> AccountRow:
    """The account that acts, locked, since its chain is appended to. Raises NotFound where it was closed meanwhile."""
    account = await accounts.lock_account(tx, actor.account_id)
    if account is None or account.disabled_at is not None:
        raise NotFound("The account is disabled.")
    return account


async def _refuse_last_admin(tx: Tx, row: AccountRow) -> None:
    await accounts.wait_for_admins(tx, row.countries)
    for country in row.countries:
        if not await has_accounts(tx, country, (Role.ADMIN,), besides=row.id):
            raise AccountConflict(
                f"{row.name} is the last administrator of {country}. Open another administrator's account first.",
                facts={"country": country},
            )


def refuse_disabled(row: AccountRow) -> None:
    if row.disabled_at is not None:
        raise AccountConflict(f"The account {row.name} is disabled and stays so. Open a new one.")


def _checked_name(name: str, faults: Sequence[tuple[str, str]] = ()) -> str:
    """The name without blanks around it. Raises InvalidEntry, with the faults found elsewhere too."""
    if not 1 <= len(name.strip()) <= 200:
        faults = (("/name", "Give a name of 1 to 200 characters."), *faults)
    if faults:
        raise InvalidEntry("The account is not valid. Correct its name or countries.", fields=faults)
    return name.strip()
