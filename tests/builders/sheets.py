"""Tables as a spreadsheet would read them: CSV and the first sheet of a workbook, a row as a mapping by its header."""

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree

_NAMES = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_EPOCH = date(1899, 12, 30)

Cell = str | float | None


def csv_rows(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file under its one header line."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def xlsx_rows(content: bytes) -> list[dict[str, Cell]]:
    """The rows of the first sheet: text as text, numbers and dates as numbers, empty cells as None."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        shared = ElementTree.fromstring(parts.read("xl/sharedStrings.xml"))
        texts = ["".join(item.itertext()) for item in shared.iterfind("m:si", _NAMES)]
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    rows = [
        {_column(cell.attrib["r"]): _value(cell, texts) for cell in row.iterfind("m:c", _NAMES)}
        for row in sheet.iterfind("m:sheetData/m:row", _NAMES)
    ]
    header = rows[0]
    return [{str(name): row.get(column) for column, name in header.items()} for row in rows[1:]]


def as_csv(value: Any) -> str:
    """A value of a JSON answer as its cell in CSV."""
    if value is None:
        return ""
    return (
        f"'{value}" if str(value).startswith(("=", "+", "-", "@")) and isinstance(value, str) else str(value)
    )


def as_xlsx(value: Any) -> Cell:
    """A value of a JSON answer as its cell in a workbook: days and instants are numbers of days."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return float((date.fromisoformat(value) - _EPOCH).days)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", value):
        at = datetime.fromisoformat(value)
        return (at - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / 86_400
    return value if value is None or isinstance(value, str) else float(value)


def _column(reference: str) -> str:
    return reference.rstrip("0123456789")


def _value(cell: ElementTree.Element, texts: list[str]) -> Cell:
    found = cell.find("m:v", _NAMES)
    if found is None or found.text is None:
        return None
    return texts[int(found.text)] if cell.get("t") == "s" else float(found.text)
