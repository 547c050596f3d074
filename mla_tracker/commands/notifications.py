"""Where an account is told what is due: an address that a code has proven, and what is sent there."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mla_tracker.commands.accounts import own_account, tell_of_account
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Change, What
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.telling import Digest, is_address
from mla_tracker.storage import mails
from mla_tracker.storage import notifications as storage
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete, release

CODE_VALID: Final = timedelta(hours=1)
MOST_TRIES: Final = 5
MOST_CODES: Final = 10
"""Codes of one account in a day: it must not become a way to send mail to strangers."""


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """Where an account wants to be told, and what."""

    address: str
    digest: Digest
    urgent: bool


async def set_notification(
    db: Database,
    wish: Wish,
    *,
    actor: Actor,
    now: datetime,
    domains: Collection[str] = (),
    versions: Collection[int] | None = None,
) -> None:
    """Say where and what an account wants to be told; a new address gets a code and nothing else until that is given.

    An address that is not confirmed, or that was suspended, gets another code. `domains`: where mail may go, none: all.
    `versions`: those that it may be based on.

    Raises NotAllowed, VersionStale, InvalidEntry for what is no address or of another domain, AccountConflict after
    too many codes.
    """
    require(actor, Deed.SET_NOTIFICATIONS)
    _check(wish.address, domains)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        account = await own_account(tx, actor)
        before = await storage.notification_of(tx, actor.account_id, lock=True)
        version = before.version if before else storage.ASKED_FOR_NOTHING
        if versions is not None and version not in versions:
            raise VersionStale(
                f"What you are told has changed meanwhile (it is at version {version}). Read it again.",
                facts={"version": version},
            )
        turned_on = wish.urgent and not (before is not None and before.urgent)
        told: dict[str, Any] = {
            "digest": wish.digest.value,
            "urgent": wish.urgent,
            **({"urgent_since": now} if turned_on else {}),
        }
        proven = (
            before is not None
            and before.confirmed_at is not None
            and before.suspended_at is None
            and before.address(tx.vault) == wish.address
        )
        if not proven:
            if await mails.codes_since(tx, actor.account_id, now - timedelta(days=1)) >= MOST_CODES:
                raise AccountConflict(
                    f"{MOST_CODES} codes were sent for this account within a day. Try again tomorrow."
                )
            told |= {
                **storage.sealed_address(tx.vault, actor.account_id, wish.address),
                "address_set_at": now, "code_until": now + CODE_VALID, "code_tries": 0, "confirmed_at": None,
                "refusals": 0, "refused_with": None, "suspended_at": None,
            }  # fmt: skip
            await mails.plan_code(tx, actor.account_id, now + CODE_VALID, now)
        changes: list[Change]
        if before is None:
            changes = [await storage.insert_notification(tx, {"account_id": actor.account_id, **told})]
        else:
            changes = await storage.change_notification(tx, before, told)
        if changes:
            await tell_of_account(tx, account, What.NOTIFICATION_SET, changes, actor, now)


async def confirm_address(
    db: Database, code: str, *, actor: Actor, now: datetime, idempotency: IdempotencyKey | None = None
) -> bool:
    """Prove an address by the code that was sent there; a second time changes nothing. True: an answer told again.

    Raises NotAllowed, NotFound where no address was given, InvalidEntry for a wrong code, AccountConflict for one that
    has ended or was guessed at too often.
    """
    require(actor, Deed.SET_NOTIFICATIONS)
    wrong = False
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if await claim(tx, idempotency, now):
            return True
        account = await own_account(tx, actor)
        row = await storage.notification_of(tx, actor.account_id, lock=True)
        if row is None:
            raise NotFound("There is no address to confirm. Give one with PUT /me/notifications first.")
        if row.confirmed_at is None:
            if row.code_until <= now or row.code_tries >= MOST_TRIES or row.suspended_at is not None:
                raise AccountConflict(
                    "The code has ended, or was guessed at too often. Give the address once more to get another."
                )
            wrong = not hmac.compare_digest(row.code(tx.vault), code)
            changes = (
                {"code_tries": row.code_tries + 1}
                if wrong
                else {"confirmed_at": now, **({"urgent_since": now} if row.urgent else {})}
            )
            told = await storage.change_notification(tx, row, changes)
            if told:
                await tell_of_account(tx, account, What.NOTIFICATION_CONFIRMED, told, actor, now)
        if wrong:
            await release(tx, idempotency)
        else:
            await complete(tx, idempotency, {"id": str(actor.account_id)})
    if wrong:  # the try is counted, so it is told only now
        raise InvalidEntry(
            "This is not the code that was sent to the address.",
            fields=[("/code", f"Give the {storage.CODE_DIGITS} digits of the newest mail.")],
        )
    return False


async def remove_notification(db: Database, *, actor: Actor, now: datetime) -> None:
    """Forget the address of an account and what was to be sent there; without one nothing changes."""
    require(actor, Deed.SET_NOTIFICATIONS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        account = await own_account(tx, actor)
        if told := await storage.remove_notification(tx, actor.account_id):
            await tell_of_account(tx, account, What.NOTIFICATION_REMOVED, told, actor, now)


def _check(address: str, domains: Collection[str]) -> None:
    if not is_address(address):
        raise InvalidEntry(
            "The address is not one that mail is sent to.",
            fields=[("/address", "Give a plain address such as desk@example.org, in ASCII.")],
        )
    if domains and address.rpartition("@")[2].lower() not in {domain.lower() for domain in domains}:
        raise InvalidEntry(
            "This installation sends no mail to that domain.",
            fields=[("/address", f"Give one of these domains: {', '.join(sorted(domains))}.")],
        )
