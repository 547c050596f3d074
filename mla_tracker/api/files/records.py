"""From the bytes of a file to its records: lines in their encoding, cells of CSV, objects of NDJSON.

Nothing is guessed that could be guessed wrong: bytes that are not of the stated encoding are told by row. A file is
never held as a whole, and neither is a record longer than MOST_RECORD.
"""

import codecs
import csv
import json
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mla_tracker.domain.errors import InvalidEntry

MOST_RECORD: Final = 1024 * 1024
MOST_CELL: Final = 100_000
MOST_COLUMNS: Final = 200
MOST_DIGITS: Final = 20
ENCODINGS: Final = ("utf-8", "utf-16", "windows-1252", "windows-1256", "iso-8859-1")
SEPARATORS: Final = (",", ";", "\t")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

csv.field_size_limit(MOST_RECORD)


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its number in the file from 1 (of CSV the header is 1), what it holds, or what is wrong with it."""

    number: int
    value: Any = None
    fault: str | None = None


async def lines_of(content: AsyncIterable[bytes], encoding: str) -> AsyncIterator[tuple[str, bool]]:
    """The lines of a file with their ends, and whether each could be read in its encoding.

    Raises InvalidEntry for a file that says itself that it is of another encoding.
    """
    decoder: codecs.IncrementalDecoder | None = None
    name = encoding
    wide = False
    held = b""
    text = ""
    began = False
    async for chunk in content:
        held += chunk
        if not began:
            if len(held) < 4:
                continue
            held, name, wide = _begin(held, encoding)
            began = True
            decoder = codecs.getincrementaldecoder(name)("replace") if wide else None
        if decoder is not None:
            text += decoder.decode(held)
            held = b""
            *whole, text = text.split("\n")
            for line in whole:
                yield line + "\n", "\ufffd" not in line
            _refuse_endless(len(text))
        else:
            *whole_bytes, held = held.split(b"\n")
            for raw in whole_bytes:
                yield _decoded(raw + b"\n", name)
            _refuse_endless(len(held))
    if not began and held:
        held, name, wide = _begin(held, encoding)
        decoder = codecs.getincrementaldecoder(name)("replace") if wide else None
        if decoder is None:
            for raw in held.splitlines(keepends=True):
                yield _decoded(raw, name)
            return
    if decoder is not None:
        text += decoder.decode(held, final=True)
        *whole, text = text.split("\n")
        for line in [*(f"{line}\n" for line in whole), *([text] if text else [])]:
            yield line, "\ufffd" not in line
    elif held:
        yield _decoded(held, name)


def _begin(held: bytes, encoding: str) -> tuple[bytes, str, bool]:
    """The bytes behind a byte order mark, the encoding, and whether its characters are wider than bytes."""
    for mark, name in _BOMS:
        if held.startswith(mark):
            stated = "utf-16" if name.startswith("utf-16") else name
            if encoding not in (stated, "utf-8"):
                raise InvalidEntry(
                    f"The file begins with the mark of {stated} and was said to be {encoding}. Correct what was said.",
                    fields=[("/encoding", f"The file says that it is {stated}.")],
                )
            return held[len(mark) :], name, name != "utf-8"
    if encoding == "utf-16":
        raise InvalidEntry(
            "A file in utf-16 begins with a byte order mark, and this one does not. Save it anew, as UTF-8 if you can.",
            fields=[("/encoding", "No byte order mark was found.")],
        )
    if b"\0" in held[:4]:
        raise InvalidEntry(
            "The file looks like UTF-16 without a byte order mark, or like no text. Save it as UTF-8.",
            fields=[("/encoding", "The first characters hold NUL bytes.")],
        )
    if held.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InvalidEntry("The file is a workbook or an archive. Save its sheet as CSV in UTF-8.")
    return held, "cp" + encoding[8:] if encoding.startswith("windows-") else encoding, False


def _decoded(raw: bytes, name: str) -> tuple[str, bool]:
    try:
        return raw.decode(name), True
    except UnicodeDecodeError:
        return raw.decode(name, "replace"), False


def _refuse_endless(size: int) -> None:
    if size > MOST_RECORD:
        raise InvalidEntry(
            f"A line is longer than {MOST_RECORD} characters. This is not CSV or NDJSON, or a quote was never closed."
        )


_NOT_READ: Final = (
    "Holds bytes that are not of the encoding that the file is said to be in. State the right one (encoding), or save "
    "the file as UTF-8."
)


async def json_records(content: AsyncIterable[bytes], encoding: str) -> AsyncIterator[Record]:
    """Each line of NDJSON that is not blank as the text of its object."""
    number = 0
    async for line, readable in lines_of(content, encoding):
        number += 1
        if not line.strip():
            continue
        if not readable:
            yield Record(number, fault=_NOT_READ)
        elif "\0" in line:
            yield Record(number, fault="Holds a NUL character. Remove it.")
        elif len(line) > MOST_RECORD:
            yield Record(number, fault=f"Longer than {MOST_RECORD} characters. Split the record.")
        else:
            yield Record(number, line)


async def csv_records(content: AsyncIterable[bytes], encoding: str) -> AsyncIterator[Record]:
    """The records of CSV as lists of cells, the header first. The separator is the one that the header has most of."""
    separator: str | None = None
    number = 0
    held: list[str] = []
    size = 0
    inside, readable = False, True
    async for line, line_readable in lines_of(content, encoding):
        held.append(line)
        size += len(line)
        readable &= line_readable
        inside ^= line.count('"') % 2 == 1
        if inside and size <= MOST_RECORD:
            continue
        text = "".join(held)
        if text.strip():
            number += 1
            if separator is None:
                separator = _separator(text)
            yield _record(number, text, separator, readable=readable, closed=not inside)
        held, size, inside, readable = [], 0, False, True
    if held:
        yield _record(number + 1, "".join(held), separator or ",", readable=readable, closed=not inside)


def _separator(header: str) -> str:
    counts = {mark: header.count(mark) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: counts[mark])


def _record(number: int, text: str, separator: str, *, readable: bool, closed: bool) -> Record:
    if not readable:
        return Record(number, fault=_NOT_READ)
    if "\0" in text:
        return Record(number, fault="Holds a NUL character. Remove it.")
    if not closed:
        return Record(
            number,
            fault="A quote is opened in this row and never closed. Close it, or double a quote that is meant.",
        )
    try:
        rows = list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        return Record(
            number, fault=f"Not CSV: {error}. Put a cell with quotes into quotes, and double those in it."
        )
    if len(rows) != 1:
        return Record(number, fault="Not one record of CSV. Put cells with line breaks into quotes.")
    cells = rows[0]
    if len(cells) > MOST_COLUMNS:
        return Record(number, fault=f"More than {MOST_COLUMNS} cells.")
    return Record(number, cells)


def read_object(text: str) -> Any:
    """A JSON value. Raises ValueError with a sentence."""
    doubled: list[str] = []

    def as_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.append("A name is given twice in one object. Give it once.")
        return found

    try:
        value = json.loads(
            text, object_pairs_hook=as_object, parse_constant=_no_constant, parse_int=_whole_number
        )
    except RecursionError:
        raise ValueError("Nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"Not JSON: {error}.") from None
    if doubled:
        raise ValueError(doubled[0])
    return value


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= MOST_DIGITS else float("inf")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
