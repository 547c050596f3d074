"""The tables that Piccolo knows are those of the schema, column by column."""

import re
from pathlib import Path

import pytest
from piccolo.table import Table

import mla_tracker
from mla_tracker.domain import persons, vocabulary
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.tables import TABLES, columns


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table._meta.tablename)
async def test_a_table_has_the_columns_types_and_nulls_of_the_schema(
    db: Database, table: type[Table]
) -> None:
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        rows = await tx.fetch(
            """
            select a.attname as name, format_type(a.atttypid, null) as type, not a.attnotnull as nullable
            from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
            order by a.attnum
            """,
            table._meta.tablename,
        )
    in_schema = [(row["name"], row["type"], row["nullable"]) for row in rows]
    in_piccolo = [
        (column._meta.name, _type(column.column_type), column._meta.null) for column in columns(table)
    ]
    assert in_piccolo == in_schema


def _type(name: str) -> str:
    spelled = {"TIMESTAMPTZ": "timestamp with time zone", "INTEGER": "integer", "BIGINT": "bigint"}
    return spelled.get(name, name.lower())


# The words of each closed list, and the columns that hold them.
CHECKED = {
    "account.role": vocabulary.Role,
    "agreement.kind": vocabulary.AgreementKind,
    "agreement.scope": vocabulary.AgreementScope,
    "agreement_event.type": vocabulary.AgreementAct,
    "limit_version.basis": vocabulary.Basis,
    "limit_version.stage": vocabulary.Stage,
    "request.kind": vocabulary.RequestKind,
    "request.urgency": vocabulary.Urgency,
    "request.status": vocabulary.Status,
    "request.custody": vocabulary.Custody,
    "request.outcome": vocabulary.Outcome,
    "request_event.type": vocabulary.Act,
    "request_link.relation": vocabulary.LinkRelation,
    "clock.request_kind": vocabulary.RequestKind,
    "clock.basis": vocabulary.Basis,
    "clock.stage": vocabulary.Stage,
    "clock.tier": vocabulary.Tier,
    "clock.effect": vocabulary.Effect,
    "clock.obligor": vocabulary.Obligor,
    "clock_check.kind": vocabulary.FlagKind,
    "person.part": persons.Part,
    "person.erased_for": persons.ErasureGround,
    "free_text.erased_for": persons.ErasureGround,
    "flag.kind": vocabulary.FlagKind,
    "flag.stage": vocabulary.Stage,
    "flag.obligor": vocabulary.Obligor,
}
READ_NOT_STORED = {vocabulary.ClockState.OVERDUE, vocabulary.ClockState.EXPIRED}


@pytest.mark.parametrize("column", CHECKED)
async def test_the_database_takes_exactly_the_words_of_the_vocabulary(db: Database, column: str) -> None:
    assert await _words(db, column) == {str(word.value) for word in CHECKED[column]}


async def test_a_stored_clock_is_never_overdue_since_that_depends_on_the_day_of_reading(db: Database) -> None:
    stored = {str(state.value) for state in set(vocabulary.ClockState) - READ_NOT_STORED}
    assert await _words(db, "clock.state") == stored


async def _words(db: Database, column: str) -> set[str]:
    table, name = column.split(".")
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        rows = await tx.fetch(
            """
            select (regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''::text', 'g'))[1] as word
            from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
            where c.contype = 'c' and c.conrelid = $1::regclass and a.attname = $2 and cardinality(c.conkey) = 1
            """,
            table,
            name,
        )
    return {row["word"] for row in rows}


@pytest.mark.parametrize("role", [DbRole.API, DbRole.JOBS])
@pytest.mark.parametrize("table", ["request_event", "event_void"])
@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
async def test_no_runtime_role_can_change_or_delete_history(
    db: Database, role: DbRole, table: str, right: str
) -> None:
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert not await tx.fetchval("select has_table_privilege($1, $2, $3)", role.value, table, right)


@pytest.mark.parametrize("role", [DbRole.API, DbRole.JOBS])
async def test_runtime_roles_own_nothing_and_cannot_log_in(db: Database, role: DbRole) -> None:
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        owned = await tx.fetchval(
            "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = $1",
            role.value,
        )
        login = await tx.fetchval(
            "select rolcanlogin or rolbypassrls from pg_roles where rolname = $1", role.value
        )
    assert (owned, login) == (0, False)


NAMED_BEFORE = r"(?!\s*from\s*(?:\(|mla_\w+\(|recent\b|job_slot\b))"  # where the columns are named around it
STARS = re.compile(rf"\b(?:select|returning)\s+(?:\w+\.)?\*{NAMED_BEFORE}|\b\w+\.\*(?=,| from)", re.I)


@pytest.mark.parametrize(
    "module", sorted(Path(mla_tracker.__file__).parent.rglob("*.py")), ids=lambda path: path.stem
)
def test_no_statement_reads_all_columns_of_a_table_whatever_they_will_be(module: Path) -> None:
    """A column that a newer program adds would change the form of rows for which a statement is prepared."""
    assert STARS.findall(module.read_text()) == []


@pytest.mark.parametrize(
    "module", sorted(Path(mla_tracker.__file__).parent.rglob("*.py")), ids=lambda path: path.stem
)
def test_no_cursor_is_the_drivers_own(module: Path) -> None:
    """It leaves a named statement on the connection, which behind a pooler meets that of another process."""
    assert "connection.cursor(" not in module.read_text()
