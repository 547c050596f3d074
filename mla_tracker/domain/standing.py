"""When a request, or what is left of it, stands still: postponed, or waiting for information."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case
from mla_tracker.domain.items import SAY_WHAT_IS_LEFT, Ends, concerned, numbers_of
from mla_tracker.domain.limits import PauseRule


@dataclass
class Standing:
    """The acts of a rule that are still open, each with the items that it holds up."""

    case: Case
    rule: PauseRule
    open: dict[str, frozenset[int]] = field(default_factory=dict)

    def tell(self, event: Event) -> None:
        """One more act in legal order.

        An answer ends what it answers, an act that names items ends the standstill of these, any other ends all.
        """
        if event.act in self.rule.begins:
            self.open[event.id] = concerned(event, numbers_of(self.case))
        elif event.act in self.rule.ends:
            answered = self.case.answered(event)
            if answered is not None:
                self.open.pop(answered, None)
            else:
                over = concerned(event, numbers_of(self.case))
                self.open = {begun: rest for begun, items in self.open.items() if (rest := items - over)}

    def holds(self, left: frozenset[int]) -> bool:
        """Whether everything that is left is held up: the rest of a request goes on while one item waits."""
        return bool(left) and left <= frozenset().union(*self.open.values())


def standstills(
    case: Case, rules: Iterable[PauseRule], items: frozenset[int], end: Event | None
) -> list[tuple[Event, Event | None]]:
    """The spells in which everything that is left of the items stands still, each from act to act.

    The history is read up to `end`, at which a spell that is still open ends too; without `end` it stays open.
    """
    spells: list[tuple[Event, Event | None]] = []
    for rule in rules:
        if not any(act in case.by_act for act in rule.begins):
            continue
        standing, ends = Standing(case, rule), Ends(numbers_of(case))
        since: Event | None = None
        for event in case.recorded({*rule.begins, *rule.ends, *SAY_WHAT_IS_LEFT}):
            if end is not None and case.order(event) >= case.order(end):
                break
            ends.tell(event)
            standing.tell(event)
            held = standing.holds(ends.left & items)
            if held and since is None:
                since = event
            elif since is not None and not held:
                spells.append((since, event))
                since = None
        if since is not None:
            spells.append((since, end))
    return spells
