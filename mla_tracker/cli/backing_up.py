"""The commands backup and restore."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import address_of, connected, keys_folder, now, record_keys_file, tell
from mla_tracker.cli.operating import AsJson
from mla_tracker.cli.serving import alone
from mla_tracker.commands.restoring import Restored, Sound
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import Vault

TELL_EVERY: Final = 2.0
MIB: Final = 1024 * 1024

RecordKeys = Annotated[Path | None, Parameter(name="--record-keys")]


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(backup)
    app.command(restore)


def backup(
    place: Path | None = None,
    *,
    record_keys: RecordKeys = None,
    only_record_keys: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database as of one instant, beside everything else that goes on.

    The wrapped keys of the records, and a list of what was erased, go into a file apart, in place of those of the
    backup before: so what is forgotten cannot be read from older backups either. The keys of MLA_KEYS_DIR are in
    neither.

    Parameters
    ----------
    place
        The folder to make; or one that exists, in which a folder named by the instant is made.
    record_keys
        The file of record keys; else MLA_RECORD_KEYS_FILE, else record-keys in the folder of keys.
    only_record_keys
        Make no copy of the database; only renew the file of record keys.
    as_json
        Print what was done as JSON.
    """
    if (place is None) is not only_record_keys:
        raise CannotRun("Give the folder of the backup, or --only-record-keys, and not both.")
    at = now()
    if place is not None:
        place = (place / f"mla-{at:%Y%m%dT%H%M%SZ}" if place.is_dir() else place).absolute()
    done = run(_backup(load_settings(record_keys_file=record_keys), place, at))
    if as_json:
        print(json.dumps(done, default=str))
    elif place is None:
        print(f"{done['rows']} record keys and erasures kept in {done['record_keys_file']}.")
    else:
        print(
            f"{done['requests']} request(s), {done['audit_entries']} entries of the audit backed up to "
            f"{done['folder']} ({done['bytes'] / MIB:.1f} MiB). Keep "
            f"{done['record_keys_file']} apart from it, and no older copies."
        )


async def _backup(settings: Settings, place: Path | None, at: datetime) -> dict[str, Any]:
    from mla_tracker.commands.backing_up import back_up, keep_record_keys

    keys_file = record_keys_file(settings).absolute()
    async with connected(settings) as database:
        if place is None:
            kept = await keep_record_keys(database, keys_file)
            return {**asdict(kept), "record_keys_file": keys_file}
        programs = await Programs.found(settings.postgres_programs)
        with address_of(settings) as url:
            done = await back_up(
                database,
                url,
                place,
                keys_file,
                programs=programs,
                now=at,
                told=_bytes_told("written", "a database of"),
            )
    return {
        "folder": done.folder,
        "record_keys_file": keys_file,
        "record_keys": asdict(done.record_keys),
        **asdict(done.manifest),
    }


def restore(
    backup: Path,
    *,
    record_keys: RecordKeys = None,
    only_check: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty database, bring it up to date, erase again what was erased since, and verify all.

    Broken off, run it again: it goes on. Exit code 1 if nothing was restored, or if the verification found something.

    Parameters
    ----------
    backup
        The folder of the backup.
    record_keys
        The newest file of record keys; else MLA_RECORD_KEYS_FILE, else record-keys in the folder of keys.
    only_check
        Touch no database; only look at every byte of backup and record keys.
    as_json
        Print what was done as JSON.
    """
    settings = load_settings(record_keys_file=record_keys)
    vault = Vault.read(keys_folder(settings))
    from mla_tracker.commands.restoring import check_backup

    sound = check_backup(
        backup.absolute(), record_keys_file(settings).absolute(), vault, _bytes_told("looked at", "")
    )
    if only_check:
        told = {"sound": True, **asdict(sound.manifest), "record_keys": asdict(sound.kept)}
        print(
            json.dumps(told, default=str) if as_json else f"The backup of {sound.manifest.made_at} is whole."
        )
        return
    with alone(settings):
        done = run(_restore(settings, sound, vault))
    if as_json:
        print(json.dumps({**asdict(done), "sound": done.sound}, default=str))
    else:
        _print(done)
    if not done.sound:
        raise SystemExit(1)


async def _restore(settings: Settings, sound: Sound, vault: Vault) -> Restored:
    from mla_tracker.commands.restoring import restore as run_restore

    programs = await Programs.found(settings.postgres_programs)
    with address_of(settings) as url:
        async with await Database.open(url, pool_size=settings.pool_size, vault=vault) as database:
            return await run_restore(
                database, url, sound, programs=programs, now=now(), told=_told_at_times()
            )


def _print(done: Restored) -> None:
    for sentence in (*done.faults, *(f"Request {one}" for one in done.differing)):
        print(sentence)
    again = ", ".join(f"{number} {name}" for name, number in done.again.items() if number) or "nothing"
    print(
        f"The backup of {done.made_at} is restored: {done.requests} request(s), {done.audit_entries} entries of the "
        f"audit, {len(done.migrations)} migration(s) run. Erased or ended again: {again}."
    )
    if done.sound:
        print("Audit, records and dates were verified: no fault.")


def _bytes_told(what: str, of_what: str) -> Callable[[int, int], None]:
    last = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            tell(f"{done / MIB:.0f} MiB {what}, of {of_what} {of / MIB:.0f} MiB ...".replace("  ", " "))

    return told


def _told_at_times() -> Callable[[str], None]:
    """Steps at once, and figures that come often only now and then."""
    last = 0.0

    def told(sentence: str) -> None:
        nonlocal last
        if not sentence[0].isdigit() or time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            tell(sentence)

    return told
