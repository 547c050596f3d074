"""Restricted and confidential requests: who sees them, who raises and lowers the level, and who is told of readings."""

from collections import Counter
from typing import Any

import httpx
import pytest

from mla_tracker.commands.overdue import flag_due
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import NOW, ClientOf
from tests.builders.requests import (
    PATH,
    a_request_body,
    act,
    contents,
    happened,
    history,
    logged,
    pointers,
    problem,
    read,
)

RUNNING = (act("sent", "2026-01-05"), act("received", "2026-01-07"))
NOWHERE = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
COUNTS = ("/api/v1/reports/sla", "/api/v1/reports/ageing", "/api/v1/reports/statistics")
YEAR = {"from": "2026-01-01", "to": "2027-01-01"}


async def handled(client: httpx.AsyncClient, request_id: str, level: str) -> httpx.Response:
    return await client.patch(f"{PATH}/{request_id}", json={"handling": level}, headers={"If-Match": "*"})


async def pages(client: httpx.AsyncClient) -> dict[str, Any]:
    """All lists and figures, as text."""
    found = {}
    for path in (PATH, "/api/v1/clocks", "/api/v1/flags", "/api/v1/calendars/ES/versions"):
        found[path] = (await client.get(path)).text
    for path in COUNTS:
        answer = await client.get(path, params=YEAR if path != COUNTS[1] else {})
        assert answer.status_code == 200, answer.text
        found[path] = answer.text
    return found


async def readings(db: Database) -> list[tuple[str, str, str]]:
    """Of each reading: which request, what, and by which route."""
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select chain_id::text, what, details::jsonb ->> 'route' as route from audit_entry "
            "where what in ('request.read', 'request.listed') and position is null order by at, id"
        )
    return [(row[0], row[1], row[2]) for row in rows]


