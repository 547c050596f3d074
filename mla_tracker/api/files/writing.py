"""Documents of records as CSV or NDJSON, such that an import reads the same again."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.api.files.cells import ORGANISATION, escaped, write_list
from mla_tracker.api.files.columns import COLUMNS, USUAL_ACTS, Column, Form
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.permissions import Deed
from mla_tracker.domain.referring import referred_first
from mla_tracker.queries.agreement_exports import (
    agreement_documents,
    agreement_page,
    agreement_views,
    successors_of,
)
from mla_tracker.queries.directory import directory_documents
from mla_tracker.queries.exports import documents, links_of, request_page, request_rows
from mla_tracker.storage.database import Database, DbRole

Document = Mapping[str, Any]
PAGE: Final = 250
_BLANK: Final[Mapping[str, Any]] = {}


async def exported(
    database: Database, kind: str, form: str, *, actor: Actor, now: datetime, route: str
) -> AsyncIterator[bytes]:
    """Everything of a kind that the account may see, page by page; what is confidential is told as read before."""
    write: Callable[[Sequence[Document]], bytes] = ndjson
    if form == "csv":
        columns = COLUMNS[kind]
        yield _rows([[column.name for column in columns]])
        write = _tables(kind)
    async for page in _PAGES[kind](database, actor, now, route):
        yield write(page)


def ndjson(found: Sequence[Document]) -> bytes:
    """One object per line."""
    return "".join(
        json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in found
    ).encode()


def _tables(kind: str) -> Callable[[Sequence[Document]], bytes]:
    columns = COLUMNS[kind]
    return lambda found: _rows([_cells(one, columns) for one in found])


def _rows(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cells(one: Document, columns: Sequence[Column]) -> list[str]:
    usual, further = (
        _acts_apart(one.get("events", ())) if columns is COLUMNS["requests"] else ({}, one.get("events", ()))
    )
    one = {**one, "events": further}
    if dated := [party for party in one.get("parties", ()) if isinstance(party, dict)]:
        dated = [party for party in dated if set(party) != {"organisation"}]
        one = {**one, **({"party_dates": dated} if dated else {})}
    return [_cell(column, one, usual) for column in columns]


def _acts_apart(events: Sequence[Document]) -> tuple[dict[str, Document], list[Document]]:
    """The usual acts of which a day and nothing else is to be told, and all others, which refer to their new places."""
    usual: dict[str, int] = {}
    for place, event in enumerate(events):
        data = set(event.get("data", {}))
        plain = not data or (event["type"] == "refused" and data <= {"ground", "reason"})
        first = event["type"] in _USUAL and event["type"] not in usual
        beside = {"note", "asserted_by", "voided"} & set(event)
        if plain and first and "occurred_on" in event and not beside:
            usual[event["type"]] = place
    order = [usual[act] for act in _USUAL if act in usual]
    order += [place for place in range(len(events)) if place not in usual.values()]
    places = {place: new for new, place in enumerate(order, start=1)}
    further = [_with_place(events[place], places) for place in order[len(usual) :]]
    return {act: events[place] for act, place in usual.items()}, further


def _with_place(event: Document, places: Mapping[int, int]) -> Document:
    for part, name in (("data", "answers_act"), ("voided", "replaced_by")):
        if (other := event.get(part, _BLANK).get(name)) is not None:
            event = {**event, part: {**event[part], name: places[other - 1]}}
    return event


_USUAL: Final = tuple(act.value for act in USUAL_ACTS)


def _cell(column: Column, one: Document, usual: Mapping[str, Document]) -> str:
    value: Any
    if column.act is not None:
        event = usual.get(column.act.value, _BLANK)
        value = event.get("data", _BLANK).get(column.of) if column.of else event.get("occurred_on")
    else:
        value = one
        for name in column.place:
            value = value.get(name) if isinstance(value, Mapping) else None
    if value in (None, [], ()):
        return ""
    match column.form:
        case Form.LIST:
            text = write_list(value)
        case Form.JSON:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case Form.PARTIES:
            text = "; ".join(_party(party) for party in value)
        case _:
            text = str(value)
    return escaped(text)


def _party(party: Any) -> str:
    if isinstance(party, str):
        return party
    return str(party["country"]) if "country" in party else f"{ORGANISATION}{party['organisation']}"


async def _requests(
    database: Database, actor: Actor, now: datetime, route: str
) -> AsyncIterator[Sequence[Document]]:
    """Those that are linked to others come last, each after what it is linked to: a reference must be known by then."""
    after = None
    last = False
    linked: dict[UUID, list[UUID]] = {}
    while not last:
        async with database.transaction(DbRole.API, viewer=actor) as tx:
            rows = await request_page(tx, actor=actor, after=after, as_of=now, limit=PAGE)
            linked |= await links_of(tx, [row["id"] for row in rows], actor=actor)
            told = [row for row in rows if row["id"] not in linked]
            found = await documents(tx, told, actor=actor)
            await note_reading(tx, told, route=route, actor=actor, now=now)
        if found:
            yield found
        last = len(rows) < PAGE
        after = (rows[-1]["created_at"], rows[-1]["id"]) if rows else None
    for ids in _batches(referred_first(linked)):
        async with database.transaction(DbRole.API, viewer=actor) as tx:
            rows = await request_rows(tx, ids, actor=actor)
            found = await documents(tx, rows, actor=actor)
            await note_reading(tx, rows, route=route, actor=actor, now=now)
        if found:
            yield found


async def _agreements(
    database: Database, actor: Actor, now: datetime, route: str
) -> AsyncIterator[Sequence[Document]]:
    """Those in whose place others came are told after these."""
    after = None
    last = False
    superseded: dict[UUID, list[UUID]] = {}
    while not last:
        async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            views, after = await agreement_page(tx, actor=actor, after=after, now=now, limit=PAGE)
            superseded |= {view.id: named for view in views if (named := successors_of(view))}
            told = [view for view in views if view.id not in superseded]
            found = await agreement_documents(tx, told, actor=actor)
        if found:
            yield found
        last = after is None
    for ids in _batches(referred_first(superseded)):
        async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            views = await agreement_views(tx, ids, actor=actor, now=now)
            found = await agreement_documents(tx, views, actor=actor)
        if found:
            yield found


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


async def _directory(
    database: Database, actor: Actor, now: datetime, route: str
) -> AsyncIterator[Sequence[Document]]:
    after = None
    while True:
        async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            found, after = await directory_documents(tx, actor=actor, after=after, limit=PAGE)
        if found:
            yield found
        if after is None:
            return


_PAGES: Final = {"requests": _requests, "agreements": _agreements, "directory": _directory}

READ_BY: Final[Mapping[str, Deed]] = {
    "requests": Deed.READ_REQUESTS,
    "agreements": Deed.READ_AGREEMENTS,
    "directory": Deed.READ_DIRECTORY,
}
"""What one must be allowed to export a kind."""
