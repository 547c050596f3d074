"""What there is to be told of a request, as a document that can be imported again.

A document holds what a body of POST /requests holds, and beside it who recorded the request and stated its acts, the
acts that were taken back, persons, and notes of the own side. Acts stand in an order that follows from what they say,
and refer to each other by their places in it, from 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import place
from mla_tracker.domain.vocabulary import Act, Side
from mla_tracker.storage.requests import RequestRecord, StoredEvent, answering

Document = dict[str, Any]
Texts = Mapping[tuple[UUID | None, str], str]

_PLAIN: Final = (
    "kind", "requesting_country", "requested_country", "recorded_by", "urgency", "convention", "assistance",
    "circumstances", "offences", "channel", "language", "external_reference", "wished_by", "handling",
)  # fmt: skip
OWN_TEXTS: Final = ("subject", "urgency_reason", "wished_by_reason")
_RANK: Final = {act.value: rank for rank, act in enumerate(Act)}
_NOTHING: Final[Sequence[object]] = (None, [], (), {}, "")


@dataclass(frozen=True, slots=True)
class TakenBack:
    """That an act was taken back: by which country, why (None where that is not to be read), and what was put in its
    place."""

    event_id: UUID
    voided_by: str
    reason: str | None = None
    replacement_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PersonTold:
    """A person, what is said of them by the names of `queries.persons.CONTENT`, and the country that recorded them."""

    recorded_by: str
    part: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NoteTold:
    """A note, and the country whose it is."""

    country: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """All that is told of a request. `events` hold those that were taken back too; persons and notes stand in the order
    of recording."""

    record: RequestRecord
    events: Sequence[StoredEvent] = ()
    texts: Texts = field(default_factory=lambda: MappingProxyType({}))
    taken_back: Sequence[TakenBack] = ()
    persons: Sequence[PersonTold] = ()
    notes: Sequence[NoteTold] = ()

    def only(self, parts: Iterable[str]) -> "Told":
        """The same without what a file may be silent on and `parts` do not name: taken_back, persons, notes."""
        named = set(parts)
        told = self
        if self.taken_back and "taken_back" not in named:
            told = replace(self, events=standing(self.events, self.taken_back), taken_back=())
        return replace(
            told,
            persons=self.persons if "persons" in named else (),
            notes=self.notes if "notes" in named else (),
        )


def standing(events: Sequence[StoredEvent], taken_back: Sequence[TakenBack]) -> tuple[StoredEvent, ...]:
    """The acts that were not taken back; what answered one that was replaced by its like answers that."""
    if not taken_back:
        return tuple(events)
    gone = {one.event_id: one.replacement_id for one in taken_back}
    types = {event.id: event.type for event in events}
    replaced = {
        str(event_id): str(instead)
        for event_id, instead in gone.items()
        if instead is not None and types.get(instead) == types[event_id]
    }
    return answering((event for event in events if event.id not in gone), replaced)


def document(told: Told, references: Mapping[UUID, str], actor: Actor) -> Document:
    """What a request says, its id aside. `references` are the external references of what it refers to, by id.

    Values that are absent are left out, so that two of the same content are equal.
    """
    record = told.record
    found: Document = {}
    for name in _PLAIN:
        if (value := getattr(record, name)) not in (None, [], ()):
            found[name] = value.isoformat() if name == "wished_by" else value
    if not actor.speaks_for(record.recorded_by):
        found.pop("external_reference", None)
    for name in OWN_TEXTS:
        if (None, name) in told.texts:
            found[name] = told.texts[None, name]
    named = {
        side: reference
        for side in ("requesting", "requested")
        if (reference := getattr(record, f"reference_{side}")) is not None
    }
    if named:
        found["references"] = named
    side = "requesting" if actor.speaks_for(record.requesting_country) else "requested"
    if (assigned := getattr(record, f"assigned_{side}")) is not None:
        found["assigned_to"] = assigned
    if record.agreement_id is not None:
        known = references.get(UUID(int=record.agreement_id.int))
        found |= {"agreement_reference": known} if known else {"agreement_id": str(record.agreement_id)}
    own: str = getattr(record, f"{side}_country")
    lists = {
        "events": _acts(told, references, actor, own),
        "persons": [_person(one, own) for one in told.persons],
        "notes": [_note(one, own) for one in told.notes],
    }
    return found | {name: listed for name, listed in lists.items() if listed}


def _acts(told: Told, references: Mapping[UUID, str], actor: Actor, own: str) -> list[Document]:
    gone = {one.event_id: one for one in told.taken_back}
    ordered = sorted(
        (
            (
                _said(
                    event, gone.get(event.id), told, references, _stated_by_default(event, told, actor, own)
                ),
                event,
            )
            for event in told.events
        ),
        key=lambda one: (*_order(one[0]), one[1].id),
    )
    places = {event.id: number for number, (_, event) in enumerate(ordered, start=1)}
    for said, event in ordered:
        answered = event.data.get("in_reply_to")
        if answered is not None and (number := places.get(UUID(str(answered)))):
            said.setdefault("data", {})["answers_act"] = number
        voided = gone.get(event.id)
        if voided and voided.replacement_id is not None and (number := places.get(voided.replacement_id)):
            said["voided"]["replaced_by"] = number
    return [said for said, _ in ordered]


def _said(
    event: StoredEvent, voided: TakenBack | None, told: Told, references: Mapping[UUID, str], by_default: str
) -> Document:
    data = {name: value for name, value in event.data.items() if name != "in_reply_to"}
    if event.type == Act.LINKED and (known := references.get(UUID(str(data["request_id"])))):
        del data["request_id"]
        data["request_reference"] = known
    if (reason := told.texts.get((event.id, "reason"))) is not None:
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
    if (note := told.texts.get((event.id, "note"))) is not None:
        said["note"] = note
    if voided is not None:
        said["voided"] = {"reason": voided.reason} if voided.reason is not None else {}
        if voided.voided_by != event.asserted_by:
            said["voided"]["by"] = voided.voided_by
    return said


def _stated_by_default(event: StoredEvent, told: Told, actor: Actor, own: str) -> str:
    """Who states an act that the account records without saying who: the country where it takes place, or its own."""
    record = told.record
    country = (
        record.requesting_country if place(Act(event.type)) is Side.REQUESTING else record.requested_country
    )
    return country if actor.speaks_for(country) else own


def _order(said: Document) -> tuple[str, int, bytes]:
    return said.get("occurred_on") or said["occurred_at"], _RANK[said["type"]], to_json(said)


def _person(person: PersonTold, own: str) -> Document:
    said: Document = {"part": person.part, **_present(person.content)}
    if person.recorded_by != own:
        said["recorded_by"] = person.recorded_by
    return said


def _present(value: Any) -> Any:
    """A value without what is absent in it."""
    match value:
        case Mapping():
            return {name: _present(one) for name, one in sorted(value.items()) if one not in _NOTHING}
        case list() | tuple():
            return [_present(one) for one in value]
        case _:
            return value


def _note(note: NoteTold, own: str) -> Document:
    return {"text": note.text} | ({"country": note.country} if note.country != own else {})
