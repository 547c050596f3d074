"""Persons over HTTP: who reads and writes them, versions, refusals that repeat nothing, and no trace elsewhere."""

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from mla_tracker.domain.vocabulary import Role, Scope
from tests.builders.api import ClientOf
from tests.builders.requests import PATH, act, logged, pointers, problem, read

NOWHERE = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
SECRET = "Ortegasecret"
ANY = {"If-Match": "*"}


def a_body(**changes: Any) -> dict[str, Any]:
    return {
        "part": "suspect",
        "names": [
            {"family_names": "Ruiz", "given_names": "Julia"},
            {"kind": "alias", "as_written": "La Marinera"},
        ],
        "born_on": "1987-05",
        "nationalities": ["ES", "MA"],
        "identifiers": [{"type": "passport", "number": "XDA1", "issuing_country": "ES"}],
    } | changes


async def shared(client: httpx.AsyncClient, **changes: Any) -> str:
    return f"{PATH}/{(await logged(client, act('sent', '2026-03-02'), **changes))['id']}/persons"


async def recorded(client: httpx.AsyncClient, path: str, **changes: Any) -> dict[str, Any]:
    answer = await client.post(path, json=a_body(**changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{path}/{found['id']}"
    return found


async def test_a_person_is_recorded_read_corrected_and_erased(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    path = await shared(morocco)
    made = await recorded(morocco, path)
    one = f"{path}/{made['id']}"
    answer = await spain.get(one)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json() == made
    assert made["names"] == [
        {"kind": "current", "family_names": "Ruiz", "given_names": "Julia", "as_written": None},
        {"kind": "alias", "family_names": None, "given_names": None, "as_written": "La Marinera"},
    ]
    answer = await morocco.patch(
        one, json={"born_on": "1987-05-17", "nationalities": []}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json()["born_on"], answer.json()["nationalities"]) == ("1987-05-17", [])
    assert answer.json()["identifiers"] == made["identifiers"]
    problem(
        await morocco.patch(one, json={"sex": "female"}, headers={"If-Match": '"1"'}), 412, "version-stale"
    )
    problem(await morocco.patch(one, json={"sex": "female"}), 428, "precondition-required")
    problem(await spain.patch(one, json={"sex": "female"}, headers=ANY), 403, "not-allowed")
    problem(await spain.post(f"{one}/erase", json={"ground": "ordered"}), 403, "not-allowed")
    key = {"Idempotency-Key": "once"}
    for replayed in (None, "true"):
        answer = await morocco.post(f"{one}/erase", json={"ground": "not_concerned"}, headers=key)
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"3"')
        assert answer.headers.get("Idempotency-Replayed") == replayed
    gone = answer.json()
    assert gone["erased_for"] == "not_concerned"
    said = (
        "names",
        "sex",
        "born_on",
        "birth_place",
        "birth_country",
        "nationalities",
        "identifiers",
        "remarks",
    )
    assert {gone[name] for name in said} == {None}
    assert (await spain.get(one)).json() == gone
    problem(await morocco.patch(one, json={"sex": "female"}, headers=ANY), 409, "act-not-possible")


async def test_a_list_has_every_person_once_over_its_pages(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    path = await shared(morocco)
    made = [(await recorded(client, path))["id"] for client in (morocco, spain, morocco)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await spain.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["id"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(made)  # recorded in the same instant


async def test_what_one_may_not_see_is_answered_like_what_does_not_exist(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    france = await client_of("FR")
    draft = f"{PATH}/{(await logged(morocco, act('drafted', '2026-03-02')))['id']}"
    sent = (await shared(morocco)).removesuffix("/persons")
    for stranger, of in ((spain, draft), (france, sent)):
        made = await recorded(morocco, f"{of}/persons")
        for path in (f"{of}/persons", f"{PATH}/{NOWHERE}/persons"):
            answers = [
                await stranger.get(path),
                await stranger.post(path, json=a_body()),
                await stranger.get(f"{path}/{made['id']}"),
                await stranger.patch(f"{path}/{made['id']}", json={"sex": "male"}, headers=ANY),
                await stranger.post(f"{path}/{made['id']}/erase", json={"ground": "ordered"}),
            ]
            details = {problem(answer, 404, "not-found")["detail"] for answer in answers}
            assert details == {"There is no such request, or this account may not see it."}


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
async def test_who_does_not_work_on_cases_reads_and_records_no_person(
    morocco: httpx.AsyncClient, client_of: ClientOf, role: Role
) -> None:
    path = await shared(morocco)
    made = await recorded(morocco, path)
    onlooker = await client_of("MA", role=role)
    for answer in (
        await onlooker.get(path),
        await onlooker.get(f"{path}/{made['id']}"),
        await onlooker.post(path, json=a_body()),
        await onlooker.patch(f"{path}/{made['id']}", json={"sex": "male"}, headers=ANY),
        await onlooker.post(f"{path}/{made['id']}/erase", json={"ground": "ordered"}),
    ):
        problem(answer, 403, "not-allowed")


async def test_a_credential_for_writing_alone_is_told_nothing(
    client_of: ClientOf, morocco: httpx.AsyncClient
) -> None:
    path = await shared(morocco)
    writer = await client_of("MA", scopes=[Scope.WRITE])
    answer = await writer.post(path, json=a_body())
    assert (answer.status_code, answer.json()["names"]) == (201, None)
    problem(await writer.get(path), 403, "insufficient-scope")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"part": SECRET}, "/part"),
        ({"names": [{"family_names": f"{SECRET}\n"}]}, "/names/0/family_names"),
        ({"names": [{"kind": SECRET, "as_written": "x"}]}, "/names/0/kind"),
        ({"names": [{}]}, "/names/0"),
        ({"names": [], "identifiers": []}, "/names"),
        ({"names": SECRET}, "/names"),
        ({"names": [SECRET]}, "/names/0"),
        ({"sex": SECRET}, "/sex"),
        ({"born_on": SECRET}, "/born_on"),
        ({"born_on": "2026-02-30"}, "/born_on"),
        ({"born_on": "2026-04"}, "/born_on"),
        ({"birth_place": SECRET * 60}, "/birth_place"),
        ({"birth_country": SECRET}, "/birth_country"),
        ({"nationalities": ["XX"]}, "/nationalities/0"),
        ({"nationalities": [SECRET]}, "/nationalities/0"),
        ({"identifiers": [{"type": SECRET, "number": "1"}]}, "/identifiers/0/type"),
        ({"identifiers": [{"type": "other", "number": ""}]}, "/identifiers/0/number"),
        ({"remarks": f"{SECRET}\u0000"}, "/remarks"),
    ],
)
async def test_a_refusal_names_the_field_and_repeats_nothing_of_a_person(
    morocco: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    path = await shared(morocco)
    body = a_body(**({"birth_place": SECRET} | change))
    with capture_logs() as told:
        answer = await morocco.post(path, json=body)
    assert pointer in pointers(problem(answer, 400, "invalid-entry"))
    assert SECRET not in answer.text
    assert SECRET not in str(told)
    assert (await morocco.get(path)).json()["items"] == []


async def test_nothing_of_a_person_is_told_anywhere_else(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    with capture_logs() as told:
        path = await shared(morocco)
        made = await recorded(
            morocco, path, remarks=SECRET, birth_place=SECRET, names=[{"as_written": SECRET}],
            identifiers=[{"type": "other", "number": SECRET}],
        )  # fmt: skip
        await morocco.patch(f"{path}/{made['id']}", json={"remarks": f"{SECRET} 2"}, headers=ANY)
        request = path.removesuffix("/persons")
        people = [
            morocco,
            spain,
            await client_of("MA", role=Role.MINISTRY),
            await client_of("MA", role=Role.AUDITOR),
        ]
        for client in people:
            for where in (
                request, f"{request}/events", f"{request}/clocks", PATH, "/api/v1/clocks", "/api/v1/flags",
                "/api/v1/reports/sla", "/api/v1/reports/ageing", "/api/v1/reports/statistics", "/api/v1/audit",
                "/metrics",
            ):  # fmt: skip
                assert SECRET not in (await client.get(where)).text, where
    assert SECRET not in str(told)


async def test_persons_do_not_change_the_version_of_their_request(morocco: httpx.AsyncClient) -> None:
    path = await shared(morocco)
    before = await read(morocco, path.split("/")[-2])
    await recorded(morocco, path)
    assert (await read(morocco, path.split("/")[-2]))["version"] == before["version"]


async def test_an_extradition_of_two_persons_warns(morocco: httpx.AsyncClient) -> None:
    path = await shared(morocco, kind="extradition", assistance=[], convention=None)
    first = await recorded(morocco, path, part="person_sought")
    assert first["warnings"] == []
    assert (await recorded(morocco, path, part="person_sought"))["warnings"][0].startswith("2 persons sought")


async def test_a_reading_of_the_persons_of_a_confidential_case_is_told_to_its_auditors(
    client_of: ClientOf,
) -> None:
    head = await client_of("MA", role=Role.HEAD)
    path = await shared(head)
    made = await recorded(head, path)
    request = path.removesuffix("/persons")
    answer = await head.patch(request, json={"handling": "confidential"}, headers=ANY)
    assert answer.status_code == 200, answer.text
    for where in (path, f"{path}/{made['id']}", f"{request}/notes"):
        assert (await head.get(where)).status_code == 200
    officer = await client_of("MA")
    for where in (path, f"{path}/{made['id']}", f"{request}/notes"):
        problem(await officer.get(where), 404, "not-found")
    auditor = await client_of("MA", role=Role.AUDITOR)
    told = (await auditor.get("/api/v1/audit", params={"limit": 200})).text
    for route in ("/persons", "/persons/{person_id}", "/notes"):
        assert f"GET /requests/{{request_id}}{route}" in told
