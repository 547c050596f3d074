"""Endpoints as rows of their account, with the secrets that calls are signed with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.storage.database import Tx
from mla_tracker.storage.vault import KEY_BYTES, Vault, seal, unseal

PURPOSE: Final = "secrets of webhooks"


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """An endpoint as it is stored."""

    id: UUID
    account_id: UUID
    url: str
    host: str
    kinds: tuple[str, ...] | None
    sealed: bytes
    former_sealed: bytes | None
    former_until: datetime | None
    position: int
    version: int
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


_COLUMNS: Final = ", ".join(WebhookRow.__dataclass_fields__)


def seal_secret(vault: Vault, webhook_id: UUID, secret: str) -> bytes:
    """The secret of an endpoint as it is stored, bound to the endpoint."""
    return seal(_key(vault), secret, webhook_id)


def secrets_of(vault: Vault, row: WebhookRow, now: datetime) -> list[str]:
    """The secrets that a call at `now` is signed with: the newest, and the one before while both are valid."""
    held = [unseal(_key(vault), row.sealed, row.id)]
    if row.former_sealed is not None and row.former_until is not None and now < row.former_until:
        held.append(unseal(_key(vault), row.former_sealed, row.id))
    return held


async def insert(tx: Tx, row: WebhookRow) -> None:
    """Save a new endpoint."""
    values = [getattr(row, name) for name in WebhookRow.__dataclass_fields__]
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await tx.execute(f"insert into webhook ({_COLUMNS}) values ({places})", *values)


async def load(
    tx: Tx, webhook_id: UUID, *, account_id: UUID | None = None, lock: bool = False
) -> WebhookRow | None:
    """An endpoint, of an account alone where one is named; `lock`: held until the transaction ends."""
    held = " for no key update" if lock else ""
    row = await tx.fetchrow(
        f"select {_COLUMNS} from webhook where id = $1 and ($2::uuid is null or account_id = $2){held}",
        webhook_id,
        account_id,
    )
    return None if row is None else _row(row)


async def of_account(tx: Tx, account_id: UUID) -> list[WebhookRow]:
    """The endpoints of an account, oldest first."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from webhook where account_id = $1 order by created_at, id", account_id
    )
    return [_row(row) for row in rows]


async def change(tx: Tx, webhook_id: UUID, changes: Mapping[str, Any], now: datetime) -> None:
    """Save changed columns of a locked endpoint as its next version."""
    sets = "".join(f", {name} = ${n}" for n, name in enumerate(changes, start=3))
    await tx.execute(
        f"update webhook set version = version + 1, updated_at = $2{sets} where id = $1",
        webhook_id, now, *changes.values(),
    )  # fmt: skip


async def delete(tx: Tx, webhook_id: UUID) -> None:
    """Take an endpoint away, and its deliveries."""
    await tx.execute("delete from webhook where id = $1", webhook_id)


async def note_success(tx: Tx, webhook_id: UUID) -> None:
    """The endpoint has answered: it fails no more."""
    await tx.execute(
        "update webhook set failing_since = null where id = $1 and failing_since is not null", webhook_id
    )


async def note_failure(tx: Tx, webhook_id: UUID, now: datetime) -> WebhookRow | None:
    """The endpoint has failed; gives it, held, as it was before. None: it is there no more."""
    row = await load(tx, webhook_id, lock=True)
    if row is not None and row.failing_since is None:
        await tx.execute("update webhook set failing_since = $2 where id = $1", webhook_id, now)
    return row


async def forget_former(tx: Tx, now: datetime) -> None:
    """Take away secrets that are not signed with any more."""
    await tx.execute(
        "update webhook set former_sealed = null, former_until = null where former_until <= $1", now
    )


def _key(vault: Vault) -> bytes:
    return vault.key_for(PURPOSE)[:KEY_BYTES]


def _row(row: Record) -> WebhookRow:
    kinds = row["kinds"]
    return WebhookRow(**{**row, "kinds": None if kinds is None else tuple(kinds)})
