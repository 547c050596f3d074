"""Time to evaluate one request: an extradition of 40 acts with its clocks, step by step, on one core.

`python -m bench.evaluating` reads the acts as they are stored and then judges the history, reads its life off it and
counts every clock. The floor of the same run counts as many bare deadlines, from the same days with the same periods.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.catalogue.countries import default_zone
from mla_tracker.catalogue.holiday_calendars import country_calendar
from mla_tracker.catalogue.limit_files import load_limits
from mla_tracker.catalogue.neighbours import contiguous, regions_of
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.contradictions import judge
from mla_tracker.domain.counting import RULES, Period, deadline
from mla_tracker.domain.histories import Case
from mla_tracker.domain.life import life_of
from mla_tracker.domain.precedence import Law, Limits
from mla_tracker.storage.cases import case_of
from mla_tracker.storage.local_days import LocalDays
from mla_tracker.storage.requests import RequestRecord, StoredCase, StoredEvent

RECORDED = datetime(2026, 1, 12, 9, tzinfo=UTC)
LAW = Law(
    limits=Limits(load_limits()),
    conventions=load_conventions(),
    contiguous=contiguous("FI", "ES"),
    requester_regions=regions_of("FI"),
)
CALENDARS: Mapping[str, WorkingCalendar] = {
    code: country_calendar(code, years=range(2020, 2037)) for code in ("FI", "ES")
}
DAYS = LocalDays(CALENDARS, {code: default_zone(code) for code in CALENDARS})
# A European arrest warrant from Finland to Spain: day or instant, act, data.
ACTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("2026-01-09", "drafted", {}),
    ("2026-01-12T08:15", "sent", {}),
    ("2026-01-12T08:16", "received", {}),
    ("2026-01-14", "forwarded", {}),
    ("2026-01-15", "received_by_competent_authority", {}),
    ("2026-01-16", "acknowledged", {}),
    ("2026-01-26", "reminded", {}),
    ("2026-02-01", "located", {}),
    ("2026-02-02T05:40", "arrested", {}),
    ("2026-02-02T09:00", "arrest_notified", {}),
    ("2026-02-04T10:30", "consent_withheld", {}),
    ("2026-02-05", "information_requested", {}),
    ("2026-02-12", "information_supplied", {}),
    ("2026-02-13", "released", {}),
    ("2026-02-20", "information_requested", {}),
    ("2026-02-27T16:05", "rearrested", {}),
    ("2026-03-06", "information_supplied", {}),
    ("2026-03-09", "reminded", {}),
    ("2026-03-13", "immunity_waived", {}),
    ("2026-03-20", "judicial_decision", {"eligible": True}),
    ("2026-03-25", "appealed", {}),
    ("2026-03-26", "extended", {"stage": "decide", "days": 30, "reason": "Appeal"}),
    ("2026-03-27", "information_requested", {}),
    ("2026-04-01", "information_supplied", {}),
    ("2026-04-10", "appeal_decided", {"eligible": True}),
    ("2026-04-14", "decision_final", {}),
    ("2026-04-15", "decision_notified", {}),
    ("2026-04-16", "surrender_date_agreed", {"date": "2026-04-21"}),
    ("2026-04-20", "postponed", {"ground": "humanitarian"}),
    ("2026-05-04", "resumed", {}),
    ("2026-05-05", "surrender_date_agreed", {"date": "2026-05-11"}),
    ("2026-05-11T07:30", "put_at_disposal", {}),
    ("2026-05-11T11:00", "surrendered", {}),
    ("2026-06-01", "speciality_consent_requested", {}),
    ("2026-06-22", "speciality_consent_decided", {"granted": True}),
    ("2026-07-01", "speciality_consent_requested", {}),
    ("2026-07-20", "linked", {"request_id": "x", "relation": "same_case"}),
    ("2026-09-01", "speciality_consent_decided", {"granted": False}),
    ("2026-10-15", "finally_discharged", {}),
    ("2026-10-20", "speciality_consent_requested", {}),
)
OF_FINLAND = frozenset(
    {
        "drafted", "sent", "reminded", "information_supplied", "speciality_consent_requested", "finally_discharged",
        "linked",
    }
)  # fmt: skip


def stored() -> StoredCase:
    """The request with its acts, as storage gives it."""
    events = tuple(
        StoredEvent(
            id=UUID(int=number),
            type=act,
            occurred_at=datetime.fromisoformat(when).replace(tzinfo=UTC) if "T" in when else None,
            occurred_on=None if "T" in when else date.fromisoformat(when),
            data=data,
            asserted_by="FI" if act in OF_FINLAND else "ES",
            recorded_at=RECORDED,
        )
        for number, (when, act, data) in enumerate(ACTS, start=1)
    )
    record = RequestRecord(
        id=UUID(int=0),
        kind="extradition",
        requesting_country="FI",
        requested_country="ES",
        recorded_by="FI",
        recorded_by_account=None,
        urgency="routine",
        agreement_id=None,
        convention="eaw",
        circumstances=(),
        assistance=(),
        offences=(),
        channel=None,
        language=None,
        external_reference=None,
        reference_requesting=None,
        reference_requested=None,
        assigned_requesting=None,
        assigned_requested=None,
        wished_by=None,
        status="received",
        shared=True,
        version=1,
        created_at=RECORDED,
        updated_at=RECORDED,
    )
    return StoredCase(record, events)


def clocks_of(case: Case) -> tuple[Clock, ...]:
    """Judged, told and counted: all that happens between reading a history and writing what it means."""
    judge(case)
    clocks, _ = evaluate(case, life_of(case), LAW, CALENDARS)
    return clocks


def bare(clocks: tuple[Clock, ...]) -> Callable[[], None]:
    """The floor: each clock's period counted once, from its start, with the same rule and calendar."""
    questions = [
        (
            clock.started_on,
            Period(clock.limit.span.amount, clock.limit.span.unit),
            RULES[clock.limit.counting],
            CALENDARS[clock.counted_in_country],
            clock.start.zone,
        )
        for clock in clocks
        if clock.start is not None and clock.started_on is not None and clock.limit.span is not None
    ]

    def count() -> None:
        for start, period, rule, calendar, zone in questions:
            deadline(start, period, rule=rule, calendar=calendar, zone=zone)

    return count


