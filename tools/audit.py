"""Ask whether a dependency that is installed from the lock files has a known vulnerability; one fails the gate.

A machine without a way to a database of vulnerabilities cannot know. Then one line says that nothing was audited, and
the gate goes on: what cannot be asked must not keep anybody from working, and must not look like a clean bill either.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = "requirements.lock"
SECONDS: Final = 9.0
SOCKET_SECONDS: Final = 3

_UNREACHABLE: Final = re.compile(
    r"connection|connect to|timed? ?out|resolve|unreachable|max retries|network|proxy|ssl|HTTP error|50[234]",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"(https?://|\b)[\w.-]+\.(org|com|io|net|dev)\b\S*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be printed, and whether the gate may go on."""

    ok: bool
    lines: tuple[str, ...]


def judge(code: int, output: str, errors: str) -> Verdict:
    """What pip-audit's exit code, its JSON and its errors mean."""
    try:
        dependencies = json.loads(output)["dependencies"]
        known = [_sentence(one, fault) for one in dependencies for fault in one.get("vulns", ())]
        looked_at = [one for one in dependencies if "skip_reason" not in one]
        skipped = [str(one["name"]) for one in dependencies if "skip_reason" in one]
    except (ValueError, KeyError, TypeError, AttributeError):
        if _UNREACHABLE.search(errors):
            return not_audited("no database of vulnerabilities could be reached from here")
        return Verdict(
            False, ("pip-audit failed:", *(_ADDRESS.sub("…", line) for line in errors.splitlines()[-5:]))
        )
    if known:
        return Verdict(False, (f"{len(known)} known vulnerability(ies) in {LOCK}:", *known))
    if code != 0:
        return Verdict(False, (f"pip-audit ended with {code} and named no vulnerability.",))
    if not dependencies:
        return Verdict(False, (f"{LOCK} names no dependency.",))
    if not looked_at:
        return not_audited("what answers here knows none of the dependencies")
    left_out = f"; not audited, since unknown there: {', '.join(skipped)}" if skipped else ""
    return Verdict(True, (f"Audited {len(looked_at)} dependencies: no known vulnerability{left_out}.",))


def not_audited(why: str) -> Verdict:
    """The gate goes on, and nobody takes that for a clean bill."""
    return Verdict(True, (f"NOT AUDITED: {why}. Run make audit on a machine where that can be asked.",))


def _sentence(dependency: dict[str, object], fault: dict[str, object]) -> str:
    fixed = fault.get("fix_versions")
    remedy = f"fixed in {', '.join(map(str, fixed))}" if isinstance(fixed, list) and fixed else "no fix yet"
    return f"  {dependency['name']} {dependency['version']}: {fault['id']}, {remedy}"


def main(locks: Sequence[str] = (LOCK,)) -> int:
    """Run pip-audit on the lock file and print the verdict."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", str(SOCKET_SECONDS)]
    command += [part for lock in locks for part in ("--requirement", lock)]
    try:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        verdict = judge(done.returncode, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        verdict = not_audited(f"no database of vulnerabilities answered within {SECONDS:g} seconds")
    print("\n".join(verdict.lines), file=sys.stdout if verdict.ok else sys.stderr)
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
