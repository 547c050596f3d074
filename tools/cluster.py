"""Many nodes on one machine, to be looked at and to be tested: a primary PostgreSQL, a streaming replica, PgBouncer,
two API nodes and two schedulers, all on loopback and in one folder. `make cluster` starts them, Ctrl-C stops them.

Nothing of it is for production: PostgreSQL trusts whoever may enter the folder of its socket. What a production set-up
differs in is in docs/nodes.md.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import asyncpg

from mla_tracker.storage import embedded
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.postgres import DATABASE, LOGIN, PROGRAMS, SUPERUSER, SYSTEM_USER

PROGRAM = Path(sys.executable).with_name("mla-tracker")
READY_SECONDS = 60.0
END_SECONDS = 75.0
POOLER_PORT = 6432
"""The number in the name of PgBouncer's socket; it listens on no network."""

POOLER = """\
[databases]
* = host={server} port=5432

[pgbouncer]
unix_socket_dir = {folder}
unix_socket_mode = 0700
listen_addr =
listen_port = {port}
logfile = {folder}/pgbouncer.log
pidfile =
auth_type = trust
auth_file = {folder}/users.txt

pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 500
server_reset_query =
query_wait_timeout = 10
"""


@dataclass(frozen=True, slots=True)
class Socket:
    """A PostgreSQL, or what stands before one, behind a socket in a folder."""

    folder: Path
    port: int = 5432

    def url(self, database: str = DATABASE, user: str = LOGIN) -> str:
        """Its address."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='/')}&port={self.port}"


def as_user() -> dict[str, Any]:
    """Arguments for subprocess: neither PostgreSQL nor PgBouncer runs as root."""
    return {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def process(
    command: Sequence[str | Path],
    log: Path,
    *,
    end: int = signal.SIGTERM,
    seconds: float = END_SECONDS,
    **given: Any,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A program while the block runs; asked to end by a signal afterwards, and killed if it does not."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us
            **given,
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(end)
        try:
            started.wait(seconds)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def replica_of(primary: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[Socket]:
    """A streaming replica of the server whose socket lies in `primary`, in an empty folder of its own."""
    data = folder / "pg"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, SYSTEM_USER, SYSTEM_USER)
    copying = [PROGRAMS / "pg_basebackup", "-h", primary, "-U", SUPERUSER, "-D", data, "-R", "-X", "stream"]
    done = subprocess.run(
        [*copying, "-c", "fast", "--no-sync"],
        capture_output=True, text=True, cwd="/", env=plain_environment(), check=False, **as_user(),
    )  # fmt: skip
    if done.returncode:
        raise CannotRun(f"The primary could not be copied: {done.stderr.strip()}")
    for mark in data.glob(".s.PGSQL.*"):
        mark.unlink()  # the primary's, whose socket lies among its data
    wanted = {"listen_addresses": "", "unix_socket_directories": str(data), "unix_socket_permissions": "0700"}
    options = [
        part for name, value in (wanted | dict(settings)).items() for part in ("-c", f"{name}={value}")
    ]
    log = folder / "postgres.log"
    with process(
        [PROGRAMS / "postgres", "-D", data, *options],
        log, end=signal.SIGINT, cwd="/", env=plain_environment(), **as_user(),
    ) as server:  # fmt: skip
        here = Socket(data)
        until(lambda: answers(here.url("postgres", SUPERUSER)), server, log)
        yield here


@contextmanager
def pooler(server: Path, folder: Path, *, servers: int = 20) -> Iterator[Socket]:
    """PgBouncer in transaction mode before the server at the socket `server`. Raises CannotRun if it is absent."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise CannotRun("PgBouncer is not installed (Debian: apt-get install pgbouncer).")
    folder.mkdir(mode=0o700, exist_ok=True)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        POOLER.format(server=server, folder=folder, port=POOLER_PORT, servers=servers), encoding="utf-8"
    )
    (folder / "users.txt").write_text(f'"{LOGIN}" ""\n"{SUPERUSER}" ""\n', encoding="utf-8")
    if os.geteuid() == 0:
        for each in (folder, *folder.iterdir()):
            shutil.chown(each, SYSTEM_USER, SYSTEM_USER)
    log = folder / "pgbouncer.out"
    with process(
        [program, configuration], log, end=signal.SIGINT, cwd="/", seconds=10, **as_user()
    ) as started:
        here = Socket(folder, POOLER_PORT)
        until(lambda: answers(here.url("postgres", SUPERUSER)), started, log)
        yield here


