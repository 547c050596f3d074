"""The feed of changes: nothing missed, nothing twice, and nothing told that an account may not see."""

import asyncio
import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from mla_tracker.commands import agreements
from mla_tracker.commands.amending import amend_request
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.feed import FeedRead, forget_changes, number_changes, read_changes
from mla_tracker.commands.flags import acknowledge_flag
from mla_tracker.commands.handling import name_reader
from mla_tracker.commands.housekeeping import keep_house
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.requests import record_event, void_event
from mla_tracker.commands.retention import set_retention
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.changes import MEANINGS, ChangeKind
from mla_tracker.domain.errors import ChangesGone, InvalidEntry
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import Act, Role
from mla_tracker.storage import feed
from mla_tracker.storage.database import Database, DbRole, Isolation
from mla_tracker.storage.migrating import MIGRATIONS
from tests.builders import register
from tests.builders.counted import NOW, THE_DAY_BEFORE, a_case, as_owner, with_shipped_limits

SENT = a_case().then("sent", "2026-01-05").then("received", "2026-01-07")


def minutes(number: int) -> datetime:
    """So many minutes after NOW: no two commands of a test happen at one instant."""
    return NOW + timedelta(minutes=number)


async def told(
    db: Database, actor: Actor, *, after: str | None = None, limit: int = 500, now: datetime = NOW
) -> FeedRead:
    return await read_changes(db, after=after, latest=False, limit=limit, actor=actor, now=now)


async def kinds(db: Database, actor: Actor, request_id: UUID | None = None) -> list[str]:
    """What an account is told, of one request or in all."""
    read = await told(db, actor)
    return [one.what.value for one in read.changes if request_id in (None, one.request_id)]


async def from_now_on(db: Database, actor: Actor) -> str:
    return (await read_changes(db, after=None, latest=True, limit=1, actor=actor, now=NOW)).cursor


def act(kind: Act, day: str, **data: str) -> NewEvent:
    return NewEvent(kind, occurred_on=date.fromisoformat(day), data=data)


async def test_the_life_of_a_request_is_told_to_both_sides_with_the_acts_it_concerns(db: Database) -> None:
    morocco, spain = await register.account(db, "MA", role=Role.HEAD), await register.account(db, "ES")
    request = await SENT.logged(db, morocco)
    reminded = (
        await record_event(db, request, act(Act.REMINDED, "2026-02-01"), actor=morocco, now=minutes(1))
    ).id
    await void_event(
        db, request, reminded, reason="Sent to the wrong desk.", replacement=act(Act.REMINDED, "2026-02-02"),
        actor=morocco, now=minutes(2),
    )  # fmt: skip
    await amend_request(db, request, {"language": "fr"}, expected=None, actor=morocco, now=minutes(3))
    for actor in (morocco, spain):
        changes = (await told(db, actor)).changes
        assert [(one.what, one.version) for one in changes] == [
            (ChangeKind.REQUEST_LOGGED, 1),
            (ChangeKind.REQUEST_ACT_RECORDED, 2),
            (ChangeKind.REQUEST_ACT_VOIDED, 3),
            (ChangeKind.REQUEST_AMENDED, 4),
        ]
        assert changes[1].event_ids == (reminded,)
        assert changes[2].event_ids[0] == reminded
        assert len(changes[2].event_ids) == 2
        assert {one.request_id for one in changes} == {request}
        assert [one.at for one in changes] == [THE_DAY_BEFORE, minutes(1), minutes(2), minutes(3)]


