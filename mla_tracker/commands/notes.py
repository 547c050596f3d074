"""Notes that a side keeps on a request for itself: the other side does not even learn that there are any."""

from datetime import datetime
from typing import Final
from uuid import UUID

from mla_tracker.commands.entries import side_of_writer
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.commands.recorded import Recorded
from mla_tracker.commands.requests import locked
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import What
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.domain.persons import ErasureGround
from mla_tracker.queries import notes as queries
from mla_tracker.storage import rows
from mla_tracker.storage.audit import append, entry_rows
from mla_tracker.storage.audited import added, chain_of, newly
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey, claim, complete
from mla_tracker.storage.ids import uuid7
from mla_tracker.storage.persons import erased
from mla_tracker.storage.requests import of_request
from mla_tracker.storage.texts import key_for, note_row

MOST_NOTES: Final = 2000


async def record_note(
    db: Database,
    request_id: UUID,
    text: str,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Keep a note of the account's own side. Raises NotFound, InvalidEntry for too many and on an erased request."""
    require(actor, Deed.RECORD_NOTES)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        done = await claim(tx, idempotency, now)
        if done:
            made = UUID(done["id"])
            route = "POST /requests/{request_id}/notes"
            await note_reading_of(tx, [request_id], route=route, actor=actor, now=now)
        else:
            record = (await locked(tx, request_id, actor)).record
            country = side_of_writer(actor, record.requesting_country, record.requested_country)
            kept = await tx.fetchval(
                "select count(*) from free_text where request_id = $1 and field = $2 and owner_country = $3",
                request_id, queries.FIELD, country,
            )  # fmt: skip
            if kept >= MOST_NOTES:
                raise InvalidEntry(
                    f"A side keeps at most {MOST_NOTES} notes on a request. Log a supplementary one."
                )
            made = uuid7(now)
            key, key_row = await key_for(tx, of_request(record))
            row = note_row(
                record, made, key, text,
                field=queries.FIELD, country=country, account_id=actor.account_id, now=now,
            )  # fmt: skip
            told = await entry_rows(
                tx, chain_of(request_id), What.NOTE_RECORDED, [*newly(key_row), added("free_text", row)],
                actor=actor, now=now, seen_by=[country], country=country,
            )  # fmt: skip
            await rows.insert(tx, {**key_row, "free_text": [row], **told})
            await complete(tx, idempotency, {"id": str(made)})
        view = await queries.note(tx, request_id, made, actor=actor)
    return Recorded(made, replayed=bool(done), view=view)


async def erase_note(
    db: Database,
    request_id: UUID,
    note_id: UUID,
    ground: ErasureGround,
    *,
    actor: Actor,
    now: datetime,
    idempotency: IdempotencyKey | None = None,
) -> Recorded:
    """Destroy the text of a note; that there was one stays. A second time changes nothing. Raises NotFound."""
    require(actor, Deed.ERASE_NOTES)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        done = await claim(tx, idempotency, now, making={"id": str(note_id)})
        await locked(tx, request_id, actor)
        note = await queries.note(tx, request_id, note_id, actor=actor)
        if note["erased_at"] is None:
            await tx.execute(
                "update free_text set sealed = null, salt = null, erased_at = $2, erased_for = $3 where id = $1",
                note_id, now, ground.value,
            )  # fmt: skip
            await append(
                tx, chain_of(request_id), What.NOTE_ERASED, erased("free_text", note_id, ground.value, now),
                actor=actor, now=now, seen_by=[note["country"]], country=note["country"],
            )  # fmt: skip
        view = await queries.note(tx, request_id, note_id, actor=actor)
    return Recorded(note_id, replayed=bool(done), view=view)
