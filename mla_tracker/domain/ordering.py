"""The legal order of acts: the order in which they happened, whatever the order of recording."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate, groupby
from typing import Any

from mla_tracker.domain.acts import RANK
from mla_tracker.domain.events import Event
from mla_tracker.domain.vocabulary import Act

# Acts that undo one another, each pair side by side in `RANK`: they take turns. Who recorded a reopening and a
# closing for one day reopened first if the request was closed before that day, else closed first.
UNDONE_BY: Mapping[Act, Act] = {
    Act.INFORMATION_REQUESTED: Act.INFORMATION_SUPPLIED,
    Act.CONSENT_GIVEN: Act.CONSENT_WITHDRAWN,
    Act.POSTPONED: Act.RESUMED,
    Act.RELEASED: Act.REARRESTED,
    Act.CLOSED: Act.REOPENED,
}
_TURN = 0.001

RankOf = Callable[[Event], float]
Tie = tuple[Any, ...]
TieOf = Callable[[Event], Tie]
_NO_ANSWER: Tie = (1,)


def legal_order(events: Iterable[Event]) -> list[Event]:
    """The acts in the order in which they happened, whatever the order of recording.

    Timed acts stand by instant; an act with a bare date stands among those of its day by rank (`acts.RANK`),
    acts that undo one another by turns; what is still equal stands by content, never by time of recording. Of two
    questions that say the same the one that was answered first stands first.
    """
    listed = list(events)
    answers = _answers(listed)

    def tie(event: Event) -> Tie:
        return (event.content, answers.get(event.id, _NO_ANSWER), event.id)

    acts = {e.act for e in listed}
    turns: dict[str, float] = {}
    for act, undoing in UNDONE_BY.items():
        if act in acts and undoing in acts:
            turns |= _turns([e for e in listed if e.act in (act, undoing)], act, tie)
    return _merged(listed, lambda event: turns.get(event.id, RANK[event.act]), tie)


def _answers(events: Iterable[Event]) -> dict[str, tuple[Any, ...]]:
    """What tells apart questions and answers that say the same: the first answer to the one, the other's question."""
    by_id = {event.id: event for event in events}
    found: dict[str, tuple[Any, ...]] = {}
    for answer in by_id.values():
        question = by_id.get(str(answer.data["in_reply_to"])) if "in_reply_to" in answer.data else None
        if question is not None:
            # Answers follow their questions, so that two of each that say the same do not cross.
            found[answer.id] = (0, question.earliest, question.content, question.id)
            link = (0, answer.earliest, answer.content)
            found[question.id] = min(link, found.get(question.id, link))
    return found


def _merged(events: Sequence[Event], rank: RankOf, tie: TieOf) -> list[Event]:
    timed = sorted((e for e in events if e.at is not None), key=lambda e: (e.earliest, tie(e)))
    bare = sorted((e for e in events if e.at is None), key=lambda e: (e.day, rank(e), tie(e)))
    slots: list[list[Event]] = [[] for _ in range(len(timed) + 1)]
    # Zones differ, so days need not grow from instant to instant: the latest so far do.
    reached = list(accumulate(((e.day, rank(e)) for e in timed), max))
    for event in bare:
        slots[bisect_right(reached, (event.day, rank(event)))].append(event)
    ordered = list(slots[0])
    for event, following in zip(timed, slots[1:], strict=True):
        ordered.append(event)
        ordered += following
    return ordered


def _turns(events: Sequence[Event], act: Act, tie: TieOf) -> dict[str, float]:
    """The ranks of acts of one pair, day by day, where both kinds fall on one day."""
    ranks: dict[str, float] = {}
    standing = False

    def rank(event: Event) -> float:
        return ranks.get(event.id, RANK[event.act])

    def day_of(event: Event) -> date:
        return event.day

    for _, same_day in groupby(sorted(events, key=day_of), key=day_of):
        today = list(same_day)
        if len({e.act for e in today}) > 1:
            ranks |= _ranks_of_turns(today, act, tie, standing=standing)
        standing = _merged(today, rank, tie)[-1].act is act
    return ranks


def _ranks_of_turns(today: Sequence[Event], act: Act, tie: TieOf, *, standing: bool) -> dict[str, float]:
    """Whichever of the two can come first comes first, then the other, and so on by turns."""
    first, second = (RANK[act] - 0.5, RANK[act] + 1.5) if standing else (RANK[act], RANK[act] + 1)
    ranks: dict[str, float] = {}
    for opens in (True, False):
        kind = [e for e in today if (e.act is act) != (opens == standing)]
        for index, event in enumerate(sorted(kind, key=lambda e: (e.earliest, tie(e)))):
            turn = 2 * index + (not opens)
            ranks[event.id] = first if turn == 0 else second + (turn - 1) * _TURN
    return ranks
