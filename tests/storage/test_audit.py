"""The audit in the database: appended to by everyone at work, changed by nobody."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.audit import FIRST, Chain, ChainKind, What, entry_bytes, mac
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import audit, rows
from mla_tracker.storage.audit import append, bytes_of
from mla_tracker.storage.audited import AUDITED, Form, added, changed, removed
from mla_tracker.storage.database import Database, DbRole
from tests.builders.register import account

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def a_chain() -> Chain:
    return Chain(ChainKind.REQUEST, uuid4())


async def _appended(
    db: Database, chain: Chain, actor: Actor | None = None, what: What = What.REQUEST_AMENDED
) -> None:
    async with db.transaction(DbRole.API if actor else DbRole.JOBS, viewer=actor) as tx:
        await append(tx, chain, what, [], actor=actor, now=NOW, seen_by=["MA", "ES"])


async def _entries(db: Database) -> list[dict[str, Any]]:
    async with db.transaction(DbRole.OWNER) as tx:
        found = await tx.fetch(
            """
            select * from audit_entry where what in ('request.amended', 'request.read', 'calendar.changed')
            order by chain_id, position nulls last, id
            """
        )
    return [dict(row) for row in found]


async def test_entries_of_a_record_follow_each_other_each_bound_to_the_one_before(db: Database) -> None:
    chain = a_chain()
    for _ in range(3):
        await _appended(db, chain)
    first, second, third = await _entries(db)
    assert [row["position"] for row in (first, second, third)] == [1, 2, 3]
    assert db.vault is not None
    key = db.vault.audit_key
    assert first["mac"] == mac(key, FIRST, bytes_of(first))
    assert second["mac"] == mac(key, first["mac"], bytes_of(second))
    assert third["mac"] == mac(key, second["mac"], bytes_of(third))


async def test_an_entry_says_who_from_where_and_for_which_country(db: Database) -> None:
    actor = await account(db, "ES", role=Role.HEAD)
    actor = Actor(
        actor.account_id, actor.countries, actor.role, actor.name,
        origin=Origin("192.0.2.7", "token 1", "r-1" * 100),
    )  # fmt: skip
    await _appended(db, a_chain(), actor)
    [row] = await _entries(db)
    assert (row["account_id"], row["account_role"], row["country"]) == (actor.account_id, "head", "ES")
    assert (row["address"], row["credential"]) == ("192.0.2.7", "token 1")
    assert row["request_id"] == ("r-1" * 100)[:200]
    assert row["seen_by"] == ["ES", "MA"]
    assert row["leaf"] is None


async def test_readings_stand_beside_the_chain(db: Database) -> None:
    chain = a_chain()
    await _appended(db, chain)
    await _appended(db, chain, what=What.REQUEST_READ)
    await _appended(db, chain)
    assert [row["position"] for row in await _entries(db)] == [1, 2, None]
    reading = (await _entries(db))[-1]
    assert db.vault is not None
    assert reading["mac"] == mac(db.vault.audit_key, FIRST, bytes_of(reading))


async def test_the_plain_form_read_by_sql_has_the_bytes_that_were_bound(db: Database) -> None:
    actor = await account(db, "ES")
    await _appended(db, a_chain(), actor)
    async with db.transaction(DbRole.OWNER) as tx:
        [plain] = await tx.fetch(
            f"select {audit.PLAIN_COLUMNS} from audit_entry where what = 'request.amended'"
        )
    [row] = await _entries(db)
    assert entry_bytes(list(plain)) == bytes_of(row)


async def test_two_writers_of_different_records_do_not_wait_for_each_other(db: Database) -> None:
    one, other = a_chain(), a_chain()
    async with asyncio.timeout(10):
        async with db.transaction(DbRole.JOBS) as tx:
            await append(tx, one, What.REQUEST_AMENDED, [], actor=None, now=NOW, seen_by=[])
            await asyncio.create_task(_appended(db, other))  # while the first is still open
    assert len(await _entries(db)) == 2


async def test_two_writers_of_one_record_who_hold_no_lock_cannot_both_have_a_place(db: Database) -> None:
    chain = a_chain()
    with pytest.raises(asyncpg.UniqueViolationError):
        async with db.transaction(DbRole.JOBS) as tx:
            found = await audit.entry_rows(
                tx, chain, What.REQUEST_AMENDED, [], actor=None, now=NOW, seen_by=[]
            )
            await asyncio.create_task(_appended(db, chain))
            await rows.insert(tx, found)


async def test_a_chain_without_a_row_is_held_by_its_name(db: Database) -> None:
    chain = Chain.named(ChainKind.CALENDAR, "ES")

    async def write() -> None:
        async with db.transaction(DbRole.JOBS) as tx:
            await audit.lock_chain(tx, chain)
            await append(tx, chain, What.CALENDAR_CHANGED, [], actor=None, now=NOW, seen_by=["ES"])

    await asyncio.gather(*(write() for _ in range(5)))
    assert [row["position"] for row in await _entries(db)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("role", DbRole)
@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entry set details = '{\"a\":1}'",
        "update audit_entry set mac = mac, at = at - interval '1 day'",
        "update audit_entry set leaf = 7, what = 'request.logged'",
        "delete from audit_entry",
        "truncate audit_entry",
        "update audit_checkpoint set root = root",
        "delete from audit_checkpoint",
        "truncate audit_checkpoint",
    ],
)
async def test_nobody_changes_or_removes_what_the_audit_holds(
    db: Database, role: DbRole, statement: str
) -> None:
    await _appended(db, a_chain())
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "insert into audit_checkpoint (number, size, root, frontier, leaves, at, note) "
            "values (1, 1, $1, $1, $1, $2, '')",
            bytes(32), NOW,
        )  # fmt: skip
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(role) as tx:
            await tx.execute(statement)


async def test_a_leaf_is_given_once_and_by_the_jobs_alone(db: Database) -> None:
    await _appended(db, a_chain())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(DbRole.API) as tx:
            await tx.execute("update audit_entry set leaf = 0")
    async with db.transaction(DbRole.JOBS) as tx:
        await tx.execute("update audit_entry set leaf = 0 where what = 'request.amended'")
    for value in ("1", "null"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(DbRole.JOBS) as tx:
                await tx.execute(f"update audit_entry set leaf = {value} where what = 'request.amended'")


async def test_the_end_of_a_chain_is_told_to_the_roles_at_work_alone(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        granted = await tx.fetchval(
            "select array_agg(grantee::text order by grantee) from information_schema.routine_privileges "
            "where routine_name = 'audit_head' and grantee <> 'mla'"
        )
    assert granted == ["mla_api", "mla_jobs"]


@pytest.mark.parametrize("table", AUDITED)
async def test_every_column_of_an_audited_table_is_told_or_known_not_to_be(db: Database, table: str) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        found = await tx.fetch(
            "select column_name, udt_name from information_schema.columns where table_name = $1", table
        )
    held = {row["column_name"]: row["udt_name"] for row in found}
    audited = AUDITED[table]
    assert set(audited.columns) | audited.beside == set(held)
    assert not set(audited.columns) & audited.beside
    assert audited.of in audited.columns
    for name, form in audited.columns.items():
        assert held[name] in _TYPES[form], name


_TYPES = {
    Form.TEXT: {"text"},
    Form.NUMBER: {"int4", "int8"},
    Form.YES_NO: {"bool"},
    Form.ID: {"uuid"},
    Form.DAY: {"date"},
    Form.INSTANT: {"timestamptz"},
    Form.LIST: {"_text"},
    Form.JSON: {"jsonb"},
    Form.OCTETS: {"bytea"},
    Form.DIGEST: {"jsonb", "text"},
    Form.OCTETS_DIGEST: {"bytea"},
}


def test_a_row_is_told_alike_on_its_way_in_and_as_it_is_read() -> None:
    text_id, request_id = uuid4(), uuid4()
    written = {"id": text_id, "request_id": str(request_id).upper(), "commitment": "\\xAB01", "field": "note"}
    read = {**written, "request_id": request_id, "commitment": b"\xab\x01", "erased_at": None, "body": "x"}
    assert added("free_text", written) == added("free_text", read)
    assert "body" not in (added("free_text", read).after or {})


def test_a_change_names_only_the_columns_that_differ() -> None:
    before = {"id": UUID(int=1), "name": "Rabat", "role": "officer", "disabled_at": None}
    assert changed("account", before, before) == []
    [change] = changed("account", before, {**before, "role": Role.HEAD, "disabled_at": NOW})
    assert change.before == {"role": "officer", "disabled_at": None}
    assert change.after == {"role": "head", "disabled_at": "2026-11-25T12:00:00.000000Z"}
    assert removed("account", before).after is None
