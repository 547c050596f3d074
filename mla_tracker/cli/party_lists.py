"""Commands for the parties of conventions: load a newer list, see which lists are in force."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from mla_tracker.catalogue.party_lists import read_parties
from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready, tell
from mla_tracker.commands import party_lists as commands
from mla_tracker.commands.party_lists import ListLoaded, ListPreview
from mla_tracker.domain.party_lists import PartyList
from mla_tracker.queries import conventions as queries
from mla_tracker.queries.conventions import ConventionView
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.database import DbRole
from mla_tracker.storage.errors import CannotRun

MOST_BYTES: Final = 1024 * 1024
MOST_MOVES_TOLD: Final = 200
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

parties = App(
    name="parties",
    help="Parties of conventions: the lists by which clocks judge who is bound, and since when.",
)

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(parties)


@parties.command(name="load")
def load_list(
    file: Path,
    *,
    convention: str,
    as_of: str,
    source: str,
    complete: Annotated[bool, Parameter(negative="")] = False,
    older: Annotated[bool, Parameter(negative="")] = False,
    preview: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a newer list of the parties to a convention in force, and have the requests concerned counted anew.

    Parameters
    ----------
    file
        CSV in UTF-8 with the columns country (ISO 3166-1 alpha-2 or alpha-3), since (first day bound: entry into
        force, not deposit) and, if wanted, until (first day no longer bound).
    convention
        Id of the instrument, as `parties list` shows it.
    as_of
        The day of which the list is, as 2026-10-01.
    source
        Where it was read, for people.
    complete
        It names all parties: who is missing is not bound. Without, a missing country is only warned of.
    older
        Take it though it is older than the list in force.
    preview
        Store nothing; say what differs and which open clocks would move.
    as_json
        Print the outcome as JSON.
    """
    held = read_parties(_text(file))
    entry = PartyList(convention, _day(as_of), source.strip(), complete, held)
    settings = load_settings()
    if preview:
        seen = run(_preview(settings, entry, older))
        told = _document(entry, seen.loaded, stored=False) | _effect(seen)
        sentences = [*_sentences(entry, seen.loaded), *_of_effect(seen)]
    else:
        loaded = run(_load(settings, entry, older))
        told = _document(entry, loaded, stored=loaded.stored) | {"requests_waiting": loaded.requests_waiting}
        sentences = [*_sentences(entry, loaded), _waiting(loaded)]
    print(json.dumps(told, default=str) if as_json else "\n".join(sentences))


@parties.command(name="list")
def show_lists(*, convention: str | None = None, as_json: AsJson = False) -> None:
    """List the instruments with the lists of their parties in force; version 0 is the list that ships.

    Parameters
    ----------
    convention
        Only this one, with all its parties.
    as_json
        Print a JSON list, with all parties.
    """
    found = run(_listed(load_settings(), convention))
    if as_json:
        print(json.dumps([_shown(view) for view in found], default=str))
        return
    for view in found:
        known = "complete" if view.convention.parties_known else "not complete"
        print(
            f"{view.convention.id}  version {view.version}  as of {view.convention.as_of}  {known}  "
            f"{view.countries} countries  {view.convention.source}"
        )
        for party in view.convention.parties if convention else ():
            print(
                f"  {party.country}  since {party.since}" + (f"  until {party.until}" if party.until else "")
            )


async def _load(settings: Settings, entry: PartyList, older: bool) -> ListLoaded:
    async with ready(settings) as database:
        return await commands.load_parties(database, entry, older=older, now=now())


async def _preview(settings: Settings, entry: PartyList, older: bool) -> ListPreview:
    async with ready(settings) as database:
        return await commands.preview_parties(database, entry, older=older, now=now())


async def _listed(settings: Settings, convention: str | None) -> list[ConventionView]:
    async with ready(settings) as database, database.transaction(DbRole.OWNER, read_only=True) as tx:
        if convention is not None:
            return [await queries.convention(tx, convention)]
        return await queries.conventions(tx)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise CannotRun(
                f"The file {file} is larger than one list of countries can be ({MOST_BYTES} bytes)."
            )
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CannotRun(f"The file {file} is not UTF-8. Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise CannotRun(f"The file {file} cannot be read ({error.strerror or error}).") from None


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise CannotRun(f"--as-of {text!r} is no date that exists. Give the day of the list, as 2026-10-01.")


def _sentences(entry: PartyList, loaded: ListLoaded) -> list[str]:
    what = loaded.differences
    if loaded.was_complete and not entry.complete:
        tell(
            "The list in force before was complete; by this one a country that is missing is only warned of. Give "
            "--complete if it names all parties."
        )
    number = len({party.country for party in entry.parties})
    return [
        f"{entry.convention}, version {loaded.version}: {number} countries as of {entry.as_of}.",
        *(
            f"{title}: {', '.join(countries)}."
            for title, countries in (
                ("Added", what.added),
                ("Gone", what.removed),
                ("With other days", what.changed),
            )
            if countries
        ),
    ]


def _waiting(loaded: ListLoaded) -> str:
    if not loaded.stored:
        return "The same list is in force already; nothing was stored."
    return f"{loaded.requests_waiting} request(s) wait to be counted anew, which a job does within minutes."


def _of_effect(seen: ListPreview) -> list[str]:
    effect = seen.effect
    first = "Nothing was stored." if seen.loaded.stored else "The same list is in force already."
    return [
        f"{first} Of {effect.open_clocks} open clock(s) of such requests {len(effect.moves)} would move.",
        *(
            f"Request {move.request_id}, {move.stage}: {move.before or 'no date'} -> {move.after or 'no date'}"
            for move in effect.moves[:MOST_MOVES_TOLD]
        ),
        *([f"{effect.left_out} request(s) were too many to count."] if effect.left_out else []),
        *(f"Request {request_id}: {reason}" for request_id, reason in effect.impossible),
    ]


def _document(entry: PartyList, loaded: ListLoaded, *, stored: bool) -> dict[str, Any]:
    return {
        "convention": entry.convention,
        "version": loaded.version,
        "stored": stored,
        "already_in_force": not loaded.stored,
        "as_of": entry.as_of,
        "source": entry.source,
        "complete": entry.complete,
        "countries": len({party.country for party in entry.parties}),
        **asdict(loaded.differences),
    }


def _effect(seen: ListPreview) -> dict[str, Any]:
    effect = seen.effect
    return {
        "open_clocks": effect.open_clocks,
        "moved": len(effect.moves),
        "moves": [asdict(move) for move in effect.moves[:MOST_MOVES_TOLD]],
        "requests_counted": effect.requests,
        "requests_left_out": effect.left_out,
        "impossible": [
            {"request_id": request_id, "reason": reason} for request_id, reason in effect.impossible
        ],
    }


def _shown(view: ConventionView) -> Mapping[str, Any]:
    held = view.convention
    return {
        "id": held.id,
        "title": held.title,
        "version": view.version,
        "as_of": held.as_of,
        "parties_known": held.parties_known,
        "source": held.source,
        "recorded_at": view.recorded_at.isoformat() if view.recorded_at else None,
        "parties": [asdict(party) for party in held.parties],
    }
