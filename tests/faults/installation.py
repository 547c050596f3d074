"""An installation to be hurt: PostgreSQL on a small disk, two API nodes and two schedulers, each with its way.

Whatever ends is started again, as a service manager would; nothing else is ever repaired by hand.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.keys import vault_of
from mla_tracker.commands.setting_up import set_up
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage import postgres
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.vault import Vault
from tests.faults.nursery import Nursery, Process
from tests.faults.ways import Way

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("mla-tracker")
DISK_MB = 320
LEASE_SECONDS = 3.0
LOOK_SECONDS = 0.1
FAULT = "ended by a fault of the program"
READY_SECONDS = 180.0  # of a machine that does much else

# Else as shipped, fsync and synchronous_commit among it; only the log ahead is kept small, for the small disk.
SERVER_SETTINGS = {"max_wal_size": "64MB", "min_wal_size": "32MB", "log_min_messages": "log"}


@dataclass
class Node:
    """One process of the program, and what is wrong with its clock."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    way: Way
    log: Path
    port: int | None = None
    ahead: float = 0.0
    wanted: bool = True
    nursery: Nursery | None = None
    process: Process | None = None
    killed: bool = False
    began_at: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_api(self) -> bool:
        return self.port is not None

    def start(self) -> None:
        """Start the program: the real one, or through the launcher where clock or leases are other than shipped."""
        ours = ["--ahead", str(self.ahead), *([] if self.is_api else ["--lease", str(LEASE_SECONDS)])]
        command = [str(PROGRAM)]
        if self.ahead or not self.is_api:
            command = [sys.executable, "-m", "tests.faults.shifted", *ours]
        self.killed = False
        self.began_at = self.log.stat().st_size if self.log.exists() else 0
        if self.nursery is not None:
            self.process = self.nursery.fork([*ours, *self.arguments], self.environment, self.log)
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments], env={**self.environment}, cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        """A signal, if the process lives; one that kills is remembered, so that its end is no surprise."""
        if self.process is not None and self.process.poll() is None:
            self.killed = self.killed or number == signal.SIGKILL
            self.process.send_signal(number)

    def said(self) -> str:
        """What it said since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self.began_at)
            return log.read().decode(errors="replace")


@dataclass
class Installation:
    """All of it. `surprises` are ends of processes that nobody has caused.

    `private`: the program's own PostgreSQL, which it must start again itself; else the harness does that.
    """

    folder: Path
    disk: Path
    kind_of_disk: str
    private: bool = False
    nursery: Nursery | None = None
    nodes: list[Node] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    restarts: int = 0
    _watching: asyncio.Task[None] | None = None

    @property
    def server(self) -> Server:
        return Server(self.disk)

    @property
    def apis(self) -> list[Node]:
        return [node for node in self.nodes if node.is_api]

    @property
    def schedulers(self) -> list[Node]:
        return [node for node in self.nodes if not node.is_api]

    @property
    def postmaster(self) -> int | None:
        """The process id of the running PostgreSQL."""
        process = postgres._process(self.disk / "pg")
        return process.pid if process is not None else None

    @property
    def environment(self) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MLA_")}
        return bare | {
            "MLA_KEYS_DIR": str(self.folder / "keys"),
            "MLA_DATA_DIR": str(self.disk),
            "MLA_SWEEP_SECONDS": "1",
            "MLA_CALLS_PER_MINUTE": "0",
            "MLA_FAILURES_PER_MINUTE": "0",
            "MLA_LOG_LEVEL": "warning",
        }

    async def token(self, country: str) -> str:
        """A token of a new officer of a country."""
        async with await self.database() as database:
            now = datetime.now(UTC)
            officer = await create_account(
                database, name=f"Officer of {country}", countries=[country], role=Role.OFFICER, now=now
            )
            return (await create_token(database, officer, now=now)).secret

    async def database(self) -> Database:
        """Open it beside the ways, to look at it."""
        return await Database.open(self.server.url(), pool_size=3, vault=Vault.read(self.folder / "keys"))

    async def start(self) -> None:
        """Start all nodes and watch over them."""
        for number, arguments in enumerate(
            (("serve", "--no-scheduler"), ("serve", "--no-scheduler"), ("scheduler",), ("scheduler",))
            if not self.private
            else (("serve",),)
        ):
            port = _free_port() if arguments[0] == "serve" else None
            folder = self.folder / f"way{number}" if number % 2 else None
            way = Way(self.disk / "pg", folder)
            await way.open()
            environment = self.environment | ({} if self.private else {"MLA_DATABASE_URL": way.url})
            if port is not None:
                environment["MLA_PORT"] = str(port)
            name = f"{'api' if port else 'scheduler'}-{number % 2 + 1}"
            node = Node(
                name, arguments, environment, way, self.folder / f"{name}.log", port, nursery=self.nursery
            )
            node.start()
            self.nodes.append(node)
        self._watching = asyncio.create_task(self._watch())

    async def ready(self) -> None:
        """Wait until every API node says that it is fit for work. Raises TimeoutError, with what is said instead."""
        said: dict[str, str] = {}
        try:
            async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(timeout=5) as client:
                for node in self.apis:
                    while True:
                        with suppress(httpx.HTTPError):
                            answer = await client.get(f"{node.address}/health/ready")
                            said[node.name] = answer.text
                            if answer.status_code == 200:
                                break
                        await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            logs = "\n".join(f"--- {node.name}\n{node.said()[-2000:]}" for node in self.nodes)
            raise TimeoutError(f"Not ready after {READY_SECONDS:g} s: {said}\n{logs}") from None

    def last_words(self) -> str:
        """The last error with its traceback that each node has told of, for whoever must find out why."""
        told = []
        for node in self.nodes:
            _, traced, words = node.log.read_text(errors="replace").rpartition("Traceback")
            if traced:
                told.append(f"--- {node.name}: {words[:3000]}")
        told.append(f"--- PostgreSQL: {(self.disk / 'postgres.log').read_text(errors='replace')[-3000:]}")
        return "\n".join(told)

    async def stop(self) -> None:
        """End everything that was started."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        for node in self.nodes:
            node.send(signal.SIGCONT)
            node.kill()
            await node.way.close()
            if node.process is not None:
                await asyncio.to_thread(node.process.wait, 30)
        await asyncio.to_thread(postgres.stop, self.disk)

    async def _watch(self) -> None:
        starting: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.private and (starting is None or starting.done()) and self.postmaster is None:
                starting = asyncio.create_task(self._start_postgres())
            for node in self.nodes:
                if node.process is not None and node.process.poll() is not None and node.wanted:
                    self._judge_end(node)
                    self.restarts += 1
                    node.start()

    async def _start_postgres(self) -> None:
        with suppress(CannotRun):  # tried again: so does a service manager
            await asyncio.to_thread(postgres.ensure_running, self.disk, SERVER_SETTINGS)

    def _judge_end(self, node: Node) -> None:
        """A node may end before it has begun, where there is no database; one that works must not end by itself."""
        said = node.said()
        began = "Serving " in said or "Running the scheduled jobs" in said
        if not node.killed and (began or FAULT in said):
            self.surprises.append(f"{node.name} ended by itself: {said[-1500:]}")


