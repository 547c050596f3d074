"""Bad input about requests: a problem that names the field and says what to do, and nothing changed in the database."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.requests import (
    PATH,
    a_request_body,
    act,
    contents,
    happened,
    id_of,
    logged,
    pointers,
    problem,
)

NUL, HUGE = "a\x00b", 10**30

# What is changed in a sound body, and the fields that the answer must name.
BODIES: list[tuple[dict[str, Any], set[str]]] = [
    ({"kind": "marriage"}, {"/kind"}),
    ({"kind": None}, {"/kind"}),
    ({"kind": ["evidence"]}, {"/kind"}),
    ({"urgency": "yesterday"}, {"/urgency"}),
    ({"urgency": "urgent"}, {"/urgency_reason"}),
    ({"urgency": "emergency", "urgency_reason": ""}, {"/urgency_reason"}),
    ({"urgency": "urgent", "urgency_reason": "  "}, {"/urgency_reason"}),
    ({"requesting_country": "ma"}, {"/requesting_country"}),
    ({"requesting_country": "XX"}, {"/requesting_country"}),
    ({"requesting_country": "MAR", "requested_country": 7}, {"/requesting_country", "/requested_country"}),
    ({"requested_country": "MA"}, {"/requested_country"}),
    ({"requested_country": "Spain"}, {"/requested_country"}),
    ({"assistance": ["records", "gossip"]}, {"/assistance/1"}),
    ({"assistance": "records"}, {"/assistance"}),
    ({"assistance": ["records"] * 51}, {"/assistance"}),
    ({"offences": [NUL]}, {"/offences/0"}),
    ({"offences": ["x" * 501]}, {"/offences/0"}),
    ({"subject": "x" * 501}, {"/subject"}),
    ({"subject": "   "}, {"/subject"}),
    ({"subject": "two\nlines"}, {"/subject"}),
    ({"subject": NUL, "urgency_reason": NUL}, {"/subject", "/urgency_reason"}),
    ({"urgency_reason": "x" * 10_001}, {"/urgency_reason"}),
    ({"external_reference": "x" * 201}, {"/external_reference"}),
    ({"external_reference": HUGE}, {"/external_reference"}),
    ({"external_reference": 1.5}, {"/external_reference"}),
    ({"references": {"requesting": NUL}}, {"/references/requesting"}),
    ({"references": {"ours": "1"}}, {"/references/ours"}),
    ({"references": "DACG 17"}, {"/references"}),
    ({"agreement_id": "the treaty"}, {"/agreement_id"}),
    ({"agreement_id": str(uuid4())}, {"/agreement_id"}),
    ({"convention": "atlantis"}, {"/convention"}),
    ({"convention": "eaw"}, {"/convention"}),
    ({"convention": "../etc"}, {"/convention"}),
    ({"language": "Spanish"}, {"/language"}),
    ({"channel": True}, {"/channel"}),
    ({"wished_by": "2026-02-30"}, {"/wished_by"}),
    ({"wished_by": "tomorrow"}, {"/wished_by"}),
    ({"wished_by": "2026-03-01T00:00:00Z"}, {"/wished_by"}),
    ({"wished_by": 20260301}, {"/wished_by"}),
    ({"assigned_to": {"name": "x"}}, {"/assigned_to"}),
    ({"colour": "red"}, {"/colour"}),
    ({"status": "closed"}, {"/status"}),
    ({"id": str(uuid4())}, {"/id"}),
    ({"events": {}}, {"/events"}),
    ({"events": [act("sent", "2026-03-02")] * 201}, {"/events"}),
    (
        {"kind": "x", "requesting_country": "x", "wished_by": "x", "urgency": "x", "y": 1},
        {"/kind", "/requesting_country", "/wished_by", "/urgency", "/y"},
    ),
]

# An act that is wrong by itself, and the fields that the answer must name (below /events/0 in a body that logs).
ACTS: list[tuple[dict[str, Any], set[str]]] = [
    ({"type": "eaten", "occurred_on": "2026-03-02"}, {"/type"}),
    ({"occurred_on": "2026-03-02"}, {"/type"}),
    ({"type": "sent"}, {""}),
    ({"type": "sent", "occurred_on": "2026-03-02", "occurred_at": "2026-03-02T10:00:00Z"}, {""}),
    ({"type": "sent", "occurred_on": "02.03.2026"}, {"/occurred_on"}),
    ({"type": "sent", "occurred_on": "2025-02-29"}, {"/occurred_on"}),
    ({"type": "sent", "occurred_on": "0001-01-01"}, {"/occurred_on"}),
    ({"type": "sent", "occurred_on": "1899-12-31"}, {"/occurred_on"}),
    ({"type": "sent", "occurred_on": "2399-12-31"}, {"/occurred_on"}),
    ({"type": "sent", "occurred_on": HUGE}, {"/occurred_on"}),
    ({"type": "sent", "occurred_at": "2026-03-02T10:00:00"}, {"/occurred_at"}),
    ({"type": "sent", "occurred_at": "2026-03-02T25:00:00Z"}, {"/occurred_at"}),
    ({"type": "sent", "occurred_at": "1600-01-01T00:00:00+14:00"}, {"/occurred_at"}),
    ({"type": "sent", "occurred_at": "2026-03-10T12:00:01Z"}, {"/occurred_at"}),
    ({"type": "sent", "occurred_at": 1772445600}, {"/occurred_at"}),
    ({"type": "sent", "occurred_on": "2026-03-02", "data": []}, {"/data"}),
    ({"type": "sent", "occurred_on": "2026-03-02", "data": {"weight": 3}}, {"/data/weight"}),
    ({"type": "sent", "occurred_on": "2026-03-02", "data": {"channel": NUL}}, {"/data/channel"}),
    ({"type": "sent", "occurred_on": "2026-03-02", "note": NUL}, {"/note"}),
    ({"type": "sent", "occurred_on": "2026-03-02", "note": "x" * 10_001}, {"/note"}),
    ({"type": "sent", "occurred_on": "2026-03-02", "data": {"ground": "age"}}, {"/data/ground"}),
    ({"type": "charged", "occurred_on": "2026-03-02"}, {"/type"}),
    ({"type": "surrendered", "occurred_on": "2026-03-02"}, {"/type"}),
    ({"type": "extended", "occurred_on": "2026-03-02", "data": {"days": 10}}, {"/data/reason"}),
    ({"type": "extended", "occurred_on": "2026-03-02", "data": {"reason": "r", "days": 0}}, {"/data/days"}),
    ({"type": "extended", "occurred_on": "2026-03-02", "data": {"reason": "r", "days": HUGE}}, {"/data/days"}),
    (
        {"type": "extended", "occurred_on": "2026-03-02", "data": {"reason": "r", "days": 3, "until": "2026-04-01"}},
        {"/data/days"},
    ),
    ({"type": "extended", "occurred_on": "2026-03-02", "data": {"reason": "r", "stage": "eat"}}, {"/data/stage"}),
    ({"type": "refused", "occurred_on": "2026-03-02"}, {"/data/ground"}),
    ({"type": "refused", "occurred_on": "2026-03-02", "data": {"ground": "mood"}}, {"/data/ground"}),
    ({"type": "executed", "occurred_on": "2026-03-02", "data": {"items": [2]}}, {"/data/items"}),
    ({"type": "executed", "occurred_on": "2026-03-02", "data": {"items": [0]}}, {"/data/items/0"}),
    ({"type": "executed", "occurred_on": "2026-03-02", "data": {"items": []}}, {"/data/items"}),
    ({"type": "executed", "occurred_on": "2026-03-02", "data": {"items": ["interception"]}}, {"/data/items"}),
    ({"type": "executed", "occurred_on": "2026-03-02", "data": {"outcome": "granted"}}, {"/data/outcome"}),
    ({"type": "hearing_fixed", "occurred_on": "2026-03-02"}, {"/data/date"}),
    ({"type": "reclassified", "occurred_on": "2026-03-02"}, {"/data/reclassified_as"}),
    ({"type": "reopened", "occurred_on": "2026-03-02"}, {"/data/reason"}),
    ({"type": "forwarded", "occurred_on": "2026-03-02", "data": {"zone": "Moon/Sea"}}, {"/data/zone"}),
    ({"type": "linked", "occurred_on": "2026-03-02"}, {"/data/request_id", "/data/relation"}),
    (
        {"type": "linked", "occurred_on": "2026-03-02", "data": {"request_id": str(uuid4()), "relation": "related"}},
        {"/data/request_id"},
    ),
    (
        {"type": "information_supplied", "occurred_on": "2026-03-02", "data": {"in_reply_to": str(uuid4())}},
        {"/data/in_reply_to"},
    ),
]  # fmt: skip


async def test_every_fault_of_a_request_is_named_and_nothing_is_recorded(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    before = await contents(db)
    for changes, at in BODIES:
        found = problem(await morocco.post(PATH, json=a_request_body(**changes)), 400, "invalid-entry")
        assert pointers(found) == at, (changes, found)
        assert all(error["message"] for error in found["errors"])
    assert await contents(db) == before


async def test_every_fault_of_an_act_is_named_wherever_it_is_handed_in(
    client_of: ClientOf, db: Database
) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-02-02"), act("received", "2026-02-03"))
    events = f"{PATH}/{request['id']}/events"
    received = await id_of(both, request["id"], "received")
    before = await contents(db)
    for body, at in ACTS:
        slug = (
            "dated-in-future"
            if body.get("occurred_on") == "2399-12-31" or "T12:00:01Z" in str(body)
            else None
        )
        for prefix, answer in (
            ("/events/1", await both.post(PATH, json=a_request_body(act("sent", "2026-02-02"), body))),
            ("", await both.post(events, json=body)),
            (
                "/replacement",
                await both.post(f"{events}/{received}/void", json={"reason": "r", "replacement": body}),
            ),
        ):
            found = problem(answer, 400, slug or "invalid-entry")
            assert pointers(found) == {f"{prefix}{pointer}" for pointer in at}, (body, found)
            assert all(error["message"] for error in found["errors"])
    assert await contents(db) == before


async def test_every_fault_of_every_act_handed_in_is_named_at_once(morocco: httpx.AsyncClient) -> None:
    body = a_request_body(
        act("sent", "2026-03-12"),
        act("refused", "2026-03-02"),
        act("charged", "2026-03-02"),
        act("closed", "2027-01-01"),
    )
    found = problem(await morocco.post(PATH, json=body), 400, "invalid-entry")
    assert pointers(found) == {
        "/events/0/occurred_on", "/events/1/data/ground", "/events/2/type", "/events/3/occurred_on",
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"MA"', b"\xff\xfe", b"{}", b'{"kind": NaN}', b"[" * 100_000,
        b'{"kind": "evidence", "kind": "evidence"}', b'{"subject": "\\ud800"}', b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)  # fmt: skip
async def test_what_is_no_request_at_all_is_refused(
    morocco: httpx.AsyncClient, db: Database, raw: bytes
) -> None:
    before = await contents(db)
    answer = await morocco.post(PATH, content=raw, headers={"Content-Type": "application/json"})
    assert problem(answer, 400, "invalid-entry")["errors"]
    assert await contents(db) == before


async def test_acts_that_contradict_each_other_are_refused_naming_both_with_their_dates(
    client_of: ClientOf, db: Database
) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-02-09"), act("accepted", "2026-02-23"))
    before = await contents(db)
    found = problem(
        await both.post(f"{PATH}/{request['id']}/events", json=act("received", "2026-02-05")),
        409,
        "act-not-possible",
    )
    assert "2026-02-05" in found["detail"]
    assert "2026-02-09" in found["detail"]
    assert pointers(found) == {"/occurred_on"}
    sent = await id_of(both, request["id"], "sent")
    assert found["facts"] == {
        "act": "received", "dated": "2026-02-05", "other_act": "sent", "other_dated": "2026-02-09", "event_ids": [sent],
    }  # fmt: skip
    found = problem(
        await both.post(PATH, json=a_request_body(act("received", "2026-02-05"), act("sent", "2026-02-09"))),
        409,
        "act-not-possible",
    )
    assert pointers(found) == {"/events/0/occurred_on", "/events/1/occurred_on"}
    found = problem(
        await both.post(f"{PATH}/{request['id']}/events", json=act("closed", "2026-03-02")),
        409,
        "act-not-possible",
    )
    assert pointers(found) == {"/data/outcome"}
    assert await contents(db) == before


async def test_an_extension_beyond_what_its_source_allows_points_at_the_entry(client_of: ClientOf) -> None:
    """The EIO lets the decision be extended once, by 30 days at most (Directive 2014/41/EU Art. 12(5))."""
    both = await client_of("ES", "PT")
    acts = [act("sent", "2026-01-12"), act("received", "2026-01-12")]
    body = a_request_body(*acts, requesting_country="ES", requested_country="PT", convention="eio")
    answer = await both.post(
        PATH,
        json=body
        | {"events": [*acts, act("extended", "2026-02-02", stage="decide", days=200, reason="Slow.")]},
    )
    found = problem(answer, 409, "act-not-possible")
    assert pointers(found) == {"/events/2/data/days"}, found
    request = await logged(both, **{k: v for k, v in body.items() if k != "events"}, events=acts)
    answer = await both.post(
        f"{PATH}/{request['id']}/events",
        json=act("extended", "2026-02-02", stage="decide", until="2026-12-01", reason="Slow."),
    )
    assert pointers(problem(answer, 409, "act-not-possible")) == {"/data/until"}


async def test_an_act_is_in_the_future_by_the_day_where_it_takes_place(
    client_of: ClientOf, present: Present
) -> None:
    """At noon in London on 10 March it is 1 o'clock of the 11th in Auckland and still the 10th in Casablanca."""
    both = await client_of("MA", "NZ")
    body = a_request_body(requested_country="NZ", convention=None)
    request = await logged(both, **body | {"events": [act("sent", "2026-03-10")]})
    events = f"{PATH}/{request['id']}/events"
    found = problem(await both.post(events, json=act("reminded", "2026-03-11")), 400, "dated-in-future")
    assert "Africa/Casablanca" in found["detail"]
    await happened(both, request["id"], "received", "2026-03-11")
    problem(await both.post(events, json=act("acknowledged", "2026-03-12")), 400, "dated-in-future")
    problem(
        await both.post(events, json=act("acknowledged", "2026-03-11T01:00:01+13:00")), 400, "dated-in-future"
    )
    await happened(both, request["id"], "acknowledged", "2026-03-11T01:00:00+13:00")


