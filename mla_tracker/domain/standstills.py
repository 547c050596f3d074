"""Times at which a count stands still: pauses of the case, recess of the courts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting_days import FIRST_DAY, HORIZON_DAYS, LAST_DAY, too_far
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.limits import Limit
from mla_tracker.domain.local_time import ONE_DAY, day_begins_at, local_day
from mla_tracker.domain.vocabulary import Basis, Effect

Moment = TypeVar("Moment", date, datetime)
Pauses: TypeAlias = Sequence[tuple[date | datetime, date | datetime]]

LONGEST_STANDSTILL = timedelta(days=HORIZON_DAYS)


@dataclass(frozen=True, slots=True)
class Standstill(Generic[Moment]):
    """From `stopped` up to, but without, `resumed` nothing is counted."""

    stopped: Moment
    resumed: Moment
    recess: bool = False
    pointer: str = "/pauses"


def paused_days(pauses: Pauses, zone: ZoneInfo) -> list[Standstill[date]]:
    """Pauses as days of the zone."""
    return [
        Standstill(_day(stopped, zone), _day(resumed, zone), pointer=f"/pauses/{index}")
        for index, (stopped, resumed) in enumerate(pauses)
    ]


def days_of(limit: Limit, calendar: WorkingCalendar) -> WorkingCalendar:
    """The days by which a limit is counted: a recess of courts stops duties under a policy, and nothing else.

    No treaty, act of the Union or law of the catalogue lets its periods stand still for one, and it is none of the
    public holidays over which Regulation 1182/71 Art. 3(4) rolls. What lapses does so in August too: a person is held.
    """
    stops = limit.basis is Basis.POLICY and limit.effect in (Effect.DEADLINE, Effect.GOAL)
    return calendar if stops else calendar.without_recess()


def recess_days(calendar: WorkingCalendar) -> list[Standstill[date]]:
    """The recess of the calendar, its last day being the day before the count resumes."""
    return [
        Standstill(first, last + ONE_DAY, recess=True, pointer="/calendar/recess")
        for first, last in calendar.recess
        if last <= LAST_DAY
    ]


def paused_instants(pauses: Pauses, zone: ZoneInfo) -> list[Standstill[datetime]]:
    """Pauses as instants (UTC), a bare date meaning the beginning of that day in the zone."""
    return [
        Standstill(_instant(stopped, zone), _instant(resumed, zone), pointer=f"/pauses/{index}")
        for index, (stopped, resumed) in enumerate(pauses)
    ]


def check_pauses(pauses: Pauses, zone: ZoneInfo) -> None:
    """Raises InvalidEntry for a pause that resumes before it stops, or lies where nothing can be counted."""
    for index, (stopped, resumed) in enumerate(pauses):
        check_countable(stopped, f"/pauses/{index}/0")
        check_countable(resumed, f"/pauses/{index}/1")
        if _instant(resumed, zone) < _instant(stopped, zone):
            sentence = (
                f"The pause resumes ({resumed.isoformat()}) before it stops ({stopped.isoformat()}). "
                "Correct one of the two."
            )
            raise InvalidEntry(sentence, fields=((f"/pauses/{index}", sentence),))


def check_countable(moment: date | datetime, pointer: str) -> None:
    """Raises InvalidEntry for an instant without an offset and for years at the edge of the calendar."""
    sentence = ""
    if not FIRST_DAY.year <= moment.year <= LAST_DAY.year:
        sentence = (
            f"{moment.isoformat()} cannot be counted: give a year from {FIRST_DAY.year} to {LAST_DAY.year}."
        )
    elif isinstance(moment, datetime) and moment.utcoffset() is None:
        sentence = f"{moment.isoformat()} has no offset from UTC: add one, such as +01:00."
    if sentence:
        raise InvalidEntry(sentence, fields=((pointer, sentence),))


def is_standing(day: date, spans: Iterable[Standstill[date]]) -> bool:
    """Whether the count stands still on the day."""
    return any(span.stopped <= day < span.resumed for span in spans)


Shift: TypeAlias = Callable[[Moment, Moment, Moment], Moment]


def pushed(
    edge: Moment,
    start: Moment,
    spans: Iterable[Standstill[Moment]],
    shift: Shift[Moment],
    *,
    backwards: bool,
) -> tuple[Moment, list[tuple[Standstill[Moment], Moment, Moment]]]:
    """Where a count ends after every standstill it meets; and where each standstill took the end from and to.

    `start` and `edge` bound what is counted, the later of the two not part of it. `shift(edge, since, until)`
    moves the edge by what would have been counted from `since` up to `until`. A standstill is met if it
    begins before the edge (backwards: ends after it); what it holds beyond the edge is lost too, since the
    moved edge may not lie in it. What two standstills share is lost once.
    """
    effects: list[tuple[Standstill[Moment], Moment, Moment]] = []
    reached = start
    ordered = sorted(spans, key=lambda span: span.resumed if backwards else span.stopped, reverse=backwards)
    for span in ordered:
        since = span.stopped if backwards else max(span.stopped, reached)
        until = min(span.resumed, reached) if backwards else span.resumed
        before = edge
        if since < until and (until > edge if backwards else since < edge):
            if until - since > LONGEST_STANDSTILL:
                raise too_far(span.pointer, since)
            reached = since if backwards else until
            edge = shift(edge, since, until)
        effects.append((span, before, edge))
    return edge, effects


def _day(moment: date | datetime, zone: ZoneInfo) -> date:
    return local_day(moment, zone) if isinstance(moment, datetime) else moment


def _instant(moment: date | datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else day_begins_at(moment, zone)
