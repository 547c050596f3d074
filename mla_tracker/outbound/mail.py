"""Mail over SMTP: one connection for a run of messages, and for each what the server made of it.

No error that is raised or told here quotes the server: what servers answer names addresses.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from enum import StrEnum
from pathlib import Path
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

COMMAND_SECONDS: Final = 15.0
WHOLE_SECONDS: Final = 40.0
"""For one message, however slowly a server answers."""

PERMANENT: Final = 500
IN_A_ROW: Final = 3
"""So many connections that break during a message, one after the other, are the server's fault and no message's."""


class Security(StrEnum):
    """How the way to the server is kept from listeners."""

    STARTTLS = "starttls"
    TLS = "tls"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, repr=False)
class MailServer:
    """The server that takes our mail, and in whose name it is sent."""

    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    command_seconds: float = COMMAND_SECONDS
    whole_seconds: float = WHOLE_SECONDS

    @property
    def domain(self) -> str:
        """That of the sender; ids of messages end with it."""
        return self.sender.rpartition("@")[2]


class Outcome(StrEnum):
    """What became of a message. DEFERRED: not now, or nobody knows."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message, and the code of the server's reply if there was one."""

    outcome: Outcome
    reply: int | None = None


class MailServerUnavailable(Exception):
    """The server cannot be reached, does not let us in, or does not take mail from our sender: no message's fault."""


class Connection:
    """A connection that is made when the first message goes out, and again after it broke."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._client: SMTP | None = None
        self._broken = 0

    async def send(self, message: EmailMessage, address: str) -> Delivery:
        """Give the server a message for one address. Raises MailServerUnavailable."""
        try:
            async with asyncio.timeout(self._server.whole_seconds):
                client = await self._connected()
                delivery = await self._given(client, message, address)
        except (TimeoutError, OSError, SMTPException):
            # Whether it was taken is not known: it is sent again, under the same Message-ID.
            self.drop()
            self._broken += 1
            if self._broken >= IN_A_ROW:
                raise MailServerUnavailable(
                    f"The connection to the mail server broke during {IN_A_ROW} messages one after the other."
                ) from None
            return Delivery(Outcome.DEFERRED)
        self._broken = 0
        return delivery

    async def close(self) -> None:
        """Take leave, if anybody is there."""
        if self._client is not None:
            with suppress(SMTPException, OSError, TimeoutError):
                await asyncio.wait_for(self._client.quit(), timeout=2)
            self.drop()

    def drop(self) -> None:
        """End the connection without a word."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _given(self, client: SMTP, message: EmailMessage, address: str) -> Delivery:
        try:
            await client.sendmail(self._server.sender, [address], message.as_bytes(policy=WIRE))
        except SMTPHeloError as refusal:
            raise MailServerUnavailable(
                f"The mail server does not return our greeting (it replied {refusal.code})."
            ) from None
        except SMTPRecipientsRefused as refusal:
            return _delivery(refusal.recipients[0].code)
        except SMTPSenderRefused as refusal:
            if refusal.code >= PERMANENT:
                raise MailServerUnavailable(
                    f"The mail server takes nothing from MLA_MAIL_FROM (it replied {refusal.code})."
                ) from None
            return _delivery(refusal.code)
        except SMTPResponseException as refusal:
            return _delivery(refusal.code)
        return Delivery(Outcome.ACCEPTED, 250)

    async def _connected(self) -> SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=server.domain,
            timeout=server.command_seconds,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            tls_context=None if server.security is Security.PLAIN else _trusting(server.ca_file),
        )
        try:
            await client.connect()
        except (SMTPException, OSError, TimeoutError, ValueError) as fault:
            client.close()
            code = getattr(fault, "code", None)
            why = f"it replied {code}" if isinstance(code, int) else type(fault).__name__
            raise MailServerUnavailable(
                f"The mail server {server.host} port {server.port} cannot be used ({why})."
            ) from None
        self._client = client
        return client


@asynccontextmanager
async def connection(server: MailServer) -> AsyncIterator[Connection]:
    """A connection for the messages of one run."""
    opened = Connection(server)
    try:
        yield opened
    finally:
        await opened.close()


def _delivery(code: int) -> Delivery:
    if not 400 <= code <= 599:  # no reply that the protocol knows here
        return Delivery(Outcome.DEFERRED)
    return Delivery(Outcome.REFUSED if code >= PERMANENT else Outcome.DEFERRED, code)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates and names are checked, by the authorities of the machine or by those of the file alone."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise MailServerUnavailable(
            f"The file MLA_SMTP_CA_FILE {ca_file} holds no certificates that can be read."
        ) from None
