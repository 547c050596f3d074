"""Cursors: a page goes on where the last one ended, for the same reader and filters only."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from mla_tracker.api import paging
from mla_tracker.api.paging import PageQuery
from mla_tracker.api.problems import Problem
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MOROCCO = Actor(UUID(int=1), ("MA",), Role.OFFICER, "Rabat")
SPAIN = Actor(UUID(int=2), ("ES",), Role.OFFICER, "Madrid")
KEYS = (datetime, UUID, date, int, str)
KEY = (NOW, UUID(int=7), date(2026, 3, 2), 5, "é/x")


class Filters(PageQuery):
    stage: str | None = None


def cursor_of(filters: Filters, actor: Actor = MOROCCO) -> str:
    return paging.cursor(KEY, paging.position(filters, actor, keys=KEYS, now=NOW))


def test_a_cursor_goes_on_after_the_last_key_and_as_of_the_first_page() -> None:
    cursor = cursor_of(Filters(stage="decide"))
    position = paging.position(Filters(stage="decide", limit=7, cursor=cursor), MOROCCO, keys=KEYS, now=LATER)
    assert position.after == KEY
    assert position.as_of == NOW


def test_a_missing_key_value_stays_missing() -> None:
    first = paging.position(Filters(), MOROCCO, keys=(datetime, UUID), now=NOW)
    cursor = paging.cursor((None, UUID(int=7)), first)
    again = paging.position(Filters(cursor=cursor), MOROCCO, keys=(datetime, UUID), now=NOW)
    assert again.after == (None, UUID(int=7))


def test_a_page_shows_the_limit_and_knows_whether_there_is_more() -> None:
    filters = Filters(limit=2)
    position = paging.position(filters, MOROCCO, keys=(int,), now=NOW)
    page = paging.page([1, 2, 3], filters, position, key=lambda row: (row,), item=str)
    assert page["items"] == ["1", "2"]
    onward = paging.position(Filters(limit=2, cursor=page["next_cursor"]), MOROCCO, keys=(int,), now=NOW)
    assert onward.after == (2,)
    assert paging.page([1, 2], filters, position, key=lambda row: (row,)) == {
        "items": [1, 2],
        "next_cursor": None,
    }


def tampered(cursor: str) -> str:
    held = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    held["k"][3][1] = "6"
    return base64.urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bnVsbA", "W10", "e30", "eyJjIjoxfQ", "_" * 2000])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as caught:
        paging.position(Filters(cursor=cursor), MOROCCO, keys=KEYS, now=NOW)
    assert caught.value.kind.status == 400
    assert caught.value.errors[0][0] == "/cursor"


def test_a_cursor_is_good_only_as_it_was_given_for_what_it_was_given() -> None:
    cursor = cursor_of(Filters(stage="decide"))
    wrong = [
        (Filters(stage="execute", cursor=cursor), MOROCCO, KEYS),
        (Filters(stage="decide", cursor=cursor), SPAIN, KEYS),
        (Filters(stage="decide", cursor=cursor), MOROCCO, KEYS[:2]),
        (Filters(stage="decide", cursor=cursor), MOROCCO, (UUID, *KEYS[1:])),
        (Filters(stage="decide", cursor=tampered(cursor)), MOROCCO, KEYS),
        (Filters(stage="decide", cursor=cursor[:-4]), MOROCCO, KEYS),
    ]
    for filters, actor, keys in wrong:
        with pytest.raises(Problem):
            paging.position(filters, actor, keys=keys, now=NOW)
