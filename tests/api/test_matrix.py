"""The access matrix: every operation of the contract × every role × own, other, no country × state of the credential.

The order in which a call is judged, which nothing of a record can change:

1. 404 for a path that is none, 405 for a method that does not apply;
2. 401 for the credential;
3. 403 for the role, then for the scope of the credential;
4. 400, 413, 415, 422, 428 for what cannot be read: headers, query, body. No record has been looked for yet;
5. 404 for a record that is not there or not this account's to see, in the same words;
6. 403 for a record that it sees and may not change, 412 for a stale one, 400 and 409 for what contradicts the record.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from litestar.types import ASGIApp

from mla_tracker.api.app import OUTSIDE, create_app
from mla_tracker.api.auth import settle
from mla_tracker.domain.permissions import PERMISSIONS, roles_of
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database
from tests.builders.api import SETTINGS, Present, the_contract
from tests.builders.matrix import CELLS, NOBODYS, ROWS, SCOPES, About, Cell, Party, Row, Shown, expected
from tests.builders.matrix_world import Token, World, a_world, filled

NOWHERE: Final = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
CONTRACT: Final = asyncio.run(the_contract())
OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    f"{method.upper()} {path}": operation
    for path, methods in CONTRACT["paths"].items()
    for method, operation in methods.items()
}
GROUPS: Final[dict[str, list[str]]] = defaultdict(list)
for _name, _operation in OPERATIONS.items():
    GROUPS[_operation["tags"][0]].append(_name)
WITH_AN_ID: Final = sorted(name for name in ROWS if "_id}" in name and ROWS[name].about is About.RECORD)
WITH_A_BODY: Final = sorted(name for name in OPERATIONS if "requestBody" in OPERATIONS[name])
PER_ACCOUNT: Final = len(Role) * len(Party) * (len(Shown) - len(NOBODYS))
TOTAL: Final = len(OPERATIONS) * (PER_ACCOUNT + len(NOBODYS))


@pytest.fixture
def app(db: Database, present: Present) -> ASGIApp:
    """Most cells fail to authenticate, all from one address."""
    settings = SETTINGS.model_copy(update={"failures_per_minute": 0, "calls_per_minute": 0})
    return create_app(db, settings, now=present)


@pytest.fixture
async def world(db: Database, anonymous: httpx.AsyncClient) -> World:
    return await a_world(db)


async def shown_by(world: World, cell: Cell) -> Token | None:
    """What the caller shows; None for nothing."""
    secrets = {Shown.MALFORMED: "mla_short", Shown.UNKNOWN: f"mla_{'A' * 43}"}
    if cell.role is None or cell.party is None:
        return Token(UUID(NOWHERE), secrets[cell.shown]) if cell.shown in secrets else None
    return await world.token(cell.role, cell.party, cell.shown, SCOPES.get(cell.shown, frozenset(Scope)))


async def call(
    client: httpx.AsyncClient,
    world: World,
    name: str,
    cell: Cell,
    *,
    number: int = 0,
    others: dict[str, str] | None = None,
    **changes: Any,
) -> httpx.Response:
    """Make the call of a row as the caller of a cell. `others` are ids in the place of the row's."""
    row = ROWS[name]
    token = await shown_by(world, cell)
    ids = {f"{key}_id": value for key, value in world.ids.items()} | world.ids
    ids |= {key: world.ids[value] for key, value in row.ids.items()}
    if row.own_token and token:
        ids["token_id"] = str(token.id)
    if row.fresh and expected(row, cell)[0] == row.status:
        assert cell.role is not None
        assert cell.party is not None
        caller = await world.account(cell.role, cell.party)
        ids |= {key: str(await make(world, caller)) for key, make in row.fresh.items()}
    method, path = name.split(" ", 1)
    headers = {"Authorization": f"Bearer {token.secret}"} if token else {}
    if method in {"PATCH", "PUT"}:
        headers["If-Match"] = "*"
    body = row.body
    if body is not None and callable(body.get("fresh")):
        body = body["fresh"](number)
    options: dict[str, Any] = {"params": filled(row.query, world.ids), "headers": headers}
    if body is not None:
        options["json"] = filled(body, world.ids)
    if row.file is not None:
        options["content"] = row.file
        headers["Content-Type"] = "text/csv"
    if "headers" in changes:
        changes["headers"] = headers | changes["headers"]
    return await client.request(method, path.format_map(ids | (others or {})), **options | changes)


TELLING: Final = {"etag", "location", "idempotency-replayed", "link", "last-modified"}
"""Headers that speak of a record, which a refusal must not."""


def wrong(row: Row, cell: Cell, answer: httpx.Response, world: World) -> str | None:
    """What an answer is that it should not be."""
    status, slug = expected(row, cell)
    if answer.status_code != status:
        return f"{answer.status_code} instead of {status}: {answer.text[:200]}"
    if slug is not None and answer.json()["type"] != f"/problems/{slug}":
        return f"{answer.json()['type']} instead of {slug}"
    if slug is not None and (said := TELLING & answer.headers.keys()):
        return f"a refusal with {said}"
    if slug is None and row.shows is not None:
        sought = str(filled(row.shows, world.ids))
        if (sought in answer.text) is not (cell.party is Party.OWN):
            return f"{sought} is {'' if sought in answer.text else 'not '}in the answer"
    return None


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    assert sorted(OPERATIONS.keys() - ROWS.keys()) == [], "give each a row in tests/builders/matrix.py"
    assert sorted(ROWS.keys() - OPERATIONS.keys()) == [], "rows of operations that are not in the contract"


