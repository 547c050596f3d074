"""Who extends a limit is told at once whether that moved anything."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.builders.api import Present

PATH = "/api/v1/requests"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"until": "2026-03-01"}, "moves nothing"),
        ({"stage": "surrender", "until": "2026-06-01"}, "meets no running clock"),
    ],
)
async def test_an_extension_that_moves_no_date_says_so_in_the_answer(
    spain: httpx.AsyncClient, present: Present, data: dict[str, str], told: str
) -> None:
    present.now = datetime(2026, 4, 1, tzinfo=UTC)
    body = {
        "kind": "evidence",
        "requesting_country": "FR",
        "requested_country": "ES",
        "events": [
            {"type": "sent", "occurred_on": "2026-03-02"},
            {"type": "received", "occurred_on": "2026-03-09"},
            {
                "type": "extended",
                "occurred_on": "2026-03-20",
                "data": {"reason": "A translation is needed.", **data},
            },
        ],
    }
    answer = await spain.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    assert any(told in warning for warning in answer.json()["warnings"]), answer.json()["warnings"]
