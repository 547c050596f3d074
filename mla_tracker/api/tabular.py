"""Answers that are tables too: the media type chosen by `Accept`; CSV and XLSX, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from litestar import Response

from mla_tracker.api.answers import JSON
from mla_tracker.api.problems import NOT_ACCEPTABLE, Problem
from mla_tracker.api.workbooks import XLSX, workbook

CSV: Final = "text/csv"
MEDIA: Final = (JSON, CSV, XLSX)
"""What reports are answered in; the first where the client does not mind."""

MAX_RANGES: Final = 50
_RANGE: Final = re.compile(r"(\*/\*|[!#$%&'*+.^_`|~\w-]+/(?:\*|[!#$%&'*+.^_`|~\w-]+))\Z", re.ASCII)
_QUALITY: Final = re.compile(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)\Z")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def chosen(accept: str | None, offered: Sequence[str] = MEDIA) -> str:
    """The offered media type that the client likes best (RFC 9110, 12.5.1), the first offered among equals.

    Raises the 406 problem where it takes none of them.
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [read for text in accept.split(",")[:MAX_RANGES] if (read := _read_range(text)) is not None]
    qualities = {media: _quality(media, ranges) for media in offered}
    best = max(offered, key=lambda media: qualities[media])
    if qualities[best] > 0:
        return best
    raise Problem(
        NOT_ACCEPTABLE,
        f"This report comes as {' or '.join(offered)}. Name one of them in Accept, or leave it out.",
    )


def _read_range(text: str) -> tuple[str, float] | None:
    """A media range and its quality. One that cannot be read counts for nothing."""
    media, *parameters = (part.strip() for part in text.split(";"))
    if not _RANGE.match(media):
        return None
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            if not _QUALITY.match(value.strip()):
                return None
            quality = float(value)
    return media.lower(), quality


def _quality(media: str, ranges: Iterable[tuple[str, float]]) -> float:
    """The quality that the most specific range gives to a media type; 0 where none names it."""
    precision = {media: 3, f"{media.split('/')[0]}/*": 2, "*/*": 1}
    found = [(precision[name], quality) for name, quality in ranges if name in precision]
    most = max((rank for rank, _ in found), default=0)
    return max((quality for rank, quality in found if rank == most), default=0.0)


def table_answer(
    media: str, named: str, about: Mapping[str, Any], header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Response[bytes]:
    """A table as CSV, or as a workbook that also says what it is `about` (`as_of` among it)."""
    if media == CSV:
        return csv_answer(header, rows, filename=f"{named}.csv")
    return Response(
        workbook(named, about, header, rows),
        media_type=XLSX,
        headers={"Content-Disposition": f'attachment; filename="{named}.xlsx"', "Vary": "Accept"},
    )


def csv_answer(header: Sequence[str], rows: Iterable[Sequence[Any]], *, filename: str) -> Response[bytes]:
    """A table as CSV (RFC 4180) in UTF-8, with one header line; nothing is written as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([[_written(value) for value in row] for row in rows])
    return Response(
        text.getvalue().encode(),
        media_type=f"{CSV}; header=present",  # Litestar adds the charset to text
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "Vary": "Accept"},
    )


def _written(value: Any) -> str | int | float:
    """A value as its cell. Text that a spreadsheet would take for a formula is quoted with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