async def without_the_walls_of_the_database(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        for table in (
            "request",
            "clock",
            "flag",
            "request_event",
            "request_link",
            "date_move",
            "request_reader",
        ):
            await tx.execute(f"alter table {table} disable row level security")


@pytest.mark.parametrize("walls", ["both", "queries alone"])
@pytest.mark.parametrize("level", ["restricted", "confidential"])
async def test_what_is_not_open_is_not_there_for_those_who_may_not_see_it(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf, level: str, walls: str
) -> None:
    readers = {
        role: await client_of("ES", role=role)
        for role in (Role.OFFICER, Role.HEAD, Role.MINISTRY, Role.INTEGRATION, Role.AUDITOR, Role.ADMIN)
    }
    assert (await logged(morocco))["id"]  # the calendars are stored on their first use
    nothing = {role: await pages(client) for role, client in readers.items()}
    request = await logged(morocco, *RUNNING, handling=level)
    assert request["handling"] == level
    await flag_due(db, NOW)
    if walls != "both":
        await without_the_walls_of_the_database(db)
    path = f"{PATH}/{request['id']}"
    for role, client in readers.items():
        sees = role is Role.HEAD or (level == "restricted" and role is Role.OFFICER)
        for at in (path, f"{path}/clocks", f"{path}/events", f"{path}/readers"):
            answer = await client.get(at)
            missing = await client.get(at.replace(request["id"], NOWHERE))
            assert (answer.status_code == 200) is sees, (role, at)
            assert sees or answer.content == missing.content
        seen = await pages(client)
        assert (seen != nothing[role]) is sees, role
        assert (request["id"] in seen["/api/v1/clocks"]) is sees
        assert (request["id"] in seen["/api/v1/flags"]) is sees
        if role in (Role.OFFICER, Role.INTEGRATION) and not sees:
            problem(await client.post(f"{path}/events", json=act("accepted", "2026-01-09")), 404, "not-found")
            problem(
                await handled(client, request["id"], "open"),
                404,
                "not-found",
            )


async def test_another_officer_of_the_same_country_does_not_see_a_confidential_request(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    colleague = await client_of("MA")
    request = await logged(morocco, *RUNNING, handling="confidential")
    problem(await colleague.get(f"{PATH}/{request['id']}"), 404, "not-found")
    await flag_due(db, NOW)
    [flag, *_] = (await morocco.get("/api/v1/flags")).json()["items"]
    for client, status in ((colleague, 404), (morocco, 200)):
        answer = await client.post(f"/api/v1/flags/{flag['id']}/acknowledge")
        assert answer.status_code == status
    other = await logged(morocco, act("sent", "2026-03-02"))
    await happened(morocco, other["id"], "linked", "2026-03-03", request_id=request["id"], relation="related")
    for at in (f"{PATH}/{other['id']}", f"{PATH}/{other['id']}/events"):
        assert request["id"] in (await morocco.get(at)).text
        assert request["id"] not in (await colleague.get(at)).text


async def test_raising_and_lowering_the_level_moves_clocks_and_lists_at_once(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    ministry = await client_of("MA", role=Role.MINISTRY)
    await client_of("ES", role=Role.HEAD)
    request = await logged(morocco, *RUNNING)
    for level, seen in (("restricted", False), ("open", True), ("confidential", False), ("open", True)):
        answer = await handled(morocco, request["id"], level)
        assert answer.status_code == 200, answer.text
        assert answer.json()["handling"] == level
        clocks = (await ministry.get("/api/v1/clocks")).json()["items"]
        assert bool(clocks) is seen
        own = (await morocco.get("/api/v1/clocks", params={"handling": level})).json()["items"]
        assert {clock["handling"] for clock in own} == {level}
        for other in {"open", "restricted", "confidential"} - {level}:
            assert (await morocco.get("/api/v1/clocks", params={"handling": other})).json()["items"] == []
            assert (await morocco.get(PATH, params={"handling": other})).json()["items"] == []
        [listed] = (await morocco.get(PATH, params={"handling": level})).json()["items"]
        assert listed["handling"] == level


async def test_either_side_raises_and_only_who_recorded_it_lowers(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    request = await logged(morocco, *RUNNING)
    found = problem(await handled(spain, request["id"], "confidential"), 409, "act-not-possible")
    assert "MA has no head" in found["detail"]
    await client_of("MA", role=Role.HEAD)
    assert (await handled(spain, request["id"], "restricted")).status_code == 200
    before = await contents(db)
    found = problem(await handled(spain, request["id"], "open"), 403, "not-allowed")
    assert pointers(found) == {"/handling"}
    assert await contents(db) == before
    assert (await handled(spain, request["id"], "confidential")).status_code == 200
    # Spain has named its officer; of Morocco nobody is named, so its head alone sees it.
    assert (await read(spain, request["id"]))["handling"] == "confidential"
    problem(await morocco.get(f"{PATH}/{request['id']}"), 404, "not-found")


async def test_a_machine_sets_no_level(morocco: httpx.AsyncClient, client_of: ClientOf, db: Database) -> None:
    machine = await client_of("MA", role=Role.INTEGRATION)
    request = await logged(morocco, *RUNNING)
    before = await contents(db)
    for level in ("restricted", "confidential"):
        problem(await machine.post(PATH, json=a_request_body(handling=level)), 403, "not-allowed")
        problem(await handled(machine, request["id"], level), 403, "not-allowed")
    assert await contents(db) == before
    assert (await handled(machine, request["id"], "open")).status_code == 200
    for wrong in ("secret", None, 1):
        answer = await morocco.post(PATH, json=a_request_body(handling=wrong))
        assert pointers(problem(answer, 400, "invalid-entry")) == {"/handling"}


async def test_every_reading_of_a_confidential_case_is_told_and_no_other(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    secret = (await logged(morocco, *RUNNING, handling="confidential"))["id"]
    plain = (await logged(morocco, *RUNNING))["id"]
    await flag_due(db, NOW)
    assert await readings(db) == []
    reads = {
        f"/requests/{secret}": ("request.read", "GET /requests/{request_id}"),
        f"/requests/{secret}/clocks": ("request.read", "GET /requests/{request_id}/clocks"),
        f"/requests/{secret}/events": ("request.read", "GET /requests/{request_id}/events"),
        f"/requests/{secret}/readers": ("request.read", "GET /requests/{request_id}/readers"),
        "/requests": ("request.listed", "GET /requests"),
        "/clocks": ("request.listed", "GET /clocks"),
        "/flags": ("request.listed", "GET /flags"),
        "/reports/statistics/requests?as=requesting&from=2026-01-01&to=2027-01-01": (
            "request.listed",
            "GET /reports/statistics/requests",
        ),
    }
    for at in reads:
        answer = await morocco.get(f"/api/v1{at}")
        assert answer.status_code == 200, answer.text
        assert secret in answer.text or "/clocks" in at or "/events" in at or "/readers" in at
    assert sorted(await readings(db)) == sorted((secret, *told) for told in reads.values())
    for at in (
        f"/requests/{plain}",
        f"/requests/{plain}/clocks",
        "/reports/sla?from=2026-01-01&to=2027-01-01",
    ):
        assert (await morocco.get(f"/api/v1{at}")).status_code == 200
    assert len(await readings(db)) == len(reads)


async def test_what_stands_on_the_next_page_was_not_read(db: Database, morocco: httpx.AsyncClient) -> None:
    older = (await logged(morocco, *RUNNING, handling="confidential"))["id"]
    newer = (await logged(morocco, *RUNNING, handling="confidential"))["id"]
    answer = await morocco.get(PATH, params={"limit": 1})
    [shown] = [item["id"] for item in answer.json()["items"]]
    assert [told[0] for told in await readings(db)] == [shown]
    assert shown in (older, newer)


async def test_a_repeated_call_reads_what_it_is_answered(db: Database, morocco: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    body = a_request_body(*RUNNING, handling="confidential")
    first = await morocco.post(PATH, json=body, headers=key)
    assert await readings(db) == []
    again = await morocco.post(PATH, json=body, headers=key)
    assert again.json()["id"] == first.json()["id"]
    assert await readings(db) == [(first.json()["id"], "request.read", "POST /requests")]


async def test_without_an_entry_nothing_is_shown(db: Database, morocco: httpx.AsyncClient) -> None:
    secret = await logged(morocco, *RUNNING, handling="confidential", subject="The son of the minister")
    plain = await logged(morocco, *RUNNING)
    await flag_due(db, NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "alter table audit_entry add constraint full_up check (what not like 'request.%') not valid"
        )
    path = f"{PATH}/{secret['id']}"
    for at in (path, f"{path}/clocks", f"{path}/events", PATH, "/api/v1/clocks", "/api/v1/flags"):
        answer = await morocco.get(at)
        assert answer.status_code >= 500, at
        assert secret["id"] not in answer.text.replace(at, "")
        assert "minister" not in answer.text
    assert (await morocco.get(f"{PATH}/{plain['id']}")).status_code == 200


async def test_a_refusal_that_names_acts_of_a_confidential_case_is_told_as_a_reading(
    db: Database, morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    address = f"{PATH}/{(await logged(morocco, *RUNNING, handling='confidential'))['id']}"
    plain = f"{PATH}/{(await logged(morocco, *RUNNING))['id']}"
    for at in (address, plain):
        early = await morocco.post(f"{at}/events", json=act("reminded", "2025-01-01"))
        problem(early, 409, "act-not-possible")
        stale = await morocco.patch(at, json={"subject": "x"}, headers={"If-Match": '"77"'})
        problem(stale, 412, "version-stale")
        [sent] = [one["id"] for one in await history(morocco, at.rpartition("/")[2]) if one["type"] == "sent"]
        void = {"reason": "x", "replacement": act("sent", "2026-03-09")}
        problem(await morocco.post(f"{at}/events/{sent}/void", json=void), 409, "act-not-possible")
        problem(await spain.post(f"{at}/events", json=act("sent", "2026-03-02")), 404 if at == address else 403,
                "not-found" if at == address else "not-allowed")  # fmt: skip
    told = [route for _, what, route in await readings(db) if what == "request.read"]
    assert Counter(told) == {
        "POST /requests/{request_id}/events": 1,
        "PATCH /requests/{request_id}": 1,
        "POST /requests/{request_id}/events/{event_id}/void": 1,
        "GET /requests/{request_id}/events": 1,
    }
