"""Calendars over HTTP: what a country's days are, and how its authority sets them."""

from typing import Any

import httpx
import pytest

from mla_tracker.api.calendars import EXAMPLES
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf
from tests.builders.counted import with_shipped_limits

PATH = "/api/v1/calendars"
DECREE = {"source": "Decree 1", "holidays": [{"date": "2026-03-13", "name": "Day of mourning"}]}


@pytest.fixture
async def head(client_of: ClientOf) -> httpx.AsyncClient:
    """The head of the Spanish authority."""
    return await client_of("ES", role=Role.HEAD)


async def put(
    client: httpx.AsyncClient, body: Any = DECREE, *, country: str = "ES", version: int | str = "*"
) -> httpx.Response:
    condition = "*" if version == "*" else f'"{version}"'
    return await client.put(f"{PATH}/{country}", json=body, headers={"If-Match": condition})


async def read(client: httpx.AsyncClient, country: str = "ES", **query: Any) -> dict[str, Any]:
    answer = await client.get(f"{PATH}/{country}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["ETag"] == f'"{found["version"]}"'
    return found


def problem(answer: httpx.Response, status: int, *pointers: str) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), (
        answer.text
    )
    assert [error["pointer"] for error in answer.json()["errors"]] == list(pointers)


async def test_any_countrys_calendar_is_read_with_its_days(morocco: httpx.AsyncClient) -> None:
    spain = await read(morocco, year=2026)
    assert {name: spain[name] for name in ("country", "region", "version", "zone", "from", "to")} == {
        "country": "ES",
        "region": None,
        "version": 1,
        "zone": "Europe/Madrid",
        "from": "2026-01-01",
        "to": "2027-01-01",
    }
    assert {"date": "2026-01-06", "name": "Epiphany", "estimated": False} in spain["holidays"]
    assert all(holiday["date"].startswith("2026") for holiday in spain["holidays"])
    assert spain["weekends"] == [{"from": None, "weekdays": [5, 6]}]
    assert (spain["source"].split()[0], spain["applied_at"]) == ("holidays", "2026-03-10T12:00:00Z")
    assert spain["warnings"] == []


async def test_without_a_period_it_is_this_year_and_the_next(morocco: httpx.AsyncClient) -> None:
    found = await read(morocco)
    assert (found["from"], found["to"]) == ("2026-01-01", "2028-01-01")


async def test_a_period_is_from_a_day_up_to_another(morocco: httpx.AsyncClient) -> None:
    found = await read(morocco, "MA", **{"from": "2026-01-01", "to": "2026-01-11"})
    assert [holiday["date"] for holiday in found["holidays"]] == ["2026-01-01"]
    assert "2026-01-11" in [h["date"] for h in (await read(morocco, "MA", year=2026))["holidays"]]
    assert (await read(morocco, "MA", **{"from": "2030-05-01"}))["to"] == "2031-01-01"
    assert (await read(morocco, "MA", to="2030-05-01"))["from"] == "2030-01-01"


async def test_weekends_and_worked_weekend_days_are_told_over_time(morocco: httpx.AsyncClient) -> None:
    emirates = await read(morocco, "AE")
    assert [weekend["weekdays"] for weekend in emirates["weekends"][-2:]] == [[4, 5], [5, 6]]
    assert emirates["weekends"][-1]["from"].startswith("2022-01")
    china = await read(morocco, "CN", year=2024)
    assert "2024-02-04" in china["extra_working_days"]


async def test_years_of_which_nothing_is_known_warn(morocco: httpx.AsyncClient) -> None:
    india = await read(morocco, "IN", year=2040)
    assert india["known_years"] == [2001, 2035]
    [warning] = india["warnings"]
    assert (warning["code"], warning["args"]["years"]) == ("no-holidays-known", "2040")


async def test_holidays_that_depend_on_the_moon_are_marked(morocco: httpx.AsyncClient) -> None:
    found = (await read(morocco, "MA", year=2028))["holidays"]
    assert any(holiday["estimated"] for holiday in found)
    assert not all(holiday["estimated"] for holiday in found)


