"""Policies over HTTP: a country sets its targets, sees first what they move, and is told what contradicts."""

from typing import Any

import httpx
import pytest

from mla_tracker.api.policies import EXAMPLES
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.counted import with_shipped_limits
from tests.builders.policies import (
    CIRCULAR,
    PATH,
    TODAY,
    clock,
    no_difference,
    preview,
    problem,
    put_in_force,
    rows,
    sent,
)


@pytest.fixture(autouse=True)
async def shipped(db: Database) -> None:
    await with_shipped_limits(db)


@pytest.fixture
async def head(client_of: ClientOf) -> httpx.AsyncClient:
    """The head of the Spanish authority."""
    return await client_of("ES", role=Role.HEAD)


async def test_a_country_sets_a_policy_with_the_acts_of_the_default_policy(head: httpx.AsyncClient) -> None:
    found = await put_in_force(head)
    assert (found["id"], found["requests_waiting"]) == ("policy-es-receive", 0)
    [limit] = found["versions"]
    shown = {
        name: limit[name]
        for name in ("version", "basis", "country", "source", "span", "counting", "published_on", "valid_from",
                     "valid_to", "in_addition")
    }  # fmt: skip
    assert shown == {
        "version": 1,
        "basis": "policy",
        "country": "ES",
        "source": "Circular 4/2026",
        "span": {"amount": 4, "unit": "days"},
        "counting": "calendar",
        "published_on": TODAY,
        "valid_from": TODAY,
        "valid_to": None,
        "in_addition": False,
    }
    assert [one["act"] for one in limit["starts_on"] + limit["stops_on"]] == ["sent", "received"]
    assert "acknowledged" in limit["implied_by"]
    listed = (await head.get(PATH, params={"country": "ES"})).json()["items"]
    assert listed == found["versions"]
    assert (await head.get(f"{PATH}/{found['id']}")).json() == {
        "id": found["id"],
        "versions": found["versions"],
    }


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_examples_of_the_contract_work(head: httpx.AsyncClient, name: str) -> None:
    answer = await head.post(PATH, json=EXAMPLES[name])
    assert answer.status_code == 201, answer.text


async def test_the_day_of_publication_is_that_of_the_country(client_of: ClientOf, present: Present) -> None:
    present.now = NOW.replace(hour=23, minute=30)
    for country, day in (("ES", "2026-03-11"), ("US", "2026-03-10")):
        found = await put_in_force(await client_of(country, role=Role.MINISTRY))
        assert found["versions"][0]["published_on"] == day


