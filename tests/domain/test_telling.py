"""What cannot wait, when a morning is, and whose business a request is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.telling import (
    LONGEST_PAUSE,
    Raised,
    concerns,
    ends_a_day,
    is_address,
    is_urgent,
    next_digest_by,
    office_day,
    pause_after,
    same_name,
    sides_told,
)
from mla_tracker.domain.vocabulary import Custody, Effect, FlagKind, Obligor, Role, Side, Urgency

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")


def raised(
    kind: FlagKind,
    *,
    effect: Effect = Effect.DEADLINE,
    urgency: Urgency = Urgency.ROUTINE,
    custody: Custody | None = None,
    days_left: int = 0,
) -> Raised:
    return Raised(kind, effect, urgency, custody, AT, AT + timedelta(days=days_left))


@pytest.mark.parametrize("kind", [FlagKind.OVERDUE, FlagKind.EXPIRED, FlagKind.ESCALATION])
@pytest.mark.parametrize(
    ("custody", "urgent"),
    [
        (None, False),
        (Custody.NONE, False),
        (Custody.PROVISIONAL, True),
        (Custody.IN_CUSTODY, True),
        (Custody.TEMPORARILY_SURRENDERED, True),
        (Custody.RELEASED, False),
        (Custody.SURRENDERED, False),
    ],
)
def test_what_ran_out_while_somebody_is_held_does_not_wait(
    kind: FlagKind, custody: Custody | None, urgent: bool
) -> None:
    assert is_urgent(raised(kind, custody=custody), AT) is urgent


@pytest.mark.parametrize(
    ("urgency", "kind", "urgent"),
    [
        (Urgency.ROUTINE, FlagKind.OVERDUE, False),
        (Urgency.URGENT, FlagKind.OVERDUE, True),
        (Urgency.URGENT, FlagKind.EXPIRED, True),
        (Urgency.URGENT, FlagKind.ESCALATION, False),
        (Urgency.URGENT, FlagKind.WARNING, False),
        (Urgency.EMERGENCY, FlagKind.OVERDUE, True),
        (Urgency.EMERGENCY, FlagKind.ESCALATION, True),
    ],
)
def test_how_pressing_a_request_is_decides(urgency: Urgency, kind: FlagKind, urgent: bool) -> None:
    assert is_urgent(raised(kind, urgency=urgency), AT) is urgent


@pytest.mark.parametrize(("days_left", "urgent"), [(1, True), (3, True), (4, False), (14, False)])
def test_a_warning_does_not_wait_where_the_next_digest_may_come_too_late(
    days_left: int, urgent: bool
) -> None:
    for held in (
        raised(FlagKind.WARNING, custody=Custody.IN_CUSTODY, days_left=days_left),
        raised(FlagKind.WARNING, urgency=Urgency.EMERGENCY, days_left=days_left),
    ):
        assert is_urgent(held, AT + timedelta(days=1)) is urgent


@pytest.mark.parametrize(("days_left", "urgent"), [(4, True), (9, True), (10, False)])
def test_nor_where_more_days_off_than_a_weekend_lie_before_the_digest(days_left: int, urgent: bool) -> None:
    held = raised(FlagKind.WARNING, custody=Custody.PROVISIONAL, days_left=days_left)
    assert is_urgent(held, AT + timedelta(days=9)) is urgent
    assert not is_urgent(raised(FlagKind.WARNING, days_left=days_left), AT + timedelta(days=9))


def test_a_target_of_ones_own_wakes_nobody() -> None:
    assert not is_urgent(raised(FlagKind.OVERDUE, effect=Effect.GOAL, custody=Custody.IN_CUSTODY), AT)


def test_what_lapses_concerns_both_sides_and_a_duty_the_side_whose_it_is() -> None:
    assert sides_told(Effect.EXPIRY, Obligor.REQUESTING) == {Side.REQUESTING, Side.REQUESTED}
    assert sides_told(Effect.DEADLINE, Obligor.REQUESTING) == {Side.REQUESTING}
    assert sides_told(Effect.DEADLINE, Obligor.REQUESTED) == {Side.REQUESTED}
    assert sides_told(Effect.DEADLINE, Obligor.PROVIDER) == {Side.REQUESTED}


@pytest.mark.parametrize(
    ("local", "open_on"),
    [
        ("2026-03-12T08:59:59", None),  # Thursday
        ("2026-03-12T09:00:00", date(2026, 3, 12)),
        ("2026-03-12T16:59:59", date(2026, 3, 12)),
        ("2026-03-12T17:00:00", None),
        ("2026-03-13T10:00:00", None),  # Friday, a day off
        ("2026-03-14T10:00:00", None),  # Saturday, too
        ("2026-03-15T10:00:00", date(2026, 3, 15)),  # Sunday
    ],
)
def test_a_country_whose_week_ends_on_thursday_opens_on_sunday_at_nine(
    local: str, open_on: date | None
) -> None:
    algeria = WorkingCalendar("DZ", weekends=((date.min, frozenset({4, 5})),))
    zone = ZoneInfo("Africa/Algiers")
    found = office_day(datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC), algeria, zone)
    assert (found.day if found else None) == open_on


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-03-27T07:59:00", False),  # Friday: 08:59 in Madrid, winter time
        ("2026-03-27T08:00:00", True),
        ("2026-03-30T06:59:00", False),  # Monday after the change: 08:59, summer time
        ("2026-03-30T07:00:00", True),
        ("2026-03-30T15:00:00", False),
        ("2026-10-26T07:59:00", False),  # and back
        ("2026-10-26T08:00:00", True),
    ],
)
def test_an_office_opens_by_its_own_clock_when_summer_time_comes_and_goes(utc: str, is_open: bool) -> None:
    found = office_day(datetime.fromisoformat(utc).replace(tzinfo=UTC), WorkingCalendar("ES"), MADRID)
    assert (found is not None) is is_open


def test_an_office_is_open_while_courts_are_in_recess() -> None:
    august = WorkingCalendar("ES", recess=((date(2026, 8, 1), date(2026, 8, 31)),))
    assert office_day(datetime(2026, 8, 12, 9, tzinfo=UTC), august, MADRID) is not None
    assert office_day(datetime(2026, 8, 15, 9, tzinfo=UTC), august, MADRID) is None, "Saturday"


@pytest.mark.parametrize(
    ("local", "ends", "why"),
    [
        (
            "2026-09-30T10:00:00",
            "2026-10-09T17:00:00",
            "what is due in the eight days off is told before them",
        ),
        (
            "2026-09-30T08:59:00",
            "2026-09-30T17:00:00",
            "before the office opens, the next digest is that of the day",
        ),
        ("2026-10-03T10:00:00", "2026-10-09T17:00:00", "in the middle of them"),
        ("2026-09-24T10:00:00", "2026-09-25T17:00:00", "a working day follows"),
        ("2026-09-25T10:00:00", "2026-09-28T17:00:00", "a weekend lies between"),
    ],
)
def test_the_next_digest_comes_on_the_next_day_on_which_the_office_opens(
    local: str, ends: str, why: str
) -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    china = WorkingCalendar("CN", holidays={date(2026, 10, day): "National Day" for day in range(1, 9)})
    at = datetime.fromisoformat(local).replace(tzinfo=shanghai)
    assert next_digest_by(at, china, shanghai) == datetime.fromisoformat(ends).replace(tzinfo=shanghai), why


def test_an_office_that_never_opens_is_told_all() -> None:
    shut = WorkingCalendar("ES", hours={0: ()}, date_hours={})
    assert next_digest_by(AT, shut, MADRID) > AT + timedelta(days=365)


def test_nobody_is_told_at_lunch_and_the_day_ends_with_the_last_hours() -> None:
    split = WorkingCalendar("ES", hours={1: ((540, 780), (960, 1140))})  # Tuesday 09:00-13:00, 16:00-19:00
    assert office_day(datetime(2026, 3, 10, 14, tzinfo=UTC), split, MADRID) is None
    found = office_day(datetime(2026, 3, 10, 9, tzinfo=UTC), split, MADRID)
    assert found is not None
    assert found.closes_at == datetime(2026, 3, 10, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A. Haddad", "a. haddad", True),
        ("A.  Haddad ", "A. Haddad", True),
        ("ÉLODIE Roux", "élodie roux", True),
        ("Straße", "STRASSE", True),
        ("A. Haddad", "B. Haddad", False),
    ],
)
def test_a_name_is_the_same_whatever_its_case_and_blanks(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same


@pytest.mark.parametrize(
    ("role", "assigned_to", "told"),
    [
        (Role.OFFICER, "A. Haddad", True),
        (Role.OFFICER, None, True),
        (Role.OFFICER, "B. Cohen", False),
        (Role.OFFICER, "Somebody who left", True),
        (Role.HEAD, "B. Cohen", True),
    ],
)
def test_an_officer_is_told_of_what_is_his_or_nobodys_and_a_head_of_all(
    role: Role, assigned_to: str | None, told: bool
) -> None:
    assert concerns(role, "A. Haddad", assigned_to, ["A. Haddad", "B. Cohen"]) is told


@pytest.mark.parametrize(
    "address",
    [
        "desk@justice",
        "desk@justice.example\r\nBcc: a@b.example",
        "desk@justice.example\n",
        "Desk <desk@justice.example>",
        '"a b"@justice.example',
        "a b@justice.example",
        "désk@justice.example",
        "@justice.example",
        "desk@-justice.example",
        "a" * 65 + "@justice.example",
        "desk@" + "a" * 60 + ("." + "a" * 60) * 4,
        "a@b.example,c@d.example",
        "desk.@justice.example",
    ],
)
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    assert not is_address(address)


@pytest.mark.parametrize(
    "address", ["desk4@justice.example", "a.b+c@xn--bcher-kva.example", "o'neill@a.b.example"]
)
def test_plain_addresses_are_taken(address: str) -> None:
    assert is_address(address)


def test_the_end_of_a_day_is_told_from_an_hour_of_it() -> None:
    day = date(2026, 3, 10)
    ends = datetime(2026, 3, 10, 23, tzinfo=UTC)
    assert ends_a_day(day, ends, MADRID)
    assert not ends_a_day(day, ends, ZoneInfo("Atlantic/Canary")), "an hour before midnight"
    assert not ends_a_day(day, datetime(2026, 3, 10, 13, 30, tzinfo=UTC), MADRID)


def test_a_mail_rests_longer_each_time_and_never_longer_than_half_an_hour() -> None:
    pauses = [pause_after(number) for number in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(minutes=1)
    assert pauses[-1] == LONGEST_PAUSE
