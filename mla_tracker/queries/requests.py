"""Requests as an account may see them: one whole, its history, its clocks with explanations, and the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.clocks import state_at
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.sentences import sentence, step_of
from mla_tracker.domain.vocabulary import ClockState, Effect, Role
from mla_tracker.storage.database import Tx

# Who reads subject, reasons and notes: they name persons.
READS_TEXT = frozenset({Role.OFFICER, Role.HEAD, Role.INTEGRATION})

Row: TypeAlias = Record | Mapping[str, Any]


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


async def request(tx: Tx, request_id: UUID, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """One request with its clocks, flags and links. Raises NotFound where the account may not see it."""
    row = await visible_row(tx, request_id, actor)
    texts = await _texts(tx, request_id, actor)
    clocks = await tx.fetch("select * from clock where request_id = $1", request_id)
    flags = await tx.fetch("select * from flag where request_id = $1 order by raised_at, id", request_id)
    links = await _links(tx, request_id, actor)
    own = own_side(row, actor)
    return {
        **_summary(row, actor),
        "subject": texts.get("subject"),
        "urgency_reason": texts.get("urgency_reason"),
        "wished_by_reason": texts.get("wished_by_reason"),
        "items": row["items"],
        "channel": row["channel"],
        "language": row["language"],
        "assigned_to": row[f"assigned_{own}"],
        "warnings": [sentence(step_of(document)) for document in row["warnings"]],
        "clocks": [clock_view(clock, now) for clock in sorted(clocks, key=_clock_order)],
        "flags": [flag_view(flag) for flag in flags],
        "links": links,
    }


async def visible_row(tx: Tx, request_id: UUID, actor: Actor) -> Row:
    """The row of a request that the account may see. Raises NotFound otherwise."""
    row = await tx.fetchrow(
        """
        select * from request where id = $1
        and (recorded_by = any($2::text[])
            or shared and (requesting_country = any($2::text[]) or requested_country = any($2::text[])))
        """,
        request_id,
        list(actor.countries),
    )
    if row is None:
        raise NotFound("There is no such request, or this account may not see it.")
    return dict(row)


def own_side(row: Row, actor: Actor) -> str:
    """The side whose officer and notes the account sees: the requesting one if it speaks for both."""
    return "requesting" if actor.speaks_for(row["requesting_country"]) else "requested"


async def clocks_explained(tx: Tx, request_id: UUID, *, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """The clocks of a request with the steps (`Step`) that lead to each date. Raises NotFound."""
    await visible_row(tx, request_id, actor)
    rows = await tx.fetch("select * from clock where request_id = $1", request_id)
    return [
        {
            **clock_view(row, now),
            "explanation": [step_of(document) for document in row["explanation"]["steps"]],
            "warnings": [sentence(step_of(document)) for document in row["explanation"]["warnings"]],
        }
        for row in sorted(rows, key=_clock_order)
    ]


async def history(tx: Tx, request_id: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """Every act of a request, voided ones too, by the day they took place. Raises NotFound."""
    await visible_row(tx, request_id, actor)
    rows = await tx.fetch(
        """
        select e.*, v.recorded_at as voided_at, v.voided_by, v.replacement_id
        from request_event e left join event_void v on v.event_id = e.id
        where e.request_id = $1
        order by coalesce(e.occurred_on, (e.occurred_at at time zone 'UTC')::date), e.occurred_at nulls first, e.id
        """,
        request_id,
    )
    texts: dict[tuple[UUID, str], str | None] = {}
    if actor.role in READS_TEXT:
        found = await tx.fetch(
            """
            select event_id, field, body from free_text
            where request_id = $1 and event_id is not null
                and (owner_country is null or owner_country = any($2::text[]))
            """,
            request_id,
            list(actor.countries),
        )
        texts = {(text["event_id"], text["field"]): text["body"] for text in found}
    return [_event_view(row, texts) for row in rows]


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
    values: list[Any] = [list(actor.countries), as_of]

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
    seen = "(shared or recorded_by = any($1::text[]))"
    rows = await tx.fetch(
        f"""
        select * from (
            (select * from request where requesting_country = any($1::text[]) and {seen} and {where}
                order by created_at desc, id desc limit ${len(values)})
            union all
            (select * from request where requested_country = any($1::text[])
                and not requesting_country = any($1::text[]) and {seen} and {where}
                order by created_at desc, id desc limit ${len(values)})
        ) both_sides order by created_at desc, id desc limit ${len(values)}
        """,
        *values,
    )
    subjects: dict[UUID, str | None] = {}
    if actor.role in READS_TEXT and rows:
        found = await tx.fetch(
            "select request_id, body from free_text where request_id = any($1::uuid[]) and field = 'subject'",
            [row["id"] for row in rows],
        )
        subjects = {text["request_id"]: text["body"] for text in found}
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
        "assistance", "offences", "wished_by", "status", "custody", "outcome", "reclassified_as", "ended_on", "version",
        "created_at", "updated_at",
    )  # fmt: skip
    return {
        **{name: row[name] for name in same},
        "draft": not row["shared"],
        "external_reference": row["external_reference"] if actor.speaks_for(row["recorded_by"]) else None,
        "references": {"requesting": row["reference_requesting"], "requested": row["reference_requested"]},
    }


def clock_view(row: Row, now: datetime) -> dict[str, Any]:
    """A clock as it reads at `now`."""
    state = state_at(ClockState(row["state"]), Effect(row["effect"]), row["due_at"], now)
    obligor_country = (
        row["requesting_country"] if row["obligor"] == "requesting" else row["requested_country"]
    )
    return {
        "id": row["id"],
        "limit": row["limit_id"],
        "limit_version": row["limit_version"],
        "stage": row["stage"],
        "tier": row["tier"],
        "effect": row["effect"],
        "basis": row["basis"],
        "obligor": row["obligor"],
        "obligor_country": obligor_country,
        "counted_in": row["counted_in_country"],
        "state": state.value,
        "started_on": row["started_on"],
        "started_at": row["started_at"],
        "due_on": row["due_on"],
        "due_at": row["due_at"],
        "base_due_on": row["base_due_on"],
        "paused_since": row["paused_since"],
        "pauses": row["pauses"],
        "extensions": row["extensions"],
        "stopped_on": row["stopped_on"],
        "stopped_at": row["stopped_at"],
        "met_extended": row["met_extended"],
        "imprecise": row["imprecise"],
    }


def flag_view(row: Row) -> dict[str, Any]:
    """A flag as shown with its request."""
    same = (
        "id", "clock_id", "stage", "obligor", "kind", "level", "due_at", "raised_at", "acknowledged_at", "cleared_at",
        "cleared_reason", "settled_at",
    )  # fmt: skip
    return {**{name: row[name] for name in same}, "limit": row["limit_id"]}


def _clock_order(row: Row) -> tuple[bool, float, str]:
    """Clocks with a due instant first, soonest due first; then by limit."""
    due: datetime | None = row["due_at"]
    return (due is None, due.timestamp() if due else 0.0, row["clock_key"])


async def _texts(tx: Tx, request_id: UUID, actor: Actor) -> dict[str, str | None]:
    if actor.role not in READS_TEXT:
        return {}
    rows = await tx.fetch(
        "select field, body from free_text where request_id = $1 and event_id is null", request_id
    )
    return {row["field"]: row["body"] for row in rows}


async def _links(tx: Tx, request_id: UUID, actor: Actor) -> Sequence[dict[str, Any]]:
    """The requests that this one is linked with, in either direction, as far as the account may see them."""
    rows = await tx.fetch(
        """
        select l.relation, r.id, l.request_id = $1 as recorded_here
        from request_link l join request r on r.id = case when l.request_id = $1 then l.other_id else l.request_id end
        where (l.request_id = $1 or l.other_id = $1)
            and (r.recorded_by = any($2::text[])
                or r.shared and (r.requesting_country = any($2::text[]) or r.requested_country = any($2::text[])))
        order by r.created_at, r.id
        """,
        request_id,
        list(actor.countries),
    )
    return [
        {"request_id": row["id"], "relation": row["relation"], "recorded_here": row["recorded_here"]}
        for row in rows
    ]
