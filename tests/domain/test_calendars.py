"""Working calendars: weekends over time, worked weekend days, recess, opening hours."""

from datetime import date

import pytest

from mla_tracker.domain.calendars import OFFICE_HOURS, Hours, WorkingCalendar, clock_time_of, minutes_of
from mla_tracker.domain.errors import InvalidEntry

MONDAY, FRIDAY, SATURDAY, SUNDAY = date(2026, 3, 2), date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 8)


def test_saturday_and_sunday_are_weekend_unless_the_calendar_says_otherwise() -> None:
    calendar = WorkingCalendar("X")
    assert calendar.is_working_day(FRIDAY)
    assert not calendar.is_working_day(SATURDAY)
    assert not calendar.is_working_day(SUNDAY)


def test_a_country_may_move_its_weekend() -> None:
    calendar = WorkingCalendar(
        "AE", weekends=((date.min, frozenset({4, 5})), (date(2022, 1, 2), frozenset({5, 6})))
    )
    assert not calendar.is_working_day(date(2021, 12, 31))
    assert not calendar.is_working_day(date(2022, 1, 1))
    assert not calendar.is_working_day(date(2022, 1, 2))
    assert calendar.is_working_day(date(2022, 1, 7))


def test_a_holiday_is_not_worked_and_a_worked_weekend_day_is() -> None:
    calendar = WorkingCalendar("X", holidays={MONDAY: "Carnival"}, extra_working_days=frozenset({SATURDAY}))
    assert not calendar.is_working_day(MONDAY)
    assert calendar.is_working_day(SATURDAY)


def test_a_day_worked_by_decree_is_worked_although_it_is_a_holiday_in_recess() -> None:
    calendar = WorkingCalendar(
        "X",
        holidays={MONDAY: "Carnival"},
        extra_working_days=frozenset({MONDAY}),
        recess=((MONDAY, FRIDAY),),
    )
    assert calendar.is_working_day(MONDAY)
    assert not calendar.is_working_day(FRIDAY)
    assert calendar.without_recess().is_working_day(FRIDAY)


def test_a_calendar_without_recess_stays_as_it_is() -> None:
    calendar = WorkingCalendar("X")
    assert calendar.without_recess() is calendar


def test_every_working_day_is_open_from_nine_to_five_where_no_hours_are_given() -> None:
    calendar = WorkingCalendar("X")
    assert calendar.opening_hours(FRIDAY) == OFFICE_HOURS
    assert calendar.opening_hours(SATURDAY) == ()


def test_a_weekday_without_hours_is_closed_where_others_have_hours() -> None:
    calendar = WorkingCalendar("X", hours={0: ((480, 720),)})
    assert calendar.opening_hours(MONDAY) == ((480, 720),)
    assert calendar.opening_hours(FRIDAY) == ()


def test_hours_of_a_date_go_before_those_of_its_weekday_even_on_a_day_off() -> None:
    calendar = WorkingCalendar("X", hours={0: ((480, 720),)}, date_hours={MONDAY: (), SUNDAY: ((600, 660),)})
    assert calendar.opening_hours(MONDAY) == ()
    assert calendar.opening_hours(SUNDAY) == ((600, 660),)


def test_a_worked_saturday_is_open_like_the_first_day_of_the_week() -> None:
    extra = frozenset({SATURDAY})
    assert WorkingCalendar("X", extra_working_days=extra).opening_hours(SATURDAY) == OFFICE_HOURS
    calendar = WorkingCalendar("X", extra_working_days=extra, hours={1: ((540, 600),), 0: ()})
    assert calendar.opening_hours(SATURDAY) == ((540, 600),)
    own = WorkingCalendar("X", extra_working_days=extra, hours={0: ((540, 600),), 5: ((600, 660),)})
    assert own.opening_hours(SATURDAY) == ((600, 660),)
    closed = WorkingCalendar("X", extra_working_days=extra, hours={0: ()})
    assert closed.opening_hours(SATURDAY) == ()


@pytest.mark.parametrize(
    ("text", "minutes"), [("00:00", 0), ("09:30", 570), ("23:59", 1439), ("24:00", 1440)]
)
def test_a_time_of_day_is_minutes_from_midnight(text: str, minutes: int) -> None:
    assert minutes_of(text) == minutes
    assert clock_time_of(minutes) == text


@pytest.mark.parametrize(
    "text", ["", "9:00", "09.00", "24:01", "25:00", "12:60", "09:0a", "٠٩:٠٠", "09:00:00"]
)
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a time of day"):
        minutes_of(text)


@pytest.mark.parametrize(
    ("hours", "pointer"),
    [
        (((600, 600),), "/calendar/hours/0/0"),
        (((600, 500),), "/calendar/hours/0/0"),
        (((600, 1441),), "/calendar/hours/0/0"),
        (((-1, 600),), "/calendar/hours/0/0"),
        (((540, 720), (700, 800)), "/calendar/hours/0/1"),
        (((780, 1020), (540, 720)), "/calendar/hours/0/1"),
    ],
)
def test_opening_hours_that_make_no_sense_are_named(hours: Hours, pointer: str) -> None:
    with pytest.raises(InvalidEntry) as refused:
        WorkingCalendar("X", hours={0: hours})
    assert [field for field, _ in refused.value.fields] == [pointer]


def test_hours_of_a_date_are_looked_at_too() -> None:
    with pytest.raises(InvalidEntry) as refused:
        WorkingCalendar("X", date_hours={MONDAY: ((600, 500),)})
    assert refused.value.fields[0][0] == "/calendar/date_hours/2026-03-02/0"


def test_contiguous_hours_are_fine() -> None:
    assert WorkingCalendar("X", hours={0: ((0, 720), (720, 1440))}).opening_hours(MONDAY)


@pytest.mark.parametrize("weekday", [-1, 7])
def test_a_weekday_is_numbered_from_monday_to_sunday(weekday: int) -> None:
    with pytest.raises(InvalidEntry, match="Monday"):
        WorkingCalendar("X", hours={weekday: OFFICE_HOURS})
    with pytest.raises(InvalidEntry, match="Monday"):
        WorkingCalendar("X", weekends=((date.min, frozenset({weekday})),))


@pytest.mark.parametrize(
    "weekends",
    [
        (),
        ((date(2020, 1, 1), frozenset({5})),),
        ((date.min, frozenset({5})), (date.min, frozenset({6}))),
        ((date.min, frozenset({5})), (date(2022, 1, 1), frozenset({6})), (date(2020, 1, 1), frozenset({6}))),
    ],
)
def test_weekends_must_follow_each_other(weekends: tuple[tuple[date, frozenset[int]], ...]) -> None:
    with pytest.raises(InvalidEntry, match="Weekends begin"):
        WorkingCalendar("X", weekends=weekends)


def test_a_recess_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidEntry) as refused:
        WorkingCalendar("X", recess=((MONDAY, FRIDAY), (FRIDAY, MONDAY)))
    assert refused.value.fields[0][0] == "/calendar/recess/1"


def test_a_calendar_knows_which_years_its_source_is_silent_about() -> None:
    calendar = WorkingCalendar(
        "UA", known_years=range(1991, 2037), years_without_holidays=frozenset({2023, 2024})
    )
    assert calendar.knows_holidays_of(2022)
    assert not calendar.knows_holidays_of(2023)
    assert not calendar.knows_holidays_of(2037)
    assert WorkingCalendar("inline").knows_holidays_of(2300)
