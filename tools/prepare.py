"""Make the private environment `.venv` of this checkout from a lock file; does nothing when it is up to date.

Standard library only, and readable by any Python 3, so that an old one gets a sentence and not a SyntaxError.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
SYSTEM_FOLDER = Path("/var/lib/mla-tracker")


def fail(sentence):
    """Say what is wrong and end with exit code 1."""
    print(sentence, file=sys.stderr)
    raise SystemExit(1)


def inside_a_home(folder):
    """Whether the folder lies where only its owner should be able to read."""
    homes = [Path("/root"), Path("/home"), Path("/Users"), Path(os.path.expanduser("~")).resolve()]
    return any(home == folder or home in folder.parents for home in homes if home != Path("/"))


def others_may_enter(folder):
    """Whether every user may pass through the folder and all above it."""
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))


def environment_folder():
    """Where the environment really lies.

    PostgreSQL refuses to run as root, so root's server runs as another user, who must be able to pass every
    folder above the program. Where that would open a home or another closed folder, the environment moves out.
    """
    closed = inside_a_home(CHECKOUT) or not others_may_enter(CHECKOUT)
    if hasattr(os, "geteuid") and os.geteuid() == 0 and closed:
        name = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
        return SYSTEM_FOLDER / name / "venv"
    return CHECKOUT / ".venv"


def fingerprint(lock):
    """What the environment was made from; a change of it means: install again."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", lock):
        digest.update((CHECKOUT / name).read_bytes())
    digest.update(str(CHECKOUT).encode())
    return digest.hexdigest()


def run(command, what):
    """Run one step, its output shown only when it fails."""
    done = subprocess.run(
        command, cwd=str(CHECKOUT), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        fail("Could not " + what + ": see the lines above.")


def make_environment(folder):
    """Create the empty environment, and `.venv` as a link to it where it lies elsewhere."""
    link = CHECKOUT / ".venv"
    if folder != link:
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            shutil.rmtree(str(link))
        folder.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder)
    python = folder / "bin" / "python"
    works = (
        python.exists()
        and subprocess.run([str(python), "-c", "import pip"], stderr=subprocess.DEVNULL).returncode == 0
    )
    if not works:
        print("Making a private environment in {} ...".format(folder), flush=True)
        if folder.exists():
            shutil.rmtree(str(folder))
        run(
            [sys.executable, "-m", "venv", str(folder)],
            "make a private environment (on Debian: apt-get install python3-venv)",
        )
    return python


def main(kind):
    """Bring `.venv` up to date with the lock file of the kind ("run" or "dev")."""
    if sys.version_info < (3, 11):
        fail(
            "mla-tracker needs Python 3.11 or newer; {} is {}.{}. Name one: make PYTHON=python3.11".format(
                sys.executable, *sys.version_info[:2]
            )
        )
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.umask(0o022)  # PostgreSQL's programs in it are run by another user then
    folder = environment_folder()
    stamps = {each: folder / ".installed-{}".format(each) for each in LOCKS}
    # The development lock holds everything of the other one at the same versions.
    for enough in ("dev", kind):
        stamp = stamps[enough]
        if (
            stamp.exists()
            and stamp.read_text() == fingerprint(LOCKS[enough])
            and (CHECKOUT / ".venv" / "bin" / "mla-tracker").exists()
        ):
            return
    try:
        python = str(make_environment(folder))
        print("Installing the dependencies of {} (once; about a minute) ...".format(LOCKS[kind]), flush=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        # The lock names everything, so nothing is left to resolve: pip would look for "pydantic[email]" beside the
        # pinned "pydantic", find a release newer than the lock, and refuse it for want of a hash.
        run([*pip, "--no-deps", "--require-hashes", "-r", LOCKS[kind]], "install the dependencies")
        run([*pip, "--no-deps", "--no-build-isolation", "-e", "."], "install mla-tracker itself")
        run([python, "-m", "pip", "check"], "find every dependency in " + LOCKS[kind])
        stamps[kind].write_text(fingerprint(LOCKS[kind]))
    except OSError as error:
        fail(
            "Could not make the private environment in {}: {}. Free some space or make the folder writable.".format(
                folder, error.strerror
            )
        )


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "run")
    except KeyboardInterrupt:
        fail("Interrupted. The next make goes on from here.")
