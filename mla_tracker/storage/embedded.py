"""The private PostgreSQL that runs when no database is given: started by its first user, stopped by its last.

Programs that use it hold a shared lock on a file in the data folder; the one that can take the lock alone is the
last and stops the server. The kernel drops the locks of a killed program, so nothing stale is left behind.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from mla_tracker.storage.data_folder import usable, why_not
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.postgres import (
    DATABASE,
    LOGIN,
    START_SECONDS,
    STOP_SECONDS,
    ensure_running,
    is_running,
    stop,
)


@dataclass(frozen=True, slots=True)
class Server:
    """A running private server."""

    folder: Path

    def url(self, database: str = DATABASE, user: str = LOGIN) -> str:
        """An address for asyncpg. The login `mla` owns the database and is no superuser."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder / 'pg'), safe='/')}"


@contextmanager
def running(folder: Path, *, settings: dict[str, str] | None = None) -> Iterator[Server]:
    """Use the private server whose data lie in `folder`, and start it if it does not run.

    `settings` are PostgreSQL's own and apply only if this call starts it. Raises CannotRun with a sentence.
    """
    folder = usable(folder)
    with _locked(folder / "users.lock", shared=True) as users:
        server = Server(folder)
        try:
            with _locked(folder / "control.lock"):
                ensure_running(folder, settings or {})
            yield server
        finally:
            with _locked(folder / "control.lock"):
                if _alone(users):
                    stop(folder)


def revive(folder: Path) -> bool:
    """Start the private server again if it has ended while it was in use; True if it had. Raises CannotRun."""
    folder = folder.expanduser().resolve()
    if is_running(folder):
        return False
    with _locked(folder / "control.lock"):
        if is_running(folder):  # another program was quicker
            return False
        ensure_running(folder, {})
    return True


def stop_forgotten(folder: Path) -> None:
    """Stop the server of a folder that no program uses any more, as after a kill -9 of its only user."""
    with _locked(folder / "users.lock", shared=True) as users, _locked(folder / "control.lock"):
        if _alone(users):
            stop(folder)


@contextmanager
def only_server(folder: Path, address: str) -> Iterator[None]:
    """Be the one program that serves from `folder`; `address` is told to a second one that tries.

    Raises CannotRun where another program serves from it already.
    """
    folder = usable(folder)
    path = folder / "serving.lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            other = file.read().strip() or "another process"
            raise CannotRun(
                f"mla-tracker already serves from {folder} ({other}). Stop it first, or give this one its own "
                "MLA_DATA_DIR and MLA_PORT."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, {address}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def _locked(path: Path, *, shared: bool = False) -> Iterator[IO[str]]:
    """Hold the lock of a file, waiting for it as long as a start may take."""
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise CannotRun(why_not(error, path.parent)) from error
    with file:
        until = time.monotonic() + START_SECONDS + STOP_SECONDS
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise CannotRun(
                        f"Another mla-tracker holds {path} and does not go on. End it first."
                    ) from None
                time.sleep(0.02)
        yield file


def _alone(users: IO[str]) -> bool:
    """Whether no other program uses the server; ours stops being a user of it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        fcntl.flock(users, fcntl.LOCK_UN)
        return False
    return True
