"""A database of countries that keep secrets from each other: what Spain may see, and what it must never learn of."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from mla_tracker.commands.agreements import record_agreement
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.opening_balances import NewBalance, restate_opening
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.requests import log_request, record_event, void_event
from mla_tracker.commands.sealing import seal
from mla_tracker.commands.webhooks import create_webhook
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, RequestKind, Role, Side, Urgency
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey
from tests.builders import register
from tests.builders.counted import NOW, THE_DAY_BEFORE, CaseBuilder, a_case, with_shipped_limits
from tests.builders.persons import a_person

OF_A_REQUEST = (
    "request", "request_event", "event_void", "request_link", "free_text", "record_key", "clock", "flag", "date_move",
    "person",
)  # fmt: skip
"""Tables whose rows are of one request each."""


MARK = "never to be read in Madrid"


@dataclass(frozen=True)
class Secrets:
    """Two requests that Spain is a party to and sees, two that it must not: a draft to it, and one of others."""

    morocco: Actor
    spain: Actor
    france: Actor
    seen: frozenset[UUID]
    hidden: frozenset[UUID]
    of_others: UUID


async def with_secrets(db: Database) -> Secrets:
    """Requests with acts, voids, links, texts, flags and moves; agreements before and after signature; balances."""
    await with_shipped_limits(db)
    morocco = await register.account(db, "MA", role=Role.HEAD)
    spain = await register.account(db, "ES", role=Role.HEAD)
    france = await register.account(db, "FR", "DE", role=Role.HEAD)
    sent = a_case().then("sent", "2026-01-05").then("received", "2026-01-07")
    seen = [
        await _logged(db, sent, morocco, "seen"),
        await _logged(db, sent.between("ES", "MA"), spain, "seen"),
    ]
    proceedings = a_case(RequestKind.PROCEEDINGS)
    hidden = [
        await _logged(db, proceedings.then("drafted", "2026-01-05"), morocco, MARK),
        await _logged(
            db,
            proceedings.between("FR", "DE").then("sent", "2026-01-05").then("received", "2026-01-07"),
            france,
            MARK,
        ),
    ]
    for actor, one, other in (
        (morocco, seen[0], hidden[0]),
        (morocco, hidden[0], seen[0]),
        (france, hidden[1], hidden[1]),
        (spain, seen[1], seen[0]),
    ):
        if one != other:
            link = NewEvent(
                Act.LINKED,
                occurred_on=date(2026, 1, 9),
                data={"request_id": str(other), "relation": "related"},
            )
            await record_event(db, one, link, actor=actor, now=THE_DAY_BEFORE)
        act = Act.DRAFTED if one == hidden[0] else Act.REMINDED
        noted = NewEvent(act, occurred_on=date(2026, 1, 9), note=MARK if one in hidden else "note")
        made = await record_event(db, one, noted, actor=actor, now=THE_DAY_BEFORE)
        await void_event(
            db, one, made.id, reason=MARK if one in hidden else "wrong", actor=actor, now=THE_DAY_BEFORE
        )
        await a_person(MARK if one in hidden else "seen").recorded(db, one, actor, THE_DAY_BEFORE)
        await record_note(db, one, "note" if actor is spain else MARK, actor=actor, now=THE_DAY_BEFORE)
    await flag_due(db, NOW)
    draft = replace(register.DRAFT, title=MARK)
    await record_agreement(db, register.entry(draft), actor=morocco, now=NOW)
    await record_agreement(db, register.entry(register.SIGNED), actor=morocco, now=NOW)
    for actor, country, text in ((morocco, "MA", MARK), (spain, "ES", "books")):
        await restate_opening(
            db,
            NewBalance(country, Side.REQUESTED, None, date(2026, 1, 1), 3, text),
            actor=actor, now=NOW, idempotency=IdempotencyKey(actor.account_id, "POST /x", text, b"0" * 32),
        )  # fmt: skip
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            """
            insert into date_move
                (id, request_id, requesting_country, requested_country, clock_key, stage, causes, moved_at)
            select gen_random_uuid(), id, requesting_country, requested_country, 'x', 'decide', '{calendar ES 1}', now()
            from request
            """
        )
    await create_webhook(db, "https://hooks.example.org/", None, reach=Reach(), actor=morocco, now=NOW)
    await seal(db, NOW)
    return Secrets(morocco, spain, france, frozenset(seen), frozenset(hidden), hidden[1])


async def _logged(db: Database, case: CaseBuilder, actor: Actor, text: str) -> UUID:
    entry = replace(
        case.entry,
        subject=text,
        urgency=Urgency.URGENT,
        urgency_reason=text,
        external_reference=f"{text} {actor.countries[0]} {case.entry.kind}",
        reference_requesting=text,
        assigned_to=text,
    )
    return (await log_request(db, entry, actor=actor, now=THE_DAY_BEFORE)).id
