"""Working days as data: the calendar of a country, and what its own authority says of it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from litestar import Response, get, put
from pydantic import ConfigDict, Field

from mla_tracker.api.answers import answer
from mla_tracker.api.deadlines import Spans, Weekday
from mla_tracker.api.explanations import StepView, step_views
from mla_tracker.api.fields import (
    Answer,
    Country,
    Day,
    DayKey,
    Entry,
    Instant,
    Line,
    Query,
    ShortLine,
    ZoneName,
)
from mla_tracker.api.previews import EffectView, PreviewQuery, effect_view
from mla_tracker.api.problems import INVALID_QUERY, Problem
from mla_tracker.api.routes import documented
from mla_tracker.catalogue.countries import is_country
from mla_tracker.commands import calendars as commands
from mla_tracker.commands.calendars import NewCalendar, no_such_country
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.calendars import Hours, clock_time_of, minutes_of
from mla_tracker.domain.errors import InvalidEntry, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import calendars as queries
from mla_tracker.storage.database import Database, DbRole

MOST_DAYS: Final = 2000
ESTIMATED: Final = "(estimated)"
"""What marks a holiday whose date follows from the moon."""

WeekdayKey = Literal["0", "1", "2", "3", "4", "5", "6"]
Year = Annotated[int, Field(ge=1600, le=2398)]
_LAST_DAY: Final = date(2399, 12, 31)


class CalendarQuery(Query):
    """Of which days the calendar is wanted; without any, of this year and the next."""

    year: Year | None = Field(None, description="Of this year; not together with `from` and `to`.")
    from_: Day | None = Field(None, alias="from", description="From this day on.")
    to: Day | None = Field(None, description="Up to this day, which is not included.")


class OwnHoliday(Entry):
    """A day that is not worked."""

    date: Day
    name: ShortLine


class Overrides(Entry):
    """What a country says of its days itself; what is left out stays as it ships."""

    region: ShortLine | None = Field(
        None,
        description="The subdivision whose holidays to start from, e.g. `MD` of ES-MD; null: the country's.",
    )
    zone: ZoneName | None = Field(
        None, description="Where days begin and end for its authorities; null: the zone of the capital."
    )
    holidays: list[OwnHoliday] = Field(
        default=[], max_length=MOST_DAYS, description="Holidays to add or rename."
    )
    not_holidays: list[Day] = Field(
        default=[], max_length=MOST_DAYS, description="Days that ship as holidays and are worked."
    )
    extra_working_days: list[Day] = Field(
        default=[], max_length=MOST_DAYS, description="Worked although weekend, holiday or recess."
    )
    recess: list[tuple[Day, Day]] = Field(
        default=[],
        max_length=200,
        description="First and last day of each recess of courts, both included. It stops targets of a policy, and no "
        "limit of law or of an agreement.",
    )
    hours: dict[WeekdayKey, Spans] = Field(
        default={}, description="Opening hours by weekday, Monday 0; without any, 09:00 to 17:00 is assumed."
    )
    date_hours: dict[DayKey, Spans] = Field(
        default={}, max_length=MOST_DAYS, description="Opening hours of single days; an empty list is closed."
    )
    weekend: list[Weekday] | None = Field(
        None, max_length=7, description="Weekdays not worked, Monday 0; null: as shipped."
    )
    weekend_from: Day | None = Field(
        None, description="The first day of this weekend, before which the shipped one stands; null: always."
    )
    complete_years: list[Year] = Field(
        default=[],
        max_length=100,
        description="Years of which all holidays are known now: they warn no more.",
    )


class CalendarEntry(Overrides):
    """The whole of what a country says of its calendar: it replaces what it said before."""

    source: Line = Field(description="Where it is published: the decree, the gazette.")

    def entry(self) -> NewCalendar:
        """The same for the command."""
        own = CalendarOverrides(
            holidays=tuple((holiday.date, holiday.name) for holiday in self.holidays),
            not_holidays=tuple(self.not_holidays),
            extra_working_days=tuple(self.extra_working_days),
            recess=tuple(self.recess),
            hours={int(weekday): _minutes(spans) for weekday, spans in self.hours.items()},
            date_hours={day: _minutes(spans) for day, spans in self.date_hours.items()},
            weekend=None if self.weekend is None else frozenset(self.weekend),
            weekend_from=self.weekend_from,
            complete_years=frozenset(self.complete_years),
        )
        words = self.model_dump(mode="json", exclude={"source"}, exclude_defaults=True)
        return NewCalendar(own, self.source, words, self.region, self.zone)


class OverridesView(Overrides):
    """What the country said, as it can be changed and sent again."""

    model_config = ConfigDict(**{**Answer.model_config, "strict": False})


class WeekendView(Answer):
    """The weekdays not worked from a day on."""

    from_: Day | None = Field(serialization_alias="from", description="Null: since ever.")
    weekdays: list[int] = Field(description="Monday 0.")


class HolidayView(Answer):
    """A day that is not worked."""

    date: Day
    name: str
    estimated: bool = Field(description="The date follows from the moon and is settled only shortly before.")


class CalendarAnswer(Answer):
    """The calendar by which clocks count in a country, with its days from `from` up to `to`, which is not included."""

    country: Country
    region: str | None
    version: int
    zone: ZoneName
    from_: Day = Field(serialization_alias="from")
    to: Day
    weekends: list[WeekendView]
    holidays: list[HolidayView]
    extra_working_days: list[Day]
    recess: list[tuple[Day, Day]]
    hours: dict[WeekdayKey, Spans]
    date_hours: dict[DayKey, Spans]
    known_years: tuple[int, int] | None = Field(
        description="First and last year of which holidays are known."
    )
    years_without_holidays: list[int] = Field(description="Years between them of which none are known.")
    warnings: list[StepView]
    overrides: OverridesView = Field(description="What the country itself said; all else is as it ships.")
    source: str = Field(description="Where it is published, or the package that ships it.")
    applied_at: Instant


class ChangedCalendar(CalendarAnswer):
    """The calendar as it was put in force, or as it would be."""

    requests_waiting: int = Field(
        description="How many requests wait to be counted anew by it, which a job does within minutes."
    )
    effect: EffectView | None = Field(description="What would change; null where the calendar was stored.")


EXAMPLES: Final[Mapping[str, Any]] = {
    "a holiday by decree, and a judicial recess": {
        "source": "Decree 2-26-123, Bulletin officiel 7390",
        "holidays": [{"date": "2026-10-31", "name": "Unity Day"}],
        "recess": [["2026-08-01", "2026-08-31"]],
        "hours": {weekday: [["08:30", "16:30"]] for weekday in "01234"},
    }
}


@get(
    "/calendars/{country:str}",
    **documented(
        "Read the calendar of a country",
        tag="calendars",
        may=Deed.READ_LAW,
        query=CalendarQuery,
        answer=CalendarAnswer,
        etag=True,
        problems=[NotFound],
        description="Of any country, since a case is counted by the calendars of both.",
    ),
)
async def read_calendar(
    country: str, filters: CalendarQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """The version in force, with the days of the years asked for."""
    if not is_country(country):
        raise no_such_country(country)
    first, after = _wanted(filters, now)
    view = await _viewed(database, country, first, after, now)
    return answer(CalendarAnswer(**_shown(view, after)), version=view.version)


@put(
    "/calendars/{country:str}",
    **documented(
        "Set the calendar of your own country",
        tag="calendars",
        may=Deed.SET_CALENDARS,
        body=CalendarEntry,
        query=PreviewQuery,
        answer=ChangedCalendar,
        if_match=True,
        etag=True,
        problems=[InvalidEntry, NotFound, NotAllowed, VersionStale],
        examples=EXAMPLES,
        description="The body is all that the country says, laid over the calendar that ships; an empty one goes "
        "back to that. Dates that move are counted anew by a job; a `preview` "
        "tells them before.",
    ),
)
async def set_calendar(
    country: str,
    entry: CalendarEntry,
    filters: PreviewQuery,
    actor: Actor,
    database: Database,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Puts a new version in force and answers with it; a preview answers with the version that would be."""
    first, after = _wanted(CalendarQuery(), now)
    new = entry.entry()
    if filters.preview:
        preview = await commands.preview_calendar(
            database, country, new, expected=if_match, actor=actor, now=now
        )
        view = queries.view_of(preview.calendar, first=first, last=after - timedelta(days=1))
        shown = ChangedCalendar(**_shown(view, after), requests_waiting=0, effect=effect_view(preview.effect))
        return answer(shown, version=preview.based_on)
    done = await commands.change_calendar(database, country, new, expected=if_match, actor=actor, now=now)
    view = await _viewed(database, country, first, after, now)
    shown = ChangedCalendar(**_shown(view, after), requests_waiting=done.requests_waiting, effect=None)
    return answer(shown, version=view.version)


