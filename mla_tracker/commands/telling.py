"""Mail to those who asked for it: planned once each, sent by any number of nodes, with no transaction open meanwhile.

A mail is sent at least once: a worker that dies between the server's word and ours leaves it to another, and the second
copy has the Message-ID of the first. Everything else about a mail happens once.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Final
from uuid import UUID

from mla_tracker.commands.letters import Desk, Letter, code_letter, digest_letter, urgent_letter
from mla_tracker.commands.notifications import CODE_VALID
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.telling import (
    AHEAD,
    concerns,
    is_urgent,
    next_digest_by,
    office_day,
    pause_after,
    sides_told,
)
from mla_tracker.domain.vocabulary import Role, Side
from mla_tracker.outbound.mail import Delivery, MailServer, MailServerUnavailable, Outcome, connection
from mla_tracker.queries import due as queries
from mla_tracker.queries.due import Due
from mla_tracker.storage import mails
from mla_tracker.storage import notifications as storage
from mla_tracker.storage.accounts import lock_account
from mla_tracker.storage.audit import append
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.local_days import days_in_force
from mla_tracker.storage.mails import Claimed, FlagRaised, MailKind, Reader

URGENT_SINCE: Final = timedelta(days=3)
"""How old a flag may be that nobody was told of: flags of a weekend on which no node ran are still told."""
URGENT_UNTIL: Final = timedelta(days=2)
"""How long a server that does not take a mail is asked again."""
MOST_REFUSALS: Final = 5
"""So many refusals on end for good, and an address is used no more until its holder confirms it anew."""
MOST_PLANNED: Final = 5000
"""Tellings of urgent flags that one run plans; after a flood the next runs go on."""
KEPT: Final = timedelta(days=90)
NO_DIGEST: Final = datetime.max.replace(tzinfo=UTC)
RUN_SECONDS: Final = 25.0
"""Less than stopping a program waits for what runs."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a run did: mails planned, and what became of those that it had in hand."""

    planned: int
    ended: Mapping[str, int]


async def tell_due(
    db: Database,
    now: datetime,
    server: MailServer,
    *,
    public_url: str | None = None,
    seconds: float = RUN_SECONDS,
) -> Told:
    """Plan the mails that are due at `now`, and send what waits, for so many seconds; the rest is for the next run.

    Raises MailServerUnavailable where no mail can be given to the server; what was in hand then waits.
    """
    planned = await plan(db, now)
    ended: Counter[str] = Counter()
    began = time.monotonic()
    async with connection(server) as smtp:
        while time.monotonic() - began < seconds:
            async with db.transaction(DbRole.JOBS) as tx:
                mail = await mails.claim(tx, now)
            if mail is None:
                break
            written = await _written(db, mail, now, public_url)
            if written is None:
                async with db.transaction(DbRole.JOBS) as tx:
                    await mails.close(tx, mail, "dropped", now)
                ended["dropped"] += 1
                continue
            letter, address = written
            message = letter.message(mail.id, sender=server.sender, address=address, now=now)
            try:
                delivery = await smtp.send(message, address)
            except MailServerUnavailable:
                async with db.transaction(DbRole.JOBS) as tx:
                    await mails.put_back(tx, mail, now, untried=True)
                raise
            await _note(db, mail, delivery, now)
            ended[delivery.outcome.value] += 1
    return Told(planned, dict(ended))


async def plan(db: Database, now: datetime) -> int:
    """Plan digests for whoever is at work now, and mails for flags that do not wait; gives how many are new."""
    async with db.transaction(DbRole.JOBS) as tx:
        planned = await _plan_digests(tx, now)
    async with db.transaction(DbRole.JOBS) as tx:
        planned += await _plan_urgent(tx, now)
        await mails.forget_old(tx, now - KEPT)
    return planned


