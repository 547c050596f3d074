"""The directory of authorities as rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.storage import rows
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class DirectoryFields:
    """What an entry says of an authority. `valid_to`: the first day on which it no longer holds."""

    country: str
    authority: str
    external_reference: str | None = None
    functions: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    address: str | None = None
    phone: str | None = None
    email: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


LISTS: Final = ("functions", "instruments", "languages")
CHANGEABLE: Final = (
    "authority", "functions", "instruments", "languages", "address", "phone", "email", "valid_from", "valid_to",
)  # fmt: skip
COLUMNS: Final = ("id", "country", "external_reference", *CHANGEABLE, "created_at", "updated_at")


def row_of(fields: DirectoryFields) -> dict[str, Any]:
    """The fields by column."""
    return {name: list(value) if name in LISTS else value for name, value in asdict(fields).items()}


async def insert(tx: Tx, row: Mapping[str, Any]) -> None:
    """Add an entry."""
    await rows.insert(tx, {"directory_entry": [row]})


async def by_reference(tx: Tx, country: str, reference: str) -> dict[str, Any] | None:
    """The entry of a country under an external reference, held against other writers."""
    row = await tx.fetchrow(
        f"""
        select {", ".join(COLUMNS)} from directory_entry
        where country = $1 and external_reference = $2 for no key update
        """,
        country, reference,
    )  # fmt: skip
    return dict(row) if row is not None else None


async def update(tx: Tx, entry_id: UUID, changes: Mapping[str, Any], now: datetime) -> None:
    """Write the named columns."""
    sets = "".join(f", {name} = ${n}" for n, name in enumerate(changes, start=3))
    await tx.execute(
        f"update directory_entry set updated_at = $2{sets} where id = $1", entry_id, now, *changes.values()
    )
