"""The life of a request over HTTP, from draft to reopening, for each kind: status, outcome, items, clocks, warnings."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mla_tracker.api.requests import _EXAMPLE
from tests.builders.api import ClientOf, Present
from tests.builders.requests import (
    PATH,
    act,
    clock,
    happened,
    history,
    logged,
    problem,
    read,
    states,
)


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)


EVIDENCE: list[tuple[str, dict[str, Any]]] = [
    ("MA", act("sent", "2026-02-03", channel="diplomatic", language="es")),
    ("MA", act("received", "2026-02-09", delivery_reference="RR 12 345")),
    ("ES", act("acknowledged", "2026-02-11")),
    ("ES", act("information_requested", "2026-02-13", reason="Which of the two companies is meant?")),
    ("MA", act("information_supplied", "2026-02-20")),
    ("ES", act("accepted", "2026-02-27")),
    ("ES", act("partly_executed", "2026-03-05", items=[1])),
    ("ES", act("executed", "2026-03-09", items=["evidence_or_statements"])),
    ("ES", act("results_transmitted", "2026-03-09")),
    ("MA", act("results_received", "2026-03-10")),
    ("MA", act("closed", "2026-03-10")),
    ("MA", act("reopened", "2026-03-12", reason="A page is missing.")),
]
TWO_ITEMS = {
    "assistance": ["records", "evidence_or_statements"],
    "subject": "Bank records of a forwarding agent",
}


async def test_an_evidence_request_lives_from_draft_to_reopening(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, present: Present
) -> None:
    sides = {"MA": morocco, "ES": spain}
    present.now = noon("2026-02-02")
    request = await logged(morocco, **TWO_ITEMS)
    path = f"{PATH}/{request['id']}"
    assert (request["status"], request["draft"], request["outcome"], request["custody"]) == (
        "draft",
        True,
        None,
        None,
    )
    assert [(item["item"], item["form"], item["outcome"]) for item in request["items"]] == [
        (1, "records", None),
        (2, "evidence_or_statements", None),
    ]
    assert set(states(request).values()) == {"pending"}
    problem(await spain.get(path), 404, "not-found")

    expected: list[tuple[str, str | None, dict[str, tuple[str, str, str | None]]]] = [
        # status, outcome, and by limit the state that changes: (state, due on, stopped on)
        ("sent", None, {"default-receive": ("running", "2026-02-17", None)}),
        (
            "received",
            None,
            {
                "default-receive": ("met", "2026-02-17", "2026-02-09"),
                "default-acknowledge": ("running", "2026-02-16", None),
                "default-evidence-decide": ("running", "2026-03-11", None),
            },
        ),
        ("acknowledged", None, {"default-acknowledge": ("met", "2026-02-16", "2026-02-11")}),
        (
            "awaiting_information",
            None,
            {
                "default-evidence-decide": ("paused", "2026-03-11", None),
                "default-supply-information": ("running", "2026-03-15", None),
            },
        ),
        (
            "acknowledged",
            None,
            {
                "default-evidence-decide": ("running", "2026-03-18", None),
                "default-supply-information": ("met", "2026-03-15", "2026-02-20"),
            },
        ),
        (
            "accepted",
            None,
            {
                "default-evidence-decide": ("met", "2026-03-18", "2026-02-27"),
                "default-evidence-execute": ("running", "2026-05-28", None),
            },
        ),
        ("in_execution", None, {"default-evidence-execute": ("running", "2026-05-28", None)}),
        ("ended", "executed", {"default-evidence-execute": ("met", "2026-05-28", "2026-03-09")}),
        ("ended", "executed", {}),
        ("ended", "executed", {}),
        ("closed", "executed", {}),
        ("in_execution", None, {"default-evidence-execute": ("met", "2026-05-28", "2026-03-09")}),
    ]
    for number, ((country, body), (status, outcome, clocks)) in enumerate(
        zip(EVIDENCE, expected, strict=True), start=2
    ):
        present.now = noon(body["occurred_on"])
        answer = await sides[country].post(f"{path}/events", json=body)
        assert answer.status_code == 201, answer.text
        request = answer.json()["request"]
        assert answer.headers["ETag"] == f'"{number}"'
        assert (request["status"], request["outcome"], request["version"]) == (status, outcome, number), body
        for limit, (state, due_on, stopped_on) in clocks.items():
            told = clock(request, limit)
            assert (told["state"], told["due_on"], told["stopped_on"]) == (state, due_on, stopped_on), (
                body,
                limit,
            )
        for reader in sides.values():
            assert (await read(reader, request["id"]))["status"] == status
    assert [item["outcome"] for item in request["items"]] == ["executed", "executed"]
    assert [item["ended_on"] for item in request["items"]] == ["2026-03-05", "2026-03-09"]
    assert request["warnings"] == []
    acts = await history(spain, request["id"])
    assert [event["type"] for event in acts] == [body["type"] for _, body in EVIDENCE]
    assert [event["asserted_by"] for event in acts] == [country for country, _ in EVIDENCE]


async def test_one_call_with_the_whole_history_says_the_same_as_many(
    client_of: ClientOf, present: Present
) -> None:
    both = await client_of("MA", "ES")
    present.now = noon("2026-03-12")
    whole = await logged(both, *(body for _, body in EVIDENCE), **TWO_ITEMS)
    step_by_step = await logged(both, **TWO_ITEMS)
    for _, body in EVIDENCE:
        answer = await both.post(f"{PATH}/{step_by_step['id']}/events", json=body)
        assert answer.status_code == 201, answer.text
    assert meaning(whole) == meaning(await read(both, step_by_step["id"]))
    assert whole["version"] == 1
    # An account of both countries speaks for the one in which the act took place.
    stated = {event["type"]: event["asserted_by"] for event in await history(both, whole["id"])}
    assert (stated["sent"], stated["received"], stated["closed"]) == ("MA", "ES", "MA")


def meaning(request: dict[str, Any]) -> dict[str, Any]:
    """A request without what differs from one record of a case to another."""
    records = {"id", "version", "created_at", "updated_at", "clocks"}
    clocks = [{name: value for name, value in one.items() if name != "id"} for one in request["clocks"]]
    for one in clocks:
        one["extensions"] = [{**extension, "event_id": None} for extension in one["extensions"]]
    return {name: value for name, value in request.items() if name not in records} | {"clocks": clocks}


async def test_an_extradition_lives_from_provisional_arrest_to_surrender(
    client_of: ClientOf, present: Present
) -> None:
    moldova, ukraine = await client_of("MD"), await client_of("UA")
    present.now = noon("2026-01-05")
    request = await logged(
        moldova,
        act("provisional_arrest_requested", "2026-01-05"),
        kind="extradition",
        requesting_country="MD",
        requested_country="UA",
        convention="ets24",
        assistance=[],
        urgency="urgent",
        urgency_reason="He may flee.",
    )
    assert (request["status"], request["custody"], request["draft"]) == ("sent", "none", False)
    shall, may = "ets24-provisional-arrest-shall", "ets24-provisional-arrest-may"
    for country, type_, day, data, status, custody in (
        (ukraine, "provisionally_arrested", "2026-01-07", {}, "received", "provisional"),
        (ukraine, "arrest_notified", "2026-01-08", {}, "received", "provisional"),
        (moldova, "sent", "2026-01-19", {}, "received", "provisional"),
        (ukraine, "received", "2026-01-23", {"documents": True}, "received", "provisional"),
        (ukraine, "acknowledged", "2026-01-26", {}, "acknowledged", "provisional"),
        (ukraine, "released", "2026-01-28", {}, "acknowledged", "released"),
        (ukraine, "rearrested", "2026-02-02", {}, "acknowledged", "in_custody"),
        (ukraine, "judicial_decision", "2026-02-10", {"eligible": True}, "acknowledged", "in_custody"),
        (ukraine, "decision_final", "2026-02-20", {"granted": True}, "accepted", "in_custody"),
        (ukraine, "granted", "2026-02-24", {}, "accepted", "in_custody"),
        (ukraine, "surrender_date_agreed", "2026-02-25", {"date": "2026-03-06"}, "accepted", "in_custody"),
        (ukraine, "surrendered", "2026-03-06", {}, "ended", "surrendered"),
        (moldova, "closed", "2026-03-09", {}, "closed", "surrendered"),
    ):
        present.now = noon(day)
        request = await happened(country, request["id"], type_, day, **data)
        assert (request["status"], request["custody"]) == (status, custody), type_
        if type_ == "provisionally_arrested":
            # 18 and 40 days from the arrest, ETS 24 Art. 16(4), counted where the person is held
            assert (clock(request, may)["due_on"], clock(request, shall)["due_on"]) == (
                "2026-01-25",
                "2026-02-16",
            )
            assert {clock(request, limit)["counted_in"] for limit in (may, shall)} == {"UA"}
            assert clock(request, shall)["obligor_country"] == "MD"
        if type_ == "sent":
            assert clock(request, shall)["state"] == "running"
        if type_ == "received":
            assert (clock(request, may)["state"], clock(request, shall)["state"]) == ("met", "met")
    assert request["outcome"] == "surrendered"
    assert clock(request, "default-extradition-surrender")["state"] == "met"
    assert clock(request, "default-extradition-decide")["state"] == "met"


async def test_a_transfer_of_proceedings_lives_from_sending_to_the_result(
    client_of: ClientOf, present: Present
) -> None:
    uzbekistan, kazakhstan = await client_of("UZ"), await client_of("KZ")
    present.now = noon("2025-09-01")
    request = await logged(
        uzbekistan,
        act("sent", "2025-09-01"),
        kind="proceedings",
        requesting_country="UZ",
        requested_country="KZ",
        convention="untoc",
        assistance=[],
    )
    for country, type_, day, status, outcome in (
        (kazakhstan, "received", "2025-09-05", "received", None),
        (kazakhstan, "acknowledged", "2025-09-09", "acknowledged", None),
        (kazakhstan, "charged", "2025-12-01", "ended", "charged"),
        (uzbekistan, "closed", "2025-12-05", "closed", "charged"),
        (kazakhstan, "concluded", "2026-02-02", "closed", "charged"),
        (kazakhstan, "result_told", "2026-03-06", "closed", "charged"),
    ):
        present.now = noon(day)
        request = await happened(country, request["id"], type_, day)
        assert (request["status"], request["outcome"], request["custody"]) == (status, outcome, None), type_
    assert states(request)["default-proceedings-decide"] == "met"
    told = clock(request, "default-tell-result")
    assert (told["state"], told["due_on"], told["stopped_on"]) == ("met_late", "2026-03-04", "2026-03-06")


async def test_a_request_declined_ends_with_its_ground(client_of: ClientOf, present: Present) -> None:
    uzbekistan, kazakhstan = await client_of("UZ"), await client_of("KZ")
    request = await logged(
        uzbekistan,
        act("sent", "2026-01-12"),
        kind="proceedings",
        requesting_country="UZ",
        requested_country="KZ",
        convention=None,
        assistance=[],
    )
    await happened(kazakhstan, request["id"], "received", "2026-01-19")
    request = await happened(kazakhstan, request["id"], "declined", "2026-03-02", ground="limitation")
    assert (request["status"], request["outcome"], request["ended_on"]) == ("ended", "declined", "2026-03-02")


async def test_each_item_of_assistance_ends_in_its_own_way(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    request = await logged(
        morocco, act("sent", "2026-01-12"), assistance=["records", "search_seizure_freezing", "video_hearing"]
    )
    for type_, day, data in (
        ("received", "2026-01-19", {}),
        ("accepted", "2026-01-26", {"items": ["records", "video_hearing"]}),
        ("refused", "2026-01-26", {"items": [2], "ground": "dual_criminality"}),
        ("executed", "2026-02-16", {"items": [1]}),
    ):
        request = await happened(spain, request["id"], type_, day, **data)
        assert request["outcome"] is None
    request = await happened(
        spain, request["id"], "executed", "2026-03-02", items=[3], outcome="not_executable"
    )
    assert [(item["outcome"], item["ground"]) for item in request["items"]] == [
        ("executed", None),
        ("refused", "dual_criminality"),
        ("not_executable", None),
    ]
    assert (request["status"], request["outcome"]) == ("ended", "executed_in_part")


async def test_missing_acts_are_warned_of_and_not_refused(client_of: ClientOf) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("executed", "2026-03-02"))
    assert (request["status"], request["outcome"]) == ("ended", "executed")
    assert len(request["warnings"]) == 3
    assert "The record does not say when the request was sent." in request["warnings"]


async def test_a_date_that_is_wished_without_a_reason_is_warned_of(morocco: httpx.AsyncClient) -> None:
    request = await logged(morocco, act("sent", "2026-03-02"), wished_by="2026-05-04")
    [told] = [warning for warning in request["warnings"] if "wished" in warning]
    assert told == (
        "It is wished that this be done by Monday 4 May 2026, and the record does not say why. A date that is wished "
        "needs reasons. Source: UNTOC Art. 18(24), UNCAC Art. 46(24)."
    )
    path = f"{PATH}/{request['id']}"
    answer = await morocco.patch(
        path, json={"wished_by_reason": "The hearing is on 11 May."}, headers={"If-Match": "*"}
    )
    assert [warning for warning in answer.json()["warnings"] if "wished" in warning] == []
    assert (await read(morocco, request["id"]))["warnings"] == answer.json()["warnings"]


async def test_an_act_entered_twice_is_warned_of_and_recorded(client_of: ClientOf) -> None:
    both = await client_of("MA", "ES")
    request = await logged(both, act("sent", "2026-03-02"), act("received", "2026-03-03"))
    assert request["warnings"] == []
    request = await happened(both, request["id"], "received", "2026-03-04")
    assert [warning for warning in request["warnings"] if "nothing" in warning] == request["warnings"] != []


async def test_the_explanation_of_a_clock_names_its_source_and_its_steps(morocco: httpx.AsyncClient) -> None:
    request = await logged(morocco, act("sent", "2026-02-03"), act("received", "2026-02-09"))
    answer = await morocco.get(f"{PATH}/{request['id']}/clocks")
    told = {clock["limit"]: clock for clock in answer.json()["items"]}
    assert told.keys() == states(request).keys()
    decide = told["default-evidence-decide"]
    assert decide["due_on"] == "2026-03-11"
    texts = [step["text"] for step in decide["explanation"]]
    assert any(
        "30-day period from Monday 9 February 2026 ends on Wednesday 11 March 2026" in text for text in texts
    ), texts
    assert any(step["source"] for step in decide["explanation"])


async def test_a_clock_past_its_due_instant_reads_overdue_before_any_sweep(
    morocco: httpx.AsyncClient, present: Present
) -> None:
    request = await logged(morocco, act("sent", "2026-02-03"))
    # Due on 17 February in Madrid, until the midnight that ends it.
    assert clock(request, "default-receive")["due_at"] == "2026-02-17T23:00:00Z"
    for instant, state in (("22:59:59", "running"), ("23:00:00", "overdue")):
        present.now = datetime.fromisoformat(f"2026-02-17T{instant}+00:00")
        assert clock(await read(morocco, request["id"]), "default-receive")["state"] == state
    assert (await read(morocco, request["id"]))["flags"] == []


async def test_the_example_of_the_documentation_works(morocco: httpx.AsyncClient) -> None:
    answer = await morocco.post(PATH, json=_EXAMPLE)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{PATH}/{answer.json()['id']}"
    assert (await morocco.get(answer.headers["Location"])).json() == answer.json()


@pytest.mark.parametrize("country", ["XK", "TW", "PS", "VA", "AQ", "BV"])
async def test_a_request_to_any_country_with_a_code_has_clocks_or_is_refused(
    morocco: httpx.AsyncClient, country: str
) -> None:
    answer = await morocco.post(
        PATH,
        json={
            "kind": "evidence",
            "requesting_country": "MA",
            "requested_country": country,
            "events": [act("sent", "2026-02-03")],
        },
    )
    assert answer.status_code in (201, 400), answer.text
    if answer.status_code == 201:
        assert clock(answer.json(), "default-receive")["due_on"] is not None
