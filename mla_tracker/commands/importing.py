"""An import from its first row to its last: row by row in batches, or all or nothing in one transaction.

Row by row, a batch and the place it reaches are written in one transaction, so whoever goes on after a node was killed
begins behind the last batch that stands. All or nothing, and dry runs, begin anew: nothing of them stands.
"""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from mla_tracker.commands.importing_agreements import record_agreements
from mla_tracker.commands.importing_directory import record_directory
from mla_tracker.commands.importing_requests import meet, record_requests
from mla_tracker.commands.importing_rows import BATCH, Outcome, ReadRow, Seen
from mla_tracker.commands.reading import note_reading
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import DomainError, InvalidEntry, NotAllowed
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.storage import import_remarks, imports
from mla_tracker.storage.database import Database, DbRole, TimeLimits, Tx
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.idempotency import IdempotencyKey, claim
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.imports import Counted, ImportRow, ImportSpec, Lost
from mla_tracker.storage.vault import SealBroken

KINDS: Final[Mapping[str, Deed]] = {
    "agreements": Deed.RECORD_AGREEMENTS,
    "requests": Deed.RECORD_REQUESTS,
    "directory": Deed.KEEP_DIRECTORY,
}
"""What can be imported, and what one must be allowed for it."""

REMARKS_KEPT: Final = timedelta(days=90)
BROKEN_OFF_AFTER: Final = timedelta(hours=1)
AT_ONCE: Final = 20
"""Imports that one run of the job works off at most."""

_PATIENT: Final = TimeLimits(statement=120_000, lock=10_000, idle=120_000)
_PATIENT_WHOLE: Final = TimeLimits(statement=120_000, lock=10_000, idle=1_800_000)


class Read(Protocol):
    """How the bytes of a file become rows, given by the entry points, which know the bodies."""

    def __call__(
        self, content: AsyncIterable[bytes], spec: ImportSpec, *, skip: int
    ) -> AsyncIterator[ReadRow]:
        """The rows behind the first `skip`. Raises InvalidEntry where the file as a whole cannot be read."""


Told = Callable[[Counted], None]
"""Who is told of progress."""

Record = Callable[..., Awaitable[Outcome]]

_RECORD: Final[Mapping[str, Record]] = {
    "agreements": record_agreements,
    "requests": record_requests,
    "directory": record_directory,
}


class _Undo(Exception):
    """Nothing of it is to stand."""


@dataclass(frozen=True, slots=True)
class Received:
    """An import that was handed in. `replayed`: by an earlier call with the same key."""

    id: UUID
    replayed: bool = False


def require_import(actor: Actor, kind: str) -> None:
    """Raises NotAllowed, InsufficientScope where the account may not record that kind one by one either."""
    require(actor, KINDS[kind])
    if not actor.countries:
        raise NotAllowed("This account speaks for no country, so there is none whose records these could be.")


async def receive(
    db: Database,
    spec: ImportSpec,
    content: AsyncIterable[bytes],
    *,
    actor: Actor,
    now: datetime,
    key_of: Callable[[bytes], IdempotencyKey | None] = lambda _: None,
) -> Received:
    """Keep what is handed in, sealed, until a job takes it up. `key_of` gives the caller's key from the SHA-256.

    Raises NotAllowed, and InvalidEntry for an empty file and for one too many at once; where `content` raises, nothing
    is kept either.
    """
    require_import(actor, spec.kind)
    import_id = uuid7(now)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if await imports.number_open(tx, actor.account_id) >= imports.MOST_OPEN:
            raise InvalidEntry(
                f"{imports.MOST_OPEN} files of this account wait to be imported. Hand in this one when one of them is "
                "over."
            )
        key = await imports.create(tx, import_id, spec, actor=actor, now=now, kept_here=True)
    digest, size, number = imports.new_digest(), 0, 0
    try:
        async for chunk in imports.rechunked(content):
            size += len(chunk)
            digest.update(chunk)
            async with db.transaction(DbRole.API, viewer=actor) as tx:
                await imports.add_chunk(tx, import_id, number, chunk, key=key, now=now)
            number += 1
        if not size:
            raise InvalidEntry("The file is empty. Send its rows as the body.")
        idempotency = key_of(digest.digest())
        async with db.transaction(DbRole.API, viewer=actor) as tx:
            if done := await claim(tx, idempotency, now, making={"id": str(import_id)}):
                await imports.drop(tx, import_id, now=now)
                return Received(UUID(done["id"]), replayed=True)
            await imports.received(tx, import_id, digest=digest.digest(), size=size, now=now)
    except BaseException:
        await asyncio.shield(_dropped(db, import_id, actor, now))
        raise
    return Received(import_id)


