"""Nodes replaced one by one: the former program serves on while a migration runs, and beside the new one."""

import asyncio
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

import mla_tracker
from mla_tracker.storage import migrating
from tests.builders.programs import environment
from tests.builders.requests import PATH, a_request_body, act
from tests.nodes.test_stopping import a_token
from tools.cluster import PROGRAM, free_port, is_up, process, until

ID = "2999_01_01t00_00_00_000000_later"
MIGRATION = """
from mla_tracker.storage.migrating import from_sql
ID = "{id}"
VERSION = "1.38.0"
DESCRIPTION = "What a later version needs"
{beside}
async def forwards():
    return from_sql(ID, DESCRIPTION)
"""
ADDITIVE = """
    alter table request add column later_column text;
    alter table request_event add column later_column integer not null default 0;
    alter table clock add column later_column date;
    alter table agreement add column later_column text;
    alter table account add column later_column text;
    alter table flag add column later_column text;
    alter table free_text add column later_column text;
    alter table calendar_version add column later_column text;
    alter table limit_version add column later_column text;
    alter table job_slot add column later_column text;
    alter table api_token add column later_column text;
    create table later_table (id integer primary key, request_id uuid references request (id));
    grant select, insert on later_table to mla_api;
"""
RUN = "import sys; from mla_tracker.cli import main; sys.exit(main())"
WRITERS = 4
CHECKOUT = Path(__file__).parents[2]


class Newer:
    """A copy of the program with one migration more."""

    def __init__(self, folder: Path, *, beside: str | None) -> None:
        shutil.copytree(Path(mla_tracker.__file__).parent, folder / "mla_tracker")
        migrations = folder / "mla_tracker" / "storage" / "migrations"
        said = f'BESIDE = "{beside}"' if beside else ""
        (migrations / f"{ID}.py").write_text(MIGRATION.format(id=ID, beside=said))
        (migrations / f"{ID}.sql").write_text(ADDITIVE)
        self.path = str(folder)
        self.command = [sys.executable, "-c", RUN]


@pytest.fixture
def newer(tmp_path: Path) -> Newer:
    return Newer(tmp_path / "newer", beside=migrating.known()[-1])


