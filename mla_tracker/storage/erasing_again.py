"""What was erased after a copy of the database was made, erased in it too: by the keys and the list kept apart."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from mla_tracker.domain.audit import What
from mla_tracker.storage import persons, retention
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import chain_of, changed
from mla_tracker.storage.database import Tx
from mla_tracker.storage.record_keys import WEBHOOK_MARK, Line
from mla_tracker.storage.retention import HeldRequest


async def requests(tx: Tx, now: datetime, limit: int) -> int:
    """Erase some of the requests whose keys were destroyed and that do not know of it; gives how many."""
    found = await tx.fetch(
        """
        select r.id, r.requesting_country, r.requested_country, r.recorded_by, r.shared, k.destroyed_at
        from request r join record_key k on k.request_id = r.id
        where k.wrapped is null and r.erased_at is null order by r.id limit $1 for no key update of r
        """,
        limit,
    )
    for row in found:
        request = HeldRequest(*list(row.values())[:-1])
        told = await retention.erase(tx, request, row["destroyed_at"])
        for changes, readers in ((told, ()), ([], request.known_to)):
            await append(
                tx, chain_of(request.id), What.REQUEST_ERASED, changes, actor=None, now=now, seen_by=readers
            )
    return len(found)


async def of_persons(tx: Tx, lines: Sequence[Line], now: datetime) -> int:
    """Erase these persons, where they are not; gives how many."""
    found = await tx.fetch(
        """
        select id, request_id, recorded_by, given.at, given.ground
        from person p join unnest($1::uuid[], $2::timestamptz[], $3::text[]) as given(id, at, ground) using (id)
        where p.erased_at is null order by id
        """,
        *_columns(lines),
    )
    for row in found:
        told = await persons.erase(tx, row["id"], row["ground"], row["at"])
        await append(
            tx, chain_of(row["request_id"]), What.PERSON_REMOVED, told,
            actor=None, now=now, seen_by=[row["recorded_by"]],
        )  # fmt: skip
    return len(found)


async def of_texts(tx: Tx, lines: Sequence[Line], now: datetime) -> int:
    """Erase these texts and notes, where they are not; gives how many."""
    found = await tx.fetch(
        """
        select id, request_id, owner_country, requesting_country, requested_country, given.at, given.ground
        from free_text t join unnest($1::uuid[], $2::timestamptz[], $3::text[]) as given(id, at, ground) using (id)
        where t.erased_at is null order by id
        """,
        *_columns(lines),
    )
    for row in found:
        await tx.execute(
            "update free_text set sealed = null, salt = null, body = null, erased_at = $2, erased_for = $3 "
            "where id = $1",
            row["id"], row["at"], row["ground"],
        )  # fmt: skip
        told = persons.erased("free_text", row["id"], row["ground"], row["at"])
        await append(
            tx, chain_of(row["request_id"]), What.NOTE_ERASED, told,
            actor=None, now=now, seen_by=_readers(row["owner_country"]),
        )  # fmt: skip
    return len(found)


async def of_emptied(tx: Tx, lines: Sequence[Line], now: datetime) -> int:
    """Empty these texts, where they say something; gives how many."""
    found = await tx.fetch(
        "select id, request_id, commitment, owner_country from free_text "
        "where id = any($1::uuid[]) and sealed is not null order by id",
        [line.id for line in lines],
    )
    for row in found:
        await tx.execute(
            "update free_text set sealed = null, salt = null, body = null, commitment = null where id = $1",
            row["id"],
        )
        told = changed("free_text", row, {"id": row["id"], "commitment": None})
        await append(
            tx, chain_of(row["request_id"]), What.REQUEST_AMENDED, told,
            actor=None, now=now, seen_by=_readers(row["owner_country"]),
        )  # fmt: skip
    return len(found)


async def not_standing(
    tx: Tx, table: str, column: str, standing: Collection[tuple[UUID, bytes | None]]
) -> list[UUID]:
    """The accounts whose row in a table is none of those that stood, by what it is known by."""
    found = await tx.fetch(f"select account_id, {column} from {table} order by account_id")
    return [row[0] for row in found if (row[0], row[1]) not in standing]


async def webhooks_not_standing(tx: Tx, standing: Collection[tuple[UUID, bytes | None]]) -> list[UUID]:
    """The endpoints that are none of those that stood, with that address and secret."""
    found = await tx.fetch(f"select id, {WEBHOOK_MARK} as mark from webhook order by id")
    return [row["id"] for row in found if (row["id"], row["mark"]) not in standing]


async def open_imports(tx: Tx, now: datetime) -> int:
    """End the imports whose files were not copied, and take away what was; gives how many."""
    ended = await tx.fetch(
        """
        update bulk_import set status = 'failed', finished_at = $1, updated_at = $1, wrapped = null, digest = null,
            lease_until = null, error = 'A backup was restored, and holds no file. Hand it in once more.'
        where kept_here and status in ('receiving', 'waiting', 'running') returning 1
        """,
        now,
    )
    await tx.execute("delete from import_chunk")
    return len(ended)


async def not_ended(tx: Tx, table: str, column: str, ids: Sequence[UUID]) -> list[UUID]:
    """Which of these tokens or accounts have not ended."""
    found = await tx.fetch(
        f"select id from {table} where id = any($1::uuid[]) and {column} is null order by id", list(ids)
    )
    return [row["id"] for row in found]


def _columns(lines: Sequence[Line]) -> tuple[list[UUID], list[datetime | None], list[str | None]]:
    return [line.id for line in lines], [line.at for line in lines], [line.ground for line in lines]


def _readers(owner: str | None) -> list[str]:
    return [] if owner is None else [owner]
