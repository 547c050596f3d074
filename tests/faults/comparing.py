"""The books are compared: what the writers know against what is stored, and what is stored against itself."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.verifying import verify
from mla_tracker.storage.database import Database, DbRole, Isolation, Tx
from tests.faults.book import Book, Kind, State
from tests.faults.installation import Installation

SWEEP_SECONDS: Final = 90.0
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SLACK: Final = timedelta(seconds=2)
"""By how much instants of one machine may differ, since each is read before it is written."""


async def compare(installation: Installation, book: Book, began: datetime) -> list[str]:
    """Sentences on what is wrong; none where all is well. Nothing may be writing meanwhile but the schedulers."""
    found = [*installation.surprises, *book.findings]
    installation.surprises.clear()
    book.findings.clear()
    async with await installation.database() as database:
        until = datetime.now(UTC)
        found += await _sweep_comes(database, until)
        async with database.transaction(
            DbRole.OWNER, isolation=Isolation.REPEATABLE_READ, read_only=True
        ) as tx:
            for part in PARTS:
                found += [sentence async for sentence in part(tx, book)]
            for name, query in IMPOSSIBLE.items():
                rows = await tx.fetch(*asked(query, began=began - SLACK, until=until))
                found += [f"{name}: {dict(row)}" for row in rows[:5]]
        verified = await verify(database)
        found += [f"verify: {finding.sentence}" for finding in verified.findings[:5]]
        rebuilt = await rebuild(database, datetime.now(UTC), apply=False)
        found += [f"rebuild: {one.request_id} {', '.join(one.what)}" for one in rebuilt.differences[:5]]
    return found


def counted(findings: list[str]) -> list[str]:
    """Findings that differ in nothing but an id, told once with their number."""
    first: dict[str, str] = {}
    number = Counter[str]()
    for finding in findings:
        kind = ID.sub("", finding)
        first.setdefault(kind, finding)
        number[kind] += 1
    return [f"{number[kind]} × {finding}" for kind, finding in first.items()]


async def flags_and_takeovers(installation: Installation) -> tuple[int, int]:
    """How many flags stand, and how many slots of jobs were run by another node than the one that began."""
    async with await installation.database() as database, database.transaction(DbRole.OWNER) as tx:
        return (
            await tx.fetchval("select count(*) from flag"),
            await tx.fetchval("select count(*) from job_slot where attempts > 1"),
        )


def asked(query: str, **given: datetime) -> list[Any]:
    """A query of IMPOSSIBLE with the argument that it names, if any, as the driver takes both."""
    named = [(name, at) for name, at in given.items() if f":{name}" in query]
    for number, (name, _) in enumerate(named, start=1):
        query = query.replace(f":{name}", f"${number}")
    return [query, *(at for _, at in named)]


async def _sweep_comes(database: Database, until: datetime) -> list[str]:
    """The schedulers, left alone, flag everything that has come due by then."""
    deadline = asyncio.get_running_loop().time() + SWEEP_SECONDS
    while True:
        async with database.transaction(DbRole.OWNER, read_only=True) as tx:
            waiting = await tx.fetchval("select count(*) from clock_check where at <= $1", until)
        if not waiting:
            return []
        if asyncio.get_running_loop().time() > deadline:
            return [f"{waiting} instants that had come were not swept in {SWEEP_SECONDS:g} s"]
        await asyncio.sleep(0.1)


IMPOSSIBLE: Final = {
    "a clock that came due has no flag": """
        select id, request_id, clock_key, due_at from clock
        where state = 'running' and due_at <= :until
            and effect in ('deadline', 'expiry') and not exists (
                select from flag where flag.request_id = clock.request_id and flag.clock_key = clock.clock_key
                    and flag.due_at = clock.due_at and flag.level = 0 and flag.kind in ('overdue', 'expired')
                    and flag.cleared_at is null)""",
    "a flag stands twice": """
        select request_id, clock_key, kind, level, due_at, count(*) from flag group by 1, 2, 3, 4, 5 having count(*) > 1
        """,
    "a flag was raised before its time": """
        select id, kind, due_at, raised_at from flag
        where raised_at > clock_timestamp() or kind in ('overdue', 'expired') and due_at > clock_timestamp()""",
    "a flag of which the feed of changes does not tell once that it was raised, or raised again": """
        select flag.id, count(*) filter (where what = 'flag.raised') as raised from flag
        left join change on change.flag_id = flag.id
        group by flag.id, flag.cleared_at
        having count(*) filter (where what = 'flag.raised')
            <> count(*) filter (where what = 'flag.cleared') + (flag.cleared_at is null)::int""",
    "a request of which the feed of changes does not tell once": """
        select id from request where 1 <> (
            select count(*) from change where request_id = request.id and what = 'request.logged')""",
    "a key without a result": "select account_id, route, key from idempotency_key where result is null",
    "two keys made one record": """
        select route, result, count(*) from idempotency_key
        where route not like '%acknowledge' and route not like '%void' group by 1, 2 having count(*) > 1""",
    "a request without its audit": """
        select id from request where not exists (
            select from audit_entry where chain_kind = 'request' and chain_id = request.id and position is not null)""",
    "an act before the installation was made, or after now": """
        select id, what, at from audit_entry where at < :began or at > clock_timestamp()""",
    "a slot of a job in the future": "select job, slot, node from job_slot where slot > clock_timestamp()",
}
"""Queries that must find nothing. `:began`: when the installation was made; `:until`: all due by then was swept."""


async def _requests(tx: Tx, book: Book) -> AsyncIterator[str]:
    rows = await tx.fetch("select external_reference as mark, id from request")
    for sentence in _held_against("request", book, Kind.REQUEST, rows):
        yield sentence


async def _agreements(tx: Tx, book: Book) -> AsyncIterator[str]:
    rows = await tx.fetch(
        "select external_reference as mark, id from agreement where external_reference is not null"
    )
    for sentence in _held_against("agreement", book, Kind.AGREEMENT, rows):
        yield sentence


def _held_against(what: str, book: Book, kind: Kind, rows: list[asyncpg.Record]) -> Iterator[str]:
    """Every acknowledged one is there under its id, once; what is there besides is one that its writer is unsure of."""
    there = defaultdict(list)
    for row in rows:
        there[row["mark"]].append(str(row["id"]))
    known = {write.mark: write for write in book.of(kind)}
    for mark, ids in there.items():
        if len(ids) > 1:
            yield f"{what} {mark} is there {len(ids)} times"
        if mark not in known:
            yield f"{what} {mark} is there, and nobody wrote it"
    for mark, write in known.items():
        if write.state is State.ACKNOWLEDGED and there.get(mark) != [write.made]:
            yield f"{what} {mark} was acknowledged as {write.made}, and {there.get(mark)} is there"


async def _acts(tx: Tx, book: Book) -> AsyncIterator[str]:
    """The history of every request is what was written of it, whole, and each act once."""
    ids = {
        row["external_reference"]: str(row["id"])
        for row in await tx.fetch("select id, external_reference from request")
    }
    must, may = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    for write in book.of(Kind.REQUEST):
        if write.mark in ids:
            for event in (write.body or {}).get("events", []):
                must[(ids[write.mark], event["type"], _when(event))] += 1
    for write in book.of(Kind.ACT):
        kind, when = write.mark
        (may if write.may_be_there else must)[(write.about, kind, _when({"occurred_on": when}))] += 1
    for write in book.of(Kind.VOID):
        _, when = write.mark
        (may if write.may_be_there else must)[(write.about, "reminded", _when({"occurred_on": when}))] += 1
    there = Counter(
        (str(row["request_id"]), row["type"], _when(dict(row)))
        for row in await tx.fetch(
            "select request_id, type, occurred_on::text, occurred_at from request_event"
        )
    )
    for act, number in (must - there).items():
        yield f"act {act} was acknowledged and is missing ({number})"
    for act, number in (there - must - may).items():
        yield f"act {act} is there {number} time(s) more than it was written"


def _when(event: dict[str, Any]) -> str:
    """A day, or an instant to the microsecond, in one form."""
    when = event.get("occurred_on") or event["occurred_at"]
    if isinstance(when, str):
        if "T" not in when:
            return when
        when = datetime.fromisoformat(when)
    return str(when.astimezone(UTC).isoformat())


async def _voids(tx: Tx, book: Book) -> AsyncIterator[str]:
    rows = await tx.fetch(
        """
        select v.event_id, e.occurred_on::text, e.occurred_at from event_void v
        left join request_event e on e.id = v.replacement_id
        """
    )
    there = Counter((str(row["event_id"]), _when(dict(row))) for row in rows)
    must, may = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for write in book.of(Kind.VOID):
        event_id, when = write.mark
        (may if write.may_be_there else must)[(event_id, _when({"occurred_on": when}))] += 1
    if must - there:
        yield f"voids are missing: {list(must - there)[:3]}"
    if there - must - may:
        yield f"voids that nobody wrote, or twice: {list(there - must - may)[:3]}"


async def _amendments(tx: Tx, book: Book) -> AsyncIterator[str]:
    """What stands is the last that was acknowledged, or one that its writer is unsure of and that came after it."""
    possible: dict[str, set[str | None]] = defaultdict(lambda: {None})
    for write in book.of(Kind.AMENDMENT):
        assert write.about is not None
        if write.state is State.ACKNOWLEDGED:
            possible[write.about] = {write.mark}
        else:
            possible[write.about].add(write.mark)
    for row in await tx.fetch("select id, assigned_requesting from request"):
        if row["assigned_requesting"] not in possible[str(row["id"])]:
            yield f"request {row['id']} is assigned to {row['assigned_requesting']}, not {possible[str(row['id'])]}"


async def _children(tx: Tx, book: Book) -> AsyncIterator[str]:
    """Persons and notes: every acknowledged one by its id, and no more besides than are unsure."""
    for kind, query in (
        (Kind.PERSON, "select id, request_id from person"),
        (
            Kind.NOTE,
            "select id, request_id from free_text where owner_country is not null and field = 'side_note'",
        ),
    ):
        there = {str(row["id"]): str(row["request_id"]) for row in await tx.fetch(query)}
        acknowledged = {write.made for write in book.of(kind) if write.state is State.ACKNOWLEDGED}
        if missing := acknowledged - there.keys():
            yield f"{kind}s were acknowledged and are missing: {sorted(map(str, missing))[:3]}"
        more = Counter(about for made, about in there.items() if made not in acknowledged)
        unsure = Counter(str(write.about) for write in book.of(kind) if write.may_be_there)
        if too_many := more - unsure:
            yield f"there are more {kind}s than were written: {dict(too_many)}"


async def _acknowledgements(tx: Tx, book: Book) -> AsyncIterator[str]:
    seen = {
        str(row["id"])
        for row in await tx.fetch("select id from flag where acknowledged_requesting_at is not null")
    }
    written = {write.mark: write for write in book.of(Kind.ACKNOWLEDGEMENT)}
    for mark, write in written.items():
        if write.state is State.ACKNOWLEDGED and mark not in seen:
            yield f"the acknowledgement of flag {mark} was acknowledged and is missing"
    if strange := seen - written.keys():
        yield f"flags are acknowledged, and nobody did it: {sorted(strange)[:3]}"


PARTS: Final = (_requests, _agreements, _acts, _voids, _amendments, _children, _acknowledgements)
"""What is compared of the writers' books, each as a function that gives sentences."""
