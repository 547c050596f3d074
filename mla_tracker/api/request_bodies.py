"""Bodies and filters of requests and acts."""

from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, model_validator

from mla_tracker.api.fields import (
    Country,
    Day,
    Entry,
    Id,
    Instant,
    Line,
    Paragraphs,
    ShortLine,
    ZoneName,
    wrong,
)
from mla_tracker.api.paging import PageQuery
from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.purposes import FurtherRequest, InformationPurpose
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Circumstance,
    LinkRelation,
    Outcome,
    PostponementGround,
    RefusalGround,
    RequestKind,
    Stage,
    Status,
    Urgency,
)

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$", max_length=6)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", max_length=64)]
Circumstances = Annotated[
    list[Circumstance],
    Field(max_length=10, description="Facts on which a limit depends and that no other field tells."),
]
HANDLING: Final = (
    "Who of the two countries may see that there is this request: `open` all their accounts, `restricted` officers and "
    "heads, `confidential` those who are named. Officers and heads set it; either side may raise it, and the country "
    "that recorded the request may lower it."
)
ItemNumber = Annotated[int, Field(ge=1, le=50)]


class EventData(Entry):
    """What an act says besides its date; which fields an act needs or may have depends on its type."""

    reason: Paragraphs | None = None
    ground: RefusalGround | PostponementGround | None = None
    until: Day | None = None
    items: list[ItemNumber | Assistance] | None = Field(None, min_length=1, max_length=50)
    documents: bool | None = None
    channel: ShortLine | None = None
    language: LanguageCode | None = None
    authority: ShortLine | None = None
    zone: ZoneName | None = None
    delivery_reference: ShortLine | None = None
    outcome: Outcome | None = None
    stage: Stage | None = None
    days: int | None = Field(None, ge=1, le=3660)
    estimated_on: Day | None = None
    date: Day | None = None
    eligible: bool | None = None
    granted: bool | None = None
    revocable: bool | None = None
    request_id: Id | None = None
    relation: LinkRelation | None = None
    reclassified_as: Slug | None = None
    further_request: FurtherRequest | None = None
    purpose: InformationPurpose | None = None
    in_reply_to: Id | None = None


class EventBody(Entry):
    """A dated act: either the instant or the local day on which it took place."""

    type: Act
    occurred_at: Instant | None = None
    occurred_on: Day | None = None
    data: EventData = Field(default_factory=EventData)
    note: Paragraphs | None = None

    @model_validator(mode="after")
    def _dated_once(self) -> Self:
        if (self.occurred_at is None) == (self.occurred_on is None):
            raise wrong("Give either occurred_on, the local day of the act, or occurred_at, its instant.")
        return self

    def entry(self) -> NewEvent:
        """The act as the command takes it."""
        data = self.data.model_dump(mode="json", exclude_none=True)
        return NewEvent(self.type, self.occurred_at, self.occurred_on, data, self.note)


class References(Entry):
    """The file numbers of the two sides."""

    requesting: ShortLine | None = None
    requested: ShortLine | None = None


class RequestBody(Entry):
    """A request to log, with its history so far if it already has one."""

    kind: RequestKind
    requesting_country: Country
    requested_country: Country
    subject: Line | None = None
    urgency: Urgency = Urgency.ROUTINE
    urgency_reason: Paragraphs | None = None
    agreement_id: Id | None = None
    convention: Slug | None = None
    assistance: list[Assistance] = Field(default_factory=list, max_length=50)
    circumstances: Circumstances = Field(default_factory=list)
    offences: list[Line] = Field(default_factory=list, max_length=50)
    channel: ShortLine | None = None
    language: LanguageCode | None = None
    external_reference: ShortLine | None = None
    references: References = Field(default_factory=References)
    assigned_to: ShortLine | None = None
    wished_by: Day | None = None
    wished_by_reason: Paragraphs | None = None
    handling: Handling = Field(Handling.OPEN, description=HANDLING)
    events: list[EventBody] = Field(default_factory=list, max_length=200)

    def entry(self) -> NewRequest:
        """The request as the command takes it."""
        return NewRequest(
            kind=self.kind,
            requesting_country=self.requesting_country,
            requested_country=self.requested_country,
            subject=self.subject,
            urgency=self.urgency,
            urgency_reason=self.urgency_reason,
            agreement_id=self.agreement_id,
            convention=self.convention,
            assistance=[form.value for form in self.assistance],
            circumstances=sorted({one.value for one in self.circumstances}),
            offences=self.offences,
            channel=self.channel,
            language=self.language,
            external_reference=self.external_reference,
            reference_requesting=self.references.requesting,
            reference_requested=self.references.requested,
            assigned_to=self.assigned_to,
            wished_by=self.wished_by,
            wished_by_reason=self.wished_by_reason,
            handling=self.handling,
            events=[event.entry() for event in self.events],
        )


class RequestChange(Entry):
    """Facts of a request to change: what is left out stays, null empties."""

    subject: Line | None = None
    urgency: Urgency = Urgency.ROUTINE
    urgency_reason: Paragraphs | None = None
    agreement_id: Id | None = None
    convention: Slug | None = None
    assistance: list[Assistance] = Field(default_factory=list, max_length=50)
    circumstances: Circumstances = Field(default_factory=list)
    offences: list[Line] = Field(default_factory=list, max_length=50)
    channel: ShortLine | None = None
    language: LanguageCode | None = None
    external_reference: ShortLine | None = None
    references: References = Field(default_factory=References)
    assigned_to: ShortLine | None = None
    wished_by: Day | None = None
    wished_by_reason: Paragraphs | None = None
    handling: Handling = Field(Handling.OPEN, description=HANDLING)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise wrong("Name at least one field to change.")
        return self

    def changes(self) -> dict[str, Any]:
        """What was named, by the names of the record."""
        found: dict[str, Any] = {}
        for name in self.model_fields_set - {"references"}:
            value = getattr(self, name)
            found[name] = [str(one) for one in value] if isinstance(value, list) else value
        if "circumstances" in found:
            found["circumstances"] = sorted(set(found["circumstances"]))
        if "references" in self.model_fields_set:
            for side in self.references.model_fields_set:
                found[f"reference_{side}"] = getattr(self.references, side)
        if "urgency" in found:
            found["urgency"] = found["urgency"].value
        if "handling" in found:
            found["handling"] = found["handling"].value
        return found


class VoidBody(Entry):
    """Why an act was recorded wrongly, and the right one instead if there is one."""

    reason: Paragraphs
    replacement: EventBody | None = None


class RequestFilters(PageQuery):
    """What a list of requests is narrowed to."""

    kind: RequestKind | None = None
    status: Status | None = None
    outcome: Outcome | None = None
    country: Country | None = Field(None, description="Either country of the request.")
    requesting_country: Country | None = None
    requested_country: Country | None = None
    urgency: Urgency | None = None
    convention: Slug | None = None
    agreement_id: Id | None = None
    assigned_to: ShortLine | None = Field(None, description="The officer on your own side.")
    external_reference: ShortLine | None = Field(
        None, description="The reference your own country recorded it under."
    )
    reference: ShortLine | None = Field(None, description="The file number of either side.")
    handling: Handling | None = None


class EventFilters(PageQuery):
    """Pages of a history."""
