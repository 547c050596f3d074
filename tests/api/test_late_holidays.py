"""A holiday that is announced the day before: what it would move is shown, then moved, and kept for who asks later."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.counted import with_shipped_limits

PATH = "/api/v1/calendars/ES"
DECREE = {"source": "Royal Decree 7/2026", "holidays": [{"date": "2026-03-16", "name": "Day of mourning"}]}
THE_EVE = datetime(2026, 3, 15, 18, tzinfo=UTC)
DUE = datetime(2026, 3, 16, 23, tzinfo=UTC)
A_DAY_LATER = datetime(2026, 3, 17, 23, tzinfo=UTC)
SENT: dict[str, Any] = {
    "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
    "events": [{"type": "sent", "occurred_on": "2026-03-02"}],
}  # fmt: skip


@pytest.fixture
async def head(db: Database, client_of: ClientOf) -> httpx.AsyncClient:
    """The head of the Spanish authority."""
    await with_shipped_limits(db)
    return await client_of("ES", role=Role.HEAD)


async def found(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def logged(client: httpx.AsyncClient, **more: Any) -> str:
    return str((await found(await client.post("/api/v1/requests", json={**SENT, **more})))["id"])


async def put(client: httpx.AsyncClient, body: Any, *, country: str = "ES", preview: bool = False) -> Any:
    return await found(
        await client.put(
            f"/api/v1/calendars/{country}", json=body, params={"preview": str(preview).lower()},
            headers={"If-Match": "*"},
        )
    )  # fmt: skip


async def receiving(client: httpx.AsyncClient, request_id: str) -> Any:
    clocks = (await found(await client.get(f"/api/v1/requests/{request_id}/clocks")))["items"]
    [clock] = [clock for clock in clocks if clock["stage"] == "receive"]
    return clock


async def test_a_holiday_announced_on_the_eve_moves_the_date_and_leaves_no_doubt_why(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient, present: Present
) -> None:
    request_id = await logged(morocco)
    before = await receiving(morocco, request_id)
    assert (before["due_on"], before["moves"]) == ("2026-03-16", [])

    present.now = THE_EVE
    preview = await put(head, DECREE, preview=True)
    [move] = preview["effect"]["moves"]
    assert (move["request_id"], move["stage"], move["from"], move["to"]) == (
        request_id, "receive", "2026-03-16", "2026-03-17",
    )  # fmt: skip
    assert (move["from_at"], move["to_at"]) == ("2026-03-16T23:00:00Z", "2026-03-17T23:00:00Z")
    assert await receiving(morocco, request_id) == before

    done = await put(head, DECREE)
    assert (done["version"], done["requests_waiting"]) == (2, 1)
    [second, first] = (await found(await head.get(f"{PATH}/versions")))["items"]
    assert (second["open_clocks"], second["moved"], second["requests_waiting"]) == (4, 0, 1)
    assert (first["version"], first["open_clocks"], first["moved"]) == (1, None, 0)

    # The job comes late: the sweep has raised a flag for the old date meanwhile.
    await flag_due(db, DUE)
    present.now = DUE
    assert (await recount_stale(db, DUE)).changed == 1
    after = await receiving(morocco, request_id)
    assert (after["due_on"], after["due_at"]) == ("2026-03-17", "2026-03-17T23:00:00Z")
    assert "Day of mourning" in str(after["explanation"])
    [kept] = after["moves"]
    assert (kept["due_on_before"], kept["due_on_after"], kept["moved_at"]) == (
        "2026-03-16", "2026-03-17", "2026-03-16T23:00:00Z",
    )  # fmt: skip
    cause = {"kind": "calendar", "of": "ES", "version": 2, "source": "Royal Decree 7/2026"}
    assert kept["causes"] == [cause]

    shown = await found(await morocco.get(f"/api/v1/requests/{request_id}"))
    [flag] = [flag for flag in shown["flags"] if flag["kind"] == "overdue"]
    assert (flag["due_at"], flag["cleared_reason"]) == ("2026-03-16T23:00:00Z", "date_moved")

    [second, _] = (await found(await head.get(f"{PATH}/versions")))["items"]
    assert (second["source"], second["moved"], second["requests_waiting"]) == ("Royal Decree 7/2026", 1, 0)
    assert second["overrides"]["holidays"] == DECREE["holidays"]
    assert (await found(await head.get(f"{PATH}/moves", params={"version": 2})))["items"] == [kept]
    assert (await rebuild(db, DUE, apply=False)).differing == 0
    await flag_due(db, A_DAY_LATER)
    present.now = A_DAY_LATER
    shown = await found(await morocco.get(f"/api/v1/requests/{request_id}"))
    standing = [
        flag["due_at"] for flag in shown["flags"] if flag["kind"] == "overdue" and not flag["cleared_at"]
    ]
    assert standing == ["2026-03-17T23:00:00Z"]


async def test_what_a_decree_moved_is_not_put_down_to_the_act_that_was_recorded_first(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    request_id = await logged(morocco)
    await put(head, DECREE)
    act = {"type": "reminded", "occurred_on": "2026-03-09"}
    await found(await morocco.post(f"/api/v1/requests/{request_id}/events", json=act))
    clock = await receiving(morocco, request_id)
    assert clock["due_on"] == "2026-03-17"
    assert [(move["due_on_after"], move["causes"][0]["of"]) for move in clock["moves"]] == [
        ("2026-03-17", "ES")
    ]
    assert (await recount_stale(db, NOW)).changed == 0
    assert len((await receiving(morocco, request_id))["moves"]) == 1


async def test_who_does_not_see_a_request_hears_nothing_of_what_moved_in_it(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    await logged(morocco)
    await put(head, DECREE)
    await recount_stale(db, NOW)
    france = await client_of("FR")
    [second, _] = (await found(await france.get(f"{PATH}/versions")))["items"]
    assert (second["open_clocks"], second["moved"], second["requests_waiting"]) == (None, 0, 0)
    assert (await found(await france.get(f"{PATH}/moves", params={"version": 2})))["items"] == []
    [second, _] = (await found(await morocco.get(f"{PATH}/versions")))["items"]
    assert (second["open_clocks"], second["moved"]) == (None, 1)


@pytest.mark.parametrize("path", ["/api/v1/calendars/ZZ/versions", "/api/v1/calendars/ZZ/moves?version=1"])
async def test_nowhere_has_no_versions(head: httpx.AsyncClient, path: str) -> None:
    assert (await head.get(path)).status_code == 404


async def test_a_version_that_there_is_not_moved_nothing(head: httpx.AsyncClient) -> None:
    assert (await found(await head.get(f"{PATH}/versions")))["items"] == []
    assert (await head.get(f"{PATH}/moves", params={"version": 7})).status_code == 404
    assert (await head.get(f"{PATH}/moves", params={"version": 0})).status_code == 400
    assert (await head.get(f"{PATH}/moves")).status_code == 400


async def test_another_zone_moves_the_instant_though_not_the_day(
    db: Database, head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    request_id = await logged(morocco)
    canaries = {"source": "Order 1", "zone": "Atlantic/Canary"}
    [move] = (await put(head, canaries, preview=True))["effect"]["moves"]
    assert (move["from"], move["to"], move["from_at"], move["to_at"]) == (
        "2026-03-16", "2026-03-16", "2026-03-16T23:00:00Z", "2026-03-17T00:00:00Z",
    )  # fmt: skip
    done = await put(head, canaries)
    assert (done["zone"], done["requests_waiting"]) == ("Atlantic/Canary", 1)
    assert (await found(await head.get(PATH)))["zone"] == "Atlantic/Canary"
    assert (await recount_stale(db, NOW)).changed == 1
    clock = await receiving(morocco, request_id)
    assert (clock["due_on"], clock["due_at"]) == ("2026-03-16", "2026-03-17T00:00:00Z")
    assert clock["explanation"][-1]["args"]["zone"] == "Atlantic/Canary"
    [kept] = clock["moves"]
    assert (kept["due_at_before"], kept["due_at_after"]) == ("2026-03-16T23:00:00Z", "2026-03-17T00:00:00Z")
    assert await receiving(morocco, await logged(morocco)) | {"id": "", "moves": []} == clock | {
        "id": "", "moves": [],
    }  # fmt: skip
    assert (await put(head, {"source": "Repealed"}))["zone"] == "Europe/Madrid"
    assert (await rebuild(db, NOW, apply=True)).differing == 2
    assert (await receiving(morocco, request_id))["due_at"] == "2026-03-16T23:00:00Z"


async def test_a_zone_that_makes_a_recorded_history_impossible_is_told_before(
    db: Database, head: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    acts = [
        {"type": "sent", "occurred_at": "2026-03-04T12:00:00Z"},
        {"type": "received", "occurred_on": "2026-03-04"},
    ]
    request_id = await logged(spain, events=acts)
    far_east = {"source": "Order 2", "zone": "Pacific/Kiritimati"}
    [told] = (await put(head, far_east, preview=True))["effect"]["impossible"]
    assert told["request_id"] == request_id
    assert told["reason"] == (
        "Received on 2026-03-04 (Pacific/Kiritimati) lies before sent on 2026-03-04T12:00+00:00 (Africa/Casablanca). "
        "Correct one of the two dates."
    )
    await put(head, far_east)
    assert (await recount_stale(db, NOW)).failed == ()
    act = {"type": "acknowledged", "occurred_on": "2026-03-06"}
    shown = (await found(await spain.post(f"/api/v1/requests/{request_id}/events", json=act)))["request"]
    assert any("(Pacific/Kiritimati) lies before" in warning for warning in shown["warnings"]), shown[
        "warnings"
    ]
    done = await rebuild(db, NOW, apply=False)
    assert (done.differing, [one for one, _ in done.impossible]) == (0, [UUID(request_id)])


async def test_an_executing_authority_may_have_a_zone_of_its_own(
    db: Database, head: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    acts = [
        *SENT["events"],
        {"type": "received", "occurred_on": "2026-03-03"},
        {"type": "forwarded", "occurred_on": "2026-03-04",
         "data": {"zone": "Atlantic/Canary"}},
    ]  # fmt: skip
    request_id = await logged(spain, events=acts)
    clocks = (await found(await spain.get(f"/api/v1/requests/{request_id}/clocks")))["items"]
    due = {clock["due_at"][11:] for clock in clocks if clock["counted_in"] == "ES" and clock["due_at"]}
    assert due <= {"00:00:00Z", "23:00:00Z"}
    assert "Atlantic/Canary" in str(clocks)
    assert "Europe/Madrid" not in str(clocks)
    await put(head, {"source": "Order 3", "zone": "Europe/Lisbon"})
    await recount_stale(db, NOW)
    clocks = (await found(await spain.get(f"/api/v1/requests/{request_id}/clocks")))["items"]
    assert "Europe/Lisbon" not in str(clocks)


async def test_a_zone_that_does_not_exist_is_refused(head: httpx.AsyncClient) -> None:
    for zone in ("Mars/Olympus", "europe/madrid", "../UTC", ""):
        answer = await head.put(PATH, json={"source": "x", "zone": zone}, headers={"If-Match": "*"})
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/zone"]


async def test_the_weekend_of_a_country_changes_with_time(
    db: Database, head: httpx.AsyncClient, client_of: ClientOf
) -> None:
    saudi = await client_of("SA", role=Role.HEAD)
    weekends = (await found(await saudi.get("/api/v1/calendars/SA")))["weekends"]
    assert [weekend["weekdays"] for weekend in weekends] == [[3, 4], [4, 5]]
    assert weekends[1]["from"] == "2013-06-29"
    due = {}
    for start in ("2013-06-05", "2026-06-03"):  # Wednesdays
        question = {"start": start, "amount": 1, "unit": "working_days", "calendar": "SA"}
        due[start] = (await found(await saudi.post("/api/v1/deadlines", json=question)))["due_on"]
    assert due == {"2013-06-05": "2013-06-08", "2026-06-03": "2026-06-04"}
    await put(saudi, {"source": "Decree", "weekend": [3, 4], "weekend_from": "2026-01-01"}, country="SA")
    question = {"start": "2026-06-03", "amount": 1, "unit": "working_days", "calendar": "SA"}
    assert (await found(await saudi.post("/api/v1/deadlines", json=question)))["due_on"] == "2026-06-06"
