"""The register of agreements over HTTP: the contract, who sees what, and bad input."""

from dataclasses import fields
from typing import Any

import httpx
import pytest

from mla_tracker.api.agreement_bodies import (
    AgreementChange,
    AgreementEventView,
    AgreementPartyView,
    AgreementView,
    NewAgreement,
)
from mla_tracker.api.agreements import EXAMPLES
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import agreements as queries
from mla_tracker.storage.agreements import AgreementFields
from tests.builders.agreements import an_agreement_body
from tests.builders.api import ClientOf

PATH = "/api/v1/agreements"


async def recorded(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=an_agreement_body(**body))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def happened(client: httpx.AsyncClient, agreement_id: str, **body: Any) -> httpx.Response:
    return await client.post(f"{PATH}/{agreement_id}/events", json=body)


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [error["pointer"] for error in answer.json()["errors"]]


async def test_an_agreement_is_recorded_and_read_back(morocco: httpx.AsyncClient) -> None:
    answer = await morocco.post(
        PATH,
        json={
            "title": "Convention on legal assistance",
            "kind": "mutual_legal_assistance",
            "parties": [
                "MA",
                {"country": "ES", "signed_on": "2009-06-24", "declarations": "Art. 3: in Spanish."},
            ],
            "external_reference": "MLA/7",
            "signed_on": "2009-06-24",
            "in_force_from": "2009-01-01",
            "languages": ["ar", "es"],
            "notes": "Kept in the archive.",
            "limits": [
                {
                    "stage": "execute",
                    "amount": 60,
                    "unit": "days",
                    "starts_on": ["received"],
                    "stops_on": [{"act": "executed", "where": {"documents": True}}],
                }
            ],
        },
    )
    assert answer.status_code == 201
    agreement = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{agreement['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert (agreement["scope"], agreement["status"], agreement["recorded_by"]) == (
        "bilateral",
        "in_force",
        "MA",
    )
    assert agreement["parties"][0] == {
        "country": "MA",
        "organisation": None,
        "signed_on": None,
        "in_force_from": None,
        "terminated_on": None,
        "declarations": None,
        "status": "in_force",
    }
    assert agreement["limits"][0]["counting"] == "calendar"
    assert agreement["limits"][0]["id"] == f"agreement-{agreement['id']}-execute"
    assert agreement["warnings"][0]["text"].startswith(
        "Convention on legal assistance: in force from Thursday 1 January 2009 lies before the signature"
    )
    read = await morocco.get(answer.headers["Location"])
    assert read.json() == agreement
    assert read.headers["ETag"] == '"1"'


async def test_an_agreement_among_many_or_with_an_organisation(morocco: httpx.AsyncClient) -> None:
    many = await recorded(morocco, parties=["MA", "ES", "FR"])
    assert many["scope"] == "multilateral"
    pair = await recorded(morocco, parties=["MA", "ES"], scope="multilateral")
    assert pair["scope"] == "multilateral"
    centre = await recorded(morocco, parties=[{"organisation": "CARICC"}, {"organisation": "Interpol"}])
    assert [party["organisation"] for party in centre["parties"]] == ["CARICC", "Interpol"]


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
async def test_the_published_examples_work(morocco: httpx.AsyncClient, example: dict[str, Any]) -> None:
    answer = await morocco.post(PATH, json=example)
    assert answer.status_code == 201, answer.text
    AgreementView.model_validate_json(answer.content)


def names(view: type[Any]) -> set[str]:
    return {field.name for field in fields(view)}


def test_what_is_published_is_what_is_read() -> None:
    assert set(AgreementView.model_fields) == names(queries.AgreementView)
    assert set(AgreementPartyView.model_fields) == names(queries.PartyView)
    assert set(AgreementEventView.model_fields) == names(queries.EventView)
    assert (
        set(NewAgreement.model_fields)
        == names(AgreementFields) | {"parties"}
        == set(AgreementChange.model_fields)
    )


async def test_others_see_an_agreement_from_its_signature_on(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    agreement = await recorded(morocco, notes="Ours.")
    path = f"{PATH}/{agreement['id']}"
    hidden = await spain.get(path)
    missing = await spain.get(f"{PATH}/019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["title"] == missing.json()["title"]
    assert (await spain.get(PATH)).json() == {"items": [], "next_cursor": None}

    async def change() -> int:
        return (await spain.patch(path, json={"title": "Mine"}, headers={"If-Match": '"1"'})).status_code

    assert await change() == 404

    signed = await happened(morocco, agreement["id"], type="signed", occurred_on="2026-03-09")
    assert (signed.status_code, signed.json()["status"], signed.headers["ETag"]) == (201, "signed", '"2"')
    seen = (await spain.get(path)).json()
    assert (seen["status"], seen["notes"]) == ("signed", None)
    assert await change() == 403
    refused = await happened(spain, agreement["id"], type="amended", occurred_on="2026-03-09")
    assert refused.status_code == 403


async def test_a_change_names_the_version_and_null_clears(morocco: httpx.AsyncClient) -> None:
    agreement = await recorded(morocco, signed_on="2020-01-01", notes="Old.", parties=["MA", "ES"])
    path = f"{PATH}/{agreement['id']}"
    body = {"signed_on": None, "title": "New title", "parties": ["MA", "ES", "PT"], "scope": "multilateral"}
    assert (await morocco.patch(path, json=body)).status_code == 428
    assert (await morocco.patch(path, json=body, headers={"If-Match": '"7"'})).status_code == 412
    changed = await morocco.patch(path, json=body, headers={"If-Match": '"1"'})
    assert changed.status_code == 200
    found = changed.json()
    assert (found["version"], found["signed_on"], found["title"], found["notes"]) == (
        2,
        None,
        "New title",
        "Old.",
    )
    assert [party["country"] for party in found["parties"]] == ["MA", "ES", "PT"]
    wrong = await morocco.patch(path, json={"title": None, "parties": ["MA"]}, headers={"If-Match": "*"})
    assert (wrong.status_code, pointers(wrong)) == (400, ["/title", "/parties"])
    limits = [
        {
            "stage": "decide",
            "amount": 1,
            "unit": "months",
            "starts_on": ["received"],
            "stops_on": ["accepted"],
        }
    ]
    limited = await morocco.patch(
        path, json={"limits": limits, "languages": ["fr"]}, headers={"If-Match": "*"}
    )
    assert limited.json()["limits"][0]["unit"] == "months"
    same = await morocco.patch(path, json={}, headers={"If-Match": '"3"'})
    assert same.json()["version"] == 3


async def test_a_wrong_event_is_voided_and_replaced(morocco: httpx.AsyncClient) -> None:
    agreement = await recorded(morocco)
    answer = await happened(
        morocco, agreement["id"], type="signed", occurred_on="2026-03-08", data={"by": "MA"}
    )
    [event] = answer.json()["events"]
    assert event["data"] == {"by": "MA", "effective_on": None, "superseded_by": None}
    path = f"{PATH}/{agreement['id']}/events/{event['id']}/void"
    body = {"reason": "By both.", "replacement": {"type": "signed", "occurred_on": "2026-03-08"}}
    voided = await morocco.post(path, json=body)
    assert (voided.status_code, voided.json()["status"]) == (201, "signed")
    assert sorted(e["voided"] is None for e in voided.json()["events"]) == [False, True]
    AgreementView.model_validate_json(voided.content)
    again = await morocco.post(path, json=body)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/act-not-possible")


A_LIMIT = {
    "kind": "evidence", "stage": "execute", "amount": 60, "unit": "days", "starts_on": ["received"],
    "stops_on": ["executed"],
}  # fmt: skip
BAD_BODIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"title": ""}, ["/title"]),
    ({"title": "a\x00b"}, ["/title"]),
    ({"kind": "friendship"}, ["/kind"]),
    ({"parties": ["MA"]}, ["/parties"]),
    ({"parties": ["MA", "XX"]}, ["/parties/1"]),
    ({"parties": ["MA", "MA"]}, ["/parties/0", "/parties/1"]),
    ({"parties": ["MA", "ES", "FR"], "scope": "bilateral"}, ["/parties"]),
    ({"parties": ["MA", {"country": "ES", "organisation": "Interpol"}]}, ["/parties/1/organisation"]),
    ({"parties": ["MA", {"signed_on": "2020-01-01"}]}, ["/parties/1/country"]),
    ({"signed_on": "2026-03-11"}, ["/signed_on"]),
    ({"signed_on": "2025-02-29"}, ["/signed_on"]),
    (
        {"in_force_from": "yesterday", "languages": ["xx", 1]},
        ["/in_force_from", "/languages/0", "/languages/1"],
    ),
    ({"nonsense": 1}, ["/nonsense"]),
    ({"recorded_by": "ES"}, ["/recorded_by"]),
    (
        {
            "limits": [
                {"stage": "nap", "amount": 0, "unit": "days", "starts_on": [], "stops_on": ["executed"]}
            ]
        },
        ["/limits/0/stage", "/limits/0/amount", "/limits/0/starts_on"],
    ),
    ({"limits": [A_LIMIT | {"amount": 0}]}, ["/limits/0/amount"]),
    ({"limits": [A_LIMIT | {"unit": "hours", "counting": "calendar"}]}, ["/limits/0/unit"]),
    ({"limits": [A_LIMIT | {"unit": "moons"}]}, ["/limits/0/unit"]),
    ({"limits": [A_LIMIT, A_LIMIT | {"amount": 45}]}, ["/limits/1"]),
    ({"limits": [A_LIMIT | {"stops_on": ["received"]}]}, ["/limits/0/stops_on"]),
]


