"""The yearly figures: known ledgers reproduced from cases, and random ones counted by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.requests import log_request
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import RequestKind, Role, Side
from mla_tracker.queries.statistics import (
    By,
    Division,
    StatisticsWanted,
    spans,
    statistics,
)
from mla_tracker.storage.database import Database, DbRole
from tests.builders.ledger import ACase, a_case
from tests.queries.trials import LEDGER, adds_up, an_actor, on_record

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

# The yearly tables of Australia, extradition requests received: opening, new, ended under its five headings, closing.
# Which of our ways stands for which heading does not matter here: the sums do.
HEADINGS = ("surrendered", "refused", "lapsed", "returned_incomplete", "withdrawn")
AUSTRALIA = {2012: (52, 23, (11, 1, 0, 2, 14), 47), 2015: (60, 28, (11, 3, 1, 0, 13), 60),
             2020: (91, 29, (10, 4, 1, 0, 27), 78)}  # fmt: skip


async def read(
    db: Database, cases: Sequence[ACase], first: str, end: str, own: str = "ES", **wanted: Any
) -> list[dict[str, Any]]:
    """The rows of the report on these cases as that country reads it, of what it was asked."""
    wanted = {"sides": [Side.REQUESTED]} | wanted
    asked = StatisticsWanted(date.fromisoformat(first), date.fromisoformat(end), **wanted)
    async with on_record(db, cases, own) as tx:
        return (await statistics(tx, asked, actor=an_actor(own))).cells


def australian_cases(year: int) -> list[ACase]:
    """Cases that came before the financial year and in it, so many of them ended in it under each heading."""
    opening, new, ends, _ = AUSTRALIA[year]
    first = date(year, 7, 1)
    cases = [
        a_case()
        .between("NZ", "AU")
        .received(first + timedelta(days=n % 365 if n < new else -1 - n * 7 % 900))
        for n in range(new + opening)
    ]
    ways = [heading for heading, number in zip(HEADINGS, ends, strict=True) for _ in range(number)]
    last = date(year + 1, 6, 30)
    return [
        case.ended(ways[n], last - timedelta(days=n % 30), "nationality" if ways[n] == "refused" else None)
        if n < len(ways)
        else case
        for n, case in enumerate(cases[:new:-1] + cases[: new + 1])
    ]


def published(year: int) -> dict[str, int]:
    opening, new, ends, closing = AUSTRALIA[year]
    return {"opening": opening, "new": new, "closing": closing, **dict(zip(HEADINGS, ends, strict=True))}


@pytest.mark.parametrize("year", AUSTRALIA)
async def test_the_rows_of_australia_come_out_of_its_cases(db: Database, year: int) -> None:
    cases = australian_cases(year)
    [row] = await read(db, cases, f"{year}-07-01", f"{year + 1}-07-01", own="AU", group_by=[Division.KIND])
    assert {name: row[name] for name in published(year)} == published(year)
    assert adds_up(row)


async def test_and_out_of_cases_that_were_logged_with_their_acts(db: Database) -> None:
    officer = Actor(UUID(int=1), ("AU",), Role.OFFICER, "the office")
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "insert into account (id, name, countries, role, created_at) values ($1, 'o', '{AU}', 'officer', $2)",
            officer.account_id,
            NOW,
        )
    for case in australian_cases(2012):
        acts = [NewEvent(act, occurred_on=when, data=data) for act, when, data, _ in case.acts]
        entry = NewRequest(RequestKind.EXTRADITION, "NZ", "AU", events=acts)
        await log_request(db, entry, actor=officer, now=NOW)
    wanted = StatisticsWanted(date(2011, 7, 1), date(2014, 7, 1), By.YEAR, sides=[Side.REQUESTED])
    async with db.transaction(DbRole.API, viewer=officer, read_only=True) as tx:
        before, row, after = (await statistics(tx, wanted, actor=officer)).cells
    assert {name: row[name] for name in published(2012)} == published(2012)
    assert (before["closing"], after["opening"]) == (row["opening"], row["closing"])


async def test_a_request_counts_from_sending_where_it_went_out_and_from_receipt_where_it_came(
    db: Database,
) -> None:
    case = a_case().sent("2025-12-30").received("2026-01-02")
    for own, side, opening in (("MA", Side.REQUESTING, 1), ("ES", Side.REQUESTED, 0)):
        [row] = await read(db, [case], "2026-01-01", "2027-01-01", own=own, sides=[side])
        assert (row["opening"], row["new"], row["closing"]) == (opening, 1 - opening, 1)


async def test_a_request_sent_and_not_received_yet_counts_from_sending(db: Database) -> None:
    [row] = await read(db, [a_case().sent("2025-12-30")], "2026-01-01", "2027-01-01")
    assert (row["opening"], row["closing"]) == (1, 1)


async def test_an_arrest_before_the_formal_request_makes_it_a_request_to_us(db: Database) -> None:
    case = (
        a_case()
        .act("provisional_arrest_requested", "2025-12-01")
        .act("provisionally_arrested", "2025-12-20")
        .act("received", "2026-01-05", documents=True)
    )
    [row] = await read(db, [case], "2025-12-01", "2026-01-01")
    assert (row["new"], row["arrests"], row["closing"]) == (1, 1, 1)


async def test_drafts_are_in_no_figure(db: Database) -> None:
    draft = a_case().act("drafted", "2026-01-05")
    [row] = await read(db, [draft], "2026-01-01", "2027-01-01")
    assert {row[name] for name in LEDGER} == {0}


async def test_a_request_that_is_reopened_comes_back_and_leaves_again(db: Database) -> None:
    case = a_case().received("2026-01-05").ended("withdrawn", "2026-02-01").reopened("2026-03-01")
    case = case.ended("surrendered", "2027-02-01")
    first, second = await read(db, [case], "2026-01-01", "2028-01-01", by=By.YEAR)
    assert (first["new"], first["withdrawn"], first["reopened"], first["closing"]) == (1, 1, 1, 1)
    assert (second["opening"], second["surrendered"], second["closing"]) == (1, 1, 0)
    assert adds_up(first)


async def test_an_enquiry_leaves_the_books_on_the_day_it_is_found_to_be_none(db: Database) -> None:
    case = (
        a_case().received("2025-01-05").ended("reclassified", "2026-02-01").ended("withdrawn", "2026-03-01")
    )
    [row] = await read(db, [case], "2026-01-01", "2027-01-01")
    assert (row["opening"], row["reclassified"], row["withdrawn"], row["closing"]) == (1, 1, 0, 0)


async def test_what_is_found_to_be_a_request_after_all_comes_back(db: Database) -> None:
    case = a_case().received("2025-01-05").ended("reclassified", "2026-02-01")
    back = case.act("reclassified", "2026-03-01", reclassified_as="request")
    [row] = await read(db, [back], "2026-01-01", "2027-01-01")
    assert (row["opening"], row["reclassified"], row["reopened"], row["closing"]) == (1, 1, 1, 1)
    ended = case.ended("withdrawn", "2026-02-10").act("reclassified", "2026-03-01", reclassified_as="request")
    [row] = await read(db, [ended], "2026-01-01", "2027-01-01")
    assert (row["reclassified"], row["withdrawn"], row["reopened"], row["closing"]) == (1, 0, 0, 0)


async def test_a_request_of_another_sort_is_still_a_request(db: Database) -> None:
    case = a_case().received("2025-01-05").act("reclassified", "2026-02-01", reclassified_as="information")
    [row] = await read(db, [case], "2026-01-01", "2027-01-01")
    assert (row["opening"], row["reclassified"], row["closing"]) == (1, 0, 1)


async def test_an_end_before_receipt_counts_on_the_day_of_receipt(db: Database) -> None:
    case = a_case().sent("2025-12-20").ended("withdrawn", "2025-12-28").received("2026-01-03")
    [row] = await read(db, [case], "2026-01-01", "2027-01-01")
    assert (row["new"], row["withdrawn"], row["closing"]) == (1, 1, 0)
    [row] = await read(db, [case], "2025-12-01", "2026-01-01", own="MA", sides=[Side.REQUESTING])
    assert (row["new"], row["withdrawn"], row["closing"]) == (1, 1, 0)


async def test_refusals_by_ground(db: Database) -> None:
    cases = [
        a_case().received("2026-01-05").ended("refused", "2026-02-01", ground="nationality"),
        a_case().received("2026-01-05").ended("refused", "2026-02-01", ground="nationality"),
        a_case().received("2026-01-05").act("closed", "2026-02-03", outcome="refused"),
    ]
    [row] = await read(db, cases, "2026-01-01", "2027-01-01")
    assert (row["refused"], row["refused_by_ground"]) == (3, {"nationality": 2, "not_stated": 1})


async def test_a_request_counts_once_for_each_of_its_offences_and_once_in_the_total(db: Database) -> None:
    cases = [
        a_case().received("2026-01-05").about("theft", "fraud", "theft"),
        a_case().received("2026-01-06"),
    ]
    wanted = StatisticsWanted(
        date(2026, 1, 1), date(2027, 1, 1), group_by=[Division.OFFENCE], sides=[Side.REQUESTED]
    )
    async with on_record(db, cases, "ES") as tx:
        table = await statistics(tx, wanted, actor=an_actor("ES"))
    assert [(row["offence"], row["new"]) for row in table.cells] == [("fraud", 1), ("theft", 1), (None, 1)]
    assert [row["new"] for row in table.totals] == [2]


async def test_days_from_arrest_to_decision_with_and_without_consent(db: Database) -> None:
    def arrested(until: str) -> ACase:
        return a_case().received("2026-01-02").act("arrested", "2026-01-10").act("decision_final", until)

    cases = [
        arrested("2026-01-20").act("consent_given", "2026-01-12").ended("surrendered", "2026-01-25"),
        arrested("2026-01-30").act("consent_given", "2026-01-12"),
        arrested("2026-02-19"),
        arrested("2026-03-01").act("consent_given", "2026-01-12").act("consent_withdrawn", "2026-01-20"),
        arrested("2027-03-01"),
    ]
    [row] = await read(db, cases, "2026-01-01", "2027-01-01")
    assert [row[name] for name in ("arrests", "consents", "surrenders")] == [5, 2, 1]
    assert (row["decided_with_consent"], row["decided_without_consent"]) == (2, 2)
    assert (row["mean_days_with_consent"], row["median_days_with_consent"]) == (15, 15)
    assert (row["mean_days_without_consent"], row["median_days_without_consent"]) == (45, 45)


def test_years_begin_on_the_day_of_the_first_and_the_last_may_be_short() -> None:
    wanted = StatisticsWanted(date(2024, 2, 29), date(2026, 7, 1), By.YEAR)
    assert spans(wanted) == [
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2025, 2, 28), date(2026, 2, 28)),
        (date(2026, 2, 28), date(2026, 7, 1)),
    ]
