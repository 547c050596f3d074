"""When a period ends, and why: the one engine behind every clock and every question about a date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting_days import (
    FIRST_DAY,
    LAST_DAY,
    check_amount,
    moved,
    next_due_day,
    nth_working_day,
    plain_end,
    runs_of_years,
    too_far,
    working_days_between,
)
from mla_tracker.domain.counting_rules import (
    ELAPSED_UNITS,
    MONTH_UNITS,
    RULES,
    WORKING_TIME_UNITS,
    CountingRule,
    Period,
)
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.local_time import ONE_DAY, day_begins_at, hour_begins_at, hour_ends_at, local_day
from mla_tracker.domain.standstills import (
    Pauses,
    Standstill,
    check_countable,
    check_pauses,
    is_standing,
    paused_days,
    paused_instants,
    pushed,
    recess_days,
)
from mla_tracker.domain.vocabulary import Roll, Unit
from mla_tracker.domain.working_time import add_working_time, working_time_between

__all__ = ["RULES", "CountingRule", "Deadline", "Period", "deadline"]

_LENGTH: Mapping[Unit, timedelta] = {
    Unit.MINUTES: timedelta(minutes=1),
    Unit.HOURS: timedelta(hours=1),
    Unit.WORKING_SECONDS: timedelta(seconds=1),
    Unit.WORKING_MINUTES: timedelta(minutes=1),
    Unit.WORKING_HOURS: timedelta(hours=1),
}
_EARLIEST = datetime.combine(FIRST_DAY, time(), tzinfo=UTC)
_LATEST = datetime.combine(LAST_DAY, time(), tzinfo=UTC)
_ESTIMATED = "(estimated)"
_MOST_HOLIDAYS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a period and the reasons for it.

    For days or longer `due_at` (UTC) is the midnight that ends `due_on` in the zone and is no longer in time;
    for hours, minutes and working time it is the exact instant, still in time, and `due_on` its local date.
    `imprecise`: a period in hours was started by a bare date.
    """

    due_on: date
    due_at: datetime
    steps: tuple[Step, ...]
    warnings: tuple[Step, ...]
    imprecise: bool


def deadline(
    start: date | datetime,
    period: Period,
    *,
    rule: CountingRule,
    calendar: WorkingCalendar,
    zone: ZoneInfo,
    pauses: Pauses = (),
    plus: Sequence[Period] = (),
) -> Deadline:
    """The end of a period that an event starts, counted by a rule in a calendar and time zone.

    `pauses` are half-open: from the day (or instant) the count stops up to, but without, the one it resumes.
    `plus` are further periods, each counted on from the end of the one before. Only then does the end roll.
    Periods in days or longer start on the local date of an instant; hours and working time that start with a
    bare date run from its first instant in the zone.

    Raises InvalidEntry, with a pointer into the question, for reversed pauses, instants without an offset,
    dates at the edge of the calendar, periods over a hundred years and calendars that never reach an end.
    """
    check_countable(start, "/start")
    if pauses:
        check_pauses(pauses, zone)
    return _Count(rule, calendar, zone, pauses, backwards=period.amount < 0).run(start, (period, *plus))


