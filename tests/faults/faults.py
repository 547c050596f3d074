"""What is done to an installation, each under its name; every fault ends by itself, and nothing is repaired by hand."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final

import asyncpg

from tests.faults.installation import LEASE_SECONDS, NO_LIMIT, Installation, Node
from tests.faults.ways import AtCommit

COMMIT_WITHIN: Final = 3.0
STOP_WITHIN: Final = 10.0
LONG: Final = (1.0, 4.0)
SHIFTS: Final = (-86_400 * 40, -86_400, -3 * 3600, -600, 600, 3 * 3600, 86_400, 86_400 * 40)
"""By how many seconds a clock is set off."""

Strike = Callable[[Installation, Random], Awaitable[None]]


class NotPossibleHere(Exception):
    """This machine does not allow the fault; the reason is the message."""


async def kill(installation: Installation, rng: Random, *, of: str) -> None:
    """kill -9 of a node at a random moment, half the time just when a COMMIT of it was answered."""
    node = rng.choice(getattr(installation, of))
    if rng.random() < 0.5:
        await node.way.at_commit(AtCommit.TOLD, COMMIT_WITHIN, node.kill)
    node.kill()


async def kill_postmaster(installation: Installation, _: Random) -> None:
    """kill -9 of the server itself; its children are left alone and must find out."""
    _signal_postmaster(installation, signal.SIGKILL)


async def kill_backend(installation: Installation, rng: Random) -> None:
    """kill -9 of one backend: the server ends all the others and recovers."""
    pids = await _backends(installation)
    if pids:
        with suppress(ProcessLookupError):
            os.kill(rng.choice(pids), signal.SIGKILL)


async def restart_postgres(installation: Installation, _: Random, *, how: int) -> None:
    """What pg_ctl stop does, and a service manager that starts it again.

    PostgreSQL 18.4, asked to stop in order while it recovers from a crash, may never end: then it is stopped at once,
    as every service manager does after a while.
    """
    before = installation.postmaster
    _signal_postmaster(installation, how)
    until = asyncio.get_running_loop().time() + STOP_WITHIN
    while before is not None and installation.postmaster == before:
        if asyncio.get_running_loop().time() > until:
            _signal_postmaster(installation, signal.SIGQUIT)
            return
        await asyncio.sleep(0.1)


async def kill_everything(installation: Installation, _: Random) -> None:
    """All at once, as when the power goes."""
    _signal_postmaster(installation, signal.SIGKILL)
    for node in installation.nodes:
        node.kill()


async def cut(installation: Installation, rng: Random) -> None:
    """Break off all connections of one node, several times."""
    way = rng.choice(installation.nodes).way
    for _ in range(rng.randint(1, 4)):
        way.cut()
        await asyncio.sleep(rng.uniform(0, 0.3))


async def lose(installation: Installation, rng: Random, *, what: AtCommit) -> None:
    """Lose a COMMIT, or the answer to one, and break the connection off; on an API node, several times."""
    way = rng.choice(installation.apis).way
    for _ in range(rng.randint(1, 4)):
        await way.at_commit(what, COMMIT_WITHIN)


async def stall(installation: Installation, rng: Random) -> None:
    """A connection that answers nothing for a while; half the time it is then broken off."""
    way = rng.choice(installation.nodes).way
    await way.stall(rng.uniform(*LONG))
    if rng.random() < 0.5:
        way.cut()


async def fill_disk(installation: Installation, rng: Random) -> None:
    """The disk of the database is full for a while, but for some hundred kB."""
    if installation.kind_of_disk == NO_LIMIT:
        raise NotPossibleHere("a disk of its own cannot be mounted here (that takes root)")
    filler = installation.disk / "filler"
    left = rng.choice((0, 0, 64, 512, 2048)) * 1024
    try:
        await asyncio.to_thread(_fill, installation, left)
        await asyncio.sleep(rng.uniform(*LONG))
    finally:
        filler.unlink(missing_ok=True)


async def set_clock_off(installation: Installation, rng: Random, *, of: str, ahead: bool) -> None:
    """A node is started again with a clock that is wrong, and later with the right one."""
    node: Node = rng.choice(getattr(installation, of))
    node.ahead = float(rng.choice([shift for shift in SHIFTS if (shift > 0) == ahead]))
    node.kill()
    await asyncio.sleep(rng.uniform(4, 6))
    node.ahead = 0.0
    node.kill()


async def stop_scheduler(installation: Installation, rng: Random) -> None:
    """SIGSTOP just when a COMMIT was answered, often its claim of a slot, for longer than the lease; then SIGCONT."""
    node = rng.choice(installation.schedulers)
    await node.way.at_commit(AtCommit.TOLD, COMMIT_WITHIN, partial(node.send, signal.SIGSTOP))
    node.send(signal.SIGSTOP)
    await asyncio.sleep(LEASE_SECONDS + rng.uniform(1, 2))
    node.send(signal.SIGCONT)


FAULTS: Final[Mapping[str, Strike]] = {
    "an API node is killed": partial(kill, of="apis"),
    "a scheduler is killed": partial(kill, of="schedulers"),
    "PostgreSQL is killed": kill_postmaster,
    "a backend of PostgreSQL is killed": kill_backend,
    "PostgreSQL is restarted at once": partial(restart_postgres, how=signal.SIGQUIT),
    "PostgreSQL is restarted in order": partial(restart_postgres, how=signal.SIGINT),
    "everything is killed": kill_everything,
    "connections are cut": cut,
    "COMMITs are lost": partial(lose, what=AtCommit.LOST),
    "answers to COMMITs are lost": partial(lose, what=AtCommit.ANSWER_LOST),
    "a connection stalls": stall,
    "the disk is full": fill_disk,
    "the clock of an API node runs ahead": partial(set_clock_off, of="apis", ahead=True),
    "the clock of an API node runs behind": partial(set_clock_off, of="apis", ahead=False),
    "the clock of a scheduler runs ahead": partial(set_clock_off, of="schedulers", ahead=True),
    "the clock of a scheduler runs behind": partial(set_clock_off, of="schedulers", ahead=False),
    "a scheduler stands still for longer than its lease": stop_scheduler,
}


def _signal_postmaster(installation: Installation, number: int) -> None:
    pid = installation.postmaster
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def _backends(installation: Installation) -> list[int]:
    try:
        connection = await asyncpg.connect(installation.server.url(), timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return []
    try:
        rows = await connection.fetch(
            "select pid from pg_stat_activity where application_name = 'mla-tracker' and pid <> pg_backend_pid()"
        )
        return [row["pid"] for row in rows]
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return []
    finally:
        connection.terminate()


def _fill(installation: Installation, left: int) -> None:
    """Take all room but `left`, and what comes free meanwhile is left to the server."""
    found = os.statvfs(installation.disk)
    size = found.f_bavail * found.f_frsize - left
    with (installation.disk / "filler").open("wb") as file:
        while size > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError:  # the file system needs some of it for itself
                size -= 64 * 1024
