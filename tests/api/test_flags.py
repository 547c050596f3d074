"""Flags over HTTP: who sees which, which are wanted, in what order, and the mark of having been seen."""

import json
from dataclasses import fields
from typing import Any
from uuid import UUID

import httpx
import pytest

from mla_tracker.api.flags import FlagAnswer
from mla_tracker.commands.overdue import flag_due
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.flags import FlagView
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import ClientOf, Present
from tests.builders.clocks import StoredClock, a_clock, instant

PATH = "/api/v1/flags"


async def listed(client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def requests_of(client: httpx.AsyncClient, **filters: Any) -> list[str]:
    return [flag["request_id"] for flag in await listed(client, **filters)]


async def flagged(db: Database, *due: str) -> list[StoredClock]:
    """Clocks between Morocco and Spain, each flagged as overdue on its day."""
    clocks = []
    for day in due:
        clocks.append(await a_clock().due(day).warned(None).stored(db))
        await flag_due(db, instant(day))
    return clocks


async def changed(db: Database, clock: StoredClock, change: str) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(f"update flag set {change} where request_id = $1", clock.request_id)


def test_what_is_shown_is_what_was_read() -> None:
    assert [field.name for field in fields(FlagView)] == list(FlagAnswer.model_fields)


async def test_both_countries_of_a_request_see_its_flags(
    db: Database, morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    [clock] = await flagged(db, "2026-03-09")
    [flag] = await listed(morocco)
    assert await listed(spain) == [flag]
    assert {name: flag[name] for name in flag if name != "id"} == {
        "request_id": str(clock.request_id),
        "requesting_country": "MA",
        "requested_country": "ES",
        "handling": "open",
        "clock_id": str(clock.id),
        "limit": "default-policy/acknowledge",
        "stage": "acknowledge",
        "obligor": "requested",
        "kind": "overdue",
        "level": 0,
        "due_at": "2026-03-09T00:00:00Z",
        "raised_at": "2026-03-09T00:00:00Z",
        "acknowledged_at": None,
        "cleared_at": None,
        "cleared_reason": None,
        "settled_at": None,
    }
    FlagAnswer.model_validate_json(json.dumps(flag))
    assert UUID(flag["id"]).version == 7


async def test_other_countries_see_no_flag_of_it(db: Database, client_of: ClientOf) -> None:
    await flagged(db, "2026-03-09")
    assert await listed(await client_of("FR")) == []


async def test_flags_of_a_draft_are_seen_by_who_records_it_alone(
    db: Database, morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    await a_clock().draft().due("2026-03-09").warned(None).stored(db)
    await flag_due(db, instant("2026-03-09"))
    [flag] = await listed(morocco)
    assert await listed(spain) == []
    assert (await spain.post(f"{PATH}/{flag['id']}/acknowledge")).status_code == 404
    assert (await morocco.post(f"{PATH}/{flag['id']}/acknowledge")).status_code == 200


async def test_an_account_of_both_countries_sees_each_flag_once(db: Database, client_of: ClientOf) -> None:
    await flagged(db, "2026-03-08", "2026-03-09")
    other = await a_clock().between("FR", "MA").due("2026-03-07").warned(None).stored(db)
    await flag_due(db, instant("2026-03-10"))
    both = await client_of("ES", "MA")
    found = await requests_of(both)
    assert len(found) == len(set(found)) == 3
    assert str(other.request_id) in found


async def test_newest_flags_come_first_and_pages_follow_each_other(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    clocks = await flagged(db, *(f"2026-03-0{day}" for day in range(1, 8)))
    for _ in range(2):
        await a_clock().between("ES", "MA").due("2026-03-08").warned(None).stored(db)
    await flag_due(db, instant("2026-03-08"))
    whole = await listed(morocco)
    assert [flag["request_id"] for flag in whole[2:]] == [str(clock.request_id) for clock in reversed(clocks)]
    pages, cursor = [], None
    while True:
        answer = await morocco.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        pages.append(answer.json()["items"])
        if (cursor := answer.json()["next_cursor"]) is None:
            break
    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert [flag for page in pages for flag in page] == whole


async def test_flags_are_found_by_what_they_say(db: Database, morocco: httpx.AsyncClient) -> None:
    cleared, settled, seen, standing = await flagged(
        db, "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"
    )
    await changed(db, cleared, "cleared_at = raised_at, cleared_reason = 'no_lateness'")
    await changed(db, settled, "settled_at = raised_at")
    await changed(db, seen, "acknowledged_requesting_at = raised_at, acknowledged_requested_at = raised_at")
    expiring = await a_clock().between("FR", "MA").expiring().due("2026-03-05").warned(3).stored(db)
    await flag_due(db, instant("2026-03-02"))
    await flag_due(db, instant("2026-03-05"))

    def ids(*clocks: StoredClock) -> list[str]:
        return [str(clock.request_id) for clock in clocks]

    assert await requests_of(morocco, kind="expired") == ids(expiring)
    assert await requests_of(morocco, kind="warning") == ids(expiring)
    assert await requests_of(morocco, open="true", kind="overdue") == ids(standing, seen)
    assert await requests_of(morocco, open="false") == ids(settled, cleared)
    assert await requests_of(morocco, acknowledged="true") == ids(seen)
    assert await requests_of(morocco, acknowledged="false", kind="overdue") == ids(standing, settled, cleared)
    assert await requests_of(morocco, request_id=str(settled.request_id)) == ids(settled)
    assert await requests_of(morocco, country="FR") == ids(expiring, expiring)
    assert await requests_of(morocco, country="ES") == ids(standing, seen, settled, cleared)
    assert await requests_of(morocco, country="MA") == []
    assert await requests_of(morocco, raised_after="2026-03-03T00:00:00Z") == ids(expiring, standing)


async def test_the_counterpart_may_be_a_country_of_the_account_itself(
    db: Database, client_of: ClientOf
) -> None:
    [clock] = await flagged(db, "2026-03-09")
    both = await client_of("ES", "MA")
    assert await requests_of(both, country="MA") == await requests_of(both, country="ES")
    assert await requests_of(both, country="ES") == [str(clock.request_id)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "late"),
        ("open", "yes"),
        ("acknowledged", "1.5"),
        ("request_id", "7"),
        ("country", "es"),
        ("raised_after", "2026-03-09"),
        ("limit", "0"),
        ("colour", "red"),
    ],
)
async def test_a_filter_that_cannot_be_is_named(morocco: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await morocco.get(PATH, params={name: value})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]


async def test_each_side_takes_note_for_itself_and_its_first_note_stays(
    db: Database, morocco: httpx.AsyncClient, spain: httpx.AsyncClient, present: Present
) -> None:
    await flagged(db, "2026-03-09")
    [flag] = await listed(morocco)
    first = await spain.post(f"{PATH}/{flag['id']}/acknowledge")
    assert first.status_code == 200
    assert first.json() == {**flag, "acknowledged_at": "2026-03-10T12:00:00Z"}
    present.now = instant("2026-03-11")
    again = await spain.post(f"{PATH}/{flag['id']}/acknowledge")
    assert again.json() == first.json()
    # What Spain has noted does not silence the flag for Morocco.
    assert await requests_of(morocco, acknowledged="false") == [flag["request_id"]]
    assert await requests_of(spain, acknowledged="false") == []
    shown = (await morocco.get(f"/api/v1/requests/{flag['request_id']}")).json()["flags"]
    assert [one["acknowledged_at"] for one in shown] == [None]
    own = await morocco.post(f"{PATH}/{flag['id']}/acknowledge")
    assert own.json() == {**flag, "acknowledged_at": "2026-03-11T00:00:00Z"}


async def test_a_repeated_call_under_one_key_is_a_replay(db: Database, morocco: httpx.AsyncClient) -> None:
    await flagged(db, "2026-03-08", "2026-03-09")
    one, other = await listed(morocco)
    headers = {"Idempotency-Key": "k1"}
    first = await morocco.post(f"{PATH}/{one['id']}/acknowledge", headers=headers)
    again = await morocco.post(f"{PATH}/{one['id']}/acknowledge", headers=headers)
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await morocco.post(f"{PATH}/{other['id']}/acknowledge", headers=headers)).status_code == 422
    assert [flag["acknowledged_at"] is None for flag in await listed(morocco)] == [False, True]


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.INTEGRATION, Role.AUDITOR, Role.ADMIN])
async def test_only_officers_and_heads_acknowledge(db: Database, client_of: ClientOf, role: Role) -> None:
    await flagged(db, "2026-03-09")
    reader = await client_of("MA", role=role)
    [flag] = await listed(reader)
    assert (await reader.post(f"{PATH}/{flag['id']}/acknowledge")).status_code == 403
    head = await client_of("MA", role=Role.HEAD)
    assert (await head.post(f"{PATH}/{flag['id']}/acknowledge")).status_code == 200


async def test_what_one_may_not_see_is_as_if_it_were_not_there(db: Database, client_of: ClientOf) -> None:
    await flagged(db, "2026-03-09")
    [flag] = await listed(await client_of("MA"))
    france = await client_of("FR")
    answers = [
        await france.post(f"{PATH}/{flag_id}/acknowledge")
        for flag_id in (flag["id"], "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert {name for answer in answers for name in answer.json()} == {
        "type",
        "title",
        "status",
        "detail",
        "errors",
    }


async def test_a_clock_made_anew_is_the_one_that_the_flag_names(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    [clock] = await flagged(db, "2026-03-09")
    fresh = UUID("019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12")
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update clock set id = $2 where id = $1", clock.id, fresh)
    assert [flag["clock_id"] for flag in await listed(morocco)] == [str(fresh)]
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("delete from clock")
    assert [flag["clock_id"] for flag in await listed(morocco)] == [str(clock.id)]
