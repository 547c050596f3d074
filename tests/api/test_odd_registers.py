"""What real registers look like, and what becomes of it: each rule of docs/imports.md at work."""

import pytest

from mla_tracker.api.files.cells import (
    Misread,
    escaped,
    read_country,
    read_date,
    read_list,
    read_parties,
    unescaped,
)
from mla_tracker.api.files.reading import read_rows
from mla_tracker.commands.importing_rows import ReadRow
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.storage.imports import ImportSpec
from tests.builders.files import pieces

HEADER = "kind,requesting_country,requested_country,external_reference,subject,sent_on\n"
ROW = 'evidence,MA,ES,A-1,"Books, seized",2026-01-05\n'


async def rows(content: str | bytes, kind: str = "requests", form: str = "csv", **how: str) -> list[ReadRow]:
    raw = content.encode() if isinstance(content, str) else content
    return [row async for row in read_rows(pieces(raw, 5), ImportSpec(kind, form, **how), skip=0)]  # type: ignore[arg-type] # words only


async def one(content: str | bytes, kind: str = "requests", form: str = "csv", **how: str) -> ReadRow:
    [row] = await rows(content, kind, form, **how)
    return row


def why(row: ReadRow) -> str:
    return " ".join(f"{field}: {reason}" for field, reason in row.faults)


@pytest.mark.parametrize(
    ("cell", "days", "day"),
    [
        ("2019-04-03", "iso", "2019-04-03"),
        ("2019-4-3", "iso", "2019-04-03"),
        ("2019-04-03 00:00:00", "iso", "2019-04-03"),
        ("31.12.2019", "iso", "2019-12-31"),
        ("3.4.2019", "iso", "2019-04-03"),
        ("3.4.2019", "month_first", "2019-04-03"),
        ("31/12/2019", "iso", "2019-12-31"),
        ("12/31/2019", "iso", "2019-12-31"),
        ("04/04/2019", "iso", "2019-04-04"),
        ("03/04/2019", "day_first", "2019-04-03"),
        ("03/04/2019", "month_first", "2019-03-04"),
        ("03-04-2019", "day_first", "2019-04-03"),
        ("03/04/2019 00:00:00", "day_first", "2019-04-03"),
        ("03.04.2019 00:00", "iso", "2019-04-03"),
    ],
)
def test_a_day_is_read_in_several_forms(cell: str, days: str, day: str) -> None:
    assert read_date(cell, days) == day


@pytest.mark.parametrize(
    ("cell", "days", "said"),
    [
        ("03/04/2019", "iso", "day_first or month_first"),
        ("43800", "iso", "serial number"),
        ("43800.0", "day_first", "serial number"),
        ("31.12.19", "iso", "two digits"),
        ("2019-02-30", "iso", "no day"),
        ("31.04.2019", "iso", "no day"),
        ("12/31/2019", "day_first", "no day"),
        ("2019-04-03 14:05", "iso", "occurred_at"),
        ("03.04.2019 14:05:00", "day_first", "occurred_at"),
        ("2019-04-02T22:00:00.000Z", "iso", "occurred_at"),
        ("2019-04-03T00:00:00+02:00", "iso", "occurred_at"),
        ("spring 2019", "iso", "YYYY-MM-DD"),
        ("", "iso", "YYYY-MM-DD"),
    ],
)
def test_a_day_that_could_be_another_or_none_is_refused_with_a_hint(cell: str, days: str, said: str) -> None:
    with pytest.raises(Misread, match=said):
        read_date(cell, days)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("MA", "MA"), ("ma", "MA"), ("MAR", "MA"), ("Morocco", "MA"), ("المغرب", "MA"), ("Rabat", "MA"),
        ("The Hague", "NL"), ("La Haye", "NL"), ("Deutschland", "DE"), ("España", "ES"), ("ESPANA", "ES"),
        ("Côte d'Ivoire", "CI"), ("COTE D’IVOIRE", "CI"), ("Ivory Coast", "CI"), ("Korea, Republic of", "KR"),
        ("Burma", "MM"), ("Swaziland", "SZ"), ("U.S.A.", "US"), ("Washington, D.C.", "US"), ("the Netherlands", "NL"),
        ("Российская Федерация", "RU"), ("Россия", "RU"), ("中国", "CN"), ("Turkey", "TR"),
    ],
)  # fmt: skip
def test_a_country_is_known_by_code_name_capital_and_a_name_of_before(cell: str, code: str) -> None:
    assert read_country(cell) == code


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Morrocco", "Morocco"),
        ("Yugoslavia", "no more since 1992"),
        ("URSS", "no more since 1991"),
        ("конго", "different countries"),
        ("Nowhere", "ISO 3166-1"),
    ],
)
def test_what_names_no_country_of_today_for_certain_is_refused(cell: str, said: str) -> None:
    with pytest.raises(Misread, match=said):
        read_country(cell)


