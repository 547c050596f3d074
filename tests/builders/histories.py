"""Builders for histories as the law sees them: `a_request().sent("2026-03-02").received("2026-03-03").clocks()`.

Every act is a method: the day or the instant, then the data. The law is that of the shipped catalogue; calendars
know weekends only, and the holidays that a test names. Acts get ids like "received-1".
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.catalogue.countries import default_zone
from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.domain.acts import place
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.contradictions import contradictions, judge
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.histories import Case, zone_of
from mla_tracker.domain.life import Life, life_of
from mla_tracker.domain.limits import Limit, Span, Trigger
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.precedence import Law, Limits, RelianceOnAgreement
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Basis,
    Circumstance,
    Effect,
    Obligor,
    RequestKind,
    Side,
    Stage,
    Unit,
    Urgency,
)

SHIPPED = Law(limits=Limits(load_limits()), conventions=load_conventions())
SATURDAY_AND_SUNDAY = ((date.min, frozenset({5, 6})),)
KINDS = {"eaw": RequestKind.EXTRADITION, "ets24": RequestKind.EXTRADITION}


@dataclass(frozen=True)
class HistoryBuilder:
    """A request for evidence from Ecuador to Morocco, under no instrument that sets a number."""

    kind: RequestKind = RequestKind.EVIDENCE
    requesting: str = "EC"
    requested: str = "MA"
    events: tuple[Event, ...] = ()
    forms: tuple[Assistance, ...] = ()
    circumstances: frozenset[Circumstance] = frozenset()
    convention: str | None = None
    urgency: Urgency = Urgency.ROUTINE
    wished_by: date | None = None
    zones: Mapping[Side, str] = field(default_factory=dict)
    holidays: Mapping[str, frozenset[date]] = field(default_factory=dict)
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)
    law: Law = SHIPPED

    def __getattr__(self, name: str) -> Callable[..., Self]:
        """`received("2026-03-03", documents=True)` for every act of the vocabulary; `by` is who says so."""
        if name not in set(Act):
            raise AttributeError(name)
        return lambda when, *, by=None, **data: self.did(name, when, by=by, **data)

    def did(self, act: str, when: str, *, by: str | None = None, **data: Any) -> Self:
        number = max((int(e.id.rpartition("-")[2]) for e in self.events if e.act == act), default=0) + 1
        said_by = by or self._country(place(Act(act)))
        event = Event(
            id=f"{act}-{number}",
            act=Act(act),
            zone=zone_of(Act(act), self._zones(), self._side(said_by)),
            at=datetime.fromisoformat(when).astimezone(UTC) if "T" in when else None,
            on=None if "T" in when else date.fromisoformat(when),
            data=data,
            asserted_by=said_by,
        )
        return replace(self, events=(*self.events, event))

    def __repr__(self) -> str:
        told = [f"{e.id} {(e.on or e.at)} {dict(e.data) or ''}".strip() for e in self.events]
        return f"{self.kind} {self.requesting}-{self.requested} {self.convention} {[*self.forms]}: {'; '.join(told)}"

    def of_kind(self, kind: str) -> Self:
        return replace(self, kind=RequestKind(kind))

    def between(self, requesting: str, requested: str) -> Self:
        assert not self.events, "name the countries before the acts, whose zones are theirs"
        return replace(self, requesting=requesting, requested=requested)

    def under(self, convention: str) -> Self:
        return replace(self, convention=convention)

    def about(self, *forms: str) -> Self:
        return replace(self, forms=tuple(Assistance(form) for form in forms))

    def wished(self, day: str) -> Self:
        return replace(self, wished_by=date.fromisoformat(day))

    def stating(self, *circumstances: str) -> Self:
        return replace(self, circumstances=frozenset(Circumstance(one) for one in circumstances))

    def in_urgency(self, urgency: str) -> Self:
        return replace(self, urgency=Urgency(urgency))

    def in_zones(self, *, requesting: str | None = None, requested: str | None = None) -> Self:
        assert not self.events, "name the zones before the acts"
        named = {Side.REQUESTING: requesting, Side.REQUESTED: requested}
        return replace(self, zones={side: zone for side, zone in named.items() if zone})

    def with_holidays(self, country: str, *days: str) -> Self:
        known = frozenset(date.fromisoformat(day) for day in days)
        return replace(self, holidays={**self.holidays, country: known})

    def counted_by(self, calendars: Mapping[str, WorkingCalendar]) -> Self:
        """Whole calendars by country, instead of weekends and the holidays named."""
        return replace(self, calendars=calendars)

    def with_limits(self, *limits: Limit) -> Self:
        """The shipped law and these limits."""
        return replace(self, law=replace(self.law, limits=Limits((*self.law.limits, *limits))))

    def with_only(self, *limits: Limit) -> Self:
        return replace(self, law=replace(self.law, limits=limits))

    def with_agreement(self, *limits: Limit, governs: bool = True) -> Self:
        agreement = RelianceOnAgreement("a-1", "Convention between the two", governs, limits)
        return replace(self, law=replace(self.law, agreement=agreement))

    def without(self, *ids: str) -> Self:
        """The history after these acts were voided."""
        return replace(self, events=tuple(e for e in self.events if e.id not in ids))

    def shuffled(self, seed: int) -> Self:
        """The same history, recorded in another order."""
        events = list(self.events)
        random.Random(seed).shuffle(events)
        return replace(self, events=tuple(events))

    def case(self) -> Case:
        return Case(
            kind=self.kind,
            requesting_country=self.requesting,
            requested_country=self.requested,
            events=self.events,
            urgency=self.urgency,
            assistance=self.forms,
            circumstances=self.circumstances,
            convention=self.convention,
            wished_by=self.wished_by,
            recorded_on=date(2026, 1, 5),
            zones=self._zones(),
        )

    def judged(self) -> Case:
        """The case, once it is known to be possible. Raises ActNotPossible."""
        case = self.case()
        judge(case)
        return case

    def life(self) -> Life:
        """The life, once that is known to be possible too. Raises ActNotPossible."""
        life = life_of(self.judged())
        for misfit in life.misfits:
            raise misfit.refusal()
        return life

    def read(self) -> tuple[tuple[Clock, ...], tuple[Step, ...]]:
        """All clocks, and what has to be warned of, for who enters all of it now. Raises ActNotPossible."""
        clocks, warnings = self.read_as(self.judged(), self.life())
        for misfit in (misfit for clock in clocks for misfit in clock.misfits):
            raise misfit.refusal()
        return clocks, warnings

    def as_recorded(self) -> tuple[Case, Life, tuple[tuple[Clock, ...], tuple[Step, ...]]]:
        """The history with its life and its clocks as they count once it stands recorded, whatever does not fit."""
        case = self.case()
        life = life_of(case)
        return case, life, self.read_as(case, life)

    def misfits(self) -> list[Misfit]:
        """What does not fit in the history as recorded."""
        case, life, (clocks, _) = self.as_recorded()
        return [
            *contradictions(case),
            *life.misfits,
            *(misfit for clock in clocks for misfit in clock.misfits),
        ]

    def read_as(self, case: Case, life: Life | None = None) -> tuple[tuple[Clock, ...], tuple[Step, ...]]:
        """Clocks and warnings for a case of ours, and its life if that was told before, whatever does not fit."""
        calendars = self.calendars or {
            code: WorkingCalendar(
                code=code,
                weekends=SATURDAY_AND_SUNDAY,
                holidays=dict.fromkeys(self.holidays.get(code, ()), "Holiday"),
            )
            for code in (self.requesting, self.requested)
        }
        return evaluate(case, life or life_of(case), self.law, calendars)

    def clocks(self) -> dict[str, Clock]:
        """The clocks by their key: the id of the limit, or with that of the act that started it."""
        clocks, _ = self.read()
        found = {clock.key: clock for clock in clocks}
        assert len(found) == len(clocks), "two clocks have one key"
        return found

    def clock(self, limit: str) -> Clock:
        """The one clock of the limit."""
        (found,) = [clock for clock in self.clocks().values() if clock.limit.id == limit]
        return found

    def due(self, limit: str) -> str:
        return spoken(self.clock(limit).due_on)

    def warnings(self) -> list[str]:
        """The codes of all warnings on the request."""
        _, warnings = self.read()
        return [step.code for step in (*self.life().warnings, *warnings)]

    def _country(self, side: Side) -> str:
        return self.requesting if side is Side.REQUESTING else self.requested

    def _side(self, country: str) -> Side:
        return Side.REQUESTING if country == self.requesting else Side.REQUESTED

    def _zones(self) -> dict[Side, ZoneInfo]:
        return {
            side: ZoneInfo(self.zones[side]) if side in self.zones else default_zone(self._country(side))
            for side in Side
        }


def a_request() -> HistoryBuilder:
    return HistoryBuilder()


def an_order() -> HistoryBuilder:
    """A European Investigation Order from Finland to Spain, sent on Monday 2 March 2026."""
    return HistoryBuilder(requesting="FI", requested="ES", convention="eio").sent("2026-03-02")


def a_warrant() -> HistoryBuilder:
    """A European arrest warrant from Finland to Spain, sent on Monday 2 March 2026."""
    return HistoryBuilder(RequestKind.EXTRADITION, "FI", "ES", convention="eaw").sent("2026-03-02")


def an_extradition() -> HistoryBuilder:
    """An extradition from Moldova to Spain under the European convention of 1957."""
    return HistoryBuilder(RequestKind.EXTRADITION, "MD", "ES", convention="ets24")


def a_prosecution() -> HistoryBuilder:
    """A request from Ecuador to Morocco to prosecute, sent on Monday 2 March 2026."""
    return HistoryBuilder(RequestKind.PROCEEDINGS).sent("2026-03-02")


def spoken(day: date | None) -> str:
    return f"{day:%a} {day.isoformat()}" if day is not None else "-"


def words(steps: Iterable[Step]) -> str:
    return "\n".join(sentence(step) for step in steps)


def a_limit(id_: str = "test-limit", within: str = "30 days", **changes: Any) -> Limit:
    """A policy of the requested country for deciding, counted in calendar days from receipt."""
    amount, unit = within.split()
    plain = Limit(
        id=id_,
        version=1,
        basis=Basis.POLICY,
        instrument="A policy",
        provision="1",
        stage=Stage.DECIDE,
        effect=Effect.DEADLINE,
        obligor=Obligor.REQUESTED,
        counted_in=Obligor.REQUESTED,
        counting="calendar",
        starts_on=(Trigger(Act.RECEIVED),),
        stops_on=(Trigger(Act.ACCEPTED), Trigger(Act.REFUSED)),
        span=Span(int(amount), Unit(unit)),
        country="MA",
    )
    return replace(plain, **changes)
