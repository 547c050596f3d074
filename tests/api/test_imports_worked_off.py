"""Imports that wait, are worked off by one node or another, and end with their account."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mla_tracker.api.files.reading import read_rows
from mla_tracker.commands.importing import work_off
from mla_tracker.commands.importing_rows import BATCH, ReadRow
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.imports import MOST_OPEN, ImportSpec
from tests.builders.api import NOW, ClientOf
from tests.builders.handing_in import NDJSON, PATH, a_file, handed_in, read
from tests.builders.requests import problem


async def test_what_was_told_of_rows_is_kept_for_a_while(db: Database, morocco: httpx.AsyncClient) -> None:
    await handed_in(morocco, "{}\n")
    await work_off(db, NOW, read_rows)
    for days, kept in ((89, True), (91, False)):
        await work_off(db, NOW + timedelta(days=days), read_rows)
        async with db.transaction(DbRole.OWNER, read_only=True) as tx:
            assert await tx.fetchval("select exists (select from import_remark)") is kept


async def test_an_import_of_a_closed_account_records_nothing(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await handed_in(morocco, a_file(2))
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update account set disabled_at = now()")
        assert await tx.fetchval("select count(*) from import_chunk") == 1
    await work_off(db, NOW, read_rows)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select status from bulk_import where id = $1", made["id"]) == "failed"
        assert await tx.fetchval("select count(*) from request") == 0
        assert await tx.fetchval("select count(*) from import_chunk") == 0


async def test_an_account_that_is_closed_meanwhile_records_nothing_more(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await handed_in(morocco, a_file(BATCH * 3))

    async def closing(content: Any, spec: ImportSpec, *, skip: int) -> AsyncIterator[ReadRow]:
        number = skip
        async for row in read_rows(content, spec, skip=skip):
            number += 1
            if number == BATCH + 10:
                async with db.transaction(DbRole.OWNER) as tx:
                    await tx.execute("update account set disabled_at = now()")
            yield row

    await work_off(db, NOW, closing)
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from request") == BATCH
        await tx.execute("update bulk_import set lease_until = clock_timestamp()")
    await work_off(db, NOW, read_rows)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        row = await tx.fetchrow("select status, recorded, wrapped from bulk_import where id = $1", made["id"])
        assert row is not None
        assert tuple(row) == ("failed", BATCH, None)
        assert await tx.fetchval("select count(*) from import_chunk") == 0


async def test_so_many_files_of_an_account_wait_and_no_more(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    for _ in range(MOST_OPEN):
        await handed_in(morocco, a_file(1))
    query = {"kind": "requests"}
    refused = await morocco.post(PATH, params=query, content=a_file(1), headers=NDJSON)
    assert "wait" in problem(refused, 400, "invalid-entry")["detail"]
    await handed_in(await client_of("MA"), a_file(1))
    await work_off(db, NOW, read_rows)
    await handed_in(morocco, a_file(1))


async def test_a_killed_node_is_replaced_by_another_which_goes_on_behind_what_stands(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await handed_in(morocco, a_file(BATCH + 50))

    async def killed(content: Any, spec: ImportSpec, *, skip: int) -> AsyncIterator[ReadRow]:
        number = skip
        async for row in read_rows(content, spec, skip=skip):
            number += 1
            if number > BATCH + 10:
                raise asyncio.CancelledError
            yield row

    with pytest.raises(asyncio.CancelledError):
        await work_off(db, NOW, killed)
    assert (await work_off(db, NOW, read_rows))["imports"] == 0, "its lease still runs"
    running = await read(morocco, made)
    assert (running["status"], running["rows"]) == ("running", BATCH)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update bulk_import set lease_until = clock_timestamp()")
    assert (await work_off(db, NOW, read_rows))["imports"] == 1
    done = await read(morocco, made)
    assert (done["status"], done["recorded"], done["skipped"]) == ("done", BATCH + 50, 0)


async def test_of_two_nodes_one_takes_an_import(db: Database, morocco: httpx.AsyncClient) -> None:
    await handed_in(morocco, a_file(5))
    both = await asyncio.gather(*(asyncio.create_task(work_off(db, NOW, read_rows)) for _ in range(2)))
    assert sum(one["imports"] for one in both) == 1
    assert sum(one["recorded"] for one in both) == 5


async def test_the_same_rows_in_two_files_at_once_are_recorded_once_and_skipped_once(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    backwards = "".join(reversed(a_file(40).splitlines(keepends=True)))
    made = [await handed_in(morocco, a_file(40)), await handed_in(await client_of("MA"), backwards)]
    await asyncio.gather(*(asyncio.create_task(work_off(db, NOW, read_rows)) for _ in range(2)))
    done = [await read(morocco, one) for one in made]
    assert [one["status"] for one in done] == ["done", "done"]
    assert [sum(one[what] for one in done) for what in ("recorded", "skipped", "refused")] == [40, 40, 0]


async def test_an_upload_that_broke_off_is_given_up(db: Database, morocco: httpx.AsyncClient) -> None:
    made = await handed_in(morocco, a_file(1))
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update bulk_import set status = 'receiving'")
    assert (await work_off(db, NOW, read_rows))["broken_off"] == 0
    assert (await work_off(db, NOW + timedelta(hours=2), read_rows))["broken_off"] == 1
    assert (await read(morocco, made))["status"] == "failed"
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from import_chunk") == 0
