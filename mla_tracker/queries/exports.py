"""Requests with their histories, persons and notes, page by page, as an account may see them: for files."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries.notes import FIELD as SIDE_NOTE
from mla_tracker.queries.request_documents import (
    OWN_TEXTS,
    Document,
    NoteTold,
    PersonTold,
    TakenBack,
    Told,
    document,
)
from mla_tracker.storage.database import Tx
from mla_tracker.storage.persons import COLUMNS, content_of
from mla_tracker.storage.requests import RECORD_COLUMNS, RequestRecord, StoredEvent
from mla_tracker.storage.texts import opened
from mla_tracker.storage.visibility import Sight

WHOLE: Final = frozenset({"taken_back", "persons", "notes"})
"""What a file may be silent on, see `Told.only`."""


async def request_page(
    tx: Tx, *, actor: Actor, after: tuple[datetime, UUID] | None, as_of: datetime, limit: int
) -> list[Mapping[str, Any]]:
    """Rows of the next requests that the account may see, first recorded first."""
    sight = Sight.of(actor, countries="$1", account="$2")
    read = ", ".join(f"r.{name}" for name in RECORD_COLUMNS)
    where = f"r.created_at <= $3 and {sight.seen('r')}"
    values: list[Any] = [list(actor.countries), actor.account_id, as_of, limit]
    if after is not None:
        where += " and (r.created_at, r.id) > ($5, $6)"
        values += after
    rows = await tx.fetch(
        f"""
        select * from (
            (select {read} from request r where r.requesting_country = any($1::text[]) and {where}
                order by r.created_at, r.id limit $4)
            union all
            (select {read} from request r where r.requested_country = any($1::text[])
                and not r.requesting_country = any($1::text[]) and {where}
                order by r.created_at, r.id limit $4)
        ) both_sides order by created_at, id limit $4
        """,
        *values,
    )
    return [dict(row) for row in rows]


async def request_rows(tx: Tx, ids: Sequence[UUID], *, actor: Actor) -> list[Mapping[str, Any]]:
    """Rows of requests in the order of their ids, as far as the account may see them."""
    sight = Sight.of(actor, countries="$2", account="$3")
    read = ", ".join(f"r.{name}" for name in RECORD_COLUMNS)
    rows = await tx.fetch(
        f"""
        select {read} from request r where r.id = any($1::uuid[]) and {sight.seen("r")} and {sight.is_party("r")}
        order by array_position($1::uuid[], r.id)
        """,
        list(ids), list(actor.countries), actor.account_id,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def links_of(tx: Tx, ids: Sequence[UUID], *, actor: Actor) -> dict[UUID, list[UUID]]:
    """The requests that some are linked to by their acts, as far as the account may see them; those, in their order."""
    sight = Sight.of(actor, countries="$2", account="$3")
    found: dict[UUID, list[UUID]] = {one: [] for one in ids}
    for row in await tx.fetch(
        f"""
        select e.request_id, r.id from request_event e join request r on r.id = (e.data ->> 'request_id')::uuid
        where e.request_id = any($1::uuid[]) and e.type = 'linked' and {sight.seen("r")} and {sight.is_party("r")}
        order by r.created_at, r.id
        """,
        list(ids), list(actor.countries), actor.account_id,
    ):  # fmt: skip
        found[row["request_id"]].append(row["id"])
    return {one: others for one, others in found.items() if others}


async def documents(
    tx: Tx,
    rows: Sequence[Mapping[str, Any]],
    *,
    actor: Actor,
    by_reference: bool = True,
    parts: Collection[str] = WHOLE,
) -> list[Document]:
    """The documents of rows that the account sees; texts, persons and notes only for those who read them.

    What they refer to is named by the external reference that the own country gave it, else, or always, by id. Of WHOLE
    only `parts` are told.
    """
    ids = [row["id"] for row in rows]
    texts, notes = await _texts(tx, ids, actor)
    events, taken_back = await _acts(tx, ids, texts, actor)
    persons = await _persons(tx, ids, actor) if "persons" in parts else {}
    named: dict[UUID, str] = {}
    if by_reference:
        others = {
            UUID(one.data["request_id"]) for of in events.values() for one in of if one.type == Act.LINKED
        }
        named |= await _references(tx, "agreement", {row["agreement_id"] for row in rows}, actor)
        named |= await _references(tx, "request", others, actor)
    return [
        {
            "id": str(row["id"]),
            **document(
                Told(
                    RequestRecord(**{name: row[name] for name in RECORD_COLUMNS}),
                    events.get(row["id"], ()),
                    texts.get(row["id"], {}),
                    taken_back.get(row["id"], ()),
                    persons.get(row["id"], ()),
                    notes.get(row["id"], ()),
                ).only(parts),
                named,
                actor,
            ),
        }
        for row in rows
    ]


_TextsOf = dict[UUID, dict[tuple[UUID | None, str], str]]


async def _acts(
    tx: Tx, ids: Sequence[UUID], texts: _TextsOf, actor: Actor
) -> tuple[dict[UUID, list[StoredEvent]], dict[UUID, list[TakenBack]]]:
    """The acts of requests, and which of them were taken back."""
    sight = Sight.of(actor, countries="$2", account="$3")
    found: dict[UUID, list[StoredEvent]] = {}
    taken_back: dict[UUID, list[TakenBack]] = {}
    for row in await tx.fetch(
        f"""
        select e.request_id, e.id, e.type, e.occurred_at, e.occurred_on, e.data, e.asserted_by, e.recorded_at,
            v.voided_by, v.replacement_id
        from request_event e left join event_void v on v.event_id = e.id
        where e.request_id = any($1::uuid[])
            and (e.type <> 'linked' or exists (
                select from request r where r.id = (e.data ->> 'request_id')::uuid
                    and {sight.seen("r")} and {sight.is_party("r")}))
        """,
        ids, list(actor.countries), actor.account_id,
    ):  # fmt: skip
        own = dict(row)
        of, voided_by, replacement = (own.pop(name) for name in ("request_id", "voided_by", "replacement_id"))
        found.setdefault(of, []).append(StoredEvent(**own))
        if voided_by is not None:
            reason = texts.get(of, {}).get((row["id"], _VOID_REASON))
            taken_back.setdefault(of, []).append(TakenBack(row["id"], voided_by, reason, replacement))
    return found, taken_back


_VOID_REASON: Final = "void_reason"


async def _texts(tx: Tx, ids: Sequence[UUID], actor: Actor) -> tuple[_TextsOf, dict[UUID, list[NoteTold]]]:
    """The texts of requests by act and field, and the notes of the own side, first recorded first."""
    fields = [*OWN_TEXTS, "note", "reason", _VOID_REASON] if may(actor, Deed.READ_TEXTS) else []
    fields += [SIDE_NOTE] if may(actor, Deed.READ_NOTES) else []
    found: _TextsOf = {}
    notes: dict[UUID, list[NoteTold]] = {}
    if not fields:
        return found, notes
    for row in await tx.fetch(
        """
        select t.id, t.request_id, t.event_id, t.field, t.owner_country, t.sealed, k.wrapped
        from free_text t join record_key k using (request_id)
        where t.request_id = any($1::uuid[]) and t.sealed is not null and t.field = any($3::text[])
            and (t.owner_country is null or t.owner_country = any($2::text[]))
        order by t.recorded_at, t.id
        """,
        ids, list(actor.countries), fields,
    ):  # fmt: skip
        text = opened(tx.vault, row["request_id"], row["wrapped"], row)
        if row["field"] == SIDE_NOTE:
            notes.setdefault(row["request_id"], []).append(NoteTold(row["owner_country"], text))
        else:
            found.setdefault(row["request_id"], {})[row["event_id"], row["field"]] = text
    return found, notes


async def _persons(tx: Tx, ids: Sequence[UUID], actor: Actor) -> dict[UUID, list[PersonTold]]:
    """The persons of requests, first recorded first, without those that were erased."""
    found: dict[UUID, list[PersonTold]] = {}
    if not may(actor, Deed.READ_PERSONS):
        return found
    for row in await tx.fetch(
        f"""
        select {COLUMNS}, k.wrapped from person p join record_key k using (request_id)
        where p.request_id = any($1::uuid[]) and p.sealed is not null
        order by p.created_at, p.id
        """,
        ids,
    ):
        content = content_of(tx, row)
        assert content is not None
        found.setdefault(row["request_id"], []).append(PersonTold(row["recorded_by"], row["part"], content))
    return found


async def _references(tx: Tx, table: str, ids: Collection[UUID | None], actor: Actor) -> dict[UUID, str]:
    """The external references that the account's own countries gave to records, by id."""
    wanted = [one for one in ids if one is not None]
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""
        select id, external_reference from {table}
        where id = any($1::uuid[]) and recorded_by = any($2::text[]) and external_reference is not null
        """,
        wanted, list(actor.countries),
    )  # fmt: skip
    return {UUID(int=row["id"].int): row["external_reference"] for row in rows}


async def taken(tx: Tx, table: str, country: str, references: Collection[str]) -> dict[str, UUID]:
    """The records of a country by those of the external references that it has given."""
    rows = await tx.fetch(
        f"select id, external_reference from {table} where recorded_by = $1 and external_reference = any($2::text[])",
        country, list(references),
    )  # fmt: skip
    return {row["external_reference"]: UUID(int=row["id"].int) for row in rows}
