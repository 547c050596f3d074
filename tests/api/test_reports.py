"""GET /reports/…: parameters, media types, tables that are safe to open, and the lists behind the figures."""

import csv
import io
from typing import Any

import httpx
import pytest

from mla_tracker.api.problems import Problem
from mla_tracker.api.report_bodies import AgeingReport, SlaReport
from mla_tracker.api.tabular import chosen, csv_answer
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.api import ClientOf
from tests.builders.reporting import a_duty

SLA = "/api/v1/reports/sla"
AGEING = "/api/v1/reports/ageing"
MARCH = {"from": "2026-03-01", "to": "2026-04-01"}


async def read(client: httpx.AsyncClient, path: str, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    (SlaReport if path == SLA else AgeingReport).model_validate_json(answer.content)
    content: dict[str, Any] = answer.json()
    return content


async def test_the_speed_report_of_the_contract(db: Database, spain: httpx.AsyncClient) -> None:
    await a_duty().due("2026-03-05").met("2026-03-04").stored(db)
    await a_duty().due("2026-03-05").stored(db)
    await a_duty().between("KZ", "ES").due("2026-03-06").met("2026-03-09").stored(db)
    report = await read(
        spain, SLA, **MARCH, group_by="counterpart,kind,stage,month", basis="law", **{"as": "requested"}
    )
    assert report["as_of"] == "2026-03-10T12:00:00Z"
    assert [(cell["counterpart"], cell["due"], cell["on_time_rate"]) for cell in report["cells"]] == [
        ("KZ", 1, 0.0),
        ("MA", 2, 0.5),
    ]
    assert report["cells"][1] | {"list": "", "stopped_list": ""} == {
        "as": "requested", "basis": "law", "counterpart": "MA", "kind": "evidence", "stage": "execute",
        "month": "2026-03", "due": 2, "met": 1, "met_extended": 0, "met_late": 0, "open_in_time": 0, "open_overdue": 1,
        "ended_overdue": 0, "on_time_rate": 0.5, "on_time_rate_so_far": 0.5, "stopped": 1, "median_days": 30.0,
        "p90_days": 30.0, "mean_days": 30.0, "median_days_without_pauses": 30.0, "p90_days_without_pauses": 30.0,
        "mean_days_without_pauses": 30.0, "open": 1, "median_open_days": 36.0, "oldest_open_days": 36,
        "list": "", "stopped_list": "",
    }  # fmt: skip
    [total] = report["totals"]
    assert (total["due"], total["met"], total["met_late"], total["median_days"]) == (3, 1, 1, 32.5)


async def test_a_cell_leads_to_the_clocks_it_counts(db: Database, spain: httpx.AsyncClient) -> None:
    duty = await a_duty().due("2026-03-05").met("2026-03-04").stored(db)
    await a_duty().due("2026-03-05").on(stage="decide").stored(db)
    report = await read(spain, SLA, **MARCH, group_by="stage,month", **{"as": "requested"})
    cell = report["cells"][1]
    assert (cell["stage"], cell["due"]) == ("execute", 1)
    for address in (cell["list"], cell["stopped_list"]):
        assert [item["id"] for item in (await spain.get(address)).json()["items"]] == [str(duty.id)]
    [total] = [total for total in report["totals"] if total["basis"] == "law"]
    assert len((await spain.get(total["list"])).json()["items"]) == 2


async def test_sides_and_bases_left_out_stand_in_cells_of_their_own(
    db: Database, spain: httpx.AsyncClient
) -> None:
    await a_duty().stored(db)
    await a_duty().on(basis="policy").stored(db)
    report = await read(spain, SLA, **MARCH)
    assert [(cell["as"], cell["basis"], cell["due"]) for cell in report["cells"]] == [
        ("requested", "law", 1), ("requested", "policy", 1),
    ]  # fmt: skip
    assert [(cell["as"], cell["basis"], cell["due"]) for cell in report["totals"]] == [
        ("requesting", "law", 0), ("requesting", "policy", 0), ("requested", "law", 1), ("requested", "policy", 1),
    ]  # fmt: skip


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"/from", "/to"}),
    ({"from": "2026-03-01"}, {"/to"}),
    ({"from": "2026-03-01", "to": "2026-03-01"}, {"/to"}),
    ({"from": "2026-03-02", "to": "2026-03-01"}, {"/to"}),
    ({"from": "2000-01-01", "to": "2020-01-03"}, {"/to"}),
    (
        {"from": "soon", "to": "2026-13-01", "as": "x", "basis": "agreement"},
        {"/from", "/to", "/as", "/basis"},
    ),
    ({**MARCH, "group_by": "counterpart,colour"}, {"/group_by/1"}),
    ({**MARCH, "group_by": "kind,kind"}, {"/group_by"}),
    ({**MARCH, "whose": "mine", "until": "x"}, {"/whose", "/until"}),
    ({"from": ["2026-03-01", "2026-03-02"], "to": "2026-04-01"}, {"/from"}),
]


async def test_every_wrong_parameter_is_named(spain: httpx.AsyncClient) -> None:
    for parameters, pointers in WRONG:
        answer = await spain.get(SLA, params=parameters)
        assert answer.status_code == 400
        assert {error["pointer"] for error in answer.json()["errors"]} == pointers