async def _viewed(
    database: Database, country: str, first: date, after: date, now: datetime
) -> queries.CalendarView:
    async with database.transaction(DbRole.API) as tx:
        return await queries.calendar(tx, country, first=first, last=after - timedelta(days=1), now=now)


def _wanted(filters: CalendarQuery, now: datetime) -> tuple[date, date]:
    """The first day, and the first one no longer wanted. Raises the 400 problem for days that cannot be meant."""
    given = filters.from_ is not None or filters.to is not None
    if filters.year is not None:
        if given:
            raise _wrong("/year", "Give either the year, or from and to.")
        return date(filters.year, 1, 1), date(filters.year + 1, 1, 1)
    year = (filters.from_ or filters.to or now.date()).year
    first = filters.from_ or date(year, 1, 1)
    after = filters.to or min(date(year + 1 if filters.from_ else year + 2, 1, 1), _LAST_DAY)
    if after <= first:
        raise _wrong("/to", f"{after} does not lie after {first}. Give a later day: it is not included.")
    return first, after


def _wrong(pointer: str, sentence: str) -> Problem:
    return Problem(INVALID_QUERY, sentence, errors=[(pointer, sentence)])


def _shown(view: queries.CalendarView, after: date) -> dict[str, Any]:
    return {
        "country": view.country,
        "region": view.region,
        "version": view.version,
        "zone": view.zone,
        "from_": view.first,
        "to": after,
        "weekends": [WeekendView(from_=since, weekdays=list(weekdays)) for since, weekdays in view.weekends],
        "holidays": [
            HolidayView(date=day, name=name, estimated=ESTIMATED in name) for day, name in view.holidays
        ],
        "extra_working_days": list(view.extra_working_days),
        "recess": list(view.recess),
        "hours": {str(weekday): _spans(hours) for weekday, hours in sorted(view.hours.items())},
        "date_hours": {day: _spans(hours) for day, hours in view.date_hours.items()},
        "known_years": view.known_years,
        "years_without_holidays": list(view.years_without_holidays),
        "warnings": step_views(view.warnings),
        "overrides": OverridesView.model_validate(view.overrides),
        "source": view.source,
        "applied_at": view.applied_at,
    }


def _minutes(spans: Spans) -> Hours:
    return tuple((minutes_of(opening), minutes_of(closing)) for opening, closing in spans)


def _spans(hours: Hours) -> list[tuple[str, str]]:
    return [(clock_time_of(opening), clock_time_of(closing)) for opening, closing in hours]
