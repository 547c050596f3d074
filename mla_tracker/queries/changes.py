"""The feed of changes as one account sees it: what its side may know of, of what it may see now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.queries.agreements import EARLIEST_ZONE, today_in
from mla_tracker.storage.database import Tx
from mla_tracker.storage.visibility import Sight

_CHANGE: Final = (
    "c.id, c.position, c.at, c.what, c.request_id, c.requesting_country, c.requested_country, c.version, "
    "c.version_requesting, c.version_requested, c.event_ids, c.flag_id, c.agreement_id, c.agreement_event_id, "
    "c.country, c.limit_id"
)
"""What is read of a change `c`."""


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change: which record, and its version then for the reader's side. What it says is for the record to tell.

    `handling` is that of the request now, for the audit of readings; nobody is shown `position`.
    """

    id: UUID
    position: int
    what: ChangeKind
    at: datetime
    version: int | None
    request_id: UUID | None
    requesting_country: str | None
    requested_country: str | None
    event_ids: tuple[UUID, ...]
    flag_id: UUID | None
    agreement_id: UUID | None
    agreement_event_id: UUID | None
    country: str | None
    limit_id: str | None
    handling: str | None


_COUNTRIES: Final = 1
_ACCOUNT: Final = 2
_TODAY: Final = 3


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Changes in their order; all up to the position `reached` were looked at, and there may be `more` after it."""

    changes: list[ChangeView]
    reached: int
    more: bool


async def page(tx: Tx, actor: Actor, *, after: int, until: int, limit: int, now: datetime) -> FeedPage:
    """The first `limit` changes with a position after `after` (exclusive) until `until` (inclusive), in order."""
    within = "c.position > $4 and c.position <= $5"
    rows = await _fetch(tx, actor, now, within, "order by c.position limit $6", after, until, limit + 1)
    more = len(rows) > limit
    return FeedPage(_views(rows[:limit], actor, now), rows[limit - 1]["position"] if more else until, more)


async def of_ids(tx: Tx, actor: Actor, ids: list[UUID], now: datetime) -> list[ChangeView]:
    """Those of some changes that the account sees, in order."""
    rows = await _fetch(tx, actor, now, "c.id = any($4::uuid[]) and c.position is not null", "", ids)
    return _views(rows, actor, now)


async def _fetch(tx: Tx, actor: Actor, now: datetime, within: str, cut: str, *arguments: Any) -> list[Record]:
    sight = Sight.of(actor, countries=f"${_COUNTRIES}", account=f"${_ACCOUNT}")
    # Each country is looked for on each side by an index that holds the order, and the finds are merged.
    branches = [
        f"(select {_CHANGE} from change c join request r on r.id = c.request_id where c.{side}_country = "
        f"(${_COUNTRIES}::text[])[{n}] and c.seen_by && ${_COUNTRIES}::text[] and {sight.seen('r')} and {within} {cut})"
        for n in range(1, len(actor.countries) + 1)
        for side in ("requesting", "requested")
    ]
    branches.append(
        f"(select {_CHANGE} from change c left join agreement a on a.id = c.agreement_id where c.request_id is null "
        f"and cardinality(${_COUNTRIES}::text[]) > 0 and (c.agreement_id is null or {sight.own('a.recorded_by')} or "
        f"a.visible_to_all_from <= ${_TODAY}::date) and {within} {cut})"
    )
    return await tx.fetch(
        f"""
        with c as ({" union ".join(branches)})
        select {_CHANGE}, r.handling, a.recorded_by as agreement_of, a.visible_to_all_from, array(
            select e.id from unnest(c.event_ids) with ordinality as of_change (id, n) join request_event e
                on e.id = of_change.id
            where e.type <> 'linked' or exists (
                select from request other where other.id = (e.data ->> 'request_id')::uuid
                    and {sight.seen("other")} and {sight.is_party("other")})
            order by n) as events_seen
        from c left join request r on r.id = c.request_id left join agreement a on a.id = c.agreement_id
        {cut or "order by c.position"}
        """,
        list(actor.countries), actor.account_id, (now + EARLIEST_ZONE).date(), *arguments,
    )  # fmt: skip


def _views(rows: list[Record], actor: Actor, now: datetime) -> list[ChangeView]:
    """Without those of agreements that are public from a day which has begun elsewhere and not where they are from."""
    return [
        _view(row, actor)
        for row in rows
        if row["agreement_id"] is None
        or actor.speaks_for(row["agreement_of"])
        or row["visible_to_all_from"] <= today_in(row["agreement_of"], now)
    ]


def _view(row: Record, actor: Actor) -> ChangeView:
    version = row["version"]
    if row["request_id"] is not None:
        own = [side for side in ("requesting", "requested") if actor.speaks_for(row[f"{side}_country"])]
        version = row[f"version_{own[0]}"] if len(own) == 1 else version
    return ChangeView(
        row["id"], row["position"], ChangeKind(row["what"]), row["at"], version, row["request_id"],
        row["requesting_country"], row["requested_country"], tuple(row["events_seen"]), row["flag_id"],
        row["agreement_id"], row["agreement_event_id"], row["country"], row["limit_id"], row["handling"],
    )  # fmt: skip
