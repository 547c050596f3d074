"""Limits over HTTP: found by what they are about, paged, every version with its source."""

from datetime import date
from typing import Any

import httpx
import pytest

from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.domain.limits import Limit
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.law import store_limits
from tests.builders.agreements import an_agreement_body
from tests.builders.api import NOW, ClientOf
from tests.builders.counted import with_shipped_limits

PATH = "/api/v1/limits"


@pytest.fixture(autouse=True)
async def shipped(db: Database) -> None:
    await with_shipped_limits(db)


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def ids(client: httpx.AsyncClient, **query: Any) -> set[str]:
    return {limit["id"] for limit in await listed(client, **query)}


def expected(fits: Any) -> set[str]:
    return {limit.id for limit in load_limits() if fits(limit)}


async def test_every_limit_that_runs_clocks_is_listed_by_id_and_version(morocco: httpx.AsyncClient) -> None:
    found = [(limit["id"], limit["version"]) for limit in await listed(morocco)]
    assert sorted(found) == sorted((limit.id, limit.version) for limit in load_limits())
    assert len(found) > 20


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"kind": "extradition"}, lambda limit: not limit.kinds or "extradition" in limit.kinds),
        ({"stage": "decide"}, lambda limit: limit.stage == "decide"),
        ({"basis": "policy"}, lambda limit: limit.basis == "policy"),
        ({"convention": "eio"}, lambda limit: limit.convention == "eio"),
        (
            {"convention": "eaw", "stage": "decide"},
            lambda limit: (limit.convention, limit.stage) == ("eaw", "decide"),
        ),
        ({"country": "MA"}, lambda limit: limit.country == "MA"),
        ({"verified": "true"}, lambda limit: limit.verified),
        ({"verified": "false"}, lambda limit: not limit.verified),
        ({"in_force_on": "2010-01-01"}, lambda limit: limit.in_force_on(date(2010, 1, 1))),
        ({"in_force_on": "2017-05-21"}, lambda limit: limit.in_force_on(date(2017, 5, 21))),
        ({"in_force_on": "2017-05-22"}, lambda limit: limit.in_force_on(date(2017, 5, 22))),
        ({"convention": "unheard-of"}, lambda limit: False),
    ],
)
async def test_limits_are_found_by_what_they_are_about(
    morocco: httpx.AsyncClient, query: dict[str, str], fits: Any
) -> None:
    assert await ids(morocco, **query) == expected(fits)


async def test_a_limit_says_what_it_demands_and_on_what_it_rests(morocco: httpx.AsyncClient) -> None:
    [limit] = [limit for limit in await listed(morocco, convention="eio") if limit["id"] == "eio-decide"]
    shown = {
        name: limit[name] for name in ("span", "source", "verified", "counting", "valid_from", "evidence")
    }
    assert shown == {
        "span": {"amount": 30, "unit": "days"},
        "source": "EIO Directive 2014/41/EU, Art. 12(3) and 12(5)",
        "verified": True,
        "counting": "calendar",
        "valid_from": "2017-05-22",
        "evidence": "V",
    }
    assert limit["extension"]["each"] == {"amount": 30, "unit": "days"}
    assert [trigger["act"] for trigger in limit["starts_on"]] == [
        "received_by_competent_authority",
        "received",
    ]


async def test_a_source_without_a_number_says_so(morocco: httpx.AsyncClient) -> None:
    [limit] = await listed(morocco, convention="un1988", kind="extradition")
    assert limit["span"] is None
    assert "as soon as possible" in limit["wording"]["no_number"]


async def test_pages_follow_each_other_without_gap_or_repetition(morocco: httpx.AsyncClient) -> None:
    found: list[tuple[str, int]] = []
    query: dict[str, Any] = {"limit": 7}
    while True:
        page = (await morocco.get(PATH, params=query)).json()
        found += [(limit["id"], limit["version"]) for limit in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(found) == len(set(found)) == len(load_limits())


async def second_version(db: Database) -> Limit:
    first = next(limit for limit in load_limits() if limit.id == "default-tell-result")
    fields = {name: getattr(first, name) for name in Limit.__slots__}
    second = Limit(
        **fields | {"version": 2, "published_on": date(2026, 1, 1), "valid_from": date(2026, 2, 1)}
    )
    async with db.transaction(DbRole.OWNER) as tx:
        await store_limits(tx, [second], NOW)
    return second


async def test_a_limit_is_read_with_all_its_versions_newest_first(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    await second_version(db)
    answer = await morocco.get(f"{PATH}/default-tell-result")
    assert answer.status_code == 200
    assert answer.json()["id"] == "default-tell-result"
    versions = answer.json()["versions"]
    assert [(one["version"], one["valid_from"]) for one in versions] == [(2, "2026-02-01"), (1, None)]
    assert len([one for one in await listed(morocco) if one["id"] == "default-tell-result"]) == 2
    on_the_day = [
        one for one in await listed(morocco, in_force_on="2026-01-31") if one["id"] == "default-tell-result"
    ]
    assert [one["version"] for one in on_the_day] == [1]


async def test_the_limit_of_an_agreement_is_read_by_who_sees_the_agreement(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    body = an_agreement_body(
        limits=[
            {
                "stage": "execute",
                "amount": 45,
                "unit": "days",
                "starts_on": ["received"],
                "stops_on": ["executed"],
            }
        ]
    )
    agreement = (await morocco.post("/api/v1/agreements", json=body)).json()
    [limit] = agreement["limits"]
    answer = await morocco.get(f"{PATH}/{limit['id']}")
    assert answer.status_code == 200, answer.text
    [version] = answer.json()["versions"]
    assert (version["basis"], version["agreement_id"], version["source"]) == (
        "agreement",
        agreement["id"],
        agreement["title"],
    )
    assert version["span"] == {"amount": 45, "unit": "days"}
    stranger = await client_of("PT")
    assert (await stranger.get(f"{PATH}/{limit['id']}")).status_code == 404
    assert (await morocco.get(f"{PATH}/{limit['id']}-2")).status_code == 404


@pytest.mark.parametrize(
    "limit_id",
    [
        "unheard-of",
        "%00",
        "a%00b",
        "..",
        "A",
        "x" * 200,
        "agreement-00000000-0000-7000-8000-000000000000-decide",
    ],
)
async def test_a_limit_that_does_not_exist_is_not_found(morocco: httpx.AsyncClient, limit_id: str) -> None:
    answer = await morocco.get(f"{PATH}/{limit_id}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"kind": "espionage"}, "/kind"),
        ({"stage": "x"}, "/stage"),
        ({"basis": "custom"}, "/basis"),
        ({"country": "ZZ"}, "/country"),
        ({"verified": "maybe"}, "/verified"),
        ({"in_force_on": "2026-02-30"}, "/in_force_on"),
        ({"convention": "a\x00b"}, "/convention"),
        ({"colour": "red"}, "/colour"),
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


async def test_limits_need_a_token(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get(PATH)).status_code == 401
    assert (await anonymous.get(f"{PATH}/eio-decide")).status_code == 401
