"""The events of an agreement's life: recorded, refused, taken back."""

from uuid import uuid4

import pytest

from mla_tracker.commands.agreements import (
    NewAgreementEvent,
    change_agreement,
    record_agreement,
    record_event,
    void_event,
)
from mla_tracker.domain.errors import (
    ActNotPossible,
    AlreadyRecorded,
    DatedInFuture,
    IdempotencyKeyReused,
    InvalidEntry,
    NotFound,
)
from mla_tracker.domain.vocabulary import AgreementStatus
from mla_tracker.storage.agreements import PartyRow
from mla_tracker.storage.database import Database
from mla_tracker.storage.idempotency import IdempotencyKey
from tests.builders.register import (
    DRAFT,
    IN_FORCE,
    NOW,
    SIGNED,
    account,
    entry,
    event,
    listed,
    refused,
    refused_at,
    seen,
)


async def test_a_voided_signature_makes_an_agreement_secret_again(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    done = await record_agreement(db, entry(), actor=morocco, now=NOW)
    signature = await record_event(db, done.id, event("signed", "2026-03-01"), actor=morocco, now=NOW)
    await void_event(db, done.id, signature.id, reason="It was another treaty.", actor=morocco, now=NOW)
    await refused(seen(db, done.id, spain), NotFound)
    [voided] = (await seen(db, done.id, morocco)).events
    assert voided.voided is not None
    assert voided.voided.reason == "It was another treaty."


async def test_events_move_the_life_of_an_agreement(db: Database) -> None:
    morocco = await account(db, "MA")
    done = await record_agreement(db, entry(), actor=morocco, now=NOW)
    lived = [
        (event("negotiation_opened", "2018-01-01"), "negotiating"),
        (event("signed", "2019-05-01"), "signed"),
        (event("ratified", "2019-09-01", by="MA"), "signed"),
        (event("provisionally_applied", "2019-10-01"), "provisionally_applied"),
        (event("entered_into_force", "2020-01-01"), "in_force"),
        (event("suspended", "2021-01-01"), "suspended"),
        (event("resumed", "2021-07-01"), "in_force"),
        (event("denounced", "2025-12-01", by="ES", effective_on="2026-06-01"), "in_force"),
        (event("terminated", "2026-03-02"), "terminated"),
    ]
    for version, (happened, status) in enumerate(lived, start=2):
        await record_event(db, done.id, happened, actor=morocco, now=NOW)
        view = await seen(db, done.id, morocco)
        assert (view.status, view.version) == (status, version)
    assert [shown.type for shown in view.events] == [happened.type for happened, _ in lived]
    assert view.warnings == ()


async def test_a_party_whose_event_stands_cannot_be_removed(db: Database) -> None:
    morocco = await account(db, "MA")
    done = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW)
    ratified = await record_event(
        db, done.id, event("ratified", "2020-01-01", by="ES"), actor=morocco, now=NOW
    )
    changes = {"parties": (PartyRow(country="MA"), PartyRow(country="PT"))}
    call = change_agreement(db, done.id, changes, versions=None, actor=morocco, now=NOW)
    await refused(call, InvalidEntry, "/parties")
    await void_event(db, done.id, ratified.id, reason="Not they.", actor=morocco, now=NOW)
    assert await change_agreement(db, done.id, changes, versions=None, actor=morocco, now=NOW) == 4


WRONG_EVENTS = [
    (event("ratified", "2020-01-01", by="FR"), "/data/by"),
    (event("amended", "2020-01-01", by="MA"), "/data/by"),
    (event("signed", "2020-01-01", superseded_by=str(uuid4())), "/data/superseded_by"),
    (event("superseded", "2020-01-01", superseded_by=str(uuid4())), "/data/superseded_by"),
]


