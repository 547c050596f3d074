"""ETag and If-Match: what a change may be based on."""

import pytest

from mla_tracker.api.conditional import etag, expected_versions, is_unchanged
from mla_tracker.api.problems import Problem


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"3"', {3}),
        (' "3" ', {3}),
        ('"3", "4"', {3, 4}),
        ('"3","5"', {3, 5}),
        ('W/"3"', set()),
        ('"abc"', set()),
        ('"0"', set()),
        ('"03"', set()),
        ('""', set()),
        ('"999999999999"', set()),
        ('W/"3", "4"', {4}),
    ],
)
def test_if_match_names_the_versions_that_a_change_may_be_based_on(header: str, versions: set[int]) -> None:
    assert expected_versions(header) == frozenset(versions)


def test_a_star_takes_any_version() -> None:
    assert expected_versions("*") is None


def test_without_if_match_there_is_no_change() -> None:
    with pytest.raises(Problem) as caught:
        expected_versions(None)
    assert caught.value.kind.status == 428
    assert caught.value.errors[0][0] == "/If-Match"


@pytest.mark.parametrize("header", ["", "3", '"3', "'3'", '"3" "4"', '*, "3"', "W/3", '"é"', '"3";'])
def test_what_is_no_entity_tag_is_refused(header: str) -> None:
    with pytest.raises(Problem) as caught:
        expected_versions(header)
    assert caught.value.kind.status == 400


def test_an_unchanged_representation_is_known_by_its_tag() -> None:
    assert is_unchanged('"a", W/"b"', '"b"')
    assert is_unchanged("*", '"b"')
    assert not is_unchanged('"a"', '"b"')
    assert not is_unchanged(None, etag(3))