def ran(command: list[str], given: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*command, *arguments],
        env=dict(given),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def node(command: list[str], given: Mapping[str, str], log: Path) -> Iterator[str]:
    """A node of a program that is ready; gives its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with process(
        [*command, "serve", "--no-scheduler"], log, env={**given, "MLA_PORT": str(port)}, cwd="/"
    ) as started:
        until(lambda: is_up(f"{address}/health/live"), started, log)
        yield address


@asynccontextmanager
async def calling(address: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        yield client


numbers = count()


async def use(client: httpx.AsyncClient, heard: Counter[str]) -> None:
    """Write and read as an officer does, and note every answer that is none of success."""

    def note(answer: httpx.Response) -> httpx.Response:
        wrong = "" if answer.is_success else f": {answer.text}"
        heard[f"{answer.request.method} {answer.status_code}{wrong}"] += 1
        return answer

    body = a_request_body(act("sent", "2025-01-06"), external_reference=f"upgrade-{next(numbers)}")
    made = note(await client.post(PATH, json=body))
    if not made.is_success:
        return
    one = f"{PATH}/{made.json()['id']}"
    read = note(await client.get(one))
    etag = {"If-Match": read.headers["etag"]}
    note(await client.patch(one, json={"urgency": "urgent", "urgency_reason": "hearing"}, headers=etag))
    note(await client.post(f"{one}/events", json=act("reminded", "2025-02-03")))
    for path in (PATH, f"{one}/events", f"{one}/clocks", "/api/v1/clocks", "/api/v1/flags", "/api/v1/agreements",
                 "/api/v1/limits", "/api/v1/me"):  # fmt: skip
        note(await client.get(path))


async def test_the_former_program_serves_on_while_a_migration_runs_and_beside_the_new_one(
    database_url: str, newer: Newer, tmp_path: Path
) -> None:
    token = await a_token(database_url)
    given = environment(MLA_DATABASE_URL=database_url, MLA_LOG_LEVEL="warning")
    later = given | {"PYTHONPATH": newer.path}
    heard: Counter[str] = Counter()
    stop = asyncio.Event()

    async def on_and_on(client: httpx.AsyncClient) -> None:
        while not stop.is_set():
            await use(client, heard)

    with node([str(PROGRAM)], given, tmp_path / "former.log") as former:
        async with calling(former, token) as client:
            await use(client, heard)
            refused = await asyncio.to_thread(ran, newer.command, later, "serve", "--no-scheduler")
            assert refused.returncode == 1
            assert "lacks 1 migration(s). Run: mla-tracker migrate" in refused.stderr
            users = [asyncio.create_task(on_and_on(client)) for _ in range(WRITERS)]
            migrated = await asyncio.to_thread(ran, newer.command, later, "migrate")
            assert migrated.returncode == 0, migrated.stderr
            assert ID in migrated.stderr
            with node(newer.command, later, tmp_path / "newer.log") as new:
                async with calling(new, token) as other:
                    for _ in range(3):
                        await use(other, heard)
                    await handed_over(client, other)
                    await handed_over(other, client)
                stop.set()
                await asyncio.gather(*users)
            ready = (await client.get("/health/ready")).json()
    wrong = {answer: number for answer, number in heard.items() if ": " in answer}
    assert wrong == {}
    assert {
        "name": "schema",
        "ok": True,
        "detail": "Newer by 1 migration(s) that this program works beside.",
    } in (ready["checks"])
    with node([str(PROGRAM)], given, tmp_path / "again.log"):
        pass  # one that is started anew goes on as well
    checked = await asyncio.to_thread(ran, [str(PROGRAM)], given, "verify")
    assert "migrated by a newer mla-tracker" in checked.stderr, "judging the whole is for who knows the whole"
    checked = await asyncio.to_thread(ran, newer.command, later, "verify", "--json")
    assert json.loads(checked.stdout)["found"] == 0


async def handed_over(one: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    """What is begun on a node of one program goes on on a node of the other."""
    body = a_request_body(act("sent", "2025-01-06"), external_reference=f"upgrade-{next(numbers)}")
    key = {"Idempotency-Key": f"handed-over-{next(numbers)}"}
    made = await one.post(PATH, json=body, headers=key)
    again = await other.post(PATH, json=body, headers=key)
    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    path = f"{PATH}/{made.json()['id']}"
    version = {"If-Match": (await one.get(path)).headers["etag"]}
    change = {"urgency": "urgent", "urgency_reason": "hearing"}
    assert (await other.patch(path, json=change, headers=version)).status_code == 200
    assert (await one.patch(path, json=change, headers=version)).status_code == 412


def git(*arguments: str) -> bytes:
    """What git says of the history of this checkout. Skips where there is none."""
    program = shutil.which("git")
    if program is None:
        pytest.skip("There is no git.")
    done = subprocess.run([program, *arguments], cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"The history of the repository is not at hand: {done.stderr.decode().strip()[:200]}")
    return done.stdout


@pytest.fixture
def former(tmp_path: Path) -> str:
    """A folder with the program as it was before the newest migration, if it is one that may work on beside it."""
    newest = migrating.known()[-1]
    if migrating.beside(newest) is None:
        pytest.skip(f"Beside {newest} no former program works on.")
    where = f"mla_tracker/storage/migrations/{newest}.py"
    landed = git("log", "--format=%H", "--diff-filter=A", "-1", "--", where).decode().strip()
    if not landed:
        pytest.skip(f"{newest} is not in the history of the repository yet.")
    packed = git("archive", "--format=tar", f"{landed}~1", "mla_tracker")
    folder = tmp_path / "former"
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    if "BESIDE" not in (folder / "mla_tracker" / "storage" / "migrating.py").read_text():
        pytest.skip(f"The program before {newest} does not know yet beside which migrations it may work on.")
    return str(folder)


async def test_the_commit_before_the_newest_migration_serves_beside_this_one(
    database_url: str, former: str, tmp_path: Path
) -> None:
    token = await a_token(database_url)
    given = environment(MLA_DATABASE_URL=database_url, MLA_LOG_LEVEL="warning")
    heard: Counter[str] = Counter()
    command = [sys.executable, "-c", RUN]
    with (
        node(command, given | {"PYTHONPATH": former}, tmp_path / "former.log") as old,
        node([str(PROGRAM)], given, tmp_path / "newer.log") as new,
    ):
        async with calling(old, token) as one, calling(new, token) as other:
            for client in (one, other, one):
                await use(client, heard)
            await handed_over(one, other)
            await handed_over(other, one)
    assert {answer: number for answer, number in heard.items() if ": " in answer} == {}


async def test_a_program_does_not_work_beside_a_migration_that_does_not_allow_it(
    database_url: str, tmp_path: Path
) -> None:
    newer = Newer(tmp_path / "newer", beside=None)
    given = environment(MLA_DATABASE_URL=database_url)
    migrated = await asyncio.to_thread(ran, newer.command, given | {"PYTHONPATH": newer.path}, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    refused = await asyncio.to_thread(ran, [str(PROGRAM)], given, "serve", "--no-scheduler")
    assert refused.returncode == 1
    assert "migrated by a newer mla-tracker" in refused.stderr