async def test_a_draft_is_told_to_the_other_side_from_its_sending_on(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    await amend_request(db, request, {"language": "fr"}, expected=None, actor=morocco, now=minutes(1))
    assert await kinds(db, spain) == []
    cursor = (await told(db, spain)).cursor
    await record_event(db, request, act(Act.SENT, "2026-01-09"), actor=morocco, now=minutes(2))
    [first] = (await told(db, spain, after=cursor)).changes
    assert (first.what, first.request_id) == (ChangeKind.REQUEST_ACT_RECORDED, request)
    assert await kinds(db, spain) == ["request.act_recorded"], (
        "what was before it was sent stays Morocco's own"
    )
    assert len(await kinds(db, morocco)) == 3


async def test_what_was_sent_by_mistake_is_told_of_no_more(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    sent = (await record_event(db, request, act(Act.SENT, "2026-01-09"), actor=morocco, now=minutes(2))).id
    assert len(await kinds(db, spain)) == 1
    await void_event(db, request, sent, reason="Not signed.", actor=morocco, now=minutes(3))
    assert await kinds(db, spain) == []
    assert await kinds(db, morocco) == ["request.logged", "request.act_recorded", "request.act_voided"]


async def test_what_a_side_keeps_for_itself_is_told_to_that_side_alone(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await SENT.logged(db, morocco)
    draft = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    link = act(Act.LINKED, "2026-01-10", request_id=str(draft), relation="related")
    linked = (await record_event(db, request, link, actor=morocco, now=minutes(1))).id
    await amend_request(db, request, {"assigned_to": "Desk 4"}, expected=None, actor=spain, now=minutes(2))
    assert await kinds(db, morocco, request) == ["request.logged", "request.act_recorded"]
    assert await kinds(db, spain, request) == ["request.logged", "request.amended"]
    spains = (await told(db, spain)).changes
    assert [one.version for one in spains] == [1, 2], "as Spain counts"
    assert linked not in {event for one in spains for event in one.event_ids}


async def test_an_act_that_links_to_what_an_account_cannot_see_is_not_named(db: Database) -> None:
    head = await register.account(db, "MA", role=Role.HEAD)
    officer = await register.account(db, "MA")
    request = await SENT.logged(db, head)
    other = await SENT.logged(db, head)
    link = act(Act.LINKED, "2026-01-10", request_id=str(other), relation="related")
    linked = (await record_event(db, request, link, actor=head, now=minutes(1))).id
    await amend_request(
        db, other, {"handling": Handling.CONFIDENTIAL}, expected=None, actor=head, now=minutes(2)
    )
    assert (await told(db, head)).changes[2].event_ids == (linked,)
    assert [one.event_ids for one in (await told(db, officer)).changes] == [(), ()]


async def test_a_confidential_request_is_told_to_who_is_named_and_its_reading_is_noted(db: Database) -> None:
    head = await register.account(db, "MA", role=Role.HEAD)
    officer = await register.account(db, "MA")
    other = await register.account(db, "MA")
    request = await SENT.logged(db, head)
    cursor = (await told(db, officer)).cursor
    await amend_request(
        db, request, {"handling": Handling.CONFIDENTIAL}, expected=None, actor=head, now=minutes(1)
    )
    assert await kinds(db, officer) == [], "not even what it was told before"
    await name_reader(db, request, officer.account_id, actor=head, now=minutes(2))
    after = (await told(db, officer, after=cursor)).changes
    assert [one.what.value for one in after] == [
        "request.readers_changed", "request.amended", "request.readers_changed",
    ]  # fmt: skip
    assert await kinds(db, other) == []
    async with db.transaction(DbRole.OWNER) as tx:
        noted = await tx.fetch(
            "select account_id, details from audit_entry where what = 'request.listed' and chain_id = $1",
            request,
        )
    assert {row["account_id"] for row in noted} == {officer.account_id}
    assert all("GET /changes" in row["details"] for row in noted)


async def test_an_officer_of_neither_country_is_told_of_neither(db: Database) -> None:
    morocco, france = await register.account(db, "MA"), await register.account(db, "FR")
    await SENT.logged(db, morocco)
    assert await kinds(db, france) == []


async def test_who_speaks_for_both_countries_is_told_once(db: Database) -> None:
    morocco, both = await register.account(db, "MA"), await register.account(db, "MA", "ES")
    request = await SENT.logged(db, morocco)
    assert await kinds(db, both, request) == ["request.logged"]


async def test_flags_are_told_as_they_are_raised_seen_and_settled(db: Database) -> None:
    await with_shipped_limits(db)
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await SENT.logged(db, morocco)
    raised = await flag_due(db, NOW)
    assert raised.raised > 0
    flags = [one for one in (await told(db, morocco)).changes if one.what is ChangeKind.FLAG_RAISED]
    assert len(flags) == raised.raised
    assert all(one.request_id == request and one.flag_id is not None and one.at == NOW for one in flags)
    assert flags[0].flag_id is not None
    await acknowledge_flag(db, flags[0].flag_id, actor=spain, now=minutes(1), idempotency=None)
    await record_event(db, request, act(Act.ACKNOWLEDGED, "2026-03-10"), actor=spain, now=minutes(2))
    assert "flag.acknowledged" in await kinds(db, spain)
    assert "flag.acknowledged" not in await kinds(db, morocco), "who of Spain saw it is Spain's own"
    assert "flag.settled" in await kinds(db, morocco)


async def test_flags_of_a_draft_are_told_to_its_own_side(db: Database) -> None:
    await with_shipped_limits(db)
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    sent = (await record_event(db, request, act(Act.SENT, "2026-01-09"), actor=morocco, now=minutes(1))).id
    await flag_due(db, minutes(2))
    await void_event(db, request, sent, reason="Not signed.", actor=morocco, now=minutes(3))
    cleared = [one for one in await kinds(db, morocco) if one == "flag.cleared"]
    assert cleared, "the test would prove nothing"
    assert await kinds(db, spain) == []


async def test_dates_that_move_by_themselves_are_told(db: Database) -> None:
    await with_shipped_limits(db)
    morocco = await register.account(db, "MA")
    request = await SENT.logged(db, morocco)
    await as_owner(
        db,
        "update clock set due_on = due_on + 1, due_at = due_at + interval '1 day' where due_on is not null",
    )
    await as_owner(db, "update request set stale_since = $1, stale_causes = '{calendar ES 2}'", NOW)
    assert (await recount_stale(db, minutes(1))).changed == 1
    assert (await kinds(db, morocco, request))[-1] == "request.recounted"


async def test_an_agreement_is_told_to_all_once_it_is_signed(db: Database) -> None:
    morocco, france = await register.account(db, "MA"), await register.account(db, "FR")
    made = await agreements.record_agreement(db, register.entry(), actor=morocco, now=NOW)
    initialled = register.event("initialled", "2020-01-01")
    await agreements.record_event(db, made.id, initialled, actor=morocco, now=minutes(1))
    assert await kinds(db, france) == []
    cursor = (await told(db, france)).cursor
    signed = await agreements.record_event(
        db, made.id, register.event("signed", "2020-02-01"), actor=morocco, now=minutes(2)
    )
    [change] = (await told(db, france, after=cursor)).changes
    assert (change.what, change.agreement_id) == (ChangeKind.AGREEMENT_EVENT_RECORDED, made.id)
    assert change.agreement_event_id == signed.id
    assert await kinds(db, morocco) == [
        "agreement.recorded", "agreement.event_recorded", "agreement.event_recorded",
    ]  # fmt: skip


async def test_what_a_country_publishes_is_told_to_all(db: Database) -> None:
    head, france = await register.account(db, "MA", role=Role.HEAD), await register.account(db, "FR")
    await set_retention(db, "MA", 10, {}, expected=None, actor=head, now=NOW)
    [change] = (await told(db, france)).changes
    assert (change.what, change.country, change.version) == (ChangeKind.RETENTION_SET, "MA", 2)


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
