"""How long persons and texts are kept: by whose rule, to which day, and what keeps a request from being forgotten."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mla_tracker.commands.accounts import disable_account
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.requests import record_event, void_event
from mla_tracker.commands.retention import forget_due, set_retention
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InsufficientScope, NotAllowed, NotFound, VersionStale
from mla_tracker.domain.vocabulary import Act, Role, Scope
from mla_tracker.storage.database import Database, DbRole
from tests.builders.counted import THE_DAY_BEFORE, a_case, as_owner, row_of, with_shipped_limits
from tests.builders.forgetting import NOW, at, closed_case, erased, rule
from tests.builders.persons import a_person
from tests.builders.register import account, refused


@pytest.fixture
async def morocco(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "MA", role=Role.HEAD)


@pytest.fixture
async def spain(db: Database) -> Actor:
    return await account(db, "ES", role=Role.HEAD)


async def test_the_longer_of_two_rules_counts_and_a_country_without_one_keeps(
    db: Database, morocco: Actor, spain: Actor
) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 1)
    assert await erased(db, at("2126-01-01")) == set()
    await rule(db, spain, 3)
    assert await erased(db, at("2029-03-05")) == set()
    assert await erased(db, at("2029-03-07"), dry_run=True) == {case}
    await rule(db, spain, None)
    assert await erased(db, at("2126-01-01")) == set()
    await rule(db, spain, 1, evidence=None)
    assert await erased(db, at("2126-01-01")) == set()
    await rule(db, spain, None, evidence=2)
    assert await erased(db, at("2028-03-07")) == {case}


async def test_a_country_without_accounts_has_no_say(db: Database, morocco: Actor) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 1)
    spain = await account(db, "ES", role=Role.MINISTRY)
    assert await erased(db, at("2030-01-01")) == set()
    await disable_account(db, spain.account_id, now=NOW)
    assert await erased(db, at("2030-01-01")) == {case}


async def test_where_nobody_has_accounts_any_more_everything_is_kept(db: Database, morocco: Actor) -> None:
    await closed_case(db, morocco)
    await rule(db, morocco, 0)
    await disable_account(db, morocco.account_id, now=NOW)
    assert await erased(db, at("2090-01-01")) == set()


@pytest.mark.parametrize(
    ("closed", "years", "last"),
    [
        ("2026-03-05", 0, "2026-03-05"),
        ("2024-02-29", 1, "2025-02-28"),
        ("2024-02-29", 4, "2028-02-29"),
        ("2025-12-31", 1, "2026-12-31"),
        ("2025-01-01", 100, "2125-01-01"),
    ],
)
async def test_texts_are_kept_to_the_end_of_the_last_day_wherever_that_is_latest(
    db: Database, morocco: Actor, closed: str, years: int, last: str
) -> None:
    case = a_case().then("sent", "2024-01-02").then("withdrawn", "2024-01-03").then("closed", closed)
    made = await case.logged(db, morocco)
    async with db.transaction(DbRole.OWNER) as tx:  # recorded and ruled long ago
        await tx.execute("alter table request_event disable trigger user")
        await tx.execute("update request_event set recorded_at = '2020-01-01'")
    await rule(db, morocco, years, at("2020-01-01"))
    end = at(last) + timedelta(days=1, hours=12)  # midnight where days end last, UTC-12
    assert await erased(db, end - timedelta(seconds=1)) == set()
    assert await erased(db, end) == {made}


async def test_an_instant_of_closing_counts_by_the_latest_day_that_it_was_anywhere(
    db: Database, morocco: Actor
) -> None:
    made = await a_case().then("sent", "2026-03-02").then("withdrawn", "2026-03-03").logged(db, morocco)
    closed = NewEvent(Act.CLOSED, occurred_at=datetime(2026, 3, 4, 10, tzinfo=UTC))  # the 5th in Kiritimati
    await record_event(db, made, closed, actor=morocco, now=THE_DAY_BEFORE)
    await rule(db, morocco, 1)
    [one] = (await forget_due(db, at("2028-01-01"), dry_run=True)).requests
    assert (one.closed_on, one.kept_until) == (date(2026, 3, 5), date(2027, 3, 5))


async def test_a_slip_of_the_pen_destroys_nothing_for_seven_days(db: Database, morocco: Actor) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 0, at("2026-06-01"))
    assert await erased(db, at("2026-06-01") + timedelta(days=7, seconds=-1)) == set()
    await rule(db, morocco, 9, at("2026-06-05"))
    assert await erased(db, at("2026-07-01")) == set()
    assert await erased(db, at("2035-03-07")) == {case}


async def test_a_closing_recorded_late_with_an_old_date_is_not_acted_on_for_seven_days(
    db: Database, morocco: Actor
) -> None:
    await rule(db, morocco, 1, at("2020-01-01"))
    old = a_case().then("sent", "2010-01-02").then("withdrawn", "2010-01-03").then("closed", "2010-02-01")
    made = await old.logged(db, morocco, NOW)
    assert await erased(db, NOW + timedelta(days=6)) == set()
    assert await erased(db, NOW + timedelta(days=7)) == {made}


async def test_a_request_that_is_open_or_was_reopened_is_kept(db: Database, morocco: Actor) -> None:
    opened = await a_case().then("sent", "2026-03-02").logged(db, morocco)
    reopened = await closed_case(db, morocco)
    again = NewEvent(Act.REOPENED, occurred_on=date(2026, 3, 6), data={"reason": "New facts"})
    made = await record_event(db, reopened, again, actor=morocco, now=THE_DAY_BEFORE)
    await rule(db, morocco, 0)
    assert await erased(db, at("2030-01-01")) == set()
    later = at("2030-01-02")
    await void_event(db, reopened, made.id, reason="Another case", actor=morocco, now=later)
    assert await erased(db, later + timedelta(days=6)) == set()
    assert await erased(db, later + timedelta(days=7)) == {reopened}
    assert (await row_of(db, opened))["erased_at"] is None


async def test_of_several_closings_the_last_counts(db: Database, morocco: Actor) -> None:
    case = await closed_case(db, morocco, "2026-03-04")
    for act, day, data in (
        (Act.REOPENED, date(2026, 3, 6), {"reason": "New facts"}),
        (Act.WITHDRAWN, date(2026, 3, 7), {}),
        (Act.CLOSED, date(2026, 3, 8), {}),
    ):
        event = NewEvent(act, occurred_on=day, data=data)
        await record_event(db, case, event, actor=morocco, now=THE_DAY_BEFORE)
    await rule(db, morocco, 1)
    [one] = (await forget_due(db, at("2030-01-01"))).requests
    assert one.closed_on == date(2026, 3, 8)


async def test_a_country_rules_for_itself(db: Database, morocco: Actor, spain: Actor) -> None:
    officer, machine = await account(db, "MA"), await account(db, "MA", role=Role.INTEGRATION)
    narrow = replace(morocco, scopes=frozenset({Scope.READ, Scope.WRITE}))
    for actor, country, error in (
        (morocco, "ES", NotAllowed),
        (morocco, "XX", NotFound),
        (officer, "MA", NotAllowed),
        (machine, "MA", NotAllowed),
        (narrow, "MA", InsufficientScope),
    ):
        await refused(set_retention(db, country, 1, {}, expected=None, actor=actor, now=NOW), error)


async def test_a_rule_is_set_in_versions_and_the_same_again_is_none(db: Database, morocco: Actor) -> None:
    async def put(years: int, expected: int | None) -> int:
        only = frozenset({expected}) if expected is not None else None
        return (await set_retention(db, "MA", years, {}, expected=only, actor=morocco, now=NOW)).version

    assert await put(5, 1) == 2
    assert await put(5, 2) == 2
    await refused(
        set_retention(db, "MA", 6, {}, expected=frozenset({1}), actor=morocco, now=NOW), VersionStale
    )
    assert await put(6, 2) == 3
    results = await asyncio.gather(*(put(10 + n, 3) for n in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["VersionStale", "VersionStale", "int"]
    assert (await verify(db)).findings == ()


async def test_a_country_whose_accounts_are_gone_for_a_night_keeps_its_rule(
    db: Database, morocco: Actor, spain: Actor
) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 5)
    await rule(db, spain, 30)
    await disable_account(db, spain.account_id, now=at("2032-01-01"))
    assert await erased(db, at("2033-01-01")) == set()
    assert await erased(db, at("2057-01-01")) == {case}


async def test_a_case_of_which_a_duty_still_runs_is_kept(db: Database, morocco: Actor) -> None:
    """As speciality, safe conduct and the telling of a result do beyond a closing."""
    case = await closed_case(db, morocco)
    await rule(db, morocco, 1)
    running = "update clock set state = $2, effect = 'deadline' where request_id = $1"
    for state in ("running", "paused"):
        await as_owner(db, running, case, state)
        assert await erased(db, at("2030-01-01")) == set()
    await as_owner(db, running, case, "met")
    assert await erased(db, at("2030-01-01")) == {case}


async def test_what_was_added_of_late_is_kept_for_seven_days(db: Database, morocco: Actor) -> None:
    noted, known = await closed_case(db, morocco), await closed_case(db, morocco)
    await rule(db, morocco, 1)
    late = at("2030-01-01")
    await record_note(db, noted, "found in the archive", actor=morocco, now=late)
    await a_person("Somebody else").recorded(db, known, morocco, late)
    assert await erased(db, at("2030-01-07")) == set()
    assert await erased(db, at("2030-01-09")) == {noted, known}


async def test_a_reopening_recorded_after_the_closing_keeps_whatever_the_days_say(
    db: Database, morocco: Actor
) -> None:
    """A decree that moves days may turn the two round; it destroys nothing."""
    case = await closed_case(db, morocco)
    await rule(db, morocco, 1)
    reopened = NewEvent(Act.REOPENED, occurred_on=date(2026, 3, 6), data={"reason": "too soon"})
    await record_event(db, case, reopened, actor=morocco, now=NOW)
    await as_owner(db, "update request set status = 'closed' where id = $1", case)
    assert await erased(db, at("2030-01-01")) == set()


async def test_of_two_closings_of_one_day_the_later_anywhere_counts(db: Database, morocco: Actor) -> None:
    case = await closed_case(db, morocco, "2026-03-05")
    await rule(db, morocco, 1)
    reopened = NewEvent(
        Act.REOPENED, occurred_at=datetime(2026, 3, 5, 10, tzinfo=UTC), data={"reason": "too soon"}
    )
    await record_event(db, case, reopened, actor=morocco, now=NOW)
    again = NewEvent(
        Act.CLOSED, occurred_at=datetime(2026, 3, 5, 12, tzinfo=UTC), data={"outcome": "withdrawn"}
    )
    await record_event(db, case, again, actor=morocco, now=NOW)
    [dry] = (await forget_due(db, at("2030-01-01"), dry_run=True)).requests
    assert dry.closed_on == date(2026, 3, 6)