@pytest.mark.parametrize(
    ("cell", "parties"),
    [
        ("FR; ES / Italy", ["FR", "ES", "IT"]),
        ("Rabat / The Hague", ["MA", "NL"]),
        ("France, Spain and Italy", ["FR", "ES", "IT"]),
        ("Korea, Republic of; Bosnia and Herzegovina", ["KR", "BA"]),
        ("Trinidad and Tobago, Antigua & Barbuda", ["TT", "AG"]),
        ("Maroc\nEspagne", ["MA", "ES"]),
        (
            "GDR; Czechoslovakia",
            [{"organisation": "German Democratic Republic"}, {"organisation": "Czechoslovakia"}],
        ),
        ("Serbia and Montenegro; MA", [{"organisation": "Serbia and Montenegro"}, "MA"]),
        (
            "MA; Netherlands Antilles; Zaire",
            ["MA", {"organisation": "Netherlands Antilles"}, {"organisation": "Zaire"}],
        ),
        ("MA; org:CARICC", ["MA", {"organisation": "CARICC"}]),
    ],
)
def test_several_parties_stand_in_one_cell_and_those_that_are_no_more_stay_what_they_were(
    cell: str, parties: list[object]
) -> None:
    assert read_parties(cell) == parties


def test_a_party_that_names_nothing_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Misread, match="Morocco"):
        read_parties("ES; Morrocco")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "'x", "'=x", "\tx", "\nx", "＝x", "plain", "", "''"]
)
def test_a_cell_that_looks_like_a_formula_is_escaped_and_reads_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\n", "＝"))


def test_a_list_keeps_values_that_hold_its_separator() -> None:
    assert read_list("one; two\nthree") == ["one", "two", "three"]
    assert read_list('["one; two", "three"]') == ["one; two", "three"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
async def test_the_separator_is_found_in_the_first_row(separator: str) -> None:
    row = await one((HEADER + ROW.replace("Books,", "Books|")).replace(",", separator))
    assert row.entry.entry.subject == "Books| seized"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("utf-16", "utf-8"),
        ("cp1252", "windows-1252"),
        ("latin-1", "iso-8859-1"),
    ],
)  # fmt: skip
async def test_a_file_is_read_in_the_encoding_that_it_is_said_to_be_in(encoding: str, said: str) -> None:
    row = await one((HEADER + ROW.replace("Books", "Bücher")).encode(encoding), encoding=said)
    assert row.entry.entry.subject == "Bücher, seized"


async def test_arabic_in_windows_1256_is_read_when_it_is_said_to_be() -> None:
    row = await one((HEADER + ROW.replace("MA", "المغرب")).encode("cp1256"), encoding="windows-1256")
    assert row.entry.entry.requesting_country == "MA"


async def test_bytes_of_another_encoding_are_told_by_row_and_never_guessed() -> None:
    second = ROW.replace("A-1", "A-2").replace("Books", "Bücher")
    first, told, third = await rows((HEADER + ROW + second + ROW.replace("A-1", "A-3")).encode("cp1252"))
    assert (first.number, told.number, third.number) == (2, 3, 4)
    assert first.entry
    assert third.entry
    assert "encoding" in why(told)


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        ((HEADER + ROW).encode("utf-16-le"), "utf-8", "UTF-16"),
        ((HEADER + ROW).encode("utf-16-le"), "utf-16", "byte order mark"),
        ((HEADER + ROW).encode("utf-16"), "windows-1252", "utf-16"),
        (b"PK\x03\x04 a workbook", "utf-8", "workbook"),
        (b"", "utf-8", "empty"),
        (HEADER.replace("sent_on", "recieved_on"), "utf-8", "received_on"),
        (HEADER.replace("subject", "kind"), "utf-8", "2 times"),
        (HEADER.replace("requested_country,", ""), "utf-8", "requested_country: This column is missing"),
    ],
)
async def test_a_file_that_cannot_be_read_as_a_whole_is_refused_as_a_whole(
    content: str | bytes, encoding: str, said: str
) -> None:
    with pytest.raises(InvalidEntry) as refused:
        await rows(content, encoding=encoding)
    assert said in refused.value.detail


