"""The register of agreements: POST and GET /agreements, one agreement, and the events of its life."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, patch, post

from mla_tracker.api.agreement_bodies import (
    AgreementChange,
    AgreementEventVoid,
    AgreementQuery,
    AgreementView,
    CountryParty,
    NewAgreement,
    NewAgreementEvent,
    PartyEntry,
)
from mla_tracker.api.answers import answer
from mla_tracker.api.explanations import StepView
from mla_tracker.api.paging import Page, page, position
from mla_tracker.api.routes import documented
from mla_tracker.catalogue.languages import ENGLISH
from mla_tracker.commands import agreements as commands
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.agreements import EVENT_DATA
from mla_tracker.domain.errors import (
    ActNotPossible,
    AlreadyRecorded,
    DatedInFuture,
    InvalidEntry,
    NotAllowed,
)
from mla_tracker.domain.explanation import Step, plain, render
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import AgreementScope
from mla_tracker.queries import agreements as queries
from mla_tracker.storage.agreements import AgreementFields, PartyRow
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

_DATA_IN_WORDS: Final = "; ".join(
    f"`{act.value}`: {', '.join(sorted(names)) or 'none'}" for act, names in EVENT_DATA.items()
)
EXAMPLES: Final[Mapping[str, Any]] = {
    "Two countries": {
        "title": "Convention on legal assistance in criminal matters",
        "kind": "mutual_legal_assistance",
        "parties": ["MA", "ES"],
        "signed_on": "2009-06-24",
        "languages": ["ar", "es"],
    },
    "An organisation, and a limit of its own": {
        "title": "Memorandum on the exchange of information",
        "kind": "information_exchange",
        "parties": [{"country": "KZ", "signed_on": "2011-09-22"}, {"organisation": "CARICC"}],
        "limits": [
            {
                "kind": "evidence", "stage": "execute", "amount": 60, "unit": "days", "provision": "Art. 9(2)",
                "starts_on": ["received"], "stops_on": ["executed"],
            }
        ],
    },
}  # fmt: skip


def _party(entry: PartyEntry) -> PartyRow:
    if isinstance(entry, str):
        return PartyRow(country=entry)
    dates = (entry.signed_on, entry.in_force_from, entry.terminated_on, entry.declarations)
    if isinstance(entry, CountryParty):
        return PartyRow(entry.country, None, *dates)
    return PartyRow(None, entry.organisation, *dates)


def agreement_entry(entry: NewAgreement) -> commands.NewAgreement:
    """The agreement as the command takes it."""
    parties = tuple(_party(party) for party in entry.parties)
    scope = AgreementScope.BILATERAL if len(parties) == 2 else AgreementScope.MULTILATERAL
    fields = AgreementFields(
        title=entry.title,
        kind=entry.kind,
        scope=entry.scope or scope,
        external_reference=entry.external_reference,
        signed_on=entry.signed_on,
        provisionally_applied_from=entry.provisionally_applied_from,
        in_force_from=entry.in_force_from,
        terminated_on=entry.terminated_on,
        languages=tuple(entry.languages),
        limits=tuple(limit.model_dump(mode="json") for limit in entry.limits),
        notes=entry.notes,
    )
    return commands.NewAgreement(fields, parties)


def event_entry(entry: NewAgreementEvent, leaving: Collection[str] = ()) -> commands.NewAgreementEvent:
    """The event as the command takes it, without the data in `leaving`."""
    data = entry.data.model_dump(mode="json", exclude_none=True, exclude=set(leaving))
    return commands.NewAgreementEvent(entry.type, entry.occurred_on, data, entry.note)


def _as_answer(view: queries.AgreementView) -> dict[str, Any]:
    """The read model with its warnings put into words and the event data complete."""
    return {
        **vars(view),
        "warnings": _in_words(view.warnings),
        "events": [
            replace(event, data={"by": None, "effective_on": None, "superseded_by": None, **event.data})
            for event in view.events
        ],
    }


def _in_words(steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [
        StepView(
            code=step.code,
            text=render(step, ENGLISH),
            source=step.source,
            args={name: plain(value) for name, value in step.args.items()},
        ).model_dump()
        for step in steps
    ]


async def _shown(
    database: Database,
    agreement_id: UUID,
    actor: Actor,
    now: datetime,
    *,
    status: int = 200,
    replayed: bool = False,
) -> Response[bytes]:
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        view = await queries.agreement(tx, agreement_id, actor=actor, now=now)
    location = f"/api/v1/agreements/{view.id}" if status == 201 else None
    return answer(_as_answer(view), status=status, version=view.version, location=location, replayed=replayed)


@post(
    "/agreements",
    **documented(
        "Record an agreement",
        tag="agreements",
        may=Deed.RECORD_AGREEMENTS,
        body=NewAgreement,
        answer=AgreementView,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[DatedInFuture, AlreadyRecorded],
        examples=EXAMPLES,
        description="It belongs to your country, which alone changes it, and nobody else sees it before it is signed, "
        "provisionally applied or in force; from then on every country does. Odd dates are taken and told in "
        "`warnings`.",
    ),
)
async def record_agreement(
    entry: NewAgreement, actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Record an agreement and answer with it."""
    done = await commands.record_agreement(
        database, agreement_entry(entry), actor=actor, now=now, idempotency=idempotency
    )
    return await _shown(database, done.id, actor, now, status=201, replayed=done.replayed)


