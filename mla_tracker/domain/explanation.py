"""Why a date is what it is: steps as message ids with arguments, put into words per language.

A step never holds a sentence, so that other languages can follow and a test can replay the arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards a date: a message id, its arguments (dates, instants, numbers, words) and its source."""

    code: str
    args: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None


def day_in_words(day: date) -> str:
    """A day as lawyers write it: "Monday 2 March 2026"."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def instant_in_words(instant: datetime) -> str:
    """An instant in the zone it carries: "Monday 2 March 2026, 14:05 CET"."""
    seconds = f":{instant:%S}" if instant.second else ""
    return f"{day_in_words(instant.date())}, {instant:%H:%M}{seconds} {instant.tzname() or ''}".rstrip()


def in_words(value: Any) -> str:
    """One argument of a step in English words."""
    if isinstance(value, datetime):
        return instant_in_words(value)
    if isinstance(value, date):
        return day_in_words(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(item) for item in value)
    return str(value)


def render(step: Step, templates: Mapping[str, str]) -> str:
    """The step as a sentence, followed by its source. Raises KeyError for a message id without words."""
    sentence = templates[step.code].format(**{name: in_words(value) for name, value in step.args.items()})
    return f"{sentence} Source: {step.source}." if step.source else sentence


def plain(value: Any) -> Any:
    """A step's argument as JSON holds it: dates and instants in ISO 8601."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
