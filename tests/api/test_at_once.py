"""Many at once: two countries on one request, many calls with one key or one reference, a token that ends."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any

import httpx
import pytest

from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.commands.tokens import create_token, revoke_token
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.api import ADDRESS, NOW, SETTINGS, Present
from tests.builders.keys import the_keys
from tests.builders.requests import PATH, a_request_body, act, history, id_of, logged, problem, read

MANY = 50


async def at_once(calls: Sequence[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    """Answers of calls that are all under way before the first is answered."""
    return list(await asyncio.gather(*calls))


async def entries(db: Database, what: str) -> int:
    async with db.transaction(DbRole.OWNER) as tx:
        return int(await tx.fetchval("select count(*) from audit_entry where what = $1", what))


async def verified(db: Database) -> None:
    """Whether the chains are whole and every record is as the audit tells."""
    found = await verify(db)
    assert (found.found, found.findings) == (0, ())
    assert found.entries > 0


def dates(request: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What its clocks came to, whatever their ids."""
    told = ("limit", "stage", "state", "started_on", "due_on", "due_at", "stopped_on")
    return sorted((tuple(clock[name] for name in told) for clock in request["clocks"]), key=str)


async def test_what_two_countries_record_at_the_same_time_is_all_kept_and_counted_as_in_sequence(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    of_morocco = [act("reminded", f"2026-02-{day:02}") for day in range(10, 20)]
    of_spain = [
        act("received", "2026-01-07"),
        act("acknowledged", "2026-01-09"),
        act("accepted", "2026-01-20"),
        *(act("partly_executed", f"2026-02-{day:02}") for day in range(10, 17)),
    ]
    together, apart = [await logged(morocco, act("sent", "2026-01-05")) for _ in range(2)]
    path = f"{PATH}/{together['id']}"
    # What rests on what comes first; all else in both countries at the same time.
    assert (await spain.post(f"{path}/events", json=of_spain[0])).status_code == 201
    answers = await at_once(
        [
            *(morocco.post(f"{path}/events", json=one) for one in of_morocco),
            *(spain.post(f"{path}/events", json=one) for one in of_spain[1:]),
            *(
                client.patch(path, json={"references": {side: "1"}}, headers={"If-Match": "*"})
                for client, side in ((morocco, "requesting"), (spain, "requested"))
            ),
        ]
    )
    refused = [answer.text for answer in answers if answer.status_code not in {200, 201}]
    assert not refused
    versions = [int(answer.headers["ETag"].strip('"')) for answer in answers]
    assert sorted(versions) == list(range(3, 3 + len(answers)))
    for client, acts in ((spain, of_spain), (morocco, of_morocco)):
        for one in acts:
            assert (await client.post(f"{PATH}/{apart['id']}/events", json=one)).status_code == 201
    for client in (morocco, spain):
        one, other = await read(client, together["id"]), await read(client, apart["id"])
        assert dates(one) == dates(other)
        assert dates(one)
        assert one["status"] == other["status"]
        shown = [
            [(event["type"], event["occurred_on"]) for event in await history(client, request["id"])]
            for request in (one, other)
        ]
        assert Counter(shown[0]) == Counter(shown[1])
    assert len(await history(morocco, together["id"])) == 1 + len(of_morocco) + len(of_spain)
    await verified(db)


async def test_of_changes_by_both_countries_based_on_one_version_one_is_made(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"))
    before = await entries(db, "request.amended")
    answers = await at_once(
        [
            client.patch(
                f"{PATH}/{request['id']}", json={"references": {side: f"{n}"}}, headers={"If-Match": '"1"'}
            )
            for n in range(10)
            for client, side in ((morocco, "requesting"), (spain, "requested"))
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 19]
    for answer in answers:
        if answer.status_code == 412:
            problem(answer, 412, "version-stale")
    assert (await read(spain, request["id"]))["version"] == 2
    assert await entries(db, "request.amended") == before + 1
    await verified(db)


async def test_fifty_calls_at_once_under_one_key_log_one_request(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    body = a_request_body(act("sent", "2026-03-02"), external_reference="MA 1")
    before = await entries(db, "request.logged")
    answers = await at_once(
        [morocco.post(PATH, json=body, headers={"Idempotency-Key": "one"}) for _ in range(MANY)]
    )
    assert Counter(answer.status_code for answer in answers) == {201: MANY}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count(None) == 1
    assert len((await morocco.get(PATH)).json()["items"]) == 1
    async with db.transaction(DbRole.OWNER) as tx:
        chains = await tx.fetchval(
            "select count(distinct chain_id) from audit_entry where chain_kind = 'request'"
        )
    assert chains == 1
    assert await entries(db, "request.logged") == before + 1
    await verified(db)


async def test_of_fifty_calls_at_once_with_one_reference_one_logs_a_request(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    body = a_request_body(act("sent", "2026-03-02"), external_reference="MA 1")
    answers = await at_once(
        [morocco.post(PATH, json=body, headers={"Idempotency-Key": f"key-{n}"}) for n in range(MANY)]
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: MANY - 1}
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "already-recorded")
    [made] = [answer.json() for answer in answers if answer.status_code == 201]
    assert [one["id"] for one in (await morocco.get(PATH)).json()["items"]] == [made["id"]]
    await verified(db)


async def test_a_token_is_refused_everywhere_from_the_moment_it_is_revoked(
    db: Database, database_url: str, anonymous: httpx.AsyncClient, present: Present
) -> None:
    account = await register.account(db, "MA", role=Role.OFFICER)
    token = await create_token(db, account.account_id, now=NOW)
    headers = {"Authorization": f"Bearer {token.secret}"}
    async with await Database.open(database_url, pool_size=3, vault=the_keys()) as second:
        transport = httpx.ASGITransport(create_app(second, SETTINGS, now=present))  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as elsewhere:
            nodes = (anonymous, elsewhere)
            for node in nodes:
                assert (await node.get(PATH, headers=headers)).status_code == 200
            await revoke_token(db, token.id, now=NOW)
            for node in (*nodes, *nodes):
                problem(await node.get(PATH, headers=headers), 401, "unauthenticated")
            await settle()


async def test_one_of_many_takes_an_act_back(morocco: httpx.AsyncClient, db: Database) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"), act("reminded", "2026-03-03"))
    reminded = await id_of(morocco, request["id"], "reminded")
    path = f"{PATH}/{request['id']}/events/{reminded}/void"
    other = {"type": "reminded", "occurred_on": "2026-03-04"}
    answers = await at_once(
        [morocco.post(path, json={"reason": f"Attempt {n}.", "replacement": other}) for n in range(10)]
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "act-not-possible")
    acts = await history(morocco, request["id"])
    assert [(one["type"], one["occurred_on"], one["voided"] is not None) for one in acts] == [
        ("sent", "2026-03-02", False),
        ("reminded", "2026-03-03", True),
        ("reminded", "2026-03-04", False),
    ]
    await verified(db)


@pytest.mark.parametrize("round_", range(3))
async def test_a_sending_taken_back_while_the_other_side_acts_leaves_no_act_in_the_dark(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database, round_: int
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"))
    sent = await id_of(morocco, request["id"], "sent")
    path = f"{PATH}/{request['id']}/events"
    void, receipt = await at_once(
        [
            morocco.post(f"{path}/{sent}/void", json={"reason": "Not yet."}),
            spain.post(path, json=act("received", "2026-03-05")),
        ]
    )
    # Either Spain was first, and its receipt stands and keeps the request in its sight; or it sees it no more.
    if receipt.status_code == 201:
        assert (await spain.get(f"{PATH}/{request['id']}")).status_code == 200
    else:
        problem(receipt, 404, "not-found")
        problem(await spain.get(f"{PATH}/{request['id']}"), 404, "not-found")
    assert void.status_code in {201, 409}
    await verified(db)
