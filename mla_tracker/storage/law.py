"""Limits and calendars as versioned rows: what the clocks read, so that no upgrade moves a date by itself."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter

from mla_tracker.catalogue import holiday_calendars as shipped
from mla_tracker.catalogue.countries import default_zone
from mla_tracker.catalogue.toml_tables import CatalogueError
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.limits import Limit
from mla_tracker.domain.precedence import Limits
from mla_tracker.domain.vocabulary import Basis
from mla_tracker.storage.database import Tx
from mla_tracker.storage.tables import CalendarVersion, LimitVersion

_LIMIT: TypeAdapter[Limit] = TypeAdapter(Limit)
# What a limit says about itself rather than about time: it may be put right without a new version.
_WORDS = frozenset({"wording", "link", "evidence", "verified", "consequence", "instrument", "provision"})


def limit_document(limit: Limit) -> dict[str, Any]:
    """A limit as JSON keeps it, every field named; sets are sorted, so that one limit has one document."""
    document: dict[str, Any] = _LIMIT.dump_python(limit, mode="json")
    return _sorted_sets(document, limit)


def _sorted_sets(document: dict[str, Any], limit: Limit) -> dict[str, Any]:
    document["kinds"] = sorted(document["kinds"])
    conditions = document["conditions"]
    for name, value in conditions.items():
        if isinstance(value, list):
            conditions[name] = sorted(value)
    return document


def limit_from_document(document: Mapping[str, Any]) -> Limit:
    """The limit that a document describes."""
    return _LIMIT.validate_json(json.dumps(document))


def limit_digest(document: Mapping[str, Any]) -> str:
    """What identifies the law in a limit: SHA-256 over all but its wording and its source's name."""
    legal = {name: value for name, value in document.items() if name not in _WORDS}
    return hashlib.sha256(json.dumps(legal, sort_keys=True).encode()).hexdigest()


async def store_limits(tx: Tx, limits: Iterable[Limit], now: datetime) -> int:
    """Add the versions that the database does not hold, and put words right; gives how many were added.

    Raises CatalogueError where a stored version says something else in law than the one that ships: such a
    change needs a new version number, since clocks were counted by the old one.
    """
    held = {
        (row["id"], row["version"]): row["digest"]
        for row in await tx.fetch("select id, version, digest from limit_version")
    }
    added = 0
    for limit in limits:
        document = limit_document(limit)
        digest = limit_digest(document)
        stored = held.get((limit.id, limit.version))
        if stored is None:
            added += 1
            await insert_limit(tx, limit, now)
        elif stored != digest:
            raise CatalogueError(
                f"The limit {limit.id}, version {limit.version}, differs in law from the one in this database. "
                "Give the changed limit a new version number."
            )
        else:
            await tx.execute(
                "update limit_version set definition = $3 where id = $1 and version = $2 and definition <> $3",
                limit.id, limit.version, document,
            )  # fmt: skip
    return added


async def insert_limit(tx: Tx, limit: Limit, now: datetime) -> None:
    """Add a version. Raises asyncpg.UniqueViolationError where one of this number is stored already."""
    document = limit_document(limit)
    await LimitVersion.insert(
        LimitVersion(
            id=limit.id,
            version=limit.version,
            definition=document,
            digest=limit_digest(document),
            basis=limit.basis.value,
            stage=limit.stage.value,
            country=limit.country,
            convention=limit.convention,
            published_on=limit.published_on,
            valid_from=limit.valid_from,
            valid_to=limit.valid_to,
            recorded_at=now,
        )
    )


def ended_by_successors(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """The limits, each version of a country's policy valid no longer than until the next one begins.

    That day is computed whenever limits are read: a version that is stored is never written again.
    """
    ended: list[Limit] = []
    begins: dict[str, date] = {}
    for limit in sorted(limits, key=lambda limit: (limit.id, limit.version), reverse=True):
        if limit.basis is Basis.POLICY and limit.country is not None:
            successor = begins.get(limit.id)
            if limit.valid_from is not None:
                begins[limit.id] = min(limit.valid_from, successor or limit.valid_from)
            if successor is not None and (limit.valid_to is None or successor < limit.valid_to):
                limit = replace(limit, valid_to=successor)
        ended.append(limit)
    return tuple(reversed(ended))


async def policies_of(tx: Tx, country: str, *, lock: bool) -> tuple[Limit, ...]:
    """All versions of the policies that a country set, by id and version; `lock` holds them against other writers."""
    if lock:
        await tx.execute("select pg_advisory_xact_lock(hashtext('policies of ' || $1))", country)
    rows = await tx.fetch(
        "select definition from limit_version where country = $1 and basis = 'policy' order by id, version",
        country,
    )
    return ended_by_successors(limit_from_document(row["definition"]) for row in rows)


async def stored_limits(tx: Tx) -> Limits:
    """All versions of all limits, by id and version."""
    # The id of the transaction that wrote a row last tells whether what we hold was read from these very rows.
    seal = await tx.fetchval(
        """
        select current_database() || ' ' || sum(hashtextextended(id || ' ' || version || ' ' || xmin::text, 0))
        from limit_version
        """
    )
    if seal is None:
        return Limits()
    known = _known_limits.get(seal)
    if known is None:
        rows = await tx.fetch("select definition from limit_version order by id, version")
        known = Limits(ended_by_successors(limit_from_document(row["definition"]) for row in rows))
        _known_limits.clear()
        _known_limits[seal] = known
    return known


_known_limits: dict[str, Limits] = {}


async def calendars_in_force(tx: Tx, countries: Sequence[str], now: datetime) -> dict[str, WorkingCalendar]:
    """The calendar version in force of each country (ISO alpha-2).

    A country met for the first time gets the calendar that ships as its version 1, stored, so that every
    later reading counts by the same days.
    """
    rows = await _current(tx, countries)
    missing = sorted(set(countries) - rows.keys())
    if missing:
        for country in missing:
            fresh = shipped.country_calendar(country, years=shipped.years_around(now.date()))
            document = shipped.to_document(fresh)
            first = CalendarVersion(
                country=country,
                region="",
                version=1,
                zone=default_zone(country).key,
                document=document,
                digest=shipped.digest(document),
                source=shipped.source(),
                applied_at=now,
            )
            await CalendarVersion.insert(first).on_conflict(action="DO NOTHING")
        rows |= await _current(tx, missing)
    found: dict[str, WorkingCalendar] = {}
    for country, (version, digest) in rows.items():
        calendar = _known_calendars.get(digest)
        if calendar is None:
            document = await tx.fetchval(
                "select document from calendar_version where country = $1 and region = '' and version = $2",
                country,
                version,
            )
            if len(_known_calendars) >= MOST_CALENDARS_KEPT:
                _known_calendars.clear()
            calendar = _known_calendars[digest] = shipped.from_document(document)
        found[country] = calendar
    return found


MOST_CALENDARS_KEPT = 600
_known_calendars: dict[str, WorkingCalendar] = {}


async def _current(tx: Tx, countries: Sequence[str]) -> dict[str, tuple[int, str]]:
    rows = await tx.fetch(
        """
        select distinct on (country) country, version, digest from calendar_version
        where country = any($1::text[]) and region = '' order by country, version desc
        """,
        list(countries),
    )
    return {row["country"]: (row["version"], row["digest"]) for row in rows}
