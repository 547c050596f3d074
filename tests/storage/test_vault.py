"""Texts at rest: sealed under a key of their request, that key under one outside the database; commitments to them."""

import os
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from mla_tracker.commands import amending
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.keys import bind_keys, require_keys, seal_plain_texts, vault_of
from mla_tracker.commands.requests import record_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.vocabulary import Act
from mla_tracker.queries import requests as queries
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import SealBroken, Vault, commitment, new_salt, seal, unseal
from tests.builders.counted import NOW, a_case, as_owner
from tests.builders.keys import the_keys
from tests.builders.register import account

SUBJECT = "Bank records of Ñandú Straße 松"


async def _logged(db: Database, actor: Actor, subject: str = SUBJECT) -> UUID:
    case = a_case()
    return await replace(case, entry=replace(case.entry, subject=subject)).logged(db, actor)


async def _subject(db: Database, request_id: UUID, actor: Actor) -> object:
    async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        return (await queries.request(tx, request_id, actor=actor, now=NOW))["subject"]


async def _everything(db: Database) -> str:
    """All that the database holds, as one text."""
    held = []
    async with db.transaction(DbRole.OWNER) as tx:
        tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
        for (table,) in tables:
            held += [row[0] for row in await tx.fetch(f"select one::text from {table} one")]
    return "\n".join(held)


async def test_no_word_of_a_text_is_in_the_database_and_its_readers_have_it_whole(db: Database) -> None:
    officer = await account(db, "MA")
    request_id = await _logged(db, officer)
    noted = NewEvent(Act.DRAFTED, occurred_on=NOW.date(), note="Ask Ñandú in person")
    await record_event(db, request_id, noted, actor=officer, now=NOW)
    assert await _subject(db, request_id, officer) == SUBJECT
    everything = await _everything(db)
    assert "Ñandú" not in everything
    assert "Ñandú".encode().hex() not in everything


async def test_a_text_that_was_changed_or_moved_in_the_database_is_not_shown_as_if_it_were_true(
    db: Database,
) -> None:
    officer = await account(db, "MA")
    one, other = await _logged(db, officer), await _logged(db, officer, "Another matter")
    await as_owner(
        db,
        "update free_text set sealed = (select sealed from free_text where request_id = $2) where request_id = $1",
        one, other,
    )  # fmt: skip
    with pytest.raises(SealBroken):
        await _subject(db, one, officer)
    await as_owner(
        db, "update record_key set wrapped = (select wrapped from record_key where request_id = $1)", one
    )
    with pytest.raises(SealBroken):
        await _subject(db, other, officer)


async def test_without_its_key_a_text_is_gone_and_the_request_takes_no_new_one(db: Database) -> None:
    officer = await account(db, "MA")
    request_id = await _logged(db, officer)
    await as_owner(
        db, "update record_key set wrapped = null, destroyed_at = $2 where request_id = $1", request_id, NOW
    )
    await as_owner(
        db,
        "update free_text set sealed = null, salt = null, erased_at = $2 where request_id = $1",
        request_id,
        NOW,
    )
    assert await _subject(db, request_id, officer) is None
    noted = NewEvent(Act.DRAFTED, occurred_on=NOW.date(), note="once more")
    with pytest.raises(InvalidEntry, match="were erased"):
        await record_event(db, request_id, noted, actor=officer, now=NOW)
    await record_event(db, request_id, replace(noted, note=None), actor=officer, now=NOW)


async def test_a_text_may_be_emptied_and_set_again(db: Database) -> None:
    officer = await account(db, "MA")
    request_id = await _logged(db, officer)
    for subject in (None, "Other records", None, SUBJECT):
        await amending.amend_request(
            db, request_id, {"subject": subject}, expected=None, actor=officer, now=NOW
        )
        assert await _subject(db, request_id, officer) == subject


async def test_texts_of_an_older_program_are_sealed_once(db: Database) -> None:
    officer = await account(db, "MA")
    request_id = await _logged(db, officer)
    await as_owner(
        db, "update free_text set body = 'Plain words', sealed = null, salt = null, commitment = null"
    )
    assert await seal_plain_texts(db, NOW) == 1
    assert await seal_plain_texts(db, NOW) == 0
    assert await _subject(db, request_id, officer) == "Plain words"
    assert "Plain words" not in await _everything(db)


async def test_other_keys_than_those_of_the_database_are_refused(database_url: str, db: Database) -> None:
    other = Vault.made()
    async with await Database.open(database_url, vault=other, pool_size=2) as foreign:
        with pytest.raises(CannotRun, match="audit, checkpoint, text"):
            await require_keys(foreign)
        with pytest.raises(CannotRun):
            await bind_keys(foreign, NOW)
    ours = the_keys()
    mixed = replace(ours, audit_key=other.audit_key)
    async with await Database.open(database_url, vault=mixed, pool_size=2) as mistaken:
        with pytest.raises(CannotRun, match="audit differ"):
            await require_keys(mistaken)
    await require_keys(db)


async def test_keys_are_made_for_a_new_database_and_never_for_one_that_has_some(
    empty_database_url: str, db: Database, tmp_path: Path
) -> None:
    async with await Database.open(empty_database_url, pool_size=2) as fresh:
        made = await vault_of(fresh, tmp_path / "keys")
        assert (await vault_of(fresh, tmp_path / "keys")).fingerprints() == made.fingerprints()
    for name in ("text.key", "audit.key", "checkpoint.key"):
        assert (tmp_path / "keys" / name).stat().st_mode & 0o077 == 0
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    with pytest.raises(CannotRun, match="There is no key"):
        await vault_of(db, tmp_path / "elsewhere")


@pytest.mark.parametrize("content", ["", "not base64!", "AAAA", "Ñ"])
def test_a_key_that_cannot_be_one_is_refused_by_name(tmp_path: Path, content: str) -> None:
    Vault.made().write(tmp_path)
    (tmp_path / "audit.key").write_text(content, encoding="utf-8")
    with pytest.raises(CannotRun, match=r"audit\.key"):
        Vault.read(tmp_path)


def test_no_key_is_replaced(tmp_path: Path) -> None:
    Vault.made().write(tmp_path)
    held = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CannotRun, match="not replaced"):
        Vault.made().write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == held


def test_a_key_never_shows_itself() -> None:
    vault = Vault.made()
    assert vault.text_key.hex() not in repr(vault)
    assert vault.public_key == vault.fingerprints()["checkpoint"]


def test_what_was_sealed_opens_in_its_place_with_its_key_alone() -> None:
    key, place = os.urandom(32), uuid4()
    sealed = seal(key, SUBJECT, place)
    assert unseal(key, sealed, place) == SUBJECT
    broken = bytes([sealed[0] ^ 1]) + sealed[1:]
    for wrong in (
        (key, sealed, uuid4()),
        (os.urandom(32), sealed, place),
        (key, broken, place),
        (key, b"", place),
    ):
        with pytest.raises(SealBroken):
            unseal(*wrong)
    assert seal(key, SUBJECT, place) != sealed


def test_a_commitment_tells_nothing_without_its_secret() -> None:
    place, salt = uuid4(), new_salt()
    bound = commitment(salt, place, SUBJECT)
    assert commitment(salt, place, SUBJECT) == bound
    assert bound not in {
        commitment(new_salt(), place, SUBJECT),
        commitment(salt, uuid4(), SUBJECT),
        commitment(salt, place, SUBJECT + " "),
    }