@pytest.mark.parametrize(("body", "expected"), BAD_BODIES)
async def test_bad_input_is_named_and_nothing_is_recorded(
    morocco: httpx.AsyncClient, body: dict[str, Any], expected: list[str]
) -> None:
    answer = await morocco.post(PATH, json=an_agreement_body(**body))
    assert answer.status_code == 400
    assert pointers(answer) == expected
    assert (await morocco.get(PATH)).json()["items"] == []


async def test_a_bad_event_is_named_and_nothing_is_recorded(morocco: httpx.AsyncClient) -> None:
    agreement = await recorded(morocco)

    async def refused(**body: Any) -> tuple[int, list[str]]:
        answer = await happened(morocco, agreement["id"], **body)
        return answer.status_code, pointers(answer)

    assert await refused(type="kissed", occurred_on="2026-03-01") == (400, ["/type"])
    assert await refused(type="signed", occurred_on="2026-03-11") == (400, ["/occurred_on"])
    assert await refused(type="signed") == (400, ["/occurred_on"])
    data = {"by": "FR", "superseded_by": agreement["id"]}
    assert await refused(type="signed", occurred_on="2026-03-01", data=data) == (
        400,
        ["/data/superseded_by", "/data/by", "/data/superseded_by"],
    )
    assert (await morocco.get(f"{PATH}/{agreement['id']}")).json()["version"] == 1


