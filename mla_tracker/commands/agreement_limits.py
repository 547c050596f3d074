"""Limits that an agreement or a country sets: completed with what goes without saying, checked for contradictions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mla_tracker.catalogue.limit_files import COUNTS, WORKING_TIME, load_limits
from mla_tracker.domain.acts import OF_KIND, REQUIRED
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import RULES, Period, deadline
from mla_tracker.domain.counting_days import LONGEST_YEARS
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.limits import ExtensionRule, Limit, Span
from mla_tracker.domain.vocabulary import Act, Basis, Effect, Obligor, RequestKind, Stage, Tier, Unit
from mla_tracker.storage.agreement_limits import limit_of

Fault = tuple[str, str]

# Custody, preservation and collection run where the person or the data is, whoever must act.
COUNTED_WHERE_HELD = frozenset({Stage.COLLECT, Stage.PRESERVE, Stage.FORMAL_REQUEST_RECEIVED})

# Dates that an act cannot be recorded without: only they can be counted from.
DATES: Mapping[Act, Sequence[str]] = {
    act: names for act, fields in REQUIRED.items() if (names := [name for name in fields if name == "date"])
}

# The fewest and the most minutes in each unit; a working day is compared with working days only.
MINUTES: Mapping[Unit, tuple[float, float]] = {
    Unit.MINUTES: (1, 1),
    Unit.HOURS: (60, 60),
    Unit.DAYS: (1440, 1440),
    Unit.WEEKS: (10_080, 10_080),
    Unit.MONTHS: (28 * 1440, 31 * 1440),
    Unit.YEARS: (365 * 1440, 366 * 1440),
    Unit.WORKING_SECONDS: (1 / 60, 1 / 60),
    Unit.WORKING_MINUTES: (1, 1),
    Unit.WORKING_HOURS: (60, 60),
    Unit.WORKING_DAYS: (1, 1),
}
A_START = date(2026, 1, 1)
"""Any day will do to find out whether a length can be counted at all."""


# What a stored limit says of everything that was left out and goes without saying.
PLAIN: Mapping[str, Any] = {
    "kind": None,
    "provision": None,
    "tier": Tier.SHALL.value,
    "effect": Effect.DEADLINE.value,
    "obligor": Obligor.REQUESTED.value,
    "starts_each": False,
    "restarts_on": [],
    "cancelled_by": [],
    "survives_end": False,
    "conditions": {},
    "pauses": [],
    "extension": None,
    "warning_lead": None,
    "escalation_days": [],
    "consequence": None,
    "link": None,
    "valid_from": None,
    "valid_to": None,
}


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The limit as it is stored: what was left out is said, so that no later version of ours can change it.

    Left out mean: a duty (`shall`) of the requested country with a deadline; counted by instants for hours,
    by working days for working time, by the calendar for the rest; shown to be passed by the same acts as in
    our default policy.
    """
    said = {**PLAIN, **{name: value for name, value in given.items() if value is not None}}
    stage = Stage(said["stage"])
    where_held = (
        stage in COUNTED_WHERE_HELD or said["effect"] == Effect.EXPIRY or said["obligor"] == Obligor.PROVIDER
    )
    kind = RequestKind(said["kind"]) if said["kind"] else None
    return {
        "counted_in": Obligor.REQUESTED.value if where_held else said["obligor"],
        "counting": _usual_counting(Unit(said["unit"])),
        "implied_by": list(_implied_by(kind, stage)),
        **said,
    }


def _usual_counting(unit: Unit) -> str:
    if unit in (Unit.MINUTES, Unit.HOURS):
        return "instants"
    return "working-days" if unit.value.startswith("working_") else "calendar"


@cache
def _implied_by(kind: RequestKind | None, stage: Stage) -> tuple[str, ...]:
    """The acts that show, by our default policy, that a stage was passed though its own act was not recorded."""
    acts = {
        act.value: None
        for limit in load_limits()
        if limit.basis is Basis.POLICY and limit.country is None and limit.stage is stage
        if kind is None or not limit.kinds or kind in limit.kinds
        for act in limit.implied_by
        if kind is None or act in OF_KIND[kind]
    }
    return tuple(acts)


