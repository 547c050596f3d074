"""Records that refer to others, in an order in which each can be told of."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def referred_first(refers_to: Mapping[Name, Iterable[Name]]) -> list[Name]:
    """The records in their own order, but each after those among them that it refers to.

    Where some refer to each other in a circle, one of them has to stand before what it refers to.
    """
    ordered: list[Name] = []
    begun: set[Name] = set()
    for first in refers_to:
        way = [] if first in begun else [(first, iter(refers_to[first]))]
        begun.add(first)
        while way:
            here, others = way[-1]
            ahead = next((other for other in others if other in refers_to and other not in begun), None)
            if ahead is None:
                ordered.append(here)
                way.pop()
            else:
                begun.add(ahead)
                way.append((ahead, iter(refers_to[ahead])))
    return ordered
