"""Legal clocks: limits applied to one request, from its history and the calendars of the countries counted in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.counting import RULES, Deadline, Period, deadline
from mla_tracker.domain.explanation import Step
from mla_tracker.domain.extensions import (
    Extension,
    asked_span,
    assign_extensions,
    refuse_beyond,
    refuse_longer,
)
from mla_tracker.domain.histories import Case, Event, first_instant
from mla_tracker.domain.life import Life
from mla_tracker.domain.limits import Limit, Span
from mla_tracker.domain.precedence import Law, chosen_limits, country_of, side_of
from mla_tracker.domain.runs import Run, find_runs, triggered
from mla_tracker.domain.vocabulary import ClockState, Effect, FlagKind, Roll, Unit

INSTANT_UNITS = frozenset(
    {Unit.MINUTES, Unit.HOURS, Unit.WORKING_SECONDS, Unit.WORKING_MINUTES, Unit.WORKING_HOURS}
)

PauseSpell = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Check:
    """An instant at which something becomes true of an open clock, and the flag that it calls for."""

    kind: FlagKind
    level: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """One limit at work on one request. `due_at` is exclusive for periods of days or longer, inclusive for hours.

    A paused clock's due date is what it would be if it resumed at once. `base_due_on`: without extensions.
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

    @property
    def paused_since(self) -> datetime | None:
        """The instant since which the clock stands still, if it does."""
        if self.state is not ClockState.PAUSED:
            return None
        return min((begin for begin, end in self.pauses if end is None), default=None)


def state_at(state: ClockState, effect: Effect, due_at: datetime | None, now: datetime) -> ClockState:
    """How a stored state reads at `now`: a running clock past its due instant is overdue, or expired."""
    if state is not ClockState.RUNNING or due_at is None or now < due_at or effect is Effect.NOT_BEFORE:
        return state
    return ClockState.EXPIRED if effect is Effect.EXPIRY else ClockState.OVERDUE


def evaluate(
    case: Case, life: Life, law: Law, calendars: Mapping[str, WorkingCalendar]
) -> tuple[tuple[Clock, ...], tuple[Step, ...]]:
    """Every clock of a case, with warnings about sources and extensions; the same whatever the order of recording.

    `calendars` holds the working calendar of both countries. Raises ActNotPossible for an extension that
    its limit does not allow.
    """
    chosen, warnings = chosen_limits(case, law)
    runs = find_runs(case, life, chosen)
    extensions, unmatched = assign_extensions(case, runs)
    clocks = [
        _Counting(case, run, calendars[country_of(run.limit.counted_in, case)]).clock(
            extensions.get(run.key, [])
        )
        for run in runs
    ]
    return tuple(clocks), (*warnings, *unmatched)


