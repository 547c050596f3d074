"""Idempotency keys: one call does the work, the others hear what it made."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mla_tracker.commands.accounts import create_account
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import IdempotencyKeyReused
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import KEPT, IdempotencyKey, claim, complete, forget_old
from tests.builders.actors import seen_by

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


async def a_key(db: Database, body: bytes = b"a" * 32) -> IdempotencyKey:
    account = await create_account(db, name="Rabat", countries=["MA"], role=Role.OFFICER, now=NOW)
    return IdempotencyKey(account, "POST /things", "key-1", body)


def _viewer(key: IdempotencyKey | None) -> Actor | None:
    return replace(seen_by("MA"), account_id=key.account_id) if key else None


async def work(
    db: Database, key: IdempotencyKey | None, name: str, *, now: datetime = NOW, pause: float = 0
) -> str:
    """What a command does; gives the name of the call that did the work."""
    async with db.transaction(DbRole.API, viewer=_viewer(key)) as tx:
        if done := await claim(tx, key, now):
            return str(done["id"])
        await asyncio.sleep(pause)
        await complete(tx, key, {"id": name})
        return name


async def test_a_repeated_call_hears_what_the_first_one_made(db: Database) -> None:
    key = await a_key(db)
    assert await work(db, key, "first") == "first"
    assert await work(db, key, "second", now=NOW + timedelta(hours=23)) == "first"


async def test_without_a_key_every_call_works(db: Database) -> None:
    assert [await work(db, None, "first"), await work(db, None, "second")] == ["first", "second"]


async def test_of_calls_at_once_one_works_and_the_others_wait_for_it(db: Database) -> None:
    key = await a_key(db)
    names = await asyncio.gather(*(work(db, key, str(number), pause=0.05) for number in range(5)))
    assert len(set(names)) == 1


async def test_a_call_that_failed_leaves_the_key_free(db: Database) -> None:
    key = await a_key(db)

    async def fail() -> None:
        async with db.transaction(DbRole.API, viewer=_viewer(key)) as tx:
            assert await claim(tx, key, NOW) is None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await work(db, key, "second") == "second"


async def test_another_body_under_the_same_key_is_refused(db: Database) -> None:
    key = await a_key(db)
    await work(db, key, "first")
    with pytest.raises(IdempotencyKeyReused):
        await work(db, IdempotencyKey(key.account_id, key.route, key.key, b"b" * 32), "second")


async def test_accounts_and_routes_do_not_share_keys(db: Database) -> None:
    key, other = await a_key(db), await a_key(db)
    await work(db, key, "first")
    assert await work(db, other, "second") == "second"
    assert (
        await work(db, IdempotencyKey(key.account_id, "POST /others", key.key, key.body_hash), "third")
        == "third"
    )


async def test_after_a_day_a_key_is_new_whether_or_not_it_was_cleared_away(db: Database) -> None:
    key = await a_key(db)
    await work(db, key, "first")
    assert await work(db, key, "second", now=NOW + KEPT) == "second"
    async with db.transaction(DbRole.JOBS) as tx:
        assert await forget_old(tx, NOW + KEPT) == 0
        assert await forget_old(tx, NOW + 2 * KEPT) == 1
    assert await work(db, key, "third") == "third"


async def test_a_command_that_forgets_to_complete_its_key_is_found_out(db: Database) -> None:
    key = await a_key(db)
    async with db.transaction(DbRole.API, viewer=_viewer(key)) as tx:
        await claim(tx, key, NOW)
    with pytest.raises(RuntimeError, match="never completed"):
        await work(db, key, "second")
    assert key.account_id != UUID(int=0)
