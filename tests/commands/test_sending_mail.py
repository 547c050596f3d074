"""Each mail goes out once, whatever the server does, to an address that is proven and to no other."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from mla_tracker.commands.accounts import disable_account
from mla_tracker.commands.notifications import Wish, confirm_address, remove_notification, set_notification
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.telling import MOST_REFUSALS, tell_due
from mla_tracker.domain.telling import Digest
from mla_tracker.outbound.mail import MailServerUnavailable
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.mails import LEASE
from tests.builders.counted import as_owner
from tests.builders.mail_runs import (
    BEFORE,
    MINUTE,
    MORNING,
    NIGHT,
    a_held_person,
    a_late_clock,
    rows,
    run,
)
from tests.builders.register import account
from tests.builders.telling import a_post, a_reader, address_of, code_of, confirmed


async def test_many_workers_at_once_send_each_mail_once(db: Database) -> None:
    readers = [await a_reader(db, "ES", now=BEFORE, name=f"Desk {n}") for n in range(6)]
    await a_late_clock(db)
    await a_held_person(db)
    await flag_due(db, MORNING)
    async with a_post() as post:
        done = await asyncio.gather(*(run(db, post, MORNING) for _ in range(4)))
    assert sum(one.planned for one in done) == 12
    assert sum(one.ended.get("accepted", 0) for one in done) == 12
    assert sorted(one.address for one in post.taken) == sorted(2 * [address_of(one) for one in readers])
    assert len({one.message["Message-ID"] for one in post.taken}) == 12


async def test_a_server_that_breaks_off_after_the_message_gets_it_again_under_the_same_id(
    db: Database,
) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        post.breaks_off = 1
        assert (await run(db, post, MORNING)).ended == {"deferred": 1}
        assert (await run(db, post, MORNING + MINUTE)).ended == {"accepted": 1}
        assert (await run(db, post, MORNING + 2 * MINUTE)).ended == {}
    first, second = post.to(spain)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert await rows(db, "status, attempts") == [("sent", 2)]


async def test_a_worker_that_dies_with_a_mail_in_hand_leaves_it_to_another_when_its_lease_ends(
    db: Database,
) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        doomed = asyncio.create_task(run(db, post, MORNING))
        post.on_data = doomed.cancel
        await asyncio.wait([doomed])
        post.on_data = None
        assert await rows(db, "status") == [("claimed",)]
        assert (await run(db, post, MORNING + LEASE - MINUTE)).ended == {}
        assert (await run(db, post, MORNING + LEASE)).ended == {"accepted": 1}
    assert len({one.message["Message-ID"] for one in post.to(spain)}) == 1


async def test_greylisting_is_waited_out(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        post.to_recipient = ["451 greylisted", "451 greylisted"]
        for minute in range(4):
            await run(db, post, MORNING + minute * MINUTE)
        assert post.tried == 3  # at 0, 1 and 3 minutes
    assert len(post.to(spain)) == 1
    assert await rows(db, "status, attempts, reply") == [("sent", 3, 250)]


async def test_an_address_that_is_refused_again_and_again_is_used_no_more_and_says_so(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    other = await a_reader(db, "MA", now=BEFORE)
    await a_held_person(db)
    await flag_due(db, NIGHT)
    now = NIGHT
    async with a_post() as post:
        await as_owner(db, "delete from notification where account_id = $1", other.account_id)
        post.to_recipient = ["550 no such user"] * 20
        for _ in range(MOST_REFUSALS + 3):
            await run(db, post, now)
            now += timedelta(minutes=40)
    assert post.tried == MOST_REFUSALS
    assert post.taken == []
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow("select * from notification where account_id = $1", spain.account_id)
        assert row is not None
        entries = await tx.fetch("select * from audit_entry where what = 'notification.suspended'")
    assert row["suspended_at"] is not None
    assert row["refused_with"] == 550
    assert [entry["chain_id"] for entry in entries] == [spain.account_id]
    assert "failed" in [status for (status,) in await rows(db, "status")]


async def test_a_message_that_is_refused_by_its_content_counts_and_a_success_wipes_it(db: Database) -> None:
    await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        post.to_data = ["554 no"]
        assert (await run(db, post, MORNING)).ended == {"refused": 1}
        async with db.transaction(DbRole.OWNER) as tx:
            assert await tx.fetchval("select refusals from notification") == 1
        assert (await run(db, post, MORNING + MINUTE)).ended == {"accepted": 1}
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select refusals from notification") == 0


async def test_one_bad_address_holds_up_nobody(db: Database) -> None:
    readers = [await a_reader(db, "ES", now=BEFORE, name=f"Desk {n}") for n in range(3)]
    await a_late_clock(db)
    async with a_post() as post:
        post.to_recipient = ["550 no", "450 later"]
        done = await run(db, post, MORNING)
    assert done.ended == {"refused": 1, "deferred": 1, "accepted": 1}
    assert len({one.account_id for one in readers}) == 3


async def test_a_server_that_is_not_there_fails_the_run_and_costs_no_try(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        gone = post.server
    with pytest.raises(MailServerUnavailable) as caught:
        await tell_due(db, MORNING, gone)
    assert address_of(spain) not in str(caught.value)
    assert await rows(db, "status, attempts") == [("waiting", 0)]
    async with a_post() as post:
        await run(db, post, MORNING + MINUTE)
    assert len(post.to(spain)) == 1


async def test_a_sender_that_the_server_does_not_know_is_no_fault_of_an_address(db: Database) -> None:
    await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        post.to_sender = "550 who are you"
        with pytest.raises(MailServerUnavailable):
            await run(db, post, MORNING)
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select refusals from notification") == 0
    assert await rows(db, "status, attempts") == [("waiting", 0)]


async def test_no_transaction_is_open_while_the_server_is_spoken_to(db: Database) -> None:
    await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        idle: list[int] = []
        post.on_data = lambda: idle.append(db._pool.get_size() - db._pool.get_idle_size())
        await run(db, post, MORNING)
    assert idle == [0]


async def test_nothing_but_the_code_goes_to_an_address_before_it_is_proven(db: Database) -> None:
    actor = await account(db, "ES")
    await set_notification(
        db, Wish("new@justice.example", Digest.DAILY, True), actor=actor, now=MORNING - MINUTE
    )
    await a_late_clock(db)
    await a_held_person(db)
    await flag_due(db, MORNING)
    async with a_post() as post:
        await run(db, post, MORNING)
        [mail] = post.taken
        assert mail.address == "new@justice.example"
        code = await code_of(db, actor.account_id)
        assert f"The code is {code}." in mail.text
        await confirm_address(db, code, actor=actor, now=MORNING + MINUTE)
        await run(db, post, MORNING + 2 * MINUTE)
    assert [one.message["Subject"][:7] for one in post.taken[1:]] == ["2 overd"]


async def test_an_account_that_ends_or_asks_no_more_leaves_no_address_and_gets_nothing(db: Database) -> None:
    ended = await a_reader(db, "ES", now=BEFORE)
    asked_no_more = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        post.to_recipient = ["451 later", "451 later"]
        await run(db, post, MORNING)
        await disable_account(db, ended.account_id, now=MORNING)
        await remove_notification(db, actor=asked_no_more, now=MORNING)
        await run(db, post, MORNING + MINUTE)
    assert post.taken == []
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from notification") == 0
    assert await rows(db) == []


async def test_what_was_sent_is_kept_by_ids_alone_and_the_address_is_sealed(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db, reference_requested="ES-7/2026")
    async with a_post() as post:
        await run(db, post, MORNING)
    async with db.transaction(DbRole.OWNER) as tx:
        everything = ""
        for table in ("mail", "notification", "audit_entry"):
            found = await tx.fetch(f"select {table}::text as row from {table}")
            everything += "".join(row["row"] for row in found)
    assert str(spain.account_id) in everything
    for word in ("justice.example", "ES-7/2026"):
        assert word not in everything
        assert word.encode().hex() not in everything


async def test_an_address_that_changes_must_be_proven_anew(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    wish = Wish("other@justice.example", Digest.DAILY, True)
    await set_notification(db, wish, actor=spain, now=BEFORE)
    async with a_post() as post:
        await run(db, post, BEFORE + MINUTE)
        await run(db, post, MORNING)
    assert [one.message["Subject"] for one in post.taken] == ["The code to confirm this address"]


async def test_old_rows_go_and_what_they_told_of_is_not_told_again(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE, digest=Digest.OFF)
    await a_held_person(db)
    await flag_due(db, NIGHT)
    async with a_post() as post:
        await run(db, post, NIGHT)
        await run(db, post, NIGHT + timedelta(days=91))
        assert await rows(db) == []
        await run(db, post, NIGHT + timedelta(days=92))
    assert len(post.to(spain)) == 1


async def test_asking_twice_for_what_is_proven_asks_for_no_second_code(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await confirmed(db, spain, BEFORE, digest=Digest.OFF)
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select digest from notification") == "off"
    await set_notification(db, Wish(address_of(spain), Digest.DAILY, False), actor=spain, now=BEFORE)
    assert await rows(db) == []
    assert isinstance(spain.account_id, UUID)
