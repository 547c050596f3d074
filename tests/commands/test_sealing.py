"""Sealing: each entry once, under a signed checkpoint, which leaves the house; and what a cut tail comes to."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from mla_tracker.commands.sealing import Sealed, seal
from mla_tracker.commands.taking_over import take_over, take_over_once
from mla_tracker.commands.verifying import Verified, verify
from mla_tracker.domain.audit import Chain, ChainKind, What
from mla_tracker.domain.audit_checking import Fault
from mla_tracker.domain.checkpoints import NotANote, notes_in, read_note
from mla_tracker.settings import load_settings
from mla_tracker.storage.audit import append
from mla_tracker.storage.checkpoints import checked
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.proofs import NotProven, check_proof, proof_of
from mla_tracker.storage.vault import Vault
from tests.builders.audited import a_full_register
from tests.builders.counted import NOW, as_owner

MINUTE = timedelta(minutes=1)


def public_key(db: Database) -> bytes:
    assert db.vault is not None
    return db.vault.signing_key.public_key().public_bytes_raw()


async def appended(db: Database, number: int = 1) -> None:
    async with db.transaction(DbRole.JOBS) as tx:
        for _ in range(number):
            chain = Chain(ChainKind.SETTING, uuid4())
            await append(tx, chain, What.SETTING_CHANGED, [], actor=None, now=NOW, seen_by=[], fresh=True)


async def sealed_once(db: Database) -> None:
    """What setting up has told, sealed: the figures of a test begin after it."""
    await seal(db, NOW)


def faults(done: Verified) -> set[Fault]:
    return {finding.fault for finding in done.findings}


async def _number_of_checkpoints(db: Database) -> int:
    async with db.transaction(DbRole.API) as tx:
        return int(await tx.fetchval("select count(*) from audit_checkpoint"))


async def test_nothing_new_makes_no_checkpoint(db: Database) -> None:
    await sealed_once(db)
    assert await seal(db, NOW) == Sealed(0, 0, 0, 0)
    await appended(db, 3)
    assert await seal(db, NOW) == Sealed(3, 1, 0, 0)
    assert await seal(db, NOW) == Sealed(0, 0, 0, 0)
    assert (await verify(db)).findings == ()


async def test_many_entries_are_sealed_some_at_a_time(db: Database) -> None:
    await sealed_once(db)
    await appended(db, 10)
    assert await seal(db, NOW, at_once=4) == Sealed(10, 3, 0, 0)
    await appended(db, 8)
    assert await seal(db, NOW, at_once=4) == Sealed(8, 2, 0, 0)
    assert (await verify(db)).findings == ()


async def test_an_entry_in_flight_is_sealed_the_next_time(db: Database) -> None:
    await sealed_once(db)
    async with db.transaction(DbRole.JOBS) as tx:
        chain = Chain(ChainKind.SETTING, uuid4())
        await append(tx, chain, What.SETTING_CHANGED, [], actor=None, now=NOW, seen_by=[], fresh=True)
        await asyncio.create_task(appended(db))
        assert (await asyncio.create_task(seal(db, NOW))).entries == 1
    assert (await seal(db, NOW)).entries == 1
    assert (await verify(db)).findings == ()


async def test_nodes_that_seal_at_once_give_each_leaf_once(db: Database) -> None:
    await sealed_once(db)
    await appended(db, 30)
    done = await asyncio.gather(*(seal(db, NOW, at_once=3) for _ in range(4)))
    assert sum(one.entries for one in done) == 30
    assert (await verify(db)).findings == ()


async def test_checkpoints_are_appended_to_a_file_and_verify_from_there(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    for minute in range(3):
        await appended(db, 2)
        assert (await seal(db, NOW + minute * MINUTE, file=file)).published == 1
    assert (await seal(db, NOW, file=file)).published == 0
    notes = list(notes_in(file.read_text()))
    assert [checked(note, public_key(db)).number for note in notes] == [1, 2, 3]
    done = await verify(db, outside=notes)
    assert (done.findings, done.unsealed) == ((), 0)


async def test_a_tail_cut_off_with_its_checkpoints_is_found_by_one_kept_elsewhere(
    db: Database, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoints"
    await seal(db, NOW, file=file)
    await appended(db, 3)
    await seal(db, NOW + MINUTE, file=file)
    await as_owner(db, "alter table audit_entry disable trigger user")
    await as_owner(db, "alter table audit_checkpoint disable trigger user")
    await as_owner(db, "delete from audit_entry where what = 'setting.changed'")
    await as_owner(db, "delete from audit_checkpoint where number = 2")
    assert faults(await verify(db)) == set()
    done = await verify(db, outside=list(notes_in(file.read_text())))
    assert faults(done) == {Fault.TRUNCATED}
    assert "3 entries were cut off" in done.findings[0].sentence


async def test_a_cut_tail_that_was_replaced_is_found_by_a_checkpoint_kept_elsewhere(
    db: Database, tmp_path: Path
) -> None:
    """Even whoever holds all keys cannot tell another story than the one that was published."""
    file = tmp_path / "checkpoints"
    await appended(db, 3)
    await seal(db, NOW, file=file)
    for table in ("audit_entry", "audit_checkpoint"):
        await as_owner(db, f"alter table {table} disable trigger user")
    await as_owner(db, "delete from audit_checkpoint")
    await as_owner(db, "delete from audit_entry where what = 'setting.changed'")
    await as_owner(db, "update audit_entry set leaf = null")
    for table in ("audit_entry", "audit_checkpoint"):
        await as_owner(db, f"alter table {table} enable trigger user")
    await appended(db, 3)
    await seal(db, NOW)
    assert faults(await verify(db)) == set()
    assert Fault.CHECKPOINT in faults(await verify(db, outside=list(notes_in(file.read_text()))))


async def test_entries_that_are_not_sealed_yet_are_counted_and_aged(db: Database) -> None:
    await sealed_once(db)
    await appended(db, 2)
    done = await verify(db)
    assert (done.findings, done.unsealed, done.oldest_unsealed) == ((), 2, NOW)


async def test_a_place_that_cannot_be_reached_is_tried_again_with_the_last_checkpoint(
    db: Database, tmp_path: Path
) -> None:
    await sealed_once(db)
    await appended(db)
    assert (await seal(db, NOW, file=tmp_path / "missing" / "checkpoints")).not_published == 1
    await appended(db)
    assert (await seal(db, NOW, file=tmp_path / "checkpoints")) == Sealed(1, 1, 1, 0)
    [note] = notes_in((tmp_path / "checkpoints").read_text())
    assert checked(note, public_key(db)).number == await _number_of_checkpoints(db)


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server on this machine that answers POSTs with these statuses in turn, and what it was sent."""
    left, got = list(statuses), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        got.append(await reader.readexactly(length))
        status = left.pop(0)
        if status:
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/log", got


