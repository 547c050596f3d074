"""POST /deadlines: the engine over HTTP gives the published dates and names what it cannot count."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "domain" / "deadline_cases.jsonl").read_text().splitlines()
]
QUESTION = {"start": "2026-03-02", "amount": 10, "unit": "days"}


async def ask(client: httpx.AsyncClient, **question: Any) -> httpx.Response:
    return await client.post("/api/v1/deadlines", json={**QUESTION, **question})


def in_its_zone(text: str, zone: str) -> str:
    """The start of a case as the API takes it: a date, or an instant with its offset."""
    if "T" not in text or text.endswith("Z"):
        return text
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).isoformat()


def question_of(case: dict[str, Any]) -> dict[str, Any]:
    rule = dict(case["rule"])
    more = rule.pop("plus_days", None)
    return {
        "start": in_its_zone(case["start"], case["timezone"]),
        "amount": case["duration"],
        "unit": case["unit"].removeprefix("calendar_").replace("business_", "working_"),
        "counting": rule,
        "timezone": case["timezone"],
        "calendar": case["calendar"],
        "pauses": case["pauses"],
        **({"plus": {"amount": more, "unit": "days"}} if more else {}),
    }


async def test_all_published_cases_have_the_published_answer(morocco: httpx.AsyncClient) -> None:
    wrong = {}
    for case in CASES:
        answer = await morocco.post("/api/v1/deadlines", json=question_of(case))
        told = answer.json()
        if answer.status_code != 200:
            wrong[case["id"]] = told
        elif "T" in case["expected_due"]:
            expected = datetime.fromisoformat(in_its_zone(case["expected_due"], case["timezone"]))
            if datetime.fromisoformat(told["due_at"]) != expected:
                wrong[case["id"]] = told
        elif told["due_on"] != case["expected_due"]:
            wrong[case["id"]] = told
    assert not wrong
    assert len(CASES) == 190


async def test_the_answer_says_when_and_why(spain: httpx.AsyncClient) -> None:
    answer = await ask(
        spain,
        counting="eu-1182-71",
        timezone="Europe/Madrid",
        calendar={"weekend": [5, 6], "holidays": ["2026-03-12"]},
    )
    told = answer.json()
    assert told["due_on"] == "2026-03-13"
    assert told["due_at"] == "2026-03-13T23:00:00Z"
    assert told["imprecise"] is False
    assert told["warnings"] == []
    assert all(step["text"].endswith(".") and "{" not in step["text"] for step in told["explanation"])
    assert any("1182/71 Art. 3(4)" in (step["source"] or "") for step in told["explanation"])
    assert told["explanation"][0]["args"] == {"day": "2026-03-02"}


async def test_hours_end_at_an_instant_and_a_bare_date_makes_them_imprecise(spain: httpx.AsyncClient) -> None:
    exact = (await ask(spain, start="2026-03-02T14:05:00+01:00", amount=24, unit="hours")).json()
    assert (exact["due_at"], exact["imprecise"]) == ("2026-03-03T13:05:00Z", False)
    vague = (await ask(spain, amount=24, unit="hours", timezone="Europe/Madrid")).json()
    assert (vague["due_at"], vague["imprecise"]) == ("2026-03-02T23:00:00Z", True)
    assert vague["warnings"]


async def test_a_second_period_counts_on_and_pauses_push_the_end(spain: httpx.AsyncClient) -> None:
    told = (
        await ask(spain, plus={"amount": 1, "unit": "weeks"}, pauses=[["2026-03-03", "2026-03-06"]])
    ).json()
    assert told["due_on"] == "2026-03-22"


async def test_pauses_are_of_the_kind_of_the_start(spain: httpx.AsyncClient) -> None:
    answer = await ask(spain, pauses=[["2026-03-03", "2026-03-06"], ["2026-03-07T00:00:00Z", "2026-03-08"]])
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/pauses/1/0"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": 10**9}, "/amount"),
        ({"amount": 1, "unit": "centuries"}, "/unit"),
        ({"start": "2026-02-30"}, "/start"),
        ({"start": "2026-03-02T25:00:00"}, "/start"),
        ({"counting": "roman"}, "/counting"),
        ({"counting": {"roll": "sideways"}}, "/counting/roll"),
        ({"counting": {"min_working_days": -1}}, "/counting/min_working_days"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"calendar": "ZZ"}, "/calendar"),
        ({"calendar": {"weekend": [7]}}, "/calendar/weekend/0"),
        ({"calendar": {"hours": {"0": [["17:00", "09:00"]]}}}, "/calendar/hours/0/0"),
        ({"calendar": {"date_hours": {"2026-13-01": []}}}, "/calendar/date_hours/2026-13-01"),
        ({"calendar": {"recess": [["2026-03-05", "2026-03-01"]]}}, "/calendar/recess/0"),
        ({"calendar": {"weekend": [0, 1, 2, 3, 4, 5, 6]}, "unit": "working_days"}, "/amount"),
        ({"pauses": [["2026-03-05", "2026-03-01"]]}, "/pauses/0"),
        ({"plus": {"amount": 1}}, "/plus/unit"),
        ({"zone": "UTC"}, "/zone"),
    ],
)
async def test_what_cannot_be_counted_is_named(
    spain: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    answer = await ask(spain, **change)
    assert answer.status_code == 400, answer.text
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]


async def test_the_longest_counts_come_back_in_time(spain: httpx.AsyncClient) -> None:
    began = datetime.now(UTC)
    every_day_shut = {"weekend": [0, 1, 2, 3, 4, 5], "recess": [["2026-01-01", "2100-12-31"]]}
    for question in (
        {"amount": 36_600, "unit": "working_days"},
        {"amount": 36_600, "unit": "working_days", "calendar": every_day_shut},
        {"amount": 10**9, "unit": "working_seconds", "calendar": {"hours": {"0": [["09:00", "09:01"]]}}},
        {"amount": 100, "unit": "years", "calendar": every_day_shut, "counting": {"min_working_days": 366}},
    ):
        assert (await ask(spain, **question)).status_code in {200, 400}
    assert (datetime.now(UTC) - began).total_seconds() < 10


async def test_a_local_time_is_read_in_the_time_zone_named(spain: httpx.AsyncClient) -> None:
    # Summer time begins on 29 March 2026: 24 hours from noon end at 13:00 on the clock of Madrid.
    answer = await ask(spain, start="2026-03-28T12:00:00", amount=24, unit="hours", timezone="Europe/Madrid")
    assert (answer.status_code, answer.json().get("due_at")) == (200, "2026-03-29T11:00:00Z")
