"""Laws that hold for every period: what is counted is exact, pauses only prolong, reasons can be replayed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import assume, given
from hypothesis import strategies as st

from mla_tracker.domain.calendars import Hours, WorkingCalendar
from mla_tracker.domain.counting import RULES, CountingRule, Deadline, Period, deadline
from mla_tracker.domain.explanation import plain
from mla_tracker.domain.local_time import ONE_DAY, day_begins_at, local_day
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Roll, Unit
from mla_tracker.domain.working_time import working_time_between

DAY_UNITS = [Unit.DAYS, Unit.WEEKS, Unit.MONTHS, Unit.YEARS, Unit.WORKING_DAYS]
MOMENT = timedelta(microseconds=1)
Pauses = list[tuple[date, date]]

days = st.dates(date(2024, 1, 1), date(2027, 12, 31))
zones = st.sampled_from(["Europe/Madrid", "America/Asuncion", "Asia/Kolkata", "Africa/Cairo", "UTC"]).map(
    ZoneInfo
)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
amounts = st.integers(0, 60)
pauses = st.lists(
    st.tuples(days, st.integers(0, 40)).map(lambda span: (span[0], span[0] + timedelta(days=span[1]))),
    max_size=4,
)
rules = st.builds(
    CountingRule,
    count_start_day=st.booleans(),
    roll=st.sampled_from([Roll.NONE, Roll.NEXT_WORKING_DAY]),
    min_working_days=st.integers(0, 3),
    min_from_start_day=st.booleans(),
    shift_start=st.booleans(),
)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    weekend = frozenset(draw(st.sets(st.integers(0, 6), max_size=4)))
    holidays = draw(st.sets(days, max_size=40))
    recess = [(first, first + timedelta(days=length)) for first, length in draw(st.lists(spans, max_size=2))]
    return WorkingCalendar(
        "drawn",
        weekends=((date.min, weekend),),
        holidays=dict.fromkeys(holidays, "holiday"),
        extra_working_days=frozenset(draw(st.sets(days, max_size=5))),
        recess=tuple(recess),
        hours=draw(st.one_of(st.just({}), st.fixed_dictionaries(dict.fromkeys(range(7), opening_hours)))),
    )


spans = st.tuples(days, st.integers(0, 30))
opening_hours: st.SearchStrategy[Hours] = st.sampled_from(
    [((540, 1020),), ((480, 720), (780, 1080)), ((0, 1440),), ((90, 150), (150, 200))]
)


def count(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: WorkingCalendar, **more: Any
) -> Deadline:
    zone = more.pop("zone", ZoneInfo("Europe/Madrid"))
    return deadline(start, Period(amount, unit), rule=rule, calendar=calendar, zone=zone, **more)


def paused(day: date, spells: Sequence[tuple[date, date]]) -> bool:
    return any(stopped <= day < resumed for stopped, resumed in spells)


@given(days, amounts, st.sampled_from(DAY_UNITS), rules, calendars(), pauses)
def test_a_period_never_ends_before_it_begins(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: WorkingCalendar, spells: Pauses
) -> None:
    due = count(start, amount, unit, rule, calendar, pauses=spells)
    assert due.due_on >= start
    assert all(sentence(step) for step in (*due.steps, *due.warnings))


@given(days, amounts, st.sampled_from(DAY_UNITS), rules, calendars(), pauses)
def test_a_rolled_end_is_a_working_day_outside_every_pause(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: WorkingCalendar, spells: Pauses
) -> None:
    assume(rule.roll is Roll.NEXT_WORKING_DAY)
    due = count(start, amount, unit, rule, calendar, pauses=spells)
    assert calendar.is_working_day(due.due_on)
    assert not paused(due.due_on, spells)


@given(days, amounts, st.sampled_from(DAY_UNITS), rules, calendars(), pauses, pauses)
def test_more_pause_never_brings_the_end_nearer(
    start: date,
    amount: int,
    unit: Unit,
    rule: CountingRule,
    calendar: WorkingCalendar,
    spells: Pauses,
    more: Pauses,
) -> None:
    less_paused = count(start, amount, unit, rule, calendar, pauses=spells)
    more_paused = count(start, amount, unit, rule, calendar, pauses=[*more, *spells])
    assert more_paused.due_on >= less_paused.due_on


@given(days, amounts, st.sampled_from(DAY_UNITS), rules, calendars(), pauses)
def test_a_longer_period_never_ends_earlier(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: WorkingCalendar, spells: Pauses
) -> None:
    shorter = count(start, amount, unit, rule, calendar, pauses=spells)
    longer = count(start, amount + 1, unit, rule, calendar, pauses=spells)
    assert longer.due_on >= shorter.due_on


@given(days, amounts, st.sampled_from(DAY_UNITS), rules, calendars(), pauses)
def test_the_order_of_pauses_changes_nothing(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: WorkingCalendar, spells: Pauses
) -> None:
    one = count(start, amount, unit, rule, calendar, pauses=spells)
    other = count(start, amount, unit, rule, calendar, pauses=spells[::-1])
    assert one.due_on == other.due_on


@given(days, st.integers(-60, 60), st.booleans(), calendars(), pauses, st.booleans())
def test_exactly_so_many_days_are_counted(
    start: date, amount: int, working: bool, calendar: WorkingCalendar, spells: Pauses, include: bool
) -> None:
    assume(amount)
    step = ONE_DAY if amount > 0 else -ONE_DAY
    end = start - step if include else start
    left = abs(amount)
    while left:
        end += step
        counts = calendar.is_working_day(end) if working else not calendar.in_recess(end)
        left -= counts and not paused(end, spells)
    unit = Unit.WORKING_DAYS if working else Unit.DAYS
    rule = CountingRule(count_start_day=include)
    assert count(start, amount, unit, rule, calendar, pauses=spells).due_on == end


@given(days, amounts, st.sampled_from([Unit.WEEKS, Unit.MONTHS, Unit.YEARS]), pauses, st.booleans())
def test_longer_units_go_on_for_as_many_days_as_stood_still(
    start: date, amount: int, unit: Unit, spells: Pauses, include: bool
) -> None:
    rule, calendar = CountingRule(count_start_day=include), WorkingCalendar("X")
    nominal = count(start, amount, unit, rule, calendar).due_on
    end = count(start, amount, unit, rule, calendar, pauses=spells).due_on
    first = start if include else start + ONE_DAY
    counted = [first + timedelta(days=n) for n in range((end - first).days + 1)]
    assert (end - nominal).days == sum(paused(day, spells) for day in counted)


@given(days, st.integers(-60, 60), st.sampled_from(DAY_UNITS), rules, calendars(), pauses)
def test_the_steps_lead_from_the_start_to_the_end(
    start: date, amount: int, unit: Unit, rule: CountingRule, calendar: WorkingCalendar, spells: Pauses
) -> None:
    due = count(start, amount, unit, rule, calendar, pauses=spells, plus=[Period(3, Unit.DAYS)])
    at: date = start
    for step in due.steps:
        assert plain(dict(step.args).get("day")) is None or isinstance(step.args["day"], date)
        if "from" in step.args:
            assert step.args["from"] == at, step
            at = step.args["to"]
    assert at == due.due_on == due.steps[-1].args["due_on"]


@given(
    instants,
    st.integers(-200, 200),
    calendars(),
    zones,
    st.sampled_from([Unit.HOURS, Unit.WORKING_HOURS]),
    pauses,
)
def test_the_steps_lead_from_instant_to_instant(
    start: datetime, amount: int, calendar: WorkingCalendar, zone: ZoneInfo, unit: Unit, spells: Pauses
) -> None:
    assume(unit is Unit.HOURS or len(calendar.weekends[0][1]) < 7)
    due = count(start, amount, unit, RULES["eu-1182-71"], calendar, zone=zone, pauses=spells)
    at = start
    for step in due.steps:
        if "from" in step.args:
            assert step.args["from"] == at, step
            at = step.args["to"]
    assert at == due.due_at == due.steps[-1].args["due_at"]
    assert due.due_on == local_day(due.due_at, zone)


@given(instants, st.integers(-300, 300), pauses, zones)
def test_hours_are_elapsed_time_without_the_pauses(
    start: datetime, amount: int, spells: Pauses, zone: ZoneInfo
) -> None:
    due = count(start, amount, Unit.HOURS, RULES["instants"], WorkingCalendar("X"), zone=zone, pauses=spells)
    first, last = sorted((start, due.due_at))
    stood_still, reached = timedelta(), first
    for stopped, resumed in sorted(spells):
        since, until = max(reached, day_begins_at(stopped, zone)), min(last, day_begins_at(resumed, zone))
        if since < until:
            stood_still += until - since
            reached = until
    assert last - first - stood_still == timedelta(hours=abs(amount))


@given(instants, st.integers(-300, 300), calendars(), zones)
def test_working_time_between_start_and_end_is_the_period(
    start: datetime, amount: int, calendar: WorkingCalendar, zone: ZoneInfo
) -> None:
    due = count(start, amount, Unit.WORKING_HOURS, RULES["calendar"], calendar, zone=zone)
    first, last = sorted((start, due.due_at))
    assert working_time_between(first, last, calendar, zone) == timedelta(hours=abs(amount))


@given(days, st.integers(0, 400))
def test_counting_forwards_and_back_returns_to_the_start(start: date, amount: int) -> None:
    calendar = WorkingCalendar("X")
    there = count(start, amount, Unit.DAYS, RULES["calendar"], calendar).due_on
    assert count(there, -amount, Unit.DAYS, RULES["calendar"], calendar).due_on == start


@given(
    st.dates(date(1950, 1, 1), date(2037, 12, 31)),
    st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
)
def test_the_due_instant_is_where_the_local_day_ends(day: date, zone: ZoneInfo) -> None:
    due = count(day, 0, Unit.DAYS, RULES["calendar"], WorkingCalendar("X"), zone=zone)
    assert local_day(due.due_at, zone) > day
    assert local_day(due.due_at - MOMENT, zone) <= day
    assert local_day(due.due_at + timedelta(hours=2), zone) > day
