"""One case that both countries recorded: linked by both references, counted once, and suggested where it may be one."""

import asyncio
from typing import Any

import httpx
import pytest

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.api import ClientOf
from tests.builders.requests import PATH, act, contents, history, id_of, logged, pointers, problem, read

REFERENCES = {"requesting": "DACG 17/2026", "requested": "AC 4/2026"}
RUNNING = (act("sent", "2026-01-05"), act("received", "2026-01-07"))
ARRIVED = (act("received", "2026-01-07"),)


async def two_records(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, **changes: Any
) -> tuple[str, str]:
    ours = await logged(morocco, *RUNNING, references=REFERENCES)
    theirs = await logged(spain, *ARRIVED, **{"references": REFERENCES} | changes)
    return ours["id"], theirs["id"]


async def linked(client: httpx.AsyncClient, one: str, other: str) -> httpx.Response:
    body = act("linked", "2026-02-02", request_id=other, relation="same_case")
    return await client.post(f"{PATH}/{one}/events", json=body)


async def counted(client: httpx.AsyncClient) -> tuple[set[str], int]:
    """Whose clocks stand on the worklist, and how many requests the statistics count as new."""
    clocks = (await client.get("/api/v1/clocks")).json()["items"]
    answer = await client.get("/api/v1/reports/statistics", params={"from": "2026-01-01", "to": "2027-01-01"})
    return {clock["request_id"] for clock in clocks}, sum(row["new"] for row in answer.json()["totals"])


async def stages(client: httpx.AsyncClient, request_id: str) -> set[str]:
    """The stages of the clocks of a request that stand on the worklist."""
    clocks = (await client.get("/api/v1/clocks")).json()["items"]
    return {clock["stage"] for clock in clocks if clock["request_id"] == request_id}


async def test_a_duty_that_runs_in_the_other_record_alone_stays_on_the_list_of_whose_it_is(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    ours, theirs = await two_records(morocco, spain)
    await linked(morocco, ours, theirs)
    assert await stages(morocco, theirs) == set()
    asked = act("information_requested", "2026-02-10")
    assert (await spain.post(f"{PATH}/{theirs}/events", json=asked)).status_code == 201
    assert await stages(morocco, theirs) == {"supply_information"}
    overdue = (await morocco.get("/api/v1/reports/sla", params={
        "from": "2026-01-01", "to": "2027-01-01", "as": "requesting", "group_by": "stage", "basis": "policy",
    })).json()["cells"]  # fmt: skip
    assert [cell["due"] for cell in overdue if cell["stage"] == "supply_information"] == [1]


@pytest.mark.parametrize("by", ["the requesting side", "the requested side"])
async def test_a_case_that_both_recorded_counts_once_for_each_by_its_own_record(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf, by: str
) -> None:
    both = await client_of("MA", "ES", role=Role.HEAD)
    ours, theirs = await two_records(morocco, spain)
    for client in (morocco, spain):
        assert await counted(client) == ({ours, theirs}, 2)
    # An account of both sides counts each record on each side.
    assert (await counted(both))[0] == {ours, theirs}
    writer, one, other = (morocco, ours, theirs) if by == "the requesting side" else (spain, theirs, ours)
    answer = await linked(writer, one, other)
    assert answer.status_code == 201, answer.text
    assert await counted(morocco) == ({ours}, 1)
    # How long the receipt took is told by the record that knows of the sending.
    assert await counted(spain) == ({theirs, ours}, 1)
    assert await stages(spain, ours) == {"receive"}
    assert (await counted(both))[0] == {ours}
    for client in (morocco, spain):
        for here, there in ((ours, theirs), (theirs, ours)):
            assert [
                (link["request_id"], link["relation"]) for link in (await read(client, here))["links"]
            ] == [(there, "same_case")]
    # Counting anew keeps it.
    await morocco.post(f"{PATH}/{ours}/events", json=act("reminded", "2026-02-05"))
    await spain.post(f"{PATH}/{theirs}/events", json=act("acknowledged", "2026-02-05"))
    assert await stages(spain, ours) == {"receive"}
    link = await id_of(writer, one, "linked")
    answer = await writer.post(f"{PATH}/{one}/events/{link}/void", json={"reason": "Another case."})
    assert answer.status_code == 201, answer.text
    for client in (morocco, spain):
        assert await counted(client) == ({ours, theirs}, 2)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"references": {"requesting": "DACG 17/2026"}}, "references.requested"),
        ({"references": {"requested": "AC 4/2026"}}, "references.requesting"),
        ({"references": REFERENCES | {"requested": "AC 5/2026"}}, "AC 5/2026"),
        ({"kind": "proceedings", "assistance": [], "convention": None}, "the same kind"),
        ({"events": []}, None),
    ],
)
async def test_records_that_are_not_known_to_be_of_one_case_are_not_linked_so(
    morocco: httpx.AsyncClient,
    spain: httpx.AsyncClient,
    db: Database,
    changes: dict[str, Any],
    names: str | None,
) -> None:
    ours, theirs = await two_records(morocco, spain, **changes)
    before = await contents(db)
    answers = [await linked(spain, theirs, ours)]
    if names is None:
        problem(await linked(morocco, ours, theirs), 400, "invalid-entry")
    else:
        answers.append(await linked(morocco, ours, theirs))
    for answer in answers:
        found = problem(answer, 409, "act-not-possible")
        assert pointers(found) == {"/data/request_id"}
        assert (names or "draft") in found["detail"]
    assert await contents(db) == before