class _Count:
    """One count under way: what it works with, and the steps and warnings it leaves behind."""

    def __init__(
        self,
        rule: CountingRule,
        calendar: WorkingCalendar,
        zone: ZoneInfo,
        pauses: Pauses,
        *,
        backwards: bool,
    ) -> None:
        self.rule = rule
        self.calendar = calendar
        self.zone = zone
        self.pauses = pauses
        self.paused_days = paused_days(pauses, zone) if pauses else []
        self.backwards = backwards
        self.steps: list[Step] = []
        self.warnings: list[Step] = []
        self.years: set[int] = set()
        self.imprecise = False
        self.first_day: date | None = None

    def run(self, start: date | datetime, periods: Sequence[Period]) -> Deadline:
        at: date | datetime = start
        for index, period in enumerate(periods):
            pointer = "/plus/amount" if index else "/amount"
            check_amount(period, pointer)
            if period.unit in ELAPSED_UNITS or period.unit in WORKING_TIME_UNITS:
                at = self.count_time(at, period, pointer, opening=index == 0)
            else:
                at = self.count_days(at, period, pointer, opening=index == 0)
        if isinstance(at, datetime):
            due_on, due_at = local_day(at, self.zone), at
            self.note("due-at", due_at=self.local(at))
        else:
            due_on = self.settle(at, periods)
            due_at = day_begins_at(due_on + ONE_DAY, self.zone)
            self.note("due-on", due_on=due_on, zone=self.zone.key)
        self.warn_of_years()
        return Deadline(due_on, due_at, tuple(self.steps), tuple(self.warnings), self.imprecise)

    # days or longer

    def count_days(self, at: date | datetime, period: Period, pointer: str, *, opening: bool) -> date:
        day = at
        if isinstance(at, datetime):
            day = local_day(at, self.zone)
            self.note("instant-is-day", instant=self.local(at), day=day, zone=self.zone.key)
        assert isinstance(day, date)
        include = False
        if opening:
            day = self.shifted_start(day, pointer)
            include = self.rule.count_start_day
            self.note("start-day-counted" if include else "event-day-excluded", "start", day=day)
            self.first_day = day if include else day + ONE_DAY
        unit = period.unit
        if unit is Unit.DAYS and self.rule.only_working_days:
            unit = Unit.WORKING_DAYS
        if unit is Unit.WORKING_DAYS:
            end = self.count_working_days(day, period.amount, pointer, include=include)
        else:
            end = plain_end(day, period, pointer, include=include)
            self.note_amount(unit, day, end, period.amount)
            if period.unit in MONTH_UNITS and end.day != day.day and not include:
                self.note("month-without-day", "end", number=day.day, to=end)
        return self.push_days(day, end, unit, pointer, include=include, backwards=period.amount < 0)

    def count_working_days(self, day: date, amount: int, pointer: str, *, include: bool) -> date:
        if not amount:
            end = day
        else:
            from_day = moved(day, -1 if amount > 0 else 1, pointer) if include else day
            end = self.walk(from_day, amount, pointer)
        self.note_amount(Unit.WORKING_DAYS, day, end, amount)
        self.saw(day, end)
        return end

    def walk(self, day: date, amount: int, pointer: str) -> date:
        skipped: list[date] = []
        end = nth_working_day(day, amount, self.calendar, pointer, skipped)
        if len(skipped) > _MOST_HOLIDAYS_NAMED:
            self.note("holidays-skipped", number=len(skipped), first=min(skipped), last=max(skipped))
        else:
            for holiday in skipped:
                self.note("holiday-skipped", day=holiday, name=self.holiday_name(holiday))
        return end

    def push_days(
        self, day: date, end: date, unit: Unit, pointer: str, *, include: bool, backwards: bool
    ) -> date:
        working = unit is Unit.WORKING_DAYS
        spans = self.paused_days if working else [*self.paused_days, *recess_days(self.calendar)]
        if not spans:
            return end

        def shift(edge: date, since: date, until: date) -> date:
            if not working:
                return moved(edge, (since - until).days if backwards else (until - since).days, pointer)
            lost = working_days_between(since, until, self.calendar)
            if not lost:
                return edge
            return (
                self.walk(edge, -lost, pointer)
                if backwards
                else self.walk(edge - ONE_DAY, lost, pointer) + ONE_DAY
            )

        after_end = timedelta() if backwards else ONE_DAY
        first = day + ONE_DAY if include == backwards else day
        edge, effects = pushed(end + after_end, first, spans, shift, backwards=backwards)
        for span, before, after in effects:
            self.note_standstill(span, before - after_end, after - after_end)
        if working:
            self.saw(day, edge)
        return edge - after_end

    def shifted_start(self, day: date, pointer: str) -> date:
        if not self.rule.shift_start or self.calendar.is_working_day(day):
            return day
        step = -1 if self.backwards else 1
        shifted, passed = next_due_day(day, step, self.calendar.is_working_day, pointer)
        self.note_passed(passed)
        self.note("start-shifted", "start", **{"from": day, "to": shifted})
        self.saw(day, shifted)
        return shifted

    # the end of periods in days or longer

    def settle(self, end: date, periods: Sequence[Period]) -> date:
        roll = self.rule.roll
        if roll is Roll.NEXT_WORKING_DAY and self.backwards:
            if not self.calendar.is_working_day(end):
                self.note_passed([end])
                self.note("not-rolled-backwards", "roll", day=end)
            return end
        if roll is Roll.NONE:
            end = self.hold_minimum(end, periods)
            if not self.calendar.is_working_day(end):
                self.note_passed([end])
                self.note("does-not-roll", day=end)
            return end
        step = 1 if roll is Roll.NEXT_WORKING_DAY else -1
        due, passed = next_due_day(end, step, self.may_be_due, "/amount")
        self.saw(end, due)
        if passed:
            self.note_passed(passed)
            self.note("rolled-forward" if step > 0 else "rolled-back", "roll", **{"from": end, "to": due})
        return self.hold_minimum(due, periods)

    def hold_minimum(self, end: date, periods: Sequence[Period]) -> date:
        wanted = self.rule.min_working_days
        if self.backwards or not wanted or self.first_day is None or self.is_short(periods):
            return end
        day, held = self.first_day, 0
        if self.rule.min_from_start_day and not self.rule.count_start_day:
            day -= ONE_DAY if periods[0].unit in {Unit.WEEKS, *MONTH_UNITS} else timedelta()
        while day <= end and held < wanted:
            self.saw(day, day)
            held += self.may_be_due(day)
            day += ONE_DAY
        if held >= wanted:
            return end
        due = end
        for _ in range(wanted - held):
            due, _passed = next_due_day(moved(due, 1, "/amount"), 1, self.may_be_due, "/amount")
        self.note("minimum-extends", "minimum", minimum=wanted, held=held, **{"from": end, "to": due})
        self.saw(end, due)
        return due

    def is_short(self, periods: Sequence[Period]) -> bool:
        in_days = all(period.unit in {Unit.DAYS, Unit.WORKING_DAYS} for period in periods)
        return in_days and sum(period.amount for period in periods) < self.rule.minimum_from_days

    def may_be_due(self, day: date) -> bool:
        return self.calendar.is_working_day(day) and not is_standing(day, self.paused_days)

    # hours, minutes, working time

    def count_time(self, at: date | datetime, period: Period, pointer: str, *, opening: bool) -> datetime:
        start = self.start_instant(at, opening=opening)
        backwards, unit = period.amount < 0, period.unit
        if opening and unit is Unit.HOURS and self.rule.exclude_start_hour and period.amount:
            edge_of_hour = hour_begins_at if backwards else hour_ends_at
            counted_from = edge_of_hour(start, self.zone)
            self.note(
                "start-hour-excluded", "hour", **{"from": self.local(start), "to": self.local(counted_from)}
            )
            start = counted_from
        amount = period.amount * _LENGTH[unit]
        working = unit in WORKING_TIME_UNITS
        if working and not self.calendar.hours:
            self.note("office-hours-assumed", calendar=self.calendar.code)

        def counted(edge: datetime, length: timedelta) -> datetime:
            if working:
                return add_working_time(edge, length, self.calendar, self.zone, pointer)
            if not _EARLIEST - edge <= length <= _LATEST - edge:
                raise too_far(pointer, edge.date())
            return edge + length

        def shift(edge: datetime, since: datetime, until: datetime) -> datetime:
            lost = until - since
            if working:
                lost = working_time_between(since, until, self.calendar, self.zone)
            return counted(edge, -lost if backwards else lost)

        end = counted(start, amount)
        self.note_amount(unit, self.local(start), self.local(end), period.amount)
        if self.pauses:
            spans = paused_instants(self.pauses, self.zone)
            end, effects = pushed(end, start, spans, shift, backwards=backwards)
            for span, before, after in effects:
                shown: Standstill[date] = Standstill(self.local(span.stopped), self.local(span.resumed))
                self.note_standstill(shown, self.local(before), self.local(after))
        if working:
            self.saw(local_day(start, self.zone), local_day(end, self.zone))
        return end

    def start_instant(self, at: date | datetime, *, opening: bool) -> datetime:
        if isinstance(at, datetime):
            return at.astimezone(UTC)
        if not opening:
            return day_begins_at(moved(at, 1, "/plus/amount"), self.zone)
        start = day_begins_at(at, self.zone)
        self.imprecise = True
        self.warnings.append(Step("start-imprecise", {"day": at, "instant": self.local(start)}))
        return start

    # the explanation

    def note(self, code: str, provision: str | None = None, /, **args: object) -> None:
        source = self.rule.source_of(provision) if provision else None
        if provision == "end" and any(step.source == source for step in self.steps):
            source = None
        self.steps.append(Step(code, args, source))

    def note_amount(self, unit: Unit, since: date, end: date, amount: int) -> None:
        args = {"amount": abs(amount), "from": since, "to": end}
        code = "period-back" if amount < 0 else "period"
        self.note(f"{code}-{unit.replace('_', '-')}", "end", **args)

    def note_standstill(self, span: Standstill[date], before: date, after: date) -> None:
        args = {"stopped": span.stopped, "resumed": span.resumed}
        if before != after:
            self.note("recess" if span.recess else "stood-still", **args, **{"from": before, "to": after})
        elif not span.recess:
            self.note("pause-without-effect", **args)

    def note_passed(self, days: Sequence[date]) -> None:
        for day in days:
            if is_standing(day, self.paused_days):
                self.note("falls-in-pause", day=day)
            elif day in self.calendar.holidays:
                self.note("falls-on-holiday", day=day, name=self.holiday_name(day))
            elif self.calendar.in_recess(day):
                self.note("falls-in-recess", day=day)
            else:
                self.note("falls-on-weekend", day=day)

    def holiday_name(self, day: date) -> str:
        name = self.calendar.holidays[day] or "public holiday"
        warning = Step("holiday-estimated", {"day": day, "name": name})
        if _ESTIMATED in name and warning not in self.warnings:
            self.warnings.append(warning)
        return name

    def saw(self, one: date, other: date) -> None:
        """Remember that the holidays of these years mattered."""
        self.years.update(range(min(one, other).year, max(one, other).year + 1))

    def warn_of_years(self) -> None:
        unknown = [year for year in sorted(self.years) if not self.calendar.knows_holidays_of(year)]
        if unknown:
            args = {"calendar": self.calendar.code, "years": runs_of_years(unknown)}
            self.warnings.append(Step("no-holidays-known", args))

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)