def per_call(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of one call: the best of the rounds, since what else goes on can only add to it."""
    took = []
    gc.collect()
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(20):
            work()
        took.append((time.perf_counter() - began) * 50)
    return min(took)


def figures(rounds: int) -> dict[str, float]:
    """Milliseconds by what is measured."""
    request = stored()
    case = case_of(request, DAYS)
    life = life_of(case)
    return {
        "floor: bare deadlines": per_call(bare(clocks_of(case)), rounds),
        "evaluate alone": per_call(lambda: evaluate(case, life, LAW, CALENDARS), rounds),
        "judge, life, evaluate": per_call(lambda: clocks_of(replace(case)), rounds),
        "the same from stored acts": per_call(lambda: clocks_of(case_of(request, DAYS)), rounds),
    }


def main() -> None:
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="one JSON object, in milliseconds")
    options = parser.parse_args()
    clocks = clocks_of(case_of(stored(), DAYS))
    reached = sum(clock.start is not None for clock in clocks)
    told = figures(options.rounds)
    if options.json:
        print(json.dumps({"acts": len(ACTS), "clocks": reached, **told}))  # noqa: T201
        return
    print(f"{len(ACTS)} acts, {reached} clocks that run or were met, {len(clocks)} in all")  # noqa: T201
    for name, milliseconds in told.items():
        print(f"{name:<28} {milliseconds:>8.3f} ms")  # noqa: T201


if __name__ == "__main__":
    main()
