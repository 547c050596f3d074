"""The keys of records, wrapped, and what was taken away: kept in one file apart from every copy of the database.

Each copy of them replaces the one before, so that a key that was destroyed is in none. Lines of text: a head, then
`key`, `gone` (a key that was destroyed), `person` and `text` (erased one by one), `empty` (a text that says nothing any
more), `token` and `account` (ended), `feed`, `address` and `webhook` (those there are: what is not named was taken away
or is another by now), and a last one that counts and signs the others.
"""

import base64
import binascii
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from asyncpg import Record
from cryptography.exceptions import InvalidSignature

from mla_tracker.storage.database import Tx
from mla_tracker.storage.durable import replaced
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import Vault

FORMAT: Final = 2
READ: Final = frozenset({1, 2})
"""Format 1 names no webhooks."""
BATCH: Final = 2000
_HEAD: Final = "mla-tracker record keys"
_SIGNED: Final = b"mla-tracker record keys\n"
_STANDING: Final = frozenset({"key", "feed", "address", "webhook"})
_MOST_BYTES_OF_A_LINE: Final = 4096

_ROWS: Final = """
    select 'key' as form, request_id as id, wrapped, null::timestamptz as at, null as ground
    from record_key where wrapped is not null
    union all
    select 'gone', request_id, null, destroyed_at, null from record_key where wrapped is null
    union all
    select 'person', p.id, null, p.erased_at, p.erased_for from person p join record_key k using (request_id)
    where p.erased_at is not null and k.wrapped is not null
    union all
    select 'text', t.id, null, t.erased_at, t.erased_for from free_text t join record_key k using (request_id)
    where t.erased_at is not null and k.wrapped is not null
    union all
    select 'empty', t.id, null, null, null from free_text t join record_key k using (request_id)
    where t.erased_at is null and t.sealed is null and t.body is null and k.wrapped is not null
    union all
    select 'token', id, null, revoked_at, null from api_token where revoked_at is not null
    union all
    select 'account', id, null, disabled_at, null from account where disabled_at is not null
"""
WEBHOOK_MARK: Final = (
    "sha256(convert_to(url, 'UTF8') || sealed || convert_to((disabled_at is null)::text, 'UTF8'))"
)
"""By which an endpoint is known that still has its address and secret, and is still told or not."""

