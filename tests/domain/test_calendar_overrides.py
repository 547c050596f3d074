"""What a country says of its own days, over what ships."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mla_tracker.domain.calendar_overrides import (
    CalendarOverrides,
    DayChange,
    day_changes,
    days_changed,
    extended,
    laid_over,
)
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.errors import InvalidEntry
from tests.builders.counting import spoken

FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
UNITY_DAY = date(2026, 10, 30)
THRONE_DAY = date(2026, 7, 30)
WORKED_SATURDAY = date(2026, 2, 14)
MONDAY_2022 = date(2022, 1, 3)
SHIPPED = WorkingCalendar(
    "MA",
    weekends=((date.min, frozenset({SUNDAY})), (date(2010, 1, 1), frozenset({SATURDAY, SUNDAY}))),
    holidays={THRONE_DAY: "Throne Day"},
    extra_working_days=frozenset({WORKED_SATURDAY}),
    years_without_holidays=frozenset({2030}),
    known_years=range(2000, 2031),
)


def refused(own: CalendarOverrides, *pointers: str) -> None:
    with pytest.raises(InvalidEntry) as caught:
        laid_over(SHIPPED, own)
    assert [pointer for pointer, _ in caught.value.fields] == list(pointers)


def works(own: CalendarOverrides, day: str) -> bool:
    found = date.fromisoformat(day[4:])
    assert spoken(found) == day
    return laid_over(SHIPPED, own).is_working_day(found)


def test_a_country_that_says_nothing_keeps_what_ships() -> None:
    assert laid_over(SHIPPED, CalendarOverrides()) == SHIPPED


@pytest.mark.parametrize(
    ("own", "day", "worked"),
    [
        (CalendarOverrides(holidays=((UNITY_DAY, "Unity Day"),)), "Fri 2026-10-30", False),
        (CalendarOverrides(not_holidays=(THRONE_DAY,)), "Thu 2026-07-30", True),
        (CalendarOverrides(extra_working_days=(THRONE_DAY,)), "Thu 2026-07-30", True),
        (CalendarOverrides(), "Sat 2026-02-14", True),
        (CalendarOverrides(holidays=((WORKED_SATURDAY, "taken back"),)), "Sat 2026-02-14", False),
        (CalendarOverrides(recess=((date(2026, 8, 1), date(2026, 8, 31)),)), "Mon 2026-08-31", False),
        (CalendarOverrides(recess=((date(2026, 8, 1), date(2026, 8, 31)),)), "Tue 2026-09-01", True),
        (CalendarOverrides(weekend=frozenset({FRIDAY, SATURDAY})), "Fri 2005-01-07", False),
    ],
)
def test_what_a_country_says_prevails(own: CalendarOverrides, day: str, worked: bool) -> None:
    assert works(own, day) is worked


def test_a_new_weekend_leaves_the_time_before_it_as_it_ships() -> None:
    own = CalendarOverrides(weekend=frozenset({FRIDAY, SATURDAY}), weekend_from=date(2026, 1, 1))
    assert laid_over(SHIPPED, own).weekends == (
        *SHIPPED.weekends,
        (date(2026, 1, 1), frozenset({FRIDAY, SATURDAY})),
    )
    assert works(own, "Sun 2025-12-28") is False
    assert works(own, "Sun 2026-01-04") is True


def test_opening_hours_are_taken_as_given() -> None:
    own = CalendarOverrides(hours={0: ((540, 1020),)}, date_hours={date(2026, 3, 2): ()})
    calendar = laid_over(SHIPPED, own)
    assert (calendar.hours, calendar.date_hours) == ({0: ((540, 1020),)}, {date(2026, 3, 2): ()})


def test_a_year_of_which_all_holidays_are_known_now_is_doubted_no_more() -> None:
    calendar = laid_over(SHIPPED, CalendarOverrides(complete_years=frozenset({2030, 2032})))
    assert calendar.known_years == range(2000, 2033)
    assert [year for year in range(2029, 2035) if not calendar.knows_holidays_of(year)] == [2031, 2033, 2034]


def test_a_calendar_written_by_hand_knows_all_years_anyway() -> None:
    by_hand = WorkingCalendar("inline")
    assert laid_over(by_hand, CalendarOverrides(complete_years=frozenset({2030}))) == by_hand


@pytest.mark.parametrize(
    ("own", "pointers"),
    [
        (CalendarOverrides(holidays=((UNITY_DAY, "a"), (UNITY_DAY, "b"))), ["/holidays/1"]),
        (CalendarOverrides(not_holidays=(THRONE_DAY, THRONE_DAY)), ["/not_holidays/1"]),
        (CalendarOverrides(not_holidays=(UNITY_DAY,)), ["/not_holidays/0"]),
        (
            CalendarOverrides(holidays=((THRONE_DAY, "a"),), not_holidays=(THRONE_DAY,)),
            ["/not_holidays/0"],
        ),
        (
            CalendarOverrides(holidays=((THRONE_DAY, "a"),), extra_working_days=(THRONE_DAY,)),
            ["/extra_working_days/0"],
        ),
        (CalendarOverrides(extra_working_days=(UNITY_DAY, UNITY_DAY)), ["/extra_working_days/1"]),
        (CalendarOverrides(recess=((date(2026, 8, 31), date(2026, 8, 1)),)), ["/recess/0"]),
        (CalendarOverrides(recess=((date(2026, 1, 1), date(2026, 7, 3)),)), ["/recess/0"]),
        (
            CalendarOverrides(
                recess=((date(2026, 1, 1), date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 12, 30)))
            ),
            [],
        ),
        (
            CalendarOverrides(
                recess=((date(2026, 1, 1), date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 12, 31)))
            ),
            ["/recess/1"],
        ),
        (
            CalendarOverrides(
                recess=(
                    (date(2027, 1, 1), date(2027, 6, 30)),
                    (date(2027, 7, 1), date(2027, 9, 30)),
                    (date(2027, 10, 1), date(2027, 12, 31)),
                )
            ),
            ["/recess"],
        ),
        (CalendarOverrides(weekend=frozenset(range(7))), ["/weekend"]),
        (CalendarOverrides(weekend_from=date(2026, 1, 1)), ["/weekend_from"]),
        (CalendarOverrides(hours={0: ((600, 540),)}), ["/hours/0/0"]),
        (
            CalendarOverrides(hours={0: ((540, 720), (700, 800)), 1: ((600, 600),)}),
            ["/hours/0/1", "/hours/1/0"],
        ),
        (CalendarOverrides(date_hours={UNITY_DAY: ((540, 1441),)}), ["/date_hours/2026-10-30/0"]),
        (CalendarOverrides(hours={SATURDAY: ((540, 720),)}), ["/hours"]),
        (
            CalendarOverrides(
                weekend=frozenset(range(1, 7)),
                holidays=tuple(
                    (date.fromordinal(n), "x")
                    for n in range(MONDAY_2022.toordinal(), date(2023, 1, 1).toordinal(), 7)
                ),
            ),
            ["/holidays"],
        ),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused_naming_every_field(
    own: CalendarOverrides, pointers: list[str]
) -> None:
    if pointers:
        refused(own, *pointers)
    else:
        laid_over(SHIPPED, own)


def test_days_worked_nevertheless_save_a_year_of_rest() -> None:
    halves = ((date(2027, 1, 1), date(2027, 6, 30)), (date(2027, 7, 1), date(2027, 12, 30)))
    own = CalendarOverrides(
        recess=(*halves, (date(2027, 12, 31), date(2027, 12, 31))), extra_working_days=(date(2027, 5, 3),)
    )
    assert works(own, "Mon 2027-05-03")


@pytest.mark.parametrize(
    ("after", "days"),
    [
        (SHIPPED, None),
        (replace(SHIPPED, holidays={UNITY_DAY: "Unity Day"}), (THRONE_DAY, UNITY_DAY)),
        (replace(SHIPPED, holidays={THRONE_DAY: "renamed"}), (THRONE_DAY, THRONE_DAY)),
        (replace(SHIPPED, extra_working_days=frozenset()), (WORKED_SATURDAY, WORKED_SATURDAY)),
        (replace(SHIPPED, date_hours={UNITY_DAY: ()}), (UNITY_DAY, UNITY_DAY)),
        (
            replace(SHIPPED, recess=((date(2026, 8, 1), date(2026, 8, 31)),)),
            (date(2026, 8, 1), date(2026, 8, 31)),
        ),
        (replace(SHIPPED, hours={0: ((540, 600),)}), (date.min, date.max)),
        (replace(SHIPPED, code="MA-10"), (date.min, date.max)),
        (
            replace(SHIPPED, weekends=(*SHIPPED.weekends, (MONDAY_2022, frozenset({FRIDAY, SATURDAY})))),
            (MONDAY_2022, date.max),
        ),
    ],
)
def test_a_change_tells_from_which_day_to_which_it_reaches(
    after: WorkingCalendar, days: tuple[date, date] | None
) -> None:
    assert days_changed(SHIPPED, after) == days


ONE_YEAR = WorkingCalendar("MA", holidays={THRONE_DAY: "Throne Day"}, known_years=range(2026, 2027))
THE_NEXT = WorkingCalendar(
    "MA",
    weekends=((date.min, frozenset({FRIDAY, SATURDAY})),),
    holidays={date(2026, 1, 1): "not asked for", date(2027, 7, 30): "Throne Day"},
    extra_working_days=frozenset({date(2027, 1, 2), date(2027, 1, 9)}),
    known_years=range(2026, 2028),
)


def test_a_further_year_leaves_all_that_is_said_of_the_years_before() -> None:
    own = replace(ONE_YEAR, holidays={**ONE_YEAR.holidays, date(2027, 1, 9): "Jubilee, by decree"})
    after = extended(own, THE_NEXT, weekends=True)
    assert after.known_years == range(2026, 2028)
    assert after.holidays == {**own.holidays, date(2027, 7, 30): "Throne Day"}
    assert after.extra_working_days == {date(2027, 1, 2)}
    assert after.weekends[-1] == (date(2027, 1, 1), frozenset({FRIDAY, SATURDAY}))
    assert after.weekend_on(date(2026, 12, 31)) == frozenset({SATURDAY, SUNDAY})
    assert days_changed(ONE_YEAR, after) == (date(2027, 1, 1), date.max)


def test_a_further_year_does_not_touch_the_weekend_that_the_country_set() -> None:
    after = extended(ONE_YEAR, THE_NEXT, weekends=False)
    assert after.weekends == ONE_YEAR.weekends
    assert days_changed(ONE_YEAR, after) == (date(2027, 1, 1), date(2027, 12, 31))


def test_years_in_between_of_which_nothing_is_known_are_not_taken_for_free_of_holidays() -> None:
    after = extended(ONE_YEAR, replace(THE_NEXT, known_years=range(2029, 2030), holidays={date(2029, 7, 30): "x"}),
                     weekends=False)  # fmt: skip
    assert [after.knows_holidays_of(year) for year in range(2026, 2031)] == [True, False, False, True, False]


def test_the_days_that_differ_are_told_one_by_one() -> None:
    after = replace(SHIPPED, holidays={UNITY_DAY: "Unity Day"}, extra_working_days=frozenset())
    assert day_changes(SHIPPED, after) == (
        DayChange(WORKED_SATURDAY, "worked", None),
        DayChange(THRONE_DAY, SHIPPED.holidays[THRONE_DAY], None),
        DayChange(UNITY_DAY, None, "Unity Day"),
    )


def test_a_week_of_one_working_day_that_is_always_a_holiday_leaves_no_working_day() -> None:
    sundays = tuple((date(2027, 1, 3) + timedelta(weeks=n), "Rest") for n in range(52))
    own = CalendarOverrides(weekend=frozenset(range(6)), holidays=sundays)
    with pytest.raises(InvalidEntry) as refused:
        laid_over(SHIPPED, own)
    assert [pointer for pointer, _ in refused.value.fields] == ["/holidays"]
