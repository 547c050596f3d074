"""The way to the mail server: kept from listeners, let in by name, and what is made of servers that misbehave."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mla_tracker.outbound.mail import (
    IN_A_ROW,
    Delivery,
    MailServer,
    MailServerUnavailable,
    Outcome,
    Security,
    connection,
)
from mla_tracker.scheduler.jobs import MAIL, mail_server, scheduled_jobs
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.errors import CannotRun
from tests.builders.telling import SENDER, a_post

TO = "desk@justice.example"


def a_message(text: str = "Due.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, TO, "Due"
    message.set_content(text)
    return message


async def sent(server: MailServer) -> Delivery:
    async with connection(server) as smtp:
        return await smtp.send(a_message(), TO)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody but itself vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "post.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_a_server_is_spoken_to_only_if_somebody_we_trust_vouches_for_it(
    certificate: Path, security: Security
) -> None:
    context = serving(certificate)
    way = {"tls": context} if security is Security.TLS else {"starttls": context}
    async with a_post(**way) as post:  # type: ignore[arg-type]
        secure = replace(post.server, security=security)
        with pytest.raises(MailServerUnavailable, match="cannot be used"):
            await sent(secure)
        assert (await sent(replace(secure, ca_file=certificate))).outcome is Outcome.ACCEPTED
        with pytest.raises(MailServerUnavailable):  # another name than the certificate's
            await sent(replace(secure, ca_file=certificate, host="localhost"))
        with pytest.raises(MailServerUnavailable, match="MLA_SMTP_CA_FILE"):
            await sent(replace(secure, ca_file=certificate.parent / "missing.pem"))
    assert len(post.taken) == 1


async def test_without_tls_on_the_other_side_nothing_is_said() -> None:
    async with a_post() as post:
        with pytest.raises(MailServerUnavailable):
            await sent(replace(post.server, security=Security.STARTTLS, password="secret", user="mla"))
    assert post.taken == []
    assert post.tried == 0


async def test_a_password_lets_in_and_a_wrong_one_is_told_without_it(certificate: Path) -> None:
    async with a_post(starttls=serving(certificate), password="sesame") as post:
        known = replace(
            post.server, security=Security.STARTTLS, ca_file=certificate, user="mla", password="sesame"
        )
        assert (await sent(known)).outcome is Outcome.ACCEPTED
        with pytest.raises(MailServerUnavailable) as caught:
            await sent(replace(known, password="mellon"))
    assert "535" in str(caught.value)
    assert "mellon" not in str(caught.value) + repr(known)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("450 greylisted", Outcome.DEFERRED),
        ("421 closing", Outcome.DEFERRED),
        ("552 full", Outcome.REFUSED),
        ("550 unknown", Outcome.REFUSED),
    ],
)
async def test_a_reply_is_for_now_or_for_good(reply: str, outcome: Outcome) -> None:
    async with a_post() as post:
        for place in ("to_recipient", "to_data"):
            setattr(post, place, [reply])
            assert await sent(post.server) == Delivery(outcome, int(reply[:3]))


async def test_many_messages_go_over_one_connection_also_after_a_refusal() -> None:
    async with a_post() as post:
        post.to_recipient = ["250", "550 no", "250", "450 later", "250"]
        async with connection(post.server) as smtp:
            found = [(await smtp.send(a_message(), TO)).outcome for _ in range(5)]
    assert [one.value for one in found] == ["accepted", "refused", "accepted", "deferred", "accepted"]
    assert post.sessions == 1


async def test_a_connection_that_broke_is_made_anew() -> None:
    async with a_post() as post:
        post.breaks_off = 2
        async with connection(post.server) as smtp:
            found = [(await smtp.send(a_message(), TO)).outcome for _ in range(3)]
    assert found == [Outcome.DEFERRED, Outcome.DEFERRED, Outcome.ACCEPTED]


async def test_a_server_that_always_breaks_off_is_left_alone() -> None:
    async with a_post() as post:
        post.breaks_off = 100
        async with connection(post.server) as smtp:
            for _ in range(IN_A_ROW - 1):
                await smtp.send(a_message(), TO)
            with pytest.raises(MailServerUnavailable):
                await smtp.send(a_message(), TO)


@asynccontextmanager
async def a_strange_server(says: bytes, *, after: bytes = b"") -> AsyncIterator[MailServer]:
    """One that says something at the beginning and the same thing to every line, and then nothing or goes."""
    held: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        writer.write(says)
        while await reader.readline():
            if after:
                writer.write(after)
            if after == b"bye":
                writer.close()
                return

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield MailServer("127.0.0.1", port, Security.PLAIN, SENDER, command_seconds=0.2, whole_seconds=1.0)
    finally:
        for writer in held:
            writer.close()
        server.close()


@pytest.mark.parametrize(
    ("says", "after"),
    [
        (b"", b""),  # hangs at once
        (b"220 post\r\n", b""),  # hangs after its greeting
        (b"554 go away\r\n", b""),
        (b"220 post\r\n", b"bye"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b""),
        (b"\x00" * 5000 + b"\r\n", b""),
        (b"220 post\r\n", b"999 what\r\n"),
    ],
)
async def test_what_hangs_or_is_no_mail_server_is_told_in_one_sentence_in_time(
    says: bytes, after: bytes
) -> None:
    async with a_strange_server(says, after=after) as server:
        began = asyncio.get_running_loop().time()
        async with connection(server) as smtp:
            with pytest.raises(MailServerUnavailable) as caught:
                for _ in range(IN_A_ROW):
                    await smtp.send(a_message(), TO)
        assert asyncio.get_running_loop().time() - began < 6
    assert TO not in str(caught.value)


async def test_a_server_that_hangs_in_the_middle_costs_one_message_its_turn() -> None:
    async with a_post() as post, connection(replace(post.server, command_seconds=0.2)) as smtp:
        await smtp.send(a_message(), TO)
        post.hangs = asyncio.Event()
        assert await smtp.send(a_message(), TO) == Delivery(Outcome.DEFERRED)
        post.hangs.set()
        post.hangs = None
        assert (await smtp.send(a_message(), TO)).outcome is Outcome.ACCEPTED


# Settings


def test_without_a_server_there_is_no_job() -> None:
    assert mail_server(Settings()) is None
    assert MAIL not in {job.name for job in scheduled_jobs(Settings())}
    configured = load_settings(smtp_host="post.example", mail_from=SENDER)
    assert MAIL in {job.name for job in scheduled_jobs(configured)}
    server = mail_server(configured)
    assert server is not None
    assert (server.port, server.security, server.domain) == (587, Security.STARTTLS, "mla.example")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp_host": "post.example"}, "MLA_MAIL_FROM"),
        ({"mail_from": "Desk <a@b.example>"}, "plain address"),
        ({"mail_from": "a@b.example\nBcc: c@d.example"}, "plain address"),
        ({"smtp_security": "plain", "smtp_host": "post.example", "mail_from": SENDER}, "MLA_SMTP_PLAIN_ALLOWED"),
        (
            {
                "smtp_security": "plain", "smtp_host": "post.example", "mail_from": SENDER,
                "smtp_plain_allowed": True, "smtp_user": "mla", "smtp_password": "sesame",
            },
            "password is not sent",
        ),
        ({"smtp_host": "post.example", "mail_from": SENDER, "smtp_user": "mla"}, "MLA_SMTP_PASSWORD"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_meant_is_refused_by_name(given: dict[str, object], said: str) -> None:
    with pytest.raises(CannotRun, match=said) as caught:
        load_settings(**given)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_plain_is_for_this_machine(host: str) -> None:
    assert load_settings(smtp_host=host, mail_from=SENDER, smtp_security="plain").smtp_host == host
