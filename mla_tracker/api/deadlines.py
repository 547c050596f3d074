"""The engine by itself: POST /deadlines counts a period and says why it ends when it does."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from litestar import Response, post
from pydantic import Field, PlainValidator, WithJsonSchema

from mla_tracker.api.answers import answer
from mla_tracker.api.explanations import StepView, step_views
from mla_tracker.api.fields import (
    DAY_PATTERN,
    DAY_SCHEMA,
    INSTANT_HELP,
    INSTANT_SCHEMA,
    TIME_PATTERN,
    Answer,
    ClockTime,
    Country,
    Day,
    DayKey,
    Entry,
    Instant,
    ZoneName,
    read_day_or_instant,
    wrong,
)
from mla_tracker.api.routes import documented
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendars import SATURDAY_SUNDAY, Hours, WorkingCalendar, minutes_of
from mla_tracker.domain.counting import RULES, CountingRule, Period, deadline
from mla_tracker.domain.errors import InvalidEntry, UnknownLimit
from mla_tracker.domain.local_time import instant_of_wall_time
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.vocabulary import Roll, Unit
from mla_tracker.queries.calendars import calendar_in_force
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.local_days import zone_as_stored

LONGEST: Final = 10**10
MAX_BODY: Final = 1024 * 1024

Span: TypeAlias = tuple[ClockTime, ClockTime]
Spans: TypeAlias = Annotated[list[Span], Field(max_length=24)]
Weekday: TypeAlias = Annotated[int, Field(ge=0, le=6)]
LOCAL_TIME_PATTERN: Final = rf"{DAY_PATTERN[:-1]}T{TIME_PATTERN}$"
_LOCAL_TIME: Final = re.compile(LOCAL_TIME_PATTERN[:-1] + r"\Z")


def _read_moment(value: object) -> date | datetime:
    """A date, an instant, or a local time that still lacks its zone (naive)."""
    if isinstance(value, str) and _LOCAL_TIME.match(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise wrong(f"There is no such day. {INSTANT_HELP}") from None
    return read_day_or_instant(value)


Moment: TypeAlias = Annotated[
    date | datetime,
    PlainValidator(_read_moment),
    WithJsonSchema(
        {
            "anyOf": [DAY_SCHEMA, INSTANT_SCHEMA, {"type": "string", "pattern": LOCAL_TIME_PATTERN}],
            "description": "A date, an instant with its offset, or a local time in `timezone`; "
            "of an hour that comes twice the first is meant.",
        }
    ),
]
Pause: TypeAlias = tuple[Moment, Moment]


class InlineCalendar(Entry):
    """A calendar of the caller's own making."""

    weekend: list[Weekday] = Field(
        default=sorted(SATURDAY_SUNDAY), max_length=7, description="Weekdays not worked, Monday 0."
    )
    holidays: list[Day] = Field(default=[], max_length=10_000)
    extra_working_days: list[Day] = Field(
        default=[], max_length=10_000, description="Worked although weekend or holiday."
    )
    hours: dict[Literal["0", "1", "2", "3", "4", "5", "6"], Spans] = Field(
        default={}, description="Opening hours by weekday, Monday 0; without any, 09:00 to 17:00 is assumed."
    )
    date_hours: dict[DayKey, Spans] = Field(
        default={}, max_length=10_000, description="Opening hours of single days; an empty list is closed."
    )
    recess: list[tuple[Day, Day]] = Field(
        default=[], max_length=1000, description="First and last day of each recess, both included."
    )


class Counting(Entry):
    """A counting rule of the caller's own making."""

    count_start_day: bool = False
    exclude_start_hour: bool = False
    roll: Roll = Roll.NONE
    min_working_days: int = Field(0, ge=0, le=366)
    min_from_start_day: bool = False
    shift_start: bool = False


class PeriodEntry(Entry):
    """So many of a unit; a negative amount counts backwards."""

    amount: int = Field(ge=-LONGEST, le=LONGEST)
    unit: Unit


class DeadlineQuestion(PeriodEntry):
    """When does a period end that an event starts?"""

    start: Moment
    counting: (
        Literal["calendar", "eu-1182-71", "roll-forward", "inclusive", "instants", "working-days"] | Counting
    ) = Field(default=Counting(), description="Left out: the day of the event is excluded and nothing rolls.")
    timezone: ZoneName | None = Field(
        None,
        description="Where days begin and end. Left out: those of the calendar's country, else UTC.",
    )
    calendar: Country | InlineCalendar = Field(
        default=InlineCalendar(),
        description="Left out: Saturday and Sunday are not worked, nothing else. A recess that a country has entered "
        "stops the count as it stops targets of a policy; the clocks of limits of law run on through it.",
    )
    pauses: list[Pause] = Field(
        default=[],
        max_length=1000,
        description="From where the count stops up to, but without, where it resumes; of the kind of `start`.",
    )
    plus: PeriodEntry | None = Field(
        None, description="A second period, counted on from the end of the first."
    )


