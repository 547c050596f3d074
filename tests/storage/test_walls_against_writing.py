"""The wall of the database keeps what one does not see, and what is not one's own, from being written."""

import asyncpg
import pytest

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders.actors import seen_by
from tests.builders.secrets import OF_A_REQUEST, Secrets, with_secrets


@pytest.fixture
async def secrets(db: Database) -> Secrets:
    return await with_secrets(db)


WRITES = (
    "update request set assigned_requested = 'mine' where id = $1",
    "update request set assigned_requested = 'mine'",
    "update clock set due_on = '2030-01-01' where request_id = $1",
    "delete from clock where request_id = $1",
    "update flag set settled_at = now() where request_id = $1",
    "update free_text set sealed = null, salt = null where request_id = $1",
    "update person set part = 'other' where request_id = $1",
    "update person set part = 'other'",
    "delete from request_link where request_id = $1",
    "delete from clock_check where clock_id in (select id from clock where request_id = $1)",
)


@pytest.mark.parametrize("statement", WRITES)
async def test_what_one_does_not_see_one_does_not_change(
    db: Database, secrets: Secrets, statement: str
) -> None:
    for request_id in secrets.hidden:
        before = await _standing(db, request_id)
        async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
            await tx.execute(statement, *([request_id] if "$1" in statement else []))
        assert await _standing(db, request_id) == before


async def _standing(db: Database, request_id: object) -> list[str]:
    found = []
    async with db.transaction(DbRole.OWNER) as tx:
        for table in OF_A_REQUEST:
            column = "id" if table == "request" else "request_id"
            found += [
                str(row["row"])
                for row in await tx.fetch(
                    f"select {table}::text as row from {table} where {column} = $1", request_id
                )
            ]
    return sorted(found)


COPIES = (
    "insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_on, asserted_by,"
    " recorded_at) values (gen_random_uuid(), $1, {countries}, 'received', '2026-02-01', 'ES', now())",
    "insert into free_text (id, request_id, requesting_country, requested_country, field, body)"
    " values (gen_random_uuid(), $1, {countries}, 'subject', 'x')",
    "insert into free_text (id, request_id, requesting_country, requested_country, field, owner_country,"
    " recorded_by_account, recorded_at) values (gen_random_uuid(), $1, {countries}, 'side_note', 'ES', mla_account(),"
    " now())",
    "insert into person (id, request_id, requesting_country, requested_country, recorded_by, recorded_by_account, part,"
    " sealed, salt, commitment, created_at, updated_at) values (gen_random_uuid(), $1, {countries}, 'ES',"
    " mla_account(), 'other', 'x', 'x', 'x', now(), now())",
    "insert into record_key (request_id, requesting_country, requested_country, wrapped) values ($1, {countries}, 'x')",
    "insert into date_move (id, request_id, requesting_country, requested_country, clock_key, stage, causes, moved_at)"
    " values (gen_random_uuid(), $1, {countries}, 'x', 'decide', '{{x}}', now())",
    "insert into clock (id, request_id, requesting_country, requested_country, shared, recorded_by, request_kind,"
    " clock_key, limit_id, limit_version, basis, stage, effect, obligor, counted_in_country, state, explanation)"
    " values (gen_random_uuid(), $1, {countries}, true, 'ES', 'evidence', 'x', 'x', 1, 'law', 'decide', 'deadline',"
    " 'requested', 'ES', 'running', '{{}}')",
)


