"""From rows to the case as the law looks at it: the acts in the zones of the countries where they took place."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import Case, zone_of
from mla_tracker.domain.vocabulary import Act, Assistance, Circumstance, RequestKind, Side, Urgency
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import StoredCase, StoredEvent


def zone_names(data: Iterable[Mapping[str, Any]]) -> set[str]:
    """The zones that the data of acts name: those of executing authorities that have their own."""
    return {str(named["zone"]) for named in data if named.get("zone") is not None}


def zones_of(
    requesting: str, requested: str, events: Iterable[StoredEvent], days: LocalDays
) -> dict[Side, ZoneInfo]:
    """The zones whose days count on either side; the executing authority named in `forwarded` may have its own."""
    forwarded = sorted(
        (event.occurred_on or _utc_day(event), str(event.data["zone"]))
        for event in events
        if event.type == Act.FORWARDED and event.data.get("zone") is not None
    )
    return {
        Side.REQUESTING: days.zones[requesting],
        Side.REQUESTED: days.named[forwarded[-1][1]] if forwarded else days.zones[requested],
    }


def _utc_day(event: StoredEvent) -> date:
    """The UTC day of a timed act, where its zone is what is being looked for."""
    assert event.occurred_at is not None
    return event.occurred_at.astimezone(UTC).date()


def case_of(stored: StoredCase, days: LocalDays) -> Case:
    """The request as the law looks at it; `days` holds its two countries and all zones that its acts name."""
    record = stored.record
    zones = zones_of(record.requesting_country, record.requested_country, stored.events, days)
    return Case(
        kind=RequestKind(record.kind),
        requesting_country=record.requesting_country,
        requested_country=record.requested_country,
        # A link says nothing of this case's life, and not everybody who writes here sees what it leads to.
        events=tuple(
            event_of(event, record.requesting_country, zones)
            for event in stored.events
            if event.type != Act.LINKED
        ),
        urgency=Urgency(record.urgency),
        assistance=tuple(Assistance(form) for form in record.assistance),
        circumstances=frozenset(Circumstance(one) for one in record.circumstances),
        convention=record.convention,
        wished_by=record.wished_by,
        recorded_on=record.created_at.date(),
        zones=zones,
    )


def event_of(event: StoredEvent, requesting: str, zones: Mapping[Side, ZoneInfo]) -> Event:
    """One recorded act as the law looks at it."""
    act = Act(event.type)
    stated_by = Side.REQUESTING if event.asserted_by == requesting else Side.REQUESTED
    return Event(
        id=str(event.id),
        act=act,
        zone=zone_of(act, zones, stated_by),
        at=event.occurred_at,
        on=event.occurred_on,
        data=event.data,
        asserted_by=event.asserted_by,
    )
