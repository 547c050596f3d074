"""Where accounts are told what is due: addresses sealed, codes that prove them, and the tokens of calendar feeds."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.audit import Change
from mla_tracker.domain.telling import Digest
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.audited import AUDITED, added, changed, removed
from mla_tracker.storage.database import Tx
from mla_tracker.storage.vault import Vault, commitment, new_salt, seal, unseal

CODE_DIGITS: Final = 8
ASKED_FOR_NOTHING: Final = 1
"""The version of what an account wants that never said so."""

_COLUMNS: Final = (
    "account_id, wrapped, sealed, salt, commitment, address_set_at, challenge, code_until, code_tries, confirmed_at, "
    "digest, urgent, urgent_since, refusals, refused_with, suspended_at, version"
)


@dataclass(frozen=True, slots=True, repr=False)
class NotificationRow:
    """What an account asked for. No part of it is shown when it is printed: the address must reach no log."""

    account_id: UUID
    wrapped: bytes
    sealed: bytes
    salt: bytes
    commitment: bytes
    address_set_at: datetime
    challenge: bytes
    code_until: datetime
    code_tries: int
    confirmed_at: datetime | None
    digest: Digest
    urgent: bool
    urgent_since: datetime | None
    refusals: int
    refused_with: int | None
    suspended_at: datetime | None
    version: int

    def address(self, vault: Vault) -> str:
        """The address itself."""
        return unseal(vault.record_key(self.account_id, self.wrapped), self.sealed, self.account_id)

    def code(self, vault: Vault) -> str:
        """The code that proves that the account's holder reads what is sent to the address."""
        key = vault.record_key(self.account_id, self.wrapped)
        made = hmac.digest(key, b"mla-tracker address code\0" + self.challenge, "sha256")
        return f"{int.from_bytes(made) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def sealed_address(vault: Vault, account_id: UUID, address: str) -> dict[str, bytes]:
    """An address as the columns that hold it, and a fresh challenge for its code."""
    key, wrapped = vault.new_record_key(account_id)
    salt = new_salt()
    return {
        "wrapped": wrapped,
        "sealed": seal(key, address, account_id),
        "salt": salt,
        "commitment": commitment(salt, account_id, address),
        "challenge": new_salt(),
    }


async def notification_of(tx: Tx, account_id: UUID, *, lock: bool = False) -> NotificationRow | None:
    """What an account asked for, if it asked for anything."""
    row = await tx.fetchrow(
        f"select {_COLUMNS} from notification where account_id = $1{' for update' if lock else ''}",
        account_id,
    )
    return None if row is None else NotificationRow(**{**row, "digest": Digest(row["digest"])})


async def insert_notification(tx: Tx, row: dict[str, Any]) -> Change:
    """Save what an account asks for the first time; gives what the audit is to be told."""
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await tx.execute(f"insert into notification ({', '.join(row)}) values ({places})", *row.values())
    return added("notification", row)


async def change_notification(tx: Tx, before: NotificationRow, changes: dict[str, Any]) -> list[Change]:
    """Save changed columns of a locked row; gives what the audit is to be told."""
    columns = ", ".join(f"{name} = ${place}" for place, name in enumerate(changes, start=2))
    await tx.execute(
        f"update notification set {columns}, version = version + 1 where account_id = $1",
        before.account_id,
        *changes.values(),
    )
    held = {name: getattr(before, name) for name in AUDITED["notification"].columns}
    return changed("notification", held, {**held, **{n: v for n, v in changes.items() if n in held}})


async def remove_notification(tx: Tx, account_id: UUID) -> list[Change]:
    """Forget an address with all that was asked for, and what was still to be sent there."""
    await tx.execute("delete from mail where account_id = $1 and status = 'waiting'", account_id)
    row = await tx.fetchrow(
        f"delete from notification where account_id = $1 returning {_COLUMNS}", account_id
    )
    return [] if row is None else [removed("notification", row)]


@dataclass(frozen=True, slots=True)
class FeedRow:
    """The feed of an account."""

    account_id: UUID
    token_hash: bytes
    made_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedBearer:
    """Whose feed a token is of."""

    account_id: UUID
    name: str
    countries: tuple[str, ...]
    role: Role
    last_used_at: datetime | None


async def feed_of(tx: Tx, account_id: UUID, *, lock: bool = False) -> FeedRow | None:
    """The feed of an account, if it has one."""
    row = await tx.fetchrow(
        "select account_id, token_hash, made_at, last_used_at from calendar_feed where account_id = $1"
        + (" for update" if lock else ""),
        account_id,
    )
    return None if row is None else FeedRow(**dict(row))


async def put_feed(tx: Tx, account_id: UUID, token_hash: bytes, now: datetime) -> list[Change]:
    """Give an account a feed, in the place of the one it had; gives what the audit is to be told."""
    before = await feed_of(tx, account_id, lock=True)
    row = {"account_id": account_id, "token_hash": token_hash, "made_at": now}
    await tx.execute(
        """
        insert into calendar_feed (account_id, token_hash, made_at) values ($1, $2, $3)
        on conflict (account_id) do update
            set token_hash = excluded.token_hash, made_at = excluded.made_at, last_used_at = null
        """,
        *row.values(),
    )
    if before is None:
        return [added("calendar_feed", row)]
    held = {name: getattr(before, name) for name in AUDITED["calendar_feed"].columns}
    return changed("calendar_feed", held, row)


async def remove_feed(tx: Tx, account_id: UUID) -> list[Change]:
    """End a feed; gives what the audit is to be told."""
    row = await tx.fetchrow(
        "delete from calendar_feed where account_id = $1 returning account_id, token_hash, made_at",
        account_id,
    )
    return [] if row is None else [removed("calendar_feed", row)]


async def feed_bearer(tx: Tx, token_hash: bytes) -> FeedBearer | None:
    """The open account whose feed has this token (by its SHA-256)."""
    row = await tx.fetchrow("select * from mla_feed_bearer($1)", token_hash)
    if row is None:
        return None
    return FeedBearer(**{**row, "countries": tuple(row["countries"]), "role": Role(row["role"])})


async def touch_feed(tx: Tx, account_id: UUID, now: datetime) -> None:
    """Note that a feed was read."""
    await tx.execute("update calendar_feed set last_used_at = $2 where account_id = $1", account_id, now)