_OF_ACCOUNTS: Final = f"""
    union all
    select 'feed', account_id, token_hash, null, null from calendar_feed
    union all
    select 'address', account_id, commitment, null, null from notification
    union all
    select 'webhook', id, mark, null, null from (select id, {WEBHOOK_MARK} as mark from webhook) marked
"""
"""In a database that was migrated far enough."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file of record keys says of itself; `taken_away` counts what was destroyed or ended."""

    made_at: datetime
    rows: int
    taken_away: int
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `octets` of a wrapped key, or by which a feed, address or webhook is known; `at` and `ground` of what
    was destroyed, where they are known."""

    form: str
    id: UUID
    octets: bytes | None = None
    at: datetime | None = None
    ground: str | None = None


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Hold the file against others that would replace it. Raises CannotRun."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotRun(_why_not(error, path)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


async def keep(tx: Tx, path: Path) -> Kept:
    """Replace the file by what stands in the database now, when all of it has reached the disk. Raises CannotRun."""
    rows = taken_away = 0
    now: datetime = await tx.fetchval("select now()")
    try:
        with replaced(path) as file:
            digest = hashlib.sha256()

            def write(line: str) -> None:
                octets = f"{line}\n".encode()
                digest.update(octets)
                file.write(octets)

            head = {
                "of": _HEAD,
                "format": FORMAT,
                "made_at": now.isoformat(),
                "keys": tx.vault.fingerprints(),
            }
            write(json.dumps(head))
            newer = await tx.fetchval("select to_regclass('public.calendar_feed')") is not None
            cursor = await tx.cursor(_ROWS + (_OF_ACCOUNTS if newer else ""))
            while found := await cursor.fetch(BATCH):
                for row in found:
                    write(" ".join(_words(row)))
                    rows += 1
                    taken_away += row["form"] not in _STANDING
            sum_of_all = digest.digest()
            signature = tx.vault.signing_key.sign(_SIGNED + sum_of_all)
            file.write(
                f"{json.dumps({'rows': rows, 'sha256': sum_of_all.hex(), 'signature': _text(signature)})}\n".encode()
            )
    except OSError as error:
        raise CannotRun(_why_not(error, path)) from error
    return Kept(now, rows, taken_away)


def checked(path: Path, vault: Vault) -> Kept:
    """What the file says, once every byte of it was found to be as it was written. Raises CannotRun."""
    digest, rows, taken_away, last = hashlib.sha256(), 0, 0, b""
    with _opened(path) as file:
        head = _head(file.readline(_MOST_BYTES_OF_A_LINE), path, vault)
        digest.update(head.pop("octets"))
        for line in _lines(file):
            if last:
                digest.update(last)
                rows += 1
                taken_away += last.split(b" ", 1)[0].decode() not in _STANDING
            last = line
    end = _object(last)
    try:
        signature = base64.b64decode(str(end.get("signature", "")), validate=True)
        vault.signing_key.public_key().verify(signature, _SIGNED + digest.digest())
        whole = last.endswith(b"\n") and end.get("rows") == rows
    except (InvalidSignature, binascii.Error):
        whole = False
    if not whole:
        raise CannotRun(
            f"The record keys in {path} are not as they were written: something was changed or cut off. "
            "Give another copy."
        )
    return Kept(datetime.fromisoformat(head["made_at"]), rows, taken_away, head["format"])


def lines(path: Path) -> Iterator[Line]:
    """The lines of a file that was `checked`."""
    with _opened(path) as file:
        file.readline()
        before = b""
        for line in _lines(file):
            if before:
                yield _read(before)
            before = line


async def put_keys(tx: Tx, batch: Sequence[Line]) -> None:
    """Store keys, and that keys were destroyed, of those requests that are there, unless that was done before."""
    await tx.execute(
        """
        insert into record_key (request_id, requesting_country, requested_country, wrapped, destroyed_at)
        select r.id, r.requesting_country, r.requested_country, given.wrapped, given.at
        from unnest($1::uuid[], $2::bytea[], $3::timestamptz[]) as given(id, wrapped, at) join request r using (id)
        on conflict (request_id) do nothing
        """,
        [line.id for line in batch],
        [line.octets for line in batch],
        [line.at for line in batch],
    )


async def without_key(tx: Tx) -> int:
    """How many requests have texts or persons under a key that is not there."""
    number: int = await tx.fetchval(
        """
        select count(*) from (
            select request_id from free_text where sealed is not null
            union select request_id from person where sealed is not null
        ) of_texts where not exists (select from record_key k where k.request_id = of_texts.request_id)
        """
    )
    return number


def _words(row: Record) -> list[str]:
    words = [row["form"], str(row["id"])]
    if row["wrapped"] is not None:
        words.append(_text(row["wrapped"]))
    if row["at"] is not None:
        words.append(row["at"].isoformat())
    if row["ground"] is not None:
        words.append(row["ground"])
    return words


def _read(line: bytes) -> Line:
    form, name, *rest = line.decode("ascii").split()
    if form in _STANDING:
        return Line(form, UUID(name), base64.b64decode(rest[0]))
    at = datetime.fromisoformat(rest[0]) if rest else None
    return Line(form, UUID(name), None, at, rest[1] if len(rest) > 1 else None)


def _head(line: bytes, path: Path, vault: Vault) -> dict[str, Any]:
    head = _object(line)
    if head.get("of") != _HEAD:
        raise CannotRun(
            f"{path} holds no record keys. Give the file that MLA_RECORD_KEYS_FILE named at the backup."
        )
    if head.get("format") not in READ:
        raise CannotRun(f"The record keys in {path} were written by a newer program. Install that one.")
    if head.get("keys") != dict(vault.fingerprints()):
        raise CannotRun(
            f"The record keys in {path} belong to other keys than those of MLA_KEYS_DIR. Give those of one "
            "installation."
        )
    return {**head, "octets": line}


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(_MOST_BYTES_OF_A_LINE):
        yield line


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise CannotRun(
            f"The record keys in {path} cannot be read ({error.strerror}). Name the file with --record-keys or "
            "MLA_RECORD_KEYS_FILE; without it no text of the backup can be opened."
        ) from error


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _why_not(error: OSError, path: Path) -> str:
    return (
        f"The record keys could not be written to {path} ({error.strerror}). What was there stands. Set "
        "MLA_RECORD_KEYS_FILE to a place that can be written."
    )
