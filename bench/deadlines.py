"""Deadlines per second on one core: 60 days and 10 working days in a country's calendar, with explanation."""

import time
from datetime import date, timedelta

from mla_tracker.catalogue.countries import default_zone
from mla_tracker.catalogue.holiday_calendars import country_calendar
from mla_tracker.domain.counting import RULES, CountingRule, Period, deadline
from mla_tracker.domain.vocabulary import Unit

QUESTIONS: tuple[tuple[str, Period, CountingRule], ...] = (
    ("60 days, roll-forward", Period(60, Unit.DAYS), RULES["roll-forward"]),
    ("60 days, eu-1182-71", Period(60, Unit.DAYS), RULES["eu-1182-71"]),
    ("3 months, calendar", Period(3, Unit.MONTHS), RULES["calendar"]),
    ("10 working days", Period(10, Unit.WORKING_DAYS), RULES["working-days"]),
)


def measure(period: Period, rule: CountingRule, *, seconds: float = 2.0) -> float:
    """Deadlines per second, started on every day of 2026 in turn."""
    calendar, zone = country_calendar("ES", "MD", years=range(2020, 2037)), default_zone("ES")
    starts = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for start in starts:
            deadline(start, period, rule=rule, calendar=calendar, zone=zone)
        done += len(starts)
    return done / spent


def main() -> None:
    """Print one line for each question."""
    for name, period, rule in QUESTIONS:
        print(f"{name:<24} {measure(period, rule):>10,.0f} deadlines/s")  # noqa: T201


if __name__ == "__main__":
    main()
