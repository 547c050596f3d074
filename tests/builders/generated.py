"""A folder in which clients are generated from the published contract, type-checked and run."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parents[1] / "contract"
SECONDS: Final = 300


@dataclass(frozen=True)
class Workshop:
    """A folder with the contract in `openapi.json`."""

    folder: Path

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder; it finds the programs of this environment."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path, "REDOCLY_TELEMETRY": "off", "CI": "1", **settings},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def must_run(self, *command: str, **settings: str) -> str:
        """What a program printed that must succeed."""
        done = self.run(*command, **settings)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}{done.stderr[-8000:]}"
        return done.stdout

    def npm(self, program: str) -> str:
        """A program of tests/contract. Skips the test where it or node is not there; in CI that is a failure."""
        found = FOLDER / "node_modules" / ".bin" / program
        if shutil.which("node") is not None and found.exists():
            return str(found)
        lacking = f"{program} needs node and, in tests/contract, npm ci."
        if "CI" in os.environ:
            pytest.fail(lacking)
        pytest.skip(lacking)

    @property
    def node(self) -> str:
        """Where node is. Skips the test where it is not; in CI that is a failure."""
        self.npm("tsc")
        return str(shutil.which("node"))


def a_workshop(folder: Path, document: object) -> Workshop:
    """A folder with the contract, and with the npm modules of tests/contract in sight."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "package.json").write_text('{"type": "module"}')
    if (FOLDER / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    return Workshop(folder)
