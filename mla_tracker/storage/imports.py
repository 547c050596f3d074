"""Imports as rows: what was handed in, sealed in chunks; how far it was taken; what was told of its rows."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from asyncpg import Record

from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.vault import seal_octets, unseal_octets

CHUNK_BYTES: Final = 256 * 1024
LEASE: Final = timedelta(minutes=2)
MOST_ATTEMPTS: Final = 20
MOST_REFUSED: Final = 200_000
MOST_WARNED: Final = 20_000
"""Rows of which something is told; those beyond are counted and not told of."""
MOST_OPEN: Final = 20
"""Files of one account that lie here and are not imported yet."""
MOST_ERROR: Final = 1000
"""Characters of the reason why a file as a whole was not taken."""


@dataclass(frozen=True, slots=True)
class ImportSpec:
    """What is to be imported, and how it is to be read."""

    kind: str
    format: str
    encoding: str = "utf-8"
    days: str = "iso"
    all_or_nothing: bool = False
    dry_run: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is read from its beginning whenever it is taken up."""
        return self.all_or_nothing or self.dry_run


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows by what became of them; `warned` are among the recorded and skipped ones."""

    position: int = 0
    recorded: int = 0
    skipped: int = 0
    refused: int = 0
    warned: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(
            self.position + other.position,
            self.recorded + other.recorded,
            self.skipped + other.skipped,
            self.refused + other.refused,
            self.warned + other.warned,
        )


@dataclass(frozen=True, slots=True)
class Remark:
    """What is told of a row: why it was refused, or of what to be warned. `field`: the column or JSON pointer."""

    row: int
    refused: bool
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """An import as it is stored, held by `holder`."""

    id: UUID
    actor: Actor
    spec: ImportSpec
    wrapped: bytes | None = field(repr=False)
    counted: Counted
    holder: UUID


async def create(
    tx: Tx,
    import_id: UUID,
    spec: ImportSpec,
    *,
    actor: Actor,
    now: datetime,
    kept_here: bool,
    digest: bytes | None = None,
) -> bytes:
    """Begin an import that is still to be received, and give the key that its chunks are sealed under.

    One that is not `kept_here` is read from a file by who runs it, and known again by its SHA-256.
    """
    key, wrapped = tx.vault.new_record_key(import_id)
    origin = actor.origin
    await tx.execute(
        """
        insert into bulk_import (id, account_id, country, scopes, origin, kind, format, encoding, days, all_or_nothing,
            dry_run, kept_here, wrapped, digest, status, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'receiving', $15, $15)
        """,
        import_id, actor.account_id, actor.countries[0], sorted(actor.scopes),
        {"address": origin.address, "credential": origin.credential, "request_id": origin.request_id},
        spec.kind, spec.format, spec.encoding, spec.days, spec.all_or_nothing, spec.dry_run, kept_here,
        wrapped if kept_here else None, digest, now,
    )  # fmt: skip
    return key


async def number_open(tx: Tx, account_id: UUID) -> int:
    """How many files of an account lie here or are being received; none is added until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('imports ' || $1, 0))", str(account_id))
    number: int = await tx.fetchval(
        """
        select count(*) from bulk_import
        where account_id = $1 and kept_here and status in ('receiving', 'waiting', 'running')
        """,
        account_id,
    )
    return number


async def add_chunk(
    tx: Tx, import_id: UUID, number: int, content: bytes, *, key: bytes, now: datetime
) -> None:
    """Keep a piece of what is handed in, sealed."""
    sealed = seal_octets(key, content, place_of(import_id, number))
    await tx.execute(
        "insert into import_chunk (import_id, number, sealed) values ($1, $2, $3)", import_id, number, sealed
    )
    await tx.execute("update bulk_import set updated_at = $2 where id = $1", import_id, now)


def place_of(import_id: UUID, number: int) -> UUID:
    """What a chunk is bound to: its import and its place in it."""
    return UUID(int=import_id.int ^ number)


async def received(tx: Tx, import_id: UUID, *, digest: bytes, size: int, now: datetime) -> None:
    """All of it is here: it waits to be taken up."""
    await tx.execute(
        "update bulk_import set status = 'waiting', digest = $2, bytes = $3, updated_at = $4 where id = $1",
        import_id, digest, size, now,
    )  # fmt: skip


_OPEN: Final = """
    status in ('waiting', 'running') and (lease_until is null or lease_until <= clock_timestamp())
"""


