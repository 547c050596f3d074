"""Mails to be sent, by ids alone: planned once each, claimed by one worker for a while, and closed with what came of
it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.telling import TOLD, Raised
from mla_tracker.domain.vocabulary import Custody, Effect, FlagKind, Obligor, Role, Side, Urgency
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7

MOST_TOGETHER: Final = 100
"""Urgent flags in one mail."""

LEASE: Final = timedelta(minutes=5)
"""How long a mail is one worker's. A worker that lives lets go of it far sooner."""

_ROLES: Final = [role.value for role in TOLD]


Telling = tuple[UUID, UUID, datetime]
"""An account, a flag, and when that was raised."""


class MailKind(StrEnum):
    """What a mail is for."""

    DIGEST = "digest"
    URGENT = "urgent"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Reader:
    """An open account that asked to be told at a confirmed address; `daily`: by digests, too."""

    account_id: UUID
    name: str
    countries: tuple[str, ...]
    role: Role
    urgent_since: datetime | None
    daily: bool

    @property
    def actor(self) -> Actor:
        """The account at work: what it may see is what it is told."""
        return Actor(self.account_id, self.countries, self.role, self.name)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail in the hands of one worker, under the mark of this claim; `flags`: those it tells of, and when raised."""

    id: UUID
    kind: MailKind
    digest_on: date | None
    flags: Mapping[UUID, datetime]
    attempts: int
    until: datetime
    mark: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True)
class FlagRaised:
    """A flag that stands, as far as it decides who is told at once."""

    id: UUID
    request_id: UUID
    countries: dict[Side, str]
    recorded_by: str
    shared: bool
    confidential: bool
    assigned: dict[Side, str | None]
    obligor: Obligor
    raised: Raised


async def readers(tx: Tx, *, of: MailKind) -> list[Reader]:
    """Who asked for digests, or to be told of urgent flags."""
    wanted = "n.digest = 'daily'" if of is MailKind.DIGEST else "n.urgent"
    rows = await tx.fetch(
        f"""
        select a.id as account_id, a.name, a.countries, a.role, n.urgent_since, n.digest = 'daily' as daily
        from notification n join account a on a.id = n.account_id
        where n.confirmed_at is not null and n.suspended_at is null and {wanted}
            and a.disabled_at is null and a.role = any($1) and a.countries <> '{{}}'
        """,
        _ROLES,
    )
    return [_reader(row) for row in rows]


async def reader_of(tx: Tx, account_id: UUID) -> Reader | None:
    """An account that may be told, whatever address it has; None if it was disabled."""
    row = await tx.fetchrow(
        "select id as account_id, name, countries, role, null::timestamptz as urgent_since, false as daily "
        "from account where id = $1 and disabled_at is null and role = any($2)",
        account_id, _ROLES,
    )  # fmt: skip
    return None if row is None else _reader(row)


async def plan_digests(tx: Tx, wanted: Sequence[tuple[UUID, date, datetime]], now: datetime) -> int:
    """Plan a digest per account, day and instant until which it is worth sending; gives how many are new."""
    made = await tx.fetch(
        """
        insert into mail (id, account_id, kind, digest_on, not_before, until, created_at)
        select mla_uuid7($4), account_id, 'digest', digest_on, $4, until, $4
        from unnest($1::uuid[], $2::date[], $3::timestamptz[]) as wanted (account_id, digest_on, until)
        on conflict (account_id, digest_on) where kind = 'digest' do nothing
        returning 1
        """,
        [one[0] for one in wanted], [one[1] for one in wanted], [one[2] for one in wanted], now,
    )  # fmt: skip
    return len(made)


async def flags_raised(tx: Tx, since: datetime) -> list[FlagRaised]:
    """The flags raised after an instant that stand and may be urgent, with what decides about it."""
    rows = await tx.fetch(
        """
        select f.id, f.request_id, f.requesting_country, f.requested_country, f.kind, f.obligor, f.due_at, f.raised_at,
            r.recorded_by, r.shared, r.handling, r.urgency, r.custody, r.assigned_requesting, r.assigned_requested,
            c.effect
        from flag f join request r on r.id = f.request_id
            join clock c on c.request_id = f.request_id and c.clock_key = f.clock_key
        where f.raised_at > $1 and f.cleared_at is null and f.settled_at is null
            and (r.custody is not null and r.custody <> 'none' or r.urgency <> 'routine')
        """,
        since,
    )
    return [_flag(row) for row in rows]


async def told_already(tx: Tx, flag_ids: Collection[UUID]) -> set[Telling]:
    """Which tellings of these flags are planned or were sent."""
    rows = await tx.fetch(
        "select account_id, flag_id, flag_raised_at from mail where kind = 'urgent' and flag_id = any($1)",
        list(flag_ids),
    )
    return {(row["account_id"], row["flag_id"], row["flag_raised_at"]) for row in rows}


async def plan_urgent(tx: Tx, wanted: Sequence[Telling], until: datetime, now: datetime) -> int:
    """Plan a mail per telling; gives how many are new."""
    made = await tx.fetch(
        """
        insert into mail (id, account_id, kind, flag_id, flag_raised_at, not_before, until, created_at)
        select mla_uuid7($4), account_id, 'urgent', flag_id, raised_at, $4, $3, $4
        from unnest($1::uuid[], $2::uuid[], $5::timestamptz[]) as wanted (account_id, flag_id, raised_at)
        on conflict (account_id, flag_id, flag_raised_at) where kind = 'urgent' do nothing
        returning 1
        """,
        [one[0] for one in wanted], [one[1] for one in wanted], until, now, [one[2] for one in wanted],
    )  # fmt: skip
    return len(made)


async def plan_code(tx: Tx, account_id: UUID, until: datetime, now: datetime) -> None:
    """Plan the mail with a code, in the place of one that still waits."""
    await tx.execute(
        "delete from mail where account_id = $1 and kind = 'code' and status = 'waiting'", account_id
    )
    await tx.execute(
        "insert into mail (id, account_id, kind, status, not_before, until, created_at) "
        "values ($1, $2, 'code', 'waiting', $4, $3, $4)",
        uuid7(now), account_id, until, now,
    )  # fmt: skip


async def codes_since(tx: Tx, account_id: UUID, since: datetime) -> int:
    """How many codes were sent, or are to be, since an instant."""
    number: int = await tx.fetchval(
        "select count(*) from mail where account_id = $1 and kind = 'code' and created_at > $2",
        account_id, since,
    )  # fmt: skip
    return number


async def desks(tx: Tx) -> dict[str, list[str]]:
    """The names of the open accounts of officers and heads, by country."""
    rows = await tx.fetch(
        "select country, array_agg(name) as names from account cross join unnest(countries) country "
        "where disabled_at is null and role = any($1) group by country",
        _ROLES,
    )
    return {row["country"]: row["names"] for row in rows}


async def named_readers(tx: Tx, request_ids: Collection[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    """The open accounts that are named to confidential requests, each with the country that named it."""
    rows = await tx.fetch(
        """
        select n.request_id, n.account_id, n.country from request_reader n join account a on a.id = n.account_id
        where n.request_id = any($1) and a.disabled_at is null
        """,
        list(request_ids),
    )
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in rows:
        found.setdefault(row["request_id"], []).append((row["account_id"], row["country"]))
    return found


async def claim(tx: Tx, now: datetime) -> Claimed | None:
    """Take the next mail that is to be sent at `now`, or whose holder has died; None if there is none.

    Urgent ones and codes come before digests. Urgent ones that wait for the same account come with the first of them,
    and stay together from then on.
    """
    rows = await tx.fetch(
        """
        with first as (
            select id, account_id, kind, batch from mail
            where (status = 'waiting' and not_before <= $1 or status = 'claimed' and lease_until <= $1)
                and (batch is null or batch = id)
            order by kind = 'digest', not_before, id for update skip locked limit 1
        ), joining as (
            select m.id from mail m join first on first.batch is null and first.kind = 'urgent'
                and m.account_id = first.account_id and m.id <> first.id
            where m.kind = 'urgent' and m.status = 'waiting' and m.batch is null and m.not_before <= $1
            order by m.not_before, m.id limit $4 for update of m skip locked
        ), together as (
            select m.id from mail m join first on m.batch = first.batch and m.id <> first.id
            where m.status in ('waiting', 'claimed') for update of m
        )
        update mail set status = 'claimed', claimed_as = $2, lease_until = $3, attempts = attempts + 1,
            batch = first.id
        from first
        where mail.id in (select id from first union all select id from joining union all select id from together)
        returning mail.batch, mail.account_id, mail.kind, digest_on, flag_id, flag_raised_at, attempts, until,
            claimed_as
        """,
        now, uuid4(), now + LEASE, MOST_TOGETHER - 1,
    )  # fmt: skip
    if not rows:
        return None
    row = rows[0]
    return Claimed(
        id=row["batch"],
        kind=MailKind(row["kind"]),
        digest_on=row["digest_on"],
        flags={one["flag_id"]: one["flag_raised_at"] for one in rows if one["flag_id"] is not None},
        attempts=max(one["attempts"] for one in rows),
        until=max(one["until"] for one in rows),
        mark=row["claimed_as"],
        account_id=row["account_id"],
    )


async def close(tx: Tx, mail: Claimed, status: str, now: datetime, *, reply: int | None = None) -> bool:
    """End a claimed mail as sent, failed or dropped; False if the claim was lost meanwhile."""
    done = await tx.execute(
        """
        update mail set status = $3, ended_at = $4, reply = coalesce($5, reply), claimed_as = null, lease_until = null
        where batch = $1 and claimed_as = $2
        """,
        mail.id, mail.mark, status, now, reply,
    )  # fmt: skip
    return done != "UPDATE 0"


async def put_back(
    tx: Tx, mail: Claimed, not_before: datetime, *, reply: int | None = None, untried: bool = False
) -> None:
    """Let a claimed mail wait for another try; `untried`: this one does not count."""
    await tx.execute(
        """
        update mail set status = 'waiting', not_before = $3, reply = coalesce($4, reply), claimed_as = null,
            lease_until = null, attempts = attempts - $5::int
        where batch = $1 and claimed_as = $2
        """,
        mail.id, mail.mark, not_before, reply, int(untried),
    )  # fmt: skip


async def note_refusal(tx: Tx, account_id: UUID, reply: int) -> int:
    """Count that an address was refused for good; gives how often on end."""
    number = await tx.fetchval(
        "update notification set refusals = refusals + 1, refused_with = $2 where account_id = $1 "
        "returning refusals",
        account_id, reply,
    )  # fmt: skip
    return int(number or 0)


async def note_acceptance(tx: Tx, account_id: UUID) -> None:
    """An address that takes mail has no refusals."""
    await tx.execute(
        "update notification set refusals = 0, refused_with = null where account_id = $1 and refusals > 0",
        account_id,
    )


async def drop_waiting(tx: Tx, account_id: UUID, now: datetime) -> None:
    """Drop what still waits for an account whose address is used no more."""
    await tx.execute(
        "update mail set status = 'dropped', ended_at = $2 where account_id = $1 and status = 'waiting'",
        account_id, now,
    )  # fmt: skip


async def forget_old(tx: Tx, before: datetime) -> int:
    """Delete what was planned before an instant; gives how many."""
    return len(await tx.fetch("delete from mail where created_at < $1 returning 1", before))


def _reader(row: Record) -> Reader:
    return Reader(**{**row, "countries": tuple(row["countries"]), "role": Role(row["role"])})


def _flag(row: Record) -> FlagRaised:
    return FlagRaised(
        id=row["id"],
        request_id=row["request_id"],
        countries={side: row[f"{side}_country"] for side in Side},
        recorded_by=row["recorded_by"],
        shared=row["shared"],
        confidential=row["handling"] == "confidential",
        assigned={side: row[f"assigned_{side}"] for side in Side},
        obligor=Obligor(row["obligor"]),
        raised=Raised(
            FlagKind(row["kind"]),
            Effect(row["effect"]),
            Urgency(row["urgency"]),
            Custody(row["custody"]) if row["custody"] else None,
            row["raised_at"],
            row["due_at"],
        ),
    )