async def test_a_repeated_call_answers_as_the_first_did(morocco: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    first = await morocco.post(PATH, json=an_agreement_body(), headers=key)
    again = await morocco.post(PATH, json=an_agreement_body(), headers=key)
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    other = await morocco.post(PATH, json=an_agreement_body(title="Other"), headers=key)
    assert other.status_code == 422
    path = f"{PATH}/{first.json()['id']}/events"
    event = {"type": "signed", "occurred_on": "2026-03-01"}
    for _ in range(2):
        assert (await morocco.post(path, json=event, headers=key)).status_code == 201
    assert len((await morocco.get(f"{PATH}/{first.json()['id']}")).json()["events"]) == 1
    assert (await morocco.post(path, json=event)).status_code == 409


async def test_a_reference_that_is_taken_is_a_conflict(morocco: httpx.AsyncClient) -> None:
    await recorded(morocco, external_reference="MLA/7")
    answer = await morocco.post(PATH, json=an_agreement_body(external_reference="MLA/7"))
    assert (answer.status_code, pointers(answer)) == (409, ["/external_reference"])


async def test_a_list_goes_on_from_page_to_page(morocco: httpx.AsyncClient) -> None:
    for number in range(5):
        await recorded(morocco, title=f"Treaty {number}")
    titles: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, str] = {"limit": "2", "q": "treaty", **({"cursor": cursor} if cursor else {})}
        page = (await morocco.get(PATH, params=query)).json()
        titles += [item["title"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(titles) == [f"Treaty {number}" for number in range(5)]


async def test_a_list_takes_the_filters_of_the_contract_and_no_others(morocco: httpx.AsyncClient) -> None:
    agreement = await recorded(morocco, in_force_from="2020-01-01")
    query = "kind=mutual_legal_assistance&country=MA&counterpart=ES&status=in_force&in_force_on=2021-01-01"
    assert [item["id"] for item in (await morocco.get(f"{PATH}?{query}")).json()["items"]] == [
        agreement["id"]
    ]
    assert (await morocco.get(f"{PATH}?in_force_on=2019-12-31")).json()["items"] == []
    wrong = await morocco.get(f"{PATH}?status=cold&land=MA")
    assert (wrong.status_code, sorted(pointers(wrong))) == (400, ["/land", "/status"])


async def test_a_ministry_reads_and_does_not_write(client_of: ClientOf, morocco: httpx.AsyncClient) -> None:
    ministry = await client_of("MA", role=Role.MINISTRY)
    agreement = await recorded(morocco, notes="Between us.")
    assert (await ministry.post(PATH, json=an_agreement_body())).status_code == 403
    assert (await ministry.get(f"{PATH}/{agreement['id']}")).json()["notes"] is None
