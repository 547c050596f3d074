"""`mla-tracker calendars upgrade`, and what the doctor says of newer holidays and time zones."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.catalogue.zone_rules import zone_rules
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.calendar_versions import StoredCalendar, insert_version
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.local_days import insert_rules
from tests.builders.counted import a_case, with_shipped_limits
from tests.builders.keys import the_keys
from tests.builders.programs import environment
from tests.builders.register import account

PROGRAM = Path(sys.executable).with_name("mla-tracker")
NOW = datetime.now(UTC)
OLD_HOLIDAY = date(2026, 3, 13)


def _run(*args: str, url: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [str(PROGRAM), *args],
        env=environment(MLA_DATABASE_URL=url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


async def _counted_by_an_older_program(url: str) -> None:
    """One open request to Spain, whose calendar had one more holiday and whose clocks were those of the Canaries."""
    async with await Database.open(url, vault=the_keys(), pool_size=2) as db:
        await with_shipped_limits(db)
        fresh = shipped.country_calendar("ES", years=shipped.years_around(NOW.date()))
        calendar = replace(fresh, holidays={**fresh.holidays, OLD_HOLIDAY: "Old Holiday"})
        async with db.transaction(DbRole.OWNER):
            version = StoredCalendar("ES", 1, "Europe/Madrid", calendar, {}, "holidays 0.1", NOW)
            await insert_version(version, account_id=None, open_clocks=None)
            await insert_rules("Europe/Madrid", 1, zone_rules("Atlantic/Canary"), NOW)
        await a_case().then("sent", "2026-03-02").logged(db, await account(db, "ES", role=Role.HEAD), now=NOW)


def _doctor(url: str) -> str:
    found = json.loads(_run("doctor", "--json", url=url).stdout)
    [calendars] = [finding for finding in found if finding["name"] == "calendars"]
    assert calendars["ok"]
    return str(calendars["detail"])


def test_an_upgrade_is_looked_at_and_then_applied(database_url: str) -> None:
    asyncio.run(_counted_by_an_older_program(database_url))
    assert _doctor(database_url).startswith("1 calendar(s) and 1 time zone(s) in force differ")

    looked = _run("calendars", "upgrade", "--preview", url=database_url)
    assert looked.returncode == 0, looked.stderr
    assert "ES, version 1: 1 of 4 open clock(s) would move." in looked.stdout
    assert "2026-03-13: Old Holiday -> an ordinary day" in looked.stdout
    assert "Europe/Madrid, version 1: other times from 1990-01-01" in looked.stdout

    told = json.loads(
        _run("calendars", "upgrade", "--preview", "--json", "--country", "ES", url=database_url).stdout
    )
    [calendar], [zone] = told["calendars"], told["zones"]
    assert calendar["days"] == [{"day": "2026-03-13", "before": "Old Holiday", "after": None}]
    assert (calendar["moves"][0]["before"], calendar["moves"][0]["after"]) == ("2026-03-17", "2026-03-16")
    assert zone["moved"] >= 1
    assert json.loads(_run("calendars", "upgrade", "--json", "--country", "MA", url=database_url).stdout) == {
        "calendars": [], "zones": [], "problems": [],
    }  # fmt: skip

    applied = _run("calendars", "upgrade", url=database_url)
    assert "ES, version 1: applied; 1 request(s) wait to be counted anew." in applied.stdout
    assert "Europe/Madrid, version 1: other times" in applied.stdout
    again = _run("calendars", "upgrade", url=database_url)
    assert again.stdout == "Calendars and time zones in force are those that ship.\n"
    assert _doctor(database_url) == "calendars and time zones in force are those that ship"


def test_a_country_that_does_not_exist_is_a_sentence(database_url: str) -> None:
    done = _run("calendars", "upgrade", "--country", "ZZ", url=database_url)
    assert (done.returncode, done.stderr) == (
        1,
        "There is no country 'ZZ'. Give its two letters, e.g. MA or ES.\n",
    )