async def drop(tx: Tx, import_id: UUID, *, now: datetime) -> None:
    """Give up what was not received whole."""
    await tx.execute("delete from import_chunk where import_id = $1", import_id)
    await tx.execute(
        """
        update bulk_import set status = 'failed', error = 'The upload was not taken.', wrapped = null, updated_at = $2,
            finished_at = $2
        where id = $1 and status = 'receiving'
        """,
        import_id, now,
    )  # fmt: skip


def new_digest() -> "hashlib._Hash":
    """By what a file is known again."""
    return hashlib.sha256()


async def rechunked(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in chunks of one size, the last one smaller."""
    held = bytearray()
    async for piece in content:
        held += piece
        while len(held) >= CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    if held:
        yield bytes(held)


async def take_up(tx: Tx, holder: UUID, now: datetime) -> tuple[ImportRow | None, bool]:
    """Hold the oldest import that lies here and that nobody is at, in the name of the jobs.

    None with True: there was one, which came to its end, as nobody may go on with it; with False: there is none.
    """
    row = await tx.fetchrow(
        f"""
        update bulk_import i set status = 'running', holder = $1, lease_until = clock_timestamp() + $2,
            attempts = attempts + 1, updated_at = $3
        from account a
        where a.id = i.account_id and i.id = (
            select id from bulk_import where kept_here and {_OPEN} order by created_at, id limit 1
            for update skip locked)
        returning {", ".join(f"i.{name}" for name in _READ)}, a.countries, a.role, a.name, a.disabled_at
        """,
        holder, LEASE, now,
    )  # fmt: skip
    if row is None:
        return None, False
    if row["disabled_at"] is not None or row["country"] not in row["countries"]:
        why = "The account that handed it in is closed, or speaks for that country no longer."
        await end(tx, row["id"], holder, now=now, failed=why)
        return None, True
    if row["attempts"] > MOST_ATTEMPTS:
        await end(tx, row["id"], holder, now=now, failed="Given up: it was broken off too often.")
        return None, True
    return _held(row, holder), True


def _held(row: Record, holder: UUID) -> ImportRow:
    actor = Actor(
        UUID(int=row["account_id"].int),
        tuple(row["countries"]),
        Role(row["role"]),
        row["name"],
        frozenset(map(Scope, row["scopes"])),
        Origin(**row["origin"]),
    )
    spec = ImportSpec(
        row["kind"], row["format"], row["encoding"], row["days"], row["all_or_nothing"], row["dry_run"]
    )
    counted = Counted(row["position"], row["recorded"], row["skipped"], row["refused"], row["warned"])
    return ImportRow(UUID(int=row["id"].int), actor, spec, row["wrapped"], counted, holder)


async def hold_file(tx: Tx, digest: bytes, *, actor: Actor) -> bool:
    """Let nobody else look for this file until the transaction ends; gives whether somebody is at it right now."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('import ' || encode($1, 'hex'), 0))", digest
    )
    found: bool = await tx.fetchval(
        """
        select exists (
            select from bulk_import where not kept_here and account_id = $1 and digest = $2 and status = 'running'
                and lease_until > clock_timestamp())
        """,
        actor.account_id, digest,
    )  # fmt: skip
    return found


async def take_up_file(
    tx: Tx, spec: ImportSpec, digest: bytes, *, actor: Actor, holder: UUID, now: datetime
) -> ImportRow | None:
    """Hold the import of this very file by this account that was broken off, if there is one."""
    row = await tx.fetchrow(
        f"""
        update bulk_import set status = 'running', holder = $1, lease_until = clock_timestamp() + $2, updated_at = $3
        where id = (
            select id from bulk_import
            where not kept_here and {_OPEN} and account_id = $4 and digest = $5 and kind = $6 and format = $7
                and encoding = $8 and days = $9 and all_or_nothing = $10 and dry_run = $11
            order by created_at desc limit 1 for update skip locked)
        returning {", ".join(_READ)}
        """,
        holder, LEASE, now, actor.account_id, digest, spec.kind, spec.format, spec.encoding, spec.days,
        spec.all_or_nothing, spec.dry_run,
    )  # fmt: skip
    if row is None:
        return None
    counted = Counted(row["position"], row["recorded"], row["skipped"], row["refused"], row["warned"])
    return ImportRow(UUID(int=row["id"].int), actor, spec, None, counted, holder)


