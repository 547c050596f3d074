"""Who is told of what by mail, and when: digests in working hours, and at once what cannot wait."""

from datetime import UTC, datetime

import pytest

from mla_tracker.commands import telling
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.telling import Told, tell_due
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.telling import Digest
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import mails
from mla_tracker.storage.database import Database, DbRole
from tests.builders.clocks import a_clock
from tests.builders.counted import as_owner
from tests.builders.mail_runs import (
    BEFORE,
    MINUTE,
    MORNING,
    NIGHT,
    a_held_person,
    a_late_clock,
    name,
    rows,
    run,
)
from tests.builders.register import account
from tests.builders.telling import SENDER, a_post, a_reader, address_of


async def test_an_officer_is_told_in_the_morning_what_is_overdue_and_due(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    late = await a_late_clock(db, assigned_requested="a. HADDAD", reference_requested="ES-7/2026")
    await a_late_clock(db, a_clock().due("2026-03-12T23:00:00"), reference_requested="ES-8/2026")
    await a_late_clock(db, a_clock().due("2026-03-30T22:00:00"), reference_requested="ES-9/2026")
    async with a_post() as post:
        await tell_due(db, MORNING, post.server, public_url="https://mla.example.org/")
    [mail] = post.to(spain)
    assert mail.message["Subject"] == "1 overdue, 1 due within 7 days"
    assert mail.text.startswith("As of 2026-03-10 10:00 CET.")
    assert "2026-03-06, 4 days overdue: acknowledge, evidence with Morocco, ES-7/2026" in mail.text
    assert f"https://mla.example.org/api/v1/requests/{late.request_id}" in mail.text
    assert "2026-03-12, in 2 days: acknowledge, evidence with Morocco, ES-8/2026" in mail.text
    assert "ES-9" not in mail.text


async def test_a_mail_is_plain_signed_as_automatic_and_told_apart_by_its_id(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db, reference_requested="Nº 7 – añadido")
    async with a_post() as post:
        await run(db, post, MORNING)
    [mail] = post.to(spain)
    [(mail_id,)] = await rows(db, "id")
    message = mail.message
    assert message["Message-ID"] == f"<{mail_id}@mla.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == SENDER
    assert message["To"] == address_of(spain)
    assert message["Date"].datetime == MORNING
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert "Nº 7 – añadido" in mail.text


async def test_a_reference_cannot_break_the_line_nor_hide_what_follows(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db, reference_requested="A\r\nBcc: x@y.example\n\n.\r\nB\u2028C\u202eD" + "x" * 300)
    async with a_post() as post:
        await run(db, post, MORNING)
    [mail] = post.to(spain)
    assert mail.message["Bcc"] is None
    [line] = [line for line in mail.text.splitlines() if "Bcc" in line]
    assert "A Bcc: x@y.example . B C D" in line
    assert len(line) < 250


async def test_an_officer_is_not_told_of_what_a_colleague_has(db: Database) -> None:
    mine = await a_reader(db, "ES", now=BEFORE, name="A. Haddad")
    other = await a_reader(db, "ES", now=BEFORE, name="B. Cohen")
    head = await a_reader(db, "ES", now=BEFORE, name="C. Ruiz", role=Role.HEAD)
    for reference, assigned in (("R1", "A. Haddad"), ("R2", "B. Cohen"), ("R3", None), ("R4", "Who left")):
        await a_late_clock(db, reference_requested=reference, assigned_requested=assigned)
    async with a_post() as post:
        await run(db, post, MORNING)
    told = {
        actor.name: {one for one in ("R1", "R2", "R3", "R4") if one in post.to(actor)[0].text}
        for actor in (mine, other, head)
    }
    assert told == {
        "A. Haddad": {"R1", "R3", "R4"},
        "B. Cohen": {"R2", "R3", "R4"},
        "C. Ruiz": {"R1", "R2", "R3", "R4"},
    }


async def test_a_head_of_several_countries_is_told_of_all_in_one_mail(db: Database) -> None:
    head = await a_reader(db, "ES", "PT", now=BEFORE, role=Role.HEAD)
    await a_late_clock(db, reference_requested="for Spain")
    portugal = a_clock().between("MA", "PT").due("2026-03-06T23:00:00")
    await a_late_clock(db, portugal, reference_requested="for Portugal")
    async with a_post() as post:
        await run(db, post, MORNING)
    [mail] = post.to(head)
    assert "for Spain" in mail.text
    assert "for Portugal" in mail.text


async def test_a_side_is_told_of_its_own_duties_under_its_own_reference(db: Database) -> None:
    morocco = await a_reader(db, "MA", now=BEFORE)
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(
        db, external_reference="of Rabat alone", reference_requesting="MA-1", reference_requested="ES-1"
    )
    async with a_post() as post:
        await run(db, post, datetime(2026, 3, 10, 13, tzinfo=UTC))
    assert post.to(morocco) == []
    [mail] = post.to(spain)
    assert "ES-1" in mail.text
    assert "of Rabat" not in mail.text
    assert "MA-1" not in mail.text


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.INTEGRATION, Role.AUDITOR, Role.ADMIN])
async def test_who_does_not_work_on_cases_is_told_nothing(db: Database, role: Role) -> None:
    reader = await a_reader(db, "ES", now=BEFORE)
    await as_owner(db, "update account set role = $2 where id = $1", reader.account_id, role.value)
    await a_late_clock(db)
    await a_held_person(db)
    await flag_due(db, MORNING)
    async with a_post() as post:
        await run(db, post, MORNING)
    assert post.taken == []
    assert await rows(db) == []


