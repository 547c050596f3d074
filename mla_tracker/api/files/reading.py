"""From the records of a file to rows for the import: cells, countries and days read, faults with their columns."""

import difflib
import re
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import to_json

from mla_tracker.api.bodies import MAX_ERRORS, faults_in, hidden_faults
from mla_tracker.api.files.bodies import BODIES, FileBody
from mla_tracker.api.files.cells import Misread, unescaped
from mla_tracker.api.files.columns import COLUMNS, READ, REQUIRED, Column, Form
from mla_tracker.api.files.records import (
    MOST_CELL,
    SEPARATORS,
    Record,
    csv_records,
    json_records,
    read_object,
)
from mla_tracker.catalogue.country_names import Former, country_named
from mla_tracker.commands.importing_rows import Fault, ReadRow
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.storage.imports import ImportSpec

CSV: Final = "csv"
_MOST_TOLD: Final = 3
"""Columns at fault of which the error of a file tells."""


async def read_rows(content: AsyncIterable[bytes], spec: ImportSpec, *, skip: int) -> AsyncIterator[ReadRow]:
    """The rows of a file behind the first `skip`; see `commands.importing.Read`."""
    if spec.format == CSV:
        async for row in _csv_rows(content, spec, skip):
            yield row
        return
    model = BODIES[spec.kind]
    place = 0
    async for record in json_records(content, spec.encoding):
        place += 1
        if place > skip:
            yield _json_row(record, model, spec)


def _json_row(record: Record, model: type[FileBody], spec: ImportSpec) -> ReadRow:
    if record.fault:
        return ReadRow(record.number, faults=[("", record.fault)])
    try:
        value = read_object(record.value)
    except ValueError as error:
        return ReadRow(record.number, faults=[("", str(error))])
    if not isinstance(value, dict):
        return ReadRow(
            record.number, faults=[("", "Not an object. Give one object in curly brackets per line.")]
        )
    faults: list[Fault] = []
    for name, form in _LOOSE[spec.kind].items():
        if isinstance(value.get(name), str):
            try:
                value[name] = READ[form](value[name], spec.days)
            except Misread as error:
                faults.append((f"/{name}", str(error)))
    if spec.kind == "agreements" and isinstance(value.get("parties"), list):
        value["parties"] = [_party(party) for party in value["parties"]]
    return _row(record.number, value, model, faults, {})


_LOOSE: Final[Mapping[str, Mapping[str, Form]]] = {
    kind: {
        column.name: column.form
        for column in columns
        if column.act is None and not column.path and column.form in (Form.DAY, Form.COUNTRY, Form.PARTIES)
    }
    for kind, columns in COLUMNS.items()
}
"""What NDJSON may say as loosely as CSV, by field."""


def _party(party: Any) -> Any:
    """A party of NDJSON; what it says of a country may be any name of one."""
    if isinstance(party, str):
        named = country_named(party)
        return {"organisation": named.name} if isinstance(named, Former) else named or party
    if isinstance(party, dict) and isinstance(party.get("country"), str):
        named = country_named(party["country"])
        if isinstance(named, Former):
            return {
                **{name: value for name, value in party.items() if name != "country"},
                "organisation": named.name,
            }
        return {**party, "country": named or party["country"]}
    return party


async def _csv_rows(content: AsyncIterable[bytes], spec: ImportSpec, skip: int) -> AsyncIterator[ReadRow]:
    header: Sequence[Column] | None = None
    place = 0
    async for record in csv_records(content, spec.encoding):
        if header is None:
            header = _header(record, spec.kind)
            continue
        place += 1
        if place > skip:
            yield _csv_row(record, header, spec)
    if header is None:
        raise InvalidEntry("The file is empty. Its first row must name the columns.")


def _header(record: Record, kind: str) -> Sequence[Column]:
    """The columns in the order of the file. Raises InvalidEntry for names that are unknown, doubled or missing."""
    if record.fault:
        raise InvalidEntry(f"The row of column names cannot be read: {record.fault}")
    known = {column.name: column for column in COLUMNS[kind]}
    names = [cell.strip().lower().replace(" ", "_") for cell in record.value]
    # A row without any known name may be no header but a record: what it says is told by nobody.
    quoted = any(name in known for name in names)
    written = {
        name: (cell.strip()[:100] or "(no name)") if quoted or name in known else f"column {place}"
        for place, (name, cell) in reversed(list(enumerate(zip(names, record.value, strict=True), start=1)))
    }
    faults: list[Fault] = []
    listed = False
    for name, times in Counter(names).items():
        if times > 1:
            faults.append((written[name], f"Named {times} times in the first row. Name each column once."))
        elif name not in known:
            near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
            hint = f" Is {near[0]} meant?" if near else ""
            listed = listed or not near
            faults.append((written[name], f"There is no column of this name.{hint}"))
    missing = sorted(REQUIRED[kind] - set(names))
    faults += [(name, "This column is missing. Add it.") for name in missing]
    if faults:
        told = [f"{name}: {why}" for name, why in faults[:_MOST_TOLD]]
        told += [f"And {len(faults) - _MOST_TOLD} more."] if len(faults) > _MOST_TOLD else []
        told += [f"The columns of {kind} are {', '.join(known)}."] if listed else []
        raise InvalidEntry(
            f"The first row does not name the columns of this kind of record: {' '.join(told)}", fields=faults
        )
    return [known[name] for name in names]


