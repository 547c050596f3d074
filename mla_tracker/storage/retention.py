"""How long countries keep persons and texts, which requests are over, and the erasing of all that they hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.audit import Change
from mla_tracker.domain.persons import ErasureGround
from mla_tracker.domain.retention import Closing, RetentionRule
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.storage import rows
from mla_tracker.storage.audited import added, changed
from mla_tracker.storage.database import Tx
from mla_tracker.storage.persons import erased
from mla_tracker.storage.requests import NEXT_VERSION


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request that holds what may have to be forgotten."""

    id: UUID
    requesting_country: str
    requested_country: str
    recorded_by: str
    shared: bool

    @property
    def countries(self) -> tuple[str, str]:
        """Both."""
        return self.requesting_country, self.requested_country

    @property
    def known_to(self) -> tuple[str, ...]:
        """The countries that know of it: of a draft the one that recorded it."""
        return self.countries if self.shared else (self.recorded_by,)


@dataclass(frozen=True, slots=True)
class ClosedRequest(HeldRequest):
    """One that is closed."""

    kind: RequestKind
    closing: Closing


async def rule_of(tx: Tx, country: str) -> RetentionRule:
    """What a country says last; that it keeps, if it never said anything."""
    row = await tx.fetchrow(
        "select country, version, years, by_kind, set_at from retention_rule where country = $1 "
        "order by version desc limit 1",
        country,
    )
    return RetentionRule(country) if row is None else RetentionRule(**dict(row))


async def rules(tx: Tx) -> Mapping[str, RetentionRule]:
    """What each country says last that ever said anything."""
    found = await tx.fetch(
        "select distinct on (country) country, version, years, by_kind, set_at from retention_rule "
        "order by country, version desc"
    )
    return {row["country"]: RetentionRule(**dict(row)) for row in found}


async def insert_rule(tx: Tx, rule: RetentionRule, *, account_id: UUID) -> Change:
    """Let a rule hold from now on. Gives what the audit is to be told."""
    row: dict[str, Any] = {
        "country": rule.country,
        "version": rule.version,
        "years": rule.years,
        "by_kind": dict(rule.by_kind),
        "set_by_account": account_id,
        "set_at": rule.set_at,
    }
    await rows.insert(tx, {"retention_rule": [row]})
    return added("retention_rule", row)


# Of several closings the last counts. What was recorded last may be a void by which an old closing holds again.
_CLOSED: Final = """
    select r.id, r.kind, r.requesting_country, r.requested_country, r.recorded_by, r.shared, closing.occurred_on,
        closing.occurred_at,
        greatest(
            (select max(e.recorded_at) from request_event e where e.request_id = r.id),
            (select max(v.recorded_at) from event_void v where v.request_id = r.id),
            (select max(p.updated_at) from person p where p.request_id = r.id and p.erased_at is null),
            (select max(t.recorded_at) from free_text t where t.request_id = r.id and t.erased_at is null)
        ) as last_recorded_at
    from request r cross join lateral (
        select e.occurred_on, e.occurred_at, e.recorded_at from request_event e
        where e.request_id = r.id and e.type = 'closed'
            and not exists (select from event_void v where v.event_id = e.id)
        order by coalesce(e.occurred_on, ((e.occurred_at + interval '14 hours') at time zone 'UTC')::date) desc,
            e.recorded_at desc
        limit 1
    ) closing
    where r.status = 'closed' and r.erased_at is null
        -- What outlives a closing (speciality, safe conduct, telling the result) needs the case.
        and not exists (
            select from clock c where c.request_id = r.id
                and (c.state = 'paused' or c.state = 'running' and c.effect = 'deadline'))
        -- Reopened and never closed since, as it was recorded: that days now read otherwise destroys nothing.
        and not exists (
            select from request_event o where o.request_id = r.id and o.type = 'reopened'
                and o.recorded_at > closing.recorded_at
                and not exists (select from event_void v where v.event_id = o.id))
"""


async def closed_after(tx: Tx, after: UUID | None, limit: int) -> list[ClosedRequest]:
    """Closed requests that were not erased, by id."""
    found = await tx.fetch(
        f"{_CLOSED} and ($1::uuid is null or r.id > $1) order by r.id limit $2", after, limit
    )
    return [_closed(row) for row in found]


async def hold(tx: Tx, request_ids: Sequence[UUID]) -> list[ClosedRequest]:
    """Those of some requests that are closed still and in nobody else's hands, held until the transaction ends."""
    held = await tx.fetch(
        "select id from request where id = any($1::uuid[]) and status = 'closed' and erased_at is null "
        "order by id for no key update skip locked",
        list(request_ids),
    )
    found = await tx.fetch(f"{_CLOSED} and r.id = any($1::uuid[]) order by r.id", [row["id"] for row in held])
    return [_closed(row) for row in found]


def _closed(row: Record) -> ClosedRequest:
    return ClosedRequest(
        row["id"],
        row["requesting_country"],
        row["requested_country"],
        row["recorded_by"],
        row["shared"],
        RequestKind(row["kind"]),
        Closing(row["occurred_on"], row["occurred_at"], row["last_recorded_at"]),
    )


async def erase(tx: Tx, request: HeldRequest, now: datetime) -> list[Change]:
    """Destroy all persons and texts of a request that is held, and the key under which they were sealed.

    Where there was no key the row of one says so all the same, and nothing is sealed for the request any more. Gives
    what the audit is to be told.
    """
    ground = ErasureGround.RETENTION.value
    told: list[Change] = []
    for table, emptied in (
        ("free_text", "body = null, sealed = null, salt = null"),
        ("person", "sealed = null, salt = null, version = version + 1, updated_at = $2"),
    ):
        gone = await tx.fetch(
            f"update {table} set {emptied}, erased_at = $2, erased_for = $3 "
            "where request_id = $1 and erased_at is null returning id",
            request.id,
            now,
            ground,
        )
        for row in gone:
            told += erased(table, row["id"], ground, now)
    await tx.execute(
        """
        insert into record_key (request_id, requesting_country, requested_country, wrapped, destroyed_at)
        values ($1, $2, $3, null, $4)
        on conflict (request_id) do update set wrapped = null, destroyed_at = excluded.destroyed_at
        """,
        request.id, *request.countries, now,
    )  # fmt: skip
    told += changed(
        "record_key",
        {"request_id": request.id, "destroyed_at": None},
        {"request_id": request.id, "destroyed_at": now},
    )
    await tx.execute(
        f"update request set erased_at = $2, {NEXT_VERSION} where id = $1", request.id, now, request.known_to,
    )  # fmt: skip
    told += changed("request", {"id": request.id, "erased_at": None}, {"id": request.id, "erased_at": now})
    return told