async def test_twenty_years_are_the_longest_period(spain: httpx.AsyncClient) -> None:
    await read(spain, SLA, **{"from": "2000-01-01", "to": "2020-01-01"})


async def test_a_wrong_band_is_named(spain: httpx.AsyncClient) -> None:
    for bands, pointer in (
        ("30,90,30", "/bands"), ("-1", "/bands/0"), ("a", "/bands/0"), ("36501", "/bands/0"),
        ("", "/bands"), (",".join(map(str, range(11))), "/bands"), ("1.5", "/bands/0"), ("1" * 30, "/bands/0"),
    ):  # fmt: skip
        answer = await spain.get(AGEING, params={"bands": bands})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


async def test_the_ageing_report(db: Database, spain: httpx.AsyncClient) -> None:
    await a_duty().due("2026-03-05").stored(db)
    report = await read(
        spain, AGEING, group_by="counterpart,kind", bands="30,3", basis="law", **{"as": "requested"}
    )
    assert report["bands"] == [
        {"first_day": 0, "last_day": 3}, {"first_day": 4, "last_day": 30}, {"first_day": 31, "last_day": None},
    ]  # fmt: skip
    assert report["clocks"]["cells"][0]["counts"] == [0, 0, 1]
    assert report["overdue"]["cells"][0]["counts"] == [0, 1, 0]
    assert report["requests"]["cells"][0]["total"] == 1
    items = (await spain.get(report["overdue"]["totals"][0]["list"])).json()["items"]
    assert [item["days_overdue"] for item in items] == [5]


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; header=present; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"))))


async def test_the_speed_report_as_csv_has_a_row_per_cell(db: Database, spain: httpx.AsyncClient) -> None:
    await a_duty().due("2026-03-05").stored(db)
    await a_duty().between("KZ", "ES").due("2026-03-06").met("2026-03-09").stored(db)
    answer = await spain.get(
        SLA, params={**MARCH, "group_by": "month,counterpart", "basis": "law"}, headers={"Accept": "text/csv"}
    )
    rows = table(answer)
    assert list(rows[0])[:9] == ["from", "to", "as_of", "whose", "as", "basis", "month", "counterpart", "due"]
    assert [(row["counterpart"], row["median_days"], row["open"]) for row in rows] == [
        ("KZ", "35.0", "0"),
        ("MA", "", "1"),
    ]
    assert rows[0]["as_of"] == "2026-03-10T12:00:00Z"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sla-2026-03-01-2026-04-01.csv"'
    assert (await spain.get(rows[0]["list"])).json()["items"][0]["counted_in"] == "ES"


async def test_a_report_of_nothing_is_a_header(spain: httpx.AsyncClient) -> None:
    answer = await spain.get(SLA, params=MARCH, headers={"Accept": "text/csv"})
    assert table(answer) == []
    assert answer.text.startswith("from,to,as_of,")


async def test_the_ageing_report_as_csv(db: Database, spain: httpx.AsyncClient) -> None:
    await a_duty().due("2026-03-05").stored(db)
    rows = table(await spain.get(AGEING, params={"bands": "30"}, headers={"Accept": "text/csv"}))
    assert [(row["section"], row["total"], row["days_0_30"], row["days_31_or_more"]) for row in rows] == [
        ("requests", "1", "0", "1"),
        ("clocks", "1", "0", "1"),
        ("overdue", "1", "1", "0"),
    ]


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"), ("", "application/json"), ("*/*", "application/json"), ("text/*", "text/csv"),
        ("text/csv", "text/csv"), ("TEXT/CSV;header=present", "text/csv"), ("nonsense, text/csv", "text/csv"),
        ("application/json, text/csv", "application/json"), ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/csv;q=0.1, */*;q=0.2", "application/json"), ("text/csv;q=0, */*", "application/json"),
        ("application/json;q=0, */*", "text/csv"), ("text/csv;q=nan, */*;q=0.1", "application/json"),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)  # fmt: skip
def test_the_client_s_wish_is_weighed(accept: str | None, media: str) -> None:
    assert chosen(accept) == media


async def test_what_we_do_not_have_is_not_acceptable(spain: httpx.AsyncClient) -> None:
    for accept in ("text/html", "text/csv;q=0", "*/*;q=0", "nonsense", "application/xml, image/*"):
        with pytest.raises(Problem):
            chosen(accept)
        answer = await spain.get(SLA, params=MARCH, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "＝1"])
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    answer = csv_answer(["a"], [[text], [-1], [None], ['say "no", please']], filename="x.csv")
    rows = list(csv.reader(io.StringIO(bytes(answer.content).decode(), newline="")))
    assert rows == [["a"], [f"'{text}"], ["-1"], [""], ['say "no", please']]


async def test_every_role_reads_the_figures_of_its_countries(db: Database, client_of: ClientOf) -> None:
    await a_duty().due("2026-03-05").stored(db)
    for role in Role:
        for own, due in (("ES", 1), ("EC", 0)):
            client = await client_of(own, role=role)
            report = await read(client, SLA, **MARCH, basis="law", **{"as": "requested"})
            assert report["totals"][0]["due"] == due
            assert (await read(client, AGEING, basis="law"))["clocks"]["totals"][1]["total"] == due


async def test_a_report_needs_a_token(anonymous: httpx.AsyncClient) -> None:
    for path in (SLA, AGEING):
        assert (await anonymous.get(path, params=MARCH)).status_code == 401
