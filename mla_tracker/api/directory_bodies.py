"""Entries of the directory as clients send and read them."""

from typing import Annotated

from pydantic import Field, StringConstraints

from mla_tracker.api.agreement_bodies import Language
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
)
from mla_tracker.api.paging import PageQuery
from mla_tracker.api.request_bodies import Slug
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.storage.directory import DirectoryFields

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()./-]{3,40}$", max_length=41)]
_PLAIN = r"[^@\x00-\x20\x7f-\xa0<>]"
Email = Annotated[str, StringConstraints(pattern=rf"^{_PLAIN}{{1,64}}@{_PLAIN}{{1,190}}$", max_length=255)]


class DirectoryEntry(Entry):
    """An authority, and what it is there for."""

    country: Country
    authority: Line
    external_reference: ShortLine | None = Field(
        None, description="Your own reference, once only among your country's entries."
    )
    functions: list[RequestKind] = Field(
        default_factory=list, max_length=20, description="The kinds of requests that it takes; none: all."
    )
    instruments: list[Slug] = Field(
        default_factory=list,
        max_length=100,
        description="The instruments that it was named under; none: whatever.",
    )
    languages: list[Language] = Field(default_factory=list, max_length=20)
    address: Paragraphs | None = None
    phone: Phone | None = None
    email: Email | None = None
    valid_from: Day | None = None
    valid_to: Day | None = Field(None, description="The first day on which it no longer holds.")

    def fields(self) -> DirectoryFields:
        """The entry as the command takes it."""
        return DirectoryFields(
            country=self.country,
            authority=self.authority,
            external_reference=self.external_reference,
            functions=tuple(kind.value for kind in self.functions),
            instruments=tuple(self.instruments),
            languages=tuple(self.languages),
            address=self.address,
            phone=self.phone,
            email=self.email,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class DirectoryView(Answer):
    """An entry of the directory."""

    id: Id
    country: Country
    authority: str
    external_reference: str | None = Field(description="For the country itself only.")
    functions: list[RequestKind]
    instruments: list[str]
    languages: list[Language]
    address: str | None
    phone: str | None
    email: str | None
    valid_from: Day | None
    valid_to: Day | None
    created_at: Instant
    updated_at: Instant


class DirectoryQuery(PageQuery):
    """What the directory is narrowed to."""

    country: Country | None = None
    kind: RequestKind | None = Field(None, description="Those who take requests of this kind.")
    on: Day | None = Field(None, description="Those that hold on this day.")
