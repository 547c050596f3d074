"""A login of its own for the running program, as the page on security advises: it owns nothing, and that is enough."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.backing_up import keep_record_keys
from mla_tracker.commands.housekeeping import keep_house
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.tokens import create_token
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.migrating import require_up_to_date
from tests.builders.api import ADDRESS, NOW, SETTINGS, Present
from tests.builders.counted import with_shipped_limits
from tests.builders.forgetting import closed_case
from tests.builders.keys import the_keys
from tests.builders.register import account


@pytest.fixture
async def own_login(server: Server, db: Database, database_url: str) -> AsyncIterator[Database]:
    """The database as a login opens it that is no more than a member of the two runtime roles."""
    name = f"run{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        await connection.execute(f"create role {name} login; grant mla_api, mla_jobs to {name}")
        async with await Database.open(
            database_url.replace("//mla@", f"//{name}@"), pool_size=3, vault=the_keys()
        ) as opened:
            yield opened
        await connection.execute(f"drop role {name}")
    finally:
        await connection.close()


async def test_a_login_that_owns_nothing_serves_and_runs_the_jobs(db: Database, own_login: Database) -> None:
    account = await create_account(db, name="Rabat", countries=["MA"], role=Role.OFFICER, now=NOW)
    token = (await create_token(db, account, now=NOW)).secret
    await require_up_to_date(own_login)
    app = create_app(own_login, SETTINGS, now=Present())
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    headers = {"Authorization": f"Bearer {token}"}
    entry = {
        "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
        "convention": "un1988", "external_reference": "MA-1", "events": [{"type": "sent", "occurred_on": "2026-03-02"}],
    }  # fmt: skip
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as client:
        made = await client.post("/api/v1/requests", json=entry)
        assert made.status_code == 201
        assert (await client.get("/api/v1/requests")).json()["items"][0]["id"] == made.json()["id"]
        assert (await client.get("/api/v1/reports/ageing")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 200
        await settle()
    await flag_due(own_login, NOW)
    await keep_house(own_login, NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "drop table request_event",
        "alter table request_event disable trigger all",
        "delete from request_event",
        "update request_event set type = 'sent'",
        "truncate call_window",
        "create table mine (x int)",
        "set role postgres",
    ],
)
async def test_and_can_take_no_wall_down(own_login: Database, statement: str) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
        async with own_login.transaction(DbRole.OWNER) as tx:
            await tx.execute(statement)


async def test_what_must_read_every_row_is_refused_to_it_since_what_it_does_not_see_would_seem_gone(
    db: Database, own_login: Database, tmp_path: Path
) -> None:
    await with_shipped_limits(db)
    await closed_case(db, await account(db, "MA"))
    assert (await keep_record_keys(db, tmp_path / "record-keys")).rows == 1
    before = (tmp_path / "record-keys").read_bytes()
    assert (await verify(db)).found == 0
    with pytest.raises(CannotRun, match="does not own it"):
        await keep_record_keys(own_login, tmp_path / "record-keys")
    assert (tmp_path / "record-keys").read_bytes() == before
    with pytest.raises(CannotRun, match="does not own it"):
        await verify(own_login)
