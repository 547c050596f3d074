"""The directory recorded from a file: what is there under its reference is brought in line with the file."""

from collections.abc import Sequence
from datetime import datetime

from mla_tracker.commands.directory import amended_within, recorded_within
from mla_tracker.commands.importing_rows import Outcome, ReadRow, Seen, faults_of_error
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import DomainError
from mla_tracker.domain.permissions import Deed, require
from mla_tracker.storage import directory
from mla_tracker.storage.database import Tx
from mla_tracker.storage.directory import DirectoryFields
from mla_tracker.storage.ids import uuid7_numbered


class _Undo(Exception):
    """It was only to be seen what would become of it."""


async def record_directory(
    tx: Tx, batch: Sequence[ReadRow], *, actor: Actor, now: datetime, write: bool, seen: Seen | None
) -> Outcome:
    """Record or bring in line what a batch says; `write` False: only say what would become of it."""
    require(actor, Deed.KEEP_DIRECTORY)
    outcome = Outcome()
    for place, row in enumerate(batch):
        if row.faults:
            outcome.refused(row, row.faults)
            continue
        entry: DirectoryFields = row.entry
        became = True
        try:
            async with tx.savepoint():
                reference = entry.external_reference
                kept = await directory.by_reference(tx, entry.country, reference) if reference else None
                if kept is None:
                    await recorded_within(tx, entry, uuid7_numbered(now, place), actor=actor, now=now)
                else:
                    became = await amended_within(tx, entry, kept, actor=actor, now=now)
                if not write:
                    raise _Undo
        except _Undo:
            pass
        except DomainError as error:
            outcome.refused(row, faults_of_error(error))
            continue
        if became:
            outcome.recorded(row)
        else:
            outcome.skipped(row)
    return outcome.in_order()
