"""Random data, read over HTTP by several viewers: every number is the length of its list, and no two reports differ."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from mla_tracker.domain.tallies import WAYS
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.counted_clocks import STOPPED, Result
from mla_tracker.storage.database import Database
from tests.builders.api import ClientOf
from tests.builders.counted import with_shipped_limits
from tests.builders.random_cases import log_random_cases
from tests.builders.register import account
from tests.builders.sheets import as_csv, as_xlsx, csv_rows, xlsx_rows

SLA = "/api/v1/reports/sla"
AGEING = "/api/v1/reports/ageing"
STATISTICS = "/api/v1/reports/statistics"
CLOCKS = "/api/v1/clocks"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ALWAYS = {"from": "2015-01-01", "to": "2034-12-31"}
PERIODS = [ALWAYS, {"from": "2025-01-01", "to": "2026-01-01"}, {"from": "2025-11-15", "to": "2026-03-20"}]
VIEWERS: list[tuple[tuple[str, ...], Role]] = [
    (("ES",), Role.MINISTRY),
    (("PT", "MA"), Role.HEAD),  # the makers of drafts that Spain does not see
    (("ES", "PT"), Role.OFFICER),
    (("FR",), Role.MINISTRY),
]
Row = Mapping[str, Any]


async def read(client: httpx.AsyncClient, path: str, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(client: httpx.AsyncClient, address: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await client.get(f"{address}&limit=200{cursor and f'&cursor={cursor}'}")
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        cursor = page.json()["next_cursor"]
    return items


def some(dice: random.Random, rows: Sequence[Row], number: int) -> list[Row]:
    return dice.sample(list(rows), min(number, len(rows)))


def keyed(row: Row) -> tuple[Any, Any]:
    return row["as"], row.get("basis")


async def the_speed_report_agrees(client: httpx.AsyncClient, dice: random.Random, **wanted: str) -> None:
    report = await read(client, SLA, **wanted)
    for total in report["totals"]:
        parts = [cell for cell in report["cells"] if keyed(cell) == keyed(total)]
        for name in ("due", "stopped", "open", *Result):
            assert total[name] == sum(cell[name] for cell in parts), (name, wanted)
    for cell in (*some(dice, report["cells"], 12), *report["totals"]):
        due = await listed(client, cell["list"])
        assert len(due) == cell["due"]
        for result in Result:
            assert [item["result"] for item in due].count(result) == cell[result], (result, cell)
        assert sum(cell[result] for result in Result) == cell["due"]
        assert cell["open"] == cell["open_in_time"] + cell["open_overdue"]
        stopped = await listed(client, cell["stopped_list"])
        assert len(stopped) == cell["stopped"]
        assert {item["result"] for item in stopped} <= set(STOPPED)
        assert (cell["on_time_rate"] is None) == (cell["due"] == 0)
    await the_tables_agree(client, SLA, report["cells"], wanted)


async def the_tables_agree(
    client: httpx.AsyncClient, path: str, cells: Sequence[Row], wanted: Mapping[str, str]
) -> None:
    """CSV and workbook hold what JSON says of the cells, in the same order."""
    plain = await client.get(path, params=wanted, headers={"Accept": "text/csv"})
    book = await client.get(path, params=wanted, headers={"Accept": XLSX})
    assert (plain.status_code, book.status_code) == (200, 200)
    lines, rows = csv_rows(plain.content), xlsx_rows(book.content)
    assert len(lines) == len(rows) == len(cells)
    for cell, line, row in zip(cells, lines, rows, strict=True):
        told = flat(cell)
        same = line.keys() & told.keys()
        assert same >= {"as", "list"}
        if "counts" in cell:
            bands = [name for name in line if name.startswith("days_")]
            assert [int(line[name]) for name in bands] == [row[name] for name in bands] == cell["counts"]
        assert {name: line[name] for name in same} == {name: as_csv(told[name]) for name in same}
        assert {name: row[name] for name in same} == pytest.approx(
            {name: as_xlsx(told[name]) for name in same}
        )


def flat(cell: Row) -> dict[str, Any]:
    """A cell of JSON with the columns of the tables."""
    grounds = {
        name: ", ".join(f"{ground} {number}" for ground, number in value.items()) or None
        for name, value in cell.items()
        if isinstance(value, Mapping)
    }
    return {name: value for name, value in cell.items() if not isinstance(value, list)} | grounds


async def the_reports_agree_on_what_is_overdue(client: httpx.AsyncClient, whose: str) -> None:
    """Overdue by the speed report of all time = by the ageing report = in the worklist."""
    ageing = await read(client, AGEING, whose=whose)
    speed = await read(client, SLA, **ALWAYS, whose=whose)
    overdue = {keyed(row): row for row in ageing["overdue"]["totals"]}
    clocks = {keyed(row): row for row in ageing["clocks"]["totals"]}
    other = {"requesting": "requested", "requested": "requesting"}
    assert [keyed(row) for row in speed["totals"]] == list(overdue)
    for row in speed["totals"]:
        side, basis = row["as"], row["basis"]
        duty = side if whose == "ours" else other[side]
        bases = "law,agreement" if basis == "law" else basis
        address = f"{CLOCKS}?as={side}&obligor={duty}&effect=deadline&basis={bases}"
        late = await listed(client, f"{address}&state=overdue")
        paused = await listed(client, f"{address}&state=paused&result=open_overdue")
        assert row["open_overdue"] == overdue[keyed(row)]["total"] == len(late) + len(paused)
        assert row["open"] == clocks[keyed(row)]["total"]
        for found in (overdue[keyed(row)], clocks[keyed(row)]):
            assert len(await listed(client, found["list"])) == found["total"] == sum(found["counts"])


async def the_books_agree(client: httpx.AsyncClient, dice: random.Random) -> None:
    """On the books today: by the ageing report = by the statistics = in the list behind either."""
    ageing = await read(client, AGEING, group_by="counterpart,kind")
    ledger = await read(client, STATISTICS, **ALWAYS, group_by="counterpart,kind")
    told = {(row["as"], row["counterpart"], row["kind"]): row for row in ageing["requests"]["cells"]}
    closing = {(row["as"], row["counterpart"], row["kind"]): row["closing"] for row in ledger["cells"]}
    assert {key: row["total"] for key, row in told.items()} == {key: n for key, n in closing.items() if n}
    for row in (*some(dice, list(told.values()), 8), *ageing["requests"]["totals"]):
        assert len(await listed(client, row["list"])) == row["total"] == sum(row["counts"])
    for row, total in zip(ageing["requests"]["totals"], ledger["totals"], strict=True):
        assert (row["as"], row["total"]) == (total["as"], total["closing"])
    for section in ("requests", "clocks", "overdue"):
        for total in ageing[section]["totals"]:
            parts = [cell for cell in ageing[section]["cells"] if keyed(cell) == keyed(total)]
            assert total["total"] == sum(cell["total"] for cell in parts)
    sections = [cell for name in ("requests", "clocks", "overdue") for cell in ageing[name]["cells"]]
    await the_tables_agree(client, AGEING, sections, {"group_by": "counterpart,kind"})


async def the_ledger_agrees(client: httpx.AsyncClient, dice: random.Random, **wanted: str) -> None:
    report = await read(client, STATISTICS, **wanted)
    for row in (*report["cells"], *report["totals"]):
        gone = sum(row[way] for way in WAYS)
        assert row["opening"] + row["new"] + row["reopened"] - gone == row["closing"]
        assert row["ended"] == gone
        for way in ("refused", "declined"):
            assert row[way] == sum(row[f"{way}_by_ground"].values())
    for side in ("requesting", "requested"):
        spans = [row for row in report["totals"] if row["as"] == side]
        assert [row["closing"] for row in spans[:-1]] == [row["opening"] for row in spans[1:]]
    if "offence" not in wanted.get("group_by", ""):
        for total in report["totals"]:
            at = ("as", "from")
            parts = [cell for cell in report["cells"] if [cell[n] for n in at] == [total[n] for n in at]]
            for name in ("opening", "new", "reopened", *WAYS, "closing", "arrests", "consents", "surrenders"):
                assert total[name] == sum(cell[name] for cell in parts), name
    for row in (*some(dice, report["cells"], 6), *some(dice, report["totals"], 2)):
        for name, address in row["lists"].items():
            way, _, ground = name.partition(":")
            number = row[f"{way}_by_ground"][ground] if ground else row[name]
            items = await listed(client, address)
            assert len(items) == number, (name, address)
            if name.startswith("decided_"):
                days = [item["days_from_arrest"] for item in items if item["days_from_arrest"] is not None]
                mean = row[f"mean_days_{name.removeprefix('decided_')}"]
                assert mean == (pytest.approx(sum(days) / len(days)) if days else None)
        assert len(await listed(client, row["list"])) == row["opening"] + row["new"] + row["reopened"]
    await the_tables_agree(client, STATISTICS, report["cells"], wanted)


@pytest.mark.parametrize("seed", range(3))
async def test_reports_agree_with_each_other_and_with_the_lists_behind_them(
    db: Database, client_of: ClientOf, seed: int
) -> None:
    await with_shipped_limits(db)
    await log_random_cases(db, seed, 90, 150, await account(db, "ES", "PT", "MA", "MD"))
    dice = random.Random(seed)
    for countries, role in VIEWERS:
        client = await client_of(*countries, role=role)
        for period in PERIODS:
            dimensions = dice.sample(["counterpart", "kind", "stage", "month"], dice.randint(0, 4))
            more = {"group_by": ",".join(dimensions)} if dimensions else {}
            await the_speed_report_agrees(
                client, dice, **period, **more, whose=dice.choice(("ours", "theirs"))
            )
            divisions = dice.sample(["counterpart", "kind", "offence"], dice.randint(0, 3))
            more = {"group_by": ",".join(divisions)} if divisions else {}
            await the_ledger_agrees(client, dice, **period, **more, by=dice.choice(("period", "year")))
        for whose in ("ours", "theirs"):
            await the_reports_agree_on_what_is_overdue(client, whose)
        await the_books_agree(client, dice)


async def test_the_random_data_hold_every_figure(db: Database, client_of: ClientOf) -> None:
    """Else the properties above would hold of nothing."""
    await with_shipped_limits(db)
    await log_random_cases(db, 0, 160, 150, await account(db, "ES", "PT", "MA", "MD"))
    client = await client_of("ES", "PT", "MA")
    speed = await read(client, SLA, **ALWAYS, group_by="kind,stage")
    for name in ("stopped", *Result):
        assert sum(row[name] for row in speed["totals"]) > 0, name
    assert {("proceedings", "decide"), ("proceedings", "tell_result"), ("extradition", "surrender")} <= {
        (cell["kind"], cell["stage"]) for cell in speed["cells"]
    }
    ledger = await read(client, STATISTICS, **ALWAYS)
    seen = {name for row in ledger["totals"] for name in row["lists"]}
    assert seen >= {
        "new", "reopened", "ended", "closing", "executed", "surrendered", "refused", "refused:limitation", "withdrawn",
        "lapsed", "charged", "declined", "declined:ne_bis_in_idem", "reclassified", "arrests", "consents", "surrenders",
        "decided_with_consent", "decided_without_consent",
    }  # fmt: skip
