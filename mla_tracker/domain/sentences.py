"""Steps and warnings in words: every message id of the house, and steps as JSON keeps them."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from mla_tracker.domain import agreement_warnings, clock_wording, governing, wording
from mla_tracker.domain.explanation import Language, Step, plain, render

TEMPLATES: Mapping[str, str] = {
    **wording.TEMPLATES,
    **clock_wording.TEMPLATES,
    **agreement_warnings.TEMPLATES,
    **governing.TEMPLATES,
}

# What steps that were stored long ago do not say, so that they can be read until they are counted anew.
_NOT_SAID_BEFORE: Mapping[str, Mapping[str, Any]] = {
    "convention-not-binding": {"as_of": clock_wording.UNKNOWN_DAY},
    "convention-parties-incomplete": {"as_of": clock_wording.UNKNOWN_DAY},
}

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")


ENGLISH = Language(TEMPLATES)
"""English, with countries by their codes; `catalogue.languages` has their names."""


def sentence(step: Step, language: Language = ENGLISH) -> str:
    """The step as a sentence with its source, in English if nothing else is said."""
    return render(step, language)


def step_document(step: Step) -> dict[str, Any]:
    """A step as JSON keeps it: dates and instants in ISO 8601."""
    document: dict[str, Any] = {
        "code": step.code,
        "args": {name: plain(value) for name, value in step.args.items()},
    }
    return document | ({"source": step.source} if step.source else {})


def step_of(document: Mapping[str, Any]) -> Step:
    """The step that a document keeps."""
    args = {name: _value(value) for name, value in document["args"].items()}
    code = document["code"]
    return Step(code, {**_NOT_SAID_BEFORE.get(code, {}), **args}, document.get("source"))


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, str) and _DAY.match(value):
        return date.fromisoformat(value)
    if isinstance(value, str) and _INSTANT.match(value):
        return datetime.fromisoformat(value)
    return value