@pytest.mark.parametrize("country", ["ZZ", "es", "ESP", "%00", "1"])
async def test_a_country_that_does_not_exist_is_not_found(head: httpx.AsyncClient, country: str) -> None:
    problem(await head.get(f"{PATH}/{country}"), 404)
    problem(await put(head, country=country), 404)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"year": "26"}, "/year"),
        ({"year": "2399"}, "/year"),
        ({"year": "2026", "to": "2027-01-01"}, "/year"),
        ({"from": "2026-01-02", "to": "2026-01-02"}, "/to"),
        ({"from": "2399-12-31"}, "/to"),
        ({"from": "yesterday"}, "/from"),
        ({"region": "MD"}, "/region"),
    ],
)
async def test_a_period_that_cannot_be_meant_is_named(
    morocco: httpx.AsyncClient, query: dict[str, str], pointer: str
) -> None:
    problem(await morocco.get(f"{PATH}/ES", params=query), 400, pointer)


async def test_the_head_of_the_authority_sets_the_calendar(
    head: httpx.AsyncClient, morocco: httpx.AsyncClient
) -> None:
    await read(head)
    answer = await put(head, version=1)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert answer.headers["ETag"] == '"2"'
    assert (found["version"], found["requests_waiting"], found["source"]) == (2, 0, "Decree 1")
    assert {"date": "2026-03-13", "name": "Day of mourning", "estimated": False} in found["holidays"]
    assert {"date": "2026-01-06", "name": "Epiphany", "estimated": False} in found["holidays"]
    del found["requests_waiting"], found["effect"]
    assert await read(morocco) == found


async def test_what_was_said_is_shown_so_that_it_can_be_changed_and_sent_again(
    head: httpx.AsyncClient,
) -> None:
    body = {
        "source": "Decree 2",
        "region": "MD",
        "zone": "Atlantic/Canary",
        "holidays": [{"date": "2026-03-13", "name": "Day of mourning"}],
        "not_holidays": ["2026-05-02"],
        "extra_working_days": ["2026-03-14"],
        "recess": [["2026-08-01", "2026-08-31"]],
        "hours": {"0": [["08:00", "15:00"], ["16:00", "24:00"]], "1": []},
        "date_hours": {"2026-12-24": [["08:00", "12:00"]]},
        "weekend": [5, 6],
        "weekend_from": "2020-01-01",
        "complete_years": [2040],
    }
    assert (await put(head, body)).status_code == 200
    found = await read(head, year=2026)
    assert {"source": found["source"], **found["overrides"]} == body
    assert (found["region"], found["recess"], found["hours"]) == ("MD", body["recess"], body["hours"])
    assert (found["date_hours"], found["extra_working_days"]) == (body["date_hours"], ["2026-03-14"])
    assert found["weekends"][-1] == {"from": "2020-01-01", "weekdays": [5, 6]}
    assert "2026-05-02" not in [holiday["date"] for holiday in found["holidays"]]
    again = await put(head, {"source": found["source"], **found["overrides"]}, version=2)
    assert (again.status_code, again.json()["version"]) == (200, 2)


async def test_an_empty_calendar_goes_back_to_what_ships(head: httpx.AsyncClient) -> None:
    before = await read(head)
    await put(head)
    await put(head, {"source": "Withdrawn"}, version=2)
    after = await read(head)
    assert (after["version"], after["holidays"], after["source"]) == (3, before["holidays"], "Withdrawn")


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_examples_of_the_contract_work(client_of: ClientOf, name: str) -> None:
    answer = await put(await client_of("MA", role=Role.ADMIN), EXAMPLES[name], country="MA")
    assert answer.status_code == 200, answer.text


async def test_a_change_needs_the_version_it_is_based_on(head: httpx.AsyncClient) -> None:
    problem(await head.put(f"{PATH}/ES", json=DECREE), 428, "/If-Match")
    problem(await head.put(f"{PATH}/ES", json=DECREE, headers={"If-Match": "1"}), 400, "/If-Match")
    problem(await put(head, version=2), 412)
    assert (await put(head, version=1)).status_code == 200
    problem(await put(head, version=1), 412)


