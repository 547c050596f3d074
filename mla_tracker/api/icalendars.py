"""Due dates as iCalendar (RFC 5545): whole days for limits in days, instants for limits in hours.

A calendar is always whole: what was met or ended is not in it any more, and programs that subscribe take it away.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from mla_tracker.catalogue.countries import country_name
from mla_tracker.commands.letters import zone_of
from mla_tracker.domain.local_time import ONE_DAY
from mla_tracker.domain.telling import ends_a_day, one_line
from mla_tracker.domain.vocabulary import Effect
from mla_tracker.queries.due import Due

MEDIA_TYPE: Final = "text/calendar"
REFRESH: Final = timedelta(hours=1)


def due_calendar(found: Sequence[Due], zones: Mapping[str, ZoneInfo], public_url: str | None) -> bytes:
    """The calendar of some clocks; `zones` by country and by name. The same clocks give the same bytes."""
    calendar = Calendar()
    calendar.add("prodid", "-//mla-tracker//due dates//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "mla-tracker: due dates")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for one in found:
        calendar.add_component(_event(one, zones, public_url))
    return bytes(calendar.to_ical())


def etag_of(content: bytes) -> str:
    """The strong entity tag of a calendar."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _event(one: Due, zones: Mapping[str, ZoneInfo], public_url: str | None) -> Event:
    """One due date. What may have moved it raises SEQUENCE, and is when it was modified last."""
    event = Event()
    event.add("uid", f"{one.clock_id}@mla-tracker")
    event.add("sequence", one.moves)
    event.add("dtstamp", one.changed_at.astimezone(UTC))
    event.add("last-modified", one.changed_at.astimezone(UTC))
    zone, until = zone_of(one, zones), ""
    if ends_a_day(one.due_on, one.due_at, zone):
        event.add("dtstart", one.due_on)
        event.add("dtend", one.due_on + ONE_DAY)
        # The day of whoever reads it ends at another hour.
        until = f" Until the day ends in {zone.key}: {one.due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    else:
        event.add("dtstart", one.due_at.astimezone(UTC))
    stage, kind = (word.replace("_", " ") for word in (one.stage, one.kind))
    duty = "" if one.effect is Effect.DEADLINE else f" ({one.effect.value})"
    event.add(
        "summary", f"{stage}{duty}: {kind} with {country_name(one.counterpart)}, {one_line(one.reference)}"
    )
    event.add("description", f"Request {one.request_id}. Basis: {one.basis.value}.{until}")
    event.add("class", "CONFIDENTIAL")
    event.add("transp", "TRANSPARENT")  # a due date keeps nobody busy
    if public_url is not None:
        event.add("url", f"{public_url.rstrip('/')}/api/v1/requests/{one.request_id}")
    return event
