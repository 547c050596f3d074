"""Files of records at the terminal: imported, broken off with kill -9 and gone on with, exported."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mla_tracker.commands.importing_rows import BATCH
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.programs import environment
from tests.builders.register import account

PROGRAM = Path(sys.executable).with_name("mla-tracker")


def start(database_url: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(PROGRAM), *arguments],
        env=environment(MLA_DATABASE_URL=database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(database_url: str, *arguments: str, code: int = 0) -> str:
    program = start(database_url, *arguments)
    told, wrong = program.communicate(timeout=120)
    assert program.returncode == code, wrong
    return told if code == 0 or told else wrong


def a_file(folder: Path, number: int) -> Path:
    """Requests without references of their own, which nothing but the place in the file keeps from being doubled."""
    row: dict[str, Any] = {
        "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
        "events": [{"type": "sent", "occurred_on": "2026-01-05"}],
    }  # fmt: skip
    file = folder / "requests.ndjson"
    file.write_text((json.dumps(row) + "\n") * number)
    return file


async def test_an_import_that_was_killed_goes_on_where_it_stood_and_doubles_nothing(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await account(db, "MA")
    file = a_file(tmp_path, BATCH * 3)
    arguments = ("import", str(file), "--kind", "requests", "--country", "MA", "--json")
    program = start(database_url, *arguments)
    stands = 0
    until = time.monotonic() + 90
    while not stands and time.monotonic() < until and program.poll() is None:
        async with db.transaction(DbRole.OWNER, read_only=True) as tx:
            stands = await tx.fetchval("select coalesce(max(position), 0) from bulk_import")
    program.kill()
    program.wait(30)
    assert "within the last two minutes" in run(database_url, *arguments, code=1)
    async with db.transaction(DbRole.OWNER) as tx:
        stands = await tx.fetchval(
            "update bulk_import set lease_until = clock_timestamp() returning position"
        )
        assert await tx.fetchval("select count(*) from request") == stands
    assert 0 < stands < BATCH * 3
    told = json.loads(run(database_url, *arguments))
    assert (told["status"], told["taken_before"], told["recorded"]) == ("done", stands, BATCH * 3)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from request") == BATCH * 3


async def test_a_sample_is_printed_tried_imported_and_exported(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    file = tmp_path / "agreements.csv"
    file.write_text(run(database_url, "import", "--sample", "agreements"))
    arguments = ("import", str(file), "--kind", "agreements", "--account", str(head.account_id))
    assert run(database_url, *arguments, "--dry-run").startswith("2 row(s): 2 would be recorded")
    assert run(database_url, *arguments).startswith("2 row(s): 2 recorded, 0 skipped")
    target = tmp_path / "export.csv"
    run(database_url, "export", "agreements", "--country", "MA", "--to", str(target))
    assert "org:Yugoslavia" in target.read_text()
    assert target.stat().st_mode & 0o077 == 0, "texts of cases are for this user alone"
    assert "2 skipped" in run(database_url, "import", str(target), "--kind", "agreements", "--country", "MA")
    refused = tmp_path / "refused.csv"
    file.write_text(file.read_text().replace("Rabat / España", "Rabat / Nowhere").replace("T-1", "T-9"))
    told = run(database_url, *arguments, "--refused", str(refused), code=1)
    assert "Row 2, parties: Party 2: Not a country." in told
    assert refused.read_text().splitlines()[1].startswith("2,parties,refused,")
    assert refused.stat().st_mode & 0o077 == 0
    told = run(database_url, *arguments, "--refused", str(refused), code=1)
    assert told.strip() == f"The file {refused} cannot be written (File exists)."
    await account(db, "MA")
    assert "Name one with --account" in run(
        database_url, "import", str(file), "--kind", "agreements", "--country", "MA", code=1
    )