@pytest.mark.parametrize("statement", COPIES)
@pytest.mark.parametrize("countries", ["'MA', 'ES'", "'FR', 'DE'", "'ES', 'FR'"])
async def test_nothing_is_written_beside_a_request_that_its_writer_does_not_see(
    db: Database, secrets: Secrets, statement: str, countries: str
) -> None:
    for request_id in secrets.hidden:
        before = await _standing(db, request_id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
                await tx.execute(
                    "delete from record_key where false"
                )  # nothing but the wall stands in the way
                await tx.execute(statement.format(countries=countries), request_id)
        assert await _standing(db, request_id) == before


async def test_a_country_records_in_its_own_name_alone(db: Database, secrets: Secrets) -> None:
    forged = (
        "insert into request (id, kind, requesting_country, requested_country, recorded_by, urgency, status,"
        " created_at, updated_at) values (gen_random_uuid(), 'evidence', 'ES', 'MA', 'MA', 'routine', 'draft', now(),"
        " now())"
    )
    for statement in (
        forged,
        "insert into agreement (id, recorded_by, title, kind, scope, created_at, updated_at) values "
        "(gen_random_uuid(), 'MA', 'x', 'extradition', 'bilateral', now(), now())",
        "insert into opening_balance (id, country, side, first_day, count, reason, recorded_by_account, recorded_at) "
        "select gen_random_uuid(), 'MA', 'requested', '2026-01-01', 1, 'x', mla_account(), now()",
        "insert into idempotency_key (account_id, route, key, body_hash, created_at) select "
        f"'{secrets.morocco.account_id}', 'POST /y', 'k', 'x', now()",
        "insert into retention_rule (country, version, years, set_by_account, set_at) select 'MA', 2, 0, mla_account(),"
        " now()",
        "insert into person (id, request_id, requesting_country, requested_country, recorded_by, recorded_by_account,"
        " part, sealed, salt, commitment, created_at, updated_at) select gen_random_uuid(), id, requesting_country,"
        " requested_country, 'MA', mla_account(), 'other', 'x', 'x', 'x', now(), now() from request",
        "insert into free_text (id, request_id, requesting_country, requested_country, field, owner_country,"
        " recorded_by_account, recorded_at) select gen_random_uuid(), id, requesting_country, requested_country,"
        " 'side_note', 'MA', mla_account(), now() from request",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
                await tx.execute(statement)


@pytest.mark.parametrize("statement", [
    "update agreement set title = 'mine'",
    "delete from agreement_party",
    "update request set requesting_country = 'ES'",
    "update request set recorded_by = 'ES'",
    "delete from request",
    "update request_event set type = 'refused'",
    "delete from request_event",
    "delete from event_void",
    "delete from flag",
])  # fmt: skip
async def test_the_agreements_of_others_and_all_history_stand(
    db: Database, secrets: Secrets, statement: str
) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        parties = await tx.fetchval("select count(*) from agreement_party")
    try:
        async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
            await tx.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from agreement where title = 'mine'") == 0
        assert await tx.fetchval("select count(*) from agreement_party") == parties


@pytest.mark.parametrize("role", [Role.OFFICER, Role.MINISTRY, Role.AUDITOR])
async def test_texts_of_the_other_side_are_not_destroyed_by_who_cannot_read_them(
    db: Database, secrets: Secrets, role: Role
) -> None:
    """An UPDATE that reads nothing needs no right to read."""
    foreign = "select count(*) from free_text where sealed is not null and owner_country = 'MA'"
    async with db.transaction(DbRole.OWNER) as tx:
        before = await tx.fetchval(foreign)
    assert before > 0
    async with db.transaction(DbRole.API, viewer=seen_by("ES", role=role)) as tx:
        await tx.execute("update free_text set sealed = null, salt = null")
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval(foreign) == before


async def test_no_act_is_stated_or_taken_back_in_the_name_of_the_other_country(
    db: Database, secrets: Secrets
) -> None:
    stated = (
        "insert into request_event (id, request_id, requesting_country, requested_country, type, occurred_on,"
        " asserted_by, recorded_by_account, recorded_at) select gen_random_uuid(), id, requesting_country,"
        " requested_country, 'reminded', '2026-02-01', {country}, {account}, now() from request"
    )
    taken_back = (
        "insert into event_void (event_id, request_id, requesting_country, requested_country, voided_by,"
        " recorded_by_account, recorded_at) select e.id, e.request_id, e.requesting_country, e.requested_country,"
        " {country}, {account}, now() from request_event e where e.type = 'sent'"
    )
    of_morocco = f"'{secrets.morocco.account_id}'"
    for statement in (stated, taken_back):
        for country, account in (("'MA'", "mla_account()"), ("'ES'", of_morocco), ("'ES'", "null")):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
                    await tx.execute(statement.format(country=country, account=account))


async def test_nobody_ends_a_chain_of_the_audit_by_a_number_far_ahead(db: Database, secrets: Secrets) -> None:
    for role, viewer in ((DbRole.API, secrets.spain), (DbRole.JOBS, None)):
        for position in (2**31 - 1, 2, 99):
            with pytest.raises(asyncpg.UniqueViolationError, match="does not follow"):
                async with db.transaction(role, viewer=viewer) as tx:
                    await tx.execute(
                        "insert into audit_entry (id, chain_kind, chain_id, position, at, seen_by, what, details, mac)"
                        " values (gen_random_uuid(), 'calendar', gen_random_uuid(), $1, now(), '{}',"
                        " 'calendar.changed', '{}', decode(repeat('00', 32), 'hex'))",
                        position,
                    )