async def test_two_records_of_one_country_are_no_same_case_and_a_record_has_one_twin(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    ours, theirs = await two_records(morocco, spain)
    more = (await logged(morocco, *RUNNING, references=REFERENCES))["id"]
    problem(await linked(morocco, ours, more), 409, "act-not-possible")
    assert (await linked(morocco, ours, theirs)).status_code == 201
    for client, one, other in ((spain, theirs, ours), (morocco, more, theirs), (spain, theirs, more)):
        problem(await linked(client, one, other), 409, "act-not-possible")


async def test_both_linking_at_once_make_one_link(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    for _ in range(5):
        ours, theirs = await two_records(morocco, spain)
        answers = await asyncio.gather(linked(morocco, ours, theirs), linked(spain, theirs, ours))
        assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_a_reference_stands_while_it_links(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    ours, theirs = await two_records(morocco, spain)
    await linked(morocco, ours, theirs)
    change = {"references": {"requesting": "DACG 18/2026"}}
    answer = await morocco.patch(f"{PATH}/{ours}", json=change, headers={"If-Match": "*"})
    assert pointers(problem(answer, 409, "act-not-possible")) == {"/references/requesting"}
    same = {"references": {"requesting": "DACG 17/2026"}}
    assert (await morocco.patch(f"{PATH}/{ours}", json=same, headers={"If-Match": "*"})).status_code == 200


async def test_what_may_be_the_same_case_is_suggested_to_who_logs_it(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    ours = await logged(morocco, *RUNNING, references={"requesting": "DACG 17/2026"})
    theirs = await logged(spain, *ARRIVED, references={"requesting": "DACG 17/2026"})
    [warning] = [text for text in theirs["warnings"] if "same_case" in text]
    assert ours["id"] in warning
    others: list[dict[str, Any]] = [
        {"references": {"requested": "DACG 17/2026"}},
        {"references": ours["references"], "kind": "proceedings", "assistance": [], "convention": None},
        {},
    ]
    for changes in others:
        theirs = await logged(spain, *ARRIVED, **changes)
        assert not any("same_case" in text for text in theirs["warnings"])
    # The other way round; its own reference is the file number that the other side knows.
    again = await logged(morocco, *RUNNING, external_reference="DACG 17/2026")
    assert any("same_case" in text for text in again["warnings"])


async def test_neither_a_draft_nor_what_one_may_not_see_is_suggested(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    await logged(morocco, references=REFERENCES)
    await logged(morocco, *RUNNING, references=REFERENCES, handling="confidential")
    await logged(morocco, *RUNNING, external_reference="AC 4/2026")
    theirs = await logged(spain, *ARRIVED, references=REFERENCES)
    assert not any("same_case" in text for text in theirs["warnings"])


async def test_a_twin_that_one_may_not_see_leaves_no_gap(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    colleague = await client_of("MA")
    await client_of("ES", role=Role.HEAD)
    ours, theirs = await two_records(morocco, spain)
    await linked(morocco, ours, theirs)
    assert await counted(colleague) == ({ours}, 1)
    answer = await morocco.patch(
        f"{PATH}/{ours}", json={"handling": "confidential"}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200
    assert await counted(colleague) == ({theirs}, 1)
    assert (await read(colleague, theirs))["links"] == []
    assert await counted(morocco) == ({ours}, 1)


async def test_acts_of_the_other_country_are_marked_as_told(
    morocco: httpx.AsyncClient, client_of: ClientOf, db: Database
) -> None:
    request = await logged(
        morocco, *RUNNING, act("accepted", "2026-01-09"), act("reminded", "2026-02-01"),
        act("linked", "2026-02-02", request_id=(await logged(morocco))["id"], relation="related"),
    )  # fmt: skip
    told = {event["type"]: event["told"] for event in await history(morocco, request["id"])}
    assert told == {"sent": False, "received": True, "accepted": True, "reminded": False, "linked": False}
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from request where same_case_as is not null") == 0
