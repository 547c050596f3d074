"""Deliveries as rows: noted for each endpoint as the feed is read for it, claimed under a lease, and settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, and the account in whose name it is told."""

    webhook_id: UUID
    owner: Actor


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that nobody else makes while the lease lasts; `attempts` were made before."""

    id: UUID
    change_id: UUID
    attempts: int
    lease: UUID
    endpoint: Endpoint


_WHOSE: Final = "w.id as webhook_id, a.id as account_id, a.name, a.countries, a.role"


async def behind(tx: Tx, last: int) -> list[Endpoint]:
    """The open endpoints of open accounts that were not told of all up to a position."""
    rows = await tx.fetch(
        f"""
        select {_WHOSE} from webhook w join account a on a.id = w.account_id
        where w.position < $1 and w.disabled_at is null and a.disabled_at is null order by w.id
        """,
        last,
    )
    return [_endpoint(row) for row in rows]


async def queue(
    tx: Tx, webhook_id: UUID, made: Sequence[tuple[UUID, UUID]], *, reached: int, now: datetime
) -> None:
    """Note deliveries (their ids, and of which changes) of an endpoint that is held, and how far the feed was read."""
    if made:
        await tx.execute(
            """
            insert into webhook_delivery (id, webhook_id, change_id, created_at, next_at)
            select new.id, $1, new.change_id, $4, $4 from unnest($2::uuid[], $3::uuid[]) as new (id, change_id)
            on conflict (webhook_id, change_id) do nothing
            """,
            webhook_id, [one for one, _ in made], [change_id for _, change_id in made], now,
        )  # fmt: skip
    await tx.execute(
        "update webhook set position = greatest(position, $2) where id = $1", webhook_id, reached
    )


async def claim(
    tx: Tx,
    lease: UUID,
    *,
    now: datetime,
    until: datetime,
    most: int,
    of_each: int,
    busy: Sequence[Endpoint] = (),
) -> list[Claimed]:
    """Take deliveries that are due, of no endpoint more than `of_each`, and of accounts in turns, the longest waiting
    first: who has many endpoints, or slow ones, leaves the others theirs.

    `busy`: the endpoints of the calls that are being made. What somebody else has is his until his lease ends.
    """
    rows = await tx.fetch(
        f"""
        with busy (webhook_id, account_id) as (select w, a from unnest($6::uuid[], $7::uuid[]) as made (w, a)),
        due as (
            select d.id, {_WHOSE}, d.next_at, row_number() over (partition by a.id order by d.next_at, d.id)
                + (select count(*) from busy where busy.account_id = a.id) as turn
            from webhook w join account a on a.id = w.account_id cross join lateral (
                select d.id, d.next_at from webhook_delivery d
                where d.webhook_id = w.id and d.state = 'pending' and d.next_at <= $1
                    and (d.lease_until is null or d.lease_until <= $1)
                order by d.next_at, d.id
                limit greatest($3 - (select count(*) from busy where busy.webhook_id = w.id), 0)
                for update skip locked) d
            where w.disabled_at is null and a.disabled_at is null),
        taken as (select id from due order by turn, next_at, id limit $2)
        update webhook_delivery d set lease = $4, lease_until = $5 from due
        where d.id = due.id and d.id in (select id from taken)
        returning d.id, d.change_id, d.attempts, due.webhook_id, due.account_id, due.name, due.countries, due.role
        """,
        now, most, of_each, lease, until, [one.webhook_id for one in busy], [one.owner.account_id for one in busy],
    )  # fmt: skip
    return [Claimed(row["id"], row["change_id"], row["attempts"], lease, _endpoint(row)) for row in rows]


async def drop(tx: Tx, one: Claimed) -> None:
    """Take away a delivery of what its account does not see any more."""
    await tx.execute("delete from webhook_delivery where id = $1 and lease = $2", one.id, one.lease)


async def give_back(tx: Tx, one: Claimed) -> None:
    """Leave a delivery to whoever looks next."""
    await tx.execute(
        "update webhook_delivery set lease = null, lease_until = null where id = $1 and lease = $2",
        one.id,
        one.lease,
    )


async def settle(
    tx: Tx, one: Claimed, *, state: str, next_at: datetime | None, status: int | None, fault: str | None,
    now: datetime,
) -> bool:  # fmt: skip
    """Note what came of an attempt; False where somebody else has taken the delivery meanwhile."""
    done = await tx.execute(
        """
        update webhook_delivery set state = $3, next_at = $4, attempts = attempts + 1, last_at = $5, status = $6,
            fault = $7, lease = null, lease_until = null
        where id = $1 and lease = $2
        """,
        one.id, one.lease, state, next_at, now, status, fault,
    )  # fmt: skip
    return done != "UPDATE 0"


async def send_again(tx: Tx, webhook_id: UUID, delivery_id: UUID, now: datetime) -> bool:
    """Make a delivery due at once; one that had ended begins its attempts anew. False: there is none."""
    done = await tx.execute(
        """
        update webhook_delivery set state = 'pending', next_at = $3,
            attempts = case state when 'pending' then attempts else 0 end
        where id = $1 and webhook_id = $2
        """,
        delivery_id, webhook_id, now,
    )  # fmt: skip
    return done != "UPDATE 0"


def _endpoint(row: Record) -> Endpoint:
    actor = Actor(
        row["account_id"], tuple(row["countries"]), Role(row["role"]), row["name"], frozenset({Scope.READ})
    )
    return Endpoint(row["webhook_id"], actor)
