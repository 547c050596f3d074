"""Routes by which an account says where it is told what is due: /me/notifications."""

from datetime import datetime
from typing import Annotated

from litestar import Response, delete, get, post, put
from pydantic import Field, StringConstraints

from mla_tracker.api.answers import answer
from mla_tracker.api.fields import Answer, Entry, Instant
from mla_tracker.api.routes import documented
from mla_tracker.commands import notifications as commands
from mla_tracker.commands.notifications import Wish
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.telling import ADDRESS_PATTERN, LONGEST_ADDRESS, Digest
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey
from mla_tracker.storage.notifications import ASKED_FOR_NOTHING, CODE_DIGITS, notification_of

MailAddress = Annotated[str, StringConstraints(max_length=LONGEST_ADDRESS, pattern=ADDRESS_PATTERN)]


class NotificationEntry(Entry):
    """Where, and what."""

    address: MailAddress = Field(
        description="Where mail goes. A new one gets a code, and nothing else before it is confirmed."
    )
    digest: Digest = Field(
        Digest.DAILY,
        description="What is due within seven days and overdue, once on each working day of yours.",
    )
    urgent: bool = Field(
        True, description="What ran out in cases of people held, emergencies and urgent requests, at once."
    )


class ConfirmationEntry(Entry):
    """The code of the newest mail."""

    code: Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{CODE_DIGITS}}}$")]


class NotificationView(Answer):
    """What was asked for; all null or off where nothing was."""

    address: str | None
    confirmed_at: Instant | None = Field(description="Null: nothing but the code is sent there.")
    digest: Digest
    urgent: bool
    suspended_at: Instant | None = Field(
        description="Since when nothing is sent, as the address was refused again and again. Set it once more."
    )
    refused_with: int | None = Field(description="The reply of SMTP by which the last mail was refused.")
    mail_is_sent: bool = Field(description="Whether this installation has a server for mail at all.")


@get(
    "/me/notifications",
    **documented(
        "Read where you are told what is due",
        tag="notifications",
        may=Deed.READ_DUE_DATES,
        answer=NotificationView,
        etag=True,
    ),
)
async def read_notifications(actor: Actor, database: Database, settings: Settings) -> Response[bytes]:
    """Your own alone: nobody else reads your address."""
    return await _shown(database, actor, settings)


@put(
    "/me/notifications",
    **documented(
        "Say where you are told what is due",
        tag="notifications",
        may=Deed.SET_NOTIFICATIONS,
        body=NotificationEntry,
        answer=NotificationView,
        if_match=True,
        etag=True,
        problems=[InvalidEntry, NotFound, AccountConflict],
        examples={"every working day, and at once what cannot wait": {"address": "desk4@justice.example"}},
        description="Mails name references, dates and counterparts: no subject, no person, no note. The same address "
        "again, before it is confirmed, gets another code.",
    ),
)
async def set_notifications(
    entry: NotificationEntry,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Answers with what holds now."""
    wish = Wish(entry.address, entry.digest, entry.urgent)
    await commands.set_notification(
        database, wish, actor=actor, now=now, domains=settings.mail_domains, versions=if_match
    )
    return await _shown(database, actor, settings)


@post(
    "/me/notifications/confirm",
    **documented(
        "Confirm your address by the code that was sent there",
        tag="notifications",
        may=Deed.SET_NOTIFICATIONS,
        body=ConfirmationEntry,
        answer=NotificationView,
        idempotent=True,
        etag=True,
        problems=[InvalidEntry, NotFound, AccountConflict],
        examples={"a code": {"code": "01234567"}},
        description="A code is valid for an hour and for five tries. A second call changes nothing.",
    ),
)
async def confirm_notifications(
    entry: ConfirmationEntry,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """From now on mail is sent there."""
    replayed = await commands.confirm_address(
        database, entry.code, actor=actor, now=now, idempotency=idempotency
    )
    return await _shown(database, actor, settings, replayed=replayed)


@delete(
    "/me/notifications",
    **documented(
        "Be told nothing by mail any more",
        tag="notifications",
        may=Deed.SET_NOTIFICATIONS,
        answer=NotificationView,
        etag=True,
        problems=[NotFound],
        description="The address is forgotten, with what was still to be sent there. A second call changes nothing.",
    ),
)
async def remove_notifications(
    actor: Actor, database: Database, settings: Settings, now: datetime
) -> Response[bytes]:
    """Answers with what holds now: nothing."""
    await commands.remove_notification(database, actor=actor, now=now)
    return await _shown(database, actor, settings)


async def _shown(
    database: Database, actor: Actor, settings: Settings, *, replayed: bool = False
) -> Response[bytes]:
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        row = await notification_of(tx, actor.account_id)
        address = None if row is None else row.address(tx.vault)
    view = NotificationView(
        address=address,
        confirmed_at=row.confirmed_at if row else None,
        digest=row.digest if row else Digest.OFF,
        urgent=row.urgent if row else False,
        suspended_at=row.suspended_at if row else None,
        refused_with=row.refused_with if row else None,
        mail_is_sent=settings.smtp_host is not None,
    )
    return answer(view, version=row.version if row else ASKED_FOR_NOTHING, replayed=replayed)