async def test_a_policy_counts_from_the_day_on_which_it_is_valid(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    earlier, today = await sent(morocco, "2026-03-09"), await sent(morocco)
    assert (await put_in_force(head))["requests_waiting"] == 2
    await recount_stale(db, NOW)
    assert await clock(morocco, earlier) == {"limit": "default-receive", "due_on": "2026-03-23"}
    assert await clock(morocco, today) == {"limit": "policy-es-receive", "due_on": "2026-03-14"}
    later = await sent(morocco)
    assert await clock(morocco, later) == {"limit": "policy-es-receive", "due_on": "2026-03-14"}
    await no_difference(db)


async def test_a_policy_binds_only_the_country_that_set_it(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    await put_in_force(head)
    to_morocco = await sent(head, requesting_country="ES", requested_country="MA")
    assert (await clock(head, to_morocco))["limit"] == "default-receive"
    await put_in_force(head, stage="supply_information", obligor="requesting", amount=5)
    asked = [{"type": "sent", "occurred_on": TODAY}, {"type": "received", "occurred_on": TODAY},
             {"type": "information_requested", "occurred_on": TODAY}]  # fmt: skip
    by_spain = await sent(head, requesting_country="ES", requested_country="PT", events=asked)
    assert await clock(head, by_spain, "supply_information") == {
        "limit": "policy-es-supply-information",
        "due_on": "2026-03-15",
    }
    by_morocco = await sent(morocco, requested_country="PT", events=asked)
    assert (await clock(morocco, by_morocco, "supply_information"))["limit"] == "default-supply-information"


async def test_the_next_version_ends_the_one_before_and_leaves_its_clocks_alone(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient, present: Present
) -> None:
    first = await put_in_force(head)
    old = await sent(morocco)
    second = await put_in_force(
        head, amount=2, valid_from="2026-03-12", source="Circular 5", supersedes=first["id"]
    )
    assert [(v["version"], v["valid_from"], v["valid_to"]) for v in second["versions"]] == [
        (2, "2026-03-12", None),
        (1, TODAY, "2026-03-12"),
    ]
    assert (await head.get(PATH, params={"country": "ES", "in_force_on": "2026-03-11"})).json()["items"] == [
        second["versions"][1]
    ]
    assert [
        v["version"]
        for v in (await head.get(PATH, params={"country": "ES", "in_force_on": "2026-03-12"})).json()["items"]
    ] == [2]
    present.now = NOW.replace(day=13)
    new = await sent(morocco, "2026-03-12")
    await recount_stale(db, present.now)
    assert (await clock(morocco, old))["due_on"] == "2026-03-14"
    assert (await clock(morocco, new))["due_on"] == "2026-03-14"
    recomputed = {
        "type": "recomputed",
        "occurred_on": "2026-03-13",
        "data": {"reason": "Circular 5", "stage": "receive"},
    }
    answer = await morocco.post(f"/api/v1/requests/{old}/events", json=recomputed)
    assert answer.status_code == 201, answer.text
    assert (await clock(morocco, old))["due_on"] == "2026-03-12"
    await no_difference(db)


async def test_when_a_policy_ends_the_default_counts_again(
    head: httpx.AsyncClient, morocco: httpx.AsyncClient, present: Present
) -> None:
    await put_in_force(head, valid_to="2026-03-11")
    present.now = NOW.replace(day=11)
    assert (await clock(morocco, await sent(morocco, "2026-03-10")))["limit"] == "policy-es-receive"
    assert (await clock(morocco, await sent(morocco, "2026-03-11")))["limit"] == "default-receive"


async def test_a_preview_tells_which_dates_would_move_and_stores_nothing(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    earlier, today = await sent(morocco, "2026-03-09"), await sent(morocco)
    before = await rows(db)
    found = await preview(head)
    assert (found["id"], found["versions"][0]["valid_from"]) == ("policy-es-receive", TODAY)
    assert found["effect"] == {
        "open_clocks": 2,
        "moved": 1,
        "moves": [
            {"request_id": today, "clock": "policy-es-receive", "stage": "receive", "from": "2026-03-24",
             "to": "2026-03-14", "from_at": "2026-03-24T23:00:00Z", "to_at": "2026-03-14T23:00:00Z"},
        ],
        "requests_counted": 2,
        "requests_left_out": 0,
        "impossible": [],
    }  # fmt: skip
    every = (await preview(head, recomputed=True))["effect"]
    assert [(move["request_id"], move["to"]) for move in every["moves"]] == [
        (earlier, "2026-03-13"),
        (today, "2026-03-14"),
    ]
    assert (await preview(head, recomputed=True, valid_from="2026-04-01"))["effect"]["moved"] == 2
    assert (await preview(head, valid_from="2026-04-01"))["effect"]["moved"] == 0
    assert await rows(db) == before
    assert (await head.get(f"{PATH}/policy-es-receive")).status_code == 404


async def test_what_a_preview_tells_is_what_happens(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    for day in ("2026-03-09", TODAY, TODAY):
        await sent(morocco, day)
    effect = (await preview(head))["effect"]
    await put_in_force(head)
    assert (await recount_stale(db, NOW)).changed == effect["moved"] == 2
    for move in effect["moves"]:
        assert (await clock(morocco, move["request_id"]))["due_on"] == move["to"]
    assert (await preview(head, supersedes="policy-es-receive", valid_from="2026-03-11"))["effect"][
        "moved"
    ] == 0


async def test_a_preview_tells_nothing_of_what_the_account_may_not_see(
    head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    await sent(morocco, events=[{"type": "drafted", "occurred_on": TODAY}])
    effect = (await preview(head, recomputed=True))["effect"]
    assert (effect["open_clocks"], effect["requests_counted"], effect["moves"]) == (0, 0, [])


async def test_a_policy_beside_the_law_says_so(
    head: httpx.AsyncClient, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    events = [{"type": "sent", "occurred_on": TODAY}, {"type": "received", "occurred_on": TODAY}]
    france = await client_of("FR")
    fields = {"kind": "evidence", "stage": "decide", "amount": 10}
    await put_in_force(head, **fields)
    law: dict[str, Any] = {"requesting_country": "FR", "convention": "eio", "events": events}
    under_law = await sent(france, TODAY, **law)
    assert (await clock(france, under_law, "decide"))["limit"] == "eio-decide"
    await put_in_force(
        head, **fields, in_addition=True, supersedes="policy-es-decide", valid_from="2026-03-11"
    )
    assert (await clock(france, under_law, "decide"))["limit"] == "eio-decide"


async def test_the_calendar_shows_what_it_would_move_before_it_is_set(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    request_id = await sent(morocco, "2026-03-02")
    await sent(morocco, events=[{"type": "drafted", "occurred_on": "2026-03-02"}])
    before = await rows(db)
    decree = {"source": "Decree 1", "holidays": [{"date": "2026-03-13", "name": "Day of mourning"}]}
    path, condition = "/api/v1/calendars/ES", {"If-Match": '"1"'}
    answer = await head.put(path, json=decree, headers=condition, params={"preview": "true"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (answer.headers["ETag"], found["version"], found["requests_waiting"]) == ('"1"', 2, 0)
    assert {"date": "2026-03-13", "name": "Day of mourning", "estimated": False} in found["holidays"]
    [move] = found["effect"]["moves"]
    assert move == {
        "request_id": request_id,
        "clock": "default-receive",
        "stage": "receive",
        "from": "2026-03-16",
        "to": "2026-03-17",
        "from_at": "2026-03-16T23:00:00Z",
        "to_at": "2026-03-17T23:00:00Z",
    }
    assert (found["effect"]["moved"], found["effect"]["requests_counted"]) == (1, 1)
    assert await rows(db) == before
    far = {"source": "Decree 2", "holidays": [{"date": "2026-12-01", "name": "x"}]}
    answer = await head.put(path, json=far, headers=condition, params={"preview": "true"})
    assert answer.json()["effect"]["moves"] == []
    assert (await head.put(path, json=decree, headers=condition)).json()["effect"] is None
    await recount_stale(db, NOW)
    assert (await clock(morocco, request_id))["due_on"] == move["to"]
    await no_difference(db)


@pytest.mark.parametrize("role", [Role.HEAD, Role.MINISTRY, Role.ADMIN])
async def test_who_is_in_charge_sets_policies(client_of: ClientOf, role: Role) -> None:
    await put_in_force(await client_of("ES", role=role))


async def test_nobody_else_does_nor_for_another_country(
    client_of: ClientOf, spain: httpx.AsyncClient, head: httpx.AsyncClient
) -> None:
    problem(await spain.post(PATH, json=CIRCULAR), 403)
    problem(await head.post(PATH, json={**CIRCULAR, "country": "MA"}), 403)
    for role in (Role.AUDITOR, Role.INTEGRATION):
        problem(await (await client_of("ES", role=role)).post(PATH, json=CIRCULAR), 403)
    both = await client_of("ES", "MA", role=Role.HEAD)
    problem(await both.post(PATH, json=CIRCULAR), 400, "/country")
    assert (await put_in_force(both, country="MA"))["id"] == "policy-ma-receive"


async def test_a_repeated_call_sets_no_second_policy(head: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "a-key"}
    first = await head.post(PATH, json=CIRCULAR, headers=headers)
    second = await head.post(PATH, json=CIRCULAR, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.json(), second.headers["Idempotency-Replayed"]) == (first.json(), "true")
    problem(await head.post(PATH, json={**CIRCULAR, "amount": 5}, headers=headers), 422, "/Idempotency-Key")


async def test_policies_that_overlap_are_refused_naming_both(head: httpx.AsyncClient) -> None:
    await put_in_force(head, valid_to="2026-06-01")
    answer = await head.post(PATH, json={**CIRCULAR, "kind": "evidence", "valid_from": "2026-05-31"})
    told = problem(answer, 409, "/supersedes")
    assert "valid from 2026-05-31" in told["detail"]
    assert "version 1 of policy-es-receive, valid from 2026-03-10" in told["detail"]
    await put_in_force(head, valid_from="2026-06-01")
    await put_in_force(head, tier="may")
    answer = await head.post(PATH, json={**CIRCULAR, "supersedes": "policy-es-receive"})
    told = problem(answer, 400, "/valid_from")
    assert "versions 1 and 2 would overlap" in told["errors"][0]["message"]


async def test_policies_for_different_cases_stand_beside_each_other(head: httpx.AsyncClient) -> None:
    fields = {"stage": "decide", "kind": "evidence"}
    await put_in_force(head, **fields, conditions={"urgency": ["routine"]})
    await put_in_force(head, **fields, conditions={"urgency": ["urgent", "emergency"]}, amount=1)
    found = await put_in_force(head, stage="decide", kind="extradition")
    assert found["id"] == "policy-es-decide-3"


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"source": None}, ["/source"]),
        ({"amount": 0, "unit": "moons"}, ["/amount", "/unit"]),
        ({"valid_from": "2026-03-09"}, ["/valid_from"]),
        ({"valid_to": TODAY}, ["/valid_to"]),
        ({"unit": "hours", "counting": "working-days"}, ["/unit"]),
        ({"unit": "hours", "extension": {"each": {"amount": 1, "unit": "days"}}}, ["/extension/each"]),
        ({"stage": "transit"}, ["/starts_on", "/stops_on"]),
        ({"stage": "decide"}, ["/starts_on", "/stops_on"]),
        ({"stage": "decide", "starts_on": ["received"]}, ["/stops_on"]),
        ({"kind": "evidence", "stops_on": ["surrendered"]}, ["/stops_on"]),
        ({"starts_on": ["executed"], "stops_on": ["surrendered"]}, ["/stops_on"]),
        ({"starts_on": ["received"]}, ["/stops_on"]),
        ({"escalation_days": [-1]}, ["/escalation_days/0"]),
        ({"extension": {"each": {"amount": 3, "unit": "weeks"}, "total": {"amount": 20, "unit": "days"}}},
         ["/extension/total"]),
        ({"extension": {"times": 2, "total": {"amount": 20, "unit": "days"}}}, ["/extension/each"]),
        ({"warning_lead": {"amount": 5, "unit": "days"}}, ["/warning_lead"]),
        ({"starts_on": [{"act": "sent", "date_field": "date"}]}, ["/starts_on"]),
        ({"amount": 101, "unit": "years"}, ["/amount"]),
        ({"supersedes": "default-receive"}, ["/supersedes"]),
        ({"supersedes": "A"}, ["/supersedes"]),
        ({"colour": "red"}, ["/colour"]),
    ],
)  # fmt: skip
async def test_a_policy_that_cannot_be_meant_is_refused_naming_the_fields(
    db: Database, head: httpx.AsyncClient, fields: dict[str, Any], pointers: list[str]
) -> None:
    before = await rows(db)
    for query in ({}, {"preview": "true"}):
        problem(await head.post(PATH, json=CIRCULAR | fields, params=query), 400, *pointers)
    assert await rows(db) == before


async def test_the_next_version_is_about_the_same_duty(head: httpx.AsyncClient) -> None:
    await put_in_force(head)
    changed = {"supersedes": "policy-es-receive", "valid_from": "2026-03-11", "stage": "acknowledge"}
    problem(await head.post(PATH, json=CIRCULAR | changed), 400, "/stage")
    changed |= {"stage": "receive", "obligor": "requesting"}
    problem(await head.post(PATH, json=CIRCULAR | changed), 400, "/obligor")
