"""The order of recording never changes the result: random histories, recorded in any order, in one call, by detours."""

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.requests import log_request, record_event, void_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.acts import OF_KIND
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.events import Event
from mla_tracker.domain.purposes import FurtherRequest
from mla_tracker.domain.vocabulary import Act, RequestKind, Role, Urgency
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.projections import stored_projection
from tests.builders.counted import with_shipped_limits
from tests.builders.random_histories import BEGINNINGS, Drawn, drawn
from tests.builders.register import account

pytestmark = pytest.mark.no_cover  # what it runs others cover, and tracing makes it take three times as long

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIRST = date(2025, 6, 2)
DAYS = 270
SEEDS = range(18)
# Where the law has most to say: an EIO, an arrest warrant, ETS 24, and our own policy.
PLACES: dict[RequestKind, list[tuple[str, str, str | None]]] = {
    RequestKind.EVIDENCE: [("ES", "PT", "eio"), ("MA", "ES", None)],
    RequestKind.EXTRADITION: [("ES", "PT", "eaw"), ("MD", "UA", "ets24")],
    RequestKind.PROCEEDINGS: [("UZ", "KZ", "untoc")],
    RequestKind.INFORMATION: [("ES", "PT", "eu-2023-977"), ("MA", "ES", None)],
}
# Acts that most histories hold, so that clocks begin and end.
COMMON = (
    Act.SENT,
    Act.RECEIVED,
    Act.ACKNOWLEDGED,
    Act.ACCEPTED,
    Act.INFORMATION_REQUESTED,
    Act.INFORMATION_SUPPLIED,
)
NEVER = frozenset({Act.LINKED})


