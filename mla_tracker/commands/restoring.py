"""Putting a backup into an empty database: loaded whole, brought up to date, forgotten again what was, and verified."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from mla_tracker.commands.accounts import disable_account, load_account, tell_of_account
from mla_tracker.commands.backing_up import NO_END
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.setting_up import set_up
from mla_tracker.commands.tokens import revoke_token
from mla_tracker.commands.verifying import verify
from mla_tracker.commands.webhooks import take_away
from mla_tracker.domain.audit import What
from mla_tracker.storage import backups, erasing_again, record_keys, restoring
from mla_tracker.storage.backups import Manifest
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.migrating import known
from mla_tracker.storage.notifications import remove_feed, remove_notification
from mla_tracker.storage.record_keys import Kept, Line
from mla_tracker.storage.vault import Vault

BATCH: Final = 1000
_KEYS: Final = frozenset({"key", "gone"})
_OF_ACCOUNTS: Final = (
    ("feed", "feeds", "calendar_feed", "token_hash", remove_feed, What.CALENDAR_FEED_REVOKED),
    ("address", "addresses", "notification", "commitment", remove_notification, What.NOTIFICATION_REMOVED),
)


@dataclass(frozen=True, slots=True)
class Sound:
    """A backup and the record keys that go with it, every byte of which is as it was written."""

    manifest: Manifest
    copy: Path
    record_keys_file: Path
    kept: Kept


@dataclass(slots=True)
class Restored:
    """What was restored.

    `again`: how much was erased or ended once more, by what it is; `faults`: what verify found; `differing`: requests
    whose stored dates are not those of their history and that do not wait to be counted anew.
    """

    backup: str
    made_at: str
    requests: int = 0
    audit_entries: int = 0
    migrations: list[str] = field(default_factory=list)
    again: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether all is as it should be."""
        return not (self.faults or self.differing)


def check_backup(
    folder: Path,
    record_keys_file: Path,
    vault: Vault,
    told: Callable[[int, int], None] = lambda _seen, _of: None,
) -> Sound:
    """Look at every byte of a backup and of the record keys, without any database. Raises CannotRun for what is wrong.

    `told` hears how many bytes of the copy were looked at, of how many.
    """
    manifest = backups.read_manifest(folder, vault)
    unknown = sorted(set(manifest.migrations) - set(known()))
    if unknown:
        raise CannotRun(
            f"The backup was made by a newer mla-tracker, {manifest.program}: this one does not know {unknown[-1]}. "
            "Install the newer program."
        )
    copy = backups.check_copy(folder, manifest, lambda seen: told(seen, manifest.bytes))
    kept = record_keys.checked(record_keys_file, vault)
    if kept.made_at < manifest.keys_at:
        raise CannotRun(
            f"The record keys in {record_keys_file} are of {kept.made_at:%Y-%m-%d %H:%M} UTC and older than the "
            f"backup, of {manifest.keys_at:%Y-%m-%d %H:%M} UTC: texts of it could not be opened, and what was "
            "erased would come back. Give the newest copy of the record keys."
        )
    return Sound(manifest, copy, record_keys_file, kept)