async def _dropped(db: Database, import_id: UUID, actor: Actor, now: datetime) -> None:
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        await imports.drop(tx, import_id, now=now)


async def work_off(db: Database, now: datetime, read: Read) -> Mapping[str, int]:
    """Take up imports that wait or whose holder died, one after the other, and bring each to its end."""
    began = time.monotonic()
    done: list[Counted] = []
    async with db.transaction(DbRole.JOBS) as tx:
        broken_off = await imports.forget_broken_off(tx, before=now - BROKEN_OFF_AFTER, now=now)
        await import_remarks.forget_old(tx, before=now - REMARKS_KEPT)
    for _ in range(AT_ONCE):
        moment = now + timedelta(seconds=time.monotonic() - began)
        async with db.transaction(DbRole.JOBS) as tx:
            held, waiting = await imports.take_up(tx, uuid4(), moment)
        if held is not None:
            done.append(await carry_out(db, held, read, now=moment))
        elif not waiting:
            break
    total = sum(done, Counted())
    return {
        "imports": len(done),
        "recorded": total.recorded,
        "skipped": total.skipped,
        "refused": total.refused,
        "broken_off": broken_off,
    }


async def carry_out(
    db: Database,
    held: ImportRow,
    read: Read,
    *,
    now: datetime,
    content: Callable[[], AsyncIterable[bytes]] | None = None,
    told: Told = lambda _: None,
) -> Counted:
    """Bring an import that is held to its end, and give what became of its rows.

    `content` is where its bytes are, if not here. What cannot be read as a whole, or may not be done, ends it
    as failed. Whoever lost it to another stops, and gives what it had done. `now` is the instant at which this begins.
    """
    course = _Course(db, held, read, now, content, told)
    try:
        failed = await course.run()
    except Lost:
        return course.counted
    except (DomainError, SealBroken) as error:
        failed = (
            error.detail if isinstance(error, DomainError) else "What was handed in does not open any more."
        )
    async with db.transaction(DbRole.API, viewer=held.actor) as tx:
        await imports.end(tx, held.id, held.holder, now=course.moment(), failed=failed)
    return course.counted


