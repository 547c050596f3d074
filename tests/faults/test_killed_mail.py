"""A program that is killed between the mail server's taking of a mail and its own record of it: nothing is lost, and
what is sent twice is known by its id. And what its log says meanwhile."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

from mla_tracker.commands.telling import tell_due
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.mails import LEASE
from tests.builders.clocks import a_clock
from tests.builders.counted import as_owner
from tests.builders.telling import a_post, a_reader, address_of

MORNING = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
REFERENCE = "a-reference-of-4711"
CHILD = """
import asyncio, sys
from datetime import UTC, datetime, timedelta

from mla_tracker import logs
from mla_tracker.commands.jobs import run_slot
from mla_tracker.scheduler.jobs import MAIL, scheduled_jobs
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database
from tests.builders.keys import the_keys

url, port = sys.argv[1:]
settings = Settings(
    log_level="debug", smtp_host="127.0.0.1", smtp_port=int(port), smtp_security="plain", mail_from="a@mla.example"
)
logs.configure(settings)

async def main():
    [job] = [job for job in scheduled_jobs(settings) if job.name == MAIL]
    async with await Database.open(url, pool_size=2, vault=the_keys()) as db:
        await run_slot(db, job.name, job.interval, job.work, node="n", now=datetime(2026, 3, 10, 9, tzinfo=UTC))

asyncio.run(main())
"""


async def start(url: str, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, str(port),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def test_a_mail_in_the_hands_of_a_program_that_is_killed_is_sent_by_another(
    database_url: str, db: Database
) -> None:
    readers = [await a_reader(db, "ES", now=MORNING - timedelta(days=1), name=f"Desk {n}") for n in range(3)]
    clock = await a_clock().due("2026-03-06T23:00:00").stored(db)
    await as_owner(
        db, "update request set reference_requested = $2 where id = $1", clock.request_id, REFERENCE
    )
    async with a_post() as post:
        child = await start(database_url, post.port)
        post.on_data = lambda: os.kill(child.pid, signal.SIGKILL) if len(post.taken) == 2 else None
        assert await child.wait() == -signal.SIGKILL
        post.on_data = None
        async with db.transaction(DbRole.OWNER) as tx:
            rows = await tx.fetch("select status, count(*) as number from mail group by status")
        assert {row["status"]: row["number"] for row in rows} == {"sent": 1, "claimed": 1, "waiting": 1}
        soon = await tell_due(db, MORNING + timedelta(minutes=1), post.server)
        assert soon.ended == {"accepted": 1}
        later = await tell_due(db, MORNING + LEASE, post.server)
        assert later.ended == {"accepted": 1}
        assert (await tell_due(db, MORNING + 2 * LEASE, post.server)).ended == {}
    assert {one.address for one in post.taken} == {address_of(reader) for reader in readers}
    assert len(post.taken) == 4
    assert len({one.message["Message-ID"].split("@")[0] for one in post.taken}) == 3


async def test_no_log_and_no_record_of_a_run_names_an_address_or_a_case(
    database_url: str, db: Database
) -> None:
    for number in range(4):
        await a_reader(db, "ES", now=MORNING - timedelta(days=1), name=f"Desk {number}")
    clock = await a_clock().due("2026-03-06T23:00:00").stored(db)
    await as_owner(
        db, "update request set reference_requested = $2 where id = $1", clock.request_id, REFERENCE
    )
    async with a_post() as post:
        post.to_recipient = ["550 unknown", "450 later", "250"]
        post.to_data = ["250", "554 no <desk@justice.example>"]
        child = await start(database_url, post.port)
        out, _ = await child.communicate()
    assert child.returncode == 0
    said = out.decode()
    assert "job done" in said
    async with db.transaction(DbRole.OWNER) as tx:
        said += str([dict(row) for row in await tx.fetch("select * from job_slot")])
    assert "'refused': 2" in said or '"refused": 2' in said
    for word in ("justice.example", REFERENCE, "@"):
        assert word not in said.replace("a@mla.example", "")