async def _plan_digests(tx: Tx, now: datetime) -> int:
    """By days and hours of the country that the account names first; its calendar is that of the database."""
    readers = await mails.readers(tx, of=MailKind.DIGEST)
    countries = sorted({reader.countries[0] for reader in readers})
    days = await days_in_force(tx, countries, now)
    open_now = {
        country: day
        for country in countries
        if (day := office_day(now, days.calendars[country], days.zones[country])) is not None
    }
    wanted = [
        (reader.account_id, open_now[reader.countries[0]].day, open_now[reader.countries[0]].closes_at)
        for reader in readers
        if reader.countries[0] in open_now
    ]
    return await mails.plan_digests(tx, wanted, now) if wanted else 0


async def _plan_urgent(tx: Tx, now: datetime) -> int:
    readers = await mails.readers(tx, of=MailKind.URGENT)
    if not readers:
        return 0
    raised = await mails.flags_raised(tx, now - URGENT_SINCE)
    flags = [flag for flag in raised if is_urgent(flag.raised, NO_DIGEST)]
    if not flags:
        return 0
    days = await days_in_force(tx, sorted({reader.countries[0] for reader in readers}), now)

    @cache
    def next_in(country: str, at: datetime) -> datetime:
        return next_digest_by(at, days.calendars[country], days.zones[country])

    told = await mails.told_already(tx, [flag.id for flag in flags])
    desks = await mails.desks(tx)
    named = await mails.named_readers(tx, [flag.request_id for flag in flags if flag.confidential])
    wanted = (
        (reader.account_id, flag.id, flag.raised.raised_at)
        for flag in flags
        for reader in readers
        if (reader.account_id, flag.id, flag.raised.raised_at) not in told
        and is_urgent(
            flag.raised, next_in(reader.countries[0], flag.raised.raised_at) if reader.daily else NO_DIGEST
        )
        and _is_told(reader, flag, desks, named.get(flag.request_id, ()))
    )
    some = list(islice(wanted, MOST_PLANNED))
    return await mails.plan_urgent(tx, some, now + URGENT_UNTIL, now) if some else 0


def _is_told(
    reader: Reader,
    flag: FlagRaised,
    desks: Mapping[str, list[str]],
    named: Iterable[tuple[UUID, str]],
) -> bool:
    """Whether a flag is a reader's business. Whether he may see it is asked of both walls once more at sending."""
    if reader.urgent_since is None or flag.raised.raised_at < reader.urgent_since:
        return False
    if not flag.shared and flag.recorded_by not in reader.countries:
        return False
    if flag.confidential:
        own = [account for account, country in named if country in reader.countries]
        if reader.account_id not in own and (reader.role is not Role.HEAD or own):
            return False
    sides = [side for side in Side if flag.countries[side] in reader.countries]
    return any(
        side in sides_told(flag.raised.effect, flag.obligor)
        and concerns(reader.role, reader.name, flag.assigned[side], desks.get(flag.countries[side], ()))
        for side in sides
    )


async def _written(
    db: Database, mail: Claimed, now: datetime, public_url: str | None
) -> tuple[Letter, str] | None:
    """A mail with its address, as the reader may read it at this moment; None if there is nothing to send any more."""
    if mail.until <= now:
        return None
    async with db.transaction(DbRole.JOBS) as tx:
        reader = await mails.reader_of(tx, mail.account_id)
    if reader is None:
        return None
    async with db.transaction(DbRole.API, viewer=reader.actor) as tx:
        row = await storage.notification_of(tx, mail.account_id)
        if row is None or row.suspended_at is not None:
            return None
        letter = None
        if mail.kind is MailKind.CODE:
            if row.confirmed_at is None and row.code_until > now:
                letter = code_letter(row.code(tx.vault), CODE_VALID)
        elif row.confirmed_at is not None:
            if mail.kind is MailKind.DIGEST and row.digest.value == "daily":
                letter = await _digest(tx, reader, now, public_url)
            elif mail.kind is MailKind.URGENT and row.urgent:
                letter = await _urgent(tx, reader, mail, now, public_url)
        return None if letter is None else (letter, row.address(tx.vault))


