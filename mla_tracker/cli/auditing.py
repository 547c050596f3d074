"""Commands of the audit: verify everything, prove one entry, check a proof, export a chain."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

from cyclopts import App, Parameter

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready, tell
from mla_tracker.commands.verifying import Verified
from mla_tracker.domain.audit import COLUMNS, ChainKind
from mla_tracker.domain.checkpoints import notes_in
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.audit_reading import entries_of
from mla_tracker.storage.checkpoints import public_key_of
from mla_tracker.storage.database import DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.migrating import require_owner
from mla_tracker.storage.proofs import NotProven, check_proof, proof_of

TELL_EVERY: Final = 2.0
MOST_BYTES: Final = 256 * 1024 * 1024

audit = App(
    name="audit", help="The audit: proofs of single entries, which anybody checks without the database."
)

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(verify)
    app.command(audit)


def verify(*, checkpoint: Path | None = None, records: bool = True, as_json: AsJson = False) -> None:
    """Check the whole audit, and the records against it. Exit code 1 if something was changed, with what it is.

    Parameters
    ----------
    checkpoint
        File of checkpoints that was kept elsewhere (MLA_CHECKPOINT_FILE writes such a one, or what MLA_CHECKPOINT_URL
        received, one note after the other): finds entries that were cut off together with the checkpoints here.
    records
        Also compare the records themselves with what the audit tells.
    as_json
        Print the findings as JSON.
    """
    outside = list(notes_in(_read(checkpoint))) if checkpoint is not None else []
    if checkpoint is not None and not outside:
        raise CannotRun(f"There is no checkpoint in {checkpoint}.")
    done = run(_verify(load_settings(), outside, records))
    if as_json:
        print(json.dumps(asdict(done), default=str))
    else:
        _print(done, bool(outside))
    if done.found:
        raise SystemExit(1)


async def _verify(settings: Settings, outside: list[str], records: bool) -> Verified:
    from mla_tracker.commands.verifying import verify as run_verify

    async with ready(settings) as database:
        return await run_verify(database, outside=outside, records=records, told=_progress())


def _progress() -> Callable[[int, int], None]:
    last = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            tell(f"{done} of {of} entries looked at ...")

    return told


def _print(done: Verified, outside: bool) -> None:
    for finding in done.findings:
        print(finding.sentence)
    if done.found > len(done.findings):
        print(f"... and {done.found - len(done.findings)} more.")
    looked_at = f"{done.entries} entries in {done.chains} chains, {done.checkpoints} checkpoints"
    print(f"{looked_at}: {done.found or 'no'} fault(s).")
    if done.rows is not None:
        print(f"{done.rows} rows of records were compared.")
    if done.oldest_unsealed is not None:
        age = int((now() - done.oldest_unsealed).total_seconds())
        print(
            f"{done.unsealed} entries are not sealed yet, the oldest for {age} s: were such cut off from the end of a "
            "chain, the audit alone would not show it."
        )
    if not outside:
        print(
            "Without a checkpoint kept elsewhere (--checkpoint), a cut at the end that took the checkpoints along is "
            "not seen."
        )


@audit.command(name="key")
def print_key() -> None:
    """Print the public key by which checkpoints and proofs are checked. Give it to whoever is to check them."""
    print(run(_key(load_settings())))


async def _key(settings: Settings) -> str:
    async with ready(settings) as database:
        assert database.vault is not None
        return database.vault.public_key


@audit.command
def prove(entry_id: UUID) -> None:
    """Print the proof that an entry is under a signed checkpoint, as JSON.

    Parameters
    ----------
    entry_id
        Id of the entry, as the audit lists it.
    """
    print(json.dumps(run(_prove(load_settings(), entry_id)), ensure_ascii=False, indent=1))


async def _prove(settings: Settings, entry_id: UUID) -> Any:
    async with ready(settings) as database, database.transaction(DbRole.OWNER, read_only=True) as tx:
        await require_owner(tx, database.where)
        proof = await proof_of(tx, entry_id)
    if proof is None:
        raise CannotRun(
            f"There is no sealed entry {entry_id}. One that was just made is sealed within a minute."
        )
    return proof


@audit.command
def check(proof: Path, *, key: str) -> None:
    """Check a proof, without any database. Exit code 1 if it does not hold.

    Parameters
    ----------
    proof
        The file that `audit prove` wrote.
    key
        The public key that `audit key` printed on the installation the proof is of.
    """
    public_key = public_key_of(key)
    try:
        checkpoint, entry = check_proof(json.loads(_read(proof)), public_key)
    except (json.JSONDecodeError, RecursionError):
        raise CannotRun(f"{proof} holds no JSON.") from None
    except NotProven as reason:
        raise CannotRun(str(reason)) from None
    print(
        f"Entry {entry['id']} ({entry['what']}, {entry['at']}) was sealed as it stands here by checkpoint "
        f"{checkpoint.number} of {checkpoint.at}, over {checkpoint.size} entries."
    )


@audit.command
def export(*, chain: str) -> None:
    """Print the entries of one chain, a line of JSON each, in their order, readings last.

    Parameters
    ----------
    chain
        Kind and id of the record, as request/019cd79e-4600-7358-b20e-754b9e423e13.
    """
    kind, _, name = chain.partition("/")
    try:
        found = ChainKind(kind), UUID(name)
    except ValueError:
        known = ", ".join(ChainKind)
        raise CannotRun(
            f"{chain} names no chain. Give its kind, a slash, and its id; kinds are {known}."
        ) from None
    if not run(_export(load_settings(), *found)):
        raise CannotRun(f"There is no entry of {chain}.")


async def _export(settings: Settings, kind: ChainKind, chain_id: UUID) -> int:
    number = 0
    async with ready(settings) as database, database.transaction(DbRole.OWNER, read_only=True) as tx:
        await require_owner(tx, database.where)
        async for row in entries_of(tx, kind, chain_id):
            told = {name: row[name] for name in COLUMNS} | {"mac": row["mac"].hex(), "leaf": row["leaf"]}
            sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
            number += 1
    return number


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CannotRun(f"{path} is larger than {MOST_BYTES // 1024 // 1024} MB.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"{path} cannot be read ({error}).") from None