_READ: Final = (
    "id", "account_id", "country", "scopes", "origin", "kind", "format", "encoding", "days", "all_or_nothing",
    "dry_run", "wrapped", "position", "recorded", "skipped", "refused", "warned", "attempts",
)  # fmt: skip


class Lost(Exception):
    """The import is somebody else's by now, or nobody's: whoever was at it stops."""


async def advance(
    tx: Tx,
    held: ImportRow,
    counted: Counted,
    remarks: Sequence[Remark],
    *,
    now: datetime,
    size: int | None = None,
) -> None:
    """Note how far it was taken, and what is to be told, in the transaction that took it.

    Raises Lost, also where the account that handed it in was closed meanwhile: whoever takes it up next ends it.
    """
    ours = await tx.fetchval(
        """
        update bulk_import i set position = $3, recorded = $4, skipped = $5, refused = $6, warned = $7,
            updated_at = $8, lease_until = clock_timestamp() + $9, bytes = coalesce($10, bytes)
        from account a
        where i.id = $1 and holder = $2 and status = 'running' and a.id = i.account_id and a.disabled_at is null
        returning true
        """,
        held.id, held.holder, counted.position, counted.recorded, counted.skipped, counted.refused, counted.warned, now,
        LEASE, size,
    )  # fmt: skip
    if ours is None:
        raise Lost
    told = [
        one
        for one in remarks
        if (counted.refused <= MOST_REFUSED if one.refused else counted.warned <= MOST_WARNED)
    ]
    if told:
        await tx.executemany(
            """
            insert into import_remark (import_id, row_number, number, refused, field, reason)
            values ($1, $2, $3, $4, $5, $6)
            """,
            [
                (held.id, one.row, number, one.refused, one.field[:200], one.reason[:2000])
                for number, one in _numbered(told)
            ],
        )


def _numbered(remarks: Iterable[Remark]) -> Iterable[tuple[int, Remark]]:
    seen: dict[int, int] = {}
    for one in remarks:
        seen[one.row] = seen.get(one.row, 0) + 1
        yield seen[one.row], one


async def begin_anew(tx: Tx, held: ImportRow, *, now: datetime) -> None:
    """Forget what was told so far, as all of it is to be read again. Raises Lost."""
    await tx.execute("delete from import_remark where import_id = $1", held.id)
    await advance(tx, held, Counted(), [], now=now)


async def end(tx: Tx, import_id: UUID, holder: UUID, *, now: datetime, failed: str | None = None) -> None:
    """It is over: what was handed in is deleted and its key destroyed. Raises Lost."""
    told = await tx.fetchval(
        """
        update bulk_import set status = $3, error = $4, finished_at = $5, updated_at = $5, wrapped = null,
            digest = null, lease_until = null
        where id = $1 and holder = $2 and status = 'running' returning true
        """,
        import_id, holder, "failed" if failed else "done", failed[:MOST_ERROR] if failed else None, now,
    )  # fmt: skip
    if told is None:
        raise Lost
    await tx.execute("delete from import_chunk where import_id = $1", import_id)


async def content(db: Database, held: ImportRow, tx: Tx | None = None) -> AsyncIterator[bytes]:
    """What was handed in, chunk by chunk; read in `tx` where a transaction is open all the while."""
    number = 0
    while True:
        if tx is not None:
            sealed = await _chunk(tx, held, number)
        else:
            async with db.transaction(DbRole.API, viewer=held.actor, read_only=True) as own:
                sealed = await _chunk(own, held, number)
        if sealed is None:
            return
        assert held.wrapped is not None
        assert db.vault is not None
        key = db.vault.record_key(held.id, held.wrapped)
        yield unseal_octets(key, sealed, place_of(held.id, number))
        number += 1


async def _chunk(tx: Tx, held: ImportRow, number: int) -> bytes | None:
    sealed: bytes | None = await tx.fetchval(
        "select sealed from import_chunk where import_id = $1 and number = $2", held.id, number
    )
    return sealed


async def forget_broken_off(tx: Tx, *, before: datetime, now: datetime) -> int:
    """Give up what was not received whole, in the name of the jobs; gives how many."""
    rows = await tx.fetch(
        """
        update bulk_import set status = 'failed', finished_at = $2, updated_at = $2, wrapped = null,
            error = 'The upload broke off.'
        where status = 'receiving' and kept_here and updated_at < $1 returning id
        """,
        before, now,
    )  # fmt: skip
    await tx.execute("delete from import_chunk where import_id = any($1)", [row["id"] for row in rows])
    return len(rows)