async def test_a_first_row_that_names_no_column_is_quoted_nowhere() -> None:
    with pytest.raises(InvalidEntry) as refused:
        await rows(ROW.replace("Books, seized", "Books of Jean Dupont") + ROW)
    told = [refused.value.detail, *(word for fault in refused.value.fields for word in fault)]
    assert not any("Dupont" in each or "A-1" in each for each in told)
    assert "column 5: There is no column of this name" in " ".join(map(": ".join, refused.value.fields))
    assert "The columns of requests are id, external_reference" in refused.value.detail


async def test_of_the_faults_of_a_row_no_more_are_told_than_of_a_body() -> None:
    row = await one('{"events": [' + ", ".join(["{}"] * 1000) + "]}", form="ndjson")
    assert len(row.faults) == 101
    assert "faults more" in why(row)


async def test_the_last_line_of_a_file_may_hold_what_parts_lines_elsewhere() -> None:
    row = await one((HEADER + ROW.strip().replace(", ", "\u2028")).encode("utf-16"), encoding="utf-16")
    assert row.entry.entry.subject == "Books\u2028seized"


async def test_quoted_line_breaks_stay_and_rows_go_on_being_counted_as_a_spreadsheet_counts_them() -> None:
    first, second = await rows(
        HEADER.replace("subject", "urgency_reason")
        + 'evidence,MA,ES,A-1,"one\ntwo ""three""\n",2026-01-05\n\n'
        + "evidence,MA,ES,A-2,,2026-13-05\n"
    )
    assert first.entry.entry.urgency_reason == 'one\ntwo "three"\n'
    assert (second.number, [field for field, _ in second.faults]) == (3, ["sent_on"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW.rstrip("\n") + "," + ROW, "Two records"),
        ("evidence,MA,ES\n", "Has 3 cells"),
        (
            'evidence,MA,ES,"A-1\nevidence,MA,FR,A-2,x,2026-01-05\nevidence,MA,ES,A-3",y,\n',
            "several rows in one cell",
        ),
        ('evidence,MA,ES,A-1,"never closed,2026-01-05\n', "never closed"),
        ('evidence,MA,ES,A-1,"a"b,2026-01-05\n', "Not CSV"),
        (ROW.replace("Books", "Bo\0oks"), "NUL"),
        (ROW.replace("Books", "B" * 200_000), "longer than"),
        (ROW.replace("evidence", "letter"), "kind: Not one of the values"),
        (ROW.replace("ES", "Zaire"), "requested_country: Zaire is no more"),
    ],
)
async def test_a_row_that_is_not_one_record_is_refused_by_its_number(row: str, said: str) -> None:
    found = (await rows(HEADER + row))[0]
    assert found.number == 2
    assert said in why(found)


async def test_the_ground_of_a_refusal_without_its_day_is_told() -> None:
    row = await one(
        "kind,requesting_country,requested_country,refused_ground\nevidence,MA,ES,ne_bis_in_idem\n"
    )
    assert "Add the day" in why(row)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"kind": "evidence", "kind": "evidence"}', "given twice"),
        ("[1]", "Not an object"),
        ("{", "Not JSON"),
        ('{"kind": NaN}', "no number"),
        ("[" * 100_000, "Nested"),
        (
            '{"kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "subjekt": "x"}',
            "subject",
        ),
        (
            '{"kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "subject": "a\\u0000b"}',
            "/subject",
        ),
        (
            '{"kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "subject": "\\ud800"}',
            "surrogate",
        ),
        ('{"kind": ' + "9" * 5000 + "}", "too large"),
        ('{"kind": 1e999}', "too large"),
        ('{"kind": ' + '{"a":' * 40 + "1" + "}" * 40 + "}", "Nested"),
    ],
)
async def test_a_line_of_json_that_is_no_record_is_refused_by_its_number(line: str, said: str) -> None:
    _, found = await rows(
        '{"kind":"evidence","requesting_country":"MA","requested_country":"ES"}\n' + line, form="ndjson"
    )
    assert found.number == 2
    assert said in why(found)


async def test_rows_that_were_taken_before_are_passed_over() -> None:
    content = HEADER + ROW + ROW.replace("A-1", "A-2") + ROW.replace("A-1", "A-3")
    found = [row async for row in read_rows(pieces(content.encode()), ImportSpec("requests", "csv"), skip=2)]
    assert [(row.number, row.entry.entry.external_reference) for row in found] == [(4, "A-3")]
