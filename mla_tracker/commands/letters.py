"""What mails say: references, kinds, counterparts and dates. No subject of a request, no person, no note; headers tell
nothing of a case, since a locked telephone shows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from mla_tracker.catalogue.countries import country_name
from mla_tracker.domain.local_time import local_day
from mla_tracker.domain.telling import ends_a_day, one_line
from mla_tracker.domain.vocabulary import Effect, FlagKind
from mla_tracker.queries.due import Due, FlagDue

MOST_TOLD: Final = 100
_MOMENT: Final = timedelta(microseconds=1)

_FOOT: Final = "You asked to be told. Change that, or end it, with PUT and DELETE /api/v1/me/notifications."
_RAISED: Final[Mapping[FlagKind, str]] = {
    FlagKind.WARNING: "is due soon",
    FlagKind.OVERDUE: "is overdue",
    FlagKind.EXPIRED: "has run out",
    FlagKind.ESCALATION: "is overdue still",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and when a letter is read: by which clock, and in which zones dates were counted."""

    now: datetime
    zone: ZoneInfo
    zones: Mapping[str, ZoneInfo]
    """By name and by country."""
    public_url: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """A mail without its address."""

    title: str
    text: str

    def message(self, mail_id: UUID, *, sender: str, address: str, now: datetime) -> EmailMessage:
        """As it goes out. Its Message-ID is that of the mail, so that a second copy can be recognised as one."""
        message = EmailMessage()
        message["From"] = sender
        message["To"] = address
        message["Subject"] = self.title
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(self.text, charset="utf-8", cte="quoted-printable")
        return message


def digest_letter(found: Sequence[Due], desk: Desk, until: datetime, *, more_late: bool) -> Letter:
    """What ran out and what is due until `until`, in that order; of very many late ones the newest.

    `more_late`: more ran out than was looked at.
    """
    late = [one for one in found if one.due_at <= desk.now]
    coming = [one for one in found if one.due_at > desk.now]
    days = -((desk.now - until) // timedelta(days=1))
    number = f"{len(late)} or more" if more_late else str(len(late))
    parts = [
        *_section(f"Overdue or run out: {number}", late, late[-MOST_TOLD:], desk),
        *_section(f"Due within {days} days: {len(coming)}", coming, coming[:MOST_TOLD], desk),
    ]
    as_of = desk.now.astimezone(desk.zone).strftime("%Y-%m-%d %H:%M %Z")
    text = "\n".join([f"As of {as_of}.", "", *parts, _FOOT, ""])
    return Letter(f"{number} overdue, {len(coming)} due within {days} days", text)


def urgent_letter(flags: Sequence[FlagDue], desk: Desk) -> Letter:
    """Flags that do not wait."""
    parts: list[str] = []
    for flag in flags:
        parts += [f"This {_RAISED[flag.kind]}:", "", *_lines(flag.clock, desk), ""]
    title = f"a limit {_RAISED[flags[0].kind]}" if len(flags) == 1 else f"{len(flags)} limits"
    return Letter(f"Urgent: {title}", "\n".join([*parts, _FOOT, ""]))


def code_letter(code: str, valid: timedelta) -> Letter:
    """The code that proves that an address is read by whom it is said to be."""
    hours = valid // timedelta(hours=1)
    text = (
        f"The code is {code}. It is valid for {hours} hour(s): send it with POST /api/v1/me/notifications/confirm.\n\n"
        "If you asked for nothing, do nothing: without the code nothing is sent here.\n"
    )
    return Letter("The code to confirm this address", text)


def _section(title: str, found: Sequence[Due], told: Sequence[Due], desk: Desk) -> Iterable[str]:
    if not found:
        return
    yield title
    yield ""
    for one in told:
        yield from _lines(one, desk)
    if left := len(found) - len(told):
        yield f"  and {left} more"
    yield ""


def _lines(one: Due, desk: Desk) -> Iterable[str]:
    duty = "" if one.effect is Effect.DEADLINE else f" ({one.effect.value})"
    yield (
        f"  {_when(one, desk)}: {_words(one.stage)}{duty}, {_words(one.kind)} with {country_name(one.counterpart)}, "
        f"{one_line(one.reference)}"
    )
    if desk.public_url is not None:
        yield f"    {desk.public_url.rstrip('/')}/api/v1/requests/{one.request_id}"


def _when(one: Due, desk: Desk) -> str:
    """When it is due, and how far off by the days of the reader, for whom a day of elsewhere ends at some hour."""
    due = end = one.due_at.astimezone(desk.zone).strftime("%Y-%m-%d %H:%M %Z")
    last = local_day(one.due_at, desk.zone)
    if ends_a_day(one.due_on, one.due_at, zone_of(one, desk.zones)):
        due = one.due_on.isoformat()
        last = min(one.due_on, local_day(one.due_at - _MOMENT, desk.zone))
        if not ends_a_day(one.due_on, one.due_at, desk.zone):
            due += f" (until {end})"
    if one.due_at <= desk.now:
        days = (desk.now - one.due_at) // timedelta(days=1) + 1
        return f"{due}, {_days(days)} {'ago' if one.effect is Effect.EXPIRY else 'overdue'}"
    left = (last - local_day(desk.now, desk.zone)).days
    return f"{due}, {'today' if left <= 0 else f'in {_days(left)}'}"


def zone_of(one: Due, zones: Mapping[str, ZoneInfo]) -> ZoneInfo:
    """The zone in which a clock is counted."""
    return zones[one.zone or one.counted_in]


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _words(word: str) -> str:
    return word.replace("_", " ")
