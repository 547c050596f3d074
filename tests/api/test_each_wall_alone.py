"""Two walls stand between countries, the filter of each query and the database's own: each alone keeps all secrets."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import httpx
import pytest

from mla_tracker.api import auth
from mla_tracker.api.auth import Credential
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.requests import record_event, void_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, Role
from mla_tracker.outbound.identity import IdentityProvider
from mla_tracker.storage.database import Database, DbRole, Tx
from tests.builders.api import NOW, ClientOf, the_contract
from tests.builders.counted import THE_DAY_BEFORE
from tests.builders.files import imported
from tests.builders.matrix import ROWS, About
from tests.builders.readings import Reading, answers, readings
from tests.builders.secrets import MARK, Secrets, with_secrets

CONTRACT: Final = asyncio.run(the_contract())
NOWHERE: Final = "019b6f2e-8f7a-7c3d-9b1e-2f4a6c8d0e12"
LAW: Final = {
    "GET /api/v1/conventions", "GET /api/v1/conventions/{convention_id}", "GET /api/v1/limits",
    "GET /api/v1/limits/{limit_id}",
}  # fmt: skip
"""These speak of the kind of Morocco's hidden request, but of no request."""

Told = tuple[int, bytes, list[tuple[str, str]]]


class Hidden:
    """What Spain must never learn of: ids of rows, and which places of the API they have."""

    def __init__(self, ids: dict[str, set[str]], seen: dict[str, set[str]]) -> None:
        self.ids = set().union(*ids.values())
        self.places = {name: [*sorted(seen[name]), *sorted(ids[name]), NOWHERE] for name in ids}


