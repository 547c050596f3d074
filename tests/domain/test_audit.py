"""How entries are told and bound: one form for one content, and no two contents with one form."""

import hashlib
import hmac
import json
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mla_tracker.domain import audit
from mla_tracker.domain.audit import Chain, ChainKind, Change, What

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_one_content_has_one_form_that_can_be_read_back(value: audit.Plain) -> None:
    form = audit.canonical(value)
    assert json.loads(form) == value
    assert audit.canonical(json.loads(form)) == form


def test_the_form_sorts_its_keys_and_spends_no_spaces_or_escapes() -> None:
    assert audit.canonical({"b": [1, "Zürich"], "a": None}) == '{"a":null,"b":[1,"Zürich"]}'


@given(
    st.lists(json_values, min_size=3, max_size=3),
    st.lists(json_values, min_size=3, max_size=3),
)
def test_two_entries_that_differ_have_other_bytes(one: list[audit.Plain], other: list[audit.Plain]) -> None:
    if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        assert audit.entry_bytes(one) != audit.entry_bytes(other)


@given(st.lists(json_values, max_size=5))
def test_the_bytes_of_an_entry_are_its_canonical_form(values: list[audit.Plain]) -> None:
    assert audit.entry_bytes(values) == audit.canonical(values).encode()


def test_an_entry_is_bound_to_the_one_before_it() -> None:
    key = b"k" * 32
    first = audit.mac(key, audit.FIRST, b"one")
    assert first == hmac.new(key, bytes(32) + b"one", hashlib.sha256).digest()
    assert audit.mac(key, first, b"two") != audit.mac(key, audit.FIRST, b"two")


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (datetime(2026, 11, 25, 12, tzinfo=UTC), "2026-11-25T12:00:00.000000Z"),
        (
            datetime(2026, 11, 25, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-25T10:00:00.000005Z",
        ),
    ],
)
def test_an_instant_is_told_in_utc_with_its_microseconds(at: datetime, told: str) -> None:
    assert audit.instant(at) == told


def test_what_is_known_by_a_name_has_one_chain_of_its_own() -> None:
    morocco = Chain.named(ChainKind.CALENDAR, "MA")
    assert morocco == Chain.named(ChainKind.CALENDAR, "MA")
    assert morocco.id not in (
        Chain.named(ChainKind.CALENDAR, "ES").id,
        Chain.named(ChainKind.LIMIT, "MA").id,
    )


def test_details_name_each_row_with_what_it_was_and_became() -> None:
    change = Change("account", {"id": str(UUID(int=1))}, {"role": "officer"}, {"role": "head"})
    told = json.loads(audit.details_of([change], {"day": date(2026, 1, 1).isoformat()}))
    assert told == {
        "day": "2026-01-01",
        "changes": [
            {
                "table": "account",
                "key": {"id": "00000000-0000-0000-0000-000000000001"},
                "before": {"role": "officer"},
                "after": {"role": "head"},
            }
        ],
    }


def test_everything_that_can_be_told_is_a_subject_and_what_happened_to_it() -> None:
    for what in What:
        subject, _, happened = what.value.partition(".")
        assert what.name == f"{subject}_{happened}".upper()
