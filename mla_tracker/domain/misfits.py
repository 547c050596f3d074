"""What does not fit in a history: refused to whoever enters it, a warning where it stands recorded already."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.explanation import Step


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing in a history that cannot be as it stands: a refusal and a warning that say the same.

    `event_ids` are the acts concerned, first the one that does not fit. `of` is the clock that it is about, if one.
    `own_fault`: nobody but who enters one of these acts is to be refused for it, whatever another change has to do
    with it; without it, whatever change brings it about is refused. `fields` point into the act that does not fit.
    """

    warning: Step
    detail: str
    event_ids: tuple[str, ...]
    of: str = ""
    own_fault: bool = False
    fields: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> tuple[str, str, str]:
        """What tells it apart from others, whatever the days say just now."""
        return (self.warning.code, self.of, self.event_ids[0])

    def refusal(self, entered: Collection[str] | None = None) -> ActNotPossible:
        """The refusal, for who enters these acts; None: all of the history."""
        own = entered is None or self.event_ids[0] in entered
        return ActNotPossible(
            self.detail,
            fields=self.fields if own else (),
            facts={**self.facts, "event_ids": list(self.event_ids)},
        )


def refuse_new(
    misfits: Collection[Misfit], entered: Collection[str], before: Callable[[], Iterable[Misfit]]
) -> None:
    """Refuse what a change brings in that does not fit; what was recorded stays recorded. Raises ActNotPossible.

    `entered` are the ids of the acts that come with the change, `before` gives what did not fit without it, by the
    same days.
    """
    for misfit in misfits:
        if any(event_id in entered for event_id in misfit.event_ids):
            raise misfit.refusal(entered)
    brought = [misfit for misfit in misfits if not misfit.own_fault]
    if brought:
        stood = {misfit.what for misfit in before()}
        for misfit in brought:
            if misfit.what not in stood:
                raise misfit.refusal(entered)