def _csv_row(record: Record, header: Sequence[Column], spec: ImportSpec) -> ReadRow:
    if record.fault:
        return ReadRow(record.number, faults=[("", record.fault)])
    cells: Sequence[str] = record.value
    if len(cells) != len(header):
        extra = [cell for cell in cells[len(header) :] if cell.strip()]
        if extra or len(cells) < len(header):
            why = (
                f"Has {len(cells)} cells where the first row names {len(header)} columns. Two records may stand in one "
                "row, or a cell with the separator in it lacks its quotes."
            )
            return ReadRow(record.number, faults=[("", why)])
    value: dict[str, Any] = {}
    faults: list[Fault] = []
    acts: dict[Any, dict[str, Any]] = {}
    for column, cell in zip(header, cells, strict=False):
        text = unescaped(cell)
        if not text.strip():
            continue
        if len(text) > MOST_CELL and column.form is not Form.JSON:
            faults.append((column.name, f"The cell is longer than {MOST_CELL} characters. Shorten it."))
            continue
        if "\n" in text and _holds_records(text, header):
            faults.append(
                (column.name, "Holds several rows in one cell: a quote is missing somewhere before.")
            )
            continue
        try:
            found = READ[column.form](text, spec.days)
        except Misread as error:
            faults.append((column.name, str(error)))
            continue
        if column.act is not None:
            acts.setdefault(column.act, {})[column.of or "occurred_on"] = found
        else:
            _put(value, column.place, found)
    places = {**_PLACES[spec.kind], **_with_acts(value, acts, faults)}
    if "party_dates" in value:
        _with_party_dates(value, faults)
    return _row(record.number, value, BODIES[spec.kind], faults, places)


def _holds_records(text: str, header: Sequence[Column]) -> bool:
    """Whether a cell has swallowed rows: one of its lines has all cells of one, countries and kind in their places."""
    for line in text.splitlines()[1:]:
        for separator in SEPARATORS:
            cells = line.split(separator)
            if len(cells) >= len(header) > 2 and all(
                _KIND.match(cell) if column.name == "kind" else country_named(cell) is not None
                for column, cell in zip(header, cells, strict=False)
                if column.name == "kind" or (column.form is Form.COUNTRY and cell)
            ):
                return True
    return False


_KIND: Final = re.compile(r"[a-z_]{3,40}\Z")


def _put(value: dict[str, Any], path: Sequence[str], found: Any) -> None:
    for name in path[:-1]:
        value = value.setdefault(name, {})
    value[path[-1]] = found


def _with_acts(
    value: dict[str, Any], acts: Mapping[Any, dict[str, Any]], faults: list[Fault]
) -> dict[str, str]:
    """Put the usual acts before the further ones; gives the columns of their pointers."""
    if not acts:
        return {}
    further = value.get("events", [])
    if not isinstance(further, list):
        faults.append(("events", "Not a list. Give a list of acts in square brackets."))
        return {}
    usual: list[dict[str, Any]] = []
    places = {}
    for act, found in acts.items():
        if "occurred_on" not in found:
            faults.append(
                (f"{act.value}_on", "Something is said of this act and not when it was. Add the day.")
            )
            continue
        data = {name: said for name, said in found.items() if name != "occurred_on"}
        places[f"/events/{len(usual)}"] = f"{act.value}_on"
        usual.append(
            {"type": act.value, "occurred_on": found["occurred_on"], **({"data": data} if data else {})}
        )
    value["events"] = [*usual, *further]
    places["/events"] = "events"
    return places


def _with_party_dates(value: dict[str, Any], faults: list[Fault]) -> None:
    """Dates of parties in place of their bare names."""
    dated = value.pop("party_dates")
    if not isinstance(dated, list) or not all(isinstance(one, dict) for one in dated):
        faults.append(("party_dates", "Not a list of objects. Give them as parties are given in the API."))
        return
    by_name = {_name(one): one for one in dated}
    names = [_name(party) for party in value.get("parties", [])]
    strange = [name for name in by_name if name not in names]
    if strange:
        faults.append(("party_dates", f"{strange[0]} is not among the parties. Add it there."))
    value["parties"] = [by_name.get(_name(party), party) for party in value.get("parties", [])]


def _name(party: Any) -> str:
    return party if isinstance(party, str) else str(party.get("country") or party.get("organisation") or "")


def _row(
    number: int, value: dict[str, Any], model: type[FileBody], faults: list[Fault], columns: Mapping[str, str]
) -> ReadRow:
    row = ReadRow(number, columns=columns)
    said = {field.removeprefix("/") for field, _ in faults}
    found = list(hidden_faults(value))
    if not found:
        try:
            body = model.model_validate_json(to_json(value))
        except ValidationError as error:
            found = faults_in(error, value, model)
    named = [(row.column(pointer), why) for pointer, why in found]
    faults += [(field, why) for field, why in named if field.removeprefix("/") not in said]
    if faults:
        return replace(row, faults=_few(list(dict.fromkeys(faults))))
    return replace(row, entry=body.imported())


def _few(faults: list[Fault]) -> list[Fault]:
    """As many as an answer would tell: a short row can have thousands."""
    if len(faults) <= MAX_ERRORS:
        return faults
    return [*faults[:MAX_ERRORS], ("", f"And {len(faults) - MAX_ERRORS} faults more.")]


_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    kind: {
        f"/{'/'.join(column.place)}": column.name
        for column in columns
        if column.act is None and (column.form is not Form.JSON or column.name == "events")
    }
    for kind, columns in COLUMNS.items()
}
"""Of a list in a cell is told where in it, as persons/1/names; but acts have other places in the record than in it."""
