"""Which dates two readings of one request differ in: clocks as they stood, held against clocks as they stand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from mla_tracker.domain.clocks import Clock
from mla_tracker.domain.vocabulary import Effect, Stage


@dataclass(frozen=True, slots=True)
class Dated:
    """A clock by what tells it from the others of its request, and when it is due. `start`: the id of the act."""

    key: str
    stage: Stage
    effect: Effect
    start: str | None
    due_on: date | None
    due_at: datetime | None

    def takes_the_place_of(self, other: "Dated") -> bool:
        """Whether it is the other under another limit."""
        return (self.stage, self.effect, self.start) == (other.stage, other.effect, other.start)


@dataclass(frozen=True, slots=True)
class Move:
    """A clock whose end moved: its day, or on the same day its instant. None before: it began; after: it went."""

    key: str
    stage: Stage
    before: Dated | None
    after: Dated | None


def dated(clock: Clock) -> Dated:
    """The same of a clock."""
    limit = clock.limit
    start = clock.start.id if clock.start else None
    return Dated(clock.key, limit.stage, limit.effect, start, clock.due_on, clock.due_at)


def moves(before: Iterable[Dated], after: Iterable[Dated]) -> Iterator[Move]:
    """Clocks are the same by key; one that takes the place of another has its stage, its effect and its start."""
    old, new = {clock.key: clock for clock in before}, {clock.key: clock for clock in after}
    pairs: list[tuple[Dated | None, Dated | None]] = [
        (old.pop(key), new.pop(key)) for key in [*new] if key in old
    ]
    for key, clock in [*new.items()]:
        instead = next((other for other in old.values() if clock.takes_the_place_of(other)), None)
        pairs.append((old.pop(instead.key) if instead else None, new.pop(key)))
    pairs += [(clock, None) for clock in old.values()]
    for was, becomes in pairs:
        named = becomes or was
        assert named is not None
        if _end(was) != _end(becomes):
            yield Move(named.key, named.stage, was, becomes)


def _end(clock: Dated | None) -> tuple[date | None, datetime | None]:
    return (clock.due_on, clock.due_at) if clock else (None, None)
