"""Requests as an account may see them: one whole, its history, its clocks with explanations, and the list."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue.languages import ENGLISH
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import is_told
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.histories import unexplained_wish
from mla_tracker.domain.ordering import legal_order
from mla_tracker.domain.permissions import Deed, may
from mla_tracker.domain.sentences import sentence, step_of
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries.clock_views import SHOWN_OF_CLOCK, Row, clock_order, clock_view, flag_view
from mla_tracker.queries.texts import own_texts, subjects_of, texts_of_acts
from mla_tracker.storage.cases import event_of, zone_names, zones_of
from mla_tracker.storage.database import Tx
from mla_tracker.storage.date_moves import moves_of
from mla_tracker.storage.local_days import days_in_force
from mla_tracker.storage.requests import StoredEvent
from mla_tracker.storage.selecting import listed
from mla_tracker.storage.tables import Flag, Request, RequestEvent, columns
from mla_tracker.storage.visibility import Sight


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What a list of requests is narrowed to; None and empty: whatever."""

    kind: str | None = None
    status: str | None = None
    outcome: str | None = None
    country: str | None = None
    requesting_country: str | None = None
    requested_country: str | None = None
    urgency: str | None = None
    convention: str | None = None
    agreement_id: UUID | None = None
    assigned_to: str | None = None
    external_reference: str | None = None
    reference: str | None = None
    handling: str | None = None


async def request(
    tx: Tx, request_id: UUID, *, actor: Actor, now: datetime, parting: bool = False
) -> dict[str, Any]:
    """One request with its clocks, flags and links. Raises NotFound where the account may not see it.

    `parting`: seen once more by an account of its countries whose own act has just hidden it.
    """
    row = await tx.fetchrow(
        _whole(_sight(actor), parting=parting), request_id, list(actor.countries), actor.account_id
    )
    if row is None:
        raise _not_found()
    clocks = await tx.fetch(f"select {SHOWN_OF_CLOCK} from clock where request_id = $1", request_id)
    texts = own_texts(tx.vault, row) if may(actor, Deed.READ_TEXTS) else {}
    return {
        **_summary(row, actor),
        "subject": texts.get("subject"),
        "urgency_reason": texts.get("urgency_reason"),
        "wished_by_reason": texts.get("wished_by_reason"),
        "items": row["items"],
        "channel": row["channel"],
        "language": row["language"],
        "assigned_to": row[f"assigned_{own_side(row, actor)}"],
        "warnings": [
            sentence(step, ENGLISH)
            for step in (
                *map(step_of, row["warnings"]),
                *(
                    unexplained_wish(row["wished_by"], texts.get("wished_by_reason"))
                    if may(actor, Deed.READ_TEXTS) and row["erased_at"] is None
                    else ()
                ),
            )
        ],
        "clocks": [clock_view(clock, now) for clock in sorted(clocks, key=clock_order)],
        "flags": [
            flag_view(dict(zip(_OF_FLAG, flag, strict=True)), own_side(row, actor)) for flag in row["flags"]
        ],
        "links": row["links"],
    }


def _sight(actor: Actor) -> Sight:
    return Sight.of(actor, countries="$2", account="$3")


def _whole(sight: Sight, *, parting: bool) -> str:
    """All but the clocks in one round trip."""
    return f"""
    select {listed(Request, "r")},
        array(
            select ({listed(Flag, "f")}) from flag f where f.request_id = r.id order by f.raised_at, f.id
        ) as flags,
        (
            select array_agg((t.id, t.field, t.sealed)) from free_text t
            where t.request_id = r.id and t.event_id is null and t.sealed is not null and t.owner_country is null
        ) as texts,
        (select k.wrapped from record_key k where k.request_id = r.id) as wrapped,
        (
            select coalesce(jsonb_agg(
                jsonb_build_object(
                    'request_id', other.id, 'relation', l.relation, 'recorded_here', l.request_id = $1
                ) order by other.created_at, other.id
            ), '[]')
            from request_link l
            join request other on other.id = case when l.request_id = $1 then l.other_id else l.request_id end
            where (l.request_id = $1 or l.other_id = $1)
                and {sight.seen("other")} and {sight.is_party("other")}
        ) as links
    from request r where r.id = $1 and {"true" if parting else sight.seen("r")} and {sight.is_party("r")}
    """


def _not_found() -> NotFound:
    return NotFound("There is no such request, or this account may not see it.")


