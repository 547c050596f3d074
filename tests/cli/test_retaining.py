"""Forgetting at the terminal: listed first, then done, with ids and dates alone."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mla_tracker.commands.requests import log_request
from mla_tracker.commands.retention import set_retention
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from tests.builders.counted import a_case, row_of, with_shipped_limits
from tests.builders.programs import environment
from tests.builders.register import account

PROGRAM = Path(sys.executable).with_name("mla-tracker")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def run(database_url: str, *arguments: str) -> str:
    done = subprocess.run(
        [str(PROGRAM), "retention", *arguments],
        env=environment(MLA_DATABASE_URL=database_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_what_is_over_is_listed_and_then_erased(db: Database, database_url: str) -> None:
    await with_shipped_limits(db)
    head = await account(db, "MA", role=Role.HEAD)
    await set_retention(db, "MA", 1, {}, expected=None, actor=head, now=LONG_AGO)
    case = a_case().then("sent", "2018-01-02").then("withdrawn", "2018-01-03").then("closed", "2018-02-01")
    entry = replace(case.entry, subject="Ruiz and a bank")
    made = (await log_request(db, entry, actor=head, now=LONG_AGO)).id
    line = f"{made}  closed 2018-02-01, kept until 2019-02-01\n"
    dry = "1 closed request(s) looked at, 1 would be erased.\n"
    assert run(database_url, "--dry-run") == line + dry
    listed = {"request_id": str(made), "closed_on": "2018-02-01", "kept_until": "2019-02-01"}
    told = json.loads(run(database_url, "--dry-run", "--json"))
    assert told == {"dry_run": True, "looked_at": 1, "requests": [listed]}
    assert (await row_of(db, made))["erased_at"] is None
    assert run(database_url) == line + "1 closed request(s) looked at, 1 erased.\n"
    assert (await row_of(db, made))["erased_at"] is not None
    assert run(database_url) == "0 closed request(s) looked at, 0 erased.\n"