@asynccontextmanager
async def installed(nursery: Nursery | None = None) -> AsyncIterator[Installation]:
    """A fresh installation in a temporary folder, running; nothing is left of it.

    Its nodes are the program as it is installed, or are forked from one that has loaded it.
    """
    folder = _folder()
    disk = folder / "disk"
    kind_of_disk = await asyncio.to_thread(_mount, folder, disk)
    installation = Installation(folder, disk, kind_of_disk, nursery=nursery)
    try:
        await asyncio.to_thread(postgres.ensure_running, disk, SERVER_SETTINGS)
        async with await Database.open(installation.server.url(), pool_size=1) as database:
            database.vault = await vault_of(database, folder / "keys")
            await set_up(database, datetime.now(UTC))
        await installation.start()
        yield installation
    finally:
        await installation.stop()
        if kind_of_disk != NO_LIMIT:
            await asyncio.to_thread(_unmount, disk)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def private() -> AsyncIterator[Installation]:
    """One process that serves and sweeps, on the PostgreSQL that it starts itself, as after the first minute."""
    folder = _folder()
    installation = Installation(folder, folder / "data", NO_LIMIT, private=True)
    try:
        await installation.start()
        yield installation
    finally:
        await installation.stop()
        shutil.rmtree(folder, ignore_errors=True)


NO_LIMIT = "no disk of its own"


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mla-faults-", dir="/tmp"))  # short: a socket's path is limited
    folder.chmod(0o711)
    return folder


def _mount(folder: Path, disk: Path) -> str:
    """A small disk that can be full: a file with a file system, else memory; none where mounting is not allowed."""
    disk.mkdir(mode=0o711)
    if os.geteuid() != 0:
        return NO_LIMIT
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(DISK_MB * 1024 * 1024)
    for kind, *commands in (
        (
            "ext4 on a loop",
            ["mkfs.ext4", "-q", "-m", "0", str(image)],
            ["mount", "-o", "loop", str(image), str(disk)],
        ),
        ("tmpfs", ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(disk)]),
    ):
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        disk.chmod(0o711)
        return kind
    return NO_LIMIT


def _unmount(disk: Path) -> None:
    subprocess.run(["umount", disk], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
