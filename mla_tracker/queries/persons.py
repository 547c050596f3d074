"""Who a request is about, for those who work on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.domain.persons import Part, sought_together
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.queries.requests import visible_row
from mla_tracker.storage.database import Tx
from mla_tracker.storage.persons import COLUMNS, content_of

Row: TypeAlias = Mapping[str, Any]

CONTENT: Final = (
    "names", "sex", "born_on", "birth_place", "birth_country", "nationalities", "identifiers", "remarks",
)  # fmt: skip
"""What may be said of a person, all of it sealed."""


async def persons(
    tx: Tx,
    request_id: UUID,
    *,
    actor: Actor,
    after: tuple[datetime, UUID] | None,
    as_of: datetime,
    limit: int,
) -> list[dict[str, Any]]:
    """The persons of a request in the order of recording, erased ones without content. Raises NotFound."""
    request = await visible_row(tx, request_id, actor)
    found = await tx.fetch(
        f"""
        {_SHOWN} where p.request_id = $1 and p.created_at <= $2
            and ($3::timestamptz is null or (p.created_at, p.id) > ($3, $4::uuid))
        order by p.created_at, p.id limit $5
        """,
        request_id,
        as_of,
        *(after or (None, None)),
        limit,
    )
    return [_view(tx, row, request, actor) for row in found]


async def person(tx: Tx, request_id: UUID, person_id: UUID, *, actor: Actor) -> dict[str, Any]:
    """One person. Raises NotFound."""
    request = await visible_row(tx, request_id, actor)
    row = await tx.fetchrow(f"{_SHOWN} where p.request_id = $1 and p.id = $2", request_id, person_id)
    if row is None:
        raise no_such_person()
    return _view(tx, row, request, actor)


def no_such_person() -> NotFound:
    """The same for a person of another request and for one that nobody recorded."""
    return NotFound("There is no such person in this request.")


_SHOWN: Final = f"""
    select {COLUMNS}, k.wrapped,
        (
            select count(*) from person s
            where s.request_id = p.request_id and s.part = 'person_sought' and s.erased_at is null
        ) as sought
    from person p left join record_key k using (request_id)
"""


def _view(tx: Tx, row: Record, request: Row | Record, actor: Actor) -> dict[str, Any]:
    content = content_of(tx, row) if may(actor, Deed.READ_PERSONS) else None
    warning = None
    if content is not None and row["part"] == Part.PERSON_SOUGHT:
        warning = sought_together(RequestKind(request["kind"]), row["sought"])
    same = (
        "id",
        "request_id",
        "part",
        "recorded_by",
        "version",
        "created_at",
        "updated_at",
        "erased_at",
        "erased_for",
    )
    return {
        **{name: row[name] for name in same},
        **{name: content.get(name) if content is not None else None for name in CONTENT},
        "warnings": [warning] if warning else [],
    }
