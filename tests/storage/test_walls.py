"""The wall of the database, by raw SQL under the runtime role: no query filter of ours stands before it here."""

import asyncpg
import pytest

from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database, DbRole, Tx
from tests.builders.actors import seen_by
from tests.builders.secrets import MARK, OF_A_REQUEST, Secrets, with_secrets

FOR_ALL = {
    "convention_version": "lists of parties, published by depositaries",
    "zone_version": "rules of time zones",
    "job_slot": "runs of jobs, without a word on cases",
    "migration": "what the schema is",
    "vault_key": "fingerprints of keys",
    "audit_checkpoint": "sizes, roots and signatures, made to be published",
    "call_window": "how often was called, by account and by address",
    "change_head": "how many changes there were in all, which no runtime role may select",
    "audit_publication": "which of them were published",
}
"""Tables that are no country's, each with what it holds."""

PUBLISHED = {"limit_version", "calendar_version", "retention_rule"}
"""Behind the wall for writing only."""


@pytest.fixture
async def secrets(db: Database) -> Secrets:
    return await with_secrets(db)


async def walled(db: Database) -> list[str]:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') "
            "and relrowsecurity order by 1"
        )
    return [row["relname"] for row in rows]


async def test_every_table_is_behind_the_wall_or_known_to_hold_nothing_of_a_country(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        )
    assert {row["relname"] for row in rows} - set(await walled(db)) == set(FOR_ALL)


async def test_the_runtime_roles_own_nothing_and_stand_above_no_policy(db: Database) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        assert not await tx.fetch(
            "select rolname from pg_roles where rolname in ('mla_api', 'mla_jobs') "
            "and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb)"
        )
        assert not await tx.fetch(
            "select relname from pg_class where pg_get_userbyid(relowner) in ('mla_api', 'mla_jobs')"
        )


async def test_a_query_without_a_country_sees_nothing(db: Database, secrets: Secrets) -> None:
    tables = sorted(
        {*await walled(db)} - PUBLISHED - {"agreement", "agreement_party", "agreement_event", "change"}
    )
    for viewer in (None, seen_by(), seen_by("PT")):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            for table in tables:
                assert await tx.fetchval(f"select count(*) from {table}") == 0, table


@pytest.mark.parametrize("table", sorted({*OF_A_REQUEST} - {"request_link"}))
async def test_of_each_table_a_country_sees_the_rows_of_its_own_requests_alone(
    db: Database, secrets: Secrets, table: str
) -> None:
    column = "id" if table == "request" else "request_id"
    async with db.transaction(DbRole.OWNER) as tx:
        there = {row[0] for row in await tx.fetch(f"select distinct {column} from {table}")}
    assert there & secrets.seen, "the test would prove nothing"
    assert there & secrets.hidden, "the test would prove nothing"
    for viewer, shown in (
        (secrets.spain, secrets.seen),
        (seen_by("DE"), {secrets.of_others}),
    ):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            assert {
                row[0] for row in await tx.fetch(f"select distinct {column} from {table}")
            } == there & shown


async def test_a_link_to_a_request_that_one_may_not_see_is_not_seen(db: Database, secrets: Secrets) -> None:
    links = "select count(*) from request_event where type = 'linked' and request_id = any($1)"
    async with db.transaction(DbRole.API, viewer=secrets.morocco) as tx:
        assert await tx.fetchval(links, list(secrets.seen)) == 2
        assert (
            await tx.fetchval(
                "select count(*) from request_link where request_id = any($1)", list(secrets.seen)
            )
            == 2
        )
    async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
        assert await tx.fetchval(links, list(secrets.seen)) == 1
        assert await tx.fetchval("select count(*) from request_link") == 1


async def test_no_hidden_word_is_in_anything_that_a_country_can_select(
    db: Database, secrets: Secrets
) -> None:
    everything = "select {table}::text as row from {table}"
    async with db.transaction(DbRole.OWNER) as tx:
        held = [
            table for table in await _tables(tx)
            if any(MARK in row["row"] for row in await tx.fetch(everything.format(table=table)))
        ]  # fmt: skip
    assert {"request", "agreement", "opening_balance", "idempotency_key"} <= set(held)
    async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
        for table in held:
            assert not [
                row for row in await tx.fetch(everything.format(table=table)) if MARK in row["row"]
            ], table


