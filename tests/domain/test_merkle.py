"""The trees under the audit, held against the recursive definition of RFC 9162, section 2.1."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.domain import merkle
from mla_tracker.domain.merkle import Frontier

leaves = st.tuples(st.integers(0, 70), st.binary(max_size=4)).map(
    lambda drawn: [merkle.leaf_hash(drawn[1] + bytes([number])) for number in range(drawn[0])]
)


def _by_definition(entries: list[bytes]) -> bytes:
    """MTH of section 2.1.1, over hashes of leaves."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return entries[0]
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(
        b"\x01" + _by_definition(entries[:split]) + _by_definition(entries[split:])
    ).digest()


def _path_by_definition(at: int, entries: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.3.1."""
    if len(entries) == 1:
        return []
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if at < split:
        return [*_path_by_definition(at, entries[:split]), _by_definition(entries[split:])]
    return [*_path_by_definition(at - split, entries[split:]), _by_definition(entries[:split])]


def _consistency_by_definition(held: int, entries: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of section 2.1.4.1."""
    if held == len(entries):
        return [] if whole else [_by_definition(entries)]
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if held <= split:
        return [*_consistency_by_definition(held, entries[:split], whole), _by_definition(entries[split:])]
    return [
        *_consistency_by_definition(held - split, entries[split:], False),
        _by_definition(entries[:split]),
    ]


@given(leaves)
def test_the_root_is_that_of_the_definition(entries: list[bytes]) -> None:
    assert merkle.root_of(entries) == _by_definition(entries)


@given(leaves, st.data())
def test_a_tree_that_grows_in_parts_has_the_root_of_the_whole(
    entries: list[bytes], data: st.DataObject
) -> None:
    split = data.draw(st.integers(0, len(entries)))
    first = Frontier()
    first.extend(entries[:split])
    kept = Frontier.from_octets(first.size, first.octets())
    kept.extend(entries[split:])
    assert kept.size == len(entries)
    assert kept.root() == _by_definition(entries)


@given(leaves.filter(bool), st.data())
def test_every_leaf_can_be_shown_to_be_in_the_tree_at_its_place_alone(
    entries: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(entries) - 1))
    path, root, size = merkle.inclusion_path(entries, at), merkle.root_of(entries), len(entries)
    assert path == _path_by_definition(at, entries)
    assert merkle.included(entries[at], at, size, path, root)
    assert not merkle.included(bytes(32), at, size, path, root)
    assert not merkle.included(entries[at], at, size, [*path, bytes(32)], root)
    assert not merkle.included(entries[at], size, size, path, root)
    assert not merkle.included(entries[at], at, size, path, bytes(32))
    for other in range(size):
        if other != at:
            assert not merkle.included(entries[at], other, size, path, root)
    if path:
        assert not merkle.included(entries[at], at, size, path[:-1], root)


@given(leaves.filter(bool), st.data())
def test_a_path_needs_only_what_was_added_and_the_edge_of_the_tree_before(
    entries: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(entries) - 1))
    split = data.draw(st.integers(0, at))
    before = Frontier()
    before.extend(entries[:split])
    assert merkle.inclusion_path(entries[split:], at, before) == _path_by_definition(at, entries)


@given(leaves.filter(bool), st.data())
def test_a_later_tree_can_be_shown_to_begin_with_an_earlier_one(
    entries: list[bytes], data: st.DataObject
) -> None:
    earlier, later = data.draw(st.integers(1, len(entries))), len(entries)
    path = merkle.consistency_path(entries, earlier)
    was, is_ = merkle.root_of(entries[:earlier]), merkle.root_of(entries)
    assert path == _consistency_by_definition(earlier, entries, True)
    assert merkle.consistent(earlier, later, was, is_, path)
    assert not merkle.consistent(earlier, later, bytes(32), is_, path)
    assert not merkle.consistent(earlier, later, was, bytes(32), path)
    assert not merkle.consistent(earlier, later, was, is_, [*path, bytes(32)])
    assert not merkle.consistent(later + 1, later, was, is_, path)
    if earlier < later:
        assert not merkle.consistent(earlier, later, was, is_, path[:-1])


def test_a_leaf_cannot_pass_for_a_node() -> None:
    left, right = merkle.leaf_hash(b"one"), merkle.leaf_hash(b"two")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@pytest.mark.parametrize(("size", "octets"), [(1, b""), (2, bytes(64)), (3, bytes(33)), (-1, b"")])
def test_a_frontier_that_is_none_of_its_size_is_refused(size: int, octets: bytes) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier.from_octets(size, octets)


def test_a_proof_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no leaf 1"):
        merkle.inclusion_path([bytes(32)], 1)
    with pytest.raises(ValueError, match="did not begin"):
        merkle.consistency_path([bytes(32)], 2)