async def restore(
    db: Database,
    url: str,
    sound: Sound,
    *,
    programs: Programs,
    now: datetime,
    told: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restore into the empty database at `url`, which `db` has open. Broken off, it is run again and goes on.

    Until all is done the database is refused by every other command. `told` hears how it goes. Raises CannotRun.
    """
    manifest = sound.manifest
    async with db.alone(restoring.LOCK) as ours:
        if not ours:
            raise CannotRun("Another mla-tracker restores into this database. Wait for it.")
        await _load(db, url, sound, programs, told)
        told("Giving the records their keys ...")
        await _put_keys(db, sound)
        done = Restored(manifest.id, manifest.made_at)
        done.migrations, _ = await set_up(
            db, now, told=lambda name: told(f"Running {name} ..."), restoring=True
        )
        told("Erasing again what was erased since ...")
        done.again = await _take_away_again(db, sound, now)
        await _verify(db, done, manifest, now, told)
        async with db.transaction(DbRole.OWNER, limits=NO_END) as tx:
            await tx.execute("analyze")
            await restoring.end(tx)
    return done


async def _load(
    db: Database, url: str, sound: Sound, programs: Programs, told: Callable[[str], None]
) -> None:
    async with db.transaction(DbRole.OWNER) as tx:
        server = tx.connection.get_server_version().major
        programs.require_fit(server)
        if server < sound.manifest.server_major:
            raise CannotRun(
                f"The backup is of PostgreSQL {sound.manifest.server}, this server is {server}. Restore into that "
                "version or a newer one."
            )
        await restoring.begin(tx, sound.manifest.id)
        loaded = await restoring.is_loaded(tx)
    if not loaded:
        told("Loading the copy ...")
        await programs.load(url, sound.copy)


async def _put_keys(db: Database, sound: Sound) -> None:
    for batch in _batches(record_keys.lines(sound.record_keys_file), _KEYS):
        async with db.transaction(DbRole.OWNER, limits=NO_END) as tx:
            await record_keys.put_keys(tx, batch)
    async with db.transaction(DbRole.OWNER, limits=NO_END, read_only=True) as tx:
        missing = await record_keys.without_key(tx)
    if missing:
        raise CannotRun(
            f"The record keys are of another database: {missing} request(s) with texts have no key there. Give the "
            "file that was kept at the backup, or after it."
        )


async def _take_away_again(db: Database, sound: Sound, now: datetime) -> dict[str, int]:
    """Erase and end what was so when the record keys were kept; each batch is a transaction of its own."""
    names = (
        "requests",
        "persons",
        "texts",
        "tokens",
        "accounts",
        "feeds",
        "addresses",
        "webhooks",
        "imports",
    )
    again = dict.fromkeys(names, 0)
    while True:
        async with db.transaction(DbRole.OWNER, limits=NO_END) as tx:
            number = await erasing_again.requests(tx, now, BATCH)
        again["requests"] += number
        if not number:
            break
    for form, name, erase in (
        ("person", "persons", erasing_again.of_persons),
        ("text", "texts", erasing_again.of_texts),
        ("empty", "texts", erasing_again.of_emptied),
    ):
        for batch in _batches(record_keys.lines(sound.record_keys_file), {form}):
            async with db.transaction(DbRole.OWNER, limits=NO_END) as tx:
                again[name] += await erase(tx, batch, now)
    for form, table, column, end in (
        ("token", "api_token", "revoked_at", revoke_token),
        ("account", "account", "disabled_at", disable_account),
    ):
        for batch in _batches(record_keys.lines(sound.record_keys_file), {form}):
            async with db.transaction(DbRole.OWNER, read_only=True) as tx:
                ids = await erasing_again.not_ended(tx, table, column, [line.id for line in batch])
            for one in ids:
                await end(db, one, now=now)
            again[f"{form}s"] += len(ids)
    for form, name, table, column, remove, what in _OF_ACCOUNTS:
        lines = record_keys.lines(sound.record_keys_file)
        standing = {(line.id, line.octets) for line in lines if line.form == form}
        async with db.transaction(DbRole.OWNER, read_only=True) as tx:
            ids = await erasing_again.not_standing(tx, table, column, standing)
        for one in ids:
            async with db.transaction(DbRole.OWNER) as tx:
                account = await load_account(tx, one, None)
                await tell_of_account(tx, account, what, await remove(tx, one), None, now)
        again[name] = len(ids)
    if sound.kept.format > 1:
        again["webhooks"] = await _webhooks_again(db, sound, now)
    async with db.transaction(DbRole.OWNER) as tx:
        again["imports"] = await erasing_again.open_imports(tx, now)
    return again


async def _webhooks_again(db: Database, sound: Sound, now: datetime) -> int:
    """Take away the endpoints that were deleted, or were others, when the record keys were kept; gives how many."""
    lines = record_keys.lines(sound.record_keys_file)
    standing = {(line.id, line.octets) for line in lines if line.form == "webhook"}
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        ids = await erasing_again.webhooks_not_standing(tx, standing)
    for one in ids:
        async with db.transaction(DbRole.OWNER) as tx:
            await take_away(tx, one, now)
    return len(ids)


async def _verify(
    db: Database, done: Restored, manifest: Manifest, now: datetime, told: Callable[[str], None]
) -> None:
    told("Verifying the audit and the records ...")
    verified = await verify(db, told=lambda seen, of: told(f"{seen} of {of} entries looked at ..."))
    done.audit_entries = verified.entries
    done.faults = [finding.sentence for finding in verified.findings]
    if verified.entries < manifest.audit_entries:
        done.faults.append(
            f"There are {verified.entries} entries of the audit, and there were {manifest.audit_entries}."
        )
    told("Counting every request anew ...")
    rebuilt = await rebuild(
        db, now, apply=False, told=lambda seen, _: told(f"{seen} request(s) looked at ...")
    )
    done.requests = rebuilt.requests
    if rebuilt.requests != manifest.requests:
        done.faults.append(f"There are {rebuilt.requests} requests, and there were {manifest.requests}.")
    done.differing = [
        f"{one.request_id}: {', '.join(one.what)}" for one in rebuilt.differences if not one.waiting
    ]


def _batches(lines: Iterable[Line], forms: Iterable[str]) -> Iterator[list[Line]]:
    forms, batch = frozenset(forms), list[Line]()
    for line in lines:
        if line.form in forms:
            batch.append(line)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch
