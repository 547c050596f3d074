"""Files and folders that are there whole or not at all, whenever the machine fails."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

UNFINISHED: Final = ".unfinished"
_LOCK: Final = "lock"


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A file, for this user alone, that takes the place of another when the block ends well and it is on the disk."""
    beside = path.with_name(f"{path.name}{UNFINISHED}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            flushed(file)
        beside.replace(path)
        synced(path.parent)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder, for this user alone, that has its name only when the block ends well and all in it is on the disk.

    Raises FileExistsError where there is one of that name. What killed processes left beside it is cleared away.
    """
    if path.exists():
        raise FileExistsError(f"There is something at {path}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from None
    _clear(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    beside.mkdir(mode=0o700)
    with (beside / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield beside
            (beside / _LOCK).unlink()
            synced(beside)
            beside.rename(path)
            synced(path.parent)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


def created(path: Path) -> IO[bytes]:
    """A new file for this user alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def flushed(file: IO[bytes]) -> None:
    """Wait until what was written has reached the disk."""
    file.flush()
    os.fsync(file.fileno())


def synced(folder: Path) -> None:
    """Wait until the names in a folder have reached the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Remove the unfinished folders whose makers have ended: the kernel took their locks away."""
    for left in folder.glob(f".*{UNFINISHED}"):
        with suppress(OSError), (left / _LOCK).open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
