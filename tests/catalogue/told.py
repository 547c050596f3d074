"""A short history told as a list of acts, and the clocks that the shipped limits run on it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.catalogue.neighbours import contiguous, regions_of
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import life_of
from mla_tracker.domain.precedence import Law
from mla_tracker.domain.vocabulary import Act, RequestKind, Side

LAW = Law(limits=load_limits(), conventions=load_conventions())
WEEKENDS = ((date.min, frozenset({5, 6})),)
KINDS = {"eio": RequestKind.EVIDENCE, "eaw": RequestKind.EXTRADITION, "ets24": RequestKind.EXTRADITION}
COUNTRIES: Mapping[str | None, tuple[str, str]] = {
    "eio": ("FR", "ES"),
    "eaw": ("FR", "ES"),
    "ets24": ("UA", "ES"),
    "un1988": ("EC", "MA"),
    None: ("EC", "MA"),
}

Told = tuple[str, str] | tuple[str, str, Mapping[str, Any]]


def clocks_of(
    convention: str | None,
    *acts: Told,
    kind: RequestKind | None = None,
    countries: tuple[str, str] | None = None,
    **more: Any,
) -> dict[str, Clock]:
    """The clocks of a history told as (act, day or instant, data), all in Madrid's time."""
    return law_at_work(convention, *acts, kind=kind, countries=countries, **more)[0]


def law_at_work(
    convention: str | None,
    *acts: Told,
    kind: RequestKind | None = None,
    countries: tuple[str, str] | None = None,
    **more: Any,
) -> tuple[dict[str, Clock], tuple[Step, ...]]:
    """The clocks by the id of their limit, and the warnings."""
    requesting, requested = countries or COUNTRIES[convention]
    zone = ZoneInfo("Europe/Madrid")
    events = [
        Event(
            id=str(number),
            act=Act(told[0]),
            zone=zone,
            on=date.fromisoformat(told[1]) if len(told[1]) == 10 else None,
            at=datetime.fromisoformat(told[1]).astimezone(UTC) if len(told[1]) > 10 else None,
            data=told[2] if len(told) == 3 else {},
            asserted_by=requested,
        )
        for number, told in enumerate(acts, start=1)
    ]
    case = Case(
        kind=kind or KINDS[convention or "eio"],
        requesting_country=requesting,
        requested_country=requested,
        events=tuple(events),
        convention=convention,
        zones={Side.REQUESTING: zone, Side.REQUESTED: zone},
        **more,
    )
    calendars = {
        code: WorkingCalendar(code=code, weekends=WEEKENDS, holidays={date(2026, 1, 1): "New Year"})
        for code in (requesting, requested)
    }
    law = replace(LAW, contiguous=contiguous(requesting, requested), requester_regions=regions_of(requesting))
    clocks, warnings = evaluate(case, life_of(case), law, calendars)
    assert not [misfit.detail for clock in clocks for misfit in clock.misfits]
    return {clock.limit.id: clock for clock in clocks}, warnings
