"""An upgrade that brings limits along has every request counted anew by them."""

from datetime import UTC, datetime, timedelta

from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.requests import log_request
from mla_tracker.commands.setting_up import set_up
from mla_tracker.storage.database import Database, DbRole
from tests.builders.counted import a_case
from tests.builders.register import account

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


async def clocks_of(db: Database) -> set[str]:
    async with db.transaction(DbRole.OWNER) as tx:
        return {row["limit_id"] for row in await tx.fetch("select limit_id from clock")}


async def test_limits_that_a_new_version_brings_along_reach_what_is_on_the_books(db: Database) -> None:
    await set_up(db, NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("delete from limit_version where id = 'default-evidence-decide'")
    actor = await account(db, "MA", "ES")
    entry = a_case().then("sent", "2026-03-02").then("received", "2026-03-03").entry
    await log_request(db, entry, actor=actor, now=NOW)
    assert "default-evidence-decide" not in await clocks_of(db)
    assert (await set_up(db, NOW))[1] == 1
    assert (await recount_stale(db, NOW + timedelta(minutes=1))).changed == 1
    assert "default-evidence-decide" in await clocks_of(db)
    assert (await rebuild(db, NOW, apply=False)).differing == 0


async def test_a_start_that_brings_nothing_new_marks_nothing(db: Database) -> None:
    await set_up(db, NOW)
    await log_request(db, a_case().entry, actor=await account(db, "MA", "ES"), now=NOW)
    assert (await set_up(db, NOW))[1] == 0
    assert (await recount_stale(db, NOW + timedelta(minutes=1))).done == 0
