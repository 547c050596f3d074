"""Telling people in time: what cannot wait for the morning, when a morning is, and whose business a request is."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.local_time import ONE_DAY, day_begins_at, local_day
from mla_tracker.domain.vocabulary import Custody, Effect, FlagKind, Obligor, Role, Side, Urgency
from mla_tracker.domain.working_time import open_spans


class Digest(StrEnum):
    """How often an account is told by mail what is due."""

    DAILY = "daily"
    OFF = "off"


TOLD: Final = (Role.OFFICER, Role.HEAD)
"""Who is told at all: those who work on cases. Who reads reports, or is a machine, is told of no single case."""

HELD: Final = frozenset({Custody.PROVISIONAL, Custody.IN_CUSTODY, Custody.TEMPORARILY_SURRENDERED})
"""Somebody sits in a cell and waits."""

LATE: Final = frozenset({FlagKind.OVERDUE, FlagKind.EXPIRED})

BEFORE_THE_NEXT_DIGEST: Final = timedelta(days=3)
"""A weekend may lie before the next digest, with the hours of the evening before it and of the morning after; where
more days off do, the warning does not wait for that digest either."""

AHEAD: Final = timedelta(days=7)
"""How far a digest looks ahead; further, where the next one comes later."""

LONGEST_CLOSED: Final = 366
"""So many days are looked through for one on which an office opens."""


LONGEST_ADDRESS: Final = 254
ADDRESS_PATTERN: Final = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,10}"
    r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?){1,10}$"
)
"""Plain addresses: nothing quoted, no name before it, no blank or line break; other letters in their ASCII form."""

_ADDRESS: Final = re.compile(ADDRESS_PATTERN.rstrip("$") + r"\Z")


def is_address(text: str) -> bool:
    """Whether it is a plain mail address."""
    return (
        len(text) <= LONGEST_ADDRESS
        and _ADDRESS.match(text) is not None
        and len(text.partition("@")[0]) <= 64
    )


@dataclass(frozen=True, slots=True)
class Raised:
    """A flag with what decides whether it can wait."""

    kind: FlagKind
    effect: Effect
    urgency: Urgency
    custody: Custody | None
    raised_at: datetime
    due_at: datetime


def is_urgent(flag: Raised, next_digest: datetime) -> bool:
    """Whether a flag is told at once, at night and on holidays too; `next_digest`: by when the next digest has come.

    Of a person who is held, because every day too long is a day of liberty, and one too short sets free who should
    not be; of an emergency, because a life may hang on it: what ran out, each escalation, and a warning of what runs
    out before the next digest may come. Of an urgent request: what ran out. A target of one's own (`goal`) binds
    nobody and waits; so does everything else, for the digest.
    """
    if flag.effect in (Effect.GOAL, Effect.NOT_BEFORE):
        return False
    if flag.custody in HELD or flag.urgency is Urgency.EMERGENCY:
        if flag.kind is FlagKind.WARNING:
            return flag.due_at <= max(flag.raised_at + BEFORE_THE_NEXT_DIGEST, next_digest)
        return True
    return flag.urgency is Urgency.URGENT and flag.kind in LATE


def sides_told(effect: Effect, obligor: Obligor) -> frozenset[Side]:
    """Whose business a clock is: theirs whose duty it is, and of what lapses both sides', since both act on it.

    What a provider owes is seen to by the requested side.
    """
    if effect is Effect.EXPIRY:
        return frozenset(Side)
    return frozenset({Side.REQUESTING if obligor is Obligor.REQUESTING else Side.REQUESTED})


@dataclass(frozen=True, slots=True)
class OfficeDay:
    """A working day on which an office is open now, and when it closes for that day."""

    day: date
    closes_at: datetime


def office_day(now: datetime, calendar: WorkingCalendar, zone: ZoneInfo) -> OfficeDay | None:
    """The office's day, if `now` lies in its opening hours; None in the night, on days off, at lunch.

    A recess is one of courts: the authority works on, and persons are held on.
    """
    day = local_day(now, zone)
    spans = open_spans(day, calendar.without_recess(), zone)
    if any(opens <= now < closes for opens, closes in spans):
        return OfficeDay(day, spans[-1][1])
    return None


def next_digest_by(at: datetime, calendar: WorkingCalendar, zone: ZoneInfo) -> datetime:
    """When the next day ends on which the office opens after `at`: by then a digest has come that is not yet sent."""
    office = calendar.without_recess()
    day = local_day(at, zone)
    for _ in range(LONGEST_CLOSED):
        spans = open_spans(day, office, zone)
        if spans and at < spans[0][0]:
            return spans[-1][1]
        day += ONE_DAY
    return day_begins_at(day, zone)


def same_name(one: str, other: str) -> bool:
    """Whether two spellings name the same officer: letters alike whatever their case and the blanks between them."""
    return _plain(one) == _plain(other)


def concerns(role: Role, own_name: str, assigned_to: str | None, desk: Collection[str]) -> bool:
    """Whether an account is told of a request of its side: a head of all, an officer of those assigned to him or to
    nobody.

    `assigned_to` is a name that somebody wrote. One that is none of the `desk` (names of open accounts of that side's
    officers and heads) is nobody's: rather a colleague too many is told than nobody at all.
    """
    if role is Role.HEAD or assigned_to is None or same_name(assigned_to, own_name):
        return True
    return not any(same_name(assigned_to, name) for name in desk)


def ends_a_day(due_on: date, due_at: datetime, zone: ZoneInfo) -> bool:
    """Whether something is due by the end of a day of the zone, and not at an hour of it."""
    return day_begins_at(due_on + ONE_DAY, zone) == due_at


FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(minutes=30)


def pause_after(attempts: int) -> timedelta:
    """How long a mail rests after so many attempts that came to nothing: longer each time, half an hour at most."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


LONGEST_REFERENCE: Final = 100


def one_line(text: str) -> str:
    """A reference as somebody wrote it, without what could break the line or hide a part of it."""
    kept = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    return " ".join(kept.split())[:LONGEST_REFERENCE]