@dataclass(frozen=True, slots=True)
class _Counting:
    """The counting of one run in the calendar and the zone of the country that it is counted in."""

    case: Case
    run: Run
    calendar: WorkingCalendar

    @property
    def zone(self) -> ZoneInfo:
        return self.case.zones[side_of(self.run.limit.counted_in)]

    @property
    def by_instants(self) -> bool:
        span = self.run.limit.span
        return span is not None and span.unit in INSTANT_UNITS

    def clock(self, extending: Sequence[Event]) -> Clock:
        """The clock of this run, prolonged by the given acts."""
        run, limit = self.run, self.run.limit
        country = country_of(limit.counted_in, self.case)
        if run.start is None or run.anchor is None:
            state = ClockState.PENDING if run.cancelled_by is None else ClockState.CANCELLED
            return Clock(run.key, limit, state, country, steps=tuple(self._opening()))
        start, restarted = self._restart(self._local(run.anchor))
        begins = self._instant_of_start(start)
        spells = [
            spell for spell in self._spells() if spell[1] is None or self._instant_of_start(spell[1]) > begins
        ]
        base = self._count(start, spells, [])
        counted, extensions, notes = self._extended(start, spells, base, extending)
        stopped_on = self._day(run.stop) if run.stop is not None else None
        paused = run.stop is None and run.cancelled_by is None and self._stands_still(spells, counted)
        state = self._state(counted, stopped_on, paused)
        in_time = state is ClockState.MET
        clock = Clock(
            key=run.key,
            limit=limit,
            state=state,
            counted_in_country=country,
            start=run.start,
            started_on=start if not isinstance(start, datetime) else start.astimezone(self.zone).date(),
            started_at=start if isinstance(start, datetime) else self._instant_of_start(start),
            base_due_on=base.due_on,
            due_on=counted.due_on,
            due_at=counted.due_at,
            pauses=tuple(self._as_instants(spell) for spell in spells),
            extensions=tuple(extensions),
            met_extended=in_time and stopped_on is not None and bool(extensions) and stopped_on > base.due_on,
            stop=run.stop or run.cancelled_by,
            stopped_on=stopped_on or (self._day(run.cancelled_by) if run.cancelled_by else None),
            stopped_at=self._instant_of_end(run.stop or run.cancelled_by),
            imprecise=counted.imprecise
            or (self.by_instants and run.stop is not None and run.stop.at is None),
            steps=(*self._opening(), *restarted, *counted.steps, *self._closing(state, counted, stopped_on)),
            warnings=(*counted.warnings, *notes),
        )
        return replace(clock, checks=self._checks(clock)) if state is ClockState.RUNNING else clock

    # --- counting -------------------------------------------------------------------------------------------

    def _count(
        self, start: date | datetime, spells: Sequence[tuple[date, date | None]], plus: Sequence[Span]
    ) -> Deadline:
        limit = self.run.limit
        rule = RULES[limit.counting]
        pauses = [(begin, end) for begin, end in spells if end is not None and begin < end]
        if limit.span is None:
            fixed = self.case.wished_by or self._local_day(start)
            rule = replace(rule, roll=Roll.NONE, min_working_days=0, shift_start=False, count_start_day=False)
            return deadline(fixed, Period(0, Unit.DAYS), rule=rule, calendar=self.calendar, zone=self.zone)
        return deadline(
            start,
            Period(limit.span.amount, limit.span.unit),
            rule=rule,
            # A recess that a country enters stops its own working days, not the days that a treaty counts.
            calendar=self.calendar if rule.only_working_days else self.calendar.without_recess(),
            zone=self.zone,
            pauses=pauses,
            plus=[Period(span.amount, span.unit) for span in plus],
        )

    def _until(self, event: Event, until: date, spells: Sequence[tuple[date, date | None]]) -> Deadline:
        """A date set by an extension: it moves only by pauses that begin after the act that set it."""
        since = self._day(event)
        rule = replace(RULES["calendar"], source=self.run.limit.source)
        later = [
            (self._local_day(a), self._local_day(b))
            for a, b in spells
            if b is not None and self._local_day(a) > since
        ]
        return deadline(
            since,
            Period((until - since).days, Unit.DAYS),
            rule=rule,
            calendar=self.calendar,
            zone=self.zone,
            pauses=[(a, b) for a, b in later if a < b],
        )

    def _extended(
        self,
        start: date | datetime,
        spells: Sequence[tuple[date, date | None]],
        base: Deadline,
        extending: Sequence[Event],
    ) -> tuple[Deadline, list[Extension], list[Step]]:
        """The deadline with every extension that counts, in legal order; those that came too late only warn."""
        limit, rule = self.run.limit, self.run.limit.extension
        counted = base
        done: list[Extension] = []
        notes: list[Step] = []
        spans: list[Span] = []
        for event in extending:
            assert rule is not None
            if self._day(event) > counted.due_on and not rule.after_expiry:
                notes.append(
                    Step("extension-after-expiry", {"day": event.day, "due": counted.due_on}, limit.source)
                )
                continue
            refuse_beyond(rule, limit, event, len(done) + 1)
            until = event.data.get("until")
            before = counted.due_on
            if until is not None:
                day = date.fromisoformat(str(until))
                if rule.each is not None:
                    refuse_longer(limit, event, day, self._count(start, spells, [*spans, rule.each]).due_on)
                if day <= before:
                    notes.append(
                        Step("extension-without-effect", {"until": day, "due": before}, limit.source)
                    )
                    continue
                counted = self._until(event, day, spells)
            else:
                span = asked_span(event, rule)
                unsaid = rule.estimate_required and not {"days", "estimated_on"} & event.data.keys()
                if span is None or unsaid:
                    notes.append(Step("extension-without-date", {"day": event.day}, limit.source))
                    continue
                counted = self._count(start, spells, [*spans, span])
                if rule.each is not None:
                    refuse_longer(
                        limit, event, counted.due_on, self._count(start, spells, [*spans, rule.each]).due_on
                    )
                spans.append(span)
            if rule.total is not None:
                refuse_longer(limit, event, counted.due_on, self._count(start, spells, [rule.total]).due_on)
            extension = Step(
                "extended", {"on": event.day, "from": before, "to": counted.due_on}, limit.source
            )
            counted = replace(counted, steps=(*base.steps, extension, *counted.steps[-1:]))
            done.append(Extension(event, before, counted.due_on))
        return counted, done, notes

    def _restart(self, start: date | datetime) -> tuple[date | datetime, list[Step]]:
        """The last newly agreed date, from which the same period runs again.

        The first date agreed within the period is the ordinary one and restarts nothing; a date past the
        end of the period, or a second one, is new (FD 2002/584/JHA Art. 23(3)).
        """
        run, steps, agreed = self.run, [], 0
        assert run.start is not None
        for event, trigger in triggered(self.case, run.limit.restarts_on):
            if self.case.order(event) <= self.case.order(run.start):
                continue
            if run.stop is not None and self.case.order(event) > self.case.order(run.stop):
                break
            if trigger.date_field is None:
                start = event.earliest if self.by_instants else self._day(event)
                steps.append(Step("restarted-by", {"act": _words(event), "from": start}, run.limit.source))
                continue
            agreed += 1
            day = date.fromisoformat(str(event.data[trigger.date_field]))
            if agreed > 1 or day > self._count(start, [], []).due_on or run.start.act is event.act:
                start = day
                steps.append(Step("restarted", {"agreed": event.day, "from": day}, run.limit.source))
        return start, steps

    def _spells(self) -> list[tuple[date, date | None]]:
        """The spells in which the limit does not run, half-open; one still open lasts to the end of the running."""
        spells: list[tuple[date, date | None]] = []
        ended = self.run.stop or self.run.cancelled_by
        last = self.case.order(ended) if ended is not None else len(self.case.history)
        for rule in self.run.limit.pauses:
            since: Event | None = None
            for event in self.case.history[:last]:
                if event.data.get("items"):
                    continue
                if since is None and event.act in rule.begins:
                    since = event
                elif since is not None and event.act in rule.ends:
                    spells.append((self._moment(since), self._moment(event)))
                    since = None
            if since is not None:
                spells.append((self._moment(since), None if ended is None else self._moment(ended)))
        return sorted(spells, key=lambda spell: (self._instant_of_start(spell[0]), spell[1] is None))

    def _stands_still(self, spells: Sequence[tuple[date, date | None]], counted: Deadline) -> bool:
        """Whether a pause is still open that began before the period ran out."""
        open_since = [begin for begin, end in spells if end is None]
        return any(self._local_day(begin) <= counted.due_on for begin in open_since)

    # --- in time ---------------------------------------------------------------------------------------------

    def _state(self, counted: Deadline, stopped_on: date | None, paused: bool) -> ClockState:
        if self.run.stop is not None and stopped_on is not None:
            if self.run.limit.effect is Effect.NOT_BEFORE:
                return ClockState.MET
            in_time = (
                self.run.stop.earliest <= counted.due_at if self.by_instants else stopped_on <= counted.due_on
            )
            return ClockState.MET if in_time else ClockState.MET_LATE
        if self.run.cancelled_by is not None:
            return ClockState.CANCELLED
        return ClockState.PAUSED if paused else ClockState.RUNNING

    def _checks(self, clock: Clock) -> tuple[Check, ...]:
        limit = self.run.limit
        assert clock.due_at is not None
        assert clock.started_at is not None
        if limit.effect is Effect.NOT_BEFORE:
            return ()
        checks: list[Check] = []
        if limit.warning_lead is not None:
            checks.append(
                Check(
                    FlagKind.WARNING, 0, max(self._ahead(clock.due_at, limit.warning_lead), clock.started_at)
                )
            )
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

    def _local(self, anchor: date | datetime) -> date | datetime:
        return self._local_day(anchor) if not self.by_instants else anchor

    def _local_day(self, moment: date | datetime) -> date:
        return moment.astimezone(self.zone).date() if isinstance(moment, datetime) else moment

    def _day(self, event: Event) -> date:
        """The day of an act in the zone counted in; a bare date is taken as it stands."""
        return event.on if event.on is not None else event.earliest.astimezone(self.zone).date()

    def _moment(self, event: Event) -> date:
        """The act as a local day, or as an instant where the limit counts hours."""
        return event.earliest if self.by_instants else self._day(event)

    def _as_instants(self, spell: tuple[date, date | None]) -> PauseSpell:
        begin, end = spell
        return self._instant_of_start(begin), None if end is None else self._instant_of_start(end)

    def _instant_of_start(self, moment: date | datetime) -> datetime:
        return moment.astimezone(UTC) if isinstance(moment, datetime) else first_instant(moment, self.zone)

    def _instant_of_end(self, event: Event | None) -> datetime | None:
        return None if event is None else event.at or first_instant(self._day(event), self.zone)

    # --- words -------------------------------------------------------------------------------------------------

    def _opening(self) -> list[Step]:
        run = self.run
        limit = run.limit
        steps = [
            Step("limit-applies", {"stage": limit.stage.value, "basis": limit.basis.value}, limit.source)
        ]
        if not limit.verified and limit.evidence != "own":
            steps.append(Step("source-not-verified", {"instrument": limit.instrument}))
        steps += [
            Step("displaces", {"source": other.source, "limit": other.id}) for other in run.chosen.displaced
        ]
        if run.start is None:
            acts = [trigger.act.value.replace("_", " ") for trigger in limit.starts_on]
            return [*steps, Step("not-started", {"acts": acts})]
        country = country_of(limit.counted_in, self.case)
        steps.append(
            Step("started-by", {"act": _words(run.start), "day": self._day(run.start), "country": country})
        )
        return steps

    def _closing(self, state: ClockState, counted: Deadline, stopped_on: date | None) -> list[Step]:
        run = self.run
        if run.stop is not None and stopped_on is not None:
            code = "met-in-time" if state is ClockState.MET else "met-late"
            steps = [Step(code, {"act": _words(run.stop), "day": stopped_on, "due": counted.due_on})]
            return [Step("implied-by", {"act": _words(run.stop)}), *steps] if run.implied else steps
        if run.cancelled_by is not None:
            return [
                Step("cancelled-by", {"act": _words(run.cancelled_by), "day": self._day(run.cancelled_by)})
            ]
        return [Step("paused")] if state is ClockState.PAUSED else []


def _words(event: Event) -> str:
    return event.act.value.replace("_", " ")