async def test_checkpoints_are_sent_to_an_address_until_it_takes_them(db: Database) -> None:
    await appended(db)
    async with receiver(500, 0, 204) as (url, got):
        assert await published(db, url, 4) == [(0, 1), (0, 1), (1, 0), (0, 0)]
    [note] = {body.decode() for body in got}
    assert len(got) == 3
    assert checked(note, public_key(db)).number == await _number_of_checkpoints(db)


async def published(db: Database, url: str, times: int) -> list[tuple[int, int]]:
    done = [await seal(db, NOW, url=url) for _ in range(times)]
    return [(one.published, one.not_published) for one in done]


@pytest.mark.parametrize(
    "url", ["http://example.org/log", "ftp://example.org", "example.org", "https://", "http://["]
)
def test_a_checkpoint_leaves_only_over_a_safe_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLA_CHECKPOINT_URL", url)
    with pytest.raises(CannotRun, match="MLA_CHECKPOINT_URL"):
        load_settings()


@pytest.mark.parametrize("url", ["https://example.org/log", "http://127.0.0.1:9/log", "http://[::1]/log"])
def test_a_safe_line_is_taken(url: str) -> None:
    assert load_settings(checkpoint_url=url).checkpoint_url == url


async def test_an_entry_is_proven_to_whoever_holds_the_public_key_alone(db: Database) -> None:
    await appended(db, 9)
    await seal(db, NOW, at_once=4)
    async with db.transaction(DbRole.OWNER) as tx:
        ids = [row["id"] for row in await tx.fetch("select id from audit_entry order by leaf")]
        proofs = [await proof_of(tx, entry_id) for entry_id in ids]
    for leaf, proof in enumerate(proofs):
        assert proof is not None
        checkpoint, entry = check_proof(proof, public_key(db))
        assert (entry["id"], proof["leaf"]) == (str(ids[leaf]), leaf)
        assert checkpoint.size > leaf


