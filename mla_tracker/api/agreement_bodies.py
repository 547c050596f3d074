"""Agreements as clients send and read them."""

from functools import cache
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from mla_tracker.api.agreement_limits import AgreementLimit, AgreementLimitView
from mla_tracker.api.explanations import StepView
from mla_tracker.api.fields import (
    Answer,
    Country,
    Day,
    Entry,
    Id,
    Instant,
    Line,
    Paragraphs,
    ShortLine,
    wrong,
)
from mla_tracker.api.paging import PageQuery
from mla_tracker.catalogue.languages import language_codes
from mla_tracker.domain.vocabulary import AgreementAct, AgreementKind, AgreementScope, AgreementStatus

MOST_PARTIES: Final = 250
MOST_LIMITS: Final = 50


@cache
def _languages() -> frozenset[str]:
    return frozenset(language_codes())


def _read_language(value: object) -> str:
    if isinstance(value, str) and value in _languages():
        return value
    raise wrong("Not a language. Give its ISO 639-1 code in small letters, e.g. es or ar.")


Language: TypeAlias = Annotated[
    str, PlainValidator(_read_language), WithJsonSchema({"type": "string", "enum": list(language_codes())})
]


class _PartyDates(Entry):
    signed_on: Day | None = None
    in_force_from: Day | None = Field(None, description="From when the agreement binds this party.")
    terminated_on: Day | None = Field(None, description="The first day on which it no longer does.")
    declarations: Paragraphs | None = Field(None, description="Its declarations and reservations.")


class CountryParty(_PartyDates):
    """A country as a party, with dates of its own."""

    country: Country


class OrganisationParty(_PartyDates):
    """An organisation as a party, with dates of its own."""

    organisation: ShortLine


def _form_of_party(value: Any) -> str:
    if isinstance(value, str):
        return "by code"
    is_organisation = isinstance(value, dict) and "organisation" in value and "country" not in value
    return "as an organisation" if is_organisation else "as a country"


PartyEntry: TypeAlias = Annotated[
    Annotated[Country, Tag("by code")]
    | Annotated[CountryParty, Tag("as a country")]
    | Annotated[OrganisationParty, Tag("as an organisation")],
    Discriminator(_form_of_party),
]
PartyEntries: TypeAlias = Annotated[list[PartyEntry], Field(min_length=2, max_length=MOST_PARTIES)]
Languages: TypeAlias = Annotated[list[Language], Field(max_length=20)]
Limits: TypeAlias = Annotated[list[AgreementLimit], Field(max_length=MOST_LIMITS)]


class NewAgreement(Entry):
    """An agreement to be recorded. Dates may be missing."""

    title: Line
    kind: AgreementKind
    parties: PartyEntries
    scope: AgreementScope | None = Field(
        None, description="Null: bilateral for two parties, else multilateral."
    )
    external_reference: ShortLine | None = Field(
        None,
        description="Your own reference, once only among your country's agreements; nobody else sees it.",
    )
    signed_on: Day | None = Field(None, description="Not after today.")
    in_force_from: Day | None = Field(None, description="May lie in the future.")
    provisionally_applied_from: Day | None = Field(None, description="May lie in the future.")
    terminated_on: Day | None = Field(
        None, description="The first day it is no longer in force; may lie in the future."
    )
    languages: Languages = Field(default=[])
    limits: Limits = Field(default=[])
    notes: Paragraphs | None = Field(None, description="For your country only.")


def _absent() -> Any:
    """The value of a field that a change does not name; it is never read."""
    return None


class AgreementChange(Entry):
    """Fields to change; null clears one. Parties and limits are replaced as a whole."""

    title: Line = Field(default_factory=_absent)
    kind: AgreementKind = Field(default_factory=_absent)
    parties: PartyEntries = Field(default_factory=_absent)
    scope: AgreementScope = Field(default_factory=_absent)
    external_reference: ShortLine | None = None
    signed_on: Day | None = None
    in_force_from: Day | None = None
    provisionally_applied_from: Day | None = None
    terminated_on: Day | None = None
    languages: Languages = Field(default_factory=_absent)
    limits: Limits = Field(default_factory=_absent)
    notes: Paragraphs | None = None


class AgreementEventData(Entry):
    """What belongs to the event; which of it an event takes is in the description of the route."""

    by: ShortLine | None = Field(
        None, description="The party whose act it was: its country code, or the organisation's name."
    )
    effective_on: Day | None = Field(
        None, description="The day of effect if it is another; may lie in the future."
    )
    superseded_by: Id | None = Field(None, description="The agreement that takes the place of this one.")


class NewAgreementEvent(Entry):
    """An event in an agreement's life."""

    type: AgreementAct
    occurred_on: Day = Field(description="Not after today where the agreement was recorded.")
    data: AgreementEventData = AgreementEventData()
    note: Paragraphs | None = Field(None, description="For your country only.")


class AgreementEventVoid(Entry):
    """Why an event is taken back, and the right one if there is one."""

    reason: Paragraphs
    replacement: NewAgreementEvent | None = None


class AgreementQuery(PageQuery):
    """What the list of agreements is narrowed to."""

    kind: AgreementKind | None = None
    country: Country | None = Field(None, description="A party.")
    counterpart: Country | None = Field(None, description="Another party.")
    status: AgreementStatus | None = Field(None, description="Where it stands today.")
    in_force_on: Day | None = Field(
        None,
        description="In force or provisionally applied on that day; with `country` or `counterpart`, for them; with "
        "both, between the two.",
    )
    recorded_by: Country | None = None
    q: ShortLine | None = Field(None, description="Part of the title or of an organisation's name.")


class AgreementPartyView(Answer):
    """A party, its own dates, and where the agreement stands for it today."""

    country: Country | None
    organisation: str | None
    signed_on: Day | None
    in_force_from: Day | None
    terminated_on: Day | None
    declarations: str | None
    status: AgreementStatus


class AgreementVoidView(Answer):
    """That an event was taken back."""

    reason: str | None
    recorded_at: Instant


class AgreementEventView(Answer):
    """An event; one that is voided counts no more and is shown to the recording country only."""

    id: Id
    type: AgreementAct
    occurred_on: Day
    data: AgreementEventData
    note: str | None
    recorded_at: Instant
    voided: AgreementVoidView | None


class AgreementView(Answer):
    """An agreement as this account may see it."""

    id: Id
    title: str
    kind: AgreementKind
    scope: AgreementScope
    status: AgreementStatus = Field(description="Today, where it was recorded.")
    parties: list[AgreementPartyView]
    external_reference: str | None = Field(description="For the recording country only.")
    signed_on: Day | None
    provisionally_applied_from: Day | None
    in_force_from: Day | None
    terminated_on: Day | None
    visible_to_all_from: Day | None = Field(
        description="Before this day only the recording country sees it; null: never."
    )
    languages: list[Language]
    limits: list[AgreementLimitView]
    notes: str | None = Field(description="For the recording country only.")
    events: list[AgreementEventView] = Field(description="In order of time.")
    warnings: list[StepView] = Field(description="What looks odd in the dates.")
    recorded_by: Country
    version: int
    created_at: Instant
    updated_at: Instant
