"""The items of assistance of one request: which of them an act concerns, and how each has ended so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from mla_tracker.domain.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case

A = Act

# The one item of a request that lists none: the whole of it.
WHOLE = 0

# An act that ends the whole request, or the items it names, and how.
ENDS: Mapping[Act, Outcome] = {
    A.EXECUTED: Outcome.EXECUTED,
    A.REFUSED: Outcome.REFUSED,
    A.WITHDRAWN: Outcome.WITHDRAWN,
    A.SURRENDERED: Outcome.SURRENDERED,
    A.CHARGED: Outcome.CHARGED,
    A.DECLINED: Outcome.DECLINED,
}
# All acts that end an item or take it up again, or say how a closing will end it.
SAY_WHAT_IS_LEFT = frozenset(ENDS) | {A.PARTLY_EXECUTED, A.GRANTED, A.CLOSED, A.REOPENED}
# What was done stays done, whatever is said later of the rest.
DONE = frozenset({Outcome.EXECUTED, Outcome.EXECUTED_IN_PART, Outcome.SURRENDERED})


@dataclass(frozen=True, slots=True)
class End:
    """How and when one item ended, and on which ground."""

    outcome: Outcome
    on: date
    ground: str | None = None


def numbers_of(case: "Case") -> frozenset[int]:
    """The items of a request, numbered from 1; a request that lists none is one item."""
    return _numbers(len(case.assistance))


@cache
def _numbers(forms: int) -> frozenset[int]:
    return frozenset(range(1, forms + 1)) or frozenset({WHOLE})


def concerned(event: "Event", numbers: frozenset[int]) -> frozenset[int]:
    """Those of the items that the act concerns: the ones it names, all where it names none."""
    named = event.data.get("items")
    return numbers & frozenset(named) if named else numbers


def outcome_of(event: "Event") -> Outcome:
    """The outcome that an ending act gives to what it ends."""
    return Outcome(event.data.get("outcome") or ENDS[event.act])


@dataclass
class Ends:
    """How each item has ended, told act by act in legal order."""

    numbers: frozenset[int]
    told: dict[int, End] = field(default_factory=dict)
    granted: bool = False

    @property
    def left(self) -> frozenset[int]:
        """The items that have not ended."""
        return self.numbers - self.told.keys()

    def tell(self, event: "Event") -> None:
        """What one more act ends or takes up again.

        An ending act that names no items ends those left; where none is left it says anew how those ended that
        were not executed. Reopening takes up the items it names, else all that were not executed, and a request
        that lists none as a whole.
        """
        named = bool(event.data.get("items"))
        if event.act is A.PARTLY_EXECUTED:
            if named:
                self._end(event, concerned(event, self.numbers), Outcome.EXECUTED)
        elif event.act in ENDS:
            which = self.numbers if named else self.left or self._undone
            self._end(event, concerned(event, which), outcome_of(event))
        elif event.act is A.CLOSED:
            stated = event.data.get("outcome") or (Outcome.GRANTED if self.granted else None)
            # A closing that says nothing of how it ended ends nothing.
            if stated is not None:
                self._end(event, self.left, Outcome(stated))
        elif event.act is A.GRANTED:
            self.granted = True
        elif event.act is A.REOPENED:
            again = self.numbers if named or WHOLE in self.numbers else self._undone
            for number in concerned(event, again):
                self.told.pop(number, None)

    @property
    def _undone(self) -> frozenset[int]:
        return self.numbers - {number for number, end in self.told.items() if end.outcome in DONE}

    def _end(self, event: "Event", numbers: frozenset[int], outcome: Outcome) -> None:
        for number in numbers:
            self.told[number] = End(outcome, event.day, event.data.get("ground"))
