"""Files of records for tests: imported in the name of an account, and exported again."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mla_tracker.api.files.reading import read_rows
from mla_tracker.api.files.writing import exported
from mla_tracker.commands.importing import carry_out_file
from mla_tracker.domain.actors import Actor
from mla_tracker.queries.imports import import_view, remarks
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.imports import ImportSpec
from tests.builders.register import NOW

LATER = NOW + timedelta(days=1)
UUIDS = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def without_ids(text: str) -> str:
    """An export without the ids, which every installation gives anew."""
    return re.sub(UUIDS, "", text)


@dataclass(frozen=True)
class Imported:
    """An import that came to its end."""

    id: UUID
    view: dict[str, Any]
    remarks: list[dict[str, Any]]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows recorded, skipped and refused."""
        return self.view["recorded"], self.view["skipped"], self.view["refused"]

    @property
    def refused(self) -> list[tuple[int, str]]:
        """Row and field of every refusal."""
        return [(one["row"], one["field"]) for one in self.remarks if one["refused"]]

    def why(self, row: int) -> str:
        """What was told of a row."""
        return " ".join(one["reason"] for one in self.remarks if one["row"] == row)


async def pieces(content: bytes, size: int = 7) -> AsyncIterator[bytes]:
    """The bytes in small pieces, so that no boundary is where it would be handy."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def imported(
    db: Database,
    actor: Actor,
    content: str | bytes,
    kind: str = "requests",
    form: str = "csv",
    *,
    now: datetime = NOW,
    piece: int = 7,
    **how: Any,
) -> Imported:
    """A file, imported by an account."""
    raw = content.encode() if isinstance(content, str) else content
    spec = ImportSpec(kind, form, **how)
    digest = hashlib.sha256(raw).digest()
    made, _, _ = await carry_out_file(
        db, spec, digest, len(raw), lambda: pieces(raw, piece), read_rows, actor=actor, now=now
    )
    async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        return Imported(made, await import_view(tx, made, actor=actor), await remarks(tx, made, limit=10_000))


async def export_of(
    db: Database, actor: Actor, kind: str = "requests", form: str = "csv", *, now: datetime = LATER
) -> str:
    """What an account exports."""
    parts = [part async for part in exported(db, kind, form, actor=actor, now=now, route="test")]
    return b"".join(parts).decode()


def lines(text: str) -> list[dict[str, Any]]:
    """The objects of NDJSON."""
    return [json.loads(line) for line in text.splitlines()]


def written(*rows: dict[str, Any]) -> str:
    """NDJSON of objects."""
    return "".join(json.dumps(row) + "\n" for row in rows)
