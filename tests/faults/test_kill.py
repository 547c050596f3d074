"""Killed in the middle of writing, the program loses nothing it acknowledged, and doubles nothing and no flag."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest

from mla_tracker.storage import embedded
from tests.builders.requests import PATH, a_request_body, act

PROGRAM = Path(sys.executable).with_name("mla-tracker")
WRITERS = 6
ENOUGH = 25  # acknowledged writes before each kill
START_SECONDS = 30
FLAGS_EACH = {("overdue", 0), ("escalation", 1), ("escalation", 2)}


@dataclass
class Book:
    """What a client knows of its own writes: what was acknowledged, and what it never heard of again."""

    requests: dict[str, str] = field(default_factory=dict)
    acts: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    @property
    def acknowledged(self) -> int:
        return len(self.requests) + len(self.acts)


class Installation:
    """The real program on a data folder and a port of its own."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.socket()) as found:
            found.bind(("127.0.0.1", 0))
            self.port = int(found.getsockname()[1])
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MLA_")},
            "MLA_DATA_DIR": str(folder), "MLA_PORT": str(self.port), "MLA_SWEEP_SECONDS": "1", "MLA_LOG_LEVEL": "error",
        }  # fmt: skip

    def token(self) -> str:
        done = subprocess.run(
            [PROGRAM, "token", "create", "--country", "MA", "--role", "officer", "--json"],
            env=self.environment, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return str(json.loads(done.stdout)["token"])

    @contextmanager
    def serving(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The program, ready; killed at the end whatever happened."""
        with (self.folder / "serve.log").open("ab") as log:
            program = subprocess.Popen([PROGRAM, "serve"], env=self.environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + START_SECONDS
            while True:
                with suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=5).status_code == 200:
                        break
                assert program.poll() is None, (self.folder / "serve.log").read_text()
                assert time.monotonic() < until, (self.folder / "serve.log").read_text()
                time.sleep(0.05)
            yield program
        finally:
            program.kill()
            program.wait(30)

    @property
    def postgres(self) -> int:
        """The process id of the private PostgreSQL."""
        return int((self.folder / "pg" / "postmaster.pid").read_text().splitlines()[0])


@pytest.fixture
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="mla-kill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        try:
            yield Installation(Path(name))
        finally:
            embedded.stop_forgotten(Path(name))


async def write_one(client: httpx.AsyncClient, book: Book, reference: str) -> None:
    """Log a request long overdue and an act of it, each under its key, and note what was acknowledged."""
    body = a_request_body(act("sent", "2025-01-06"), external_reference=reference)
    answer = await client.post(PATH, json=body, headers={"Idempotency-Key": reference})
    acknowledged(answer)
    request_id = answer.json()["id"]
    assert book.requests.setdefault(reference, request_id) == request_id
    answer = await client.post(
        f"{PATH}/{request_id}/events",
        json=act("reminded", "2025-02-03"),
        headers={"Idempotency-Key": reference},
    )
    acknowledged(answer)
    event_id = answer.json()["id"]
    assert book.acts.setdefault(reference, event_id) == event_id


def acknowledged(answer: httpx.Response) -> None:
    """A write is acknowledged, or the database is gone for the moment: nothing else may be said."""
    assert answer.status_code in (201, 503), answer.text
    if answer.status_code == 503:
        raise httpx.HTTPError(answer.text)


async def write_until_it_fails(client: httpx.AsyncClient, book: Book, name: str) -> None:
    for number in range(10_000):
        reference = f"{name}-{number}"
        try:
            await write_one(client, book, reference)
        except httpx.HTTPError:
            book.unsure.add(reference)
            return


async def load(installation: Installation, token: str, book: Book, round_: str, victim: int) -> None:
    """Write with many writers, and kill a process as soon as enough was acknowledged."""
    address, headers = f"http://127.0.0.1:{installation.port}", {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as client:
        before = book.acknowledged
        writers = [
            asyncio.create_task(write_until_it_fails(client, book, f"{round_}-{number}"))
            for number in range(WRITERS)
        ]
        while book.acknowledged < before + ENOUGH:
            await asyncio.sleep(0.005)
            assert not all(writer.done() for writer in writers)
        os.kill(victim, signal.SIGKILL)
        await asyncio.gather(*writers)


async def write_again(installation: Installation, token: str, book: Book) -> None:
    """What a careful client does after a crash: repeat under the same keys all that it is unsure of, and more."""
    address, headers = f"http://127.0.0.1:{installation.port}", {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as client:
        for reference in [*book.unsure, *list(book.requests)[::5]]:
            await write_one(client, book, reference)


async def check(folder: Path, book: Book) -> None:
    """Every acknowledged write is there once; every flag that is due comes, once."""
    with embedded.running(folder) as server:
        connection = await asyncpg.connect(server.url())
        try:
            rows = await connection.fetch(
                """
                select r.id, r.external_reference,
                    array(select id from request_event e where e.request_id = r.id and e.type = 'reminded') as reminders
                from request r
                """
            )
            assert {row["external_reference"]: str(row["id"]) for row in rows} == book.requests
            assert len(rows) == len(book.requests)
            assert {row["external_reference"]: [str(one) for one in row["reminders"]] for row in rows} == {
                reference: [event_id] for reference, event_id in book.acts.items()
            }
            until = time.monotonic() + 20
            while await connection.fetchval("select count(*) from clock_check where at <= now()"):
                assert time.monotonic() < until, "the sweep did not come back"
                await asyncio.sleep(0.1)
            flags = await connection.fetch(
                "select request_id, kind, level from flag where limit_id = 'default-receive'"
            )
            counted = Counter((str(row["request_id"]), row["kind"], row["level"]) for row in flags)
            assert counted == {(id_, *kind): 1 for id_ in book.requests.values() for kind in FLAGS_EACH}
        finally:
            await connection.close()


def test_nothing_acknowledged_is_lost_or_doubled_when_program_and_database_are_killed(
    installation: Installation,
) -> None:
    book, token = Book(), installation.token()
    with installation.serving() as program:
        asyncio.run(load(installation, token, book, "program", program.pid))
        assert program.wait(10) == -signal.SIGKILL
    with installation.serving():
        asyncio.run(write_again(installation, token, book))
        asyncio.run(load(installation, token, book, "database", installation.postgres))
    with installation.serving():
        asyncio.run(write_again(installation, token, book))
        asyncio.run(check(installation.folder, book))
    assert book.unsure
    assert book.acknowledged > 2 * ENOUGH
