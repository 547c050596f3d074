"""Acts over HTTP: who records which, in what order they are told, and taking back what was recorded wrongly."""

import httpx

from mla_tracker.commands.accounts import create_account, disable_account
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.requests import (
    PATH,
    a_request_body,
    act,
    clock,
    contents,
    happened,
    history,
    id_of,
    logged,
    pointers,
    problem,
    read,
    states,
)


async def void(
    client: httpx.AsyncClient, request_id: str, event_id: str, **replacement: object
) -> httpx.Response:
    body: dict[str, object] = {"reason": "The stamp was misread."}
    if replacement:
        body["replacement"] = replacement
    return await client.post(f"{PATH}/{request_id}/events/{event_id}/void", json=body)


async def test_a_country_with_accounts_records_its_own_acts(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco, act("sent", "2026-02-02"), act("received", "2026-02-05"))
    events = f"{PATH}/{request['id']}/events"
    before = await contents(db)
    found = problem(await morocco.post(events, json=act("accepted", "2026-02-16")), 403, "not-allowed")
    assert "ES has accounts here" in found["detail"]
    assert pointers(found) == {"/type"}
    found = problem(await spain.post(events, json=act("withdrawn", "2026-02-16")), 403, "not-allowed")
    assert pointers(found) == {"/type"}
    history_so_far = [
        act("sent", "2026-02-02"),
        act("acknowledged", "2026-02-05"),
        act("executed", "2026-02-09"),
    ]
    found = problem(await morocco.post(PATH, json=a_request_body(*history_so_far)), 403, "not-allowed")
    assert pointers(found) == {"/events/1/type", "/events/2/type"}
    assert await contents(db) == before
    assert (await happened(spain, request["id"], "accepted", "2026-02-16"))["status"] == "accepted"


async def test_for_a_country_without_accounts_the_other_side_records_what_it_was_told(
    morocco: httpx.AsyncClient, db: Database
) -> None:
    await create_account(db, name="a ministry", countries=["ES"], role=Role.MINISTRY, now=NOW)
    gone = await create_account(db, name="an officer who left", countries=["ES"], role=Role.OFFICER, now=NOW)
    await disable_account(db, gone, now=NOW)
    request = await logged(
        morocco, act("sent", "2026-02-02"), act("received", "2026-02-05"), act("acknowledged", "2026-02-09")
    )
    request = await happened(morocco, request["id"], "executed", "2026-03-02")
    assert request["outcome"] == "executed"
    assert {event["asserted_by"] for event in await history(morocco, request["id"])} == {"MA"}


async def test_what_was_recorded_before_a_country_had_accounts_stays_and_can_be_corrected(
    morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    request = await logged(
        morocco, act("sent", "2026-02-02"), act("received", "2026-02-05"), act("accepted", "2026-02-16")
    )
    spain = await client_of("ES")
    assert (await read(spain, request["id"]))["status"] == "accepted"
    accepted = await id_of(morocco, request["id"], "accepted")
    problem(await void(spain, request["id"], accepted), 403, "not-allowed")
    problem(
        await void(morocco, request["id"], accepted, **act("refused", "2026-02-16", ground="age")),
        403,
        "not-allowed",
    )
    answer = await void(morocco, request["id"], accepted, **act("accepted", "2026-02-17"))
    assert answer.status_code == 201, answer.text
    assert clock(answer.json(), "default-evidence-execute")["started_on"] == "2026-02-17"


async def test_of_two_statements_of_a_receipt_the_receivers_own_counts_and_both_stay_visible(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco, act("sent", "2026-02-02"))
    request = await happened(morocco, request["id"], "received", "2026-02-04", delivery_reference="RR 1")
    assert clock(request, "default-acknowledge")["started_on"] == "2026-02-04"
    request = await happened(spain, request["id"], "received", "2026-02-09")
    assert clock(request, "default-acknowledge")["started_on"] == "2026-02-09"
    assert clock(request, "default-receive")["stopped_on"] == "2026-02-09"
    told = [(event["type"], event["asserted_by"]) for event in await history(morocco, request["id"])]
    assert told == [("sent", "MA"), ("received", "MA"), ("received", "ES")]


async def test_acts_are_told_in_the_order_of_the_law_whatever_the_order_of_recording(
    client_of: ClientOf, present: Present
) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both)
    for type_, when in (
        ("accepted", "2026-02-09"),
        ("acknowledged", "2026-02-09"),
        ("received", "2026-02-09"),
        ("forwarded", "2026-02-09T23:30:00Z"),
        ("sent", "2026-02-09T08:00:00Z"),
        ("drafted", "2026-02-09"),
    ):
        await happened(both, request["id"], type_, when)
    told = [event["type"] for event in await history(both, request["id"])]
    assert told == ["drafted", "sent", "received", "acknowledged", "accepted", "forwarded"]


