"""Conventions over HTTP: who is bound since when, as of which day, by the list in force."""

from datetime import date
from typing import Any

import httpx
import pytest

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.commands.party_lists import load_parties
from mla_tracker.domain.limits import Membership
from mla_tracker.domain.party_lists import PartyList
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf

PATH = "/api/v1/conventions"
NEWER = PartyList(
    "untoc",
    date(2026, 2, 1),
    "Treaty Collection, status of 1 February 2026",
    complete=True,
    parties=(
        Membership("ES", date(2003, 9, 29), date(2010, 1, 1)),
        Membership("ES", date(2012, 1, 1)),
        Membership("JP", date(2017, 8, 10)),
    ),
)


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_every_instrument_is_listed_by_id(morocco: httpx.AsyncClient) -> None:
    assert [one["id"] for one in await listed(morocco)] == sorted(load_conventions())
    extradition = {one["id"] for one in await listed(morocco, kind="extradition")}
    assert {"eaw", "ets24", "untoc"} <= extradition
    assert "eio" not in extradition


async def test_the_list_that_ships_says_of_which_day_it_is(morocco: httpx.AsyncClient) -> None:
    untoc = (await morocco.get(f"{PATH}/untoc")).json()
    assert (untoc["parties_known"], untoc["as_of"]) == (False, "2015-03-14")
    assert (untoc["version"], untoc["recorded_at"]) == (0, None)
    assert "status of 14 March 2015" in untoc["source"]
    [morocco_itself] = [party for party in untoc["parties"] if party["country"] == "MA"]
    assert morocco_itself == {"country": "MA", "since": "2003-09-29", "until": None, "verified": False}
    assert [party["country"] for party in untoc["parties"]] == sorted(
        party["country"] for party in untoc["parties"]
    )


async def test_an_instrument_says_how_it_stands_to_others(morocco: httpx.AsyncClient) -> None:
    eaw = (await morocco.get(f"{PATH}/eaw")).json()
    assert "ets24" in eaw["replaces"]
    assert (await morocco.get(f"{PATH}/cets209")).json()["supplements"] == ["ets24"]
    assert (await morocco.get(f"{PATH}/eu-uk-tca")).json()["only_with"] == ["GB"]


async def test_a_list_that_was_loaded_is_read_at_once_the_others_as_they_were(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    before = await listed(morocco)
    await load_parties(db, NEWER, now=NOW)
    untoc = (await morocco.get(f"{PATH}/untoc")).json()
    shown = {name: untoc[name] for name in ("parties_known", "as_of", "source", "version", "recorded_at")}
    assert shown == {
        "parties_known": True,
        "as_of": "2026-02-01",
        "source": NEWER.source,
        "version": 1,
        "recorded_at": "2026-03-10T12:00:00Z",
    }
    assert [(party["country"], party["since"], party["until"]) for party in untoc["parties"]] == [
        ("ES", "2003-09-29", "2010-01-01"),
        ("ES", "2012-01-01", None),
        ("JP", "2017-08-10", None),
    ]
    assert [one for one in await listed(morocco) if one["id"] != "untoc"] == [
        one for one in before if one["id"] != "untoc"
    ]


async def test_pages_follow_each_other_without_gap_or_repetition(morocco: httpx.AsyncClient) -> None:
    found: list[str] = []
    query: dict[str, Any] = {"limit": 9}
    while True:
        page = (await morocco.get(PATH, params=query)).json()
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == sorted(load_conventions())


@pytest.mark.parametrize("convention", ["unheard-of", "%00", "a%00b", "..", "EIO", "x" * 200])
async def test_an_instrument_that_does_not_exist_is_not_found(
    morocco: httpx.AsyncClient, convention: str
) -> None:
    answer = await morocco.get(f"{PATH}/{convention}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"kind": "espionage"}, "/kind"),
        ({"country": "MA"}, "/country"),
        ({"limit": "0"}, "/limit"),
        ({"cursor": "abc"}, "/cursor"),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_named(
    morocco: httpx.AsyncClient, query: dict[str, str], pointer: str
) -> None:
    answer = await morocco.get(PATH, params=query)
    assert answer.status_code == 400, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_read_conventions(client_of: ClientOf, role: Role) -> None:
    client = await client_of("PT", role=role)
    assert (await client.get(PATH)).status_code == 200
    assert (await client.get(f"{PATH}/eio")).status_code == 200


async def test_conventions_need_a_token(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get(PATH)).status_code == 401
    assert (await anonymous.get(f"{PATH}/eio")).status_code == 401