def test_what_needs_no_token_is_known_and_what_is_unpublished_needs_none() -> None:
    public = {name for name, operation in OPERATIONS.items() if operation["security"] == []}
    assert public == {name for name, row in ROWS.items() if row.about is About.ANYBODY}
    routes = [handler.opt["route"] for handler in OUTSIDE]
    assert all(route.public for route in routes)


@pytest.mark.parametrize("cells", [TOTAL], ids=lambda number: f"{number} cells")
def test_the_matrix_is_complete(cells: int) -> None:
    assert len(set(CELLS)) == len(CELLS) == 6 * 3 * 7 + 3
    assert cells == len(ROWS) * len(CELLS) == sum(len(names) for names in GROUPS.values()) * 129


@pytest.mark.parametrize("group", sorted(GROUPS))
async def test_each_cell_of_the_matrix(group: str, anonymous: httpx.AsyncClient, world: World) -> None:
    faults, tried = [], 0
    for name in GROUPS[group]:
        if name not in ROWS:
            continue
        for number, cell in enumerate(CELLS):
            answer = await call(anonymous, world, name, cell, number=number)
            tried += 1
            if fault := wrong(ROWS[name], cell, answer, world):
                faults.append(f"{name}, {cell}: {fault}")
    await settle()
    assert not faults, f"{len(faults)} of {tried}:\n" + "\n".join(faults[:40])
    assert tried == len(GROUPS[group]) * len(CELLS), "operations without a row"


def who_may(name: str) -> Role:
    """A role that may make the call."""
    deed = ROWS[name].deed
    assert deed is not None
    return roles_of(deed)[0]


def ids_in(name: str) -> Iterator[str]:
    """The parameters of the path that are ids."""
    for part in name.split("/"):
        if part.endswith("_id}"):
            yield part.strip("{}")


def told(answer: httpx.Response, asked: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer but the id of the request, and the id that the caller sent."""
    headers = [(key, value) for key, value in answer.headers.multi_items() if key != "x-request-id"]
    return answer.status_code, answer.content.replace(asked.encode(), b"?"), sorted(headers)


VARIED: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"headers": {"If-Match": '"77"'}},
    {"headers": {"Idempotency-Key": "a-key"}},
    {"params": {"nonsense": "1"}},
    {"content": b"{"},
)
"""A valid call, a stale one, and calls that cannot be read."""


@pytest.mark.parametrize("name", WITH_AN_ID)
async def test_not_yours_is_answered_like_not_there(
    name: str, anonymous: httpx.AsyncClient, world: World
) -> None:
    row = ROWS[name]
    for party, changes in product((Party.OTHER, Party.NONE), VARIED):
        cell = Cell(Shown.RIGHT, who_may(name), party)
        for parameter in ids_in(name):
            real = world.ids[row.ids.get(parameter, parameter.removesuffix("_id"))]
            theirs = await call(anonymous, world, name, cell, others={parameter: real}, **changes)
            nobodys = await call(anonymous, world, name, cell, others={parameter: NOWHERE}, **changes)
            assert told(theirs, real) == told(nobodys, NOWHERE), (party, changes)
            assert theirs.status_code == 404 or "params" in changes or "content" in changes


@pytest.mark.parametrize("name", WITH_A_BODY)
async def test_calls_are_judged_in_one_order(name: str, anonymous: httpx.AsyncClient, world: World) -> None:
    row = ROWS[name]
    assert row.deed is not None
    permission = PERMISSIONS[row.deed]
    barred = next((role for role in Role if role not in permission.roles), None)
    lacking = next((shown for shown in SCOPES if permission.scope not in SCOPES[shown]), None)
    junk: dict[str, Any] = {"content": b"{", "headers": {"Content-Type": "text/plain", "If-Match": "x"}}
    gone = dict.fromkeys(ids_in(name), NOWHERE)
    for cell, status in (
        (Cell(Shown.UNKNOWN), 401),
        (Cell(Shown.RIGHT, barred, Party.OTHER) if barred else None, 403),
        (Cell(lacking, who_may(name), Party.OTHER) if lacking and permission.scope else None, 403),
        (Cell(Shown.RIGHT, who_may(name), Party.OTHER), 400 if name.startswith("P") else 404),
    ):
        if cell is not None:
            answer = await call(anonymous, world, name, cell, others=gone, **junk)
            assert answer.status_code in {status, 415 if status == 400 else status}, (cell, answer.text)
    if row.about is About.RECORD:
        # Readable, and still contradicting the record: who may not see it does not learn so.
        answer = await call(anonymous, world, name, Cell(Shown.RIGHT, who_may(name), Party.OTHER),
                            headers={"If-Match": '"77"'})  # fmt: skip
        assert answer.status_code == 404
