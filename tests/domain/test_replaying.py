"""An explanation leads to the very date of its clock, by its own steps and nothing else."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from mla_tracker.domain.clocks import Clock
from mla_tracker.domain.explanation import Step
from tests.builders.histories import HistoryBuilder, a_warrant, an_order, spoken, words
from tests.builders.replaying import Unexplained, replayed
from tests.catalogue.test_every_instrument_at_work import EVIDENCE, EXTRADITION
from tests.catalogue.test_the_last_rows_at_work import DAYS, HOURS, clock_of
from tests.catalogue.told import clocks_of
from tests.domain.test_any_order import histories
from tests.domain.test_deadline_cases import CASES, counted

pytestmark = pytest.mark.no_cover  # what it runs others cover, and tracing makes it take three times as long


def assert_replays(clock: Clock) -> None:
    reached = replayed(clock.steps)
    assert reached == (clock.due_at if isinstance(reached, datetime) else clock.due_on), words(clock.steps)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_a_published_case_replays(case: dict[str, Any]) -> None:
    due = counted(case)
    reached = replayed(due.steps)
    assert reached == (due.due_at if isinstance(reached, datetime) else due.due_on)


@pytest.mark.parametrize("example", [*DAYS, *HOURS], ids=lambda example: example[0])
def test_a_dated_example_of_the_last_rows_replays(example: Any) -> None:
    assert_replays(clock_of(example))


@pytest.mark.parametrize("example", [*EXTRADITION, *EVIDENCE], ids=lambda example: example[0])
def test_a_dated_example_of_the_catalogue_replays(example: Any) -> None:
    limit, convention, countries, acts, _, *more = example
    requesting, requested = countries.split()
    kind = "extradition" if example in EXTRADITION else "evidence"
    facts = {**(more[0] if more else {}), "kind": kind}
    assert_replays(clocks_of(convention, *acts, countries=(requesting, requested), **facts)[limit])


@settings(max_examples=1000)
@given(histories())
def test_every_clock_of_every_history_replays(history: HistoryBuilder) -> None:
    clocks, _ = history.read()
    for clock in clocks:
        if clock.due_on is not None:
            assert_replays(clock)


def test_a_date_that_was_tampered_with_does_not_replay() -> None:
    """Each date of each step moved by a day, one at a time: every one that leads to the end is noticed."""
    order = (
        an_order().received("2026-03-03").accepted("2026-03-10").postponed("2026-03-20").resumed("2026-03-25")
    )
    clock = order.extended("2026-05-01", reason="x", days=20, stage="execute").clock("eio-execute")
    leading = 0
    for number, step in enumerate(clock.steps):
        for name, value in step.args.items():
            if isinstance(value, date) and name in ("from", "to", "due_on"):
                leading += 1
                wrong = replace(step, args={**step.args, name: value + timedelta(days=1)})
                steps: list[Step] = [*clock.steps[:number], wrong, *clock.steps[number + 1 :]]
                with pytest.raises((Unexplained, AssertionError)):
                    assert replayed(steps) == clock.due_on
    assert leading >= 7


def test_an_arrest_warrant_explains_itself_as_a_lawyer_would() -> None:
    warrant = a_warrant().received("2026-03-02").arrested("2026-03-02").with_holidays("ES", "2026-05-01")
    clock = warrant.clock("eaw-decide")
    assert spoken(clock.due_on) == "Fri 2026-05-01"
    told = words(clock.steps)
    for said in (
        "The limit for the stage decide rests on law. "
        "Source: EAW Framework Decision 2002/584/JHA, Art. 17(3) and 17(4).",
        "Arrested on Monday 2 March 2026: the clock begins to run, counted in ES.",
        "Monday 2 March 2026, the day of the event, is not counted.",
        "The 60-day period from Monday 2 March 2026 ends on Friday 1 May 2026; every day counts.",
        "Friday 1 May 2026 is not a working day: Holiday.",
        "Friday 1 May 2026 is not a working day, but the limit counts calendar days and does not move for that.",
    ):
        assert said in told
