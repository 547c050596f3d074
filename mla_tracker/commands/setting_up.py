"""Bringing a database to where the program can work on it: its schema, and the limits that ship."""

from collections.abc import Callable
from datetime import datetime

import mla_tracker
from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.commands.keys import bind_keys, require_keys, seal_plain_texts
from mla_tracker.commands.taking_over import take_over_once
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.law import store_limits
from mla_tracker.storage.local_days import pin_zones
from mla_tracker.storage.migrating import PATIENT, lock_set_up, migrate, require_up_to_date
from mla_tracker.storage.restoring import refuse_unfinished
from mla_tracker.storage.stale import by_catalogue, mark_all


async def set_up(
    db: Database, now: datetime, *, told: Callable[[str], None] = lambda _: None, restoring: bool = False
) -> tuple[list[str], int]:
    """Run what migrations are pending and add the limits that the database does not hold yet.

    Where limits were added, every request is marked to be counted anew by them. `restoring`: a restore goes on here and
    wants it; nobody else may work on a database before that is done.
    Gives the names of the migrations run and the number of limit versions added. Raises CannotRun,
    DatabaseNewer, CatalogueError.
    """
    if not restoring:
        await _refuse_unfinished(db)
    done = await migrate(db, told=told)
    await bind_keys(db, now)
    await seal_plain_texts(db, now)
    await take_over_once(db, now)
    async with db.transaction(DbRole.OWNER, limits=PATIENT) as tx:
        await lock_set_up(tx)
        await pin_zones(tx, now)
        added = await store_limits(tx, load_limits(), now)
        if added:
            await mark_all(tx, now, by_catalogue(mla_tracker.__version__))
    return done, added


async def require_set_up(db: Database, *, beside_newer: bool = False) -> None:
    """Raises CannotRun unless every migration has run, none is unknown, and the keys are those of this database.

    `beside_newer`: unknown ones that let this program work on beside them are no reason.
    """
    await _refuse_unfinished(db)
    await require_up_to_date(db, beside_newer=beside_newer)
    await require_keys(db)


async def _refuse_unfinished(db: Database) -> None:
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        await refuse_unfinished(tx)
