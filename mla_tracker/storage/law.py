"""Limits as versioned rows: what the clocks read, so that no upgrade moves a date by itself."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter

from mla_tracker.catalogue.toml_tables import CatalogueError
from mla_tracker.domain.audit import Chain, ChainKind, Change, What
from mla_tracker.domain.limits import Convention, Limit
from mla_tracker.domain.precedence import Limits
from mla_tracker.domain.vocabulary import Basis
from mla_tracker.storage.audit import append, lock_chain
from mla_tracker.storage.audited import added, changed
from mla_tracker.storage.database import Tx
from mla_tracker.storage.party_lists import ListsInForce, lists_in_force
from mla_tracker.storage.tables import LimitVersion

_LIMIT: TypeAdapter[Limit] = TypeAdapter(Limit)
# What a limit says about itself rather than about time: it may be put right without a new version.
_WORDS = frozenset({"wording", "link", "evidence", "verified", "consequence", "instrument", "provision"})


def limit_document(limit: Limit) -> dict[str, Any]:
    """A limit as JSON keeps it, every field named; sets are sorted, so that one limit has one document."""
    document: dict[str, Any] = _LIMIT.dump_python(limit, mode="json")
    return _sorted_sets(document, limit)


def _sorted_sets(document: dict[str, Any], limit: Limit) -> dict[str, Any]:
    document["kinds"] = sorted(document["kinds"])
    for table in (document["conditions"], *document["figures"]):
        for name, value in table.items():
            if isinstance(value, list):
                table[name] = sorted(value)
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
        (row["id"], row["version"]): (row["digest"], row["definition"])
        for row in await tx.fetch("select id, version, digest, definition from limit_version")
    }
    number = 0
    changes: dict[str | None, list[Change]] = {}
    for limit in limits:
        document = limit_document(limit)
        digest = limit_digest(document)
        stored = held.get((limit.id, limit.version))
        if stored is None:
            number += 1
            changes.setdefault(limit.country, []).append(await insert_limit(tx, limit, now))
        elif digest not in (stored[0], limit_digest(limit_document(limit_from_document(stored[1])))):
            raise CatalogueError(
                f"The limit {limit.id}, version {limit.version}, differs in law from the one in this database. "
                "Give the changed limit a new version number."
            )
        elif (digest, document) != stored:
            # A document written before limits had the fields that they have now says the same in law.
            await tx.execute(
                "update limit_version set definition = $3, digest = $4 where id = $1 and version = $2",
                limit.id, limit.version, document, digest,
            )  # fmt: skip
            key = {"id": limit.id, "version": limit.version}
            before = {**key, "digest": stored[0], "definition": stored[1]}
            after = {**key, "digest": digest, "definition": document}
            changes.setdefault(limit.country, []).extend(changed("limit_version", before, after))
    for country, found in changes.items():
        chain = Chain.named(ChainKind.LIMIT, country or "")
        await lock_chain(tx, chain)
        seen_by = [country] if country else []
        await append(tx, chain, What.LIMIT_SHIPPED, found, actor=None, now=now, seen_by=seen_by)
    return number


async def insert_limit(tx: Tx, limit: Limit, now: datetime) -> Change:
    """Add a version, and give what the audit tells of it.

    Raises asyncpg.UniqueViolationError where one of this number is stored already.
    """
    document = limit_document(limit)
    row: dict[str, Any] = {
        "id": limit.id,
        "version": limit.version,
        "definition": document,
        "digest": limit_digest(document),
        "basis": limit.basis.value,
        "stage": limit.stage.value,
        "country": limit.country,
        "convention": limit.convention,
        "published_on": limit.published_on,
        "valid_from": limit.valid_from,
        "valid_to": limit.valid_to,
        "recorded_at": now,
    }
    await LimitVersion.insert(LimitVersion(**row))
    return added("limit_version", row)


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


@dataclass(frozen=True, slots=True)
class StoredLaw:
    """All versions of all limits, by id and version, and the instruments with the lists of parties in force."""

    limits: Limits
    in_force: ListsInForce

    @property
    def conventions(self) -> Mapping[str, Convention]:
        """The instruments by id."""
        return self.in_force.conventions


async def stored_law(tx: Tx) -> StoredLaw:
    """The law as the database has it; one round trip where nothing changed since this process read it last."""
    # The id of the transaction that wrote a row last tells whether what we hold was read from these very rows.
    row = await tx.fetchrow(
        """
        select
            (select current_database() || ' '
                || sum(hashtextextended(id || ' ' || version || ' ' || xmin::text, 0)) from limit_version) as limits,
            (select current_database() || ' '
                || sum(hashtextextended(convention || ' ' || version || ' ' || xmin::text, 0))
                from convention_version) as lists
        """
    )
    assert row is not None
    return StoredLaw(await _limits(tx, row["limits"]), await lists_in_force(tx, row["lists"]))


async def stored_limits(tx: Tx) -> Limits:
    """All versions of all limits, by id and version."""
    return (await stored_law(tx)).limits


async def _limits(tx: Tx, seal: str | None) -> Limits:
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
