"""Merkle trees as of RFC 9162 (Certificate Transparency 2.0), section 2.1: roots, proofs, and growing without reading.

A tree over n leaves is the full tree over the largest power of two below n, joined with the tree over the rest. Its
frontier are the roots of the full subtrees from left to right: all that is needed to add further leaves.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of what stands above two others."""
    return hashlib.sha256(b"\1" + left + right).digest()


def hashes_in(octets: bytes) -> list[bytes]:
    """Hashes that were strung together. Raises ValueError where one is not whole."""
    if len(octets) % HASH_BYTES:
        raise ValueError("A frontier, like every string of hashes, consists of whole ones.")
    return [octets[at : at + HASH_BYTES] for at in range(0, len(octets), HASH_BYTES)]


class Frontier:
    """The right edge of a growing tree."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Raises ValueError unless there is a peak for each full subtree of a tree of this size."""
        self.size = size
        self._peaks = list(peaks)
        if size < 0 or len(self._peaks) != size.bit_count():
            raise ValueError(f"A tree of {size} leaves has no frontier of {len(self._peaks)} hashes.")

    @classmethod
    def from_octets(cls, size: int, octets: bytes) -> "Frontier":
        """A frontier from the hashes strung together. Raises ValueError."""
        return cls(size, hashes_in(octets))

    def with_leaves(self, leaves: Iterable[bytes]) -> "Frontier":
        """The frontier of the tree with further leaves; this one stays as it is."""
        grown = Frontier(self.size, self._peaks)
        grown.extend(leaves)
        return grown

    def octets(self) -> bytes:
        """Its hashes strung together, the largest subtree first."""
        return b"".join(self._peaks)

    def spans(self) -> dict[tuple[int, int], bytes]:
        """Its hashes, each by the first and the last leaf that it stands above."""
        spans, first = {}, 0
        for bit, peak in zip(
            (bit for bit in reversed(range(self.size.bit_length())) if self.size >> bit & 1),
            self._peaks,
            strict=True,
        ):
            spans[first, first + (1 << bit) - 1] = peak
            first += 1 << bit
        return spans

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add hashes of leaves on the right."""
        peaks, size, sha256 = self._peaks, self.size, hashlib.sha256
        for node in leaves:
            trailing = size
            while trailing & 1:
                node = sha256(b"\1" + peaks.pop() + node).digest()
                trailing >>= 1
            peaks.append(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The root of the tree."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes of leaves."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def inclusion_path(leaves: Sequence[bytes], index: int, before: Frontier | None = None) -> list[bytes]:
    """What must be joined to the leaf, from below, to reach the root over all leaves (section 2.1.3.1).

    `before`: the tree as it stood before these leaves were added; `index` counts from its first leaf, and is one of
    those added.
    """
    held = before or Frontier()
    size = held.size + len(leaves)
    if not held.size <= index < size:
        raise ValueError(f"There is no leaf {index} from {held.size} on in a tree of {size}.")
    known = {**held.spans(), **{(held.size + at,) * 2: leaf for at, leaf in enumerate(leaves)}}

    def root(first: int, last: int) -> bytes:
        if (first, last) in known:
            return known[first, last]
        split = first + _split(last - first + 1)
        return node_hash(root(first, split - 1), root(split, last))

    path: list[bytes] = []
    first, last = 0, size - 1
    while first != last:
        split = first + _split(last - first + 1)
        if index < split:
            path.append(root(split, last))
            last = split - 1
        else:
            path.append(root(first, split - 1))
            first = split
    return path[::-1]


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path shows that the hash of a leaf is number `index` (from 0) under the root (section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, node = index, size - 1, leaf
    for other in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(other, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, other)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def consistency_path(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """What shows that the tree over the first `earlier` leaves is the beginning of that over all (section 2.1.4.1)."""
    if not 0 < earlier <= len(leaves):
        raise ValueError(f"A tree of {len(leaves)} did not begin with {earlier} leaves.")
    path: list[bytes] = []
    part, held, whole = leaves, earlier, True
    while held != len(part):
        split = _split(len(part))
        if held <= split:
            path.append(root_of(part[split:]))
            part = part[:split]
        else:
            path.append(root_of(part[:split]))
            part, held, whole = part[split:], held - split, False
    return [*([] if whole else [root_of(part)]), *reversed(path)]


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def consistent(
    earlier: int, later: int, earlier_root: bytes, later_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path shows that the later tree begins with the earlier one (section 2.1.4.2)."""
    if not 0 < earlier <= later:
        return False
    if earlier == later:
        return not path and earlier_root == later_root
    hashes = list(path)
    if not earlier & (earlier - 1):
        hashes.insert(0, earlier_root)
    if not hashes:
        return False
    at, last = earlier - 1, later - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = is_ = hashes[0]
    for other in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, is_ = node_hash(other, was), node_hash(other, is_)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            is_ = node_hash(is_, other)
        at, last = at >> 1, last >> 1
    return last == 0 and was == earlier_root and is_ == later_root
