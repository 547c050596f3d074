"""What a file tells of a request beside its standing acts: acts that were taken back, persons, notes of a side.

By the rules of the single calls: who may, in whose name, what must be said. Only the history that results is judged,
not that an act stood for a while.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from mla_tracker.commands.entries import Fault, side_of_writer
from mla_tracker.commands.notes import MOST_NOTES
from mla_tracker.commands.persons import MOST_PERSONS, NewPerson, faults_of_person
from mla_tracker.commands.preparing import Readied
from mla_tracker.commands.requests import MOST_EVENTS
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.persons import Part, sought_together
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.queries.request_documents import NoteTold, PersonTold, TakenBack
from mla_tracker.storage.requests import RequestRecord


@dataclass(frozen=True, slots=True)
class ImportedVoid:
    """That an act was taken back: why, the place of the act put there instead, from 0, and the country that did it."""

    reason: str | None = None
    replaced_by: int | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedPerson:
    """A person, and the country that recorded them, where it is not left to follow from who imports."""

    entry: NewPerson
    recorded_by: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedNote:
    """A note, and the country whose it is, where it is not left to follow from who imports."""

    text: str
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Further:
    """All of it. `voided`: by the place of the act, from 0."""

    voided: Mapping[int, ImportedVoid] = field(default_factory=dict)
    persons: Sequence[ImportedPerson] = ()
    notes: Sequence[ImportedNote] = ()

    def moved(self, places: Mapping[int, int], gone: Collection[int]) -> "Further":
        """The same, where acts have other places and some are gone."""
        voided = {
            places[place]: replace(
                one,
                replaced_by=None
                if one.replaced_by is None or one.replaced_by in gone
                else places.get(one.replaced_by, -1),
            )
            for place, one in self.voided.items()
            if place in places
        }
        return replace(self, voided=voided)


NOTHING_FURTHER: Final = Further()


def with_further(one: Readied, further: Further, *, actor: Actor, now: datetime) -> Readied:
    """The request with all that a file tells of it. Raises NotAllowed, and InvalidEntry naming every fault."""
    if len(one.ready) - len(further.voided) > MOST_EVENTS:
        raise InvalidEntry(
            "The request has more acts than one can hold.",
            fields=[("/events", f"A request holds at most {MOST_EVENTS} acts. Split it and link the parts.")],
        )
    if not (further.voided or further.persons or further.notes):
        return one
    for said, deed in (
        (further.voided, Deed.RECORD_ACTS),
        (further.persons, Deed.RECORD_PERSONS),
        (further.notes, Deed.RECORD_NOTES),
    ):
        if said:
            require(actor, deed)
    own = side_of_writer(actor, *one.record.countries)
    faults = [
        *_faults_of_voided(further, one.record, len(one.ready), actor),
        *_faults_of_persons(further, one.record, actor, now.date()),
        *_faults_of_notes(further, one.record, actor, own),
    ]
    if faults:
        raise InvalidEntry("What is told of the request is not complete or not possible.", fields=faults)
    ids = [ready.stored.id for ready in one.ready]
    return replace(
        one,
        taken_back=tuple(
            TakenBack(
                ids[place],
                void.by or one.ready[place].stored.asserted_by,
                void.reason,
                None if void.replaced_by is None else ids[void.replaced_by],
            )
            for place, void in _one_after_the_other(further.voided)
        ),
        persons=tuple(
            PersonTold(person.recorded_by or own, person.entry.part.value, person.entry.content)
            for person in further.persons
        ),
        notes=tuple(NoteTold(note.country or own, note.text) for note in further.notes),
    )


def warnings_of(one: Readied) -> list[Fault]:
    """What is odd about the persons of a request and is recorded all the same."""
    sought = sum(person.part == Part.PERSON_SOUGHT for person in one.persons)
    warning = sought_together(RequestKind(one.record.kind), sought)
    return [("/persons", warning)] if warning else []


def _is_own(country: str | None, record: RequestRecord, actor: Actor) -> bool:
    return country is None or (actor.speaks_for(country) and country in record.countries)


def _faults_of_voided(further: Further, record: RequestRecord, acts: int, actor: Actor) -> Iterator[Fault]:
    instead: dict[int, int] = {}
    for place, void in further.voided.items():
        pointer = f"/events/{place}/voided"
        if not _is_own(void.by, record, actor):
            yield (
                f"{pointer}/by",
                f"Taken back by {void.by}, for which this account does not speak here. Leave the act to that country, "
                "or leave by out to take it back in the name of who stated it.",
            )
        if void.replaced_by is None:
            continue
        at = f"{pointer}/replaced_by"
        if not 0 <= void.replaced_by < acts or void.replaced_by == place:
            yield at, "There is no such other act in this request. Give its place in the list, from 1."
        elif void.replaced_by in instead:
            yield (
                at,
                f"That act stands in place of act {instead[void.replaced_by] + 1} already. Name another one.",
            )
        else:
            instead[void.replaced_by] = place
    yield from _faults_of_circles(further, instead)


def _faults_of_circles(further: Further, instead: Mapping[int, int]) -> Iterator[Fault]:
    """Acts that were put in place of each other: none of them can have been the first."""
    replaced = {before: after for after, before in instead.items()}
    first = [place for place in further.voided if place not in instead]
    reached: set[int] = set()
    for place in first:
        step: int | None = place
        while step is not None:
            reached.add(step)
            step = replaced.get(step)
    for place in further.voided:
        if place in replaced and place not in reached:
            at = f"/events/{place}/voided/replaced_by"
            yield at, "These acts stand in place of each other. Name the one that was recorded last."


def _one_after_the_other(voided: Mapping[int, ImportedVoid]) -> Iterator[tuple[int, ImportedVoid]]:
    """Voids in an order in which they can have been: an act that was put in place of another after that one."""
    put_later = {void.replaced_by for void in voided.values()}
    for place, void in voided.items():
        if place in put_later:
            continue
        yield place, void
        step = void.replaced_by
        while step is not None and (then := voided.get(step)):
            yield step, then
            step = then.replaced_by


def _faults_of_persons(further: Further, record: RequestRecord, actor: Actor, today: date) -> Iterator[Fault]:
    if len(further.persons) > MOST_PERSONS:
        yield (
            "/persons",
            f"A request holds at most {MOST_PERSONS} persons. Log a supplementary one and link it.",
        )
    for place, person in enumerate(further.persons):
        pointer = f"/persons/{place}"
        if not _is_own(person.recorded_by, record, actor):
            yield (
                f"{pointer}/recorded_by",
                f"Recorded by {person.recorded_by}, for which this account does not speak here. Leave the person to "
                "that country, or leave recorded_by out to record them for your own.",
            )
        for at, why in faults_of_person(person.entry.content, today):
            yield f"{pointer}{at}", why


def _faults_of_notes(further: Further, record: RequestRecord, actor: Actor, own: str) -> Iterator[Fault]:
    kept: dict[str, int] = {}
    for place, note in enumerate(further.notes):
        if not _is_own(note.country, record, actor):
            yield (
                f"/notes/{place}/country",
                f"A note of {note.country}, for which this account does not speak here. Leave it out.",
            )
        country = note.country or own
        kept[country] = kept.get(country, 0) + 1
        if kept[country] == MOST_NOTES + 1:
            yield "/notes", f"A side keeps at most {MOST_NOTES} notes on a request. Log a supplementary one."
