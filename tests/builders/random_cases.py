"""Random requests of a seed, with plausible histories over a year, and clocks besides them."""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.requests import log_request
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.vocabulary import Act, RequestKind, Urgency
from mla_tracker.storage.database import Database, DbRole
from tests.builders.reporting import Duty, a_duty, insert, midnight

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LAST = date(2026, 3, 9)
PLACES: dict[RequestKind, list[tuple[str, str, str | None]]] = {
    RequestKind.EVIDENCE: [("ES", "PT", "eio"), ("PT", "ES", "eio"), ("MA", "ES", None), ("ES", "MA", None)],
    RequestKind.EXTRADITION: [("ES", "PT", "eaw"), ("PT", "ES", "eaw"), ("MD", "ES", "ets24"), ("MA", "ES", None)],
    RequestKind.PROCEEDINGS: [("MA", "ES", None), ("ES", "MA", "untoc"), ("PT", "ES", None)],
    RequestKind.INFORMATION: [("ES", "PT", "eu-2023-977"), ("MA", "ES", None)],
}  # fmt: skip
OFFENCES = ("fraud", "=theft", "drug_trafficking")
# Acts in the order of a life, each with the share of requests that hold it, and what it says.
LIVES: dict[RequestKind, list[tuple[Act, float, dict[str, Any]]]] = {
    RequestKind.EVIDENCE: [
        (Act.SENT, 0.9, {}),
        (Act.RECEIVED, 0.9, {}),
        (Act.ACKNOWLEDGED, 0.6, {}),
        (Act.INFORMATION_REQUESTED, 0.3, {}),
        (Act.INFORMATION_SUPPLIED, 0.2, {}),
        (Act.EXTENDED, 0.6, {"reason": "r", "stage": "decide", "days": 20}),
        (Act.ACCEPTED, 0.7, {}),
        (Act.POSTPONED, 0.3, {"ground": "own_proceedings"}),
        (Act.RESUMED, 0.1, {}),
        (Act.PARTLY_EXECUTED, 0.3, {"items": [1]}),
        (Act.EXECUTED, 0.5, {}),
        (Act.RESULTS_TRANSMITTED, 0.4, {}),
    ],
    RequestKind.EXTRADITION: [
        (Act.PROVISIONAL_ARREST_REQUESTED, 0.3, {}),
        (Act.SENT, 0.9, {}),
        (Act.RECEIVED, 0.9, {"documents": True}),
        (Act.ARRESTED, 0.7, {}),
        (Act.CONSENT_GIVEN, 0.4, {}),
        (Act.CONSENT_WITHDRAWN, 0.1, {}),
        (Act.JUDICIAL_DECISION, 0.5, {"eligible": True}),
        (Act.GRANTED, 0.4, {}),
        (Act.DECISION_FINAL, 0.6, {}),
        (Act.SURRENDERED, 0.5, {}),
    ],
    RequestKind.PROCEEDINGS: [
        (Act.SENT, 0.9, {}),
        (Act.RECEIVED, 0.9, {}),
        (Act.ACKNOWLEDGED, 0.6, {}),
        (Act.CHARGED, 0.5, {}),
        (Act.CONCLUDED, 0.7, {}),
        (Act.RESULT_TOLD, 0.5, {}),
    ],
    RequestKind.INFORMATION: [
        (Act.SENT, 0.9, {}),
        (Act.RECEIVED, 0.9, {}),
        (Act.ACKNOWLEDGED, 0.6, {}),
        (Act.INFORMATION_REQUESTED, 0.3, {}),
        (Act.INFORMATION_SUPPLIED, 0.2, {}),
        (Act.EXTENDED, 0.3, {"reason": "r", "stage": "execute", "days": 20}),
        (Act.ACCEPTED, 0.7, {}),
        (Act.POSTPONED, 0.3, {"ground": "own_proceedings"}),
        (Act.RESUMED, 0.1, {}),
        (Act.EXECUTED, 0.5, {}),
        (Act.RESULTS_TRANSMITTED, 0.4, {}),
    ],
}
ENDS: list[tuple[Act, dict[str, Any]]] = [
    (Act.REFUSED, {"ground": "limitation"}),
    (Act.REFUSED, {"ground": "nationality"}),
    (Act.WITHDRAWN, {}),
    (Act.CLOSED, {"outcome": "lapsed"}),
    (Act.RECLASSIFIED, {"reclassified_as": "enquiry"}),
    (Act.RECLASSIFIED, {"reclassified_as": "information"}),
]


