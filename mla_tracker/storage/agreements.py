"""Agreements in the database: rows in, rows out, with their parties and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.domain.agreements import Agreement, AgreementEvent, Party
from mla_tracker.domain.limits import Limit
from mla_tracker.domain.vocabulary import AgreementAct, AgreementKind, AgreementScope
from mla_tracker.storage.agreement_limits import limit_of
from mla_tracker.storage.database import Tx


@dataclass(frozen=True)
class PartyRow:
    """A country or an organisation bound by an agreement, with its own dates."""

    country: str | None = None
    organisation: str | None = None
    signed_on: date | None = None
    in_force_from: date | None = None
    terminated_on: date | None = None
    declarations: str | None = None

    @property
    def name(self) -> str:
        return self.country or self.organisation or ""


@dataclass(frozen=True)
class EventRow:
    """An event as recorded. One whose data hold `voids` is no event but takes the named one back."""

    id: UUID
    type: AgreementAct
    occurred_on: date
    data: Mapping[str, Any]
    note: str | None
    recorded_by_account: UUID | None
    recorded_at: datetime

    @property
    def voids(self) -> UUID | None:
        """The event that this row takes back."""
        voided = self.data.get("voids")
        return UUID(voided) if voided else None


@dataclass(frozen=True)
class AgreementFields:
    """What an agreement says of itself, parties and events aside."""

    title: str
    kind: AgreementKind
    scope: AgreementScope
    external_reference: str | None = None
    signed_on: date | None = None
    provisionally_applied_from: date | None = None
    in_force_from: date | None = None
    terminated_on: date | None = None
    languages: tuple[str, ...] = ()
    limits: tuple[Mapping[str, Any], ...] = ()
    notes: str | None = None


@dataclass(frozen=True)
class AgreementRow:
    """An agreement with its parties in their order and its events in order of recording."""

    id: UUID
    recorded_by: str
    fields: AgreementFields
    visible_to_all_from: date | None
    version: int
    created_at: datetime
    updated_at: datetime
    parties: tuple[PartyRow, ...] = ()
    events: tuple[EventRow, ...] = ()

    @property
    def title(self) -> str:
        return self.fields.title

    @property
    def standing(self) -> tuple[EventRow, ...]:
        """The events that were neither voided nor are themselves voids."""
        voided = {event.voids for event in self.events}
        return tuple(event for event in self.events if event.voids is None and event.id not in voided)


def agreement_of(row: AgreementRow) -> Agreement:
    """The row as the law reads it."""
    fields = row.fields
    return Agreement(
        id=row.id,
        title=fields.title,
        kind=fields.kind,
        scope=fields.scope,
        recorded_by=row.recorded_by,
        parties=tuple(
            Party(party.name, party.signed_on, party.in_force_from, party.terminated_on)
            for party in row.parties
        ),
        signed_on=fields.signed_on,
        provisionally_applied_from=fields.provisionally_applied_from,
        in_force_from=fields.in_force_from,
        terminated_on=fields.terminated_on,
        events=tuple(event_of(event.type, event.occurred_on, event.data) for event in row.standing),
    )


def event_of(act: AgreementAct, occurred_on: date, data: Mapping[str, Any]) -> AgreementEvent:
    """The event as the law reads it."""
    effective_on = data.get("effective_on")
    return AgreementEvent(
        act, occurred_on, data.get("by"), date.fromisoformat(effective_on) if effective_on else None
    )


def limits_of(row: AgreementRow) -> tuple[Limit, ...]:
    """The limits that the agreement sets itself, with basis `agreement` and its title as their source."""
    return tuple(
        limit_of(stored, agreement_id=row.id, title=row.fields.title, limit_id=limit_id)
        for stored, limit_id in zip(row.fields.limits, limit_ids(row), strict=True)
    )


def limit_ids(row: AgreementRow) -> list[str]:
    """An id for each of the agreement's limits: its stage, numbered from the second of a stage on."""
    seen: dict[str, int] = {}
    ids = []
    for stored in row.fields.limits:
        stage = stored["stage"]
        seen[stage] = seen.get(stage, 0) + 1
        ids.append(f"agreement-{row.id}-{stage}" + (f"-{seen[stage]}" if seen[stage] > 1 else ""))
    return ids


_COLUMNS: Final = (
    "id, recorded_by, title, kind, scope, external_reference, signed_on, provisionally_applied_from,"
    " in_force_from, terminated_on, languages, limits, notes, visible_to_all_from, version, created_at,"
    " updated_at"
)


async def load(tx: Tx, agreement_id: UUID, *, lock: bool = False) -> AgreementRow | None:
    """One agreement; `lock` keeps others from changing it until the transaction ends."""
    rows = await fetch(tx, "where id = $1" + (" for update" if lock else ""), agreement_id)
    return rows[0] if rows else None


async def load_between(tx: Tx, a: str, b: str) -> list[AgreementRow]:
    """All agreements to which two countries are both parties, whoever recorded them, oldest record first."""
    return await fetch(
        tx,
        """
        where id in (select agreement_id from agreement_party where country = $1)
            and id in (select agreement_id from agreement_party where country = $2)
        order by created_at, id
        """,
        a, b,
    )  # fmt: skip


