"""The kinds of fields that bodies and queries are made of, each as strict in its schema as in its reading.

Every body is an `Entry`, every set of query parameters a `Query`, every answer an `Answer`.
"""

import re
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Final, TypeAlias
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from mla_tracker.catalogue.countries import COUNTRIES, is_country

DAY_PATTERN: Final = r"^(1[6-9]|2[0-3])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
TIME_PATTERN: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
INSTANT_PATTERN: Final = rf"{DAY_PATTERN[:-1]}T{TIME_PATTERN}(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
DAY: Final = re.compile(DAY_PATTERN.rstrip("$") + r"\Z")
INSTANT: Final = re.compile(INSTANT_PATTERN.rstrip("$") + r"\Z")

ID_PATTERN: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
ID: Final = re.compile(ID_PATTERN.rstrip("$") + r"\Z")
LINE_PATTERN: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
PARAGRAPHS_PATTERN: Final = (
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
)
CLOCK_TIME_PATTERN: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
PATTERN_HELP: Final = {
    LINE_PATTERN: (
        "Give one line of text that is not blank and holds no tabs, line breaks or control characters."
    ),
    CLOCK_TIME_PATTERN: "Give a time of day as HH:MM, from 00:00 to 24:00.",
    PARAGRAPHS_PATTERN: "Give text that is not blank, without control characters; line breaks and tabs may stay.",
}
"""What to tell who breaks a pattern; a pattern with no sentence here is shown as it is."""

DAY_SCHEMA: Final = {"type": "string", "format": "date", "pattern": DAY_PATTERN, "examples": ["2026-03-02"]}
INSTANT_SCHEMA: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": INSTANT_PATTERN,
    "examples": ["2026-03-02T14:05:00+01:00"],
}
DAY_HELP: Final = "Give a date that exists, as YYYY-MM-DD, from 1600-01-01 to 2399-12-31."
INSTANT_HELP: Final = "Give an instant with its offset, as 2026-03-02T14:05:00+01:00 or 2026-03-02T13:05:00Z."


class Entry(BaseModel):
    """A body that a client sends: unknown fields are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Query(BaseModel):
    """The query parameters of a route: unknown ones are refused. A `list` field takes values with commas."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a client is told. Every field is always present, as the published schema says."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


def wrong(sentence: str) -> PydanticCustomError:
    """The error of a field validator, whose sentence reaches the reader as it stands."""
    return PydanticCustomError("said", "{sentence}", {"sentence": sentence})


def read_day(value: object) -> date:
    """A date of the form YYYY-MM-DD between 1600 and 2399, or the error that says so."""
    if isinstance(value, datetime):
        raise wrong(DAY_HELP)
    if isinstance(value, date):
        return value
    if isinstance(value, str) and DAY.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise wrong(DAY_HELP)


def read_instant(value: object) -> datetime:
    """An instant of RFC 3339 with its offset, as aware UTC to the microsecond; finer digits are cut off."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and INSTANT.match(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            pass
    raise wrong(INSTANT_HELP)


def read_day_or_instant(value: object) -> date | datetime:
    """A date or an instant, told apart by their form."""
    if isinstance(value, str) and "T" not in value and DAY.match(value):
        return read_day(value)
    if isinstance(value, str) and INSTANT.match(value):
        return read_instant(value)
    raise wrong(f"Neither a date nor an instant. {DAY_HELP} Or: {INSTANT_HELP}")


def read_id(value: object) -> UUID:
    """A UUID in its one canonical form, lower case with hyphens."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and ID.match(value):
        return UUID(value)
    raise wrong("Not an id. Give the id as an answer showed it, e.g. 019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12.")


def _day_or_in_utc(moment: date | datetime) -> str:
    return _in_utc(moment) if isinstance(moment, datetime) else moment.isoformat()


def _in_utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@cache
def zone_names() -> tuple[str, ...]:
    """Every name of a time zone in the tz database that stands for a place or UTC."""
    return tuple(sorted(zone for zone in available_timezones() if zone not in {"Factory", "localtime"}))


def _read_country(value: object) -> str:
    if isinstance(value, str) and is_country(value):
        return value
    raise wrong("Not a country. Give its ISO 3166-1 alpha-2 code in capital letters, e.g. MA or ES.")


@cache
def _zone_set() -> frozenset[str]:
    return frozenset(zone_names())


def _read_zone(value: object) -> str:
    if isinstance(value, str) and value in _zone_set():
        return value
    raise wrong("Not a time zone. Give its name in the tz database, e.g. Africa/Casablanca or Europe/Madrid.")


Day: TypeAlias = Annotated[
    date,
    PlainValidator(read_day),
    PlainSerializer(date.isoformat, return_type=str, when_used="json"),
    WithJsonSchema(DAY_SCHEMA),
]
"""A plain date."""

DayKey: TypeAlias = Annotated[
    date,
    PlainValidator(read_day),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date", "allOf": [{"pattern": DAY_PATTERN}]}),
]
"""A plain date as the name of a field."""

ClockTime: TypeAlias = Annotated[str, StringConstraints(pattern=CLOCK_TIME_PATTERN)]
"""A time of day, HH:MM, up to 24:00."""

Instant: TypeAlias = Annotated[
    datetime,
    PlainValidator(read_instant),
    PlainSerializer(_in_utc, return_type=str, when_used="json"),
    WithJsonSchema(INSTANT_SCHEMA),
]
"""An aware instant in UTC."""

DayOrInstant: TypeAlias = Annotated[
    date | datetime,
    PlainValidator(read_day_or_instant),
    PlainSerializer(_day_or_in_utc, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [DAY_SCHEMA, INSTANT_SCHEMA]}),
]
"""A plain date or an aware instant in UTC."""

Country: TypeAlias = Annotated[
    str,
    PlainValidator(_read_country),
    WithJsonSchema({"type": "string", "enum": sorted(COUNTRIES)}, mode="validation"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"}, mode="serialization"),
]
"""The ISO 3166-1 alpha-2 code of a country."""

ZoneName: TypeAlias = Annotated[
    str, PlainValidator(_read_zone), WithJsonSchema({"type": "string", "enum": list(zone_names())})
]
"""The name of a time zone in the tz database."""

Id: TypeAlias = Annotated[
    UUID,
    PlainValidator(read_id),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": ID_PATTERN}),
]
"""The id of a record."""

Line: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=LINE_PATTERN)]
"""One line of text: up to 500 characters, not blank, no control characters."""

ShortLine: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=LINE_PATTERN)]
"""One line of up to 200 characters: a reference, a name."""

Paragraphs: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=10_000, pattern=PARAGRAPHS_PATTERN)
]
"""Free text with line breaks, up to 10,000 characters, not blank."""
