"""Questions to the engine as a test asks them: dates as text, the German calendar of 2026, named rules."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import RULES, CountingRule, Deadline, Period, deadline
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Unit

BERLIN = ZoneInfo("Europe/Berlin")
GERMANY_2026 = WorkingCalendar(
    "DE",
    holidays={
        date(2026, 1, 1): "New Year's Day",
        date(2026, 4, 3): "Good Friday",
        date(2026, 4, 6): "Easter Monday",
        date(2026, 5, 1): "Labour Day",
        date(2026, 5, 14): "Ascension Day",
        date(2026, 12, 25): "Christmas Day",
        date(2026, 12, 26): "",
    },
)
LAW = RULES["calendar"]
REGULATION = RULES["eu-1182-71"]
FORWARD = RULES["roll-forward"]
INCLUSIVE = RULES["inclusive"]
INSTANTS = RULES["instants"]
WORKING = RULES["working-days"]


def count(
    start: str,
    amount: int,
    unit: str,
    rule: CountingRule = LAW,
    *,
    calendar: WorkingCalendar = GERMANY_2026,
    zone: ZoneInfo = BERLIN,
    pauses: Sequence[tuple[str, str]] = (),
    plus: Sequence[tuple[int, str]] = (),
) -> Deadline:
    return deadline(
        moment(start),
        Period(amount, Unit(unit)),
        rule=rule,
        calendar=calendar,
        zone=zone,
        pauses=[(moment(since), moment(until)) for since, until in pauses],
        plus=[Period(more, Unit(other)) for more, other in plus],
    )


def moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def spoken(day: date) -> str:
    return f"{day:%a} {day.isoformat()}"


def codes(due: Deadline) -> list[str]:
    return [step.code for step in due.steps]


def words(due: Deadline) -> str:
    return "\n".join(sentence(step) for step in (*due.steps, *due.warnings))
