"""Limits that an agreement sets itself, between the JSON they are stored as and the law's form."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from mla_tracker.domain.limits import Conditions, ExtensionRule, Limit, PauseRule, Span, Trigger
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Basis,
    Circumstance,
    Effect,
    Obligor,
    RequestKind,
    Stage,
    Tier,
    Unit,
    Urgency,
)

Stored = Mapping[str, Any]


def limit_of(stored: Stored, *, agreement_id: UUID, title: str, limit_id: str) -> Limit:
    """A stored limit as the clocks read it. Its keys are the fields of `Limit`, the span as amount and unit.

    Whoever recorded the agreement vouches for it: nobody of ours has read its wording.
    """
    return Limit(
        id=limit_id,
        version=1,
        basis=Basis.AGREEMENT,
        instrument=title,
        provision=stored.get("provision") or "",
        stage=Stage(stored["stage"]),
        effect=Effect(stored["effect"]),
        obligor=Obligor(stored["obligor"]),
        counted_in=Obligor(stored["counted_in"]),
        counting=stored["counting"],
        starts_on=_triggers(stored["starts_on"]),
        stops_on=_triggers(stored["stops_on"]),
        kinds=frozenset({RequestKind(stored["kind"])}) if stored.get("kind") else frozenset(),
        tier=Tier(stored["tier"]) if stored.get("tier") else None,
        span=_span(stored),
        starts_each=stored.get("starts_each", False),
        implied_by=_acts(stored.get("implied_by")),
        restarts_on=_triggers(stored.get("restarts_on")),
        cancelled_by=_acts(stored.get("cancelled_by")),
        survives_end=stored.get("survives_end", False),
        conditions=_conditions(stored.get("conditions") or {}),
        pauses=tuple(PauseRule(_acts(p["begins"]), _acts(p["ends"])) for p in stored.get("pauses") or ()),
        extension=_extension(stored.get("extension")),
        warning_lead=_span(stored.get("warning_lead")),
        escalation_days=tuple(stored.get("escalation_days") or ()),
        agreement_id=str(agreement_id),
        consequence=stored.get("consequence"),
        link=stored.get("link"),
        valid_from=_day(stored.get("valid_from")),
        valid_to=_day(stored.get("valid_to")),
    )


def _span(stored: Stored | None) -> Span | None:
    return Span(stored["amount"], Unit(stored["unit"])) if stored else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _acts(names: Sequence[str] | None) -> tuple[Act, ...]:
    return tuple(Act(name) for name in names or ())


def _triggers(stored: Sequence[str | Stored] | None) -> tuple[Trigger, ...]:
    """A bare name is an act whatever its data."""
    return tuple(
        Trigger(Act(one))
        if isinstance(one, str)
        else Trigger(Act(one["act"]), one["where"] or {}, one["date_field"])
        for one in stored or ()
    )


def _extension(stored: Stored | None) -> ExtensionRule | None:
    if stored is None:
        return None
    return ExtensionRule(
        each=_span(stored.get("each")),
        times=stored.get("times"),
        total=_span(stored.get("total")),
        reason_required=stored.get("reason_required", True),
        estimate_required=stored.get("estimate_required", False),
        after_expiry=stored.get("after_expiry", False),
    )


def _conditions(stored: Stored) -> Conditions:
    return Conditions(
        urgency=frozenset(Urgency(value) for value in stored.get("urgency", ())),
        assistance=frozenset(Assistance(value) for value in stored.get("assistance", ())),
        circumstances=frozenset(Circumstance(value) for value in stored.get("circumstances", ())),
        consent=stored.get("consent"),
    )
