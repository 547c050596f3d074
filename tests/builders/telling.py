"""Readers with confirmed addresses, and a mail server on loopback that does as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.notifications import Wish, confirm_address, set_notification
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.telling import Digest
from mla_tracker.domain.vocabulary import Role
from mla_tracker.outbound.mail import MailServer, Security
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.notifications import notification_of

SENDER = "deadlines@mla.example"


async def a_reader(
    db: Database,
    *countries: str,
    now: datetime,
    role: Role = Role.OFFICER,
    name: str = "A. Haddad",
    digest: Digest = Digest.DAILY,
    urgent: bool = True,
) -> Actor:
    """An account that asked to be told and has proven its address, which is that of its id."""
    account_id = await create_account(db, name=name, countries=countries, role=role, now=now)
    actor = Actor(account_id, countries, role, name)
    await confirmed(db, actor, now, digest=digest, urgent=urgent)
    return actor


async def confirmed(
    db: Database, actor: Actor, now: datetime, *, digest: Digest = Digest.DAILY, urgent: bool = True
) -> None:
    """Give an account an address and prove it by its code; the mail that would bring it is taken away."""
    await set_notification(db, Wish(address_of(actor), digest, urgent), actor=actor, now=now)
    await confirm_address(db, await code_of(db, actor.account_id), actor=actor, now=now)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("delete from mail where kind = 'code' and account_id = $1", actor.account_id)


def address_of(actor: Actor) -> str:
    return f"{actor.account_id.hex}@justice.example"


async def code_of(db: Database, account_id: UUID) -> str:
    """The code that was sent to an account's address."""
    async with db.transaction(DbRole.OWNER) as tx:
        row = await notification_of(tx, account_id)
        assert row is not None
        return row.code(tx.vault)


@dataclass
class Taken:
    """A message that the server took, or was given before it broke off."""

    address: str
    message: EmailMessage

    @property
    def text(self) -> str:
        """What it says."""
        content: str = self.message.get_content()
        return content


@dataclass
class Post:
    """A mail server. `to_recipient` and `to_data` say what it replies in the place of 250; `breaks_off`: it takes the
    message and hangs up without a word; `hangs`: it says nothing to a recipient before that is set."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    to_recipient: Sequence[str] = ()
    to_data: Sequence[str] = ()
    to_sender: str | None = None
    breaks_off: int = 0
    tried: int = 0
    sessions: int = 0
    hangs: asyncio.Event | None = None
    on_data: Callable[[], object] | None = None

    @property
    def server(self) -> MailServer:
        """Its address."""
        return MailServer(
            "127.0.0.1", self.port, Security.PLAIN, SENDER, command_seconds=0.5, whole_seconds=2.0
        )

    def to(self, actor: Actor) -> list[Taken]:
        """What it took for an account."""
        return [one for one in self.taken if one.address == address_of(actor)]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_sender is not None:
            return self.to_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tried += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.to_recipient:
            reply, *self.to_recipient = self.to_recipient
            if not reply.startswith("250"):
                return f"{reply} <{address}>"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.to_data:
            reply, *self.to_data = self.to_data
            if not reply.startswith("250"):
                return reply
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(Taken(envelope.rcpt_tos[0], message))
        if self.on_data is not None:
            self.on_data()
        if self.breaks_off:
            self.breaks_off -= 1
            assert server.transport is not None
            server.transport.close()
        return "250 OK"


@asynccontextmanager
async def a_post(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, password: str | None = None
) -> AsyncIterator[Post]:
    """A mail server on a free port of loopback, in the loop of the test."""
    post = Post()

    def protocol() -> SMTP:
        post.sessions += 1
        options: dict[str, Any] = {}
        if password is not None:
            options = {
                "auth_required": True,
                "authenticator": lambda server, session, envelope, mechanism, data: AuthResult(
                    handled=False, success=data.password.decode() == password
                ),
            }
        return SMTP(
            post,
            hostname="post.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            **options,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()