@pytest.fixture
async def secrets(db: Database) -> Secrets:
    """The draft was out for a while, in error: it was seen to be late, and flagged, before that was taken back."""
    secrets = await with_secrets(db)
    [draft] = secrets.hidden - {secrets.of_others}
    sent = NewEvent(Act.SENT, occurred_on=date(2026, 1, 5))
    made = await record_event(db, draft, sent, actor=secrets.morocco, now=THE_DAY_BEFORE)
    await imported(db, secrets.morocco, f"title,{MARK}\n", "agreements")
    await flag_due(db, NOW)
    await void_event(db, draft, made.id, reason=MARK, actor=secrets.morocco, now=NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from flag where request_id = $1", draft) > 0
        assert not await tx.fetchval("select shared from request where id = $1", draft)
        # A draft has neither dates nor figures; were it ever left with some, they would still be nobody else's.
        await tx.execute(
            "update clock set state = 'running', started_on = '2026-01-05', due_on = '2026-02-05', "
            "due_at = '2026-02-05T23:00:00Z' where request_id = $1", draft,
        )  # fmt: skip
        await tx.execute(
            "update request set tally = (select tally from request where id = $2), status = 'sent', "
            "first_act_on = '2026-01-05' where id = $1",
            draft, next(iter(secrets.seen)),
        )  # fmt: skip
    return secrets


@pytest.fixture
async def hidden(db: Database, secrets: Secrets, client_of: ClientOf) -> Hidden:
    """Looked up above both walls. More kinds of records: name the parameter and how to find their ids."""
    of_requests = "select id from {} where request_id = any($1)"
    found: dict[str, set[str]] = {"request_id": {str(one) for one in secrets.hidden}}
    seen: dict[str, set[str]] = {"request_id": {str(one) for one in secrets.seen}}
    async with db.transaction(DbRole.OWNER) as tx:
        for name, table in (
            ("event_id", "request_event"), ("flag_id", "flag"), ("clock_id", "clock"), ("person_id", "person"),
        ):  # fmt: skip
            for ids, held in ((secrets.hidden, found), (secrets.seen, seen)):
                held[name] = {str(row["id"]) for row in await tx.fetch(of_requests.format(table), list(ids))}
        for name, query in (
            ("agreement_id", "select id, title = $1 as hidden from agreement"),
            ("balance_id", "select id, reason = $1 as hidden from opening_balance"),
            ("entry_id", "select id, not 'ES' = any(seen_by) as hidden from audit_entry where $1 <> ''"),
            ("import_id", "select id, error like '%' || $1 || '%' as hidden from bulk_import"),
            ("account_id", "select id, not 'ES' = any(countries) as hidden from account where $1 <> ''"),
            ("webhook_id", "select id, true as hidden from webhook where $1 <> ''"),
        ):
            rows = await tx.fetch(query, MARK)
            found[name] = {str(row["id"]) for row in rows if row["hidden"]}
            seen[name] = {str(row["id"]) for row in rows if not row["hidden"]}
    assert all(found.values()), "the tests would prove nothing"
    found["record_id"], seen["record_id"] = found["request_id"], seen["request_id"]
    return Hidden(found, seen)


@contextmanager
def database_wall_down() -> Iterator[None]:
    """Whoever comes through the API is the owner of the tables, to whom no policy applies."""
    real = Database.transaction

    def as_owner(self: Database, role: DbRole, **options: Any) -> AbstractAsyncContextManager[Tx]:
        return real(self, DbRole.OWNER if role is DbRole.API else role, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Database, "transaction", as_owner)
        yield


@contextmanager
def query_wall_down(viewer: Actor) -> Iterator[None]:
    """What queries are told of the account is that it is of all countries; the database is told the truth."""
    real, authenticate = Database.transaction, auth.authenticate

    async def of_all_countries(
        database: Database, identity: IdentityProvider | None, authorization: str | None, now: datetime
    ) -> Credential:
        shown = await authenticate(database, identity, authorization, now)
        return replace(shown, actor=replace(shown.actor, countries=("DE", "ES", "FR", "MA")))

    def as_viewer(
        self: Database, role: DbRole, *, viewer: Actor | None = None, **options: Any
    ) -> AbstractAsyncContextManager[Tx]:
        truth = None if viewer is None else replace(viewer, countries=own)
        return real(self, role, viewer=truth, **options)

    own = viewer.countries
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(auth, "authenticate", of_all_countries)
        patched.setattr(Database, "transaction", as_viewer)
        yield


FILTERING: Final = {Role.HEAD}
"""Filters work alike for all roles, so the others read without."""


async def told_in_all(client: httpx.AsyncClient, hidden: Hidden, role: Role) -> list[tuple[Reading, Told]]:
    """Everything that an account can read, but the ids of its calls."""
    found = []
    for reading in readings(CONTRACT, hidden.places, filters=role in FILTERING):
        async for answer in answers(client, reading, CONTRACT):
            headers = sorted(item for item in answer.headers.multi_items() if item[0] != "x-request-id")
            found.append((reading, (answer.status_code, answer.content, headers)))
    return found


def leaks(told: list[tuple[Reading, Told]], hidden: Hidden) -> Counter[str]:
    """How often each operation told what Spain must not know."""
    found: Counter[str] = Counter()
    for reading, (status, content, headers) in told:
        text = content.decode("latin-1") + str(headers)
        if status >= 400:  # what the caller sent may be said back
            for asked in (reading.path.split("/")[4:5], dict(reading.query).values()):
                for value in asked:
                    text = text.replace(value, "")
        parts = set(reading.path.split("/"))
        answered = status < 400 and bool(parts & hidden.ids)
        of_kind = "proceedings" in text and reading.operation not in LAW
        if answered or of_kind or MARK in text or any(one in text for one in hidden.ids):
            found[reading.operation] += 1
    return found


def test_every_reading_of_the_contract_can_be_made() -> None:
    names = (
        "request_id",
        "agreement_id",
        "account_id",
        "event_id",
        "flag_id",
        "person_id",
        "entry_id",
        "record_id",
        "webhook_id",
        "import_id",
    )
    places = dict.fromkeys(names, (NOWHERE,))
    tried = {reading.operation for reading in readings(CONTRACT, places)}
    assert tried == {name for name, row in ROWS.items() if name.startswith("GET") and row.deed is not None}


@pytest.mark.parametrize("role", Role)
async def test_the_filters_of_queries_alone_keep_every_secret(
    role: Role, client_of: ClientOf, hidden: Hidden
) -> None:
    client = await client_of("ES", role=role)
    behind_both = await told_in_all(client, hidden, role)
    with database_wall_down():
        behind_one = await told_in_all(client, hidden, role)
    assert [reading for reading, _ in behind_one] == [reading for reading, _ in behind_both]
    different = {
        str(reading) for (reading, one), (_, both) in zip(behind_one, behind_both, strict=True) if one != both
    }
    assert not different
    assert not leaks(behind_both, hidden)
    assert 200 in {status for _, (status, _, _) in behind_both}
    assert 500 not in {status for _, (status, _, _) in behind_both}


@pytest.mark.parametrize("role", Role)
async def test_the_wall_of_the_database_alone_keeps_every_secret(
    role: Role, client_of: ClientOf, hidden: Hidden, secrets: Secrets
) -> None:
    client = await client_of("ES", role=role)
    with query_wall_down(secrets.spain):
        told = await told_in_all(client, hidden, role)
    assert not leaks(told, hidden)
    assert 200 in {status for _, (status, _, _) in told}


async def test_with_both_walls_down_the_secrets_of_every_route_are_out(
    client_of: ClientOf, hidden: Hidden, secrets: Secrets
) -> None:
    found: Counter[str] = Counter()
    for role in (Role.HEAD, Role.ADMIN, Role.AUDITOR):
        client = await client_of("ES", role=role)
        with query_wall_down(secrets.spain), database_wall_down():
            found += leaks(await told_in_all(client, hidden, role), hidden)
    of_countries = {
        name
        for name, row in ROWS.items()
        if name.startswith("GET")
        and row.about in {About.RECORD, About.LIST}
        # These are one account's, whatever its countries: their walls are tried in test_webhooks.py, test_imports.py.
        and not name.startswith("GET /api/v1/webhooks")
        and not name.endswith("/refused")
    }
    assert of_countries - found.keys() == set(), "these would not be found out if they leaked"