def faults_of(limits: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """What cannot be meant in completed limits, by JSON pointer into the entry."""
    read = [limit_of(one, agreement_id=UUID(int=0), title="agreement", limit_id="new") for one in limits]
    for index, limit in enumerate(read):
        for field, sentence in contradictions(limit):
            yield f"/limits/{index}/{field}", sentence
        for earlier, other in enumerate(read[:index]):
            if _same_duty(limit, other) and _same_days(limit, other):
                yield (
                    f"/limits/{index}",
                    f"Says by when the same must be done as limit {earlier + 1} of the list, from the same act and in "
                    "the same cases. Keep one of the two, or part them by kind, conditions or days.",
                )


def _same_duty(one: Limit, other: Limit) -> bool:
    """Whether two limits differ at most in how long they are and in what follows."""
    names = (
        "kinds", "stage", "effect", "tier", "obligor", "counted_in", "starts_on", "stops_on", "conditions",
    )  # fmt: skip
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _same_days(one: Limit, other: Limit) -> bool:
    """Whether there is a day on which both are valid; without a date they are so always."""
    first = max(one.valid_from or date.min, other.valid_from or date.min)
    return first < min(one.valid_to or date.max, other.valid_to or date.max)


def contradictions(limit: Limit) -> Iterator[Fault]:
    """What cannot be meant in one limit, by field ("extension/total")."""
    countable = COUNTS.get(limit.counting)
    if countable is None:
        yield "counting", f"Not a counting rule. Give one of {', '.join(COUNTS)}."
    extension = limit.extension
    spans = (
        ("unit", limit.span),
        ("extension/each", extension.each if extension else None),
        ("extension/total", extension.total if extension else None),
    )
    for field, span in spans:
        if span is not None and countable is not None and span.unit not in countable:
            units = ", ".join(sorted(countable))
            yield field, f"The counting rule {limit.counting} counts no {span.unit}. Give one of {units}."
    if limit.valid_from and limit.valid_to and limit.valid_to <= limit.valid_from:
        yield "valid_to", "Must lie after valid_from: it is the first day without the limit."
    yield from _faults_of_acts(limit)
    yield from _faults_of_lengths(limit)


def _faults_of_acts(limit: Limit) -> Iterator[Fault]:
    for field, acts in _acts(limit):
        for act in acts:
            if limit.kinds and not any(act in OF_KIND[kind] for kind in limit.kinds):
                kinds = ", ".join(sorted(limit.kinds))
                yield (
                    field,
                    f"The act {act} does not occur in {kinds} requests. Take it out or change the kind.",
                )
    starts, stops = ([trigger.act for trigger in some] for some in (limit.starts_on, limit.stops_on))
    kinds_of_both = [
        kind
        for kind in limit.kinds or RequestKind
        if OF_KIND[kind].intersection(starts) and OF_KIND[kind].intersection(stops)
    ]
    if not limit.kinds and not kinds_of_both:
        yield (
            "stops_on",
            "No kind of request has both an act that starts and one that stops. Change one of the two.",
        )
    for trigger in limit.stops_on:
        if trigger in limit.starts_on:
            yield (
                "stops_on",
                f"The act {trigger.act} would start the clock and stop it. Name it in one of the two.",
            )
    for field, triggers in (("starts_on", limit.starts_on), ("restarts_on", limit.restarts_on)):
        for trigger in triggers:
            if trigger.date_field is not None and trigger.date_field not in DATES.get(trigger.act, ()):
                known = "; ".join(f"{act}: {', '.join(names)}" for act, names in DATES.items())
                yield (
                    field,
                    f"The act {trigger.act} need not have a date {trigger.date_field} to count from. "
                    f"Such dates are {known}.",
                )


def _faults_of_lengths(limit: Limit) -> Iterator[Fault]:
    extension = limit.extension or ExtensionRule()
    if extension.times is not None and extension.total is not None and extension.each is None:
        yield "extension/each", "Say how long each extension is at most where you say how often."
    if _certainly_longer(extension.each, extension.total):
        yield "extension/total", "Shorter than a single extension. Give at least as much as `each`."
    if _certainly_longer(limit.warning_lead, limit.span):
        yield "warning_lead", "Longer than the limit itself. Warn within the time that runs."
    for field, span in (
        ("amount", limit.span),
        ("extension/each", extension.each),
        ("extension/total", extension.total),
    ):
        if span is not None and limit.counting in COUNTS and span.unit in COUNTS[limit.counting]:
            try:
                deadline(
                    A_START,
                    Period(span.amount, span.unit),
                    rule=RULES[limit.counting],
                    calendar=WorkingCalendar("trial"),
                    zone=ZoneInfo("UTC"),
                )
            except InvalidEntry:
                yield field, f"Comes to no end within {LONGEST_YEARS} years. Give less."


def _certainly_longer(one: Span | None, other: Span | None) -> bool:
    """Whether one length exceeds another whatever the months and weekends it falls on; False where unknown."""
    if one is None or other is None or (one.unit in WORKING_TIME) != (other.unit in WORKING_TIME):
        return False
    if Unit.WORKING_DAYS in (one.unit, other.unit) and one.unit is not other.unit:
        return False
    return abs(one.amount) * MINUTES[one.unit][0] > abs(other.amount) * MINUTES[other.unit][1]


def _acts(limit: Limit) -> Iterator[tuple[str, Iterable[Act]]]:
    yield "starts_on", (trigger.act for trigger in limit.starts_on)
    yield "stops_on", (trigger.act for trigger in limit.stops_on)
    yield "restarts_on", (trigger.act for trigger in limit.restarts_on)
    yield "implied_by", limit.implied_by
    yield "cancelled_by", limit.cancelled_by
    yield "pauses", (act for pause in limit.pauses for act in (*pause.begins, *pause.ends))
