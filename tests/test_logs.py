"""Nothing that somebody entered, and no credential, reaches a line of the log: at any level, in any traceback."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from mla_tracker.logs import PRIVATE, WITHHELD, in_one_line, masked, told, without_private_fields
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun

SECRET = "Juan-Perez-4711"
TOKEN = "mla_" + "Ab3-_" * 8 + "xyz"
PASSWORD = "hunter2-of-the-database"

CHILD = """
import asyncio, logging, sys
from datetime import UTC, datetime

import httpx, structlog
from litestar import Response, post, get
from pydantic import BaseModel

from mla_tracker import logs
from mla_tracker.api import app as application
from mla_tracker.api.app import create_app
from mla_tracker.api.fields import Entry, Line
from mla_tracker.api.routes import documented
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from tests.builders.keys import the_keys

url, form, secret, token, password = sys.argv[1:]
settings = Settings(log_format=form, log_level="debug", allowed_hosts=("*",))
logs.configure(settings)

class Subject(Entry):
    subject: Line

class Number(BaseModel):
    value: int

COLUMNS = "insert into account (id, name, countries, role, created_at) "
FAULTS = {
    "unique": COLUMNS + "select id, $1, countries, role, created_at from account",
    "check": COLUMNS + "values (gen_random_uuid(), $1, '{}', 'king', now())",
    "cast": "select cast($1::text as uuid)",
    "raised": "select 1 / (case when $1::text is null then 1 else 0 end)",
}

@post("/faults/{kind:str}", **documented("Fails", tag="operation", body=Subject, answer=None, public=True))
async def fail(kind: str, entry: Subject, database: Database) -> Response[bytes]:
    local = entry.subject
    try:
        if kind in FAULTS:
            async with database.transaction(DbRole.OWNER) as tx:
                await tx.execute(FAULTS[kind], local)
        elif kind == "driver":
            async with database.transaction(DbRole.OWNER) as tx:
                await tx.execute("select $1::int", local)
        elif kind == "pydantic":
            Number.model_validate({"value": local})
        elif kind == "key":
            {}[local]
        elif kind == "number":
            int(local)
        elif kind == "group":
            raise ExceptionGroup(local, [ValueError(local), KeyError(local)])
    except Exception as error:
        error.add_note(local)
        raise LookupError(local) from error

async def main():
    application.ROUTES = [*application.ROUTES, fail]
    now = datetime.now(UTC)
    async with await Database.open(url, pool_size=2, vault=the_keys()) as db:
        account = await create_account(db, name="Rabat", countries=["MA"], role=Role.OFFICER, now=now)
        good = (await create_token(db, account, now=now)).secret
        app = create_app(db, settings, now=lambda: datetime.now(UTC))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tests") as client:
            for kind in (*FAULTS, "driver", "pydantic", "key", "number", "group"):
                answer = await client.post(f"/api/v1/faults/{kind}", json={"subject": secret})
                assert answer.status_code == 500, (kind, answer.text)
                assert secret not in answer.text
            for authorization in (f"Bearer {good}", f"Bearer {token}", f"Basic {token}", token):
                await client.get("/api/v1/me", headers={"Authorization": authorization})
            await client.get("/api/v1/requests", params={"q": secret}, headers={"Authorization": f"Bearer {good}"})
            client.headers["Authorization"] = f"Bearer {good}"
            entry = {"kind": "evidence", "requesting_country": "MA", "requested_country": "ES",
                     "assistance": ["records"], "convention": "un1988", "external_reference": "MA-1", "subject": secret}
            made = await client.post("/api/v1/requests", json=entry)
            assert made.status_code == 201, made.text
            await client.post("/api/v1/requests", json=entry)
            await client.post("/api/v1/requests", json={**entry, "kind": secret})
        try:
            await Database.open(f"postgresql://mla:{password}@127.0.0.1:1/d")
        except Exception:
            structlog.get_logger().exception("no database", url=f"postgresql://mla:{password}@127.0.0.1:1/d")
        structlog.get_logger().debug("told too much", subject=secret, token=good, header=f"Bearer {good}")
        logging.getLogger("httpcore.http11").debug("send_request_headers %r", [("Authorization", good)])
        logging.getLogger("some.library").error("called with %s", {"Authorization": f"Bearer {good}"})
        loop = asyncio.get_running_loop()
        task = loop.create_task(asyncio.sleep(0)); await task
        loop.call_exception_handler({"message": "lost", "exception": ValueError(secret)})
    print(good)
    raise KeyError(secret)

