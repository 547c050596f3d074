"""Tables as workbooks (Office Open XML): numbers as numbers, dates as dates, text never as formulas or links."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {
    "header": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "text": {},
    "count": {"num_format": "0"},
    "share": {"num_format": "0.0%"},
    "days": {"num_format": "0.0"},
    "day": {"num_format": "yyyy-mm-dd"},
    "instant": {"num_format": 'yyyy-mm-dd hh:mm:ss "UTC"'},
}
_WIDTH: Final = 14
_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


def workbook(
    name: str, about: Mapping[str, Any], header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> bytes:
    """A workbook of two sheets: the table under its header row, and what it is about.

    `about` holds what all rows have in common, `as_of` among it (an aware instant): it becomes the date of the file,
    so that the same figures give the same bytes.
    """
    held = io.BytesIO()
    with Workbook(held, dict(_OPTIONS)) as book:
        book.set_properties({"title": name, "created": about["as_of"].astimezone(UTC).replace(tzinfo=None)})
        formats = {kind: book.add_format(dict(look)) for kind, look in _FORMATS.items()}
        table = book.add_worksheet("Figures")
        _write(table, 0, header, formats, header=True)
        last = 0
        for last, row in enumerate(rows, start=1):
            _write(table, last, row, formats, names=header)
        table.freeze_panes(1, 0)
        table.autofilter(0, 0, last, len(header) - 1)
        table.set_column(0, len(header) - 1, _WIDTH)
        page = book.add_worksheet("About")
        for place, (name_, value) in enumerate({"report": name, **about}.items()):
            page.write_string(place, 0, name_, formats["header"])
            _put(page, place, 1, name_, value, formats)
        page.set_column(0, 1, 2 * _WIDTH)
    return held.getvalue()


def _write(
    sheet: Worksheet,
    place: int,
    values: Sequence[Any],
    formats: Mapping[str, Format],
    *,
    names: Sequence[str] = (),
    header: bool = False,
) -> None:
    for column, value in enumerate(values):
        if header:
            sheet.write_string(place, column, value, formats["header"])
        else:
            _put(sheet, place, column, names[column], value, formats)


def _put(
    sheet: Worksheet, place: int, column: int, name: str, value: Any, formats: Mapping[str, Format]
) -> None:
    """One cell in the form of its kind; nothing stays empty."""
    if value is None:
        return
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        sheet.write_datetime(place, column, plain, formats["instant"])
    elif isinstance(value, date):
        sheet.write_datetime(place, column, value, formats["day"])
    elif isinstance(value, bool):
        sheet.write_boolean(place, column, value)
    elif isinstance(value, int):
        sheet.write_number(place, column, value, formats["count"])
    elif isinstance(value, float):
        sheet.write_number(place, column, value, formats["share" if "rate" in name else "days"])
    else:
        sheet.write_string(place, column, str(value), formats["text"])
