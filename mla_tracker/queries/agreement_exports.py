"""Agreements as documents that can be imported again, as an account may see them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from mla_tracker.domain.actors import Actor
from mla_tracker.queries.agreements import EARLIEST_ZONE, AgreementView, may_see, view_of
from mla_tracker.storage.agreements import fetch
from mla_tracker.storage.database import Tx

Document = dict[str, Any]


async def agreement_page(
    tx: Tx, *, actor: Actor, after: tuple[datetime, UUID] | None, now: datetime, limit: int
) -> tuple[list[AgreementView], tuple[datetime, UUID] | None]:
    """The next agreements that the account may see, first recorded first, and after what to go on (None: no more)."""
    where = "(recorded_by = any($1) or visible_to_all_from <= $2)"
    values: list[Any] = [list(actor.countries), (now + EARLIEST_ZONE).date()]
    if after is not None:
        where += " and (created_at, id) > ($3, $4)"
        values += after
    rows = await fetch(tx, f"where {where} order by created_at, id limit {limit}", *values)
    views = [view_of(row, actor, now) for row in rows if may_see(row, actor, now)]
    return views, (rows[-1].created_at, rows[-1].id) if len(rows) == limit else None


async def agreement_views(tx: Tx, ids: Sequence[UUID], *, actor: Actor, now: datetime) -> list[AgreementView]:
    """Agreements in the order of their ids, as far as the account may see them."""
    rows = await fetch(tx, "where id = any($1::uuid[]) order by array_position($1::uuid[], id)", list(ids))
    return [view_of(row, actor, now) for row in rows if may_see(row, actor, now)]


def successors_of(view: AgreementView) -> list[UUID]:
    """The agreements that are said to have taken the place of one."""
    return [
        UUID(str(event.data["superseded_by"])) for event in view.events if event.data.get("superseded_by")
    ]


async def agreement_documents(tx: Tx, views: Sequence[AgreementView], *, actor: Actor) -> list[Document]:
    """Their documents; an agreement that took the place of another is named by its reference, else by its id."""
    named = {successor for view in views for successor in successors_of(view)}
    rows = await tx.fetch(
        "select id, external_reference from agreement where id = any($1::uuid[]) and recorded_by = any($2::text[]) "
        "and external_reference is not null",
        list(named), list(actor.countries),
    )  # fmt: skip
    references = {str(row["id"]): row["external_reference"] for row in rows}
    return [{"id": str(view.id), **agreement_document(view, references)} for view in views]


def agreement_document(view: AgreementView, references: Mapping[str, str]) -> Document:
    """What an agreement says, its id aside; what is absent is left out."""
    plain = {
        "recorded_by": view.recorded_by,
        "title": view.title,
        "kind": view.kind.value,
        "scope": view.scope.value,
        "parties": [_party(party) for party in view.parties],
        "external_reference": view.external_reference,
        "signed_on": view.signed_on,
        "in_force_from": view.in_force_from,
        "provisionally_applied_from": view.provisionally_applied_from,
        "terminated_on": view.terminated_on,
        "languages": list(view.languages),
        "limits": [_limit(limit) for limit in view.limits],
        "notes": view.notes,
        "events": sorted(
            (_event(event, references) for event in view.events),
            key=lambda said: (said["occurred_on"], to_json(said)),
        ),
    }
    return {name: _plain(value) for name, value in plain.items() if value not in (None, [])}


def _party(party: Any) -> Document | str:
    dates = {
        name: _plain(value)
        for name in ("signed_on", "in_force_from", "terminated_on", "declarations")
        if (value := getattr(party, name)) is not None
    }
    named = {"country": party.country} if party.country else {"organisation": party.organisation}
    return party.country if party.country and not dates else {**named, **dates}


def _event(event: Any, references: Mapping[str, str]) -> Document:
    data = {name: value for name, value in dict(event.data).items() if value is not None and name != "voids"}
    if (successor := data.get("superseded_by")) and (known := references.get(str(successor))):
        del data["superseded_by"]
        data["superseded_by_reference"] = known
    said: Document = {"type": event.type.value, "occurred_on": event.occurred_on.isoformat()}
    if data:
        said["data"] = dict(sorted(data.items()))
    if event.note is not None:
        said["note"] = event.note
    if event.voided is not None:
        said["voided"] = {"reason": event.voided.reason} if event.voided.reason is not None else {}
    return said


def _limit(limit: Any) -> Document:
    found = dict(limit) if isinstance(limit, Mapping) else dict(vars(limit))
    return {name: value for name, value in found.items() if name != "id"}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