async def _tables(tx: Tx) -> list[str]:
    rows = await tx.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') "
        "and has_table_privilege('mla_api', oid, 'select') order by 1"
    )
    return [row["relname"] for row in rows]


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
async def test_who_does_not_work_on_cases_selects_no_text_nor_its_key(
    db: Database, secrets: Secrets, role: Role
) -> None:
    async with db.transaction(DbRole.API, viewer=seen_by("ES", role=role)) as tx:
        assert await tx.fetchval("select count(*) from request") == 2
        assert await tx.fetchval("select count(*) from free_text") == 0
        assert await tx.fetchval("select count(*) from record_key") == 0
        assert await tx.fetchval("select count(*) from person") == 0


async def test_a_note_is_seen_by_its_own_side_alone(db: Database, secrets: Secrets) -> None:
    notes = "select count(*) from free_text where field = 'note' and request_id = any($1)"
    async with db.transaction(DbRole.API, viewer=secrets.morocco) as tx:
        assert await tx.fetchval(notes, list(secrets.seen)) == 1
    async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
        assert await tx.fetchval(notes, list(secrets.seen)) == 1
        assert (
            await tx.fetchval("select count(distinct owner_country) from free_text where field = 'note'") == 1
        )


async def test_a_note_of_a_side_is_not_there_for_the_other(db: Database, secrets: Secrets) -> None:
    notes = "select owner_country from free_text where field = 'side_note'"
    for viewer, own in ((secrets.morocco, "MA"), (secrets.spain, "ES")):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            found = await tx.fetch(notes)
            assert {row["owner_country"] for row in found} == {own}
            changed = await tx.execute(
                "update free_text set erased_for = 'ordered' where field = 'side_note'"
            )
            assert changed == f"UPDATE {len(found)}"


async def test_a_person_is_seen_by_both_sides_and_changed_by_the_one_that_recorded_it(
    db: Database, secrets: Secrets
) -> None:
    for viewer, own in ((secrets.morocco, "MA"), (secrets.spain, "ES")):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            seen = "where request_id = any($1)"
            both = await tx.fetch(f"select recorded_by from person {seen}", list(secrets.seen))
            assert {row["recorded_by"] for row in both} == {"MA", "ES"}
            changed = await tx.fetch(
                f"update person set version = 7 {seen} returning recorded_by", list(secrets.seen)
            )
            assert [row["recorded_by"] for row in changed] == [own]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(DbRole.API, viewer=secrets.spain) as tx:
            await tx.execute("delete from person")


@pytest.mark.parametrize("handling", ["restricted", "confidential"])
async def test_a_case_that_few_may_handle_is_seen_by_those_few(
    db: Database, secrets: Secrets, handling: str
) -> None:
    one = min(secrets.seen)
    officer = seen_by("ES")
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update request set handling = $2 where id = $1", one, handling)
        await tx.execute("update clock set handling = $2 where request_id = $1", one, handling)
    for viewer, sees in (
        (officer, handling == "restricted"),
        (secrets.spain, True),  # its head, while nobody of Spain is named
        (seen_by("ES", role=Role.MINISTRY), False),
        (seen_by("ES", role=Role.INTEGRATION), False),
        (seen_by("ES", role=Role.AUDITOR), False),
    ):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            for table in OF_A_REQUEST:
                column = "id" if table == "request" else "request_id"
                shown = await tx.fetchval(f"select count(*) from {table} where {column} = $1", one)
                if not sees:
                    assert shown == 0, (table, viewer.role)
                elif table in ("request", "clock", "request_event"):
                    assert shown > 0, (table, viewer.role)


async def test_once_somebody_is_named_a_confidential_case_is_theirs_alone(
    db: Database, secrets: Secrets
) -> None:
    one = min(secrets.seen)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute("update request set handling = 'confidential' where id = $1", one)
        await tx.execute(
            "insert into request_reader select id, requesting_country, requested_country, 'ES', $2, $2, now() "
            "from request where id = $1",
            one,
            secrets.spain.account_id,
        )
    head = seen_by("ES", role=Role.HEAD)
    for viewer, sees in ((secrets.spain, 1), (head, 0), (secrets.morocco, 1)):
        async with db.transaction(DbRole.API, viewer=viewer) as tx:
            assert await tx.fetchval("select count(*) from request where id = $1", one) == sees
            readers = await tx.fetchval("select count(*) from request_reader where request_id = $1", one)
            assert readers == (1 if viewer == secrets.spain else 0)


async def test_jobs_read_no_text_and_no_key_of_it(db: Database, secrets: Secrets) -> None:
    for statement in (
        "select sealed from free_text",
        "select salt from free_text",
        "select body from free_text",
        "select sealed from person",
        "select salt from person",
        "select part from person",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(DbRole.JOBS) as tx:
                await tx.fetch(statement)
