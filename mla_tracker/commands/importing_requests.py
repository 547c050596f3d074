"""Requests recorded by the batch, by the same rules as one by one: law asked once, rows written at once."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from mla_tracker.catalogue.languages import ENGLISH
from mla_tracker.commands import same_cases
from mla_tracker.commands.entries import NewRequest, new_record
from mla_tracker.commands.importing_further import NOTHING_FURTHER, Further, warnings_of, with_further
from mla_tracker.commands.importing_repeated import Candidate, judge_repeated, without_repeated
from mla_tracker.commands.importing_rows import Fault, Outcome, ReadRow, Seen, faults_of_error
from mla_tracker.commands.preparing import (
    Prepared,
    Readied,
    prepared,
    readied,
    reference_taken,
    writes_for,
)
from mla_tracker.commands.projecting import days_of
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import DomainError, InvalidEntry
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries.exports import taken
from mla_tracker.storage import requests, rows
from mla_tracker.storage.batches import AskingOnce
from mla_tracker.storage.cases import zone_names
from mla_tracker.storage.database import Tx
from mla_tracker.storage.ids import uuid7_numbered
from mla_tracker.storage.local_days import LocalDays, days_in_force
from mla_tracker.storage.rows import Row


@dataclass(frozen=True, slots=True)
class ImportedRequest:
    """A request as a file has it. What another request or agreement is named by is the external reference of that one.

    `links`: by the place of an act `linked`, from 0; `answers`: by the place of an act, that of the act it answers;
    `further`: what it tells beside, and nothing where it is silent.
    """

    entry: NewRequest
    recorded_by: str | None = None
    agreement_reference: str | None = None
    links: Mapping[int, str] = field(default_factory=dict)
    answers: Mapping[int, int] = field(default_factory=dict)
    further: Further = NOTHING_FURTHER

    @property
    def is_linked(self) -> bool:
        """Whether it refers to other requests."""
        return any(event.type is Act.LINKED for event in self.entry.events)


async def record_requests(
    tx: Tx, batch: Sequence[ReadRow], *, actor: Actor, now: datetime, write: bool, seen: Seen | None
) -> Outcome:
    """Record what can be recorded of a batch; `write` False: only say what would become of it.

    `seen` holds the references of rows of the same file that were not written. Raises NotAllowed.
    """
    require(actor, Deed.RECORD_REQUESTS)
    asking = AskingOnce(tx)
    outcome = Outcome()
    for part in _parts(batch):
        # What is linked asks of requests that may stand in this very batch: by itself, once those before it stand.
        of = tx if len(part) == 1 and _is_linked(part[0][1]) else asking
        found = await _candidates(tx, asking, part, outcome, actor=actor, now=now, seen=seen)
        found = await without_repeated(tx, found, outcome, actor=actor, seen=seen)
        ready: list[tuple[Candidate, Prepared]] = []
        for candidate in found:
            await asyncio.sleep(
                0
            )  # whoever else is served by this process waits for one row, not for a batch
            try:
                new = await prepared(of, candidate.readied, actor=actor, now=now)
            except DomainError as error:
                outcome.refused(candidate.row, faults_of_error(error))
            else:
                ready.append((candidate, new))
        if write:
            # In one order, so that two files with the same references do not wait for each other both ways.
            ready.sort(key=lambda one: one[1].record.external_reference or "")
            await _write(tx, ready, outcome, actor=actor)
        else:
            for candidate, new in ready:
                outcome.recorded(candidate.row, _warnings(candidate, new))
    return outcome.in_order()


async def meet(tx: Tx, batch: Sequence[ReadRow], met: set[str], now: datetime) -> None:
    """Store the calendars and zones of countries met for the first time, those in `met` aside.

    By itself, since who stores them keeps everybody else who meets them waiting until the transaction ends.
    """
    entries = [row.entry.entry for row in batch if isinstance(row.entry, ImportedRequest)]
    countries = {country for one in entries for country in (one.requesting_country, one.requested_country)}
    zones = {name for one in entries for name in zone_names(event.data for event in one.events)}
    if fresh := sorted(countries - met):
        await days_in_force(tx, fresh, now)
    if named := sorted(zones - met):
        await days_in_force(tx, [], now, named)
    met |= countries | zones


Placed = tuple[int, ReadRow]


def _parts(batch: Sequence[ReadRow]) -> Iterator[list[Placed]]:
    """The rows with their places in the batch; each that is linked to another request by itself."""
    part: list[Placed] = []
    for place, row in enumerate(batch):
        if not _is_linked(row):
            part.append((place, row))
            continue
        if part:
            yield part
        yield [(place, row)]
        part = []
    if part:
        yield part


def _is_linked(row: ReadRow) -> bool:
    return isinstance(row.entry, ImportedRequest) and row.entry.is_linked


async def _candidates(
    tx: Tx,
    asking: AskingOnce,
    batch: Sequence[Placed],
    outcome: Outcome,
    *,
    actor: Actor,
    now: datetime,
    seen: Seen | None,
) -> list[Candidate]:
    days: dict[tuple[Any, ...], LocalDays] = {}
    found = []
    for place, row in batch:
        if row.faults:
            outcome.refused(row, row.faults)
            continue
        imported: ImportedRequest = row.entry
        try:
            country = _country(imported, actor)
            if seen is not None:
                imported = _without_links(imported, actor, seen)
            entry = await _resolved(tx, asking, imported, actor=actor)
            record = replace(new_record(entry, country, actor, now), id=uuid7_numbered(now, place))
            zones = tuple(sorted(str(event.data["zone"]) for event in entry.events if event.data.get("zone")))
            key = (*record.countries, zones)
            if key not in days:
                days[key] = await days_of(tx, record, (event.data for event in entry.events), now)
            one = readied(entry, record, days[key], actor=actor, now=now)
            one = with_further(_answering(one, imported.answers), imported.further, actor=actor, now=now)
            found.append(Candidate(row, one))
        except DomainError as error:
            outcome.refused(row, faults_of_error(error))
    return found


def _country(imported: ImportedRequest, actor: Actor) -> str:
    country = writes_for(imported.entry, actor)
    own = imported.recorded_by
    if own is None or own == country:
        return country
    if actor.speaks_for(own) and own in (imported.entry.requesting_country, imported.entry.requested_country):
        return own
    raise InvalidEntry(
        "The request was recorded by another country.",
        fields=[
            (
                "/recorded_by",
                f"Recorded by {own}, for which this account does not speak. Leave recorded_by out to record it for "
                "your own.",
            )
        ],
    )


def _without_links(imported: ImportedRequest, actor: Actor, seen: Seen) -> ImportedRequest:
    """The same without links to rows of the same file, none of which is written in a run that writes nothing."""
    gone = {
        place
        for place, reference in imported.links.items()
        if any(seen.knows(country, reference) for country in actor.countries)
    }
    if not gone:
        return imported
    kept = [place for place in range(len(imported.entry.events)) if place not in gone]
    places = {place: new for new, place in enumerate(kept)}
    return replace(
        imported,
        entry=replace(imported.entry, events=[imported.entry.events[place] for place in kept]),
        links={places[place]: reference for place, reference in imported.links.items() if place in places},
        answers={
            places[place]: places.get(answered, -1)
            for place, answered in imported.answers.items()
            if place in places and answered not in gone
        },
        further=imported.further.moved(places, gone),
    )


async def _resolved(tx: Tx, asking: AskingOnce, imported: ImportedRequest, *, actor: Actor) -> NewRequest:
    """The entry with the ids of what it names by reference. Raises InvalidEntry."""
    entry = imported.entry
    faults: list[Fault] = []
    if (reference := imported.agreement_reference) is not None:
        found = await _named(asking, "agreement", reference, actor)
        if found is None:
            faults.append(
                ("/agreement_reference", "Your country has no agreement of this reference. Import it first.")
            )
        entry = replace(entry, agreement_id=found)
    if imported.links:
        events = list(entry.events)
        for place, reference in imported.links.items():
            found = await _named(tx, "request", reference, actor)
            if found is None:
                pointer = f"/events/{place}/data/request_reference"
                faults.append(
                    (pointer, "Your country has no request of this reference yet. Import that one first.")
                )
            events[place] = replace(events[place], data={**events[place].data, "request_id": str(found)})
        entry = replace(entry, events=events)
    if faults:
        raise InvalidEntry("The request refers to what is not there.", fields=faults)
    return entry


async def _named(tx: Tx, table: str, reference: str, actor: Actor) -> UUID | None:
    for country in actor.countries:
        if found := (await taken(tx, table, country, [reference])).get(reference):
            return found
    return None


def _answering(one: Readied, answers: Mapping[int, int]) -> Readied:
    """The same, where acts that answer another of the file name it by the id that it has now. Raises InvalidEntry."""
    if not answers:
        return one
    ready = list(one.ready)
    faults = []
    for place, answered in answers.items():
        if not 0 <= answered < len(ready) or answered == place:
            pointer = f"/events/{place}/data/answers_act"
            faults.append(
                (pointer, "There is no such other act in this request. Give its place in the list, from 1.")
            )
            continue
        stored = ready[place].stored
        data = {**stored.data, "in_reply_to": str(ready[answered].stored.id)}
        ready[place] = replace(ready[place], stored=replace(stored, data=data))
    if faults:
        raise InvalidEntry("An act refers to what is not there.", fields=faults)
    return replace(one, ready=tuple(ready))


async def _write(
    tx: Tx, ready: Sequence[tuple[Candidate, Prepared]], outcome: Outcome, *, actor: Actor
) -> None:
    """Write requests in one statement; where the database refuses it, each by itself.

    A reference that somebody else has given meanwhile is held against what he recorded under it.
    """
    if not ready:
        return
    try:
        async with tx.savepoint():
            await _insert(tx, [new for _, new in ready])
    except asyncpg.IntegrityConstraintViolationError as error:
        if len(ready) > 1:
            for one in ready:
                await _write(tx, [one], outcome, actor=actor)
            return
        if error.constraint_name != requests.UNIQUE_REFERENCE:
            raise
        [(candidate, new)] = ready
        reference = new.record.external_reference
        assert reference is not None
        stored = (await taken(tx, "request", new.record.recorded_by, [reference])).get(reference)
        if stored is None:
            outcome.refused(candidate.row, faults_of_error(reference_taken(new.record)))
        else:
            await judge_repeated(tx, candidate, stored, outcome, actor=actor)
        return
    for candidate, new in ready:
        await same_cases.tell_twin(tx, new.record.same_case_as, new.record.id)
        outcome.recorded(candidate.row, _warnings(candidate, new))


async def _insert(tx: Tx, new: Sequence[Prepared]) -> None:
    together: dict[str, list[Row]] = {}
    for one in new:
        for table, found in one.rows.items():
            together.setdefault(table, []).extend(found)
    await rows.insert(tx, together)


def _warnings(candidate: Candidate, new: Prepared) -> list[Fault]:
    told = [("", sentence(step, ENGLISH)) for step in new.projection.warnings]
    return [*told, *((candidate.row.column(at), why) for at, why in warnings_of(candidate.readied))]
