"""Legal clocks: limits applied to one request, from its history and the calendars of the countries counted in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.clock_steps import closing_steps, opening_steps
from mla_tracker.domain.counting import RULES, Deadline, Period, deadline
from mla_tracker.domain.events import Event
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.extensions import (
    Extension,
    Plan,
    asked_span,
    assign_extensions,
    one_too_many,
    too_long,
)
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import Life
from mla_tracker.domain.limits import Limit, Span
from mla_tracker.domain.local_time import day_begins_at, local_day
from mla_tracker.domain.misfits import Misfit
from mla_tracker.domain.precedence import Law, chosen_limits, country_of, side_of
from mla_tracker.domain.runs import Run, find_runs, restarting
from mla_tracker.domain.standing import standstills
from mla_tracker.domain.standstills import days_of
from mla_tracker.domain.vocabulary import ClockState, Effect, FlagKind, Roll, Unit

INSTANT_UNITS = frozenset(
    {Unit.MINUTES, Unit.HOURS, Unit.WORKING_SECONDS, Unit.WORKING_MINUTES, Unit.WORKING_HOURS}
)

PauseSpell = tuple[datetime, datetime | None]
# A local day, or an instant where the limit counts hours.
Moment = date | datetime
Spell = tuple[Moment, Moment | None]


@dataclass(frozen=True, slots=True)
class Check:
    """An instant at which something becomes true of an open clock, and the flag that it calls for."""

    kind: FlagKind
    level: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """One limit at work on one request. `due_at` is exclusive for periods of days or longer, inclusive for hours.

    A paused clock's due date leaves out the standstill that is still open. `base_due_on`: without extensions.
    `misfits`: extensions beyond what the source allows, which count as far as it does; `warnings` tell of them.
    """

    key: str
    limit: Limit
    state: ClockState
    counted_in_country: str
    start: Event | None = None
    started_on: date | None = None
    started_at: datetime | None = None
    base_due_on: date | None = None
    due_on: date | None = None
    due_at: datetime | None = None
    pauses: tuple[PauseSpell, ...] = ()
    extensions: tuple[Extension, ...] = ()
    met_extended: bool = False
    stop: Event | None = None
    stopped_on: date | None = None
    stopped_at: datetime | None = None
    imprecise: bool = False
    steps: tuple[Step, ...] = ()
    warnings: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    misfits: tuple[Misfit, ...] = ()

    @property
    def paused_since(self) -> datetime | None:
        """The instant since which the clock stands still, if it does."""
        return self.pauses[-1][0] if self.state is ClockState.PAUSED else None

    @property
    def ended_in_time(self) -> bool:
        """Whether it stopped, kept or not, no later than it was due."""
        if self.limit.span is not None and self.limit.span.unit in INSTANT_UNITS:
            return self.stopped_at is not None and self.due_at is not None and self.stopped_at <= self.due_at
        return self.stopped_on is not None and self.due_on is not None and self.stopped_on <= self.due_on


def state_at(state: ClockState, effect: Effect, due_at: datetime | None, now: datetime) -> ClockState:
    """How a stored state reads at `now`: a running clock past its due instant is overdue, or expired."""
    if state is not ClockState.RUNNING or due_at is None or now < due_at or effect is Effect.NOT_BEFORE:
        return state
    return ClockState.EXPIRED if effect is Effect.EXPIRY else ClockState.OVERDUE


def evaluate(
    case: Case, life: Life, law: Law, calendars: Mapping[str, WorkingCalendar]
) -> tuple[tuple[Clock, ...], tuple[Step, ...]]:
    """Every clock of a case, with warnings about sources and extensions; the same whatever the order of recording.

    `calendars` holds the working calendar of both countries.
    """
    chosen, warnings = chosen_limits(case, law)
    runs = find_runs(case, life, chosen)
    extensions, unmatched = assign_extensions(case, runs)
    clocks = [
        _Counting(
            case,
            run,
            days_of(run.limit, calendars[country_of(run.limit.counted_in, case)]),
            case.zones[side_of(run.limit.counted_in)],
            by_instants=run.limit.span is not None and run.limit.span.unit in INSTANT_UNITS,
        ).clock(extensions.get(run.key, []))
        for run in runs
    ]
    return tuple(clocks), (*warnings, *unmatched)


@dataclass(frozen=True, slots=True)
class _Counting:
    """The counting of one run in the calendar and the zone of the country that it is counted in."""

    case: Case
    run: Run
    calendar: WorkingCalendar
    zone: ZoneInfo
    by_instants: bool

    def clock(self, extending: Sequence[Event]) -> Clock:
        """The clock of this run, prolonged by the given acts."""
        run, limit = self.run, self.run.limit
        country = country_of(limit.counted_in, self.case)
        if run.start is None or run.anchor is None:
            state = ClockState.PENDING if run.cancelled_by is None else ClockState.CANCELLED
            return Clock(run.key, limit, state, country, steps=tuple(opening_steps(run, country, None)))
        start, restarted = self._restart(self._local(run.anchor))
        spells = self._spells(start)
        base = self._count(start, spells, [])
        counted, extensions, notes, misfits = self._extended(start, spells, base, extending)
        state = self._state(counted, spells)
        ended_on = self._day(run.end) if run.end is not None else None
        clock = Clock(
            key=run.key,
            limit=limit,
            state=state,
            counted_in_country=country,
            start=run.start,
            started_on=self._local_day(start),
            started_at=self._instant(start),
            base_due_on=base.due_on,
            due_on=counted.due_on,
            due_at=counted.due_at,
            pauses=tuple((self._instant(a), None if b is None else self._instant(b)) for a, b in spells),
            extensions=tuple(extensions),
            met_extended=state is ClockState.MET and bool(extensions) and self._too_late(run.stop, base),
            stop=run.end,
            stopped_on=ended_on,
            stopped_at=None if run.end is None or ended_on is None else run.end.at or self._instant(ended_on),
            imprecise=counted.imprecise
            or (self.by_instants and run.stop is not None and run.stop.at is None),
            steps=(
                *opening_steps(run, country, self._day(run.start)),
                *restarted,
                *counted.steps,
                *closing_steps(run, state, counted.due_on, ended_on),
            ),
            warnings=(*counted.warnings, *notes),
            misfits=tuple(misfits),
        )
        return replace(clock, checks=self._checks(clock)) if state is ClockState.RUNNING else clock

    # --- counting -------------------------------------------------------------------------------------------

    def _count(self, start: Moment, spells: Sequence[Spell], plus: Sequence[Span]) -> Deadline:
        limit = self.run.limit
        rule = RULES[limit.counting]
        if limit.span is None:
            fixed = self.case.wished_by or self._local_day(start)
            rule = replace(rule, roll=Roll.NONE, min_working_days=0, shift_start=False, count_start_day=False)
            days = self.calendar.without_recess()
            return deadline(fixed, Period(0, Unit.DAYS), rule=rule, calendar=days, zone=self.zone)
        return deadline(
            start,
            Period(limit.span.amount, limit.span.unit),
            rule=rule,
            calendar=self.calendar,
            zone=self.zone,
            pauses=[(begin, end) for begin, end in spells if end is not None],
            plus=[Period(span.amount, span.unit) for span in plus],
        )

    def _until(self, event: Event, until: date, spells: Sequence[Spell], plus: Sequence[Span]) -> Deadline:
        """A date set by an extension, and what is added to it: pauses after that act move both, a recess the latter."""
        since = self._day(event)
        later = [(self._local_day(a), self._local_day(b)) for a, b in spells if b is not None]
        return deadline(
            since,
            Period((until - since).days, Unit.DAYS),
            rule=replace(RULES["calendar"], source=self.run.limit.source),
            calendar=self.calendar.with_recess_after(until),
            zone=self.zone,
            pauses=[(a, b) for a, b in later if since < a < b],
            plus=[Period(span.amount, span.unit) for span in plus],
        )

    def _extended(
        self, start: Moment, spells: Sequence[Spell], base: Deadline, extending: Sequence[Event]
    ) -> tuple[Deadline, list[Extension], list[Step], list[Misfit]]:
        """The deadline with every extension that counts, in legal order; those that came too late only warn.

        Each is added to where the one before it led, be that a date or a number of days more. One that goes beyond
        what the source allows counts as far as that does, and never further: past it there is no ground to hold on.
        """
        limit, rule = self.run.limit, self.run.limit.extension
        done: list[Extension] = []
        told: list[Step] = []
        notes: list[Step] = []
        misfits: list[Misfit] = []
        plan = Plan()

        def count(plan: Plan, spells: Sequence[Spell] = spells) -> Deadline:
            if plan.fixed is None:
                return self._count(start, spells, plan.spans)
            return self._until(*plan.fixed, spells, plan.spans)

        counted = base
        for event in extending:
            assert rule is not None
            before = counted.due_on
            if not rule.after_expiry and self._too_late(event, count(plan, self._as_of(event, spells))):
                notes.append(Step("extension-after-expiry", {"day": event.day, "due": before}, limit.source))
                continue
            until, span = event.data.get("until"), asked_span(event, rule)
            unsaid = rule.estimate_required and not {"days", "estimated_on"} & event.data.keys()
            if until is None and (span is None or unsaid):
                notes.append(Step("extension-without-date", {"day": event.day}, limit.source))
                continue
            day = date.fromisoformat(str(until)) if until is not None else None
            if day is not None and day <= before:
                notes.append(Step("extension-without-effect", {"until": day, "due": before}, limit.source))
                continue
            if (misfit := one_too_many(rule, self.run, event, done)) is not None:
                misfits.append(misfit)
                continue
            wanted = plan
            if day is not None:
                wanted = Plan((event, day))
            elif span is not None:
                wanted = plan.plus(span)
            allowed = [(cap, count(cap)) for cap in plan.caps(rule)]
            prolonged = count(wanted)
            reached = day or prolonged.due_on
            beyond = [one for one in allowed if reached > one[1].due_on]
            if beyond:
                wanted, prolonged = min(beyond, key=lambda one: one[1].due_at)
                latest = prolonged.due_on
                misfits.append(
                    too_long(
                        self.run, event, reached, latest=latest, counted=max(latest, before),
                        country=country_of(limit.counted_in, self.case),
                        done=done if any(cap.whole for cap, _ in beyond) else (),
                    )
                )  # fmt: skip
                if latest <= before:
                    continue
            plan, counted = wanted, prolonged
            step = {"on": event.day, "from": before, "to": counted.due_on}
            told.append(Step("extended", step, limit.source))
            done.append(Extension(event, before, counted.due_on))
        if done:
            counted = replace(counted, steps=(*base.steps[:-1], *told, *counted.steps[-1:]))
        return counted, done, [*notes, *(misfit.warning for misfit in misfits)], misfits

    def _restart(self, start: Moment) -> tuple[Moment, list[Step]]:
        """The last newly agreed date, from which the same period runs again.

        The first date agreed within the period is the ordinary one and restarts nothing; a date past the end
        of the period, a second one, or one agreed after a postponement is new (FD 2002/584/JHA Art. 23(3)-(4)).
        """
        run, steps, agreed = self.run, [], 0
        assert run.start is not None
        restarts = restarting(self.case, run, run.end)
        if not restarts:
            return start, []
        order, limit = self.case.order, run.limit
        postponing = self.case.all_of(*(act for rule in limit.pauses for act in rule.begins))
        resuming = self.case.all_of(*(act for rule in limit.pauses for act in rule.ends))
        ended = [e for e in resuming if order(e) < order(run.start)]
        # Those after the start, and one from before it that had not ended by then.
        postponed = [
            order(e)
            for e in postponing
            if order(e) > order(run.start) or not any(order(r) > order(e) for r in ended)
        ]
        for event, trigger in restarts:
            if trigger.date_field is None:
                start = event.earliest if self.by_instants else self._day(event)
                steps.append(Step("restarted-by", {"act": event.act, "from": start}, limit.source))
                continue
            agreed += 1
            day = date.fromisoformat(str(event.data[trigger.date_field]))
            again = agreed > 1 or run.start.act is event.act or any(o < order(event) for o in postponed)
            if again or day > self._count(start, [], []).due_on:
                start = day
                steps.append(Step("restarted", {"agreed": event.day, "from": day}, limit.source))
        return start, steps

    def _spells(self, start: Moment) -> list[Spell]:
        """The spells after `start` in which the limit does not run, half-open and apart; the last may be open."""
        if self.run.backwards:
            return []
        begins = self._instant(start) if self.by_instants else start
        spells: list[Spell] = []
        for since, until in sorted(
            standstills(self.case, self.run.limit.pauses, self.run.items, self.run.end),
            key=lambda spell: self.case.order(spell[0]),
        ):
            begin = max(self._moment(since), begins)
            end = None if until is None else self._moment(until)
            if end is not None and end <= begin:
                continue
            if spells and (spells[-1][1] is None or begin <= spells[-1][1]):
                begin, before = spells.pop()
                end = None if before is None or end is None else max(before, end)
            spells.append((begin, end))
        return spells

    def _as_of(self, event: Event, spells: Sequence[Spell]) -> list[Spell]:
        """The spells with one that is still open ended at the event, as if it had resumed then."""
        moment = self._moment(event)
        ended = [(begin, moment if end is None else end) for begin, end in spells]
        return [(begin, end) for begin, end in ended if begin < end]

    # --- in time ---------------------------------------------------------------------------------------------

    def _state(self, counted: Deadline, spells: Sequence[Spell]) -> ClockState:
        run = self.run
        if run.stop is not None:
            late = run.limit.effect is not Effect.NOT_BEFORE and self._too_late(run.stop, counted)
            return ClockState.MET_LATE if late else ClockState.MET
        if run.cancelled_by is not None:
            return ClockState.CANCELLED
        still = [begin for begin, end in spells if end is None and not self._past(begin, counted)]
        return ClockState.PAUSED if still else ClockState.RUNNING

    def _too_late(self, event: Event | None, counted: Deadline) -> bool:
        return event is not None and self._past(self._moment(event), counted)

    def _past(self, moment: Moment, counted: Deadline) -> bool:
        """Whether a local day lies after the last day, or an instant after the last instant."""
        if isinstance(moment, datetime):
            return moment > counted.due_at
        return moment > counted.due_on

    def _checks(self, clock: Clock) -> tuple[Check, ...]:
        limit = self.run.limit
        assert clock.due_at is not None
        assert clock.start is not None
        if limit.effect is Effect.NOT_BEFORE:
            return ()
        checks: list[Check] = []
        if limit.warning_lead is not None:
            warned_at = self._ahead(clock.due_at, limit.warning_lead)
            checks.append(Check(FlagKind.WARNING, 0, max(warned_at, clock.start.earliest)))
        if limit.effect is not Effect.GOAL:
            kind = FlagKind.EXPIRED if limit.effect is Effect.EXPIRY else FlagKind.OVERDUE
            checks.append(Check(kind, 0, clock.due_at))
            checks += [
                Check(FlagKind.ESCALATION, level, clock.due_at + timedelta(days=days))
                for level, days in enumerate(limit.escalation_days, start=1)
            ]
        return tuple(checks)

    def _ahead(self, due_at: datetime, lead: Span) -> datetime:
        hours = {Unit.MINUTES: 1 / 60, Unit.HOURS: 1, Unit.WEEKS: 168}.get(lead.unit, 24)
        return due_at - timedelta(hours=abs(lead.amount) * hours)

    # --- days and instants -------------------------------------------------------------------------------------

    def _local(self, anchor: Moment) -> Moment:
        return anchor if self.by_instants else self._local_day(anchor)

    def _local_day(self, moment: Moment) -> date:
        return local_day(moment, self.zone) if isinstance(moment, datetime) else moment

    def _day(self, event: Event) -> date:
        """The day of an act in the zone counted in; a bare date is taken as it stands."""
        return event.on if event.on is not None else local_day(event.earliest, self.zone)

    def _moment(self, event: Event) -> Moment:
        """The act as a local day, or as an instant where the limit counts hours."""
        return event.earliest if self.by_instants else self._day(event)

    def _instant(self, moment: Moment) -> datetime:
        return moment.astimezone(UTC) if isinstance(moment, datetime) else day_begins_at(moment, self.zone)