def plain_environment() -> dict[str, str]:
    """Ours without PG… variables, which would redirect PostgreSQL's programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def answers(url: str) -> bool:
    """Whether a PostgreSQL answers at the address."""

    async def ask() -> None:
        connection = await asyncpg.connect(url, timeout=5, statement_cache_size=0)
        await connection.close()

    try:
        asyncio.run(ask())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False
    return True


def until(found: Callable[[], bool], started: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until something is so. Raises CannotRun, with what the program said, if it ends before or takes too long."""
    last = time.monotonic() + READY_SECONDS
    while not found():
        if started.poll() is not None or time.monotonic() > last:
            said = log.read_text(errors="replace").strip().splitlines()[-5:]
            raise CannotRun(f"{Path(str(started.args[0])).name} did not start: {' | '.join(said)}")  # type: ignore[index]
        time.sleep(0.05)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def api_node(environment: Mapping[str, str], port: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """An API node that is ready; without a scheduler."""
    given = {**environment, "MLA_PORT": str(port)}
    with process([PROGRAM, "serve", "--no-scheduler"], log, env=given) as started:
        until(lambda: is_up(f"http://127.0.0.1:{port}/health/live"), started, log)
        yield started


def is_up(url: str) -> bool:
    """Whether a call of the address succeeds."""
    with suppress(URLError, OSError), urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


@dataclass(frozen=True, slots=True)
class Cluster:
    """What runs."""

    primary: Socket
    replica: Socket
    pooler: Socket | None
    nodes: tuple[str, ...]
    environment: Mapping[str, str]


@contextmanager
def cluster(folder: Path, *, nodes: int = 2, schedulers: int = 2) -> Iterator[Cluster]:
    """Everything, in `folder`, while the block runs."""
    for each in ("primary", "replica", "pgbouncer", "keys"):
        (folder / each).mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(embedded.running(folder / "primary"))
        primary = Socket(server.folder / "pg")
        tell(f"primary      {primary.url()}")
        replica = stack.enter_context(
            replica_of(
                primary.folder, folder / "replica", {"max_connections": "100", "hot_standby_feedback": "on"}
            )
        )
        tell(f"replica      {replica.url()}")
        front: Socket | None = None
        try:
            front = stack.enter_context(pooler(primary.folder, folder / "pgbouncer"))
            tell(f"PgBouncer    {front.url()}")
        except CannotRun as absent:
            tell(f"PgBouncer    none: {absent} The nodes call the primary itself.")
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MLA_")}
        environment = bare | {
            "MLA_DATABASE_URL": (front or primary).url(),
            "MLA_STATEMENT_CACHE": "false" if front else "true",
            "MLA_REPLICA_URL": replica.url(),
            "MLA_KEYS_DIR": str(folder / "keys"),
            "MLA_DATA_DIR": str(folder / "local"),
            "MLA_STOP_PAUSE_SECONDS": "1",
        }
        subprocess.run([PROGRAM, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        addresses = []
        for number in range(nodes):
            port = free_port()
            stack.enter_context(api_node(environment, port, folder / f"api-{number + 1}.log"))
            addresses.append(f"http://127.0.0.1:{port}")
            tell(f"API          {addresses[-1]}")
        for number in range(schedulers):
            stack.enter_context(
                process([PROGRAM, "scheduler"], folder / f"scheduler-{number + 1}.log", env=environment)
            )
            tell(f"scheduler    {folder / f'scheduler-{number + 1}.log'}")
        yield Cluster(primary, replica, front, tuple(addresses), environment)


def tell(sentence: str) -> None:
    """Tell the person at the terminal."""
    print(sentence, flush=True)


def main() -> int:
    """Run it until Ctrl-C."""
    about = (__doc__ or "").partition("\n\n")[0]
    parser = argparse.ArgumentParser(prog="tools/cluster.py", description=about)
    parser.add_argument(
        "--folder", type=Path, help="an empty folder for everything; else a new one below /tmp"
    )
    parser.add_argument("--nodes", type=int, default=2, help="API nodes (2)")
    parser.add_argument("--schedulers", type=int, default=2, help="schedulers (2)")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="mla-cluster-", dir="/tmp"))
    try:
        folder.mkdir(exist_ok=True)
        folder = folder.resolve()
        if any(folder.iterdir()):
            raise CannotRun(f"{folder} is not empty. Name an empty folder.")
        folder.chmod(0o711)
        with cluster(folder, nodes=asked.nodes, schedulers=asked.schedulers) as running:
            made = subprocess.run(
                [PROGRAM, "token", "create", "--country", "MA", "--role", "officer", "--json"],
                env=dict(running.environment), capture_output=True, text=True, check=True,
            )  # fmt: skip
            tell(f"token        {json.loads(made.stdout)['token']} (officer of MA)")
            tell(f"logs         {folder}\nCtrl-C stops all of it.")
            with suppress(KeyboardInterrupt):
                signal.pause()
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing may be left running
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            tell("Stopping ...")
    except KeyboardInterrupt:
        tell("Stopped before it was complete.")
    except (CannotRun, subprocess.CalledProcessError, OSError) as error:
        print(f"tools/cluster.py: {error}", file=sys.stderr)
        return 1
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