@get(
    "/agreements",
    **documented(
        "List agreements",
        tag="agreements",
        may=Deed.READ_AGREEMENTS,
        query=AgreementQuery,
        answer=Page[AgreementView],
    ),
)
async def list_agreements(
    filters: AgreementQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Agreements that the account may see, the last recorded first."""
    start = position(filters, actor, keys=(datetime, UUID), now=now)
    wanted = queries.AgreementFilter(
        kind=filters.kind,
        country=filters.country,
        counterpart=filters.counterpart,
        status=filters.status,
        in_force_on=filters.in_force_on,
        recorded_by=filters.recorded_by,
        q=filters.q,
    )
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        rows = await queries.agreements(
            tx, wanted, actor=actor, now=now, limit=filters.limit + 1, after=start.after
        )
    return answer(page(rows, filters, start, key=lambda row: (row.created_at, row.id), item=_as_answer))


@get(
    "/agreements/{agreement_id:uuid}",
    **documented(
        "Read an agreement", tag="agreements", may=Deed.READ_AGREEMENTS, answer=AgreementView, etag=True
    ),
)
async def read_agreement(
    agreement_id: UUID, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """One agreement with its parties and the events of its life."""
    return await _shown(database, agreement_id, actor, now)


@patch(
    "/agreements/{agreement_id:uuid}",
    **documented(
        "Change an agreement",
        tag="agreements",
        may=Deed.RECORD_AGREEMENTS,
        body=AgreementChange,
        answer=AgreementView,
        if_match=True,
        etag=True,
        problems=[NotAllowed, DatedInFuture, AlreadyRecorded],
        examples={"both have signed": {"signed_on": "2026-02-27", "languages": ["ar", "es"]}},
        description="Only the country that recorded it. Fields left out stay as they are.",
    ),
)
async def change_agreement(
    agreement_id: UUID,
    entry: AgreementChange,
    actor: Actor,
    database: Database,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Change what the record says and answer with it."""
    changes: dict[str, Any] = {name: getattr(entry, name) for name in entry.model_fields_set}
    if "parties" in changes:
        changes["parties"] = tuple(_party(party) for party in entry.parties)
    if "limits" in changes:
        changes["limits"] = tuple(limit.model_dump(mode="json") for limit in entry.limits)
    if "languages" in changes:
        changes["languages"] = tuple(entry.languages)
    await commands.change_agreement(database, agreement_id, changes, versions=if_match, actor=actor, now=now)
    return await _shown(database, agreement_id, actor, now)


@post(
    "/agreements/{agreement_id:uuid}/events",
    **documented(
        "Record an event in an agreement's life",
        tag="agreements",
        may=Deed.RECORD_AGREEMENTS,
        body=NewAgreementEvent,
        answer=AgreementView,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[NotAllowed, InvalidEntry, DatedInFuture, AlreadyRecorded],
        examples={
            "Spain has ratified": {"type": "ratified", "occurred_on": "2026-03-02", "data": {"by": "ES"}}
        },
        description="Answers with the agreement. Dates and events together make its life; an event recorded wrongly is "
        f"voided. What `data` may hold, by type: {_DATA_IN_WORDS}.",
    ),
)
async def record_agreement_event(
    agreement_id: UUID,
    entry: NewAgreementEvent,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Append an event and answer with the agreement."""
    done = await commands.record_event(
        database, agreement_id, event_entry(entry), actor=actor, now=now, idempotency=idempotency
    )
    return await _shown(database, agreement_id, actor, now, status=201, replayed=done.replayed)


@post(
    "/agreements/{agreement_id:uuid}/events/{event_id:uuid}/void",
    **documented(
        "Take back an event that was recorded wrongly",
        tag="agreements",
        may=Deed.RECORD_AGREEMENTS,
        body=AgreementEventVoid,
        answer=AgreementView,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[NotAllowed, InvalidEntry, DatedInFuture, ActNotPossible, AlreadyRecorded],
        examples={
            "a wrong day": {
                "reason": "The day of another treaty was taken.",
                "replacement": {"type": "initialled", "occurred_on": "2026-02-03"},
            }
        },
        description="Answers with the agreement. The event stays on record with the reason and counts no more; "
        "`replacement` records the right one in the same step.",
    ),
)
async def void_agreement_event(
    agreement_id: UUID,
    event_id: UUID,
    entry: AgreementEventVoid,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Void an event and answer with the agreement."""
    replacement = event_entry(entry.replacement) if entry.replacement else None
    done = await commands.void_event(
        database,
        agreement_id,
        event_id,
        reason=entry.reason,
        replacement=replacement,
        actor=actor,
        now=now,
        idempotency=idempotency,
    )
    return await _shown(database, agreement_id, actor, now, status=201, replayed=done.replayed)