class _Course:
    """One run of an import by one holder."""

    def __init__(
        self,
        db: Database,
        held: ImportRow,
        read: Read,
        now: datetime,
        content: Callable[[], AsyncIterable[bytes]] | None,
        told: Told,
    ) -> None:
        self._db, self._held, self._read, self._now, self._told = db, held, read, now, told
        self._content = content
        self._began = time.monotonic()
        self._seen = Seen() if held.spec.whole else None
        self._met: set[str] = set()
        self.counted = held.counted

    def moment(self) -> datetime:
        """The instant at which a batch is recorded."""
        return self._now + timedelta(seconds=time.monotonic() - self._began)

    async def run(self) -> str | None:
        """Why it failed, or None."""
        require_import(self._held.actor, self._held.spec.kind)
        if self._held.spec.whole:
            async with self._transaction() as tx:
                await imports.begin_anew(tx, self._held, now=self.moment())
            self.counted = Counted()
        if self._held.spec.dry_run:
            async for batch in self._batches():
                outcome = await self._judged(batch)
                await self._advance(outcome)
            return None
        if self._held.spec.all_or_nothing:
            return await self._all_or_nothing()
        async for batch in self._batches():
            await self._meet(batch)
            async with self._transaction() as tx:
                outcome = await self._record(tx, batch, write=True)
                counted = await self._noted(tx, outcome)
            self.counted = counted
            self._told(counted)
        return None

    async def _all_or_nothing(self) -> str | None:
        """Written while nothing is refused; from the first refusal on only judged, to tell of all that is refused."""
        try:
            async with self._db.transaction(DbRole.API, viewer=self._held.actor, limits=_PATIENT_WHOLE) as tx:
                async for batch in self._batches(tx):
                    await asyncio.create_task(self._meet(batch))
                    async with tx.savepoint():
                        outcome = await self._record(tx, batch, write=not self.counted.refused)
                    # Told beside the transaction, which shows nothing before its end.
                    await asyncio.create_task(self._advance(outcome))
                if self.counted.refused:
                    raise _Undo
        except _Undo:
            self.counted = replace(self.counted, recorded=0, skipped=0)
            async with self._transaction() as tx:
                await imports.advance(tx, self._held, self.counted, [], now=self.moment())
            return "Nothing was recorded, as rows were refused and it was to be all or nothing."
        return None

    async def _judged(self, batch: list[ReadRow]) -> Outcome:
        """What would become of a batch; what is written on the way, such as a calendar met first, is undone."""
        outcome = Outcome()
        try:
            async with self._transaction() as tx:
                outcome = await self._record(tx, batch, write=False)
                raise _Undo
        except _Undo:
            return outcome

    async def _record(self, tx: Tx, batch: list[ReadRow], *, write: bool) -> Outcome:
        return await _RECORD[self._held.spec.kind](
            tx,
            batch,
            actor=self._held.actor,
            now=self.moment(),
            write=write,
            seen=None if write else self._seen,
        )

    async def _advance(self, outcome: Outcome) -> None:
        async with self._transaction() as tx:
            counted = await self._noted(tx, outcome)
        self.counted = counted
        self._told(counted)

    async def _noted(self, tx: Tx, outcome: Outcome) -> Counted:
        """How far it was taken with a batch, what is told of it, and what confidential requests it was held against."""
        counted, now = self.counted + outcome.counted, self.moment()
        await imports.advance(tx, self._held, counted, outcome.remarks, now=now)
        await note_reading(tx, outcome.compared, route="import", actor=self._held.actor, now=now)
        return counted

    async def _meet(self, batch: list[ReadRow]) -> None:
        """What a batch meets for the first time is stored beside the transaction that records it."""
        async with self._transaction() as tx:
            await meet(tx, batch, self._met, self.moment())

    def _transaction(self) -> Any:
        return self._db.transaction(DbRole.API, viewer=self._held.actor, limits=_PATIENT)

    async def _batches(self, tx: Tx | None = None) -> AsyncIterator[list[ReadRow]]:
        content = self._content() if self._content else imports.content(self._db, self._held, tx)
        batch: list[ReadRow] = []
        async for row in self._read(content, self._held.spec, skip=self.counted.position):
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


async def carry_out_file(
    db: Database,
    spec: ImportSpec,
    digest: bytes,
    size: int,
    content: Callable[[], AsyncIterable[bytes]],
    read: Read,
    *,
    actor: Actor,
    now: datetime,
    told: Told = lambda _: None,
) -> tuple[UUID, Counted, int]:
    """Import a file that whoever runs this can read; one that was broken off is gone on with. Nothing of it is kept.

    Gives the id, what became of the rows, and how many were taken before. Raises NotAllowed, CannotRun
    while somebody else is at this file.
    """
    require_import(actor, spec.kind)
    holder = uuid4()
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        if await imports.hold_file(tx, digest, actor=actor):
            raise CannotRun(
                "This very file is being imported, or who did so was killed within the last two minutes. Wait, and "
                "give it again: it is gone on with where it stands."
            )
        held = await imports.take_up_file(tx, spec, digest, actor=actor, holder=holder, now=now)
        if held is None:
            import_id = uuid7(now)
            await imports.create(tx, import_id, spec, actor=actor, now=now, kept_here=False, digest=digest)
            await imports.received(tx, import_id, digest=digest, size=size, now=now)
            held = await imports.take_up_file(tx, spec, digest, actor=actor, holder=holder, now=now)
    assert held is not None
    before = 0 if spec.whole else held.counted.position
    counted = await carry_out(db, held, read, now=now, content=content, told=told)
    return held.id, counted, before
