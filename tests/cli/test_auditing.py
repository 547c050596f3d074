"""The audit at the terminal: verify says what was changed and ends with 1, and a proof is checked with nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mla_tracker.commands.sealing import seal
from mla_tracker.commands.taking_over import take_over
from mla_tracker.domain.audit import Chain, ChainKind
from mla_tracker.storage.database import Database, DbRole
from tests.builders.counted import NOW, as_owner
from tests.builders.keys import the_keys
from tests.builders.programs import environment
from tests.builders.register import account

PROGRAM = Path(sys.executable).with_name("mla-tracker")


def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [str(PROGRAM), *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
async def sealed(db: Database, tmp_path: Path) -> Path:
    """A register with an account, sealed; gives the file of checkpoints."""
    await account(db, "MA")
    await take_over(db, NOW)
    await seal(db, NOW, file=tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


async def test_verify_says_that_nothing_was_changed(db: Database, database_url: str, sealed: Path) -> None:
    done = run("verify", MLA_DATABASE_URL=database_url)
    assert (done.returncode, "no fault(s)" in done.stdout) == (0, True), done
    assert "Without a checkpoint kept elsewhere" in done.stdout
    told = run("verify", "--json", "--no-records", "--checkpoint", str(sealed), MLA_DATABASE_URL=database_url)
    found = json.loads(told.stdout)
    assert (found["found"], found["rows"], found["checkpoints"]) == (0, None, 1)


async def test_verify_names_what_was_changed_and_ends_with_one(
    db: Database, database_url: str, sealed: Path
) -> None:
    await as_owner(db, "update account set role = 'admin'")
    done = run("verify", MLA_DATABASE_URL=database_url)
    assert done.returncode == 1
    assert "of account: It is not what the audit tells: role." in done.stdout
    assert run("verify", "--no-records", MLA_DATABASE_URL=database_url).returncode == 0


async def test_a_proof_is_checked_without_any_database(db: Database, database_url: str, sealed: Path) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        entry_id, chain_id = await tx.fetchrow(  # type: ignore[misc] # there is one
            "select id, chain_id from audit_entry where what = 'account.created'"
        )
    file = sealed.with_name("proof.json")
    file.write_text(run("audit", "prove", str(entry_id), MLA_DATABASE_URL=database_url).stdout)
    key = run("audit", "key", MLA_DATABASE_URL=database_url).stdout.strip()
    assert key == the_keys().public_key
    done = run("audit", "check", str(file), "--key", key)
    assert (done.returncode, "account.created" in done.stdout) == (0, True), done
    file.write_text(file.read_text().replace("officer", "admin"))
    assert run("audit", "check", str(file), "--key", key).returncode == 1
    lines = run(
        "audit", "export", "--chain", f"account/{chain_id}", MLA_DATABASE_URL=database_url
    ).stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(entry_id)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("audit", "check", "nowhere.json", "--key", "x"), "That is no public key."),
        (("audit", "check", "nowhere.json", "--key", "A" * 43 + "="), "cannot be read"),
        (("audit", "export", "--chain", "request"), "names no chain"),
        (("audit", "export", "--chain", str(Chain.named(ChainKind.ZONE, "x").id)), "names no chain"),
        (("verify", "--checkpoint", "nowhere"), "cannot be read"),
        (("verify", "--checkpoint", "/dev/null"), "There is no checkpoint in /dev/null."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
