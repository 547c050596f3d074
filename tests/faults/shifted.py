"""Starts the program with its one reading of the clock set off, and with leases that a round can outlast.

`python -m tests.faults.shifted --ahead SECONDS --lease SECONDS scheduler`: what follows is the program's own.
"""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from functools import partial

from mla_tracker import cli
from mla_tracker.commands.jobs import Terms
from mla_tracker.scheduler import running


def main() -> None:
    """Read our own arguments, set the program up, and leave it the rest."""
    parser = ArgumentParser()
    parser.add_argument("--ahead", type=float, default=0.0)
    parser.add_argument("--lease", type=float, default=0.0)
    ours, theirs = parser.parse_known_args()
    if ours.lease:
        lease = timedelta(seconds=ours.lease)
        terms = Terms(lease=lease, heartbeat=lease / 3, retry_after=lease / 3)
        running.scheduling = partial(running.scheduling, terms=terms)
    if ours.ahead:
        _set_off(timedelta(seconds=ours.ahead))
    sys.argv[1:] = theirs
    cli.main()


def _set_off(ahead: timedelta) -> None:
    """Every command has taken the function of opening.py by its name already."""

    def now() -> datetime:
        return datetime.now(UTC) + ahead

    for name, module in list(sys.modules.items()):
        if name.startswith("mla_tracker.cli") and hasattr(module, "now"):
            module.now = now  # type: ignore[attr-defined]  # just looked for


if __name__ == "__main__":
    main()
