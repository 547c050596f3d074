"""What officers hand in about requests and acts, and the checks that need no history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.catalogue.countries import is_country
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import faults_of_data, place
from mla_tracker.domain.errors import InvalidEntry, NotAllowed
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.histories import refuse_future
from mla_tracker.domain.vocabulary import Act, RequestKind, Side, Status, Urgency
from mla_tracker.storage.cases import event_of, zones_of
from mla_tracker.storage.ids import uuid7, uuid7_numbered
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import RequestRecord, StoredEvent
from mla_tracker.storage.texts import FreeText

EARLIEST_DAY = date(1900, 1, 1)

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An act as handed in: exactly one of the two times, typed data in JSON's terms, a note of the writer's side.

    `asserted_by`: the country that states it, where that is not left to follow from who writes.
    """

    type: Act
    occurred_at: datetime | None = None
    occurred_on: date | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    asserted_by: str | None = None


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as handed in, with the history so far if it already has one."""

    kind: RequestKind
    requesting_country: str
    requested_country: str
    subject: str | None = None
    urgency: Urgency = Urgency.ROUTINE
    urgency_reason: str | None = None
    agreement_id: UUID | None = None
    convention: str | None = None
    assistance: Sequence[str] = ()
    circumstances: Sequence[str] = ()
    offences: Sequence[str] = ()
    channel: str | None = None
    language: str | None = None
    external_reference: str | None = None
    reference_requesting: str | None = None
    reference_requested: str | None = None
    assigned_to: str | None = None
    wished_by: date | None = None
    wished_by_reason: str | None = None
    handling: Handling = Handling.OPEN
    events: Sequence[NewEvent] = ()


@dataclass(frozen=True, slots=True)
class ReadyEvent:
    """An act that passed the checks: the row to append and the free text beside it."""

    stored: StoredEvent
    texts: tuple[FreeText, ...]
    pointer: str = ""


def side_of_writer(actor: Actor, requesting: str, requested: str) -> str:
    """The country that an account records for: the requesting one if it speaks for both. Raises NotAllowed."""
    for country in (requesting, requested):
        if actor.speaks_for(country):
            return country
    raise NotAllowed(
        f"This account belongs to {', '.join(actor.countries)} and records only requests of its own country, "
        f"not one between {requesting} and {requested}.",
        fields=[("/requesting_country", "One of the two countries must be your own.")],
    )


def checked_request(entry: NewRequest) -> None:
    """Raises InvalidEntry naming every field at fault of the request itself."""
    faults: list[Fault] = []
    for name in ("requesting_country", "requested_country"):
        if not is_country(getattr(entry, name)):
            faults.append(
                (f"/{name}", "There is no such country in ISO 3166-1. Give its two letters, as ES.")
            )
    if entry.requesting_country == entry.requested_country:
        faults.append(
            ("/requested_country", "A country does not request from itself. Give the other country.")
        )
    faults += faults_of_facts(
        urgency=entry.urgency,
        urgency_reason=entry.urgency_reason,
        convention=entry.convention,
        kind=entry.kind,
    )
    if faults:
        raise InvalidEntry(
            "The request is not complete or not possible. Nothing was recorded.", fields=faults
        )


def faults_of_facts(
    *, urgency: Urgency, urgency_reason: str | None, convention: str | None, kind: RequestKind
) -> list[Fault]:
    """What is wrong with facts that may also be amended later."""
    faults: list[Fault] = []
    if urgency is not Urgency.ROUTINE and not urgency_reason:
        faults.append(
            (
                "/urgency_reason",
                f"Say why the request is {urgency}: custody, danger to life, loss of evidence, a hearing date.",
            )
        )
    if convention is not None:
        known = load_conventions().get(convention)
        if known is None:
            named = ", ".join(sorted(load_conventions()))
            faults.append(
                ("/convention", f"There is no such instrument in the catalogue. Known are {named}.")
            )
        elif kind not in known.kinds:
            faults.append(
                ("/convention", f"{known.title} has nothing to say on {kind} requests. Leave it out.")
            )
    return faults


def ready_event(
    entry: NewEvent,
    record: RequestRecord,
    history: Sequence[StoredEvent],
    days: LocalDays,
    *,
    actor: Actor,
    now: datetime,
    pointer: str = "",
    number: int | None = None,
) -> ReadyEvent:
    """The act as a row, once its own data are in order. `pointer` says where the entry stands in the body.

    Acts of one instant have ids in the order of their `number`, if they have one.

    The `history` tells in which zone the requested country's acts are dated; `days` holds the zones, those that
    the entry names included.

    Raises InvalidEntry naming every field at fault, DatedInFuture for an act still to come.
    """
    kind = RequestKind(record.kind)
    faults = [(f"{pointer}{at}", sentence) for at, sentence in faults_of_data(entry.type, kind, entry.data)]
    if (entry.occurred_at is None) == (entry.occurred_on is None):
        faults.append(
            (f"{pointer}/occurred_on", "Give either occurred_on, a date, or occurred_at, an instant.")
        )
    data, item_faults = _with_item_numbers(entry.data, record.assistance)
    faults += [(f"{pointer}/data/items", sentence) for sentence in item_faults]
    if entry.asserted_by is not None and not (
        actor.speaks_for(entry.asserted_by)
        and entry.asserted_by in (record.requesting_country, record.requested_country)
    ):
        faults.append(
            (
                f"{pointer}/asserted_by",
                f"Stated by {entry.asserted_by}, for which this account does not speak here. Leave the act to that "
                "country, or leave asserted_by out to record what your own was told.",
            )
        )
    if faults:
        raise InvalidEntry("The act is not complete or not possible. Nothing was recorded.", fields=faults)
    # An account of both countries speaks for the one where the act takes place.
    own = country_of_act(entry.type, record)
    asserted_by = entry.asserted_by or (
        own
        if actor.speaks_for(own)
        else side_of_writer(actor, record.requesting_country, record.requested_country)
    )
    event_id = uuid7(now) if number is None else uuid7_numbered(now, number)
    reason = data.pop("reason", None)
    stored = StoredEvent(
        event_id, entry.type.value, entry.occurred_at, entry.occurred_on, data, asserted_by, now
    )
    zones = zones_of(record.requesting_country, record.requested_country, [*history, stored], days)
    event = event_of(stored, record.requesting_country, zones)
    refuse_future(event, now, pointer=pointer)
    if event.day < EARLIEST_DAY:
        where = "occurred_on" if entry.occurred_on else "occurred_at"
        raise InvalidEntry(
            f"{event.told()} lies before {EARLIEST_DAY.isoformat()}. Correct the date.",
            fields=[(f"{pointer}/{where}", f"Lies before {EARLIEST_DAY.isoformat()}.")],
        )
    texts = [FreeText("note", entry.note, asserted_by, event_id)] if entry.note else []
    if reason:
        texts.append(FreeText("reason", str(reason), None, event_id))
    return ReadyEvent(stored, tuple(texts), pointer)


def ready_events(
    entries: Sequence[NewEvent], record: RequestRecord, days: LocalDays, *, actor: Actor, now: datetime
) -> list[ReadyEvent]:
    """All acts of a history handed in at once; every fault of every act is named together."""
    ready: list[ReadyEvent] = []
    refusals: list[InvalidEntry] = []
    for index, entry in enumerate(entries):
        try:
            ready.append(
                ready_event(
                    entry, record, (), days, actor=actor, now=now, pointer=f"/events/{index}", number=index
                )
            )
        except InvalidEntry as error:
            refusals.append(error)
    if refusals:
        kinds = {type(error) for error in refusals}
        kind = kinds.pop() if len(kinds) == 1 else InvalidEntry
        raise kind(refusals[0].detail, fields=[fault for error in refusals for fault in error.fields])
    return ready


def country_of_act(act: Act, record: RequestRecord) -> str:
    """The country in which an act of this request takes place."""
    return record.requesting_country if place(act) is Side.REQUESTING else record.requested_country


def _with_item_numbers(
    data: Mapping[str, Any], assistance: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """The data with items as numbers: they may be named by number from 1, or by a form that occurs once."""
    named = data.get("items")
    if named is None:
        return dict(data), []
    numbers: list[int] = []
    faults: list[str] = []
    for item in named:
        places = [number for number, form in enumerate(assistance, start=1) if item in (number, form)]
        if len(places) == 1:
            numbers.append(places[0])
        elif places:
            faults.append(
                f"{item} occurs more than once among the items of assistance. Name it by its number."
            )
        else:
            faults.append(
                f"There is no item {item} of assistance in this request, which has {len(assistance)}."
            )
    return dict(data) | {"items": sorted(set(numbers))}, faults


def new_record(entry: NewRequest, country: str, actor: Actor, now: datetime) -> RequestRecord:
    """The row of a request that is being logged for a country, before its history is judged."""
    own = "requesting" if country == entry.requesting_country else "requested"
    return RequestRecord(
        id=uuid7(now),
        kind=entry.kind.value,
        requesting_country=entry.requesting_country,
        requested_country=entry.requested_country,
        recorded_by=country,
        recorded_by_account=actor.account_id,
        urgency=entry.urgency.value,
        agreement_id=entry.agreement_id,
        convention=entry.convention,
        assistance=list(entry.assistance),
        circumstances=list(entry.circumstances),
        offences=list(entry.offences),
        channel=entry.channel,
        language=entry.language,
        external_reference=entry.external_reference,
        reference_requesting=entry.reference_requesting,
        reference_requested=entry.reference_requested,
        assigned_requesting=entry.assigned_to if own == "requesting" else None,
        assigned_requested=entry.assigned_to if own == "requested" else None,
        wished_by=entry.wished_by,
        handling=entry.handling.value,
        same_case_as=None,
        status=Status.DRAFT.value,
        shared=False,
        version=1,
        created_at=now,
        updated_at=now,
        version_requesting=1,
        version_requested=1,
        updated_requesting_at=now,
        updated_requested_at=now,
    )
