"""Addresses, feeds and mails behind the wall of the database: each account's own, by raw SQL."""

from datetime import UTC, datetime

import asyncpg
import pytest

from mla_tracker.commands.calendar_feeds import make_feed
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.register import account
from tests.builders.telling import a_reader

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
TABLES = ("notification", "calendar_feed", "mail")


@pytest.fixture
async def spain(db: Database) -> Actor:
    """An officer with an address, a feed, and a mail that waits."""
    reader = await a_reader(db, "ES", now=NOW)
    await make_feed(db, actor=reader, now=NOW)
    async with db.transaction(DbRole.JOBS) as tx:
        await tx.execute(
            "insert into mail (id, account_id, kind, digest_on, not_before, until, created_at) "
            "values (gen_random_uuid(), $1, 'digest', '2026-03-10', $2, $2, $2)",
            reader.account_id, NOW,
        )  # fmt: skip
    return reader


@pytest.mark.parametrize("table", TABLES)
async def test_an_account_sees_its_own_row_and_a_colleague_none(
    db: Database, spain: Actor, table: str
) -> None:
    colleague, head = await account(db, "ES"), await account(db, "ES", role=Role.HEAD)
    abroad = await account(db, "FR", role=Role.ADMIN)
    for viewer, number in ((spain, 1), (colleague, 0), (head, 0), (abroad, 0)):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            assert await tx.fetchval(f"select count(*) from {table}") == number


@pytest.mark.parametrize("table", ["notification", "calendar_feed"])
async def test_nobody_changes_or_ends_what_is_anothers_but_an_administrator_who_may_end_it(
    db: Database, spain: Actor, table: str
) -> None:
    column = "urgent = false" if table == "notification" else "made_at = now()"
    for role, ended in ((Role.OFFICER, 0), (Role.HEAD, 0), (Role.ADMIN, 1)):
        async with db.transaction(DbRole.API, viewer=await account(db, "ES", role=role)) as tx:
            assert await tx.execute(f"update {table} set {column}") == "UPDATE 0"
            assert await tx.execute(f"delete from {table}") == f"DELETE {ended}"


async def test_no_account_plans_a_mail_but_that_with_its_own_code(db: Database, spain: Actor) -> None:
    insert = (
        "insert into mail (id, account_id, kind, digest_on, not_before, until, created_at) "
        "values (gen_random_uuid(), $1, $2, $3, $4, $4, $4)"
    )
    colleague = await account(db, "ES")
    async with db.transaction(DbRole.API, viewer=spain) as tx:
        await tx.execute(insert, spain.account_id, "code", None, NOW)
        for whose, kind, day in ((spain, "digest", NOW.date()), (colleague, "code", None)):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with tx.savepoint():
                    await tx.execute(insert, whose.account_id, kind, day, NOW)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with tx.savepoint():
                await tx.execute("update mail set status = 'waiting'")


@pytest.mark.parametrize("column", ["wrapped", "sealed", "salt", "challenge", "commitment"])
async def test_the_jobs_read_no_address_and_no_code(db: Database, spain: Actor, column: str) -> None:
    async with db.transaction(DbRole.JOBS) as tx:
        assert await tx.fetchval("select count(account_id) from notification") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with tx.savepoint():
                await tx.fetch(f"select {column} from notification")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with tx.savepoint():
                await tx.fetch("select token_hash from calendar_feed")


async def test_a_digest_is_planned_once_a_day_whatever_a_program_does(db: Database, spain: Actor) -> None:
    async with db.transaction(DbRole.JOBS) as tx:
        with pytest.raises(asyncpg.UniqueViolationError):
            async with tx.savepoint():
                await tx.execute(
                    "insert into mail (id, account_id, kind, digest_on, not_before, until, created_at) "
                    "select gen_random_uuid(), account_id, kind, digest_on, not_before, until, created_at from mail"
                )