async def test_a_proof_of_anything_else_does_not_hold(db: Database) -> None:
    await appended(db, 3)
    await seal(db, NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        entry_id = await tx.fetchval("select id from audit_entry where what = 'setting.changed' limit 1")
        proof = await proof_of(tx, entry_id)
        assert await proof_of(tx, uuid4()) is None
    assert proof is not None
    wrong: Iterable[object] = [
        {**proof, "leaf": proof["leaf"] + 1},
        {**proof, "leaf": "1"},
        {**proof, "leaf": True},
        {**proof, "mac": "00" * 32},
        {**proof, "mac": "zz"},
        {**proof, "path": proof["path"][:-1]},
        {**proof, "path": ["not base64"]},
        {**proof, "path": None},
        {**proof, "checkpoint": proof["checkpoint"].replace("number 1", "number 2")},
        {**proof, "checkpoint": "nothing"},
        {**proof, "checkpoint": None},
        {**proof, "format": "another"},
        {**proof, "entry": {**proof["entry"], "more": 1}},
        *({**proof, "entry": {**proof["entry"], name: "x"}} for name in proof["entry"]),
        {name: value for name, value in proof.items() if name != "entry"},
        [],
        None,
    ]
    for document in wrong:
        with pytest.raises(NotProven):
            check_proof(document, public_key(db))
    other = Vault.made().signing_key.public_key().public_bytes_raw()
    with pytest.raises(NotProven, match="signed by the key of"):
        check_proof(proof, other)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text",
        "text\n\n",
        "text\n\nno signature\n",
        "text\n\n— name\n",
        "text\n\n— name !!\n",
        "\n\n— a AAAAAAA=\n",
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NotANote):
        read_note(note)


async def test_a_row_put_there_by_hand_is_not_taken_over_at_the_next_start(db: Database) -> None:
    assert await take_over_once(db, NOW) == 0
    await as_owner(
        db,
        "insert into account (id, name, countries, role, created_at) values ($1, 'Ghost', '{MA}', 'admin', $2)",
        uuid4(),
        NOW,
    )
    assert await take_over_once(db, NOW) == 0
    assert faults(await verify(db)) == {Fault.ROW_UNKNOWN}


async def test_records_older_than_the_audit_are_taken_over_once(db: Database) -> None:
    await a_full_register(db)
    for table in ("audit_entry", "audit_checkpoint"):
        await as_owner(db, f"alter table {table} disable trigger user")
        await as_owner(db, f"delete from {table}")
        await as_owner(db, f"alter table {table} enable trigger user")
    assert Fault.ROW_UNKNOWN in faults(await verify(db))
    assert await take_over(db, NOW) > 10
    assert await take_over(db, NOW) == 0
    done = await verify(db)
    assert done.findings == ()
    assert done.chains == done.entries
    async with db.transaction(DbRole.OWNER) as tx:
        kinds = {row["chain_kind"] for row in await tx.fetch("select distinct chain_kind from audit_entry")}
        read = await tx.fetchval(
            "select count(*) from audit_entry where chain_kind = 'request' and cardinality(seen_by) > 0"
        )
    assert kinds == {*ChainKind}
    assert read == 0, "the entry tells of notes of both sides"
