"""A backup comes back whole in another cluster, and what was erased after it was made does not."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest

from mla_tracker.api.files.reading import read_rows
from mla_tracker.commands.accounts import create_account, disable_account
from mla_tracker.commands.amending import amend_request
from mla_tracker.commands.backing_up import back_up, keep_record_keys
from mla_tracker.commands.calendar_feeds import make_feed
from mla_tracker.commands.importing import receive, work_off
from mla_tracker.commands.notes import erase_note, record_note
from mla_tracker.commands.notifications import remove_notification
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.persons import erase_person
from mla_tracker.commands.restoring import check_backup, restore
from mla_tracker.commands.sealing import seal
from mla_tracker.commands.setting_up import require_set_up, set_up
from mla_tracker.commands.tokens import create_token, revoke_token
from mla_tracker.commands.verifying import verify
from mla_tracker.commands.webhooks import Wanted, change_webhook, delete_webhook, rotate_secret
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.persons import ErasureGround
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import record_keys, restoring
from mla_tracker.storage.backups import COPY, MANIFEST
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.imports import ImportSpec
from mla_tracker.storage.record_keys import lines
from mla_tracker.storage.vault import SealBroken, Vault, unseal
from tests.builders.backups import an_empty_place, another_cluster, backed_up, restored
from tests.builders.counted import NOW, with_shipped_limits
from tests.builders.deliveries import HERE, an_endpoint
from tests.builders.files import pieces
from tests.builders.forgetting import at, closed_case, dump, erased, rule
from tests.builders.keys import keys_folder, the_keys
from tests.builders.persons import a_person
from tests.builders.register import account
from tests.builders.telling import a_reader


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Server]:
    with another_cluster() as server:
        yield server


@pytest.fixture
async def morocco(db: Database, database_url: str) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "MA", role=Role.HEAD)


async def readable(db: Database) -> set[UUID]:
    """The texts and persons that whoever holds this database and all keys can read."""
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            """
            select t.id, t.request_id, t.sealed, k.wrapped from (
                select id, request_id, sealed from free_text union all select id, request_id, sealed from person) t
            join record_key k using (request_id) where t.sealed is not null
            """
        )
    found = set()
    for row in rows:
        key = the_keys().record_key(row["request_id"], row["wrapped"])
        assert unseal(key, row["sealed"], row["id"])
        found.add(row["id"])
    return found


async def test_a_backup_comes_back_in_another_cluster_row_by_row(
    db: Database, database_url: str, morocco: Actor, elsewhere: Server, tmp_path: Path
) -> None:
    case = await closed_case(db, morocco)
    await flag_due(db, NOW)
    await seal(db, NOW)
    before, texts = await dump(db), await readable(db)
    done = await backed_up(db, database_url, tmp_path)
    assert (done.manifest.requests, done.manifest.audit_entries) == (1, len(before["audit_entry"]))
    assert done.manifest.checkpoint is not None
    assert done.manifest.keys == dict(the_keys().fingerprints())
    assert sorted(os.listdir(tmp_path)) == ["backup", "record-keys", "record-keys.lock"]
    made = [tmp_path / "record-keys", tmp_path / "backup" / COPY, tmp_path / "backup" / MANIFEST]
    assert [path.stat().st_mode & 0o077 for path in made] == [0, 0, 0]
    async with an_empty_place(elsewhere) as (url, place):
        told = await restored(place, url, tmp_path)
        assert told.sound, told
        assert (told.requests, told.migrations, set(told.again.values())) == (1, [], {0})
        assert await dump(place) == before
        assert await readable(place) == texts
        await require_set_up(place)
        # It goes on from there: the walls stand, the jobs run, the audit is sealed on.
        await record_note(place, case, "again", actor=morocco, now=NOW)
        await flag_due(place, NOW)
        await seal(place, NOW)
        assert (await verify(place)).findings == ()
        async with place.transaction(DbRole.API) as tx:
            assert await tx.fetchval("select count(*) from request") == 0


async def test_no_key_and_no_text_is_in_a_backup(
    db: Database, database_url: str, morocco: Actor, tmp_path: Path
) -> None:
    case = await closed_case(db, morocco)
    await backed_up(db, database_url, tmp_path)
    async with db.transaction(DbRole.OWNER) as tx:
        wrapped = await tx.fetchval("select wrapped from record_key where request_id = $1", case)
    programs = await Programs.found(None)
    command = [str(programs.folder / "pg_restore"), "--file=-", str(tmp_path / "backup" / COPY)]
    script = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, check=True).stdout)
    copied = script + (tmp_path / "backup" / MANIFEST).read_bytes()
    assert str(case).encode() in copied
    assert wrapped.hex().encode() not in copied
    for key in keys_folder().glob("*.key"):
        assert key.read_bytes().strip() not in copied
        assert key.read_bytes().strip() not in (tmp_path / "record-keys").read_bytes()
    assert b"Ruiz" not in copied


async def test_what_was_erased_or_ended_after_the_backup_stays_so_after_the_restore(
    db: Database, database_url: str, morocco: Actor, elsewhere: Server, tmp_path: Path
) -> None:
    forgotten = await closed_case(db, morocco, "2026-03-05")
    kept = await closed_case(db, morocco, "2026-03-08")
    other = await a_person("Somebody else").recorded(db, kept, morocco, NOW)
    gone = await a_person("Julia").recorded(db, kept, morocco, NOW)
    note = (await record_note(db, kept, "She rang", actor=morocco, now=NOW)).id
    integration = await create_account(db, name="A system", countries=["MA"], role=Role.INTEGRATION, now=NOW)
    token = await create_token(db, integration, now=NOW)
    leaver = await create_account(db, name="Left", countries=["ES"], role=Role.OFFICER, now=NOW)
    reader, other_reader = [await a_reader(db, "MA", now=NOW, name=name) for name in ("A", "B")]
    for one in (reader, other_reader):
        await make_feed(db, actor=one, now=NOW)
    kinds = [await an_endpoint(db, morocco, f"https://{name}.example.org/", NOW) for name in "abcd"]
    deleted, rotated, disabled, standing = [one.id for one in kinds]
    await backed_up(db, database_url, tmp_path)
    all_texts = await readable(db)

    await delete_webhook(db, deleted, actor=morocco, now=NOW)
    await rotate_secret(db, rotated, actor=morocco, now=NOW)
    off = Wanted(enabled=False)
    await change_webhook(db, disabled, off, reach=HERE, versions=None, actor=morocco, now=NOW)
    await erase_person(db, kept, gone, ErasureGround.ASKED_BY_THE_PERSON, actor=morocco, now=NOW)
    await erase_note(db, kept, note, ErasureGround.ORDERED, actor=morocco, now=NOW)
    await amend_request(db, kept, {"subject": None}, expected=None, actor=morocco, now=NOW)
    await revoke_token(db, token.id, now=NOW)
    await disable_account(db, leaver, now=NOW)
    await make_feed(db, actor=reader, now=NOW)  # the one before has ended
    await remove_notification(db, actor=reader, now=NOW)
    await rule(db, morocco, 1)
    later = at("2027-03-07")
    assert await erased(db, later) == {forgotten}
    await keep_record_keys(db, tmp_path / "record-keys")  # as every backup does
    left = await readable(db)
    assert other in left
    assert len(left) < len(all_texts)

    async with an_empty_place(elsewhere) as (url, place):
        told = await restored(place, url, tmp_path)
        assert told.sound, told
        assert told.again == {
            "requests": 1, "persons": 1, "texts": 2, "tokens": 1, "accounts": 1,
            "feeds": 1, "addresses": 1, "webhooks": 3, "imports": 0,
        }  # fmt: skip
        assert await readable(place) == left
        restored_rows, rows = await dump(place), await dump(db)
        for table in ("record_key", "person"):
            assert sorted(restored_rows[table]) == sorted(rows[table])
        async with place.transaction(DbRole.OWNER) as tx:
            assert await tx.fetchval("select erased_at from request where id = $1", forgotten) == later
            assert await tx.fetchval("select revoked_at from api_token where id = $1", token.id) is not None
            assert await tx.fetchval("select disabled_at from account where id = $1", leaver) is not None
            for table in ("calendar_feed", "notification"):
                left_over = await tx.fetch(f"select account_id from {table}")
                assert [row[0] for row in left_over] == [other_reader.account_id]
            assert [row["id"] for row in await tx.fetch("select id from webhook")] == [standing]
            told_of = await tx.fetch(
                "select what from audit_entry where chain_id = $1 order by id", forgotten
            )
            assert [row["what"] for row in told_of][-2:] == ["request.erased"] * 2
            # Not even whoever has the keys and the old copy opens it.
            sealed = await tx.fetch("select id, sealed from free_text where request_id = $1", forgotten)
            assert {row["sealed"] for row in sealed} == {None}


async def test_record_keys_of_a_program_that_named_no_webhooks_leave_them_as_they_were(
    db: Database,
    database_url: str,
    morocco: Actor,
    elsewhere: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await an_endpoint(db, morocco, "https://hooks.example.org/", NOW)
    monkeypatch.setattr(record_keys, "FORMAT", 1)
    monkeypatch.setattr(record_keys, "_OF_ACCOUNTS", "")
    await backed_up(db, database_url, tmp_path)
    monkeypatch.undo()
    async with an_empty_place(elsewhere) as (url, place):
        told = await restored(place, url, tmp_path)
        assert (told.sound, told.again["webhooks"]) == (True, 0)
        async with place.transaction(DbRole.OWNER) as tx:
            assert await tx.fetchval("select count(*) from webhook where disabled_at is null") == 1


async def test_no_file_that_was_handed_in_is_in_a_backup_and_its_import_is_ended_by_the_restore(
    db: Database, database_url: str, morocco: Actor, elsewhere: Server, tmp_path: Path
) -> None:
    """It lies there with its key until it is imported; a copy that has both would give it away for good."""
    spec = ImportSpec("requests", "ndjson")
    await receive(db, spec, pieces(b'{"subject": "Ruiz"}\n'), actor=morocco, now=NOW)
    await backed_up(db, database_url, tmp_path)
    async with an_empty_place(elsewhere) as (url, place):
        told = await restored(place, url, tmp_path)
        assert (told.sound, told.again["imports"]) == (True, 1)
        async with place.transaction(DbRole.OWNER) as tx:
            assert await tx.fetchval("select count(*) from import_chunk") == 0
            row = await tx.fetchrow("select status, wrapped, error from bulk_import")
            assert row is not None
            assert tuple(row)[:2] == ("failed", None)
            assert "once more" in row["error"]
        assert (await work_off(place, NOW, read_rows))["imports"] == 0


async def test_the_copy_alone_does_not_open_what_was_erased_even_with_all_keys(
    db: Database, database_url: str, morocco: Actor, elsewhere: Server, tmp_path: Path
) -> None:
    case = await closed_case(db, morocco)
    await backed_up(db, database_url, tmp_path)
    [before] = [line for line in lines(tmp_path / "record-keys") if line.id == case]
    await rule(db, morocco, 0)
    assert await erased(db, at("2026-06-01")) == {case}
    await keep_record_keys(db, tmp_path / "record-keys")
    [after] = [line for line in lines(tmp_path / "record-keys") if line.id == case]
    assert (before.form, after.form, after.octets) == ("key", "gone", None)
    async with an_empty_place(elsewhere) as (url, place):
        async with place.transaction(DbRole.OWNER) as tx:
            await restoring.begin(tx, "by hand")
        await (await Programs.found(None)).load(url, tmp_path / "backup" / COPY)
        async with place.transaction(DbRole.OWNER) as tx:
            texts = await tx.fetch("select id, sealed from free_text where sealed is not null")
            assert not await tx.fetch("select from record_key")
    assert len(texts) > 4
    assert before.octets is not None
    key = the_keys().record_key(case, before.octets)  # what a collected copy of the record keys would open
    assert all(unseal(key, text["sealed"], text["id"]) for text in texts)
    for text in texts:
        with pytest.raises(SealBroken):
            unseal(the_keys().text_key, text["sealed"], text["id"])


async def test_a_restore_that_was_broken_off_is_refused_by_all_others_and_goes_on(
    db: Database, database_url: str, morocco: Actor, elsewhere: Server, tmp_path: Path
) -> None:
    await closed_case(db, morocco)
    await backed_up(db, database_url, tmp_path)
    sound = check_backup(tmp_path / "backup", tmp_path / "record-keys", the_keys())
    programs = await Programs.found(None)

    async with an_empty_place(elsewhere) as (url, place):
        for step in ("Loading", "Giving", "Erasing", "Verifying", "Counting"):

            def breaks(sentence: str, step: str = step) -> None:
                if sentence.startswith(step):
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                await restore(place, url, sound, programs=programs, now=NOW, told=breaks)
            for refused in (require_set_up(place), set_up(place, NOW)):
                with pytest.raises(CannotRun, match="has not come to its end"):
                    await refused
        assert (await restored(place, url, tmp_path)).sound
        await require_set_up(place)
        with pytest.raises(CannotRun, match="not empty"):
            await restored(place, url, tmp_path)


async def test_a_copy_that_does_not_load_leaves_nothing_behind_and_two_do_not_restore_at_once(
    db: Database, database_url: str, morocco: Actor, elsewhere: Server, tmp_path: Path
) -> None:
    await backed_up(db, database_url, tmp_path)
    async with an_empty_place(elsewhere) as (url, place):
        async with place.alone(restoring.LOCK):
            with pytest.raises(CannotRun, match="Another mla-tracker restores"):
                await restored(place, url, tmp_path)
        async with place.transaction(DbRole.OWNER) as tx:
            await restoring.begin(tx, "another")
        with pytest.raises(CannotRun, match="restore of another backup"):
            await restored(place, url, tmp_path)
        cut = tmp_path / "cut"
        cut.write_bytes((tmp_path / "backup" / COPY).read_bytes()[:-5000])
        with pytest.raises(CannotRun, match="nothing of it was kept"):
            await (await Programs.found(None)).load(url, cut)
        async with place.transaction(DbRole.OWNER) as tx:
            tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
            assert [row[0] for row in tables] == ["restore_unfinished"]


def change(path: Path, place: int = -200) -> None:
    octets = bytearray(path.read_bytes())
    octets[place] ^= 1
    path.write_bytes(octets)


def edit(path: Path, name: str, value: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))


WRONG: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "a byte of the copy": (lambda f: change(f / "backup" / COPY), "not what was backed up"),
    "the end of the copy": (
        lambda f: os.truncate(f / "backup" / COPY, (f / "backup" / COPY).stat().st_size - 1),
        "not what was backed up",
    ),
    "no copy": (lambda f: (f / "backup" / COPY).unlink(), "cannot be read"),
    "no manifest": (lambda f: (f / "backup" / MANIFEST).unlink(), "is no backup"),
    "a manifest of junk": (lambda f: (f / "backup" / MANIFEST).write_bytes(b"[" * 5000), "no manifest"),
    "a hash": (lambda f: edit(f / "backup" / MANIFEST, "sha256", "0" * 64), "was changed after"),
    "a number": (lambda f: edit(f / "backup" / MANIFEST, "audit_entries", 0), "was changed after"),
    "a field more": (lambda f: edit(f / "backup" / MANIFEST, "more", 0), "was changed after"),
    "no signature": (lambda f: edit(f / "backup" / MANIFEST, "signature", ""), "was changed after"),
    "a newer format": (lambda f: edit(f / "backup" / MANIFEST, "format", 2), "a newer one"),
    "other keys": (lambda f: edit(f / "backup" / MANIFEST, "keys", {}), "under other keys"),
    "a byte of the record keys": (lambda f: change(f / "record-keys", 300), "not as they were written"),
    "the end of the record keys": (lambda f: os.truncate(f / "record-keys", 500), "not as they were written"),
    "a record key less": (lambda f: without_a_line(f / "record-keys"), "not as they were written"),
    "no record keys": (lambda f: (f / "record-keys").unlink(), "cannot be read"),
    "record keys of junk": (lambda f: (f / "record-keys").write_bytes(b"\xff" * 9999), "holds no record keys"),
    "an unfinished folder": (
        lambda f: (f / "backup").symlink_to((f / "backup").rename(f / "x.unfinished")),
        "broken off",
    ),
}  # fmt: skip


def without_a_line(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *lines[2:]]))


async def test_a_backup_that_is_not_as_it_was_made_is_refused(
    db: Database, database_url: str, morocco: Actor, tmp_path: Path
) -> None:
    await closed_case(db, morocco)
    await backed_up(db, database_url, tmp_path / "sound")
    check_backup(tmp_path / "sound" / "backup", tmp_path / "sound" / "record-keys", the_keys())
    for number, (what, (break_it, sentence)) in enumerate(WRONG.items()):
        broken = shutil.copytree(tmp_path / "sound", tmp_path / str(number))
        break_it(broken)
        with pytest.raises(CannotRun, match=sentence):
            check_backup((broken / "backup").resolve(), broken / "record-keys", the_keys())
            pytest.fail(f"{what} was not noticed")


async def test_other_keys_and_older_record_keys_are_refused_before_anything_is_touched(
    db: Database, database_url: str, morocco: Actor, tmp_path: Path
) -> None:
    await backed_up(db, database_url, tmp_path)
    with pytest.raises(CannotRun, match="under other keys"):
        check_backup(tmp_path / "backup", tmp_path / "record-keys", Vault.made())
    shutil.copy(tmp_path / "record-keys", tmp_path / "older")
    programs = await Programs.found(None)
    await back_up(db, database_url, tmp_path / "two", tmp_path / "record-keys", programs=programs, now=NOW)
    with pytest.raises(CannotRun, match="older than the backup"):
        check_backup(tmp_path / "two", tmp_path / "older", the_keys())
    check_backup(
        tmp_path / "backup", tmp_path / "record-keys", the_keys()
    )  # newer ones go with an older copy
    with pytest.raises(CannotRun, match="replaces nothing"):
        await back_up(
            db, database_url, tmp_path / "two", tmp_path / "record-keys", programs=programs, now=NOW
        )
