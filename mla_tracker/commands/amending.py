"""Changing facts of a request: each side its own reference and officer, the rest whoever recorded it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from mla_tracker.commands.entries import Fault, faults_of_facts, side_of_writer
from mla_tracker.commands.handling import handle_as
from mla_tracker.commands.moving import catch_up
from mla_tracker.commands.preparing import standing_misfits
from mla_tracker.commands.projecting import days_of, project, save
from mla_tracker.commands.reading import note_reading_of, refusals_told
from mla_tracker.commands.recorded import Recorded
from mla_tracker.commands.references import check_agreement
from mla_tracker.commands.requests import locked
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import ActNotPossible, AlreadyRecorded, InvalidEntry, NotAllowed, VersionStale
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.misfits import refuse_new
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.vocabulary import RequestKind, Urgency
from mla_tracker.queries import requests as queries
from mla_tracker.queries.same_cases import likely_the_same
from mla_tracker.storage import requests
from mla_tracker.storage import texts as texts_kept
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import chain_of
from mla_tracker.storage.audited import changed as audited_change
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.requests import RequestRecord, StoredCase

# What belongs to a side whoever recorded the request, by the name of the change.
_OF_EITHER_SIDE = frozenset({"reference_requesting", "reference_requested", "assigned_to", "handling"})
_OF_OWN_SIDE = frozenset({"assigned_requesting", "assigned_requested"})
_TEXTS = ("subject", "urgency_reason", "wished_by_reason")


async def amend_request(
    db: Database,
    request_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected: frozenset[int] | None,
    actor: Actor,
    now: datetime,
) -> Recorded:
    """Change facts of a request; `expected` are the versions the change may be based on, None for whatever stands.

    Raises NotFound, VersionStale, NotAllowed, InvalidEntry, AlreadyRecorded, ActNotPossible for a change by which
    a recorded act cannot have been.
    """
    require(actor, Deed.AMEND_REQUESTS)
    route = "PATCH /requests/{request_id}"
    async with (
        refusals_told(db, request_id, route=route, actor=actor, now=now),
        db.transaction(DbRole.API, viewer=actor) as tx,
    ):
        stored = await locked(tx, request_id, actor)
        record = stored.record
        version = queries.seen_version(record.row(), actor)["version"]
        if expected is not None and version not in expected:
            raise VersionStale(
                f"The request has changed since and is at version {version} now. "
                "Read it again and base the change on what it says now."
            )
        columns, texts = await _amended(tx, record, dict(changes), actor)
        changed = StoredCase(replace(record, **columns), stored.events)
        await _refuse_parting(tx, record, changed.record, actor)
        if "agreement_id" in columns:
            await check_agreement(tx, changed.record, actor, now)
        days = await days_of(tx, record, (event.data for event in stored.events), now)
        projection = await project(tx, changed, now, days)
        refuse_new(projection.misfits, (), lambda: standing_misfits(stored, days))
        named = await handle_as(tx, record, Handling(changed.record.handling), actor, now)
        await catch_up(tx, stored, now)
        try:
            await requests.update_record(tx, record, columns)
        except asyncpg.UniqueViolationError:
            raise AlreadyRecorded(
                "Your country has already recorded another request under this external reference.",
                fields=[("/external_reference", "Taken by another request of your country.")],
            ) from None
        told = audited_change("request", record.row(), changed.record.row()) + named
        for name, body in texts.items():
            told += await texts_kept.replace_text(tx, record, name, body, now)
        country = side_of_writer(actor, record.requesting_country, record.requested_country)
        if told:
            await append(
                tx, chain_of(record.id), What.REQUEST_AMENDED, told,
                actor=actor, now=now, seen_by=[country], country=country,
            )  # fmt: skip
        else:
            await note_reading_of(tx, [record.id], route=route, actor=actor, now=now)
        own = all(one.table == "request" and (one.after or {}).keys() <= _OF_OWN_SIDE for one in told)
        known = {country} if own else None
        await save(tx, changed, projection, known_to=known, now=now)
        view = await queries.request(tx, request_id, actor=actor, now=now)
        view["warnings"] += await likely_the_same(tx, changed.record, actor)
    return Recorded(request_id, view=view)


async def _refuse_parting(tx: Tx, before: RequestRecord, after: RequestRecord, actor: Actor) -> None:
    """By their references two records are known to be of one case. Raises ActNotPossible."""
    differing = [
        side
        for side in ("requesting", "requested")
        if getattr(before, f"reference_{side}") != getattr(after, f"reference_{side}")
    ]
    twin = before.same_case_as
    if differing and twin is not None and await queries.is_visible(tx, twin, actor):
        raise ActNotPossible(
            f"The request is linked with {twin} as the same case, and both bear the same references. "
            "Void the link before you change one.",
            fields=[(f"/references/{side}", "Stands while the two are linked.") for side in differing],
        )


async def _amended(
    tx: Tx, record: RequestRecord, changes: dict[str, Any], actor: Actor
) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The columns and the texts that a change comes down to. Raises NotAllowed, InvalidEntry."""
    _refuse_foreign(record, changes, actor)
    country = side_of_writer(actor, record.requesting_country, record.requested_country)
    if "assigned_to" in changes:
        own = "requesting" if country == record.requesting_country else "requested"
        changes[f"assigned_{own}"] = changes.pop("assigned_to")
    faults: list[Fault] = []
    if "assistance" in changes and record.shared and list(changes["assistance"]) != list(record.assistance):
        faults.append(
            (
                "/assistance",
                "What was asked for in a request that is sent stands. Log a supplementary request.",
            )
        )
    texts = {name: changes.pop(name) for name in _TEXTS if name in changes}
    faults += faults_of_facts(
        urgency=Urgency(changes.get("urgency", record.urgency)),
        urgency_reason=texts["urgency_reason"]
        if "urgency_reason" in texts
        else await _standing_reason(tx, record),
        convention=changes.get("convention", record.convention),
        kind=RequestKind(record.kind),
    )
    if faults:
        raise InvalidEntry("The change is not possible. Nothing was changed.", fields=faults)
    return changes, texts


def _refuse_foreign(record: RequestRecord, changes: Mapping[str, Any], actor: Actor) -> None:
    """Refuse to change what belongs to the other country. Raises NotAllowed naming every field."""
    if actor.speaks_for(record.recorded_by):
        return
    faults: list[Fault] = [
        (f"/{name}", f"Belongs to {record.recorded_by}, which recorded the request.")
        for name in sorted(changes.keys() - _OF_EITHER_SIDE)
    ]
    faults += [
        (f"/references/{side}", f"The reference of {owner}, which {owner} sets.")
        for side, owner in (
            ("requesting", record.requesting_country),
            ("requested", record.requested_country),
        )
        if f"reference_{side}" in changes and not actor.speaks_for(owner)
    ]
    if faults:
        names = ", ".join(pointer for pointer, _ in faults)
        raise NotAllowed(
            f"The request was recorded by {record.recorded_by}, and {names} is not yours to change. "
            "Record an act instead, or ask its central authority.",
            fields=faults,
        )


async def _standing_reason(tx: Tx, record: RequestRecord) -> str | None:
    """Why it is urgent. A reason that was erased was given once, and nobody can be asked for it again."""
    return "Erased." if record.erased_at else await texts_kept.text_of(tx, record, "urgency_reason")
