"""Explanations as answers: each step a sentence for people, with its facts and source for machines."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import Field

from mla_tracker.api.fields import Answer
from mla_tracker.catalogue.languages import ENGLISH
from mla_tracker.domain.explanation import Step, plain, render


class StepView(Answer):
    """One step towards a date."""

    code: str = Field(description="What kind of step it is; stays the same whatever the wording.")
    text: str = Field(description="The step as a sentence, in English.")
    source: str | None = Field(description="Instrument and provision, or the policy, that the step rests on.")
    args: dict[str, Any] = Field(description="The facts of the sentence: dates, instants, numbers, names.")


def step_views(steps: Iterable[Step]) -> list[StepView]:
    """Steps as an answer shows them, in their order."""
    return [
        StepView(
            code=step.code,
            text=render(replace(step, source=None), ENGLISH),
            source=step.source,
            args={name: plain(value) for name, value in step.args.items()},
        )
        for step in steps
    ]
