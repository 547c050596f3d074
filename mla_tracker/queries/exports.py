"""Requests with their live histories as documents that can be imported again, page by page, as an account may see them.

A document holds what a body of POST /requests holds, and beside it who recorded the request and stated its acts. Acts
stand in an order that follows from what they say, and refer to each other by their places in it, from 1.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import place
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.domain.vocabulary import Act, Side
from mla_tracker.storage.database import Tx
from mla_tracker.storage.requests import RECORD_COLUMNS, RequestRecord, StoredEvent
from mla_tracker.storage.texts import opened
from mla_tracker.storage.visibility import Sight

Document = dict[str, Any]
Texts = Mapping[tuple[UUID | None, str], str]

_PLAIN: Final = (
    "kind", "requesting_country", "requested_country", "recorded_by", "urgency", "convention", "assistance",
    "circumstances", "offences", "channel", "language", "external_reference", "wished_by", "handling",
)  # fmt: skip
OWN_TEXTS: Final = ("subject", "urgency_reason", "wished_by_reason")
_RANK: Final = {act.value: rank for rank, act in enumerate(Act)}


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


async def documents(
    tx: Tx, rows: Sequence[Mapping[str, Any]], *, actor: Actor, by_reference: bool = True
) -> list[Document]:
    """The documents of rows that the account sees; texts only for those who read them.

    What they refer to is named by the external reference that the own country gave it, else, or always, by id.
    """
    ids = [row["id"] for row in rows]
    events = await _events(tx, ids, actor)
    texts = await _texts(tx, ids, actor)
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
                RequestRecord(**{name: row[name] for name in RECORD_COLUMNS}),
                events.get(row["id"], ()),
                texts.get(row["id"], {}),
                named,
                actor,
            ),
        }
        for row in rows
    ]


def document(
    record: RequestRecord,
    events: Iterable[StoredEvent],
    texts: Texts,
    references: Mapping[UUID, str],
    actor: Actor,
) -> Document:
    """What a request says, its id aside. `references` are the external references of what it refers to, by id.

    Values that are absent are left out, so that two of the same content are equal.
    """
    found: Document = {}
    for name in _PLAIN:
        if (value := getattr(record, name)) not in (None, [], ()):
            found[name] = value.isoformat() if name == "wished_by" else value
    if not actor.speaks_for(record.recorded_by):
        found.pop("external_reference", None)
    for name in OWN_TEXTS:
        if (None, name) in texts:
            found[name] = texts[None, name]
    named = {
        side: reference
        for side in ("requesting", "requested")
        if (reference := getattr(record, f"reference_{side}")) is not None
    }
    if named:
        found["references"] = named
    own = "requesting" if actor.speaks_for(record.requesting_country) else "requested"
    if (assigned := getattr(record, f"assigned_{own}")) is not None:
        found["assigned_to"] = assigned
    if record.agreement_id is not None:
        known = references.get(UUID(int=record.agreement_id.int))
        found |= {"agreement_reference": known} if known else {"agreement_id": str(record.agreement_id)}
    ordered = sorted(
        (
            (_said(event, texts, references, _stated_by_default(Act(event.type), record, actor)), event)
            for event in events
        ),
        key=lambda one: _order(one[0]),
    )
    places = {str(event.id): number for number, (_, event) in enumerate(ordered, start=1)}
    for said, event in ordered:
        if "in_reply_to" in event.data:
            said.setdefault("data", {})["answers_act"] = places.get(str(event.data["in_reply_to"]))
    if ordered:
        found["events"] = [said for said, _ in ordered]
    return found


def _said(event: StoredEvent, texts: Texts, references: Mapping[UUID, str], by_default: str) -> Document:
    data = {name: value for name, value in event.data.items() if name != "in_reply_to"}
    if event.type == Act.LINKED and (known := references.get(UUID(str(data["request_id"])))):
        del data["request_id"]
        data["request_reference"] = known
    if (reason := texts.get((event.id, "reason"))) is not None:
        data["reason"] = reason
    said: Document = {"type": event.type}
    if event.occurred_at is not None:
        said["occurred_at"] = event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    else:
        assert event.occurred_on is not None
        said["occurred_on"] = event.occurred_on.isoformat()
    if event.asserted_by != by_default:
        said["asserted_by"] = event.asserted_by
    if data:
        said["data"] = dict(sorted(data.items()))
    if (note := texts.get((event.id, "note"))) is not None:
        said["note"] = note
    return said


def _stated_by_default(act: Act, record: RequestRecord, actor: Actor) -> str:
    """Who states an act that the account records without saying who: the country where it takes place, or its own."""
    country = record.requesting_country if place(act) is Side.REQUESTING else record.requested_country
    own = (
        record.requesting_country if actor.speaks_for(record.requesting_country) else record.requested_country
    )
    return country if actor.speaks_for(country) else own


def _order(said: Document) -> tuple[str, int, bytes]:
    return said.get("occurred_on") or said["occurred_at"], _RANK[said["type"]], to_json(said)


async def _events(tx: Tx, ids: Sequence[UUID], actor: Actor) -> dict[UUID, list[StoredEvent]]:
    sight = Sight.of(actor, countries="$2", account="$3")
    found: dict[UUID, list[StoredEvent]] = {}
    for row in await tx.fetch(
        f"""
        select e.request_id, e.id, e.type, e.occurred_at, e.occurred_on, e.data, e.asserted_by, e.recorded_at
        from request_event e
        where e.request_id = any($1::uuid[]) and not exists (select from event_void v where v.event_id = e.id)
            and (e.type <> 'linked' or exists (
                select from request r where r.id = (e.data ->> 'request_id')::uuid
                    and {sight.seen("r")} and {sight.is_party("r")}))
        """,
        ids, list(actor.countries), actor.account_id,
    ):  # fmt: skip
        own = dict(row)
        found.setdefault(own.pop("request_id"), []).append(StoredEvent(**own))
    return found


async def _texts(tx: Tx, ids: Sequence[UUID], actor: Actor) -> dict[UUID, dict[tuple[UUID | None, str], str]]:
    if not may(actor, Deed.READ_TEXTS):
        return {}
    found: dict[UUID, dict[tuple[UUID | None, str], str]] = {}
    for row in await tx.fetch(
        """
        select t.id, t.request_id, t.event_id, t.field, t.sealed, k.wrapped
        from free_text t join record_key k using (request_id)
        where t.request_id = any($1::uuid[]) and t.sealed is not null and t.field = any($3::text[])
            and (t.owner_country is null or t.owner_country = any($2::text[]))
        """,
        ids, list(actor.countries), [*OWN_TEXTS, "note", "reason"],
    ):  # fmt: skip
        of = found.setdefault(row["request_id"], {})
        of[row["event_id"], row["field"]] = opened(tx.vault, row["request_id"], row["wrapped"], row)
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
