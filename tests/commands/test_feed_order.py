"""The feed of changes misses nothing and tells nothing twice, whoever writes, reads, dies or comes back late."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from mla_tracker.commands.feed import forget_changes, number_changes
from mla_tracker.commands.housekeeping import keep_house
from mla_tracker.domain.changes import MEANINGS, ChangeKind
from mla_tracker.domain.errors import ChangesGone, InvalidEntry
from mla_tracker.storage import feed
from mla_tracker.storage.database import Database, DbRole, Isolation
from mla_tracker.storage.migrating import MIGRATIONS
from tests.builders import register
from tests.builders.counted import NOW, THE_DAY_BEFORE, as_owner
from tests.builders.followed import SENT, from_now_on, kinds, minutes, told


async def test_of_twenty_writers_at_once_a_reader_misses_nothing_and_hears_nothing_twice(
    database_url: str,
) -> None:
    """They write in another order than they commit in, and stay open for a while; the reader never waits for them."""
    from tests.builders.keys import the_keys

    async with await Database.open(database_url, pool_size=24, vault=the_keys()) as db:
        morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
        requests = [await SENT.logged(db, morocco) for _ in range(20)]
        cursor = await from_now_on(db, spain)
        chance = random.Random(20)

        async def write(request: UUID) -> None:
            for _ in range(5):
                async with db.transaction(DbRole.API, viewer=morocco) as tx:
                    await tx.execute(
                        "update request set version = version + 1, version_requested = version_requested + 1 "
                        "where id = $1", request,
                    )  # fmt: skip
                    await tx.execute("set constraints all immediate")  # the row of the feed is written here
                    await asyncio.sleep(chance.random() / 20)

        writers = asyncio.gather(*(write(request) for request in requests))
        heard: list[tuple[int, UUID, int | None]] = []
        finished = False
        while not finished:
            finished = writers.done()
            read = await told(db, spain, after=cursor, limit=chance.randint(1, 9))
            cursor = read.cursor
            heard += [(one.position, one.request_id, one.version) for one in read.changes if one.request_id]
            finished = finished and not read.more
            await asyncio.sleep(0)
        await writers
    assert [place for place, _, _ in heard] == sorted({place for place, _, _ in heard})
    assert len(heard) == 100
    for request in requests:
        assert [version for _, of, version in heard if of == request] == [2, 3, 4, 5, 6]
    written = [place for place, _, _ in heard]
    assert len(set(written)) == 100


async def test_a_transaction_that_is_open_holds_up_nobody_and_is_told_when_it_is_done(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    one, other = await SENT.logged(db, morocco), await SENT.logged(db, morocco)
    cursor = await from_now_on(db, spain)
    raised = (
        "update request set version = version + 1, version_requested = version_requested + 1 where id = $1"
    )

    async def slow(written: asyncio.Event, go_on: asyncio.Event) -> None:
        async with db.transaction(DbRole.API, viewer=morocco) as tx:
            await tx.execute(raised, one)
            await tx.execute("set constraints all immediate")
            written.set()
            await go_on.wait()

    written, go_on = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(slow(written, go_on))
    await written.wait()
    async with db.transaction(DbRole.API, viewer=morocco) as tx:
        await tx.execute(raised, other)
    first = await told(db, spain, after=cursor)
    assert [change.request_id for change in first.changes] == [other], "though it was written after the first"
    go_on.set()
    await task
    assert [change.request_id for change in (await told(db, spain, after=first.cursor)).changes] == [one]


async def test_what_was_undone_is_never_told(db: Database) -> None:
    morocco = await register.account(db, "MA")
    request = await SENT.logged(db, morocco)
    with pytest.raises(InvalidEntry):
        async with db.transaction(DbRole.API, viewer=morocco) as tx:
            await tx.execute("update request set version = version + 1 where id = $1", request)
            await tx.execute("set constraints all immediate")
            raise InvalidEntry("After all not.")
    assert await kinds(db, morocco) == ["request.logged"]


async def test_readers_that_number_at_once_give_no_place_twice(db: Database) -> None:
    morocco = await register.account(db, "MA")
    for _ in range(5):
        await SENT.logged(db, morocco)
    await asyncio.gather(*(number_changes(db) for _ in range(4)))
    async with db.transaction(DbRole.OWNER) as tx:
        places = [row["position"] for row in await tx.fetch("select position from change order by written")]
        assert (await feed.extent(tx)).last == 5
    assert places == [1, 2, 3, 4, 5]


async def test_places_are_given_where_each_statement_sees_anew_alone(db: Database) -> None:
    """In an older view of things a change could be numbered below one that a reader has passed."""
    with pytest.raises(asyncpg.InvalidTransactionStateError):
        async with db.transaction(DbRole.JOBS, isolation=Isolation.REPEATABLE_READ) as tx:
            await feed.number(tx)


async def test_a_numbering_that_dies_before_it_commits_has_shown_nothing_to_anybody(db: Database) -> None:
    morocco = await register.account(db, "MA")
    await SENT.logged(db, morocco)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction(DbRole.JOBS) as tx:
            assert await feed.number(tx) == 1
            raise ZeroDivisionError
    assert len(await kinds(db, morocco)) == 1


async def test_a_cursor_holds_after_a_restart_and_across_pages(db: Database) -> None:
    morocco = await register.account(db, "MA")
    for _ in range(5):
        await SENT.logged(db, morocco)
    pages, cursor, more = [], None, True
    while more:
        read = await told(db, morocco, after=cursor, limit=2)
        pages.append(len(read.changes))
        cursor, more = read.cursor, read.more
    assert pages == [2, 2, 1]
    assert (await told(db, morocco, after=cursor)).changes == []


async def test_a_cursor_tells_nothing_of_what_others_do(db: Database) -> None:
    """Two cursors of one place differ like those of two places, and all are of one length."""
    france, morocco = await register.account(db, "FR"), await register.account(db, "MA")
    before = [(await told(db, france, now=minutes(n))).cursor for n in (0, 1)]
    for _ in range(3):
        await SENT.logged(db, morocco)
    after = (await told(db, france, after=before[1], now=minutes(2))).cursor
    assert len({*before, after}) == 3
    assert {len(one) for one in (*before, after)} == {43}


@pytest.mark.parametrize("junk", ["A" * 43, "", "é" * 43, "A" * 42 + "=", "-" * 43])
async def test_what_is_no_cursor_is_refused(db: Database, junk: str) -> None:
    with pytest.raises(InvalidEntry):
        await told(db, await register.account(db, "MA"), after=junk)


async def test_who_comes_back_too_late_is_told_so_and_can_begin_anew(db: Database) -> None:
    morocco = await register.account(db, "MA")
    early = await from_now_on(db, morocco)
    await SENT.logged(db, morocco)  # the day before NOW
    await number_changes(db)
    held = await from_now_on(db, morocco)
    kept = await SENT.logged(db, morocco, now=NOW)
    later = THE_DAY_BEFORE + timedelta(days=90, hours=1)
    assert (await keep_house(db, later)).changes == 1
    with pytest.raises(ChangesGone):
        await told(db, morocco, after=early)
    assert [one.request_id for one in (await told(db, morocco, after=held)).changes] == [kept]
    assert [one.request_id for one in (await told(db, morocco)).changes] == [kept]
    assert await forget_changes(db, later, 90) == 0


async def test_an_emptied_feed_goes_on_counting_where_it_was(db: Database) -> None:
    morocco = await register.account(db, "MA")
    await SENT.logged(db, morocco)
    cursor = (await told(db, morocco)).cursor
    assert await forget_changes(db, NOW + timedelta(days=8), 7) == 1
    request = await SENT.logged(db, morocco, now=NOW + timedelta(days=8))
    assert [one.request_id for one in (await told(db, morocco, after=cursor)).changes] == [request]


async def test_a_cursor_from_after_what_a_restored_database_holds_is_refused(db: Database) -> None:
    """What was restored gives the same places anew, to other changes."""
    morocco = await register.account(db, "MA")
    await SENT.logged(db, morocco)
    cursor = (await told(db, morocco)).cursor
    await as_owner(db, "delete from change")
    await as_owner(db, "delete from change_head")
    with pytest.raises(ChangesGone):
        await told(db, morocco, after=cursor)


async def test_nobody_at_runtime_writes_alters_or_numbers_the_feed_by_hand(db: Database) -> None:
    morocco = await register.account(db, "MA")
    await SENT.logged(db, morocco)
    for role in (DbRole.API, DbRole.JOBS):
        for statement in (
            "insert into change (id, at, what, country) values (gen_random_uuid(), now(), 'limit.policy_set', 'MA')",
            "update change set seen_by = '{FR}'",
            "update change set position = 7",
            "delete from change",
            "update change_head set last = 0",
            "select last from change_head",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with db.transaction(role, viewer=replace(morocco)) as tx:
                    await tx.execute(statement)


def test_the_database_writes_exactly_what_the_vocabulary_has() -> None:
    text = "".join(path.read_text() for path in MIGRATIONS.glob("*_change_feed.sql"))
    assert {kind.value for kind in ChangeKind if f"'{kind.value}'" in text} == {
        kind.value for kind in ChangeKind
    }
    assert set(MEANINGS) == set(ChangeKind)
