"""Lists of requests and of acts page by page, while others go on recording."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.builders.api import NOW, ClientOf, Present
from tests.builders.requests import PATH, act, happened, logged, pointers, problem


async def page(client: httpx.AsyncClient, path: str = PATH, **query: Any) -> tuple[list[str], str | None]:
    answer = await client.get(
        path, params={name: value for name, value in query.items() if value is not None}
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return [item["id"] for item in found["items"]], found["next_cursor"]


async def test_all_pages_together_hold_every_request_once_though_others_are_logged_meanwhile(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, present: Present
) -> None:
    standing = []
    for number in range(11):
        # Some in one instant, so that only the id tells them apart.
        present.now = NOW + timedelta(seconds=number // 3)
        writer = morocco if number % 2 else spain
        request = await logged(
            writer, *([act("sent", "2026-03-02")] if number % 2 else [act("received", "2026-03-02")])
        )
        standing.append(request["id"])
    present.now = NOW + timedelta(minutes=1)
    walked, cursor = await page(morocco, limit=3)
    while cursor is not None:
        await logged(morocco, act("sent", "2026-03-02"))
        await happened(morocco, standing[5], "reminded", "2026-03-03")
        present.now += timedelta(seconds=1)
        ids, cursor = await page(morocco, limit=3, cursor=cursor)
        walked += ids
    assert len(walked) == len(set(walked)) == 11
    assert set(walked) == set(standing)


async def test_all_pages_of_a_history_hold_every_act_once_though_acts_are_recorded_and_voided_meanwhile(
    client_of: ClientOf, present: Present
) -> None:
    both = await client_of("MA", "ES")
    acts = [act("sent", "2026-02-02"), *(act("reminded", f"2026-02-{day:02}") for day in range(3, 12))]
    request = await logged(both, *acts)
    path = f"{PATH}/{request['id']}/events"
    standing, _ = await page(both, path)
    walked, cursor = await page(both, path, limit=2)
    while cursor is not None:
        present.now += timedelta(seconds=1)
        # Before all that was read, and so in every later page's way.
        await happened(both, request["id"], "drafted", "2026-02-01")
        await both.post(f"{path}/{standing[3]}/void", json={"reason": "r"})
        ids, cursor = await page(both, path, limit=2, cursor=cursor)
        walked += ids
    assert walked == standing


@pytest.mark.parametrize("how", ["cut", "garbage", "other filter", "other reader", "bent", "bent in time"])
async def test_a_cursor_that_was_tampered_with_is_refused(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, how: str
) -> None:
    for _ in range(3):
        await logged(morocco, act("sent", "2026-03-02"))
    _, cursor = await page(morocco, limit=1)
    assert cursor is not None
    reader, query = morocco, {"limit": "1", "cursor": cursor}
    if how == "cut":
        query["cursor"] = cursor[:-3]
    elif how == "garbage":
        query["cursor"] = "AAAA"
    elif how == "other filter":
        query["kind"] = "extradition"
    elif how == "other reader":
        reader = spain
    else:
        query["cursor"] = bent(cursor, how)
    answer = await reader.get(PATH, params=query)
    if how == "bent" and answer.status_code == 200:
        # With its check made anew it is a cursor like any other, and shows only what the reader may see.
        assert len(answer.json()["items"]) <= 1
        return
    assert pointers(problem(answer, 400, "invalid-query")) == {"/cursor"}


def bent(cursor: str, how: str) -> str:
    """A cursor whose check was made anew by somebody who read our code."""
    held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    del held["c"]
    if how == "bent in time":
        held["a"] = "9999-12-31T23:59:59-14:00"
    else:
        held["k"][0][1] = "9999-12-31T23:59:59+00:00"
    held["c"] = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:16]
    return base64.urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "201"}, "/limit"),
        ({"limit": "1e2"}, "/limit"),
        ({"kind": "marriage"}, "/kind"),
        ({"status": "overdue"}, "/status"),
        ({"country": "es"}, "/country"),
        ({"agreement_id": "1"}, "/agreement_id"),
        ({"reference": "a\x00"}, "/reference"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    morocco: httpx.AsyncClient, query: dict[str, str], at: str
) -> None:
    assert pointers(problem(await morocco.get(PATH, params=query), 400, "invalid-query")) == {at}


async def test_a_list_is_narrowed_by_each_of_its_filters(client_of: ClientOf) -> None:
    both = await client_of("MA", "ES", "PT")
    plain = await logged(both, act("sent", "2026-03-02"), references={"requested": "AN 4"})
    other = await logged(
        both,
        act("sent", "2026-03-02"),
        act("received", "2026-03-03"),
        act("refused", "2026-03-04", ground="age"),
        kind="extradition",
        requesting_country="ES",
        requested_country="PT",
        convention="eaw",
        assistance=[],
        urgency="urgent",
        urgency_reason="Custody.",
        external_reference="X",
        assigned_to="desk 4",
    )
    for query, expected in (
        ({"kind": "extradition"}, [other]),
        ({"status": "sent"}, [plain]),
        ({"outcome": "refused"}, [other]),
        ({"country": "MA"}, [plain]),
        ({"country": "FR"}, []),
        ({"requesting_country": "ES"}, [other]),
        ({"requested_country": "ES"}, [plain]),
        ({"urgency": "urgent"}, [other]),
        ({"convention": "eaw"}, [other]),
        ({"assigned_to": "desk 4"}, [other]),
        ({"external_reference": "X"}, [other]),
        ({"reference": "AN 4"}, [plain]),
        ({"kind": "evidence", "status": "ended"}, []),
    ):
        ids, _ = await page(both, **query)
        assert ids == [request["id"] for request in expected], query