@pytest.mark.parametrize(("wrong", "pointer"), WRONG_EVENTS)
async def test_an_event_says_only_what_belongs_to_it(
    db: Database, wrong: NewAgreementEvent, pointer: str
) -> None:
    morocco = await account(db, "MA")
    done = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW)
    error = await refused_at(record_event(db, done.id, wrong, actor=morocco, now=NOW), pointer)
    assert isinstance(error, InvalidEntry)
    assert (await seen(db, done.id, morocco)).version == 1


async def test_an_agreement_is_superseded_by_one_that_the_account_sees(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    old = await record_agreement(db, entry(IN_FORCE), actor=morocco, now=NOW)
    secret = await record_agreement(db, entry(), actor=spain, now=NOW)
    for successor in (secret.id, old.id):
        wrong = event("superseded", "2026-01-01", superseded_by=str(successor))
        await refused_at(record_event(db, old.id, wrong, actor=morocco, now=NOW), "/data/superseded_by")
    new = await record_agreement(db, entry(IN_FORCE), actor=spain, now=NOW)
    right = event("superseded", "2026-01-01", superseded_by=str(new.id))
    await record_event(db, old.id, right, actor=morocco, now=NOW)
    assert (await seen(db, old.id, morocco)).status is AgreementStatus.TERMINATED


async def test_a_wrong_event_is_replaced_in_one_step_and_stays_on_record(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    done = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW)
    wrong = await record_event(db, done.id, event("entered_into_force", "2021-01-01"), actor=morocco, now=NOW)
    right = event("entered_into_force", "2020-01-01")
    await void_event(db, done.id, wrong.id, reason="A slip.", replacement=right, actor=morocco, now=NOW)

    view = await seen(db, done.id, morocco)
    assert [(str(e.occurred_on), e.voided is not None) for e in view.events] == [
        ("2020-01-01", False),
        ("2021-01-01", True),
    ]
    assert view.version == 3
    assert [str(e.occurred_on) for e in (await seen(db, done.id, spain)).events] == ["2020-01-01"]

    again = void_event(db, done.id, wrong.id, reason="Twice.", actor=morocco, now=NOW)
    await refused(again, ActNotPossible)
    await refused(void_event(db, done.id, uuid4(), reason="What?", actor=morocco, now=NOW), NotFound)
    late = event("resumed", "2026-03-03", by="FR")
    standing = next(e.id for e in view.events if e.voided is None)
    call = void_event(db, done.id, standing, reason="x", replacement=late, actor=morocco, now=NOW)
    await refused(call, DatedInFuture, "/replacement/occurred_on", "/replacement/data/by")
    assert (await seen(db, done.id, morocco)).version == 3


async def test_the_same_event_is_not_recorded_twice(db: Database) -> None:
    morocco = await account(db, "MA")
    done = await record_agreement(db, entry(), actor=morocco, now=NOW)
    await record_event(db, done.id, event("signed", "2026-03-01"), actor=morocco, now=NOW)
    await refused(
        record_event(db, done.id, event("signed", "2026-03-01"), actor=morocco, now=NOW), AlreadyRecorded
    )


async def test_a_repeated_call_records_once(db: Database) -> None:
    morocco = await account(db, "MA")

    def key(body: bytes = b"1", route: str = "agreements") -> IdempotencyKey:
        return IdempotencyKey(morocco.account_id, route, "k", body * 32)

    first = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW, idempotency=key())
    again = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW, idempotency=key())
    assert (again.id, again.replayed) == (first.id, True)
    other = record_agreement(db, entry(DRAFT), actor=morocco, now=NOW, idempotency=key(b"2"))
    await refused(other, IdempotencyKeyReused, "/Idempotency-Key")
    assert len(await listed(db, morocco)) == 1
    for _ in range(2):
        happened = event("amended", "2020-01-01")
        await record_event(db, first.id, happened, actor=morocco, now=NOW, idempotency=key(route="events"))
    [recorded] = (await seen(db, first.id, morocco)).events
    for _ in range(2):
        await void_event(
            db, first.id, recorded.id, reason="x", actor=morocco, now=NOW, idempotency=key(route="void")
        )
    assert (await seen(db, first.id, morocco)).version == 3
