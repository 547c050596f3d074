"""What was told of the rows of an import, as a file: row number, column and reason."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from mla_tracker.api.files.cells import escaped
from mla_tracker.domain.actors import Actor
from mla_tracker.queries.imports import remarks
from mla_tracker.storage.database import Database, DbRole

PAGE: Final = 1000
HEADER: Final = ("row", "column", "what", "reason")


async def remarks_as_csv(database: Database, import_id: UUID, *, actor: Actor) -> AsyncIterator[bytes]:
    """Refusals and warnings in the order of rows, to the account that handed them in."""
    after = (-1, 0)
    yield _rows([HEADER])
    while True:
        async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
            found = await remarks(tx, import_id, after=after, limit=PAGE)
        if found:
            yield _rows(
                [
                    (
                        str(one["row"]),
                        escaped(one["field"]),
                        "refused" if one["refused"] else "warning",
                        escaped(one["reason"]),
                    )
                    for one in found
                ]
            )
        if len(found) < PAGE:
            return
        after = (found[-1]["row"], found[-1]["number"])


def _rows(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
