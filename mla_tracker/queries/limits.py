"""Limits as data: every version on record, with what it rests on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.limits import Limit
from mla_tracker.domain.vocabulary import Basis, RequestKind, Stage
from mla_tracker.queries.agreements import may_see
from mla_tracker.storage.agreements import limits_of, load
from mla_tracker.storage.database import Tx
from mla_tracker.storage.law import ended_by_successors, limit_from_document

_OF_AGREEMENT: Final = re.compile(r"agreement-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-")


@dataclass(frozen=True, slots=True)
class LimitFilter:
    """What limits are wanted; None: any. `country`: whose own law or policy. `in_force_on`: versions valid that day."""

    kind: RequestKind | None = None
    stage: Stage | None = None
    basis: Basis | None = None
    convention: str | None = None
    country: str | None = None
    verified: bool | None = None
    in_force_on: date | None = None


async def limits(tx: Tx, wanted: LimitFilter, *, after: tuple[str, int] | None, limit: int) -> list[Limit]:
    """The next `limit` versions by id and version, after the pair given (exclusive)."""
    rows = await tx.fetch(
        """
        select definition, successor from limit_version as held, lateral (
            select min(later.valid_from) as successor from limit_version as later
            where later.id = held.id and later.version > held.version
                and later.basis = 'policy' and later.country is not null
        ) as ended
        where ($1::text is null or definition -> 'kinds' ? $1 or definition -> 'kinds' = '[]')
            and ($2::text is null or stage = $2)
            and ($3::text is null or basis = $3)
            and ($4::text is null or convention = $4)
            and ($5::text is null or country = $5)
            and ($6::boolean is null or (definition ->> 'verified')::boolean = $6)
            and ($7::date is null or (
                coalesce(valid_from, '-infinity') <= $7 and $7 < coalesce(least(valid_to, successor), 'infinity')))
            and ($8::text is null or (id, version) > ($8, $9))
        order by id, version limit $10
        """,
        wanted.kind,
        wanted.stage,
        wanted.basis,
        wanted.convention,
        wanted.country,
        wanted.verified,
        wanted.in_force_on,
        *(after or (None, 0)),
        limit,
    )
    return [_until(limit_from_document(row["definition"]), row["successor"]) for row in rows]


def _until(limit: Limit, successor: date | None) -> Limit:
    """The limit, valid no longer than until its next version begins."""
    if successor is None or (limit.valid_to is not None and limit.valid_to <= successor):
        return limit
    return replace(limit, valid_to=successor)


async def versions(tx: Tx, limit_id: str, *, actor: Actor, now: datetime) -> Sequence[Limit]:
    """Every version of one limit, newest first.

    The id of an agreement's own limit is found too, as the agreement has it now, by who may see the agreement.
    Raises NotFound.
    """
    if of_agreement := _OF_AGREEMENT.match(limit_id):
        found = await _of_agreement(tx, UUID(of_agreement[1]), limit_id, actor, now)
    else:
        rows = await tx.fetch("select definition from limit_version where id = $1", limit_id)
        ended = ended_by_successors(limit_from_document(row["definition"]) for row in rows)
        found = list(reversed(ended))
    if not found:
        raise NotFound(
            "There is no such limit, or this account may not see it. List the limits to find its id."
        )
    return found


async def _of_agreement(
    tx: Tx, agreement_id: UUID, limit_id: str, actor: Actor, now: datetime
) -> Sequence[Limit]:
    row = await load(tx, agreement_id)
    if row is None or not may_see(row, actor, now):
        return []
    return [limit for limit in limits_of(row) if limit.id == limit_id]