async def visible_row(tx: Tx, request_id: UUID, actor: Actor) -> Row:
    """The row of a request that the account may see. Raises NotFound otherwise."""
    sight = _sight(actor)
    row = await tx.fetchrow(
        f"select {listed(Request, 'r')} from request r where r.id = $1 and {sight.seen('r')} and {sight.is_party('r')}",
        request_id,
        list(actor.countries),
        actor.account_id,
    )
    if row is None:
        raise _not_found()
    return dict(row)


async def is_visible(tx: Tx, request_id: UUID, actor: Actor) -> bool:
    """Whether the account may see the request, if there is one."""
    try:
        await visible_row(tx, request_id, actor)
    except NotFound:
        return False
    return True


def own_side(row: Row, actor: Actor) -> str:
    """The side whose officer and notes the account sees: the requesting one if it speaks for both."""
    return "requesting" if actor.speaks_for(row["requesting_country"]) else "requested"


def seen_version(row: Row, actor: Actor) -> dict[str, Any]:
    """How often, and when last, the request changed in what the account's countries may know of it."""
    if actor.speaks_for(row["requesting_country"]) and actor.speaks_for(row["requested_country"]):
        return {"version": row["version"], "updated_at": row["updated_at"]}
    side = own_side(row, actor)
    return {"version": row[f"version_{side}"], "updated_at": row[f"updated_{side}_at"]}