async def fetch(tx: Tx, rest: str, *arguments: Any) -> list[AgreementRow]:
    """The agreements that the rest of a select statement finds, with their parties and events."""
    heads = await tx.fetch(f"select {_COLUMNS} from agreement {rest}", *arguments)
    if not heads:
        return []
    ids = [head["id"] for head in heads]
    parties: dict[UUID, list[PartyRow]] = {}
    for found in await tx.fetch(
        """
        select agreement_id, country, organisation, signed_on, in_force_from, terminated_on, declarations
        from agreement_party where agreement_id = any($1) order by agreement_id, position
        """,
        ids,
    ):
        own = dict(found)
        parties.setdefault(own.pop("agreement_id"), []).append(PartyRow(**own))
    events: dict[UUID, list[EventRow]] = {}
    for found in await tx.fetch(
        """
        select agreement_id, id, type, occurred_on, data, note, recorded_by_account, recorded_at
        from agreement_event where agreement_id = any($1) order by agreement_id, recorded_at, id
        """,
        ids,
    ):
        own = dict(found)
        agreement_id = own.pop("agreement_id")
        event = EventRow(**{**own, "type": AgreementAct(own["type"]), "data": own["data"]})
        events.setdefault(agreement_id, []).append(event)
    return [_row(dict(head), parties.get(head["id"], []), events.get(head["id"], [])) for head in heads]


def _row(head: dict[str, Any], parties: Sequence[PartyRow], events: Sequence[EventRow]) -> AgreementRow:
    own = ("recorded_by", "visible_to_all_from", "version", "created_at", "updated_at")
    fields = {name: value for name, value in head.items() if name not in ("id", *own)}
    fields |= {
        "kind": AgreementKind(head["kind"]),
        "scope": AgreementScope(head["scope"]),
        "languages": tuple(head["languages"]),
        "limits": tuple(head["limits"]),
    }
    return AgreementRow(
        id=UUID(int=head["id"].int),  # the driver's own subclass stays here
        **{name: head[name] for name in own},
        fields=AgreementFields(**fields),
        parties=tuple(parties),
        events=tuple(events),
    )


async def insert(tx: Tx, row: AgreementRow, *, account_id: UUID) -> None:
    """Save a new agreement with its parties, as version 1."""
    fields = row.fields
    await tx.execute(
        """
        insert into agreement (id, recorded_by, recorded_by_account, title, kind, scope, external_reference,
            signed_on, provisionally_applied_from, in_force_from, terminated_on, languages, limits, notes,
            visible_to_all_from, version, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $16, $16)
        """,
        row.id, row.recorded_by, account_id, fields.title, fields.kind.value, fields.scope.value,
        fields.external_reference, fields.signed_on, fields.provisionally_applied_from, fields.in_force_from,
        fields.terminated_on, list(fields.languages), list(fields.limits), fields.notes,
        row.visible_to_all_from, row.created_at,
    )  # fmt: skip
    await _insert_parties(tx, row)


async def update(tx: Tx, before: AgreementRow, after: AgreementRow, *, now: datetime) -> int | None:
    """Save what changed as the next version, whose number it gives; None if `before` is stale by now."""
    fields = after.fields
    version = await tx.fetchval(
        """
        update agreement set title = $3, kind = $4, scope = $5, external_reference = $6, signed_on = $7,
            provisionally_applied_from = $8, in_force_from = $9, terminated_on = $10, languages = $11,
            limits = $12, notes = $13, visible_to_all_from = $14, updated_at = $15,
            version = version + 1
        where id = $1 and version = $2
        returning version
        """,
        before.id, before.version, fields.title, fields.kind.value, fields.scope.value,
        fields.external_reference, fields.signed_on, fields.provisionally_applied_from, fields.in_force_from,
        fields.terminated_on, list(fields.languages), list(fields.limits), fields.notes,
        after.visible_to_all_from, now,
    )  # fmt: skip
    if version is not None and after.parties != before.parties:
        await tx.execute("delete from agreement_party where agreement_id = $1", before.id)
        await _insert_parties(tx, after)
    return int(version) if version is not None else None


async def _insert_parties(tx: Tx, row: AgreementRow) -> None:
    await tx.executemany(
        """
        insert into agreement_party
            (agreement_id, position, country, organisation, signed_on, in_force_from, terminated_on,
            declarations)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
            (
                row.id, position, party.country, party.organisation, party.signed_on, party.in_force_from,
                party.terminated_on, party.declarations,
            )
            for position, party in enumerate(row.parties)
        ],
    )  # fmt: skip


async def insert_event(tx: Tx, agreement_id: UUID, event: EventRow) -> None:
    """Append an event, or the void of one, to an agreement's life."""
    await tx.execute(
        """
        insert into agreement_event
            (id, agreement_id, type, occurred_on, data, note, recorded_by_account, recorded_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        event.id, agreement_id, event.type.value, event.occurred_on, dict(event.data), event.note,
        event.recorded_by_account, event.recorded_at,
    )  # fmt: skip


async def reference_taken(
    tx: Tx, country: str, reference: str, *, besides: UUID | None = None
) -> UUID | None:
    """The other agreement of the country that has this external reference."""
    found = await tx.fetchval(
        """
        select id from agreement
        where recorded_by = $1 and external_reference = $2 and id is distinct from $3
        """,
        country, reference, besides,
    )  # fmt: skip
    return UUID(str(found)) if found else None
