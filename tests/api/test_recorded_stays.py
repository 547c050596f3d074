"""A change of days never stands in the way of an act: what was recorded stays, and the request warns of it."""

from datetime import UTC, datetime
from typing import Any

import httpx

from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import ClientOf, Present
from tests.builders.counted import with_shipped_limits
from tests.builders.requests import PATH, act, happened, id_of, logged, problem, read

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
POLICY = {
    "stage": "decide", "kind": "extradition", "amount": 10, "unit": "working_days", "source": "Circular 4/2026",
    "starts_on": ["arrested"], "stops_on": ["decision_final"],
    "extension": {"each": {"amount": 5, "unit": "working_days"}, "times": 1},
}  # fmt: skip


async def decreed(head: httpx.AsyncClient, *, preview: bool = False, **own: Any) -> Any:
    answer = await head.put(
        "/api/v1/calendars/ES", json={"source": "Decree 2", **own}, params={"preview": str(preview).lower()},
        headers={"If-Match": "*"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(request: dict[str, Any]) -> list[str]:
    return [warning for warning in request["warnings"] if "reaches to" in warning]


async def test_an_extension_that_a_decree_makes_too_long_keeps_nobody_from_recording_a_release(
    db: Database, client_of: ClientOf, present: Present
) -> None:
    await with_shipped_limits(db)
    head = await client_of("ES", role=Role.HEAD)
    answer = await head.post("/api/v1/limits", json=POLICY)
    assert answer.status_code == 201, answer.text
    present.now = NOW
    acts = [act("sent", "2026-03-11"), act("received", "2026-03-12"), act("arrested", "2026-03-12")]
    case: dict[str, Any] = {"kind": "extradition", "convention": None, "assistance": []}
    held = await logged(head, *acts, **case)
    events = f"{PATH}/{held['id']}/events"
    refused = problem(
        await head.post(events, json=act("extended", "2026-03-20", until="2026-12-01", reason="x")),
        409, "act-not-possible",
    )  # fmt: skip
    latest = refused["detail"].partition("allows ")[2][:10]
    extended = await happened(head, held["id"], "extended", "2026-03-20", until=latest, reason="x")
    assert told(extended) == []

    worked: dict[str, Any] = {"extra_working_days": ["2026-03-14", "2026-03-15"]}
    [impossible] = (await decreed(head, preview=True, **worked))["effect"]["impossible"]
    assert impossible["request_id"] == held["id"]
    await decreed(head, **worked)
    assert (await recount_stale(db, NOW)).failed == ()
    [warning] = told(await read(head, held["id"]))
    assert warning.startswith("The extension of Friday 20 March 2026 reaches to")
    clocks = (await head.get(f"{PATH}/{held['id']}/clocks")).json()["items"]
    [clock] = [clock for clock in clocks if clock["stage"] == "decide" and clock["extensions"]]
    assert clock["due_on"] < latest
    assert (await rebuild(db, NOW, apply=False)).differing == 0

    released = await happened(head, held["id"], "released", "2026-03-30")
    assert (released["custody"], len(told(released))) == ("released", 1)
    amended = await head.patch(f"{PATH}/{held['id']}", json={"references": {"requested": "ES-7"}},
        headers={"If-Match": "*"})  # fmt: skip
    assert amended.status_code == 200, amended.text
    assert (await rebuild(db, NOW, apply=False)).differing == 0

    extension = await id_of(head, held["id"], "extended")
    again = act("extended", "2026-03-20", until=latest, reason="x")
    body = {"reason": "Too long now.", "replacement": again}
    problem(await head.post(f"{events}/{extension}/void", json=body), 409, "act-not-possible")
    body["replacement"] = act("extended", "2026-03-20", until=clock["due_on"], reason="x")
    corrected = await head.post(f"{events}/{extension}/void", json=body)
    assert corrected.status_code == 201, corrected.text
    assert told(corrected.json()) == []
