"""Whoever owns the database and takes its triggers away still changes nothing unseen: every way is tried here."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from mla_tracker.commands.sealing import seal
from mla_tracker.commands.verifying import verify, verify_in
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.audit_checking import Fault, Finding
from mla_tracker.domain.checkpoints import Checkpoint
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import AUDITED
from mla_tracker.storage.checkpoints import signed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.vault import Vault
from tests.builders.audited import a_full_register
from tests.builders.counted import NOW

FEWEST_VARIANTS = 300


@dataclass(frozen=True)
class Variant:
    """A way of tampering, and what must be said of it."""

    name: str
    statements: Sequence[str]
    found: Callable[[Finding], bool]


class Undone(Exception):
    pass


@pytest.fixture
async def sealed(db: Database) -> Database:
    """A register sealed twice, whose owner has taken every constraint and trigger of it away."""
    await a_full_register(db)
    await seal(db, NOW, at_once=7)
    chain = Chain.named(ChainKind.SETTING, "of a test")
    for minute in range(4):
        async with db.transaction(DbRole.JOBS) as tx:
            await append(
                tx,
                chain,
                What.SETTING_CHANGED,
                [],
                actor=None,
                now=NOW + timedelta(minutes=minute),
                seen_by=["MA"],
            )
    async with db.transaction(DbRole.JOBS) as tx:
        await append(tx, chain, What.REQUEST_READ, [], actor=None, now=NOW, seen_by=["MA"])
    await seal(db, NOW + timedelta(minutes=5))
    async with db.transaction(DbRole.OWNER) as tx:
        for table in ("audit_entry", "audit_checkpoint", *AUDITED):
            await _laid_open(tx, table)
    return db


async def _laid_open(tx: Tx, table: str) -> None:
    await tx.execute(f"alter table {table} disable trigger user")
    # Keys go last, since others refer to them.
    for row in await tx.fetch(
        "select conname from pg_constraint where conrelid = $1::regclass and contype not in ('n', 't') "
        "order by contype in ('p', 'u')",
        table,
    ):
        await tx.execute(f'alter table {table} drop constraint if exists "{row["conname"]}" cascade')
    for row in await tx.fetch(
        "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and attnotnull", table
    ):
        await tx.execute(f'alter table {table} alter column "{row["attname"]}" drop not null')


@asynccontextmanager
async def undone(db: Database) -> AsyncIterator[Tx]:
    """A transaction as the owner that leaves nothing behind."""
    try:
        async with db.transaction(DbRole.OWNER) as tx:
            yield tx
            raise Undone
    except Undone:
        pass


async def test_a_register_that_nobody_tampered_with_is_clean(sealed: Database) -> None:
    done = await verify(sealed)
    assert done.findings == ()
    assert done.found == done.unsealed == 0
    assert done.rows is not None
    assert done.rows > 150
    assert done.checkpoints > 5


async def test_every_way_of_tampering_is_found_and_named(
    sealed: Database, record_property: Callable[[str, object], None]
) -> None:
    async with sealed.transaction(DbRole.OWNER, read_only=True) as tx:
        variants = [*await _of_entries(tx), *await _of_checkpoints(tx), *await _of_rows(tx)]
    names = [variant.name for variant in variants]
    assert len(set(names)) == len(names)
    unseen = []
    for variant in variants:
        async with undone(sealed) as tx:
            for statement in variant.statements:
                assert not (await tx.execute(statement)).endswith(" 0"), variant.name
            done = await verify_in(tx)
        if not any(variant.found(finding) for finding in done.findings):
            unseen.append((variant.name, [finding.sentence for finding in done.findings]))
    assert not unseen, "\n".join(f"{name}: {said}" for name, said in unseen)
    record_property("variants", len(variants))
    print(f"{len(variants)} ways of tampering, all found")  # noqa: T201 - the figure that is asked for
    assert len(variants) >= FEWEST_VARIANTS


OTHER_VALUE = {
    "text": "coalesce({0}, '') || 'X'",
    "_text": "array_append(coalesce({0}, '{{}}'), 'XX')",
    "uuid": "gen_random_uuid()",
    "int4": "coalesce({0}, 0) + 1000",
    "int8": "coalesce({0}, 0) + 1000",
    "bool": "not {0}",
    "date": "coalesce({0}, '2026-01-01') + 1",
    "timestamptz": "coalesce({0}, '2026-01-01') + interval '1 microsecond'",
    "jsonb": "jsonb_build_array({0})",
    "bytea": "coalesce({0}, '') || '\\x00'::bytea",
}


async def _columns(tx: Tx, table: str) -> dict[str, str]:
    found = await tx.fetch(
        "select column_name, udt_name from information_schema.columns where table_name = $1", table
    )
    return {row["column_name"]: row["udt_name"] for row in found}


async def _of_entries(tx: Tx) -> list[Variant]:
    """Every column of an entry in the middle of a chain, at its end, and beside it; and all that can be moved."""
    chain = Chain.named(ChainKind.SETTING, "of a test")
    first, second, third, last, reading = (
        str(row["id"])
        for row in await tx.fetch(
            "select id from audit_entry where chain_id = $1 order by position nulls last", chain.id
        )
    )
    agreement = str(
        await tx.fetchval("select id from audit_entry where what = 'agreement.changed' order by id limit 1")
    )
    told = {"first": first, "second": second, "last": last, "reading": reading, "a change": agreement}
    variants = []
    for column, type_ in (await _columns(tx, "audit_entry")).items():
        for name, entry in told.items():
            change = (
                f"update audit_entry set {column} = {OTHER_VALUE[type_].format(column)} where id = '{entry}'"
            )
            variants.append(Variant(f"{column} of {name}", [change], _names_entry(entry, column)))
            null = f"update audit_entry set {column} = null where id = '{entry}' and {column} is not null"
            if type_ != "uuid" and column in ("position", "leaf", "country"):
                held = await tx.fetchval(f"select {column} is not null from audit_entry where id = $1", entry)
                if held:
                    variants.append(
                        Variant(f"{column} of {name} emptied", [null], _names_entry(entry, column))
                    )
    for name, entry in told.items():
        gone = f"delete from audit_entry where id = '{entry}'"
        variants.append(Variant(f"{name} removed", [gone], _is_missing))
    variants += [
        Variant(
            "two positions swapped",
            [f"update audit_entry set position = 5 - position where id in ('{second}', '{third}')"],
            _is(Fault.SWAPPED, entry=third),
        ),
        Variant(
            "two positions far apart swapped",
            [f"update audit_entry set position = 5 - position where id in ('{first}', '{last}')"],
            _is(Fault.SWAPPED, entry=last),
        ),
        Variant(
            "two leaves swapped",
            [
                f"update audit_entry set leaf = (select sum(leaf) from audit_entry where id in ('{first}', '{last}')) "
                f"- leaf where id in ('{first}', '{last}')"
            ],
            lambda finding: finding.fault is Fault.SEALED_OTHERWISE and last in finding.sentence,
        ),
        Variant(
            "moved to the end of another chain",
            [
                "update audit_entry set chain_kind = other.chain_kind, chain_id = other.chain_id, position = "
                "(select max(position) + 1 from audit_entry e where e.chain_id = other.chain_id) "
                f"from audit_entry other where other.id = '{agreement}' and audit_entry.id = '{second}'"
            ],
            _is(Fault.MOVED, entry=second),
        ),
        Variant(
            "the middle cut out and the rest closed up",
            [
                f"delete from audit_entry where id = '{second}'",
                f"update audit_entry set position = position - 1 where chain_id = '{chain.id}' and position > 2",
            ],
            _is(Fault.CHANGED),
        ),
        Variant(
            "a tail cut",
            [f"delete from audit_entry where id in ('{third}', '{last}')"],
            lambda finding: finding.fault is Fault.TRUNCATED and "2 entries" in finding.sentence,
        ),
        Variant(
            "a tail cut and the leaves renumbered",
            [
                f"delete from audit_entry where id = '{last}'",
                "update audit_entry set leaf = numbered.leaf from (select id, row_number() over (order by leaf) - 1 "
                "as leaf from audit_entry) numbered where numbered.id = audit_entry.id",
            ],
            _is(Fault.TRUNCATED),
        ),
        Variant(
            "a whole chain removed",
            [f"delete from audit_entry where chain_id = '{chain.id}'"],
            _is_missing,
        ),
        Variant(
            "an entry repeated",
            [
                "insert into audit_entry select (jsonb_populate_record(e, jsonb_build_object('id', "
                f"gen_random_uuid(), 'leaf', null))).* from audit_entry e where id = '{second}'"
            ],
            _is(Fault.REPEATED),
        ),
        Variant(
            "an entry invented at the end",
            [
                "insert into audit_entry select (jsonb_populate_record(e, jsonb_build_object('id', "
                f"gen_random_uuid(), 'leaf', null, 'position', 5))).* from audit_entry e where id = '{last}'"
            ],
            _is(Fault.CHANGED, position=5),
        ),
        Variant(
            "a leaf given twice",
            [f"update audit_entry set leaf = leaf - 1 where id = '{last}'"],
            _is(Fault.REPEATED),
        ),
    ]
    return variants


def _is(fault: Fault, **named: Any) -> Callable[[Finding], bool]:
    return lambda finding: (
        finding.fault is fault and all(getattr(finding, name) == value for name, value in named.items())
    )


def _is_missing(finding: Finding) -> bool:
    """An entry is missing: from its chain, from the tree, or from the end of both."""
    return finding.fault in (Fault.MISSING, Fault.TRUNCATED)


def _names_entry(entry: str, column: str) -> Callable[[Finding], bool]:
    if column == "id":
        return lambda finding: finding.fault is Fault.CHANGED and finding.entry is not None
    if column == "leaf":
        return lambda finding: finding.fault in (Fault.MISSING, Fault.REPEATED, Fault.TRUNCATED)
    if column == "seen_by":
        return lambda finding: finding.entry == entry and finding.fault is Fault.CHANGED
    return lambda finding: finding.entry == entry


async def _of_checkpoints(tx: Tx) -> list[Variant]:
    middle, last = 3, await tx.fetchval("select max(number) from audit_checkpoint")
    variants = []
    for column, type_ in (await _columns(tx, "audit_checkpoint")).items():
        for number in (1, middle, last):
            change = OTHER_VALUE[type_].format(column)
            variants.append(
                Variant(
                    f"{column} of checkpoint {number}",
                    [f"update audit_checkpoint set {column} = {change} where number = {number}"],
                    lambda finding: finding.fault is Fault.CHECKPOINT,
                )
            )
    row = await tx.fetchrow("select * from audit_checkpoint where number = $1", middle)
    assert row is not None
    forged = signed(Vault.made(), Checkpoint(middle, row["size"], row["root"], "2026-03-10T12:00:00.000000Z"))
    variants += [
        Variant(
            "a checkpoint signed by another key",
            [f"update audit_checkpoint set note = '{forged}' where number = {middle}"],
            lambda finding: finding.fault is Fault.CHECKPOINT and "signed by the key of" in finding.sentence,
        ),
        Variant(
            "a checkpoint removed",
            [f"delete from audit_checkpoint where number = {middle}"],
            lambda finding: finding.fault is Fault.CHECKPOINT and f"{middle} is missing" in finding.sentence,
        ),
        Variant(
            "the last checkpoint removed",
            [f"delete from audit_checkpoint where number = {last}"],
            _is(Fault.NOT_UNDER_A_CHECKPOINT),
        ),
        Variant(
            "two checkpoints swapped",
            [
                f"update audit_checkpoint set number = {middle * 2 + 1} - number "
                f"where number in ({middle}, {middle + 1})"
            ],
            lambda finding: finding.fault is Fault.CHECKPOINT,
        ),
        Variant(
            "all checkpoints removed", ["delete from audit_checkpoint"], _is(Fault.NOT_UNDER_A_CHECKPOINT)
        ),
    ]
    return variants


async def _of_rows(tx: Tx) -> list[Variant]:
    """Each fact of each audited table changed; a row removed, added, and given to another chain."""
    variants = []
    for table, audited in AUDITED.items():
        types = await _columns(tx, table)
        worth = " or ".join(f"{name} is not null" for name in audited.facts) if audited.sparse else "true"
        some = f"(select ctid from {table} where {worth} order by {', '.join(audited.key)} limit 1)"
        count = await tx.fetchval(f"select count(*) from {table}")
        assert count, f"{table} has no row to tamper with."
        if audited.sparse and not await tx.fetchval(f"select count(*) from {table} where {worth}"):
            some = f"(select ctid from {table} limit 1)"
        for column in audited.facts:
            change = OTHER_VALUE[types[column]].format(column)
            statement = f"update {table} set {column} = {change} where ctid = {some}"
            variants.append(Variant(f"{table}.{column}", [statement], _names_row(table, column)))
        for column in audited.key:
            change = OTHER_VALUE[types[column]].format(column)
            statement = f"update {table} set {column} = {change} where ctid = {some}"
            fault = Fault.ROW_UNKNOWN if not (audited.sparse and table == "record_key") else None
            if fault:
                variants.append(Variant(f"{table}.{column} (key)", [statement], _is(fault, table=table)))
        if await tx.fetchval(f"select count(*) from {table} where {worth}"):
            gone = f"delete from {table} where ctid = {some}"
            variants.append(Variant(f"a row of {table} removed", [gone], _is(Fault.ROW_MISSING, table=table)))
            fresh = ", ".join(
                f"'{name}', {OTHER_VALUE[types[name]].format('t.' + name)}" for name in audited.key
            )
            for chain in ("the same", "another") if audited.of not in audited.key else ("another",):
                also = f", '{audited.of}', {OTHER_VALUE[types[audited.of]].format('t.' + audited.of)}"
                statement = (
                    f"insert into {table} select (jsonb_populate_record(t, jsonb_build_object({fresh}"
                    f"{also if chain == 'another' else ''}))).* from {table} t where ctid = {some}"
                )
                variants.append(
                    Variant(
                        f"a row of {table} in {chain} chain added",
                        [statement],
                        _is(Fault.ROW_UNKNOWN, table=table),
                    )
                )
    return variants


def _names_row(table: str, column: str) -> Callable[[Finding], bool]:
    """The row is named; by its column, or as unknown where the column says to which record it belongs."""
    return lambda finding: (
        finding.table == table
        and (
            column in finding.columns
            or (finding.fault is Fault.ROW_UNKNOWN and (column == AUDITED[table].of or AUDITED[table].sparse))
        )
    )
