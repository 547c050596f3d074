"""GET /reports/statistics over HTTP: rows, lists, tables, workbooks, and opening balances that were restated."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mla_tracker.api.statistics_bodies import (
    CountedRequest,
    OpeningBalance,
    StatisticsReport,
    StatisticsRow,
    Way,
)
from mla_tracker.api.workbooks import XLSX, workbook
from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.ledger import a_case
from tests.builders.reporting import a_duty

PATH = "/api/v1/reports/statistics"
BALANCES = "/api/v1/reports/opening-balances"
YEAR = {"from": "2025-01-01", "to": "2026-01-01", "as": "requested"}


async def read(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(PATH, params=YEAR | parameters)
    assert answer.status_code == 200, answer.text
    StatisticsReport.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


async def a_year(db: Database) -> None:
    """Three requests before the year, two in it, three ended."""
    await a_case().received("2024-05-02").ended("surrendered", "2025-02-03").stored(db)
    await a_case().received("2024-05-02").about("fraud").stored(db)
    await (
        a_case()
        .of("evidence")
        .received("2024-06-01")
        .ended("refused", "2025-03-01", "death_penalty")
        .stored(db)
    )
    await a_case().between("EC", "ES").received("2025-04-01").about("fraud", "=theft").stored(db)
    await a_case().between("EC", "ES").received("2025-05-01").ended("withdrawn", "2025-12-31").stored(db)


async def test_the_report_of_the_contract(db: Database, spain: httpx.AsyncClient) -> None:
    await a_year(db)
    report = await read(spain, group_by="counterpart,kind")
    told = ("counterpart", "kind", "opening", "new", "surrendered", "refused", "withdrawn", "closing")
    assert [tuple(cell[name] for name in told) for cell in report["cells"]] == [
        ("EC", "extradition", 0, 2, 0, 0, 1, 1),
        ("MA", "evidence", 1, 0, 0, 1, 0, 0),
        ("MA", "extradition", 2, 0, 1, 0, 0, 1),
    ]
    [total] = report["totals"]
    assert [total[name] for name in told[2:]] == [3, 2, 1, 1, 1, 2]
    assert (report["as_of"], report["by"]) == ("2026-03-10T12:00:00Z", "period")


async def test_every_figure_leads_to_the_requests_it_counts(db: Database, spain: httpx.AsyncClient) -> None:
    await a_year(db)
    for group_by in ("", "kind", "offence", "offence,counterpart"):
        report = await read(spain, **({"group_by": group_by} if group_by else {}))
        for row in (*report["cells"], *report["totals"]):
            for name, address in row["lists"].items():
                answer = await spain.get(address)
                assert answer.status_code == 200, answer.text
                items = answer.json()["items"]
                for item in items:
                    CountedRequest.model_validate_json(httpx.Response(200, json=item).content)
                way, _, ground = name.partition(":")
                assert len(items) == (row[f"{way}_by_ground"][ground] if ground else row[name]), name
            assert len((await spain.get(row["list"])).json()["items"]) == row["opening"] + row["new"]


async def test_the_list_comes_in_pages(db: Database, spain: httpx.AsyncClient) -> None:
    await a_year(db)
    [total] = (await read(spain))["totals"]
    seen: list[str] = []
    cursor = ""
    while not seen or cursor:
        page = (await spain.get(f"{total['list']}&limit=2{cursor}")).json()
        seen += [item["request_id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert len(seen) == len(set(seen)) == 5


async def test_years_follow_one_another(db: Database, spain: httpx.AsyncClient) -> None:
    await a_year(db)
    report = await read(spain, **{"from": "2023-07-01", "to": "2026-07-01", "by": "year"})
    rows = report["cells"]
    assert [row["from"] for row in rows] == ["2023-07-01", "2024-07-01", "2025-07-01"]
    assert [row["closing"] for row in rows[:-1]] == [row["opening"] for row in rows[1:]]


async def test_csv_and_xlsx_hold_the_same_figures(db: Database, spain: httpx.AsyncClient) -> None:
    await a_year(db)
    parameters = YEAR | {"group_by": "offence"}
    plain = await spain.get(PATH, params=parameters, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(plain.text)))
    assert [(row["offence"], row["opening"], row["refused_by_ground"]) for row in rows] == [
        ("'=theft", "0", ""), ("fraud", "1", ""), ("", "2", "death_penalty 1"),
    ]  # fmt: skip
    book = await spain.get(PATH, params=parameters, headers={"Accept": XLSX})
    assert book.headers["Content-Type"] == XLSX
    assert book.headers["Content-Disposition"].endswith('"statistics-2025-01-01-2026-01-01.xlsx"')
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        texts = parts.read("xl/sharedStrings.xml").decode()
        figures = parts.read("xl/worksheets/sheet1.xml").decode()
        about = parts.read("xl/worksheets/sheet2.xml").decode()
    assert "=theft" in texts
    assert "<f>" not in figures + about
    assert all(f">{name}<" in texts for name in rows[0])
    assert "<v>45658</v>" in about  # 2025-01-01, the first day of the period


async def test_the_other_reports_come_as_workbooks_too(db: Database, spain: httpx.AsyncClient) -> None:
    await a_duty().due("2026-03-05").met("2026-03-04").stored(db)
    for path, parameters in (
        ("/api/v1/reports/sla", {"from": "2026-03-01", "to": "2026-04-01"}),
        ("/api/v1/reports/ageing", {}),
    ):
        book = await spain.get(path, params=parameters, headers={"Accept": XLSX})
        assert (book.status_code, book.headers["Content-Type"]) == (200, XLSX)
        with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
            assert parts.testzip() is None
            assert "<v>46091.5</v>" in parts.read("xl/worksheets/sheet2.xml").decode()  # 2026-03-10 12:00


def test_numbers_stay_numbers_and_text_never_becomes_a_formula_or_a_link() -> None:
    header = ["rate", "days", "count", "day", "text", "link", "nothing"]
    row = [0.5, 12.5, 3, NOW.date(), "=1+1", "https://example.org", None]
    with zipfile.ZipFile(io.BytesIO(workbook("x", {"as_of": NOW}, header, [row]))) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        styles = parts.read("xl/styles.xml").decode()
    assert re.findall(r"<v>([\d.]+)</v>", sheet)[len(header) : len(header) + 4] == [
        "0.5",
        "12.5",
        "3",
        "46091",
    ]
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    assert "0.0%" in styles
    assert "yyyy-mm-dd" in styles


@pytest.mark.parametrize(
    ("parameters", "pointers"),
    [
        ({"to": "2025-01-01"}, {"/to"}),
        ({"from": "2000-01-01"}, {"/to"}),
        ({"by": "month", "group_by": "kind,kind"}, {"/by", "/group_by"}),
        ({"group_by": "stage", "basis": "law"}, {"/group_by/0", "/basis"}),
    ],
)
async def test_wrong_parameters_are_named(
    spain: httpx.AsyncClient, parameters: dict[str, str], pointers: set[str]
) -> None:
    answer = await spain.get(PATH, params=YEAR | parameters)
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == pointers


async def test_a_way_narrows_a_list_to_what_ended_in_the_span(db: Database, spain: httpx.AsyncClient) -> None:
    await a_year(db)
    for figure, number in ({}, 1), ({"figure": "new"}, 1), ({"figure": "opening"}, 0):
        answer = await spain.get(f"{PATH}/requests", params=YEAR | {"way": "withdrawn,lapsed"} | figure)
        assert len(answer.json()["items"]) == number


async def test_every_role_reads_the_figures_of_its_countries_alone(db: Database, client_of: ClientOf) -> None:
    await a_year(db)
    await a_case().act("drafted", "2025-02-01").stored(db)
    for role in Role:
        for own, new in (("ES", 2), ("KZ", 0)):
            [total] = (await read(await client_of(own, role=role)))["totals"]
            assert total["new"] == new
    [total] = (await read(await client_of("MA", role=Role.MINISTRY), **{"as": "requesting"}))["totals"]
    assert (total["opening"], total["surrendered"], total["refused"], total["closing"]) == (3, 1, 1, 1)


def balance(**changes: Any) -> dict[str, Any]:
    body = {
        "country": "ES",
        "as": "requested",
        "first_day": "2025-01-01",
        "count": 5,
        "reason": "Two on paper only.",
    }
    return body | changes


async def test_a_restated_opening_balance_stays_visible_beside_what_is_counted(
    db: Database, client_of: ClientOf, present: Present
) -> None:
    await a_year(db)
    ministry = await client_of("ES", role=Role.MINISTRY)
    for body in (balance(count=4), balance(), balance(kind="evidence", count=1)):
        present.now += timedelta(seconds=1)
        answer = await ministry.post(BALANCES, json=body)
        assert answer.status_code == 201, answer.text
        OpeningBalance.model_validate_json(answer.content)
    report = await read(ministry, group_by="kind")
    told = (
        "opening",
        "opening_restated",
        "opening_difference",
        "closing",
        "closing_restated",
        "restated_because",
    )
    assert [report["totals"][0][name] for name in told] == [3, 5, 2, 2, 4, "Two on paper only."]
    assert [[cell[name] for name in told[:3]] for cell in report["cells"]] == [[1, 1, 0], [2, None, None]]
    listed = (await ministry.get(BALANCES)).json()["items"]
    assert [(item["count"], item["replaced"]) for item in listed] == [(1, False), (5, False), (4, True)]
    assert (await (await client_of("MA", role=Role.HEAD)).get(BALANCES)).json()["items"] == []


async def test_the_same_statement_twice_under_one_key_is_one(client_of: ClientOf) -> None:
    head = await client_of("ES", role=Role.HEAD)
    first, second = [
        await head.post(BALANCES, json=balance(), headers={"Idempotency-Key": "2025"}) for _ in range(2)
    ]
    assert (first.json(), second.headers["Idempotency-Replayed"]) == (second.json(), "true")


async def test_who_may_not_state_a_balance(client_of: ClientOf) -> None:
    officer, head = await client_of("ES"), await client_of("ES", role=Role.HEAD)
    assert (await officer.post(BALANCES, json=balance())).status_code == 403
    assert (await head.post(BALANCES, json=balance(country="MA"))).status_code == 403
    late = await head.post(BALANCES, json=balance(first_day="2026-03-11"))
    assert late.json()["errors"][0]["pointer"] == "/first_day"


@pytest.mark.parametrize(
    ("country", "now", "first_day", "status"),
    [
        (
            "NZ",
            datetime(2025, 12, 31, 20, tzinfo=UTC),
            "2026-01-01",
            201,
        ),  # nine in the morning in Wellington
        ("US", datetime(2026, 1, 1, 2, tzinfo=UTC), "2026-01-01", 400),  # the evening before in Washington
    ],
)
async def test_a_span_begins_with_the_day_of_the_country(
    client_of: ClientOf, present: Present, country: str, now: datetime, first_day: str, status: int
) -> None:
    head = await client_of(country, role=Role.HEAD)
    present.now = now
    answer = await head.post(BALANCES, json=balance(country=country, first_day=first_day))
    assert answer.status_code == status, answer.text


def test_the_contract_names_every_way_out() -> None:
    assert {way.value for way in Way} == set(WAYS)
    assert set(WAYS) < set(StatisticsRow.model_fields)