async def test_nothing_of_drafts_of_others_and_of_confidential_cases_of_others_is_told(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    france = await a_reader(db, "FR", now=BEFORE)
    named = await a_reader(db, "ES", now=BEFORE, name="Named")
    head = await a_reader(db, "ES", now=BEFORE, name="Head", role=Role.HEAD)
    late = a_clock().due("2026-03-06T23:00:00")
    await a_late_clock(db, late, reference_requested="plain")
    await a_late_clock(db, late.draft(), reference_requested="draft")
    secret = await a_late_clock(db, late, reference_requested="secret", handling="confidential")
    await name(db, secret, named)
    await a_late_clock(db, late, reference_requested="unnamed", handling="confidential")
    async with a_post() as post:
        await run(db, post, MORNING)
    words = ("plain", "draft", "secret", "unnamed")
    assert post.to(france) == []
    assert [one for one in words if one in post.to(spain)[0].text] == ["plain"]
    assert [one for one in words if one in post.to(named)[0].text] == ["plain", "secret"]
    assert [one for one in words if one in post.to(head)[0].text] == ["plain", "unnamed"]


async def test_a_mail_about_a_confidential_case_is_told_to_the_audit_as_a_reading(db: Database) -> None:
    named = await a_reader(db, "ES", now=BEFORE)
    secret = await a_late_clock(db, handling="confidential")
    await name(db, secret, named)
    await a_late_clock(db)
    async with a_post() as post:
        await run(db, post, MORNING)
    async with db.transaction(DbRole.OWNER) as tx:
        [entry] = await tx.fetch("select * from audit_entry where what = 'request.listed'")
    assert (entry["chain_id"], entry["account_id"]) == (secret.request_id, named.account_id)
    assert '"route":"mail"' in entry["details"]


async def test_who_has_nothing_due_gets_no_mail(db: Database) -> None:
    await a_reader(db, "ES", now=BEFORE)
    async with a_post() as post:
        assert (await run(db, post, MORNING)).ended == {"dropped": 1}
    assert post.taken == []


async def test_a_digest_of_very_much_is_cut_and_says_so(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    async with db.transaction(DbRole.OWNER) as tx:
        for _ in range(103):
            await a_clock().due("2026-03-06T23:00:00").insert(tx)
    async with a_post() as post:
        await run(db, post, MORNING)
    [mail] = post.to(spain)
    assert mail.message["Subject"].startswith("103 overdue")
    assert "and 3 more" in mail.text
    assert mail.text.count("acknowledge") == 100


async def test_a_digest_waits_for_the_hours_of_the_reader_and_comes_once_a_day(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    told = []
    async with a_post() as post:
        for now in (
            datetime(2026, 3, 13, 7, 59, tzinfo=UTC),  # Friday, 08:59 in Madrid
            datetime(2026, 3, 13, 8, 0, tzinfo=UTC),
            datetime(2026, 3, 13, 8, 1, tzinfo=UTC),
            datetime(2026, 3, 13, 15, 59, tzinfo=UTC),
            datetime(2026, 3, 14, 10, 0, tzinfo=UTC),  # Saturday
            datetime(2026, 3, 15, 10, 0, tzinfo=UTC),
            datetime(2026, 3, 16, 7, 59, tzinfo=UTC),
            datetime(2026, 3, 16, 8, 0, tzinfo=UTC),
            datetime(2026, 3, 30, 6, 59, tzinfo=UTC),  # 08:59 of summer time
            datetime(2026, 3, 30, 7, 0, tzinfo=UTC),
        ):
            before = len(post.to(spain))
            await run(db, post, now)
            if len(post.to(spain)) > before:
                told.append(now.strftime("%d %H:%M"))
    assert told == ["13 08:00", "16 08:00", "30 07:00"]


async def test_hours_and_days_are_those_that_the_country_stored(db: Database) -> None:
    head = await account(db, "ES", role=Role.HEAD)
    spain = await a_reader(db, "ES", now=BEFORE)
    overrides = CalendarOverrides(weekend=frozenset({4, 5}), hours={0: ((480, 720),), 6: ((600, 960),)})
    await change_calendar(
        db, "ES", NewCalendar(overrides, "A decree", {}), expected=None, actor=head, now=BEFORE
    )
    await a_late_clock(db)
    told = []
    async with a_post() as post:
        for now in (
            datetime(2026, 3, 13, 9, 0, tzinfo=UTC),  # Friday, a day off by that decree
            datetime(2026, 3, 15, 8, 59, tzinfo=UTC),  # Sunday, open from 10:00
            datetime(2026, 3, 15, 9, 0, tzinfo=UTC),
            datetime(2026, 3, 16, 7, 0, tzinfo=UTC),  # Monday, open from 08:00
        ):
            before = len(post.to(spain))
            await run(db, post, now)
            if len(post.to(spain)) > before:
                told.append(now.strftime("%a %H:%M"))
    assert told == ["Sun 09:00", "Mon 07:00"]


async def test_a_digest_that_could_not_be_sent_on_its_day_is_left_out(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_late_clock(db)
    async with a_post() as post:
        post.to_recipient = ["451 try later"]
        await run(db, post, datetime(2026, 3, 10, 15, 59, tzinfo=UTC))
        await run(db, post, datetime(2026, 3, 10, 16, 30, tzinfo=UTC))  # closed
        assert post.to(spain) == []
        await run(db, post, datetime(2026, 3, 11, 9, tzinfo=UTC))
    assert len(post.to(spain)) == 1
    assert await rows(db) == [("digest", "dropped"), ("digest", "sent")]


async def test_an_expiry_of_custody_is_told_at_night_to_both_sides(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    morocco = await a_reader(db, "MA", now=BEFORE)
    france = await a_reader(db, "FR", now=BEFORE)
    await a_late_clock(db)
    await a_held_person(db, reference_requested="ES-1", reference_requesting="MA-1")
    await flag_due(db, NIGHT)
    async with a_post() as post:
        assert (await run(db, post, NIGHT)).ended == {"accepted": 2}
    [mail] = post.to(spain)
    assert mail.message["Subject"] == "Urgent: a limit has run out"
    assert "ES-1" in mail.text
    assert "MA-1" not in mail.text
    assert "2026-03-10 02:30 CET" in mail.text
    [mail] = post.to(morocco)
    assert "MA-1" in mail.text
    assert post.to(france) == []


async def test_an_urgent_flag_is_told_once_and_no_flag_of_before_one_asked(db: Database) -> None:
    await a_held_person(db, "2026-03-09T08:00:00")
    await flag_due(db, BEFORE - MINUTE)
    spain = await a_reader(db, "ES", now=BEFORE)
    await a_held_person(db, reference_requested="later")
    await flag_due(db, NIGHT)
    async with a_post() as post:
        for minute in range(5):
            await run(db, post, NIGHT + minute * MINUTE)
    [mail] = post.to(spain)
    assert "later" in mail.text


async def test_urgent_flags_of_one_moment_are_told_in_one_mail_that_stays_as_it_was(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE, digest=Digest.OFF)
    for number in range(3):
        await a_held_person(db, reference_requested=f"first-{number}")
    await flag_due(db, NIGHT)
    async with a_post() as post:
        post.breaks_off = 1
        await run(db, post, NIGHT)
        await a_held_person(db, "2026-03-10T02:00:30", reference_requested="second")
        await flag_due(db, NIGHT + MINUTE)
        await run(db, post, NIGHT + MINUTE)
        await run(db, post, NIGHT + 2 * MINUTE)
    once, again, other = post.to(spain)
    assert once.message["Subject"] == "Urgent: 3 limits"
    assert once.message["Message-ID"] == again.message["Message-ID"] != other.message["Message-ID"]
    assert {len({f"first-{n}" for n in range(3) if f"first-{n}" in one.text}) for one in (once, again)} == {3}
    assert "second" not in again.text
    assert "second" in other.text
    assert await rows(db) == [("urgent", "sent")] * 4


async def test_a_flood_of_urgent_flags_is_planned_a_part_at_a_time(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_PLANNED", 50)
    monkeypatch.setattr(mails, "MOST_TOGETHER", 20)
    spain = await a_reader(db, "ES", now=BEFORE, digest=Digest.OFF)
    async with db.transaction(DbRole.OWNER) as tx:
        for _ in range(70):
            await a_clock().due("2026-03-10T01:30:00").warned(None).expiring().insert(tx)
        await tx.execute("update request set custody = 'in_custody'")
    await flag_due(db, NIGHT)
    async with a_post() as post:
        assert (await run(db, post, NIGHT)).planned == 50
        assert (await run(db, post, NIGHT + MINUTE)).planned == 20
        assert (await run(db, post, NIGHT + 2 * MINUTE)) == Told(0, {})
    assert [one.text.count("acknowledge") for one in post.to(spain)] == [20, 20, 10, 20]


async def test_a_flag_that_was_cleared_in_error_and_is_raised_again_is_told_again(db: Database) -> None:
    spain = await a_reader(db, "ES", now=BEFORE, digest=Digest.OFF)
    await a_held_person(db)
    await flag_due(db, NIGHT)
    async with a_post() as post:
        await run(db, post, NIGHT)
        await as_owner(db, "update flag set cleared_at = $1, cleared_reason = 'no_lateness'", NIGHT + MINUTE)
        await run(db, post, NIGHT + MINUTE)
        again = "update flag set cleared_at = null, cleared_reason = null, raised_at = $1"
        await as_owner(db, again, NIGHT + 2 * MINUTE)
        for minute in range(2, 5):
            await run(db, post, NIGHT + minute * MINUTE)
    assert len(post.to(spain)) == 2


@pytest.mark.parametrize(
    "change",
    [
        "update flag set cleared_at = now(), cleared_reason = 'no_lateness'",
        "update flag set settled_at = now()",
        "update request_reader set account_id = (select recorded_by_account from request limit 1) where false",
        "update notification set urgent = false",
        "update account set disabled_at = now()",
        "delete from request_reader",
        "update notification set confirmed_at = null",
    ],
)
async def test_what_a_mail_may_say_is_asked_again_when_it_is_sent(db: Database, change: str) -> None:
    spain = await a_reader(db, "ES", now=BEFORE)
    other = await account(db, "ES")
    held = await a_held_person(db, handling="confidential")
    await name(db, held, spain)
    await name(db, held, other)
    await flag_due(db, NIGHT)
    async with a_post() as post:
        post.to_recipient = ["451 try later"]
        await run(db, post, NIGHT)
        await as_owner(db, change)
        await run(db, post, NIGHT + 2 * MINUTE)
    harmless = "where false" in change
    assert len(post.taken) == (1 if harmless else 0)
    assert await rows(db) == [("urgent", "sent" if harmless else "dropped")]


async def test_an_urgent_flag_of_a_confidential_case_is_told_to_those_named_alone(db: Database) -> None:
    named = await a_reader(db, "ES", now=BEFORE, name="Named")
    for role in (Role.OFFICER, Role.HEAD):
        await a_reader(db, "ES", now=BEFORE, name="Not named", role=role)
    held = await a_held_person(db, handling="confidential")
    await name(db, held, named)
    await flag_due(db, NIGHT)
    async with a_post() as post:
        await run(db, post, NIGHT)
    assert [one.address for one in post.taken] == [address_of(named)]
    assert len(await rows(db)) == 1
