"""What was told of the rows of imports, as rows: read in their order, and forgotten when it is old."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mla_tracker.storage.database import Tx


async def forget_old(tx: Tx, *, before: datetime) -> int:
    """Delete what was told of the rows of imports that were over then, in the name of the jobs; gives how many."""
    done = await tx.execute(
        "delete from import_remark r using bulk_import i where i.id = r.import_id and i.finished_at < $1",
        before,
    )
    return int(done.split()[-1])


async def remarks_of(tx: Tx, import_id: UUID, *, after: tuple[int, int], limit: int) -> list[dict[str, Any]]:
    """What was told of rows, in their order, after a row and number."""
    return [
        dict(row)
        for row in await tx.fetch(
            """
            select row_number, number, refused, field, reason from import_remark
            where import_id = $1 and (row_number, number) > ($2, $3) order by row_number, number limit $4
            """,
            import_id, *after, limit,
        )
    ]  # fmt: skip
