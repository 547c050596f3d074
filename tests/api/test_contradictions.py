"""Acts that contradict the record, or would show a draft to the other side in silence: refused, nothing changed."""

import httpx
import pytest

from tests.builders.api import ClientOf
from tests.builders.requests import (
    PATH,
    a_request_body,
    act,
    happened,
    history,
    id_of,
    logged,
    pointers,
    problem,
)


async def test_two_acts_on_record_that_would_contradict_each_other_are_both_named_by_their_ids(
    client_of: ClientOf,
) -> None:
    """Without the second sending, the acknowledgement would lie before the only receipt."""
    both = await client_of("MA", "ES")
    request = await logged(
        both, act("sent", "2026-02-02"), act("received", "2026-02-03"), act("acknowledged", "2026-02-05")
    )
    events = f"{PATH}/{request['id']}/events"
    await happened(both, request["id"], "received", "2026-02-20")
    first, later = [
        event["id"] for event in await history(both, request["id"]) if event["type"] == "received"
    ]
    acknowledged = await id_of(both, request["id"], "acknowledged")
    found = problem(
        await both.post(f"{events}/{first}/void", json={"reason": "Not ours."}), 409, "act-not-possible"
    )
    assert found["facts"]["event_ids"] == [acknowledged, later]
    assert (found["facts"]["dated"], found["facts"]["other_dated"]) == ("2026-02-05", "2026-02-20")
    assert found["errors"] == []


@pytest.mark.parametrize("presumed", ["received", "reminded", "results_received"])
async def test_a_draft_is_not_shown_to_the_other_side_by_what_presumes_its_sending(
    morocco: httpx.AsyncClient, spain: httpx.AsyncClient, presumed: str
) -> None:
    draft = await logged(morocco, act("drafted", "2026-02-02"))
    events = f"{PATH}/{draft['id']}/events"
    found = problem(await morocco.post(events, json=act(presumed, "2026-02-09")), 409, "act-not-possible")
    assert "would show the draft to ES" in found["detail"]
    assert pointers(found) == {"/type"}
    assert (await spain.get(f"{PATH}/{draft['id']}")).status_code == 404
    logs = await morocco.post(PATH, json=a_request_body(act(presumed, "2026-02-09")))
    assert pointers(problem(logs, 409, "act-not-possible")) == {"/events/0/type"}
    await logged(morocco, act("sent", "2026-02-04"), act(presumed, "2026-02-09"))
    await happened(morocco, draft["id"], "sent", "2026-02-04")
    await happened(morocco, draft["id"], presumed, "2026-02-09")
    assert (await spain.get(f"{PATH}/{draft['id']}")).status_code == 200


async def test_who_received_a_request_need_not_know_when_it_was_sent(spain: httpx.AsyncClient) -> None:
    request = await logged(spain, act("received", "2026-02-09"))
    assert (request["draft"], request["status"]) == (False, "received")