async def clocks_explained(tx: Tx, request_id: UUID, *, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """The clocks of a request with the steps (`Step`) that lead to each date, and what moved it. Raises NotFound."""
    await visible_row(tx, request_id, actor)
    rows = await tx.fetch(
        f"select {SHOWN_OF_CLOCK}, explanation from clock where request_id = $1", request_id
    )
    moved = await moves_of(tx, request_id)
    return [
        {
            **clock_view(row, now),
            "moves": [move for move in moved if move["clock"] == row["clock_key"]],
            "explanation": [step_of(document) for document in row["explanation"]["steps"]],
            "warnings": [sentence(step_of(document), ENGLISH) for document in row["explanation"]["warnings"]],
        }
        for row in sorted(rows, key=clock_order)
    ]


async def history(
    tx: Tx, request_id: UUID, *, actor: Actor, now: datetime, as_of: datetime | None = None
) -> list[dict[str, Any]]:
    """Every act of a request in legal order, voided ones too, as recorded by `as_of`. Raises NotFound.

    An act that links to a request which the account may not see is left out: it would tell that there is one.
    """
    row = await visible_row(tx, request_id, actor)
    acts = await tx.fetch(
        f"{_ACTS} where e.request_id = $1 and ($4::timestamptz is null or e.recorded_at <= $4) "
        f"and {_link_is_seen(_sight(actor))}",
        request_id,
        list(actor.countries),
        actor.account_id,
        as_of,
    )
    texts = await texts_of_acts(tx, request_id, actor)
    stored = [StoredEvent(**{name: act[name] for name in _OF_EVENT}) for act in acts]
    live = [event for event, act in zip(stored, acts, strict=True) if act["voided_at"] is None]
    countries = (row["requesting_country"], row["requested_country"])
    zones = zones_of(
        *countries,
        live,
        await days_in_force(tx, countries, now, zone_names(e.data for e in live), reading=True),
    )
    order = legal_order([event_of(event, row["requesting_country"], zones) for event in stored])
    place = {event.id: number for number, event in enumerate(order)}
    return [_event_view(act, texts) for act in sorted(acts, key=lambda act: place[str(act["id"])])]


async def recorded(
    tx: Tx, request_id: UUID, event_id: UUID, *, actor: Actor, now: datetime
) -> dict[str, Any]:
    """One act, with the request as it stands. Raises NotFound."""
    view = await request(tx, request_id, actor=actor, now=now)
    act = await tx.fetchrow(f"{_ACTS} where e.request_id = $1 and e.id = $2", request_id, event_id)
    if act is None:
        raise _not_found()
    return {**_event_view(act, await texts_of_acts(tx, request_id, actor, event_id)), "request": view}


_ACTS = f"""
    select {listed(RequestEvent, "e")}, v.recorded_at as voided_at, v.voided_by, v.replacement_id
    from request_event e left join event_void v on v.event_id = e.id
"""
_OF_FLAG = tuple(column._meta.name for column in columns(Flag))
_OF_EVENT = tuple(field.name for field in fields(StoredEvent))


def _link_is_seen(sight: Sight) -> str:
    return f"""
    (e.type <> 'linked' or exists (
        select from request r where r.id = (e.data ->> 'request_id')::uuid
            and {sight.seen("r")} and {sight.is_party("r")}))
    """


def _event_view(row: Row, texts: Mapping[tuple[UUID, str], str | None]) -> dict[str, Any]:
    reason = texts.get((row["id"], "reason"))
    voided = None
    if row["voided_at"] is not None:
        voided = {
            "voided_at": row["voided_at"],
            "voided_by": row["voided_by"],
            "reason": texts.get((row["id"], "void_reason")),
            "replacement_id": row["replacement_id"],
        }
    return {
        "id": row["id"],
        "type": row["type"],
        "occurred_at": row["occurred_at"],
        "occurred_on": row["occurred_on"],
        "data": dict(row["data"]) | ({"reason": reason} if reason else {}),
        "note": texts.get((row["id"], "note")),
        "asserted_by": row["asserted_by"],
        "told": is_told(
            Act(row["type"]), row["asserted_by"], row["requesting_country"], row["requested_country"]
        ),
        "recorded_at": row["recorded_at"],
        "voided": voided,
    }


async def requests(
    tx: Tx,
    wanted: RequestFilter,
    *,
    actor: Actor,
    after: tuple[datetime, UUID] | None,
    as_of: datetime,
    limit: int,
) -> list[dict[str, Any]]:
    """Requests that the account may see, newest record first; `after` is the last of the page before, exclusive.

    Each side is read by its own index and the two are merged.
    """
    parts: list[str] = ["created_at <= $2"]
    values: list[Any] = [list(actor.countries), as_of, actor.account_id]

    def add(condition: str, value: Any) -> None:
        values.append(value)
        parts.append(condition.replace("?", f"${len(values)}"))

    for name in (
        "kind",
        "status",
        "outcome",
        "requesting_country",
        "requested_country",
        "urgency",
        "convention",
        "agreement_id",
        "handling",
    ):
        if (value := getattr(wanted, name)) is not None:
            add(f"{name} = ?", value)
    if wanted.country is not None:
        add("(requesting_country = ? or requested_country = ?)", wanted.country)
    if wanted.external_reference is not None:
        add("external_reference = ? and recorded_by = any($1::text[])", wanted.external_reference)
    if wanted.reference is not None:
        add("(reference_requesting = ? or reference_requested = ?)", wanted.reference)
    if wanted.assigned_to is not None:
        add(
            "(assigned_requesting = ? and requesting_country = any($1::text[])"
            " or assigned_requested = ? and requested_country = any($1::text[]))",
            wanted.assigned_to,
        )
    if after is not None:
        add("(created_at, id) < (?", after[0])
        values.append(after[1])
        parts[-1] += f", ${len(values)})"
    values.append(limit)
    # Conditions hold our own column names and places only; every value is bound.
    where = " and ".join(parts)
    seen = Sight.of(actor, countries="$1", account="$3").seen("request")
    rows = await tx.fetch(
        f"""
        select * from (
            (select {listed(Request)} from request where requesting_country = any($1::text[]) and {seen} and {where}
                order by created_at desc, id desc limit ${len(values)})
            union all
            (select {listed(Request)} from request where requested_country = any($1::text[])
                and not requesting_country = any($1::text[]) and {seen} and {where}
                order by created_at desc, id desc limit ${len(values)})
        ) both_sides order by created_at desc, id desc limit ${len(values)}
        """,
        *values,
    )
    subjects = await subjects_of(tx, [row["id"] for row in rows], actor)
    return [
        {
            **_summary(row, actor),
            "subject": subjects.get(row["id"]),
            "assigned_to": row[f"assigned_{own_side(row, actor)}"],
        }
        for row in rows
    ]


def _summary(row: Row, actor: Actor) -> dict[str, Any]:
    same = (
        "id", "kind", "requesting_country", "requested_country", "recorded_by", "urgency", "agreement_id", "convention",
        "assistance", "circumstances", "offences", "wished_by", "handling", "status", "custody", "outcome",
        "reclassified_as", "ended_on", "created_at", "erased_at",
    )  # fmt: skip
    return {
        **{name: row[name] for name in same},
        **seen_version(row, actor),
        "draft": not row["shared"],
        "external_reference": row["external_reference"] if actor.speaks_for(row["recorded_by"]) else None,
        "references": {"requesting": row["reference_requesting"], "requested": row["reference_requested"]},
    }