async def test_only_a_countrys_own_head_sets_its_calendar(
    head: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    problem(await put(spain), 403)
    problem(await put(head, country="MA"), 403)
    problem(await put(await client_of("ES", role=Role.INTEGRATION)), 403)
    assert (await put(await client_of("ES", "MA", role=Role.ADMIN))).status_code == 200
    assert (await read(spain, "MA"))["version"] == 1


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/source"]),
        ({"source": " "}, ["/source"]),
        ({"source": "x", "colour": "red"}, ["/colour"]),
        ({"source": "x", "holidays": ["2026-03-13"]}, ["/holidays/0"]),
        ({"source": "x", "holidays": [{"date": "2026-02-30", "name": ""}]}, ["/holidays/0/date", "/holidays/0/name"]),
        ({"source": "x", "holidays": [{"date": "2026-03-13", "name": "a\u0000"}]}, ["/holidays/0/name"]),
        ({"source": "x", "not_holidays": ["2026-03-13"]}, ["/not_holidays/0"]),
        ({"source": "x", "region": "XX"}, ["/region"]),
        ({"source": "x", "weekend": [7]}, ["/weekend/0"]),
        ({"source": "x", "weekend": [0, 1, 2, 3, 4, 5, 6]}, ["/weekend"]),
        ({"source": "x", "recess": [["2026-08-31", "2026-08-01"]]}, ["/recess/0"]),
        (
            {"source": "x", "recess": [["2027-01-01", "2027-06-30"], ["2027-06-30", "2027-12-29"]],
             "holidays": [{"date": "2027-12-30", "name": "x"}, {"date": "2027-12-31", "name": "y"}]},
            ["/recess"],
        ),
        ({"source": "x", "hours": {"0": [["17:00", "09:00"]]}}, ["/hours/0/0"]),
        ({"source": "x", "hours": {"0": [["09:00", "12:00"], ["11:00", "13:00"]]}}, ["/hours/0/1"]),
        ({"source": "x", "hours": {"6": [["09:00", "12:00"]]}}, ["/hours"]),
        ({"source": "x", "date_hours": {"2026-13-01": []}}, ["/date_hours/2026-13-01"]),
        ({"source": "x", "complete_years": [2399]}, ["/complete_years/0"]),
        ({"source": "x", "extra_working_days": ["2026-03-14"] * 2001}, ["/extra_working_days"]),
    ],
)  # fmt: skip
async def test_a_calendar_that_cannot_be_meant_is_refused_naming_the_fields(
    head: httpx.AsyncClient, body: dict[str, Any], pointers: list[str]
) -> None:
    problem(await put(head, body), 400, *pointers)
    assert (await read(head))["version"] == 1


async def test_requests_of_the_country_are_counted_anew_by_the_job(
    db: Database, head: httpx.AsyncClient
) -> None:
    await with_shipped_limits(db)
    body = {
        "kind": "evidence",
        "requesting_country": "MA",
        "requested_country": "ES",
        "assistance": ["records"],
        "events": [{"type": "sent", "occurred_on": "2026-03-02"}],
    }
    request = (await head.post("/api/v1/requests", json=body)).json()
    assert (await put(head)).json()["requests_waiting"] == 1
    await recount_stale(db, NOW)
    answer = await head.get(f"/api/v1/requests/{request['id']}/clocks")
    [clock] = [clock for clock in answer.json()["items"] if clock["stage"] == "receive"]
    assert clock["due_on"] == "2026-03-17"
    assert "Day of mourning" in str(clock["explanation"])


async def test_the_engine_by_itself_counts_by_the_calendar_in_force(head: httpx.AsyncClient) -> None:
    question = {"start": "2026-03-12", "amount": 1, "unit": "working_days", "calendar": "ES"}
    assert (await head.post("/api/v1/deadlines", json=question)).json()["due_on"] == "2026-03-13"
    await put(head)
    assert (await head.post("/api/v1/deadlines", json=question)).json()["due_on"] == "2026-03-16"