class RandomCases:
    """Requests of a seed. About one in twelve stays a draft."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def request(self) -> NewRequest:
        kind = self.random.choice([*RequestKind, RequestKind.EVIDENCE])
        requesting, requested, convention = self.random.choice(PLACES[kind])
        forms = ["records", "search_seizure_freezing"] if kind is RequestKind.EVIDENCE else []
        urgent = self.chance(0.2)
        return NewRequest(
            kind,
            requesting,
            requested,
            urgency=Urgency.URGENT if urgent else Urgency.ROUTINE,
            urgency_reason="Custody." if urgent else None,
            convention=convention,
            assistance=forms[: self.random.randint(1, 2)],
            offences=self.random.sample(OFFENCES, self.random.randint(0, 2)),
            events=list(self.history(kind)),
        )

    def history(self, kind: RequestKind) -> Iterator[NewEvent]:
        day = date(2025, 2, 1) + timedelta(days=self.random.randint(0, 400))
        if self.chance(0.08):
            yield NewEvent(Act.DRAFTED, occurred_on=min(day, LAST))
            return
        acts = [(act, data) for act, share, data in LIVES[kind] if self.chance(share)] or [(Act.SENT, {})]
        if self.chance(0.3):
            declined = kind is RequestKind.PROCEEDINGS and self.chance(0.5)
            end = (Act.DECLINED, {"ground": "ne_bis_in_idem"}) if declined else self.random.choice(ENDS)
            acts = [*acts[: self.random.randint(1, len(acts))], end]
            if self.chance(0.3):
                acts.append((Act.REOPENED, {"reason": "r"}))
            elif end[0] is Act.RECLASSIFIED and self.chance(0.5):
                acts.append((Act.RECLASSIFIED, {"reclassified_as": "request"}))
        for act, data in acts:
            if day > LAST:
                return
            if self.chance(0.3):
                yield NewEvent(
                    act, occurred_at=midnight(day) + timedelta(hours=self.random.randint(0, 23)), data=data
                )
            else:
                yield NewEvent(act, occurred_on=day, data=data)
            day += timedelta(days=self.random.choice((0, 1, 3, 9, 20, 45, 90)))

    def duty(self) -> Duty:
        """A clock that no history has to explain, of a draft or of a request that is off the books."""
        requesting, requested = self.random.sample(("MA", "ES", "PT", "MD"), 2)
        start = date(2025, 2, 1) + timedelta(days=self.random.randint(0, 390))
        due = start + timedelta(days=self.random.randint(-5, 120))
        last = min(LAST, start + timedelta(days=self.random.randint(0, 150)))
        duty = (
            a_duty()
            .on(
                requesting=requesting,
                requested=requested,
                recorded_by=self.random.choice((requesting, requested)),
                shared=self.chance(0.8),
                kind=self.random.choice(list(RequestKind)).value,
                basis=self.random.choice(("law", "agreement", "policy")),
                stage=self.random.choice(("acknowledge", "decide", "execute")),
                effect=self.random.choice(("deadline", "deadline", "deadline", "goal", "expiry")),
                obligor=self.random.choice(("requested", "requested", "requesting", "provider")),
            )
            .started(start.isoformat())
            .due(due.isoformat())
        )
        duty = duty.on(status="closed" if duty.shared else "draft")
        match self.random.randrange(5):
            case 0:
                return duty.met(last.isoformat(), extended=self.chance(0.7) and last <= due)
            case 1:
                return duty.cancelled(last.isoformat())
            case 2:
                return duty.paused(last.isoformat())
            case 3:
                return duty.paused(start.isoformat(), last.isoformat()).met(last.isoformat())
        return duty


async def log_random_cases(db: Database, seed: int, requests: int, duties: int, officer: Actor) -> None:
    """Log so many requests in the name of an officer of all countries, and write so many clocks besides."""
    cases, logged = RandomCases(seed), 0
    while logged < requests:
        with suppress(ActNotPossible):
            await log_request(db, cases.request(), actor=officer, now=NOW)
            logged += 1
    async with db.transaction(DbRole.OWNER) as tx:
        await insert(tx, [cases.duty() for _ in range(duties)])