async def test_book_keeping_bears_the_day_of_whoever_did_it(client_of: ClientOf) -> None:
    morocco, new_zealand = await client_of("MA"), await client_of("NZ")
    request = await logged(
        morocco,
        act("sent", "2026-03-02"),
        act("received", "2026-03-03"),
        requested_country="NZ",
        convention=None,
    )
    events = f"{PATH}/{request['id']}/events"
    closing = act("closed", "2026-03-11", outcome="lapsed")
    problem(await morocco.post(events, json=closing), 400, "dated-in-future")
    closed = await new_zealand.post(events, json=closing)
    assert closed.status_code == 201, closed.text
    assert closed.json()["asserted_by"] == "NZ"


async def test_where_the_request_was_forwarded_to_says_what_day_it_is_there(client_of: ClientOf) -> None:
    """On the Canaries it is an hour earlier than in Madrid."""
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-03-02"), act("received", "2026-03-03"))
    forwarding = act(
        "forwarded", "2026-03-11", zone="Pacific/Auckland", authority="A court on the other side"
    )
    answer = await both.post(f"{PATH}/{request['id']}/events", json=forwarding)
    assert answer.status_code == 201, answer.text


async def test_a_reference_taken_is_refused_to_its_own_country_only(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    await logged(morocco, external_reference="2026/17")
    other = await logged(morocco, external_reference="2026/18")
    before = await contents(db)
    answer = await morocco.post(PATH, json=a_request_body(external_reference="2026/17"))
    assert pointers(problem(answer, 409, "already-recorded")) == {"/external_reference"}
    answer = await morocco.patch(
        f"{PATH}/{other['id']}", json={"external_reference": "2026/17"}, headers={"If-Match": "*"}
    )
    assert pointers(problem(answer, 409, "already-recorded")) == {"/external_reference"}
    assert await contents(db) == before
    await logged(spain, external_reference="2026/17")


async def test_a_country_that_is_not_ones_own_cannot_be_recorded_for(
    client_of: ClientOf, db: Database
) -> None:
    france = await client_of("FR")
    before = await contents(db)
    found = problem(await france.post(PATH, json=a_request_body()), 403, "not-allowed")
    assert pointers(found) == {"/requesting_country"}
    assert await contents(db) == before


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
async def test_an_account_that_only_reads_writes_nothing(
    client_of: ClientOf, morocco: httpx.AsyncClient, db: Database, role: Role
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"))
    reader = await client_of("MA", role=role)
    before = await contents(db)
    path = f"{PATH}/{request['id']}"
    sent = await id_of(morocco, request["id"], "sent")
    for answer in (
        await reader.post(PATH, json=a_request_body()),
        await reader.post(f"{path}/events", json=act("received", "2026-03-03")),
        await reader.post(f"{path}/events/{sent}/void", json={"reason": "r"}),
        await reader.patch(path, json={"subject": "x"}, headers={"If-Match": "*"}),
    ):
        problem(answer, 403, "not-allowed")
    assert await contents(db) == before


async def test_an_expired_token_writes_nothing(
    db: Database, anonymous: httpx.AsyncClient, morocco: httpx.AsyncClient, present: Present
) -> None:
    request = await logged(morocco)
    account = await create_account(db, name="MA", countries=["MA"], role=Role.OFFICER, now=NOW)
    token = await create_token(db, account, now=NOW, expires_at=NOW + timedelta(hours=1))
    headers = {"Authorization": f"Bearer {token.secret}", "If-Match": "*"}
    assert (await anonymous.get(f"{PATH}/{request['id']}", headers=headers)).status_code == 200
    present.now = NOW + timedelta(hours=1)
    before = await contents(db)
    for answer in (
        await anonymous.post(PATH, json=a_request_body(), headers=headers),
        await anonymous.post(
            f"{PATH}/{request['id']}/events", json=act("sent", "2026-03-02"), headers=headers
        ),
        await anonymous.patch(f"{PATH}/{request['id']}", json={"subject": "x"}, headers=headers),
        await anonymous.get(f"{PATH}/{request['id']}", headers=headers),
    ):
        assert problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await contents(db) == before
