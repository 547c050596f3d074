"""The folder of the private database and of local files: where it lies, and whether it can be used."""

import errno
import hashlib
import os
import shutil
import sys
from pathlib import Path

from mla_tracker.storage.errors import CannotRun

SYSTEM_FOLDER = Path("/var/lib/mla-tracker")
LEAST_FREE_BYTES = 64 * 1024 * 1024

# A socket's path is limited by the kernel: 108 bytes on Linux, 104 on macOS, the closing NUL included.
LONGEST_FOLDER = (103 if sys.platform == "darwin" else 107) - len("/pg/.s.PGSQL.5432")


def default_folder() -> Path:
    """`.data` of the checkout, or the user's own folder of data where the program was installed from a wheel.

    Run as root it must be reachable for the server's user, so it never lies in a home then.
    """
    root = Path(__file__).resolve().parent.parent.parent
    if (root / "pyproject.toml").exists():
        if os.geteuid() != 0 or (not inside_a_home(root) and others_may_enter(root)):
            return root / ".data"
        return SYSTEM_FOLDER / hashlib.sha256(str(root).encode()).hexdigest()[:12] / "data"
    if os.geteuid() == 0:
        return SYSTEM_FOLDER / "data"
    return Path.home() / ".local" / "share" / "mla-tracker"


def inside_a_home(folder: Path) -> bool:
    """Whether the folder lies where only its owner should be able to read."""
    homes = {Path("/root"), Path("/home"), Path("/Users"), Path.home()} - {Path("/")}
    return any(home == folder or home in folder.parents for home in homes)


def others_may_enter(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))


def usable(folder: Path) -> Path:
    """The data folder, made if need be, or CannotRun with the reason why it cannot be used."""
    folder = folder.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"0" * 4096)
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise CannotRun(why_not(error, folder)) from error
    if len(os.fsencode(folder)) > LONGEST_FOLDER:
        raise CannotRun(
            f"The path of the data folder is too long for a socket: {folder} has {len(os.fsencode(folder))} bytes, "
            f"at most {LONGEST_FOLDER} are possible. Set MLA_DATA_DIR to a shorter one."
        )
    if free < LEAST_FREE_BYTES:
        raise CannotRun(
            f"The disk of the data folder {folder} is full: {free // 2**20} MB are free, at least "
            f"{LEAST_FREE_BYTES // 2**20} MB are needed. Free some space, or set MLA_DATA_DIR to another disk."
        )
    return folder


def why_not(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of the data folder {folder} is full. Free some space, or set MLA_DATA_DIR to another disk."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The data folder {folder} is not writable. Change its owner or mode, or set MLA_DATA_DIR to another."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"The data folder {folder} cannot be a folder: a file of that name is in the way. Set MLA_DATA_DIR."
    if error.errno == errno.ENAMETOOLONG:
        return f"The path of the data folder {folder} is too long. Set MLA_DATA_DIR to a shorter one."
    return f"The data folder {folder} cannot be used ({error.strerror}). Set MLA_DATA_DIR to another one."
