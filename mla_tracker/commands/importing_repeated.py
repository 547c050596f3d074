"""Rows under a reference that the country has given before: skipped where they say the same, refused otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from mla_tracker.commands.importing_rows import Fault, Outcome, ReadRow, Seen, faults_of_error
from mla_tracker.commands.preparing import Readied, reference_taken
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import DomainError
from mla_tracker.queries.exports import WHOLE, documents, taken
from mla_tracker.queries.request_documents import Document, document
from mla_tracker.queries.requests import visible_row
from mla_tracker.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row whose own data are in order."""

    row: ReadRow
    readied: Readied


async def without_repeated(
    tx: Tx, found: Sequence[Candidate], outcome: Outcome, *, actor: Actor, seen: Seen | None
) -> list[Candidate]:
    """Those that are not recorded yet. Of the others the ones of the same content are skipped, the rest refused."""
    by_country: dict[str, dict[str, UUID]] = {}
    for country in {one.readied.record.recorded_by for one in found}:
        named = [
            reference
            for one in found
            if one.readied.record.recorded_by == country
            and (reference := one.readied.record.external_reference) is not None
        ]
        by_country[country] = await taken(tx, "request", country, named)
    fresh: dict[tuple[str, str], Candidate] = {}
    left: list[Candidate] = []
    for one in found:
        record = one.readied.record
        reference = record.external_reference
        if reference is None:
            left.append(one)
            continue
        key = (record.recorded_by, reference)
        if stored := by_country[record.recorded_by].get(reference):
            await judge_repeated(tx, one, stored, outcome, actor=actor)
        elif twice := fresh.get(key):
            if not _differing(_said(twice.readied, actor, one.readied), _said(one.readied, actor)):
                outcome.skipped(one.row)
            else:
                outcome.refused(one.row, _differs(f"row {twice.row.number}"))
        elif seen is not None and seen.again(*key):
            outcome.refused(one.row, _differs("an earlier row"))
        else:
            fresh[key] = one
            left.append(one)
    return left


async def judge_repeated(tx: Tx, one: Candidate, stored: UUID, outcome: Outcome, *, actor: Actor) -> None:
    """Skip a row that says what the recorded request says, and refuse it where it says something else."""
    try:
        row = await visible_row(tx, stored, actor)
    except DomainError:
        outcome.refused(one.row, faults_of_error(reference_taken(one.readied.record)))
        return
    outcome.compared.append(dict(row))
    parts = _spoken_of(one.readied)
    [kept] = await documents(tx, [dict(row)], actor=actor, by_reference=False, parts=parts)
    kept.pop("id")
    if differing := _differing(kept, _said(one.readied, actor)):
        outcome.refused(one.row, _differs("the recorded one", differing))
    else:
        outcome.skipped(one.row)


def _said(one: Readied, actor: Actor, other: Readied | None = None) -> Document:
    """What a row says; with `other` only as far as that one says something too."""
    told = one.told
    return document(told.only(_spoken_of(other)) if other else told, {}, actor)


def _spoken_of(one: Readied) -> list[str]:
    """What a row tells of and might be silent on: that is not held against it."""
    return [part for part in WHOLE if getattr(one, part)]


def _differing(one: Document, other: Document) -> list[str]:
    """The names of what two rows say otherwise. Persons and notes may stand in any order."""
    names = {name for name in {*one, *other} if one.get(name) != other.get(name)}
    return sorted(
        name for name in names if name not in _UNORDERED or _sorted(one.get(name)) != _sorted(other.get(name))
    )


_UNORDERED: Final = ("persons", "notes")


def _sorted(listed: Any) -> list[bytes]:
    return sorted(to_json(one) for one in listed or ())


def _differs(other: str, names: Sequence[str] = ()) -> list[Fault]:
    what = f" ({', '.join(names)})" if names else ""
    return [
        (
            "/external_reference",
            f"Bears the reference of {other} and says something else{what}. Amend that one, or give another reference.",
        )
    ]
