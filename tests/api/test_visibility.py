"""Who sees what of a request: its two countries, officers their own notes, ministries no text, others nothing."""

from typing import Any

import httpx
import pytest

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.agreements import an_agreement_body
from tests.builders.api import ClientOf
from tests.builders.requests import (
    PATH,
    a_request_body,
    act,
    contents,
    happened,
    history,
    id_of,
    logged,
    pointers,
    problem,
    read,
)

NOWHERE = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"


async def every_answer(client: httpx.AsyncClient, request_id: str, event_id: str) -> list[httpx.Response]:
    """What each route says about a request."""
    path = f"{PATH}/{request_id}"
    return [
        await client.get(path),
        await client.get(f"{path}/clocks"),
        await client.get(f"{path}/events"),
        await client.post(f"{path}/events", json=act("received", "2026-03-05")),
        await client.post(f"{path}/events/{event_id}/void", json={"reason": "r"}),
        await client.patch(path, json={"assigned_to": "x"}, headers={"If-Match": "*"}),
        await client.patch(path, json={"subject": "x"}, headers={"If-Match": '"99"'}),
    ]


async def listed(client: httpx.AsyncClient, **filters: Any) -> list[str]:
    answer = await client.get(PATH, params=filters)
    assert answer.status_code == 200, answer.text
    return [request["id"] for request in answer.json()["items"]]


