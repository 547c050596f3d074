"""Bodies and answers about persons. No sentence of a refusal repeats what was sent."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from mla_tracker.api.fields import Answer, Country, Entry, Id, Instant, Line, Paragraphs, ShortLine, wrong
from mla_tracker.api.paging import PageQuery
from mla_tracker.commands.persons import NewPerson
from mla_tracker.domain.persons import ErasureGround, IdentifierType, NameKind, Part, Sex

PARTIAL_DAY_PATTERN: Final = r"^(1[89]|20|21)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"
_REST: Final = {4: "-01-01", 7: "-01", 10: ""}
_PARTIAL_DAY: Final = re.compile(PARTIAL_DAY_PATTERN.rstrip("$") + r"\Z")


def _read_partial_day(value: object) -> str:
    if isinstance(value, str) and _PARTIAL_DAY.match(value):
        try:
            date.fromisoformat(value + _REST[len(value)])
        except ValueError:
            pass
        else:
            return value
    raise wrong("Give what is known of the date: YYYY, YYYY-MM or YYYY-MM-DD, from 1800 to 2199.")


PartialDay = Annotated[
    str,
    PlainValidator(_read_partial_day),
    WithJsonSchema({"type": "string", "pattern": PARTIAL_DAY_PATTERN, "examples": ["1987-05"]}),
]
"""A day of which perhaps only the month or the year is known."""


class PersonName(Entry):
    """A name as far as it is known; `as_written` is the whole name in its own script or order."""

    kind: NameKind = NameKind.CURRENT
    family_names: ShortLine | None = None
    given_names: ShortLine | None = None
    as_written: ShortLine | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.family_names or self.given_names or self.as_written):
            raise wrong("Give family_names, given_names or as_written.")
        return self


class Identifier(Entry):
    """The number of a document or in a register."""

    type: IdentifierType
    number: ShortLine
    issuing_country: Country | None = None


Names = Annotated[list[PersonName], Field(max_length=20)]
Nationalities = Annotated[list[Country], Field(max_length=10)]
Identifiers = Annotated[list[Identifier], Field(max_length=20)]


class PersonEntry(Entry):
    """A person, and as what they stand in the request. A name, an identifier or a remark is needed."""

    part: Part
    names: Names = Field(default_factory=list)
    sex: Sex | None = None
    born_on: PartialDay | None = None
    birth_place: Line | None = None
    birth_country: Country | None = None
    nationalities: Nationalities = Field(default_factory=list)
    identifiers: Identifiers = Field(default_factory=list)
    remarks: Paragraphs | None = None

    def entry(self) -> NewPerson:
        """The person as the command takes it."""
        return NewPerson(self.part, self.model_dump(mode="json", exclude={"part"}))


class PersonChange(Entry):
    """What to correct: what is left out stays, null or an empty list empties."""

    part: Part = Part.OTHER
    names: Names = Field(default_factory=list)
    sex: Sex | None = None
    born_on: PartialDay | None = None
    birth_place: Line | None = None
    birth_country: Country | None = None
    nationalities: Nationalities = Field(default_factory=list)
    identifiers: Identifiers = Field(default_factory=list)
    remarks: Paragraphs | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise wrong("Name at least one field to change.")
        return self

    def changes(self) -> dict[str, Any]:
        """What was named."""
        return self.model_dump(mode="json", include=set(self.model_fields_set))


class ErasureEntry(Entry):
    """Why content is to be destroyed; a closed list, since free words would tell what is to be forgotten."""

    ground: Literal["recorded_in_error", "not_concerned", "asked_by_the_person", "ordered"]

    def why(self) -> ErasureGround:
        """The same for the command."""
        return ErasureGround(self.ground)


class NameView(Answer):
    """A name."""

    kind: NameKind
    family_names: str | None
    given_names: str | None
    as_written: str | None


class IdentifierView(Answer):
    """The number of a document or in a register."""

    type: IdentifierType
    number: str
    issuing_country: Country | None


class PersonView(Answer):
    """A person of a request. All that is said of them is null once it was erased."""

    id: Id
    request_id: Id
    part: Part
    recorded_by: Country
    names: list[NameView] | None
    sex: Sex | None
    born_on: str | None
    birth_place: str | None
    birth_country: Country | None
    nationalities: list[Country] | None
    identifiers: list[IdentifierView] | None
    remarks: str | None
    version: int
    created_at: Instant
    updated_at: Instant
    erased_at: Instant | None
    erased_for: ErasureGround | None
    warnings: list[str]


class PersonsQuery(PageQuery):
    """Which page is wanted."""
