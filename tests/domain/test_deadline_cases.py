"""Worked cases from other people's test suites and calculators: dates and numbers, each with its source."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.calendars import Hours, WorkingCalendar, minutes_of
from mla_tracker.domain.counting import CountingRule, Deadline, Period, deadline
from mla_tracker.domain.local_time import instant_of_wall_time
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Roll, Unit

FILE = Path(__file__).with_name("deadline_cases.jsonl")
CASES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text().splitlines()]


def unit_of(word: str) -> Unit:
    return Unit(word.removeprefix("calendar_").replace("business_", "working_"))


def moment_of(text: str, zone: ZoneInfo) -> date | datetime:
    """A date, or an instant: with its own offset, or read in the zone of the case."""
    if "T" not in text:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return instant_of_wall_time(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)


def hours_of(spans: list[list[str]]) -> Hours:
    return tuple((minutes_of(opening), minutes_of(closing)) for opening, closing in spans)


def calendar_of(facts: dict[str, Any]) -> WorkingCalendar:
    return WorkingCalendar(
        code="inline",
        weekends=((date.min, frozenset(facts["weekend"])),),
        holidays={date.fromisoformat(day): "" for day in facts.get("holidays", [])},
        extra_working_days=frozenset(map(date.fromisoformat, facts.get("extra_working_days", []))),
        hours={int(weekday): hours_of(spans) for weekday, spans in facts.get("hours", {}).items()},
        date_hours={
            date.fromisoformat(day): hours_of(spans) for day, spans in facts.get("date_hours", {}).items()
        },
    )


def rule_of(facts: dict[str, Any]) -> CountingRule:
    return CountingRule(
        roll=Roll(facts.get("roll", "none")),
        count_start_day=facts.get("count_start_day", False),
        min_working_days=facts.get("min_working_days", 0),
        min_from_start_day=facts.get("min_from_start_day", False),
    )


def counted(case: dict[str, Any]) -> Deadline:
    zone = ZoneInfo(case["timezone"])
    more = case["rule"].get("plus_days")
    return deadline(
        moment_of(case["start"], zone),
        Period(case["duration"], unit_of(case["unit"])),
        rule=rule_of(case["rule"]),
        calendar=calendar_of(case["calendar"]),
        zone=zone,
        pauses=[(moment_of(since, zone), moment_of(until, zone)) for since, until in case["pauses"]],
        plus=[Period(more, Unit.DAYS)] if more else [],
    )


def spoken(moment: date) -> str:
    return f"{moment:%a} {moment.isoformat()}"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_a_published_case_is_due_on_the_published_day(case: dict[str, Any]) -> None:
    due = counted(case)
    why = "\n".join(sentence(step) for step in (*due.steps, *due.warnings))
    expected = moment_of(case["expected_due"], ZoneInfo(case["timezone"]))
    found = due.due_at if isinstance(expected, datetime) else due.due_on
    assert spoken(found) == spoken(expected), f"{case['description']} ({case['source']})\n{why}"


def test_every_published_case_is_there_once() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) == 190
    assert all(case["source"] for case in CASES)
