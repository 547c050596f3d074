"""Limits that an agreement sets itself: completed with what goes without saying, refused where they contradict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from mla_tracker.catalogue.limit_files import COUNTS, load_limits
from mla_tracker.domain.acts import OF_KIND
from mla_tracker.domain.limits import Limit
from mla_tracker.domain.vocabulary import Act, Basis, Effect, Obligor, RequestKind, Stage, Tier, Unit
from mla_tracker.storage.agreement_limits import limit_of

Fault = tuple[str, str]

# Custody, preservation and collection run where the person or the data is, whoever must act.
COUNTED_WHERE_HELD = frozenset({Stage.COLLECT, Stage.PRESERVE, Stage.FORMAL_REQUEST_RECEIVED})


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
    for index, stored in enumerate(limits):
        limit = limit_of(stored, agreement_id=UUID(int=0), title="agreement", limit_id="new")
        for field, sentence in _faults(limit):
            yield f"/limits/{index}/{field}", sentence


def _faults(limit: Limit) -> Iterator[Fault]:
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
    for field, acts in _acts(limit):
        for act in acts:
            if limit.kinds and not any(act in OF_KIND[kind] for kind in limit.kinds):
                kinds = ", ".join(sorted(limit.kinds))
                yield (
                    field,
                    f"The act {act} does not occur in {kinds} requests. Take it out or change the kind.",
                )


def _acts(limit: Limit) -> Iterator[tuple[str, Iterable[Act]]]:
    yield "starts_on", (trigger.act for trigger in limit.starts_on)
    yield "stops_on", (trigger.act for trigger in limit.stops_on)
    yield "restarts_on", (trigger.act for trigger in limit.restarts_on)
    yield "implied_by", limit.implied_by
    yield "cancelled_by", limit.cancelled_by
    yield "pauses", (act for pause in limit.pauses for act in (*pause.begins, *pause.ends))
