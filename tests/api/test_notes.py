"""Notes that a side keeps for itself: the other learns nothing of them."""

import httpx
import pytest

from mla_tracker.domain.vocabulary import Role
from tests.builders.api import ClientOf
from tests.builders.requests import PATH, act, history, logged, pointers, problem, read


async def shared(client: httpx.AsyncClient) -> str:
    return f"{PATH}/{(await logged(client, act('sent', '2026-03-02')))['id']}/notes"


async def kept(client: httpx.AsyncClient, path: str, text: str) -> str:
    answer = await client.post(path, json={"text": text})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_each_side_reads_its_own_notes_with_author_and_instant(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    path = await shared(morocco)
    before = (await read(spain, path.split("/")[-2]), await history(spain, path.split("/")[-2]))
    await kept(morocco, path, "The court rang.\nFriday.")
    await kept(morocco, path, "They wrote.")
    assert (await spain.get(path)).json() == {"items": [], "next_cursor": None}
    assert (await read(spain, path.split("/")[-2]), await history(spain, path.split("/")[-2])) == before
    await kept(spain, path, "Strange case.")
    colleague = await client_of("MA", role=Role.INTEGRATION)
    for reader in (morocco, colleague):
        items = (await reader.get(path)).json()["items"]
        assert sorted(one["text"] for one in items) == ["The court rang.\nFriday.", "They wrote."]
        assert {(one["country"], one["author"], one["recorded_at"]) for one in items} == {
            ("MA", "MA officer", "2026-03-10T12:00:00Z")
        }
    assert [one["text"] for one in (await spain.get(path)).json()["items"]] == ["Strange case."]


async def test_the_other_side_can_not_erase_what_it_does_not_see(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    path = await shared(morocco)
    note = await kept(morocco, path, "x")
    problem(await spain.post(f"{path}/{note}/erase", json={"ground": "ordered"}), 404, "not-found")
    answer = await morocco.post(f"{path}/{note}/erase", json={"ground": "recorded_in_error"})
    assert answer.status_code == 200
    [left] = (await morocco.get(path)).json()["items"]
    assert left == answer.json()
    assert (left["text"], left["erased_for"]) == (None, "recorded_in_error")


async def test_a_list_of_notes_is_paged_last_first(morocco: httpx.AsyncClient) -> None:
    path = await shared(morocco)
    made = [await kept(morocco, path, f"note {n}") for n in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await morocco.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["id"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(made, reverse=True)


async def test_a_repeated_call_keeps_one_note(morocco: httpx.AsyncClient) -> None:
    path = await shared(morocco)
    key = {"Idempotency-Key": "once"}
    made = {(await morocco.post(path, json={"text": "x"}, headers=key)).json()["id"] for _ in range(2)}
    assert len(made) == len((await morocco.get(path)).json()["items"]) == 1


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
async def test_who_does_not_work_on_cases_reads_no_note(
    morocco: httpx.AsyncClient, client_of: ClientOf, role: Role
) -> None:
    path = await shared(morocco)
    note = await kept(morocco, path, "x")
    onlooker = await client_of("MA", role=role)
    for answer in (
        await onlooker.get(path),
        await onlooker.post(path, json={"text": "x"}),
        await onlooker.post(f"{path}/{note}/erase", json={"ground": "ordered"}),
    ):
        problem(answer, 403, "not-allowed")


async def test_a_machine_keeps_notes_and_erases_none(morocco: httpx.AsyncClient, client_of: ClientOf) -> None:
    path = await shared(morocco)
    machine = await client_of("MA", role=Role.INTEGRATION)
    note = await kept(machine, path, "x")
    problem(await machine.post(f"{path}/{note}/erase", json={"ground": "ordered"}), 403, "not-allowed")


@pytest.mark.parametrize("text", ["", " \n ", "x\u0000", "x" * 10_001, 7, None])
async def test_what_is_no_text_is_refused(morocco: httpx.AsyncClient, text: object) -> None:
    path = await shared(morocco)
    answer = await morocco.post(path, json={"text": text})
    assert "/text" in pointers(problem(answer, 400, "invalid-entry"))


async def test_a_ground_is_of_the_list_and_never_the_programs_own(morocco: httpx.AsyncClient) -> None:
    path = await shared(morocco)
    note = await kept(morocco, path, "x")
    for ground in ("retention", "because Ruiz asked", None):
        answer = await morocco.post(f"{path}/{note}/erase", json={"ground": ground})
        assert "/ground" in pointers(problem(answer, 400, "invalid-entry"))
        assert "Ruiz" not in answer.text
