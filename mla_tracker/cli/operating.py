"""Commands of the operator: migrate, sweep, doctor."""

import json
import os
from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import connected, now, ready, require_clock, tell
from mla_tracker.commands.setting_up import set_up
from mla_tracker.settings import Settings, exposed, load_settings, misspelt
from mla_tracker.storage.clock_watch import CLOCK_BOUND, ahead, sentence
from mla_tracker.storage.database import DbRole
from mla_tracker.storage.errors import CannotRun
from mla_tracker.storage.migrating import pending

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(migrate)
    app.command(sweep)
    app.command(rebuild)
    app.command(doctor)


def migrate() -> None:
    """Bring the schema of the database up to date. A second one at the same time waits, and finds nothing to do."""
    run(_migrate(load_settings()))


async def _migrate(settings: Settings) -> None:
    async with connected(settings) as database:
        await require_clock(database)
        done, added = await set_up(database, now(), told=lambda name: tell(f"Running {name} ..."))
        if done or added:
            print(f"{len(done)} migration(s) run, {added} limit(s) added.")
        else:
            print("The database is up to date.")


def sweep(*, as_json: AsJson = False) -> None:
    """Flag once what has come due by now, as the scheduled job does.

    Parameters
    ----------
    as_json
        Print the figures as JSON.
    """
    run(_sweep(load_settings(), as_json))


async def _sweep(settings: Settings, as_json: bool) -> None:
    from mla_tracker.commands.overdue import flag_due

    async with ready(settings) as database:
        swept = await flag_due(database, now())
    if as_json:
        print(
            json.dumps({"looked_at": swept.looked_at, "raised": swept.raised, "by_kind": dict(swept.by_kind)})
        )
    else:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(swept.by_kind.items())) or "none"
        print(
            f"Looked at {swept.looked_at} instant(s) that had come; flags raised: {swept.raised} ({kinds})."
        )


def rebuild(*, check: Annotated[bool, Parameter(negative="")] = False, as_json: AsJson = False) -> None:
    """Count every request anew from its history, say what differs from what is stored, and repair it.

    Parameters
    ----------
    check
        Only say what differs, and end with exit code 1 if something does.
    as_json
        Print the findings as JSON.
    """
    run(_rebuild(load_settings(), check, as_json))


async def _rebuild(settings: Settings, check: bool, as_json: bool) -> None:
    from mla_tracker.commands.rebuilding import rebuild as run_rebuild

    async with ready(settings) as database:
        done = await run_rebuild(
            database,
            now(),
            apply=not check,
            told=lambda looked_at, differing: tell(
                f"{looked_at} request(s) looked at, {differing} differ ..."
            ),
        )
    if as_json:
        print(json.dumps(asdict(done), default=str))
    else:
        for difference in done.differences:
            known = " (known: it waits to be counted anew)" if difference.waiting else ""
            print(f"Request {difference.request_id}: {', '.join(difference.what)}{known}")
        for request_id, reason in done.impossible:
            print(f"Request {request_id} is counted as well as can be: {reason}")
        print(f"{done.requests} request(s), {done.differing} differing, {done.written} written.")
    if check and done.differing:
        raise CannotRun("The stored projections differ from the histories.")


def doctor(*, as_json: AsJson = False) -> None:
    """Look at settings, database, schema and jobs, and say what is wrong. Exit code 1 if something is.

    Parameters
    ----------
    as_json
        Print the findings as JSON.
    """
    findings = run(_doctor(load_settings()))
    if as_json:
        print(json.dumps([{"name": name, "ok": ok, "detail": detail} for name, ok, detail in findings]))
    else:
        for name, ok, detail in findings:
            print(f"{'ok ' if ok else 'BAD'}  {name}: {detail}")
    if not all(ok for _, ok, _ in findings):
        raise SystemExit(1)


async def _doctor(settings: Settings) -> list[tuple[str, bool, str]]:
    from mla_tracker.cli.upgrading import sentence_of
    from mla_tracker.commands.upgrading import upgrades
    from mla_tracker.queries.jobs import job_health
    from mla_tracker.scheduler.jobs import intervals

    where = (
        f"private, in {settings.data_dir}" if settings.database_url is None else "given by MLA_DATABASE_URL"
    )
    findings = [("settings", True, f"database {where}; sweep every {settings.sweep_seconds} s")]
    faults = [*misspelt(os.environ), *exposed(settings.secrets_dir)]
    findings += [("settings", False, f"{sentence}.") for sentence in faults]
    try:
        async with connected(settings) as database:
            async with database.transaction(DbRole.OWNER, read_only=True) as tx:
                version = await tx.fetchval("SHOW server_version")
                difference = await ahead(tx, now)
            findings.append(("database", True, f"PostgreSQL {version} answers"))
            findings.append(("clock", abs(difference) <= CLOCK_BOUND, sentence(difference)))
            missing = await pending(database)
            if missing:
                findings.append(("schema", False, f"{len(missing)} migration(s) to run: mla-tracker migrate"))
                return findings
            findings.append(("schema", True, "up to date"))
            async with database.transaction(DbRole.JOBS, read_only=True) as tx:
                health = await job_health(tx, now(), intervals(settings))
            findings += [(f"job {job.job}", job.ok, job.sentence) for job in health]
            # No fault: nothing changes by itself, and when it does is for the operator to say.
            findings.append(("calendars", True, sentence_of(await upgrades(database, now()))))
    except CannotRun as error:
        findings.append(("database", False, str(error)))
    return findings