class DeadlineAnswer(Answer):
    """When the period ends, and why."""

    due_on: Day
    due_at: Instant = Field(
        description="In UTC: the exact instant for hours, minutes and working time, still in time; "
        "else the midnight that ends `due_on` in the time zone, no longer in time."
    )
    imprecise: bool = Field(description="A period in hours or less was started by a bare date.")
    explanation: list[StepView]
    warnings: list[StepView]


EXAMPLES: Final[Mapping[str, Any]] = {
    "Sixty days, Spanish holidays, rolled": {
        "start": "2026-03-02", "amount": 60, "unit": "days", "counting": "roll-forward", "timezone": "Europe/Madrid",
        "calendar": "ES",
    },
    "Ten working days with a pause, calendar inline": {
        "start": "2026-03-02", "amount": 10, "unit": "working_days", "timezone": "Africa/Casablanca",
        "calendar": {"weekend": [5, 6], "holidays": ["2026-03-20"]}, "pauses": [["2026-03-04", "2026-03-06"]],
    },
    "Twenty-four hours from an instant": {"start": "2026-03-02T14:05:00+01:00", "amount": 24, "unit": "hours"},
}  # fmt: skip


@post(
    "/deadlines",
    **documented(
        "Count a period",
        tag="deadlines",
        may=Deed.COUNT_DEADLINES,
        body=DeadlineQuestion,
        answer=DeadlineAnswer,
        problems=[InvalidEntry, UnknownLimit],
        examples=EXAMPLES,
        idempotent=True,
        max_body=MAX_BODY,
        description="Nothing is recorded, so an Idempotency-Key changes nothing.",
    ),
)
async def count_deadline(
    entry: DeadlineQuestion, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """The end of a period by any rule and calendar, with the reasons."""
    _check_pauses(entry)
    calendar, zone = await _days(entry, database, now)
    counted = deadline(
        _in_zone(entry.start, zone),
        Period(entry.amount, entry.unit),
        rule=_rule(entry.counting),
        calendar=calendar,
        zone=zone,
        pauses=[(_in_zone(stop, zone), _in_zone(resume, zone)) for stop, resume in entry.pauses],
        plus=[Period(entry.plus.amount, entry.plus.unit)] if entry.plus else (),
    )
    return answer(
        DeadlineAnswer(
            due_on=counted.due_on,
            due_at=counted.due_at,
            imprecise=counted.imprecise,
            explanation=step_views(counted.steps),
            warnings=step_views(counted.warnings),
        )
    )


def _check_pauses(entry: DeadlineQuestion) -> None:
    """Raises InvalidEntry unless every pause is of the kind of the start: dates or instants."""
    kind = "an instant" if isinstance(entry.start, datetime) else "a date"
    wrong = [
        (f"/pauses/{index}/{side}", f"Give {kind}, as `start` is one.")
        for index, pause in enumerate(entry.pauses)
        for side, moment in enumerate(pause)
        if isinstance(moment, datetime) is not isinstance(entry.start, datetime)
    ]
    if wrong:
        raise InvalidEntry(f"`start` is {kind}, and so must be both ends of every pause.", fields=wrong)


def _in_zone(moment: date | datetime, zone: ZoneInfo) -> date | datetime:
    """A local time as the instant that it is in the zone; all else as it stands."""
    if isinstance(moment, datetime) and moment.tzinfo is None:
        return instant_of_wall_time(moment, zone)
    return moment


def _rule(counting: str | Counting) -> CountingRule:
    if isinstance(counting, str):
        return RULES[counting]
    return CountingRule(**counting.model_dump())


async def _days(
    entry: DeadlineQuestion, database: Database, now: datetime
) -> tuple[WorkingCalendar, ZoneInfo]:
    """The calendar and the zone that count: of a country those in force, and a zone as clocks are counted by."""
    own, named = entry.calendar, entry.timezone
    if isinstance(own, InlineCalendar) and named is None:
        return _inline(own), ZoneInfo("UTC")
    async with database.transaction(DbRole.API) as tx:
        if isinstance(own, InlineCalendar):
            calendar, zone = _inline(own), ZoneInfo("UTC")
        else:
            calendar, zone = await calendar_in_force(tx, own, now)
        return calendar, zone if named is None else await zone_as_stored(tx, named)


def _inline(calendar: InlineCalendar) -> WorkingCalendar:
    return WorkingCalendar(
        code="inline",
        weekends=((date.min, frozenset(calendar.weekend)),),
        holidays=dict.fromkeys(calendar.holidays, ""),
        extra_working_days=frozenset(calendar.extra_working_days),
        recess=tuple(calendar.recess),
        hours={int(weekday): _hours(spans) for weekday, spans in calendar.hours.items()},
        date_hours={day: _hours(spans) for day, spans in calendar.date_hours.items()},
    )


def _hours(spans: Sequence[Span]) -> Hours:
    return tuple((minutes_of(opening), minutes_of(closing)) for opening, closing in spans)
