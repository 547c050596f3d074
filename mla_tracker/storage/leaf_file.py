"""Hashes of leaves by their number, in a temporary file: chains are read in another order than the tree is built."""

import mmap
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from mla_tracker.domain.merkle import HASH_BYTES

NONE: Final = bytes(HASH_BYTES)
"""What stands where no leaf is."""

_AT_ONCE: Final = 65_536


class LeafFile:
    """Places for a number of leaves, empty at first."""

    def __init__(self, size: int) -> None:
        self.size = size
        with tempfile.TemporaryFile(prefix="mla-tracker-leaves-") as file:  # the map keeps it
            file.truncate(max(size, 1) * HASH_BYTES)
            self._map = mmap.mmap(file.fileno(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._map.close()

    def put(self, leaves: Sequence[int | None], hashes: Sequence[bytes]) -> list[int]:
        """Put hashes in their places; gives the leaves for which there is no place, or no free one."""
        refused: list[int] = []
        places, size = self._map, self.size
        for leaf, found in zip(leaves, hashes, strict=True):
            if leaf is None:
                continue
            at = leaf * HASH_BYTES
            if not 0 <= leaf < size or places[at : at + HASH_BYTES] != NONE:
                refused.append(leaf)
            else:
                places[at : at + HASH_BYTES] = found
        return refused

    def between(self, first: int, end: int) -> Iterator[list[bytes]]:
        """The hashes of the leaves in [first, end), some at a time."""
        for start in range(first, min(end, self.size), _AT_ONCE):
            stop = min(start + _AT_ONCE, end, self.size)
            octets = self._map[start * HASH_BYTES : stop * HASH_BYTES]
            yield [octets[at : at + HASH_BYTES] for at in range(0, len(octets), HASH_BYTES)]
