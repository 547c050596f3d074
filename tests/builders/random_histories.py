"""Random requests of a seed: kind, countries, instrument, policies, calendars, and a history that can be true.

`drawn(seed)` gives the same request wherever it is called. It draws ten times as fast as Hypothesis does, and from
what the law has most to say about: every kind, instruments by the dozen, own limits of an agreement, a policy that
changes half-way, zones a day apart, leap days, summer time, several receipts, calendars that are changed later.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mla_tracker.domain.acts import OF_EITHER_SIDE, OF_KIND
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.limits import ExtensionRule, Limit, PauseRule, Span, Trigger
from mla_tracker.domain.purposes import FurtherRequest
from mla_tracker.domain.vocabulary import (
    Act,
    Basis,
    Circumstance,
    Effect,
    Obligor,
    RequestKind,
    Stage,
    Unit,
)
from tests.builders.histories import HistoryBuilder, a_limit

A = Act
EVIDENCE, EXTRADITION = RequestKind.EVIDENCE, RequestKind.EXTRADITION
PROCEEDINGS, INFORMATION = RequestKind.PROCEEDINGS, RequestKind.INFORMATION

# Requesting country, requested country, the instrument that the request names.
PLACES: dict[RequestKind, Sequence[tuple[str, str, str | None]]] = {
    EVIDENCE: (
        ("FI", "ES", "eio"), ("PT", "FR", "eio"), ("RO", "DE", "eio"), ("SE", "IT", "eu-mla2000"),
        ("DE", "ES", "eu-2018-1805"), ("FR", "DE", "eu-2023-1543"), ("GB", "FR", "eu-uk-tca"),
        ("ES", "GB", "eu-uk-tca"),
        ("EC", "ES", "untoc"), ("ES", "EC", "un1988"), ("NZ", "ES", "uncac"), ("MD", "UA", "ets30"),
        ("US", "CH", "us-ch-mla"), ("MA", "NL", "ma-nl-mla"), ("FR", "NZ", None), ("NZ", "EC", None),
        ("CN", "US", None),
        ("US", "AU", "no-such-instrument"),
    ),
    EXTRADITION: (
        ("FI", "ES", "eaw"), ("ES", "PT", "eaw"), ("DE", "FR", "eaw"), ("MD", "ES", "ets24"), ("UA", "TR", "ets24"),
        ("FI", "ES", "ets24"), ("AZ", "TR", "cets209"), ("GB", "CH", "cets209"), ("MD", "NO", "ets73"),
        ("SE", "NO", "nordic2005"), ("GB", "ES", "eu-uk-tca"), ("FR", "GB", "eu-uk-tca"), ("BE", "LU", "benelux1962"),
        ("US", "NL", "us-nl-extradition"), ("AU", "NL", "au-nl-extradition"), ("CA", "NL", "ca-nl-extradition"),
        ("CH", "UY", "ch-uy-extradition"), ("FR", "CH", "fr-ch-simplified"), ("VE", "EC", "caracas1981"),
        ("EC", "CL", "montevideo1933"), ("US", "IN", "us-in-extradition"), ("KZ", "BY", "minsk1993"),
        ("EG", "MA", "riyadh1983"), ("NG", "GH", "ecowas1994"), ("EC", "ES", None), ("ES", "NZ", None),
        ("CN", "FR", None),
    ),
    PROCEEDINGS: (
        ("EC", "ES", None), ("UZ", "KZ", "untoc"), ("NL", "CH", "ets73"), ("TR", "MD", "ets73"), ("NZ", "ES", "uncac"),
        ("RU", "EE", "ru-ee-legal-assistance"),
    ),
    INFORMATION: (("FI", "ES", "eu-2023-977"), ("EC", "ES", None)),
}  # fmt: skip
FORMS = (
    "records", "video_hearing", "confiscation", "search_seizure_freezing", "interception", "subscriber_data",
    "preservation_of_data", "provisional_measure", "service_of_documents", "voluntary_appearance",
)  # fmt: skip

# Days after which something is near: leap days, both changes of the clock north and south, ends of months and years.
BEGINNINGS = tuple(
    date.fromisoformat(day)
    for day in (
        "2024-02-23", "2028-02-26", "2026-03-26", "2026-10-22", "2026-09-24", "2026-04-02", "2026-12-29", "2026-01-30",
        "2025-11-28", "2026-06-12",
    )
)  # fmt: skip
GAPS = (0, 0, 0, 1, 1, 2, 3, 5, 7, 10, 14, 29, 30, 31, 45, 60)
TIMES = (0, 0, 0, 1, 1, 1, 1, 1, 1, 2)  # how often an act of the usual course is on record for its day
MINUTES = (0, 1, 30, 90, 150, 600, 659, 719, 720, 1290, 1380, 1439)

# The usual course of each kind; what is drawn beside it comes in anywhere.
COURSES: dict[RequestKind, Sequence[Act]] = {
    EVIDENCE: (
        A.DRAFTED, A.SENT, A.RECEIVED, A.FORWARDED, A.ACKNOWLEDGED, A.HEARING_FIXED, A.INFORMATION_REQUESTED,
        A.INFORMATION_SUPPLIED, A.NOTIFIED_OF_INTERCEPTION, A.ACCEPTED, A.POSTPONED, A.RESUMED,
        A.EXTENDED, A.PARTLY_EXECUTED, A.EXECUTED, A.RESULTS_TRANSMITTED, A.RESULTS_RECEIVED, A.CLOSED,
        A.PRESENCE_NO_LONGER_REQUIRED,
    ),
    EXTRADITION: (
        A.PROVISIONAL_ARREST_REQUESTED, A.PROVISIONALLY_ARRESTED, A.SENT, A.RECEIVED, A.ACKNOWLEDGED,
        A.IMMUNITY_WAIVED, A.ARRESTED, A.CONSENT_GIVEN, A.INFORMATION_REQUESTED, A.INFORMATION_SUPPLIED, A.EXTENDED,
        A.JUDICIAL_DECISION, A.DECISION_FINAL, A.DECISION_NOTIFIED, A.SURRENDER_DATE_AGREED, A.POSTPONED, A.RESUMED,
        A.SURRENDER_DATE_AGREED, A.SURRENDERED, A.SPECIALITY_CONSENT_REQUESTED, A.SPECIALITY_CONSENT_DECIDED,
        A.FINALLY_DISCHARGED, A.CLOSED,
    ),
    PROCEEDINGS: (
        A.SENT, A.RECEIVED, A.ACKNOWLEDGED, A.INFORMATION_REQUESTED, A.INFORMATION_SUPPLIED, A.POSTPONED, A.RESUMED,
        A.EXTENDED, A.CHARGED, A.CONCLUDED, A.RESULT_TOLD, A.CLOSED,
    ),
    INFORMATION: (
        A.SENT, A.RECEIVED, A.ACKNOWLEDGED, A.INFORMATION_REQUESTED, A.INFORMATION_SUPPLIED, A.EXTENDED, A.EXECUTED,
        A.RESULTS_TRANSMITTED, A.CLOSED,
    ),
}  # fmt: skip
OF_ITEMS = frozenset(
    {A.ACCEPTED, A.PARTLY_EXECUTED, A.EXECUTED, A.POSTPONED, A.RESUMED, A.REFUSED, A.WITHDRAWN, A.REOPENED, A.EXTENDED}
)  # fmt: skip
MOST_ACTS = 26


@dataclass(frozen=True)
class Drawn:
    """A request with its history, how its calendars read later, and acts that somebody records by mistake."""

    seed: int
    history: HistoryBuilder
    later: dict[str, WorkingCalendar]
    mistakes: HistoryBuilder

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.history}"


def drawn(seed: int) -> Drawn:
    """The request of a seed, with a history that can be true."""
    dice = _Dice(random.Random(seed))
    history = possible(dice.history())
    return Drawn(seed, history, dice.calendars(history), dice.with_mistakes(history))


def possible(history: HistoryBuilder) -> HistoryBuilder:
    """The history without the acts for which it is refused."""
    while True:
        try:
            history.read()
        except ActNotPossible as refused:
            history = history.without(refused.facts["event_ids"][0])
        else:
            return history


class _Dice:
    """One request, thrown field by field."""

    def __init__(self, dice: random.Random) -> None:
        self.choose = dice.choice
        self.between = dice.randint
        self.chance = dice.random
        self.sample = dice.sample
        self.begin = dice.choice(BEGINNINGS)

    def often(self, share: float) -> bool:
        return self.chance() < share

    def history(self) -> HistoryBuilder:
        kind = self.choose((EVIDENCE, EVIDENCE, EXTRADITION, EXTRADITION, PROCEEDINGS, INFORMATION))
        requesting, requested, convention = self.choose(PLACES[kind])
        history = HistoryBuilder(kind, requesting, requested, convention=convention)
        if kind is EVIDENCE:
            history = history.about(*self.sample(FORMS, self.choose((0, 1, 1, 2, 3, 5))))
        if self.often(0.3):
            history = history.stating(*self.sample(list(Circumstance), self.between(1, 2)))
        if self.often(0.3):
            history = history.in_urgency(self.choose(("urgent", "emergency")))
        if self.often(0.2):
            history = history.wished((self.begin + timedelta(days=self.between(-5, 120))).isoformat())
        if self.often(0.15):
            history = history.in_zones(
                requested=self.choose(("Atlantic/Canary", "Pacific/Auckland", "Asia/Almaty"))
            )
        history = history.counted_by(self.calendars(history))
        history = self.with_sources(history)
        day = self.begin
        course = COURSES[kind]
        for act in course[: self.choose((len(course), self.between(2, len(course))))]:
            day += timedelta(days=self.choose(GAPS))
            for _ in range(self.choose(TIMES)):
                history = self.did(history, act, day)
        kinds = sorted(OF_KIND[kind])
        for _ in range(self.choose((0, 1, 2, 3, 5, 9))):
            act = self.choose(kinds)
            history = self.did(history, act, self.begin + timedelta(days=self.between(0, 200)))
        return replace(history, events=history.events[:MOST_ACTS])

    def with_mistakes(self, history: HistoryBuilder) -> HistoryBuilder:
        for _ in range(self.between(1, 4)):
            act = self.choose(
                (*sorted(OF_KIND[history.kind]), A.SENT, A.RECEIVED, A.EXTENDED, A.CLOSED, A.REOPENED)
            )
            history = self.did(history, act, self.begin + timedelta(days=self.between(0, 90)))
        return history

    # --- acts

    def did(self, history: HistoryBuilder, act: Act, day: date) -> HistoryBuilder:
        when = day.isoformat()
        if self.often(0.35):
            at = datetime.combine(day, time(), UTC) + timedelta(minutes=self.choose(MINUTES))
            when = at.isoformat()
        by = None
        if act in OF_EITHER_SIDE or (act is A.RECEIVED and self.often(0.3)):
            by = self.choose((history.requesting, history.requested))
        return history.did(act.value, when, by=by, **self.data(history, act, day))

    def data(self, history: HistoryBuilder, act: Act, day: date) -> dict[str, Any]:
        return {**self.items(history, act), **self.said(history, act, day)}

    def items(self, history: HistoryBuilder, act: Act) -> dict[str, Any]:
        if act not in OF_ITEMS or not history.forms or self.often(0.5):
            return {}
        forms = range(1, len(history.forms) + 1)
        return {"items": self.sample(forms, self.between(1, len(forms)))}

    def said(self, history: HistoryBuilder, act: Act, day: date) -> dict[str, Any]:
        choose = self.choose
        match act:
            case A.FURTHER_REQUEST_RECEIVED:
                return {"further_request": choose(list(FurtherRequest)).value}
            case A.EXTENDED:
                until = (day + timedelta(days=self.between(1, 40))).isoformat()
                how = choose(({"days": self.between(1, 30)}, {"until": until}, {}, {"estimated_on": until}))
                stage = choose(({}, {}, {}, {"stage": "decide"}, {"stage": "execute"}))
                return {"reason": "r", **how, **stage}
            case A.RECEIVED:
                return choose(({}, {}, {"documents": True}, {"documents": False}))
            case A.REFUSED | A.DECLINED:
                return {"ground": choose(("nationality", "bank_secrecy"))}
            case A.CLOSED:
                return choose(({}, {}, {"outcome": "lapsed"}, {"outcome": "executed"}))
            case A.REOPENED:
                return {"reason": "r"}
            case A.RECOMPUTED:
                return {"reason": "r", **choose(({}, {"stage": "decide"}, {"stage": "receive"}))}
            case A.RECLASSIFIED:
                return {"reclassified_as": choose(("enquiry", "evidence"))}
            case A.HEARING_FIXED | A.SURRENDER_DATE_AGREED:
                return {"date": (day + timedelta(days=choose((0, 1, 5, 12, 40)))).isoformat()}
            case A.JUDICIAL_DECISION | A.APPEAL_DECIDED:
                return {"eligible": self.often(0.8)}
            case A.DECISION_FINAL:
                return choose(({}, {"granted": True}, {"granted": False}))
            case A.SPECIALITY_CONSENT_DECIDED:
                return {"granted": self.often(0.7), **self.reply(history, A.SPECIALITY_CONSENT_REQUESTED)}
            case A.INFORMATION_SUPPLIED:
                return self.reply(history, A.INFORMATION_REQUESTED)
            case A.CONSENT_GIVEN:
                return choose(({}, {}, {"revocable": True}))
        return {}

    def reply(self, history: HistoryBuilder, question: Act) -> dict[str, Any]:
        asked = [event.id for event in history.events if event.act is question]
        return {"in_reply_to": self.choose(asked)} if asked and self.often(0.5) else {}

    # --- calendars

    def calendars(self, history: HistoryBuilder) -> dict[str, WorkingCalendar]:
        """Calendars of both countries as they might be declared: weekends that change, holidays, recess, hours."""
        return {code: self.calendar(code) for code in (history.requesting, history.requested)}

    def calendar(self, code: str) -> WorkingCalendar:
        weekends = self.choose(
            (
                ((date.min, frozenset({5, 6})),),
                ((date.min, frozenset({4, 5})),),
                ((date.min, frozenset({4, 5})), (self.near(), frozenset({5, 6}))),
                ((date.min, frozenset({6})),),
            )
        )
        first = self.near()
        return WorkingCalendar(
            code,
            weekends=weekends,
            holidays={self.near(): self.choose(("Feast", "", "Moon (estimated)")) for _ in range(12)},
            extra_working_days=frozenset({self.near()}) if self.often(0.3) else frozenset(),
            recess=((first, first + timedelta(days=self.between(0, 20))),) if self.often(0.2) else (),
            hours=dict.fromkeys(range(7), ((540, 780), (900, 1140))) if self.often(0.3) else {},
        )

    def near(self) -> date:
        return self.begin + timedelta(days=self.between(0, 150))

    # --- what else sets a limit

    def with_sources(self, history: HistoryBuilder) -> HistoryBuilder:
        """Policies of the two countries, one of them replaced half-way, and an agreement with limits of its own."""
        own: list[Limit] = []
        if self.often(0.4):
            own += self.policy_in_versions(history.requested)
        if self.often(0.25):
            own.append(
                self.limit("answer", history.requesting, *self.choose(STAGES), obligor=Obligor.REQUESTING)
            )
        if self.often(0.25):
            own.append(
                self.limit("ours", history.requested, *self.choose(STAGES), in_addition=self.often(0.5))
            )
        if own:
            history = history.with_limits(*own)
        if self.often(0.5):
            law = replace(
                history.law, contiguous=self.often(0.5), requester_regions=frozenset({self.choose(REGIONS)})
            )
            history = replace(history, law=law)
        if self.often(0.25):
            agreed = self.limit("agreed", None, *self.choose(STAGES))
            history = history.with_agreement(
                replace(agreed, basis=Basis.AGREEMENT, agreement_id="a-1"), governs=self.often(0.8)
            )
        return history

    def policy_in_versions(self, country: str) -> list[Limit]:
        half_way = self.near()
        first = self.limit("changed", country, *self.choose(STAGES))
        second = replace(
            first,
            version=2,
            span=self.span(),
            counting=self.choose(RULES_OF_DAYS),
            valid_from=half_way,
        )
        if self.often(0.2):
            return [second]  # the country had none before
        return [replace(first, valid_to=half_way), second]

    def limit(
        self, id_: str, country: str | None, stage: Stage, starts: Act, stops: Act, **changes: Any
    ) -> Limit:
        each = starts in (A.INFORMATION_REQUESTED, A.SPECIALITY_CONSENT_REQUESTED) or self.often(0.1)
        by_date = starts is A.SURRENDER_DATE_AGREED
        start = Trigger(starts, date_field="date" if by_date else None)
        return replace(
            a_limit(f"{id_}-{stage}"),
            stage=stage,
            country=country,
            starts_on=(start, Trigger(A.SENT)) if self.often(0.2) and not by_date else (start,),
            stops_on=(Trigger(stops),),
            starts_each=each,
            restarts_on=(start,) if by_date else (Trigger(A.REMINDED),) if self.often(0.3) else (),
            span=self.span(),
            counting=self.choose(RULES_OF_DAYS),
            effect=self.choose(
                (Effect.DEADLINE, Effect.DEADLINE, Effect.EXPIRY, Effect.GOAL, Effect.NOT_BEFORE)
            ),
            pauses=(PauseRule((A.POSTPONED,), (A.RESUMED,)),) if self.often(0.5) else (),
            extension=self.choose((None, ExtensionRule(), ExtensionRule(each=Span(20, Unit.DAYS), times=2))),
            counted_in=self.choose((Obligor.REQUESTED, Obligor.REQUESTING)),
            warning_lead=Span(3, Unit.DAYS) if self.often(0.5) else None,
            escalation_days=(7,) if self.often(0.5) else (),
            **changes,
        )

    def span(self) -> Span:
        return self.choose(
            (
                Span(10, Unit.WORKING_DAYS), Span(45, Unit.DAYS), Span(1, Unit.MONTHS), Span(2, Unit.WEEKS),
                Span(24, Unit.HOURS), Span(96, Unit.HOURS), Span(12, Unit.WORKING_HOURS), Span(1, Unit.YEARS),
                Span(2, Unit.DAYS), Span(3, Unit.DAYS),
            )
        )  # fmt: skip


REGIONS = ("Europe", "outside Europe", "outside the Nordic countries and the Union")
RULES_OF_DAYS = ("calendar", "eu-1182-71", "roll-forward", "inclusive")
# What a country or an agreement may set a number for: stage, the act that starts it, the act that keeps it.
STAGES: Sequence[tuple[Stage, Act, Act]] = (
    (Stage.RECEIVE, A.SENT, A.RECEIVED),
    (Stage.ACKNOWLEDGE, A.RECEIVED, A.ACKNOWLEDGED),
    (Stage.DECIDE, A.RECEIVED, A.ACCEPTED),
    (Stage.EXECUTE, A.ACCEPTED, A.EXECUTED),
    (Stage.SUPPLY_INFORMATION, A.INFORMATION_REQUESTED, A.INFORMATION_SUPPLIED),
    (Stage.SURRENDER, A.DECISION_FINAL, A.SURRENDERED),
    (Stage.COLLECT, A.SURRENDER_DATE_AGREED, A.SURRENDERED),
    (Stage.CHARGE, A.RECEIVED, A.CHARGED),
)