asyncio.run(main())
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_token_password_or_text_reaches_the_log_at_level_debug(database_url: str, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, database_url, form, SECRET, TOKEN, PASSWORD],
        env={
            name: value
            for name, value in os.environ.items()
            if name == "MLA_TEST_FOLDER" or name[:4] != "MLA_"
        },
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    good = done.stdout.strip()
    assert good.startswith("mla_"), done.stderr
    for secret in (SECRET, TOKEN, PASSWORD, good, good.removeprefix("mla_")):
        assert secret not in done.stderr
    # What an operator needs is there all the same.
    for needed in (
        "unexpected error",
        "UniqueViolationError 23505",
        "account_pkey",
        "Traceback",
        "no database",
    ):
        assert needed in done.stderr
    assert "ended by a fault of the program" in done.stderr
    if form == "json":
        assert all(json.loads(line)["level"] for line in done.stderr.splitlines())


class Number(BaseModel):
    value: int


def _of_pydantic() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Number.model_validate({"value": SECRET})
    return caught.value


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError(SECRET), f"KeyError: {WITHHELD}"),
        (ValueError(), "ValueError"),
        (_of_pydantic(), "ValidationError"),
        (
            asyncpg.DataError(f"invalid input for query argument $1: '{SECRET}'"),
            f"DataError 22000: {WITHHELD}",
        ),
        (CannotRun("Start the database."), "CannotRun: Start the database."),
        (TimeoutError(), "TimeoutError: "),
        (TypeError("f() missing 1 argument"), "TypeError: f() missing 1 argument"),
    ],
)
def test_an_exception_is_told_without_what_it_may_quote(error: Exception, line: str) -> None:
    assert told(error) == line


def test_a_pool_that_finds_no_database_says_so_in_one_line() -> None:
    error = asyncpg.CannotConnectNowError("the database system is starting up")
    record = logging.LogRecord(
        "asyncpg.pool", logging.WARNING, "", 0, "no %s", ("floor",), (type(error), error, None)
    )
    assert in_one_line(record)
    assert record.getMessage() == "no floor: CannotConnectNowError 57P03: the database system is starting up"
    assert record.exc_info is None


async def test_a_fault_of_the_database_names_the_rule_and_not_the_row(db: Database) -> None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with db.transaction(DbRole.OWNER) as tx:
            await tx.execute(
                "insert into account (id, name, countries, role, created_at) "
                "values (gen_random_uuid(), $1, '{MA}', 'king', now())",
                SECRET,
            )
    assert SECRET in str(caught.value), "the row is quoted, or this test proves nothing"
    said = told(caught.value)
    assert said.startswith("CheckViolationError 23514: ")
    assert "account_role_check" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {TOKEN}",
        f"token={TOKEN}&x=1",
        f"postgresql://mla:{TOKEN}@db/x",
        f"https://user:{TOKEN}@idp.example/keys",
        "Authorization: Basic dXNlcjpodW50ZXIy",
        "bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "password=dXNlcjpodW50ZXIy",
    ],
)
def test_what_looks_like_a_credential_is_masked_wherever_it_stands(line: str) -> None:
    shown = masked(line)
    assert "…" in shown
    assert not any(part in shown for part in (TOKEN, "dXNlcjpodW50ZXIy", "eyJhbGciOiJFUzI1NiJ9"))


def test_fields_named_like_secrets_are_withheld_and_others_stay() -> None:
    event: dict[str, Any] = {"event": "request", "path": "/api/v1/me", **dict.fromkeys(PRIVATE, SECRET)}
    shown = without_private_fields(None, "info", event)
    assert {name: value for name, value in shown.items() if name not in PRIVATE} == {
        "event": "request",
        "path": "/api/v1/me",
    }
    assert {shown[name] for name in PRIVATE} == {WITHHELD}
