"""The command that forgets: retention."""

import json
from typing import Annotated

from cyclopts import App, Parameter

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready
from mla_tracker.cli.operating import AsJson
from mla_tracker.settings import Settings, load_settings


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(retention)


def retention(*, dry_run: Annotated[bool, Parameter(negative="")] = False, as_json: AsJson = False) -> None:
    """Erase persons and texts of requests that were closed for as long as their countries keep them.

    The scheduled job does the same once a day. What is erased cannot be brought back.

    Parameters
    ----------
    dry_run
        Erase nothing; only list the requests, with the day of closing and the last day on which they are kept.
    as_json
        Print the list as JSON.
    """
    run(_retention(load_settings(), dry_run, as_json))


async def _retention(settings: Settings, dry_run: bool, as_json: bool) -> None:
    from mla_tracker.commands.retention import forget_due

    async with ready(settings) as database:
        done = await forget_due(database, now(), dry_run=dry_run)
    if as_json:
        listed = [
            {
                "request_id": str(one.request_id),
                "closed_on": one.closed_on.isoformat(),
                "kept_until": one.kept_until.isoformat(),
            }
            for one in done.requests
        ]
        print(json.dumps({"dry_run": dry_run, "looked_at": done.looked_at, "requests": listed}))
        return
    for one in done.requests:
        print(f"{one.request_id}  closed {one.closed_on}, kept until {one.kept_until}")
    what = "would be erased" if dry_run else "erased"
    print(f"{done.looked_at} closed request(s) looked at, {len(done.requests)} {what}.")