async def _digest(tx: Tx, reader: Reader, now: datetime, public_url: str | None) -> Letter | None:
    if not reader.countries:
        return None
    home = reader.countries[0]
    days = await days_in_force(tx, [home], now)
    until = max(now + AHEAD, next_digest_by(now, days.calendars[home], days.zones[home]))
    late = await queries.late(tx, reader.actor, now, limit=queries.MOST)
    coming = await queries.coming(tx, reader.actor, now, until=until, limit=queries.MOST)
    own = queries.of_reader([*late, *coming], reader.actor, await queries.desk_of(tx, reader.actor))
    if not own:
        return None
    desk = await _desk(tx, reader, own, now, public_url)
    await _note_reading(tx, reader, own, now)
    return digest_letter(own, desk, until, more_late=len(late) == queries.MOST)


async def _urgent(
    tx: Tx, reader: Reader, mail: Claimed, now: datetime, public_url: str | None
) -> Letter | None:
    flags = await queries.flags_due(tx, reader.actor, mail.flags)
    if not flags:
        return None
    clocks = [flag.clock for flag in flags]
    desk = await _desk(tx, reader, clocks, now, public_url)
    await _note_reading(tx, reader, clocks, now)
    return urgent_letter(flags, desk)


async def _desk(tx: Tx, reader: Reader, found: Iterable[Due], now: datetime, public_url: str | None) -> Desk:
    home = reader.countries[0]
    countries = {home} | {one.counted_in for one in found}
    names = {one.zone for one in found if one.zone}
    days = await days_in_force(tx, sorted(countries), now, names)
    return Desk(now, days.zones[home], {**days.named, **days.zones}, public_url)


async def _note_reading(tx: Tx, reader: Reader, found: Iterable[Due], now: datetime) -> None:
    """A mail that names a confidential case is a reading of it."""
    shown = [one.told for one in found]
    await note_reading(tx, shown, route="mail", actor=reader.actor, now=now, what=What.REQUEST_LISTED)


async def _note(db: Database, mail: Claimed, delivery: Delivery, now: datetime) -> None:
    """Note what the server made of a mail; an address that it refuses for good again and again is used no more."""
    rest = now + pause_after(mail.attempts)
    async with db.transaction(DbRole.JOBS) as tx:
        if delivery.outcome is Outcome.ACCEPTED:
            await mails.close(tx, mail, "sent", now, reply=delivery.reply)
            await mails.note_acceptance(tx, mail.account_id)
            return
        if delivery.outcome is Outcome.DEFERRED or delivery.reply is None:
            await mails.put_back(tx, mail, rest, reply=delivery.reply)
            return
        if await mails.note_refusal(tx, mail.account_id, delivery.reply) < MOST_REFUSALS:
            await mails.put_back(tx, mail, rest, reply=delivery.reply)
            return
        await mails.close(tx, mail, "failed", now, reply=delivery.reply)
        await mails.drop_waiting(tx, mail.account_id, now)
        reader = await mails.reader_of(tx, mail.account_id)
    if reader is not None:
        await _suspend(db, reader, now)


async def _suspend(db: Database, reader: Reader, now: datetime) -> None:
    async with db.transaction(DbRole.API, viewer=reader.actor) as tx:
        account = await lock_account(tx, reader.account_id)
        row = await storage.notification_of(tx, reader.account_id, lock=True)
        if account is None or row is None or row.suspended_at is not None:
            return
        told = await storage.change_notification(tx, row, {"suspended_at": now})
        chain = Chain(ChainKind.ACCOUNT, reader.account_id)
        await append(
            tx, chain, What.NOTIFICATION_SUSPENDED, told, actor=None, now=now, seen_by=account.countries
        )
