"""Agreements recorded from a file, each with the events of its life so far, by the same rules as one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from mla_tracker.catalogue.languages import ENGLISH
from mla_tracker.commands.agreements import (
    NewAgreement,
    NewAgreementEvent,
    event_within,
    recorded_within,
)
from mla_tracker.commands.importing_rows import Fault, Outcome, ReadRow, Seen, faults_of_error
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AlreadyRecorded, DomainError, InvalidEntry
from mla_tracker.domain.explanation import render
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.queries.agreement_exports import agreement_document
from mla_tracker.queries.agreements import AgreementView, agreement
from mla_tracker.queries.exports import taken
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class ImportedAgreement:
    """An agreement as a file has it.

    `successors`: by the place of an event, the reference of the one it names; `voided`: why it was taken back.
    """

    entry: NewAgreement
    events: Sequence[NewAgreementEvent] = ()
    successors: Mapping[int, str] = field(default_factory=dict)
    recorded_by: str | None = None
    voided: Mapping[int, str] = field(default_factory=dict)


class _Undo(Exception):
    """It was only to be seen what would become of it."""


async def record_agreements(
    tx: Tx, batch: Sequence[ReadRow], *, actor: Actor, now: datetime, write: bool, seen: Seen | None
) -> Outcome:
    """Record what can be recorded of a batch, each row for itself; `write` False: only say what would become of it."""
    require(actor, Deed.RECORD_AGREEMENTS)
    outcome = Outcome()
    for place, row in enumerate(batch):
        if row.faults:
            outcome.refused(row, row.faults)
            continue
        try:
            # Instants of their own, so that the register keeps the order of the file.
            at = now + timedelta(microseconds=place)
            await _record(tx, row, outcome, actor=actor, now=at, write=write, seen=seen)
        except DomainError as error:
            outcome.refused(row, faults_of_error(error))
    return outcome.in_order()


async def _record(
    tx: Tx, row: ReadRow, outcome: Outcome, *, actor: Actor, now: datetime, write: bool, seen: Seen | None
) -> None:
    imported: ImportedAgreement = row.entry
    country = _country(imported, actor)
    reference = imported.entry.fields.external_reference
    known = (await taken(tx, "agreement", country, [reference])).get(reference) if reference else None
    view: AgreementView | None = None
    try:
        async with tx.savepoint():
            entry = imported.entry
            if known is not None:
                # Made once more without its reference, to be compared, and undone.
                entry = replace(entry, fields=replace(entry.fields, external_reference=None))
            made = await recorded_within(tx, entry, actor=actor, now=now, country=country)
            for place, event in enumerate(await _resolved(tx, imported, actor, seen)):
                await event_within(
                    tx, made.id, event,
                    actor=actor, now=now, at=f"/events/{place}", voided_for=imported.voided.get(place),
                )  # fmt: skip
            view = await agreement(tx, made.id, actor=actor, now=now)
            if known is not None or not write:
                raise _Undo
    except _Undo:
        pass
    assert view is not None
    if known is not None:
        there = await agreement(tx, known, actor=actor, now=now)
        if not imported.voided:  # what was taken back since is not held against it
            there = replace(there, events=[event for event in there.events if event.voided is None])
        kept = agreement_document(there, {})
        said = agreement_document(replace(view, external_reference=reference), {})
        if kept == said:
            outcome.skipped(row)
            return
        names = sorted(name for name in {*kept, *said} if kept.get(name) != said.get(name))
        raise _taken(country, reference, f" and says something else ({', '.join(names)})")
    if reference and seen is not None and seen.again(country, reference):
        raise _taken(country, reference, " in an earlier row")
    outcome.recorded(row, [("", render(step, ENGLISH)) for step in view.warnings])


def _country(imported: ImportedAgreement, actor: Actor) -> str:
    """The country for which it is recorded, as one by one if the file does not say."""
    named = imported.recorded_by
    if named is not None and not actor.speaks_for(named):
        raise InvalidEntry(
            "The agreement was recorded by another country.",
            fields=[
                (
                    "/recorded_by",
                    f"Recorded by {named}, for which this account does not speak. Leave recorded_by out to record it "
                    "for your own.",
                )
            ],
        )
    own = (
        party.country for party in imported.entry.parties if party.country and actor.speaks_for(party.country)
    )
    return named or next(own, actor.countries[0])


async def _resolved(
    tx: Tx, imported: ImportedAgreement, actor: Actor, seen: Seen | None
) -> list[NewAgreementEvent]:
    """The events, what they name by reference named by id, or not at all where it was `seen` and not written.

    Raises InvalidEntry.
    """
    events = list(imported.events)
    faults: list[Fault] = []
    for place, reference in imported.successors.items():
        ids: list[UUID] = []
        for country in actor.countries:
            ids += (await taken(tx, "agreement", country, [reference])).values()
        if ids:
            events[place] = replace(events[place], data={**events[place].data, "superseded_by": str(ids[0])})
        elif seen is None or not any(seen.knows(country, reference) for country in actor.countries):
            pointer = f"/events/{place}/data/superseded_by_reference"
            faults.append(
                (pointer, "Your country has no agreement of this reference yet. Import that one first.")
            )
    if faults:
        raise InvalidEntry("The agreement refers to what is not there.", fields=faults)
    return events


def _taken(country: str, reference: str | None, why: str) -> AlreadyRecorded:
    return AlreadyRecorded(
        f"{country} has recorded an agreement under {reference} before.",
        fields=[
            (
                "/external_reference",
                f"Borne by another agreement of {country}{why}. Change that one, or give another reference.",
            )
        ],
    )
