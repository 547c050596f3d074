"""What else could tell a country of what is not its own: keys, references, cursors, counts, errors, figures."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database, DbRole
from tests.builders.agreements import an_agreement_body
from tests.builders.api import ClientOf, Present
from tests.builders.requests import PATH, a_request_body, act, history, logged, problem
from tests.builders.secrets import MARK, Secrets, with_secrets

NOWHERE: Final = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
KEY: Final = {"Idempotency-Key": "0b7d"}
AGREEMENTS: Final = "/api/v1/agreements"


@pytest.fixture
async def secrets(db: Database) -> Secrets:
    return await with_secrets(db)


def same(one: httpx.Response, other: httpx.Response, *asked: str) -> None:
    """Nothing but the ids that the caller sent itself, and that of the call, tells the answers apart."""
    told = []
    for answer in (one, other):
        text = answer.text
        for value in asked:
            text = text.replace(value, "?")
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        told.append((answer.status_code, text, headers))
    assert told[0] == told[1]


async def test_a_key_is_good_for_the_account_alone_that_sent_it(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    body = a_request_body(act("sent", "2026-03-02"))
    first = await morocco.post(PATH, json=body, headers=KEY)
    for other in (await client_of("MA"), await client_of("MA", role=Role.HEAD), await client_of("ES", "MA")):
        theirs = await other.post(PATH, json=body, headers=KEY)
        assert theirs.status_code == 201
        assert "Idempotency-Replayed" not in theirs.headers
        assert theirs.json()["id"] != first.json()["id"]
        assert theirs.headers["Location"] != first.headers["Location"]
    # Nor does another body under it tell that somebody has used it.
    spain = await client_of("ES")
    assert (await spain.post(PATH, json=a_request_body(subject="x"), headers=KEY)).status_code == 201
    event = act("drafted", "2026-03-03")
    hidden = f"{PATH}/{(await logged(morocco))['id']}/events"
    assert (await morocco.post(hidden, json=event, headers=KEY)).status_code == 201
    same(
        await spain.post(hidden, json=event, headers=KEY),
        await spain.post(f"{PATH}/{NOWHERE}/events", json=event, headers=KEY),
    )


async def test_a_replay_to_a_narrower_token_of_the_account_is_refused_first(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    body = a_request_body(act("sent", "2026-03-02"))
    writer = await client_of("MA", scopes=[Scope.WRITE])
    assert (await writer.post(PATH, json=body | {"subject": MARK}, headers=KEY)).status_code == 201
    again = await writer.post(PATH, json=body | {"subject": MARK}, headers=KEY)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert MARK not in again.text
    reader = await client_of("MA", scopes=[Scope.READ])
    found = problem(await reader.post(PATH, json=body, headers=KEY), 403, "insufficient-scope")
    assert "id" not in found


async def test_the_references_of_others_are_free(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    taken = {"external_reference": "2026/1"}
    draft = await logged(morocco, **taken)
    own = await logged(spain, requesting_country="ES", requested_country="MA", **taken)
    other = await logged(spain, requesting_country="ES", requested_country="MA")
    refused = problem(await morocco.post(PATH, json=a_request_body(**taken)), 409, "already-recorded")
    assert draft["id"] not in str(refused)
    refused = problem(
        await spain.patch(f"{PATH}/{other['id']}", json=taken, headers={"If-Match": "*"}),
        409,
        "already-recorded",
    )
    assert draft["id"] not in str(refused)
    assert own["id"] not in str(refused)
    free = await spain.patch(
        f"{PATH}/{own['id']}", json={"external_reference": "2026/2"}, headers={"If-Match": "*"}
    )
    assert free.status_code == 200
    for client in (morocco, spain):
        body = an_agreement_body(external_reference="A 1")
        assert (await client.post(AGREEMENTS, json=body)).status_code == 201
        problem(await client.post(AGREEMENTS, json=body), 409, "already-recorded")


async def test_what_is_named_in_a_body_is_unknown_or_hidden_in_the_same_words(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    hidden = (await morocco.post(AGREEMENTS, json=an_agreement_body(title=MARK))).json()["id"]
    own = (await spain.post(AGREEMENTS, json=an_agreement_body(signed_on="2020-01-01"))).json()["id"]

    async def answers(named: str) -> list[httpx.Response]:
        replaced = {"type": "superseded", "occurred_on": "2026-03-02", "data": {"superseded_by": named}}
        return [
            await spain.post(PATH, json=a_request_body(agreement_id=named)),
            await spain.post(f"{AGREEMENTS}/{own}/events", json=replaced),
            await spain.get(PATH, params={"agreement_id": named}),
            await spain.get("/api/v1/flags", params={"request_id": named}),
        ]

    for told, unknown in zip(await answers(hidden), await answers(NOWHERE), strict=True):
        same(told, unknown, hidden, NOWHERE)
        assert MARK not in told.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PUT"])
async def test_no_method_tells_a_hidden_record_from_none(
    method: str, morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    draft = await logged(morocco)
    for end in ("", "/clocks", "/events", "/governing-agreement"):
        for headers in ({}, {"If-None-Match": '"1"'}, {"If-None-Match": "*"}, {"If-Match": '"1"'}):
            same(
                await spain.request(method, f"{PATH}/{draft['id']}{end}", headers=headers),
                await spain.request(method, f"{PATH}/{NOWHERE}{end}", headers=headers),
            )


def forged(cursor: str, key: Sequence[Any], as_of: str | None = None) -> str:
    """A cursor with another position, as one writes it who has read how they are made: nothing in it is secret."""
    held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    held["k"] = [[tag, value] for (tag, _), value in zip(held["k"], key, strict=True)]
    held["a"] = as_of or held["a"]
    del held["c"]
    held["c"] = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:16]
    return base64.urlsafe_b64encode(json.dumps(held, separators=(",", ":")).encode()).decode().rstrip("=")


LISTS: Final = (
    PATH, "/api/v1/clocks", "/api/v1/flags", AGREEMENTS, "/api/v1/reports/opening-balances",
    "/api/v1/reports/statistics/requests?as=requesting&from=2026-01-01&to=2027-01-01",
)  # fmt: skip


async def pages(client: httpx.AsyncClient, path: str) -> list[str]:
    """The cursors of a list, read one item at a time."""
    found: list[str] = []
    address: Any = httpx.URL(path).copy_merge_params({"limit": "1"})
    while True:
        asked = address.copy_merge_params({"cursor": found[-1]}) if found else address
        answer = await client.get(asked)
        assert answer.status_code == 200, answer.text
        if (cursor := answer.json()["next_cursor"]) is None:
            return found
        found.append(cursor)


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_is_of_no_use_to_another_country_nor_role(
    path: str, client_of: ClientOf, secrets: Secrets
) -> None:
    morocco = await client_of("MA", role=Role.HEAD)
    await logged(morocco, act("sent", "2026-03-02"))
    balance = {"country": "MA", "as": "requesting", "first_day": "2026-01-01", "count": 1, "reason": "Books"}
    await morocco.post("/api/v1/reports/opening-balances", json=balance)
    cursors = await pages(morocco, path)
    others = [await client_of("ES", role=Role.HEAD), await client_of("MA", role=Role.MINISTRY)]
    assert cursors, "the list is too short to prove anything"
    for cursor in cursors[:3]:
        for other in others:
            address = httpx.URL(path).copy_merge_params({"limit": "1", "cursor": cursor})
            found = problem(await other.get(address), 400, "invalid-query")
            assert cursor not in str(found)


async def test_a_forged_cursor_shows_nothing_that_the_list_does_not(
    client_of: ClientOf, db: Database, secrets: Secrets
) -> None:
    spain = await client_of("ES", role=Role.HEAD)
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch("select id, created_at from request")
    created: dict[UUID, datetime] = {row["id"]: row["created_at"] for row in rows}
    [genuine] = await pages(spain, PATH)
    ends = ("9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00", "2030-01-01T00:00:00+00:00")
    seen = {str(one) for one in secrets.seen}
    for request_id, moment in [*created.items(), (UUID(NOWHERE), datetime.fromisoformat(ends[2]))]:
        for as_of in (None, *ends):
            cursor = forged(genuine, [moment.isoformat(), str(request_id)], as_of)
            answer = await spain.get(PATH, params={"limit": "1", "cursor": cursor})
            assert answer.status_code == 200, answer.text
            assert {one["id"] for one in answer.json()["items"]} <= seen
    # A position that is a hidden record is the same as one beside it.
    for hidden in secrets.hidden:
        moment = created[hidden]
        there, beside = [
            (await spain.get(PATH, params={"limit": "1", "cursor": cursor})).json()["items"]
            for cursor in (
                forged(genuine, [moment.isoformat(), str(one)]) for one in (hidden, UUID(int=hidden.int + 1))
            )
        ]
        assert there == beside


@pytest.mark.parametrize("path", LISTS)
async def test_a_forged_instant_is_no_fault_of_ours(path: str, client_of: ClientOf, secrets: Secrets) -> None:
    morocco = await client_of("MA", role=Role.HEAD)
    for cursor in (await pages(morocco, path))[:1]:
        held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key = [value for _, value in held["k"]]
        for as_of in ("9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+00:00"):
            address = httpx.URL(path).copy_merge_params({"cursor": forged(cursor, key, as_of)})
            answer = await morocco.get(address)
            assert answer.status_code in {200, 400}, answer.text


async def test_a_cursor_into_a_history_does_not_find_hidden_acts(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    shared = await logged(
        morocco, act("sent", "2026-03-02"), act("reminded", "2026-03-03"), act("reminded", "2026-03-04")
    )
    draft = await logged(morocco, act("drafted", "2026-03-02"))
    link = act("linked", "2026-03-03", request_id=draft["id"], relation="related")
    assert (await morocco.post(f"{PATH}/{shared['id']}/events", json=link)).status_code == 201
    hidden = [one["id"] for one in await history(morocco, draft["id"])]
    hidden += [one["id"] for one in await history(morocco, shared["id"]) if one["type"] == "linked"]
    assert len(hidden) == 2
    path = f"{PATH}/{shared['id']}/events"
    genuine = (await spain.get(path, params={"limit": 1})).json()["next_cursor"]
    nowhere = await spain.get(path, params={"limit": 1, "cursor": forged(genuine, [NOWHERE])})
    assert nowhere.status_code == 200
    for event_id in hidden:
        answer = await spain.get(path, params={"limit": 1, "cursor": forged(genuine, [event_id])})
        same(answer, nowhere)


async def test_what_waits_and_what_would_move_counts_only_what_one_sees(
    client_of: ClientOf, secrets: Secrets
) -> None:
    head = await client_of("ES", role=Role.HEAD)
    clocks = (await head.get("/api/v1/clocks", params={"limit": 200})).json()["items"]
    still_open = [one for one in clocks if one["stopped_on"] is None and one["counted_in"] == "ES"]
    calendar = {"source": "Decree", "holidays": [{"date": "2026-03-12", "name": "Day"}]}
    policy = {"country": "ES", "stage": "acknowledge", "amount": 9, "unit": "days", "source": "Circular"}
    address, star = "/api/v1/calendars/ES", {"If-Match": "*"}
    for answer in (
        await head.put(address, json=calendar, headers=star, params={"preview": "true"}),
        await head.post("/api/v1/limits", json=policy, params={"preview": "true"}),
    ):
        assert answer.status_code == 200, answer.text
        effect = answer.json()["effect"]
        assert not any(str(one) in answer.text for one in secrets.hidden)
        for value in effect.values():
            if isinstance(value, int) and not isinstance(value, bool):
                assert value <= len(clocks)
    for answer in (
        await head.put(address, json=calendar, headers=star),
        await head.post("/api/v1/limits", json=policy),
    ):
        assert answer.status_code in {200, 201}, answer.text
        assert answer.json()["requests_waiting"] <= len(secrets.seen)
    for version in (await head.get(f"{address}/versions")).json()["items"]:
        assert (version["open_clocks"] or 0) <= len(still_open), version
        assert version["requests_waiting"] <= len(secrets.seen), version
        assert version["moved"] <= len(secrets.seen), version


async def test_figures_for_operators_name_no_country_and_no_case(
    anonymous: httpx.AsyncClient, client_of: ClientOf, secrets: Secrets
) -> None:
    head = await client_of("MA", role=Role.HEAD)
    for request_id in secrets.hidden:
        await head.get(f"{PATH}/{request_id}")
    text = (await anonymous.get("/metrics")).text
    assert PATH in text
    ids = [*secrets.hidden, *secrets.seen, secrets.morocco.account_id]
    assert not [one for one in (*map(str, ids), MARK, "proceedings", '"MA"', '"ES"') if one in text]


async def test_who_speaks_for_no_country_names_none_by_saying_nothing(
    db: Database, client_of: ClientOf
) -> None:
    head = await client_of("PT", role=Role.HEAD)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update account set countries = '{}' where countries = '{PT}'")
    policy = {"stage": "acknowledge", "amount": 9, "unit": "days", "source": "Circular"}
    for params in ({}, {"preview": "true"}):
        problem(await head.post("/api/v1/limits", json=policy, params=params), 403, "not-allowed")
    for path, body in ((PATH, a_request_body()), (AGREEMENTS, an_agreement_body())):
        problem(await head.post(path, json=body), 403, "not-allowed")


async def test_a_version_tells_a_side_nothing_of_what_the_other_keeps_for_itself(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, present: Present
) -> None:
    draft = (await logged(morocco))["id"]
    address = f"{PATH}/{(await logged(morocco))['id']}"
    for note in ("one", "two"):
        done = await morocco.post(f"{address}/events", json=act("drafted", "2026-03-02", note=note))
        assert done.status_code == 201, done.text
    assert (await morocco.post(f"{address}/events", json=act("sent", "2026-03-02"))).status_code == 201
    before, theirs = await spain.get(address), await morocco.get(address)
    assert before.json()["version"] == 2, "how often a draft was changed is nobody else's business"
    present.now += timedelta(hours=1)

    mine = {"If-Match": theirs.headers["ETag"]}
    assert (await morocco.patch(address, json={"assigned_to": "Officer B"}, headers=mine)).status_code == 200
    link = act("linked", "2026-03-03", request_id=draft, relation="related")
    linked = await morocco.post(f"{address}/events", json=link)
    assert linked.status_code == 201, linked.text
    [made] = [one for one in await history(morocco, address.rpartition("/")[2]) if one["type"] == "linked"]
    voided = await morocco.post(f"{address}/events/{made['id']}/void", json={"reason": "another one"})
    assert voided.status_code == 201, voided.text
    assert (await morocco.get(address)).json()["version"] == theirs.json()["version"] + 3
    after = await spain.get(address)
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])
    [listed] = (await spain.get(PATH)).json()["items"]
    assert listed["updated_at"] == before.json()["updated_at"]

    theirs_too = {"If-Match": before.headers["ETag"]}
    changed = await spain.patch(address, json={"references": {"requested": "ES 1"}}, headers=theirs_too)
    assert changed.status_code == 200, changed.text
    assert changed.json()["version"] == before.json()["version"] + 1
    problem(await morocco.patch(address, json={"subject": "x"}, headers=mine), 412, "version-stale")


async def test_a_link_to_what_the_other_side_sees_too_is_a_change_for_both(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    one, other = [(await logged(morocco, act("sent", "2026-03-02")))["id"] for _ in range(2)]
    before = (await spain.get(f"{PATH}/{one}")).json()["version"]
    link = act("linked", "2026-03-03", request_id=other, relation="related")
    assert (await morocco.post(f"{PATH}/{one}/events", json=link)).status_code == 201
    assert (await spain.get(f"{PATH}/{one}")).json()["version"] == before + 1
