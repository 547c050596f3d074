"""How much a request takes on the disk: requests with a usual history, and the sizes of tables and indexes after them.

`python -m bench.sizes` logs 2,000 requests for evidence, each with a subject, five acts of which two have a note, a
person and a note of a side, through the commands of the program, in a private PostgreSQL of its own; then flags, seals
and vacuums as the jobs do.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.backing_up import back_up
from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.persons import NewPerson, record_person
from mla_tracker.commands.requests import log_request, record_event
from mla_tracker.commands.sealing import seal
from mla_tracker.commands.setting_up import set_up
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.persons import Part
from mla_tracker.domain.vocabulary import Act, RequestKind, Role
from mla_tracker.storage import embedded
from mla_tracker.storage.copying import Programs
from mla_tracker.storage.database import Database
from mla_tracker.storage.vault import Vault

FIRST_DAY = date(2025, 9, 1)
SUBJECT = "Records of an account with a bank in Algeciras from March to June, and who signs for it"
NOTE = "Asked the court by telephone; the records are promised for the end of next week"
NAMES = {
    "names": [{"kind": "current", "family_names": "Ruiz Ortega", "given_names": "Julia"}],
    "born_on": "1987-05-17",
}
LATER = (
    (Act.RECEIVED, 3, None, {}),
    (Act.ACKNOWLEDGED, 6, NOTE, {}),
    (Act.ACCEPTED, 20, None, {}),
    (Act.EXECUTED, 70, NOTE, {}),
)
SIZES = """
    select relname, pg_table_size(oid) as rows, pg_indexes_size(oid) as indexes from pg_class
    where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
"""


async def history(db: Database, day: date, requesting: Actor, requested: Actor) -> None:
    """One case from its logging to its execution."""
    now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
    sent = NewEvent(Act.SENT, occurred_on=day, data={"channel": "central_authority"})
    entry = NewRequest(
        RequestKind.EVIDENCE, "MA", "ES", assistance=("records",), convention="un1988", subject=SUBJECT,
        external_reference=str(uuid4()), events=(sent,),
    )  # fmt: skip
    made = (await log_request(db, entry, actor=requesting, now=now)).id
    person = NewPerson(Part.SUSPECT, NAMES)
    await record_person(db, made, person, actor=requesting, now=now)
    for act, days, note, data in LATER:
        on = day + timedelta(days=days)
        event = replace(NewEvent(act, occurred_on=on, data=data), note=note)
        await record_event(db, made, event, actor=requested, now=now + timedelta(days=days, hours=1))
    await record_note(db, made, NOTE, actor=requested, now=now + timedelta(days=30))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def sizes(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, tuple[int, int]]:
    return {row["relname"]: (row["rows"], row["indexes"]) for row in await connection.fetch(SIZES)}


async def measure(url: str, superuser: str, number: int, at_once: int) -> None:
    """Log the cases and print what they take."""
    connection = await asyncpg.connect(superuser)
    async with await Database.open(url, pool_size=at_once + 1, vault=Vault.made()) as db:
        await set_up(db, datetime.combine(FIRST_DAY, datetime.min.time(), UTC))
        actors: list[Actor] = []
        for country in ("MA", "ES"):
            made = await create_account(
                db, name=country, countries=[country], role=Role.OFFICER, now=datetime(2025, 8, 1, tzinfo=UTC)
            )
            actors.append(Actor(made, (country,), Role.OFFICER, country))
        await connection.execute("vacuum full analyze")
        before = await sizes(connection)
        wal = await connection.fetchval("select pg_current_wal_lsn()")
        days: Sequence[date] = [FIRST_DAY + timedelta(days=n % 200) for n in range(number)]
        for start in range(0, number, at_once):
            await asyncio.gather(*(history(db, day, *actors) for day in days[start : start + at_once]))
        after = datetime(2026, 6, 1, tzinfo=UTC)
        await flag_due(db, after)
        await seal(db, after)
        written = await connection.fetchval("select pg_wal_lsn_diff(pg_current_wal_lsn(), $1)", wal)
        await connection.execute("vacuum analyze")
        grown = await sizes(connection)
        flags, entries, clocks = [
            await connection.fetchval(f"select count(*) from {table}")
            for table in ("flag", "audit_entry", "clock")
        ]
        with tempfile.TemporaryDirectory() as folder:
            backup, programs = Path(folder) / "backup", await Programs.found(None)
            made = await back_up(db, url, backup, Path(folder) / "keys", programs=programs, now=after)
            kept = (Path(folder) / "keys").stat().st_size
    await connection.close()
    say(
        f"{number} requests, each with 5 acts: {clocks / number:.1f} clocks, {flags / number:.1f} flags, "
        f"{entries / number:.1f} entries of the audit; {int(written) / number / 1024:.1f} KiB of write-ahead log."
    )
    say(
        f"A backup takes {made.manifest.bytes / number:.0f} bytes per request, record keys {kept / number:.0f}."
    )
    say(f"{'table':<22}{'rows':>10}{'indexes':>10}  bytes per request")
    whole = [0, 0]
    for table, (rows, indexes) in sorted(grown.items(), key=lambda item: -sum(item[1])):
        of_each = [
            (now - then) / number
            for now, then in zip((rows, indexes), before.get(table, (0, 0)), strict=True)
        ]
        whole = [total + part for total, part in zip(whole, of_each, strict=True)]
        if sum(of_each) >= 20:
            say(f"{table:<22}{of_each[0]:>10.0f}{of_each[1]:>10.0f}")
    say(f"{'all':<22}{whole[0]:>10.0f}{whole[1]:>10.0f}  = {sum(whole) / 1024:.1f} KiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=4)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mla-sizes-", dir="/tmp") as folder,
        embedded.running(Path(folder), settings={"fsync": "off", "full_page_writes": "off"}) as server,
    ):
        asyncio.run(measure(server.url(), server.url(user="postgres"), given.requests, given.at_once))


if __name__ == "__main__":
    main()