class Dice:
    """Random requests and histories of a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kind = self.random.choice(list(RequestKind))
        self.requesting, self.requested, self.convention = self.random.choice(PLACES[self.kind])
        evidence = self.kind is RequestKind.EVIDENCE
        self.forms = ["records", "search_seizure_freezing"][: self.random.randint(1, 2)] if evidence else []

    def request(self, events: Sequence[NewEvent] = ()) -> NewRequest:
        return NewRequest(
            self.kind,
            self.requesting,
            self.requested,
            urgency=Urgency.URGENT,
            urgency_reason="Custody.",
            convention=self.convention,
            assistance=self.forms,
            events=events,
        )

    def history(self) -> list[NewEvent]:
        kinds = sorted(OF_KIND[self.kind] - NEVER)
        acts = [act for act in COMMON if self.random.random() < 0.8]
        acts += self.random.choices(kinds, k=self.random.randint(2, 9))
        return [self.event(act) for act in acts]

    def event(self, act: Act) -> NewEvent:
        # Few days, so that many acts fall on one.
        day = FIRST + timedelta(days=self.random.choice((0, 0, 1, 3, 9, 30, 31, 60, 61, 90, 150, 200, DAYS)))
        if self.random.random() < 0.3:
            minutes = self.random.choice((0, 1, 719, 720, 1380, 1439))
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=minutes)
            return NewEvent(act, occurred_at=at, data=self.data(act, day))
        return NewEvent(act, occurred_on=day, data=self.data(act, day))

    def data(self, act: Act, day: date) -> dict[str, Any]:
        choose = self.random.choice
        match act:
            case Act.EXTENDED:
                stage = choose(("decide", "execute", "surrender"))
                return {"reason": "r", "stage": stage} | choose(
                    ({"days": 10}, {"until": str(day + timedelta(days=20))})
                )
            case Act.REFUSED | Act.DECLINED:
                return {"ground": "limitation", **self.items()}
            case Act.ACCEPTED | Act.PARTLY_EXECUTED | Act.EXECUTED | Act.POSTPONED | Act.WITHDRAWN:
                return self.items()
            case Act.RECEIVED:
                return choose(({}, {"documents": True}, {"documents": False}))
            case Act.CLOSED:
                return choose(({}, {"outcome": "lapsed"}))
            case Act.HEARING_FIXED | Act.SURRENDER_DATE_AGREED:
                return {"date": str(day + timedelta(days=choose((0, 7, 60))))}
            case Act.JUDICIAL_DECISION:
                return {"eligible": choose((True, False))}
            case Act.SPECIALITY_CONSENT_DECIDED:
                return {"granted": True}
            case Act.CONSENT_GIVEN:
                return choose(({}, {"revocable": True}))
            case Act.FURTHER_REQUEST_RECEIVED:
                return {"further_request": choose(list(FurtherRequest)).value}
            case Act.FORWARDED:
                return choose(({}, {"zone": "Atlantic/Canary"}, {"zone": "Asia/Almaty"}))
            case Act.REOPENED | Act.RECOMPUTED:
                return {"reason": "r"}
            case Act.RECLASSIFIED:
                return {"reclassified_as": "enquiry"}
        return {}

    def items(self) -> dict[str, Any]:
        return (
            {"items": [self.random.randint(1, len(self.forms))]}
            if self.forms and self.random.random() < 0.5
            else {}
        )


async def in_one_call(db: Database, dice: Dice, actor: Actor, events: Sequence[NewEvent]) -> UUID:
    return (await log_request(db, dice.request(events), actor=actor, now=NOW)).id


async def act_by_act(
    db: Database, dice: Dice, actor: Actor, events: Sequence[NewEvent], *, detours: bool = False
) -> UUID:
    """Record in random order. What the history so far refuses waits until more of it stands."""
    request_id = (await log_request(db, dice.request(), actor=actor, now=NOW)).id
    waiting = dice.random.sample(list(events), len(events))
    while waiting:
        refused = []
        for event in waiting:
            try:
                if detours and dice.random.random() < 0.5:
                    await detour(db, dice, actor, request_id, event)
                await record_event(db, request_id, event, actor=actor, now=NOW)
            except ActNotPossible:
                refused.append(event)
        assert len(refused) < len(waiting), f"no way to record the rest: {refused}"
        waiting = refused
    return request_id


async def detour(db: Database, dice: Dice, actor: Actor, request_id: UUID, event: NewEvent) -> None:
    """Record an act with a wrong date, replace it by another wrong one, and void that, if the history allows it."""
    for offset in dice.random.sample((1, 20, 45, 100), 2):
        wrong = NewEvent(event.type, occurred_on=FIRST + timedelta(days=offset), data=event.data)
        with suppress(ActNotPossible):
            made = (await record_event(db, request_id, wrong, actor=actor, now=NOW)).id
            again = replace(wrong, occurred_on=FIRST + timedelta(days=offset + 1))
            with suppress(ActNotPossible):
                await void_event(db, request_id, made, reason="r", replacement=again, actor=actor, now=NOW)
                made = await replacement_of(db, made)
            await void_event(db, request_id, made, reason="r", actor=actor, now=NOW)


async def replacement_of(db: Database, event_id: UUID) -> UUID:
    async with db.transaction(DbRole.OWNER) as tx:
        found: UUID = await tx.fetchval("select replacement_id from event_void where event_id = $1", event_id)
    return found


async def meaning(db: Database, request_id: UUID) -> dict[str, Any]:
    """The stored projection, with acts named by what they say and not by their ids."""
    async with db.transaction(DbRole.OWNER) as tx:
        stored = await stored_projection(tx, request_id)
        acts = await tx.fetch(
            """
            select e.*, v.event_id is not null as voided from request_event e
            left join event_void v on v.event_id = e.id where e.request_id = $1
            """,
            request_id,
        )
    named = {
        str(row["id"]): f"{row['type']} {row['occurred_on'] or row['occurred_at']} {row['data']}"
        for row in acts
    }
    whole = {
        "request": dict(stored.request),
        "clocks": sorted([key, dict(content)] for key, content in stored.clocks.items()),
        "checks": sorted([one.clock_key, one.kind, one.level, one.at, one.due_at] for one in stored.checks),
    }
    text = json.dumps(whole, default=str, sort_keys=True)
    for event_id, name in named.items():
        text = text.replace(event_id, name)
    found = json.loads(text)
    found["clocks"].sort(key=str)
    found["checks"].sort(key=str)
    return dict(found)


async def sound(db: Database, dice: Dice, actor: Actor) -> tuple[list[NewEvent], UUID]:
    """A random history that can be true, and the request that holds it from one call."""
    for _ in range(200):
        events = dice.history()
        try:
            return events, await in_one_call(db, dice, actor, events)
        except ActNotPossible:
            continue
    raise AssertionError("no possible history in 200")


@pytest.mark.parametrize("seeds", [SEEDS[:6], SEEDS[6:12], SEEDS[12:]], ids=str)
async def test_the_order_of_recording_never_changes_what_is_stored(db: Database, seeds: range) -> None:
    await with_shipped_limits(db)
    for seed in seeds:
        dice = Dice(seed)
        actor = await account(db, dice.requesting, dice.requested)
        events, whole = await sound(db, dice, actor)
        expected = await meaning(db, whole)
        assert expected["clocks"]
        for request_id in (
            await in_one_call(db, dice, actor, dice.random.sample(events, len(events))),
            await act_by_act(db, dice, actor, events),
            await act_by_act(db, dice, actor, events, detours=True),
        ):
            assert await meaning(db, request_id) == expected, (seed, events)
    assert (await rebuild(db, NOW, apply=False)).differing == 0


COUNTED_ANEW = range(36)
LONG_AFTER = datetime(2030, 1, 7, 12, tzinfo=UTC)


def handed_in(request: Drawn, events: Sequence[Event]) -> NewRequest:
    """A random request of the domain as a client logs it."""
    history = request.history
    return NewRequest(
        history.kind,
        history.requesting,
        history.requested,
        urgency=history.urgency,
        urgency_reason="Custody.",
        convention=history.convention if history.convention in load_conventions() else None,
        assistance=history.forms,
        wished_by=history.wished_by,
        wished_by_reason="Trial" if history.wished_by else None,
        events=[
            NewEvent(e.act, e.at, e.on, {k: v for k, v in e.data.items() if k != "in_reply_to"})
            for e in events
            if e.act is not Act.LINKED
        ],
    )


async def decree(db: Database, country: str, dice: random.Random) -> None:
    """The country declares two dozen holidays, and other weekends from a day half-way on."""
    days = {dice.choice(BEGINNINGS) + timedelta(days=dice.randint(0, 150)) for _ in range(60)}
    own = CalendarOverrides(
        holidays=tuple((day, "Decree") for day in sorted(days)),
        weekend=frozenset({4, 5}),
        weekend_from=dice.choice(sorted(days)),
    )
    head = await account(db, country, role=Role.HEAD)
    entry = NewCalendar(own, "Decree", {})
    await change_calendar(db, country, entry, expected=None, actor=head, now=LONG_AFTER)


async def test_requests_counted_anew_after_a_calendar_changed_are_as_if_logged_under_it(db: Database) -> None:
    await with_shipped_limits(db)
    dice = random.Random(COUNTED_ANEW.stop)
    logged: list[tuple[Drawn, Actor, UUID]] = []
    for request in map(drawn, COUNTED_ANEW):
        actor = await account(db, request.history.requesting, request.history.requested)
        with suppress(ActNotPossible):  # for a zone that only the builder knows of
            entry = handed_in(request, request.history.shuffled(request.seed).events)
            made = await log_request(db, entry, actor=actor, now=LONG_AFTER)
            logged.append((request, actor, made.id))
    assert len(logged) > len(COUNTED_ANEW) * 0.8
    for request, actor, request_id in logged:
        [*_, mistake] = handed_in(request, request.mistakes.events).events
        with suppress(ActNotPossible):
            wrong = await record_event(db, request_id, mistake, actor=actor, now=LONG_AFTER)
            await void_event(db, request_id, wrong.id, reason="r", actor=actor, now=LONG_AFTER)
    before = [await meaning(db, request_id) for _, _, request_id in logged]
    for country in sorted({c for r, _, _ in logged for c in (r.history.requesting, r.history.requested)}):
        await decree(db, country, dice)

    recounted = await recount_stale(db, LONG_AFTER)
    assert recounted.failed == ()
    assert recounted.changed > 0
    assert (await rebuild(db, LONG_AFTER, apply=False)).differing == 0
    after = [await meaning(db, request_id) for _, _, request_id in logged]
    assert sum(one != other for one, other in zip(before, after, strict=True)) >= recounted.changed
    for (request, actor, _), expected in zip(logged, after, strict=True):
        entry = handed_in(request, request.history.events)
        made = await log_request(db, entry, actor=actor, now=LONG_AFTER)
        assert await meaning(db, made.id) == expected, str(request)
    assert (await rebuild(db, LONG_AFTER, apply=False)).differing == 0
