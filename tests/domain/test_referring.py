"""The order in which records that refer to each other are told of."""

from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.domain.referring import referred_first

NUMBERS = st.integers(0, 12)


def test_each_stands_after_those_that_it_refers_to_and_the_order_is_kept_otherwise() -> None:
    assert referred_first({1: [3], 2: [], 3: [9], 4: [1, 2]}) == [3, 1, 2, 4]
    assert referred_first({1: [2], 2: [1], 3: [3]}) == [2, 1, 3]
    assert referred_first({}) == []


def test_a_chain_of_any_length_is_followed() -> None:
    assert referred_first({n: [n + 1] for n in range(50_000)})[:2] == [49_999, 49_998]


@given(st.dictionaries(NUMBERS, st.lists(NUMBERS, max_size=4)))
def test_where_there_is_no_circle_all_that_is_referred_to_comes_first_and_once_more_changes_nothing(
    refers_to: dict[int, list[int]],
) -> None:
    upwards = {name: [other for other in others if other > name] for name, others in refers_to.items()}
    order = referred_first(upwards)
    assert sorted(order) == sorted(upwards)
    places = {name: place for place, name in enumerate(order)}
    assert all(places[other] < places[name] for name in upwards for other in upwards[name] if other in places)
    assert referred_first({name: upwards[name] for name in order}) == order
