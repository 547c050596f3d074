"""Why a date is what it is: steps as message ids with arguments, put into words per language.

A step never holds a sentence, so that other languages can follow and a test can replay the arguments.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
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


# Arguments whose value is a word of a closed list, and those that name countries: each language has its own words.
CODED = frozenset({"act", "acts", "other_act", "end", "stage", "basis", "status"})
OF_COUNTRIES = frozenset({"country", "countries"})


@dataclass(frozen=True, slots=True)
class Language:
    """How one language says a step: a sentence for each message id, and words for what stands in it.

    `words` of values of closed lists; a value that it does not hold is shown as it is, with spaces. `country` gives
    the name for a code. `with_source` puts sentence and source together.
    """

    templates: Mapping[str, str]
    words: Mapping[str, str] = field(default_factory=dict)
    day: Callable[[date], str] = day_in_words
    instant: Callable[[datetime], str] = instant_in_words
    country: Callable[[str], str] = str
    comma: str = ", "
    with_source: str = "{sentence} Source: {source}."

    def word(self, name: str, value: Any) -> str:
        """One argument of a step in words."""
        if isinstance(value, datetime):
            return self.instant(value)
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, (list, tuple)):
            return self.comma.join(self.word(name, item) for item in value)
        if name in CODED:
            return self.words.get(str(value), str(value).replace("_", " "))
        return self.country(str(value)) if name in OF_COUNTRIES else str(value)


def render(step: Step, language: Language) -> str:
    """The step as a sentence, followed by its source. Raises KeyError for a message id without words."""
    words = {name: language.word(name, value) for name, value in step.args.items()}
    sentence = language.templates[step.code].format(**words)
    sentence = sentence[:1].upper() + sentence[1:]
    return language.with_source.format(sentence=sentence, source=step.source) if step.source else sentence


def plain(value: Any) -> Any:
    """A step's argument as JSON holds it: dates and instants in ISO 8601."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