async def test_a_wrong_act_is_voided_and_replaced_in_one_step(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco, act("sent", "2026-02-02"))
    await happened(spain, request["id"], "received", "2026-02-05")
    wrong = await id_of(spain, request["id"], "received")
    answer = await void(spain, request["id"], wrong, **act("received", "2026-02-09"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"3"'
    assert clock(answer.json(), "default-acknowledge")["started_on"] == "2026-02-09"
    for reader in (morocco, spain):
        told = {event["id"]: event for event in await history(reader, request["id"])}
        right = await id_of(reader, request["id"], "received")
        assert told[wrong]["voided"] == {
            "voided_at": "2026-03-10T12:00:00Z",
            "voided_by": "ES",
            "reason": "The stamp was misread.",
            "replacement_id": right,
        }
        assert told[right]["voided"] is None


async def test_only_the_history_that_results_from_a_void_must_be_possible(
    client_of: ClientOf, db: Database
) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-02-02"), act("received", "2026-02-05"))
    sent, received = await id_of(both, request["id"], "sent"), await id_of(both, request["id"], "received")
    before = await contents(db)
    found = problem(
        await void(both, request["id"], sent, **act("sent", "2026-02-06")), 409, "act-not-possible"
    )
    assert pointers(found) == {"/replacement/occurred_on"}
    assert await contents(db) == before
    # The date of receipt first, then that of sending: each step leaves a possible history.
    assert (await void(both, request["id"], received, **act("received", "2026-02-09"))).status_code == 201
    assert (await void(both, request["id"], sent, **act("sent", "2026-02-06"))).status_code == 201


async def test_an_act_is_voided_once_and_only_by_who_stated_it(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, db: Database
) -> None:
    request = await logged(morocco, act("sent", "2026-02-02"), act("received", "2026-02-05"))
    other = await logged(morocco, act("sent", "2026-02-02"))
    sent, received = (
        await id_of(morocco, request["id"], "sent"),
        await id_of(morocco, request["id"], "received"),
    )
    assert (await void(morocco, request["id"], received)).status_code == 201
    before = await contents(db)
    problem(await void(morocco, request["id"], received), 409, "act-not-possible")
    problem(
        await void(morocco, request["id"], received, **act("received", "2026-02-09")), 409, "act-not-possible"
    )
    problem(await void(spain, request["id"], sent), 403, "not-allowed")
    problem(await void(morocco, other["id"], sent), 404, "not-found")
    problem(await void(morocco, request["id"], request["id"]), 404, "not-found")
    problem(await morocco.post(f"{PATH}/{request['id']}/events/{sent}/void", json={}), 400, "invalid-entry")
    assert await contents(db) == before


async def test_voiding_a_start_sends_the_clocks_that_hang_on_it_back_to_pending(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco, act("sent", "2026-02-02"))
    request = await happened(spain, request["id"], "received", "2026-02-05")
    ids = {clock["limit"]: clock["id"] for clock in request["clocks"]}
    assert states(request)["default-acknowledge"] == "overdue"
    answer = await void(spain, request["id"], await id_of(spain, request["id"], "received"))
    request = answer.json()
    assert states(request)["default-acknowledge"] == "pending"
    assert clock(request, "default-acknowledge")["due_on"] is None
    assert states(request)["default-receive"] == "overdue"
    assert request["status"] == "sent"
    assert {clock["limit"]: clock["id"] for clock in request["clocks"]} == ids


async def test_an_answer_to_a_question_follows_the_question_that_replaces_it(client_of: ClientOf) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-01-12"), act("received", "2026-01-13"))
    for day in ("2026-01-19", "2026-01-26"):
        await happened(both, request["id"], "information_requested", day)
    [_, second] = [
        event["id"]
        for event in await history(both, request["id"])
        if event["type"] == "information_requested"
    ]
    request = await happened(both, request["id"], "information_supplied", "2026-02-09", in_reply_to=second)
    supplying = "default-supply-information"
    assert sorted(one["state"] for one in request["clocks"] if one["limit"] == supplying) == [
        "met",
        "overdue",
    ]
    for day in ("2026-01-27", "2026-01-28"):
        answer = await void(both, request["id"], second, **act("information_requested", day))
        assert answer.status_code == 201, answer.text
        second = next(
            event["voided"]["replacement_id"]
            for event in await history(both, request["id"])
            if event["id"] == second
        )
        found = {
            one["started_on"]: one["state"] for one in answer.json()["clocks"] if one["limit"] == supplying
        }
        assert found == {"2026-01-19": "overdue", day: "met"}


async def test_who_takes_back_the_last_sign_of_sending_sees_the_request_once_more(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(morocco, act("sent", "2026-02-02"))
    await happened(spain, request["id"], "received", "2026-02-05")
    received = await id_of(spain, request["id"], "received")
    answer = await void(morocco, request["id"], await id_of(morocco, request["id"], "sent"))
    assert (answer.json()["draft"], answer.json()["warnings"]) == (
        False,
        ["The record does not say when the request was sent."],
    )
    answer = await void(spain, request["id"], received)
    assert (answer.status_code, answer.json()["draft"]) == (201, True)
    problem(await spain.get(f"{PATH}/{request['id']}"), 404, "not-found")
    assert (await read(morocco, request["id"]))["draft"]


async def test_a_request_can_be_made_an_enquiry_and_its_clocks_end(client_of: ClientOf) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-02-02"), act("received", "2026-02-05"))
    request = await happened(both, request["id"], "reclassified", "2026-02-06", reclassified_as="enquiry")
    assert request["reclassified_as"] == "enquiry"
    assert set(states(request).values()) <= {"met", "met_late", "cancelled"}


async def test_no_more_acts_fit_on_a_request_than_its_clocks_can_be_counted_from(
    client_of: ClientOf, db: Database
) -> None:
    both = await client_of("MA", "ES")
    reminders = [act("reminded", "2026-02-03")] * 199
    request = await logged(both, act("sent", "2026-02-02"), *reminders)
    assert len(await history(both, request["id"])) == 200
    problem(
        await both.post(
            PATH, json=a_request_body(act("sent", "2026-02-02"), *reminders, act("reminded", "2026-02-04"))
        ),
        400,
        "invalid-entry",
    )
