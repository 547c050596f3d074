"""The command of the operator who has installed newer holidays or time zones: what they would change, and doing it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App, Parameter

from mla_tracker.catalogue.countries import is_country
from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready
from mla_tracker.commands.previewing import Effect
from mla_tracker.commands.upgrading import (
    CalendarUpgrade,
    Upgrades,
    ZoneUpgrade,
    apply_calendar,
    apply_zone,
    effect_of_calendar,
    effect_of_zone,
    upgrades,
)
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.database import Database
from mla_tracker.storage.errors import CannotRun

MOST_DAYS_TOLD = 40

Told = dict[str, Any]


def register(app: App) -> None:
    """Add the commands of this module."""
    calendars = App(name="calendars", help="Calendars and time zones as they ship, and as they are in force.")
    calendars.command(upgrade)
    app.command(calendars)


def sentence_of(found: Upgrades) -> str:
    """What the doctor says of calendars and zones."""
    if not found:
        return "calendars and time zones in force are those that ship"
    parts = [
        f"{len(found.calendars)} calendar(s) and {len(found.zones)} time zone(s) in force differ from those that ship, "
        "and stay until applied: mla-tracker calendars upgrade --preview",
        *found.problems,
    ]
    return "; ".join(parts)


def upgrade(
    *,
    country: str | None = None,
    preview: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Put in force the holidays and time zones that ship now, under what each country says itself.

    Parameters
    ----------
    country
        Only the calendar of this country (ISO 3166-1 alpha-2) and its time zone.
    preview
        Only say what differs and which dates would move.
    as_json
        Print the findings as JSON.
    """
    if country is not None and not is_country(country):
        raise CannotRun(f"There is no country {country!r}. Give its two letters, e.g. MA or ES.")
    told = run(_upgrade(load_settings(), country, preview))
    if as_json:
        print(json.dumps(told, default=str))
        return
    for calendar in told["calendars"]:
        print(f"{calendar['country']}, version {calendar['version']}: {_outcome(calendar)}")
        for line in _days(calendar):
            print(f"  {line}")
    for zone in told["zones"]:
        print(
            f"{zone['name']}, version {zone['version']}: other times from {zone['since']}; {_outcome(zone)}"
        )
    for problem in told["problems"]:
        print(f"Not possible: {problem}")
    if not any(told.values()):
        print("Calendars and time zones in force are those that ship.")


async def _upgrade(settings: Settings, country: str | None, preview: bool) -> dict[str, list[Any]]:
    async with ready(settings) as database:
        found = await upgrades(database, now(), country)
        return {
            "calendars": [await _calendar(database, each, preview) for each in found.calendars],
            "zones": [await _zone(database, each, preview) for each in found.zones],
            "problems": list(found.problems),
        }


async def _calendar(database: Database, found: CalendarUpgrade, preview: bool) -> Told:
    told: Told = {
        "country": found.after.country,
        "version": found.before.version,
        "days": [asdict(change) for change in found.changes],
        "years": found.years,
        "weekend": found.other_weekend,
    }
    if preview:
        return told | _effect(await effect_of_calendar(database, found, now()))
    return told | {"requests_waiting": await apply_calendar(database, found, now())}


async def _zone(database: Database, found: ZoneUpgrade, preview: bool) -> Told:
    told: Told = {"name": found.held.name, "version": found.held.version, "since": found.since}
    if preview:
        return told | _effect(await effect_of_zone(database, found, now()))
    return told | {"requests_waiting": await apply_zone(database, found, now())}


def _effect(effect: Effect) -> Told:
    return {
        "open_clocks": effect.open_clocks,
        "moved": len(effect.moves),
        "moves": [asdict(move) for move in effect.moves],
        "requests_left_out": effect.left_out,
        "impossible": [{"request_id": str(number), "reason": reason} for number, reason in effect.impossible],
    }


def _outcome(told: Mapping[str, Any]) -> str:
    if "moved" in told:
        left_out = (
            f", {told['requests_left_out']} request(s) not looked at" if told["requests_left_out"] else ""
        )
        impossible = (
            f", {len(told['impossible'])} with an act that would not fit any more"
            if told["impossible"]
            else ""
        )
        return f"{told['moved']} of {told['open_clocks']} open clock(s) would move{left_out}{impossible}."
    if told["requests_waiting"] is None:
        return "changed by somebody else just now; run this again."
    return f"applied; {told['requests_waiting']} request(s) wait to be counted anew."


def _days(told: Mapping[str, Any]) -> Iterator[str]:
    for change in told["days"][:MOST_DAYS_TOLD]:
        was, becomes = (change[name] or "an ordinary day" for name in ("before", "after"))
        yield f"{change['day']}: {was} -> {becomes}"
    if len(told["days"]) > MOST_DAYS_TOLD:
        yield f"and {len(told['days']) - MOST_DAYS_TOLD} more day(s)"
    if told["years"]:
        yield f"years of which holidays are known: {', '.join(map(str, told['years']))} come or go"
    if told["weekend"]:
        yield "the weekend differs"