async def test_what_one_may_not_see_is_answered_like_what_does_not_exist(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    france = await client_of("FR")
    shared = await logged(morocco, act("sent", "2026-03-02"))
    sent = await id_of(morocco, shared["id"], "sent")
    draft = await logged(morocco, act("drafted", "2026-03-02"))
    drafted = await id_of(morocco, draft["id"], "drafted")
    before = await contents(db)
    for stranger, request_id, event_id in ((france, shared["id"], sent), (spain, draft["id"], drafted)):
        for theirs, nobodys in zip(
            await every_answer(stranger, request_id, event_id),
            await every_answer(stranger, NOWHERE, NOWHERE),
            strict=True,
        ):
            problem(theirs, 404, "not-found")
            assert theirs.content == nobodys.content
            assert set(theirs.headers) == set(nobodys.headers)
    assert await listed(france) == []
    assert await listed(spain) == [shared["id"]]
    assert await contents(db) == before


async def test_a_draft_shows_itself_nowhere_to_the_other_side(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    sent = [await logged(morocco, act("sent", "2026-03-02")) for _ in range(3)]
    drafts = [
        await logged(
            morocco, external_reference=f"2026/{n}", assigned_to="desk 4", references={"requested": "ES 1"}
        )
        for n in range(3)
    ]
    assert sorted(await listed(spain)) == sorted(request["id"] for request in sent)
    for filters in (
        {"reference": "ES 1"},
        {"status": "draft"},
        {"external_reference": "2026/1"},
        {"assigned_to": "desk 4"},
    ):
        assert await listed(spain, **filters) == []
        assert await listed(morocco, **filters) != []
    first = await spain.get(PATH, params={"limit": 3})
    assert first.json()["next_cursor"] is None
    # The other side may use the same reference and the same key without learning of ours.
    answer = await spain.post(
        PATH, json=a_request_body(external_reference="2026/1"), headers={"Idempotency-Key": "one"}
    )
    assert answer.status_code == 201
    assert answer.json()["id"] not in {draft["id"] for draft in drafts}


async def test_a_draft_becomes_visible_with_the_act_that_sends_it(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    for sending, kind in (("sent", "evidence"), ("provisional_arrest_requested", "extradition")):
        request = await logged(
            morocco, act("drafted", "2026-03-02"), kind=kind, assistance=[], convention=None, subject="S"
        )
        problem(await spain.get(f"{PATH}/{request['id']}"), 404, "not-found")
        await happened(morocco, request["id"], sending, "2026-03-03")
        assert (await read(spain, request["id"]))["subject"] == "S"
        assert request["id"] in await listed(spain)


async def test_an_incoming_request_is_a_draft_of_its_recorder_until_an_act_shows_its_sending(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(spain)
    assert request["recorded_by"] == "ES"
    problem(await morocco.get(f"{PATH}/{request['id']}"), 404, "not-found")
    await happened(spain, request["id"], "received", "2026-03-03")
    assert (await read(morocco, request["id"]))["status"] == "received"


async def test_notes_officers_and_own_references_stay_with_the_side_that_made_them(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(
        morocco,
        act("sent", "2026-03-02", note="Ours: hurry."),
        assigned_to="desk 4",
        external_reference="2026/17",
    )
    answer = await spain.post(
        f"{PATH}/{request['id']}/events", json=act("received", "2026-03-05", note="Theirs: wait.")
    )
    assert answer.json()["note"] == "Theirs: wait."
    await spain.patch(f"{PATH}/{request['id']}", json={"assigned_to": "sala 2"}, headers={"If-Match": "*"})
    for client, notes, officer, reference in (
        (morocco, ["Ours: hurry.", None], "desk 4", "2026/17"),
        (spain, [None, "Theirs: wait."], "sala 2", None),
    ):
        assert [event["note"] for event in await history(client, request["id"])] == notes
        for view in (await read(client, request["id"]), (await client.get(PATH)).json()["items"][0]):
            assert (view["assigned_to"], view["external_reference"]) == (officer, reference)
    assert await listed(spain, assigned_to="desk 4") == []
    assert await listed(spain, external_reference="2026/17") == []
    assert await listed(morocco, assigned_to="desk 4") == [request["id"]]


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
async def test_who_is_no_officer_reads_no_text(
    morocco: httpx.AsyncClient, client_of: ClientOf, role: Role
) -> None:
    secret = "the son of the minister"
    request = await logged(
        morocco,
        act("sent", "2026-03-02", note=secret),
        act("received", "2026-03-03"),
        subject=secret,
        urgency="urgent",
        urgency_reason=secret,
        wished_by="2026-05-01",
        wished_by_reason=secret,
    )
    sent, received = (
        await id_of(morocco, request["id"], "sent"),
        await id_of(morocco, request["id"], "received"),
    )
    await morocco.post(f"{PATH}/{request['id']}/events/{received}/void", json={"reason": secret})
    await happened(morocco, request["id"], "withdrawn", "2026-03-09", reason=secret)
    reader = await client_of("MA", role=role)
    path = f"{PATH}/{request['id']}"
    answers = [await reader.get(at) for at in (path, f"{path}/events", f"{path}/clocks", PATH)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(secret not in answer.text for answer in answers)
    assert answers[0].json()["subject"] is None
    assert answers[3].json()["items"][0]["subject"] is None
    assert sent in answers[1].text


async def test_reasons_of_acts_are_read_by_officers_of_both_sides(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"), act("received", "2026-03-03"))
    await happened(
        spain, request["id"], "postponed", "2026-03-05", ground="own_proceedings", reason="Her own trial."
    )
    for reader in (morocco, spain):
        told = {event["type"]: event["data"] for event in await history(reader, request["id"])}
        assert told["postponed"] == {"ground": "own_proceedings", "reason": "Her own trial."}


async def test_linked_requests_are_visible_from_both_ends(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    first = await logged(morocco, act("sent", "2026-03-02"))
    second = await logged(
        morocco,
        act("sent", "2026-03-03"),
        act("linked", "2026-03-03", request_id=first["id"], relation="supplementary"),
    )
    for reader in (morocco, spain):
        here = await read(reader, second["id"])
        assert here["links"] == [
            {"request_id": first["id"], "relation": "supplementary", "recorded_here": True}
        ]
        there = await read(reader, first["id"])
        assert there["links"] == [
            {"request_id": second["id"], "relation": "supplementary", "recorded_here": False}
        ]
    link = await id_of(morocco, second["id"], "linked")
    answer = await morocco.post(f"{PATH}/{second['id']}/events/{link}/void", json={"reason": "Another case."})
    assert answer.json()["links"] == []
    assert (await read(spain, first["id"]))["links"] == []


async def test_a_link_tells_nobody_of_a_request_that_he_may_not_see(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    france = await client_of("FR")
    shared = await logged(morocco, act("sent", "2026-03-02"))
    draft = await logged(morocco)
    abroad = await logged(
        morocco, act("sent", "2026-03-02"), requested_country="FR", kind="extradition", assistance=[]
    )
    await happened(
        morocco, shared["id"], "linked", "2026-03-03", request_id=draft["id"], relation="supplementary"
    )
    seen = await happened(
        morocco, shared["id"], "linked", "2026-03-03", request_id=abroad["id"], relation="competing"
    )
    assert {link["request_id"] for link in seen["links"]} == {draft["id"], abroad["id"]}
    for reader, request_id, hidden in (
        (spain, shared["id"], (draft["id"], abroad["id"])),
        (france, abroad["id"], (shared["id"],)),
    ):
        path = f"{PATH}/{request_id}"
        texts = [(await reader.get(at)).text for at in (path, f"{path}/events", f"{path}/clocks")]
        assert not any(other in text for text in texts for other in hidden)
    assert [event["type"] for event in await history(spain, shared["id"])] == ["sent"]


async def test_a_request_that_one_may_not_see_cannot_be_linked_to_nor_told_from_one_that_does_not_exist(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    france = await client_of("FR")
    hidden = await logged(france, requesting_country="FR", requested_country="MA")
    own = await logged(morocco, act("sent", "2026-03-02"))
    before = await contents(db)
    said = set()
    for other in (hidden["id"], NOWHERE, own["id"]):
        linking = act("linked", "2026-03-03", request_id=other, relation="competing")
        found = problem(await morocco.post(f"{PATH}/{own['id']}/events", json=linking), 400, "invalid-entry")
        assert pointers(found) == {"/data/request_id"}
        said.add(str(found))
    assert len(said) == 1
    assert await contents(db) == before


async def test_a_request_rests_on_no_agreement_that_the_other_side_may_not_read(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    ids = {}
    for name, dates in (("secret", {"signed_on": None}), ("signed", {"signed_on": "2020-01-01"})):
        body = an_agreement_body(title=f"A {name} agreement", in_force_from=None, **dates)
        answer = await morocco.post("/api/v1/agreements", json=body)
        assert answer.status_code == 201, answer.text
        ids[name] = answer.json()["id"]
    before = await contents(db)
    for client in (morocco, spain):
        found = problem(
            await client.post(PATH, json=a_request_body(agreement_id=ids["secret"])), 400, "invalid-entry"
        )
        assert pointers(found) == {"/agreement_id"}
    assert await contents(db) == before
    request = await logged(morocco, act("sent", "2026-03-02"), agreement_id=ids["signed"])
    assert any("was not in force" in warning for warning in request["warnings"])
    # What the other side amends of its own has nothing to do with the agreement.
    answer = await spain.patch(
        f"{PATH}/{request['id']}", json={"assigned_to": "x"}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.text
