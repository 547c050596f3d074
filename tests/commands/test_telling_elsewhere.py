"""What a mail says of days that end elsewhere, and what is told before an office is closed for long."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mla_tracker.commands import letters
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.overdue import flag_due
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.telling import Digest
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import due
from mla_tracker.storage.database import Database
from tests.builders.clocks import a_clock
from tests.builders.counted import as_owner
from tests.builders.mail_runs import BEFORE, MORNING, a_late_clock, run
from tests.builders.register import account
from tests.builders.telling import a_post, a_reader

EID = [date(2026, 3, day) for day in range(11, 20)]
"""Wednesday the 11th to Thursday the 19th: with the weekend an office is closed from the evening of the 10th on."""


async def told(db: Database, *countries: str, now: datetime) -> str:
    """What the digest of a new head of these countries says."""
    reader = await a_reader(db, *countries, now=BEFORE, role=Role.HEAD)
    async with a_post() as post:
        await run(db, post, now)
    [mail] = post.to(reader)
    return f"{mail.message['Subject']}\n{mail.text}"


async def closed_for_long(db: Database, country: str = "ES", **more: object) -> None:
    head = await account(db, country, role=Role.HEAD)
    holidays = tuple((day, "By decree") for day in EID)
    own = CalendarOverrides(**({"holidays": holidays} | more))  # type: ignore[arg-type] # each test names its own
    await change_calendar(
        db, country, NewCalendar(own, "A decree", {}), expected=None, actor=head, now=BEFORE
    )


async def test_a_day_that_ends_elsewhere_is_told_with_the_hour_at_which_it_does(db: Database) -> None:
    # Somebody is held in Tokyo until 12 March ends there, at four in the afternoon of Paris.
    held = a_clock().between("FR", "JP").due("2026-03-12T15:00:00").expiring()
    await a_late_clock(db, held, reference_requesting="FR-1", reference_requested="JP-1")
    assert "2026-03-12 (until 2026-03-12 16:00 CET), in 2 days: " in await told(db, "FR", now=MORNING)
    japan = await told(db, "JP", now=datetime(2026, 3, 10, 2, tzinfo=UTC))
    assert "2026-03-12, in 2 days: " in japan


@pytest.mark.parametrize(
    ("now", "told_as"),
    [
        (datetime(2026, 3, 12, 13, tzinfo=UTC), "2026-03-12 (until 2026-03-13 04:00 CET), today: "),
        (datetime(2026, 3, 13, 9, tzinfo=UTC), "2026-03-12 (until 2026-03-13 04:00 CET), 1 day ago: "),
    ],
)
async def test_the_day_of_a_country_further_west_ends_in_the_night_after(
    db: Database, now: datetime, told_as: str
) -> None:
    held = a_clock().between("FR", "CL").due("2026-03-13T03:00:00").expiring()
    await a_late_clock(db, held)
    await as_owner(db, "update clock set due_on = '2026-03-12'")
    assert told_as in await told(db, "FR", now=now)


async def test_an_hour_is_as_far_off_as_its_day_where_it_is_read(db: Database) -> None:
    # Half past midnight of 12 March in Athens is 11 March in Paris.
    clock = a_clock().between("FR", "GR").due("2026-03-11T22:30:00").expiring()
    await a_late_clock(db, clock)
    await as_owner(db, "update clock set due_on = '2026-03-12'")
    now = datetime(2026, 3, 11, 9, tzinfo=UTC)
    assert "2026-03-11 23:30 CET, today: " in await told(db, "FR", now=now)
    assert "2026-03-12 00:30 EET, in 1 day: " in await told(db, "GR", now=now)


async def test_before_many_days_off_a_digest_looks_as_far_as_the_next_one(db: Database) -> None:
    await closed_for_long(db)
    for day, reference in ((19, "in the days off"), (20, "the day of the next"), (21, "after it")):
        clock = a_clock().due(f"2026-03-{day}T15:00:00")
        await a_late_clock(db, clock, reference_requested=reference)
    text = await told(db, "ES", now=MORNING)
    assert text.startswith("0 overdue, 2 due within 11 days\n")
    assert "Due within 11 days: 2" in text
    assert "in the days off" in text
    assert "the day of the next" in text
    assert "after it" not in text


@pytest.mark.parametrize(
    ("closed", "digest", "number"),
    [(True, Digest.DAILY, 1), (False, Digest.DAILY, 0), (False, Digest.OFF, 1)],
)
async def test_a_warning_of_custody_does_not_wait_for_a_digest_that_comes_too_late_or_never(
    db: Database, closed: bool, digest: Digest, number: int
) -> None:
    if closed:
        await closed_for_long(db)
    reader = await a_reader(db, "ES", now=BEFORE, digest=digest)
    held = a_clock().due("2026-03-18T23:00:00").warned(5).expiring()
    await a_late_clock(db, held, custody="provisional")
    night = datetime(2026, 3, 13, 23, 1, tzinfo=UTC)
    await flag_due(db, night)
    async with a_post() as post:
        await run(db, post, night + timedelta(minutes=1))
    assert len(post.to(reader)) == number
    assert all(mail.message["Subject"] == "Urgent: a limit is due soon" for mail in post.to(reader))


async def test_a_recess_of_courts_keeps_no_digest_back(db: Database) -> None:
    await closed_for_long(db, holidays=(), recess=((date(2026, 3, 1), date(2026, 3, 31)),))
    await a_late_clock(db)
    assert (await told(db, "ES", now=MORNING)).startswith("1 overdue, 0 due within 7 days\n")


async def test_a_backlog_hides_nothing_that_is_to_come(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "MOST", 3)
    monkeypatch.setattr(letters, "MOST_TOLD", 2)
    for year in (2001, 2002, 2003, 2025):
        await a_late_clock(db, a_clock().due(f"{year}-03-06T23:00:00"), reference_requested=f"of {year}")
    for day in (12, 11, 13):
        await a_late_clock(db, a_clock().due(f"2026-03-{day}T23:00:00"), reference_requested=f"on {day}")
    text = await told(db, "ES", now=MORNING)
    assert text.startswith("3 or more overdue, 3 due within 7 days\n")
    assert [one for one in ("of 2001", "of 2002", "of 2003", "of 2025") if one in text] == [
        "of 2003",
        "of 2025",
    ]
    assert [one for one in ("on 11", "on 12", "on 13") if one in text] == ["on 11", "on 12"]
    assert text.count("and 1 more") == 2
