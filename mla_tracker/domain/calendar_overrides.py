"""What a country says of its own working days, laid over the calendar that ships."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from mla_tracker.domain.calendars import Hours, WorkingCalendar
from mla_tracker.domain.errors import InvalidEntry

LONGEST_RECESS = 183
"""In days: no court rests longer than half a year."""

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CalendarOverrides:
    """Days and hours that a country sets itself; what is left out stays as it ships.

    `not_holidays` are worked although they ship as holidays. A holiday named here is not worked even where it ships
    as a worked weekend day. `weekend` (Monday 0) holds from `weekend_from` on, inclusive, or always. `complete_years`:
    years of which all holidays are known now, so that no date in them is doubted.
    """

    holidays: tuple[tuple[date, str], ...] = ()
    not_holidays: tuple[date, ...] = ()
    extra_working_days: tuple[date, ...] = ()
    recess: tuple[tuple[date, date], ...] = ()
    hours: Mapping[int, Hours] = field(default_factory=dict)
    date_hours: Mapping[date, Hours] = field(default_factory=dict)
    weekend: frozenset[int] | None = None
    weekend_from: date | None = None
    complete_years: frozenset[int] = frozenset()


def laid_over(shipped: WorkingCalendar, own: CalendarOverrides) -> WorkingCalendar:
    """The shipped calendar with what the country says itself.

    Raises InvalidEntry naming every field that cannot be meant, or that leaves a year without a working day.
    """
    faults = [*_faults_of_days(shipped, own), *_faults_of_recess(own), *_faults_of_hours(own)]
    if own.weekend is not None and len(own.weekend) > 6:
        faults.append(("/weekend", "A week needs a working day. Leave out at least one weekday."))
    if own.weekend is None and own.weekend_from is not None:
        faults.append(
            ("/weekend_from", "Says from when a weekend holds, and none is given. Give `weekend` too.")
        )
    if not faults:
        calendar = _combined(shipped, own)
        faults = [*_idle_years(calendar, own), *_never_open(calendar, own)]
    if faults:
        raise InvalidEntry("Such a calendar is not possible. Nothing was changed.", fields=faults)
    return calendar


def days_changed(before: WorkingCalendar, after: WorkingCalendar) -> tuple[date, date] | None:
    """The first and the last day that the two say something else of, both inclusive; None if there is none."""
    if (before.code, before.hours) != (after.code, after.hours):
        return date.min, date.max
    days = {day for day, _ in before.holidays.items() ^ after.holidays.items()}
    for year in years_changed(before, after):
        days |= {date(year, 1, 1), date(year, 12, 31)}
    weekends = set(before.weekends) ^ set(after.weekends)
    if weekends:
        days |= {min(since for since, _ in weekends), date.max}
    days |= before.extra_working_days ^ after.extra_working_days
    days |= {
        day
        for day in before.date_hours.keys() | after.date_hours.keys()
        if before.date_hours.get(day) != after.date_hours.get(day)
    }
    for first, last in set(before.recess) ^ set(after.recess):
        days |= {first, last}
    return (min(days), max(days)) if days else None


def years_changed(before: WorkingCalendar, after: WorkingCalendar) -> list[int]:
    """The years of which only one of the two knows holidays, in their order."""
    if before.known_years is None or after.known_years is None:
        return []
    held = {*before.known_years, *after.known_years}
    return sorted(year for year in held if before.knows_holidays_of(year) != after.knows_holidays_of(year))


@dataclass(frozen=True, slots=True)
class DayChange:
    """A day of which two calendars say something else. None: it is what its weekday makes it."""

    day: date
    before: str | None
    after: str | None


def day_changes(before: WorkingCalendar, after: WorkingCalendar) -> tuple[DayChange, ...]:
    """The holidays and the worked days in which two calendars differ, in their order."""
    days = {day for day, _ in before.holidays.items() ^ after.holidays.items()}
    days |= before.extra_working_days ^ after.extra_working_days
    return tuple(DayChange(day, _said_of(day, before), _said_of(day, after)) for day in sorted(days))


def _said_of(day: date, calendar: WorkingCalendar) -> str | None:
    return "worked" if day in calendar.extra_working_days else calendar.holidays.get(day)


def extended(held: WorkingCalendar, further: WorkingCalendar, *, weekends: bool) -> WorkingCalendar:
    """A calendar with the days of further years that follow its own; nothing that it says already is touched.

    Years that its country declared complete stay as the country said, and without `weekends` its weekend does.
    """
    assert held.known_years is not None
    assert further.known_years is not None
    years = [year for year in further.known_years if not held.knows_holidays_of(year)]
    if not years:
        return held
    known = range(
        min(held.known_years.start, further.known_years.start),
        max(held.known_years.stop, further.known_years.stop),
    )
    holidays = {day: name for day, name in further.holidays.items() if day.year in years}
    worked = {day for day in further.extra_working_days if day.year in years and day not in held.holidays}
    new = (
        ()
        if not weekends
        else [
            (max(since, date(years[0], 1, 1)), weekdays)
            for since, weekdays in further.weekends
            if since == date.min or since.year in years
        ]
    )
    spells = [*held.weekends]
    for since, weekdays in new:
        if weekdays != spells[-1][1] and since > spells[-1][0]:
            spells.append((since, weekdays))
    spoken_of = {year for year in known if held.knows_holidays_of(year)}
    spoken_of |= {year for year in years if further.knows_holidays_of(year)}
    return replace(
        held,
        weekends=tuple(spells),
        holidays=holidays | dict(held.holidays),
        extra_working_days=held.extra_working_days | worked,
        known_years=known,
        years_without_holidays=frozenset(known) - spoken_of,
    )


def _combined(shipped: WorkingCalendar, own: CalendarOverrides) -> WorkingCalendar:
    named = dict(own.holidays)
    holidays = {day: name for day, name in shipped.holidays.items() if day not in own.not_holidays} | named
    weekends = shipped.weekends
    if own.weekend is not None:
        since = own.weekend_from or date.min
        weekends = (*(spell for spell in weekends if spell[0] < since), (since, own.weekend))
    known, silent = _years(shipped, own.complete_years)
    return replace(
        shipped,
        weekends=weekends,
        holidays=holidays,
        extra_working_days=(shipped.extra_working_days - named.keys()) | frozenset(own.extra_working_days),
        recess=tuple(sorted(own.recess)),
        hours=dict(own.hours),
        date_hours=dict(own.date_hours),
        known_years=known,
        years_without_holidays=silent,
    )


def _years(shipped: WorkingCalendar, complete: frozenset[int]) -> tuple[range | None, frozenset[int]]:
    """The years that are spoken of at all, and those of them without holidays."""
    if not complete or shipped.known_years is None:
        return shipped.known_years, shipped.years_without_holidays
    held = {*shipped.known_years, *complete}
    known = range(min(held), max(held) + 1)
    return known, (shipped.years_without_holidays | (frozenset(known) - held)) - complete


def _faults_of_days(shipped: WorkingCalendar, own: CalendarOverrides) -> Iterator[Fault]:
    named: set[date] = set()
    for index, (day, _) in enumerate(own.holidays):
        if day in named:
            yield f"/holidays/{index}", f"{day} is named twice. Name each day once."
        named.add(day)
    for index, day in _repeated(own.not_holidays):
        yield f"/not_holidays/{index}", f"{day} is named twice. Name each day once."
    for index, day in enumerate(own.not_holidays):
        if day in named:
            yield f"/not_holidays/{index}", f"{day} is named as a holiday too. Say one of the two."
        elif day not in shipped.holidays:
            yield f"/not_holidays/{index}", f"{day} is no holiday in the calendar that ships. Leave it out."
    for index, day in _repeated(own.extra_working_days):
        yield f"/extra_working_days/{index}", f"{day} is named twice. Name each day once."
    for index, day in enumerate(own.extra_working_days):
        if day in named:
            yield f"/extra_working_days/{index}", f"{day} is named as a holiday too. Say one of the two."


def _repeated(days: Iterable[date]) -> Iterator[tuple[int, date]]:
    seen: set[date] = set()
    for index, day in enumerate(days):
        if day in seen:
            yield index, day
        seen.add(day)


def _faults_of_recess(own: CalendarOverrides) -> Iterator[Fault]:
    for index, (first, last) in enumerate(own.recess):
        if last < first:
            yield (
                f"/recess/{index}",
                f"The recess ends ({last}) before it begins ({first}). Correct one of the two.",
            )
        elif (last - first).days >= LONGEST_RECESS:
            yield (
                f"/recess/{index}",
                f"A recess lasts at most {LONGEST_RECESS} days; this one lasts {(last - first).days + 1}. Shorten it.",
            )


def _faults_of_hours(own: CalendarOverrides) -> Iterator[Fault]:
    """What the calendar itself refuses, asked day by day so that every fault is named at once."""
    for weekday, hours in sorted(own.hours.items()):
        yield from _refused({"hours": {weekday: hours}})
    for day, hours in sorted(own.date_hours.items()):
        yield from _refused({"date_hours": {day: hours}})


def _refused(fields: Mapping[str, Mapping[object, Hours]]) -> Iterator[Fault]:
    try:
        WorkingCalendar("checked", **fields)  # type: ignore[arg-type] # one of two fields, each of its own key
    except InvalidEntry as error:
        for pointer, sentence in error.fields:
            yield pointer.removeprefix("/calendar"), sentence


def _idle_years(calendar: WorkingCalendar, own: CalendarOverrides) -> Iterator[Fault]:
    """Years, among those that the overrides speak of, in which nobody would work on any day."""
    resting = {
        first + timedelta(days=n) for first, last in own.recess for n in range((last - first).days + 1)
    }
    bare = calendar.without_recess()
    spoken_of = {day.year for day, _ in own.holidays} | {day.year for day in resting}
    for year in sorted(spoken_of):
        days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
        if not any(
            day in calendar.extra_working_days or (bare.is_working_day(day) and day not in resting)
            for day in days
        ):
            at = "/recess" if any(day.year == year for day in resting) else "/holidays"
            yield at, f"No working day is left in {year}. Nothing would ever be due: shorten what is given."
            return


def _never_open(calendar: WorkingCalendar, own: CalendarOverrides) -> Iterator[Fault]:
    weekend = calendar.weekends[-1][1]
    if own.hours and not any(hours for weekday, hours in own.hours.items() if weekday not in weekend):
        yield "/hours", "No working day has opening hours. Give hours to at least one, or leave `hours` out."
