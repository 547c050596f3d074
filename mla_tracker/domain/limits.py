"""Limits: what the law, an agreement or a policy demands by when, as data that the clocks read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Span:
    """An amount of a unit, as a limit or an extension states it; negative counts backwards."""

    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Trigger:
    """An act that starts, stops or restarts a clock.

    `where` holds values that the act's data must have ("documents": true). `date_field` names a date in
    the act's data which counts instead of the day of the act ("its date": an appointed surrender date).
    `after`: only an act that such another one came before ("arrested after the final decree").
    """

    act: Act
    where: Mapping[str, Any] = field(default_factory=dict)
    date_field: str | None = None
    after: Act | None = None


@dataclass(frozen=True, slots=True)
class PauseRule:
    """Acts between which a limit does not run."""

    begins: tuple[Act, ...]
    ends: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class ExtensionRule:
    """What prolongs a limit: `each` at most, `times` at most, `total` at most; None where nothing is said."""

    each: Span | None = None
    times: int | None = None
    total: Span | None = None
    reason_required: bool = True
    estimate_required: bool = False
    after_expiry: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a limit applies at all; empty or None means whatever.

    `consent`: True where the person must have consented irrevocably and not withdrawn it, False where not.
    `circumstances` must all be stated on the request, `acts` all be in its history; of `without_circumstances`
    none may be stated.
    """

    urgency: frozenset[Urgency] = frozenset()
    assistance: frozenset[Assistance] = frozenset()
    consent: bool | None = None
    contiguous: bool | None = None
    requester_region: str | None = None
    requested_countries: frozenset[str] = frozenset()
    requesting_countries: frozenset[str] = frozenset()
    circumstances: frozenset[Circumstance] = frozenset()
    without_circumstances: frozenset[Circumstance] = frozenset()
    acts: frozenset[Act] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure:
    """The figure that a country declared for a limit, or set by order, in place of that of the provision.

    `requesting`: the countries whose requests it is for; empty: all.
    """

    requested: str
    span: Span
    requesting: frozenset[str] = frozenset()
    evidence: str = "M"
    seen_at: str = ""

    def fits(self, requesting: str, requested: str) -> bool:
        return requested == self.requested and (not self.requesting or requesting in self.requesting)


@dataclass(frozen=True, slots=True)
class Limit:
    """A rule with a number: within `span` of a start act, a stop act must follow.

    `convention` names the instrument of the catalogue, `agreement_id` a recorded agreement, `country` the
    country whose policy it is; all three empty: our own default policy. `span` is None where the source
    gives no number (such a limit runs no clock and displaces nothing) or where `request_date` names a date
    on the request that counts instead. `starts_on` lists alternatives, the first found in the history
    counts; `starts_each`: every such act starts a clock of its own. `implied_by`: acts which show that the
    stage was passed although its own act was not recorded. `valid_from` inclusive, `valid_to` exclusive.
    `figures` are those that countries declared instead of `span`; `declared_only`: without one of them the
    limit does not apply, and `span` is but the longest that may be declared.
    """

    id: str
    version: int
    basis: Basis
    instrument: str
    provision: str
    stage: Stage
    effect: Effect
    obligor: Obligor
    counted_in: Obligor
    counting: str
    starts_on: tuple[Trigger, ...]
    stops_on: tuple[Trigger, ...]
    kinds: frozenset[RequestKind] = frozenset()
    tier: Tier | None = None
    span: Span | None = None
    request_date: str | None = None
    starts_each: bool = False
    implied_by: tuple[Act, ...] = ()
    restarts_on: tuple[Trigger, ...] = ()
    cancelled_by: tuple[Act, ...] = ()
    survives_end: bool = False
    conditions: Conditions = field(default_factory=Conditions)
    pauses: tuple[PauseRule, ...] = ()
    extension: ExtensionRule | None = None
    warning_lead: Span | None = None
    escalation_days: tuple[int, ...] = ()
    figures: tuple[Figure, ...] = ()
    declared_only: bool = False
    in_addition: bool = False
    convention: str | None = None
    agreement_id: str | None = None
    country: str | None = None
    verified: bool = False
    evidence: str = "M"
    link: str | None = None
    consequence: str | None = None
    wording: Mapping[str, str] = field(default_factory=dict)
    published_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def in_force_on(self, day: date) -> bool:
        """Whether this version is valid on the day; `valid_to` is the first day it no longer is."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )

    def sets_a_number(self) -> bool:
        """Whether the source says by when; one that does not displaces nothing."""
        return self.span is not None or self.request_date is not None

    @property
    def source(self) -> str:
        """Instrument and provision as a lawyer cites them."""
        return f"{self.instrument}, {self.provision}" if self.provision else self.instrument


@dataclass(frozen=True, slots=True)
class Membership:
    """A country bound by a convention: `since` inclusive, `until` exclusive (first day it is no longer bound)."""

    country: str
    since: date
    until: date | None = None
    verified: bool = False

    def binds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class Convention:
    """An instrument of the catalogue with its parties, all of them only where `parties_known`.

    Between countries that both bind it takes the place of those that it `replaces`, and is read together with
    those that it `supplements`. `only_with`: one of the two must be among these (an agreement of the Union
    with one country says nothing between two of its members); empty where any two will do.
    """

    id: str
    title: str
    kinds: frozenset[RequestKind]
    parties: tuple[Membership, ...] = ()
    parties_known: bool = True
    replaces: tuple[str, ...] = ()
    supplements: tuple[str, ...] = ()
    only_with: frozenset[str] = frozenset()
    as_of: date | None = None
    source: str = ""

    def binds(self, country: str, day: date) -> bool:
        """Whether the country is bound on the day, as far as our list knows."""
        return any(party.country == country and party.binds_on(day) for party in self.parties)
