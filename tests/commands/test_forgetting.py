"""Forgetting what is over: all of it, for good, once, and with a history that stays whole."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from mla_tracker.commands.amending import amend_request
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.persons import record_person
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.requests import record_event
from mla_tracker.commands.retention import BATCH, forget_due
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.vocabulary import Act, RequestKind, Role
from mla_tracker.queries import notes as note_queries
from mla_tracker.queries import persons as person_queries
from mla_tracker.queries import requests as queries
from mla_tracker.scheduler.jobs import scheduled_jobs
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.vault import SealBroken, unseal
from tests.builders.counted import a_case, as_owner, row_of, with_shipped_limits
from tests.builders.forgetting import SECRETS, at, closed_case, dump, erased, rule
from tests.builders.persons import a_person
from tests.builders.register import account, refused


@pytest.fixture
async def morocco(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "MA", role=Role.HEAD)


@pytest.fixture
async def spain(db: Database) -> Actor:
    return await account(db, "ES", role=Role.HEAD)


async def test_nothing_of_an_erased_request_is_left_but_its_facts(
    db: Database, morocco: Actor, spain: Actor
) -> None:
    case = await closed_case(db, morocco)
    kept = await closed_case(db, morocco, kind=RequestKind.EXTRADITION)
    await rule(db, morocco, 5, extradition=30)
    await rule(db, spain, 5, extradition=30)
    async with db.transaction(DbRole.OWNER) as tx:
        salts = [
            row["bytes"].hex()
            for row in await tx.fetch(
                "select unnest(array[sealed, salt]) as bytes from free_text where request_id = $1 union all "
                "select unnest(array[sealed, salt]) from person where request_id = $1 union all "
                "select wrapped from record_key where request_id = $1",
                case,
            )
        ]
    assert len(salts) > 12
    before, acts = await row_of(db, case), (await dump(db))["request_event"]
    now = at("2031-03-07")
    done = await forget_due(db, now)
    assert [(one.request_id, one.closed_on, one.kept_until) for one in done.requests] == [
        (case, date(2026, 3, 5), date(2031, 3, 5))
    ]
    assert done.looked_at == 2
    held = "\n".join(line for lines in (await dump(db)).values() for line in lines)
    assert [one for one in salts if one in held] == []
    assert [word for word in SECRETS if word in held or word.encode().hex() in held] == []
    after = await row_of(db, case)
    assert after["erased_at"] == now
    assert after["version"] == before["version"] + 1
    changed = {"erased_at", "version", "updated_at", "version_requesting", "version_requested"}
    changed |= {"updated_requesting_at", "updated_requested_at"}
    for side in ("requesting", "requested"):
        assert after[f"version_{side}"] == before[f"version_{side}"] + 1
    assert {name: after[name] for name in after.keys() - changed} == {
        name: before[name] for name in before.keys() - changed
    }
    assert (await dump(db))["request_event"] == acts
    async with db.transaction(DbRole.OWNER) as tx:
        [entry] = await tx.fetch(
            "select * from audit_entry where what = 'request.erased' and chain_id = $1 and seen_by <> '{}'",
            case,
        )
        assert (entry["account_id"], entry["seen_by"], entry["country"]) == (None, ["ES", "MA"], None)
        assert (
            await tx.fetchval(
                "select count(*) from free_text where erased_at is null and request_id = $1", case
            )
            == 0
        )
        assert (
            await tx.fetchval(
                "select count(*) from free_text where erased_at is null and request_id = $1", kept
            )
            > 5
        )
    assert (await verify(db)).findings == ()
    assert (await rebuild(db, now, apply=False)).differing == 0


async def test_an_erased_request_answers_texts_as_null_and_says_when_it_was_erased(
    db: Database, morocco: Actor, spain: Actor
) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 0)
    await rule(db, spain, 0)
    now = at("2026-06-01")
    assert await erased(db, now) == {case}
    async with db.transaction(DbRole.API, viewer=morocco, read_only=True) as tx:
        view = await queries.request(tx, case, actor=morocco, now=now)
        acts = await queries.history(tx, case, actor=morocco, now=now)
        persons = await person_queries.persons(tx, case, actor=morocco, after=None, as_of=now, limit=9)
        notes = await note_queries.notes(tx, case, actor=morocco, after=None, as_of=now, limit=9)
        [listed] = await queries.requests(
            tx, queries.RequestFilter(), actor=morocco, after=None, as_of=now, limit=9
        )
    assert (view["subject"], view["urgency_reason"], view["wished_by_reason"]) == (None, None, None)
    assert view["erased_at"] == listed["erased_at"] == now
    assert not [warning for warning in view["warnings"] if "reason" in warning]
    assert {act["type"] for act in acts} == {"sent", "withdrawn", "closed"}
    assert {act["note"] for act in acts} == {None}
    assert not any("reason" in act["data"] for act in acts)
    [person], [note] = persons, notes
    assert (person["names"], person["erased_for"], person["erased_at"]) == (None, "retention", now)
    assert (note["text"], note["erased_for"], note["author"]) == (None, "retention", "An authority")


async def test_nothing_is_sealed_for_an_erased_request_any_more(
    db: Database, morocco: Actor, spain: Actor
) -> None:
    case = await closed_case(db, morocco)
    bare = a_case().then("sent", "2026-03-02").then("withdrawn", "2026-03-03").then("closed", "2026-03-04")
    without_texts = await bare.logged(db, morocco)
    await rule(db, morocco, 0)
    await rule(db, spain, 0)
    now = at("2026-06-01")
    assert await erased(db, now) == {case, without_texts}
    reason = {"reason": "new hope"}
    reopened = NewEvent(Act.REOPENED, occurred_on=date(2026, 5, 1), data=reason)
    reminded = NewEvent(Act.REMINDED, occurred_on=date(2026, 3, 2))
    for one in (case, without_texts):  # also where there was no text and so no key
        for attempt in (
            record_person(db, one, a_person().entry, actor=morocco, now=now),
            record_note(db, one, "x", actor=morocco, now=now),
            amend_request(db, one, {"subject": "x"}, expected=None, actor=morocco, now=now),
            record_event(db, one, reopened, actor=morocco, now=now),
            record_event(db, one, replace(reminded, note="x"), actor=morocco, now=now),
        ):
            error = await refused(attempt, InvalidEntry)
            assert error.detail.startswith("The texts and persons of this request were erased")
            assert "new request" in error.detail
    # What needs no text goes on, though the reason of its urgency is gone.
    await amend_request(db, case, {"assigned_to": "desk 4"}, expected=None, actor=morocco, now=now)
    await record_event(db, case, reminded, actor=morocco, now=now)
    assert (await verify(db)).findings == ()


async def test_a_dry_run_erases_nothing(db: Database, morocco: Actor) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 1)
    before = await dump(db)
    assert await erased(db, at("2030-01-01"), dry_run=True) == {case}
    assert await dump(db) == before
    assert await erased(db, at("2030-01-01")) == {case}
    assert await erased(db, at("2030-01-01")) == set()


async def test_what_is_in_other_hands_waits_and_what_was_begun_goes_on_after_it_was_broken_off(
    db: Database, morocco: Actor
) -> None:
    cases = {await closed_case(db, morocco) for _ in range(5)}
    await rule(db, morocco, 1)
    now = at("2030-01-01")
    busy = min(cases)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("select from request where id = $1 for update", busy)
        assert await asyncio.create_task(erased(db, now, page=2, batch=1)) == cases - {busy}
    assert await erased(db, now) == {busy}
    assert (await verify(db)).findings == ()


async def test_a_run_that_fails_in_the_middle_keeps_what_it_did_and_halves_nothing(
    db: Database, morocco: Actor
) -> None:
    cases = sorted([await closed_case(db, morocco) for _ in range(3)])
    await rule(db, morocco, 1)
    now = at("2030-01-01")
    # The last of them cannot be erased: the audit of it is refused.
    await as_owner(
        db,
        f"alter table audit_entry add constraint broken check (chain_id <> '{cases[-1]}' or what <> 'request.erased')",
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await forget_due(db, now, batch=2)
    rows = [await row_of(db, case) for case in cases]
    assert [row["erased_at"] is not None for row in rows] == [True, True, False]
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval(
            "select wrapped is not null from record_key where request_id = $1", cases[-1]
        )
    await as_owner(db, "alter table audit_entry drop constraint broken")
    assert await erased(db, now) == {cases[-1]}


async def test_two_runs_at_once_erase_each_request_once(db: Database, morocco: Actor) -> None:
    cases = {await closed_case(db, morocco) for _ in range(4)}
    await rule(db, morocco, 1)
    now = at("2030-01-01")
    done = await asyncio.gather(*(forget_due(db, now, page=2, batch=1) for _ in range(3)))
    found = [one.request_id for run in done for one in run.requests]
    assert len(found) == len(set(found))
    assert {*found, *await erased(db, now)} == cases
    async with db.transaction(DbRole.OWNER) as tx:
        told = "select count(*) from audit_entry where what = 'request.erased' and seen_by <> '{}'"
        assert await tx.fetchval(told) == len(cases)


async def test_a_copy_of_the_texts_from_before_is_not_read_with_the_keys_from_after(
    db: Database, morocco: Actor
) -> None:
    case = await closed_case(db, morocco)
    await rule(db, morocco, 1)
    async with db.transaction(DbRole.OWNER) as tx:
        copied = await tx.fetch("select id, sealed from person union all select id, sealed from free_text")
        wrapped = await tx.fetchval("select wrapped from record_key where request_id = $1", case)
    assert db.vault is not None
    key = db.vault.record_key(case, wrapped)
    assert len({unseal(key, row["sealed"], row["id"]) for row in copied}) > 5  # as it was, all is read
    assert await erased(db, at("2030-01-01")) == {case}
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow("select * from record_key where request_id = $1", case)
        others = await tx.fetch("select wrapped from record_key where wrapped is not null")
    assert row is not None
    assert (row["wrapped"], row["destroyed_at"]) == (None, at("2030-01-01"))
    assert not others
    for key in (db.vault.text_key, db.vault.audit_key):
        for text in copied:
            with pytest.raises(SealBroken):
                unseal(key, text["sealed"], text["id"])


async def test_the_daily_job_erases_and_tells_numbers_alone(db: Database, morocco: Actor) -> None:
    await closed_case(db, morocco)
    await rule(db, morocco, 1)
    [job] = [one for one in scheduled_jobs(Settings()) if one.name == "retention"]
    assert job.interval == timedelta(days=1)
    assert await job.work(db, at("2030-01-01")) == {"looked_at": 1, "erased": 1}
    assert await job.work(db, at("2030-01-02")) == {"looked_at": 0, "erased": 0}


async def test_more_than_a_batch_is_erased_in_one_run(db: Database, morocco: Actor) -> None:
    await rule(db, morocco, 1)
    bare = a_case().then("sent", "2026-03-02").then("withdrawn", "2026-03-03").then("closed", "2026-03-04")
    for _ in range(BATCH + 2):
        await bare.logged(db, morocco)
    assert len(await erased(db, at("2030-01-01"), page=BATCH + 1)) == BATCH + 2
