"""What is exported holds all that may be seen of a request, and imports again to the same: acts that were taken back,
persons, notes."""

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from mla_tracker.commands.agreements import record_event
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.notes import notes
from mla_tracker.queries.persons import persons
from mla_tracker.queries.requests import history
from mla_tracker.storage.database import Database, DbRole
from tests.builders.files import export_of, imported, lines, without_ids, written
from tests.builders.random_cases import NOW
from tests.builders.random_whole import COUNTRIES, ERASED, RandomWhole
from tests.builders.register import account, event

LATER = NOW + timedelta(days=1)


async def a_register(
    db: Database, seed: int, number: int = 12, everyone: Actor | None = None
) -> dict[str, Actor]:
    """Random requests, each recorded by its two countries; gives an account of each."""
    accounts = {country: await account(db, country) for country in COUNTRIES}
    await RandomWhole(seed, db, accounts, everyone).record(number)
    return accounts


async def told(db: Database, actor: Actor) -> list[dict[str, Any]]:
    """What an account reads of every request that it sees, but ids and instants of recording."""
    found = []
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        for row in await tx.fetch("select id from request order by external_reference"):
            of = row["id"]
            acts = await history(tx, of, actor=actor, now=LATER)
            places = {act["id"]: place for place, act in enumerate(acts)}
            found.append(
                {
                    "acts": sorted(
                        json.dumps(_act(act, places), default=str, sort_keys=True) for act in acts
                    ),
                    "persons": [
                        {name: one[name] for name in one if name not in _NOT_SAID}
                        for one in await persons(tx, of, actor=actor, after=None, as_of=LATER, limit=999)
                        if one["erased_at"] is None
                    ],
                    "notes": [
                        (one["country"], one["text"])
                        for one in await notes(tx, of, actor=actor, after=None, as_of=LATER, limit=999)
                        if one["erased_at"] is None
                    ],
                }
            )
    return found


_NOT_SAID = ("id", "request_id", "version", "created_at", "updated_at")


def _act(act: dict[str, Any], places: dict[Any, int]) -> dict[str, Any]:
    said = {name: act[name] for name in ("type", "occurred_on", "occurred_at", "note", "asserted_by")}
    voided = act["voided"] and {
        "reason": act["voided"]["reason"],
        "by": act["voided"]["voided_by"],
        "replaced": act["voided"]["replacement_id"] is not None,
    }
    data = {name: value for name, value in act["data"].items() if name not in ("in_reply_to", "request_id")}
    return {**said, "data": data, "voided": voided, "answers": "in_reply_to" in act["data"]}


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("seed", range(4))
async def test_all_that_is_seen_of_requests_is_exported_and_imported_to_the_same(
    db: Database, elsewhere: Database, seed: int, form: str
) -> None:
    both = await account(db, *COUNTRIES, role=Role.HEAD)
    await a_register(db, seed, everyone=both)
    first = await export_of(db, both, form=form, now=LATER)
    assert ERASED not in first
    assert all(f'"{part}"' in first.replace('""', '"') for part in ("voided", "linked", "identifiers"))
    there = await account(elsewhere, *COUNTRIES, role=Role.HEAD)
    dry = await imported(elsewhere, there, first, form=form, now=NOW, piece=4096, dry_run=True)
    assert dry.counts == (12, 0, 0), dry.remarks
    done = await imported(elsewhere, there, first, form=form, now=NOW, piece=4096)
    assert done.counts == (12, 0, 0), done.remarks
    second = await export_of(elsewhere, there, form=form, now=LATER)
    assert without_ids(second) == without_ids(first)
    assert await told(elsewhere, there) == await told(db, both)
    for place, actor in ((db, both), (elsewhere, there)):
        again = await imported(place, actor, first, form=form, now=LATER, piece=4096)
        assert again.counts == (0, 12, 0), again.remarks
    assert (await verify(elsewhere)).findings == ()


def of_others(row: dict[str, Any], own: str) -> set[str]:
    """Where a document says that another country than `own` recorded, stated or took back something."""
    found = {"/recorded_by"} if row["recorded_by"] != own else set()
    for place, act in enumerate(row.get("events", ())):
        found |= {f"/events/{place}/asserted_by"} if "asserted_by" in act else set()
        found |= {f"/events/{place}/voided/by"} if act.get("voided", {}).get("by") else set()
        # What was linked by the reference of another country is not known elsewhere.
        found |= {f"/events/{place}/data/request_id"} if "request_id" in act.get("data", {}) else set()
    for place, person in enumerate(row.get("persons", ())):
        found |= {f"/persons/{place}/recorded_by"} if "recorded_by" in person else set()
    return found


@pytest.mark.parametrize(("seed", "own"), [(10, "ES"), (11, "PT"), (12, "MA")])
async def test_a_side_imports_what_is_its_own_and_nothing_in_the_name_of_the_other(
    db: Database, elsewhere: Database, seed: int, own: str
) -> None:
    accounts = await a_register(db, seed, 24)
    first = lines(await export_of(db, accounts[own], form="ndjson", now=LATER))
    foreign = {number: of_others(row, own) for number, row in enumerate(first, start=1)}
    assert any(foreign.values())
    assert not all(foreign.values())
    there = await account(elsewhere, own)
    done = await imported(elsewhere, there, written(*first), form="ndjson", now=NOW, piece=4096)
    refused: dict[int, set[str]] = {}
    for row, field in done.refused:
        refused.setdefault(row, set()).add(field)
    for row, fields in refused.items():
        # A row that is linked to one that was refused is refused with it.
        linked = {field for field in fields if field.endswith("/request_reference")}
        assert fields - linked <= foreign[row]
    assert {row for row, fields in foreign.items() if fields} <= set(refused)
    kept = [row for number, row in enumerate(first, start=1) if number not in refused]
    there_now = lines(await export_of(elsewhere, there, form="ndjson", now=LATER))
    assert without_ids(written(*there_now)) == without_ids(written(*kept))
    assert (await verify(elsewhere)).findings == ()


async def test_agreements_come_in_again_with_those_that_took_their_place_and_with_events_taken_back(
    db: Database, elsewhere: Database
) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    base = {"kind": "extradition", "parties": ["MA", "ES"], "signed_on": "1990-01-01"}
    ratified = {"type": "ratified", "occurred_on": "1990-03-01", "data": {"by": "ES"}}
    rows: list[dict[str, Any]] = [
        {**base, "external_reference": f"T-{number}", "title": f"Treaty {number}"} for number in range(3)
    ]
    rows[0]["events"] = [
        ratified,
        {**ratified, "occurred_on": "1990-02-01", "voided": {"reason": "=Not\nthey."}},
    ]
    done = await imported(db, head, written(*rows), "agreements", "ndjson")
    assert done.counts == (3, 0, 0), done.remarks
    async with db.transaction(DbRole.API, viewer=head, read_only=True) as tx:
        ids = await tx.fetch("select id from agreement order by created_at")
    for older, newer in itertools.pairwise(one["id"] for one in ids):
        data = {"superseded_by": str(newer)}
        await record_event(db, older, event("superseded", "2001-01-01", **data), actor=head, now=LATER)
    for form in ("csv", "ndjson"):
        first = await export_of(db, head, "agreements", form)
        assert [first.index(f"Treaty {number}") for number in (2, 1, 0)] == sorted(
            first.index(f"Treaty {number}") for number in range(3)
        )
        there = await account(elsewhere, "MA", role=Role.HEAD)
        dry = await imported(elsewhere, there, first, "agreements", form, now=LATER, dry_run=True)
        assert dry.counts[2] == 0, dry.remarks
        done = await imported(elsewhere, there, first, "agreements", form, now=LATER)
        assert done.counts[2] == 0, done.remarks
        assert without_ids(await export_of(elsewhere, there, "agreements", form)) == without_ids(first)
    again = await imported(db, head, first, "agreements", "ndjson", now=LATER)
    assert again.counts == (0, 3, 0), again.remarks
    told = lines(first)[2]
    silent = {**told, "events": [one for one in told["events"] if "voided" not in one]}
    other = {**told, "events": [{**one, "voided": {"reason": "x"}} for one in told["events"]]}
    again = await imported(db, head, written(silent, other), "agreements", "ndjson", now=LATER)
    assert again.counts == (0, 1, 1), again.remarks
    assert "(events)" in again.why(2)
    assert (await verify(elsewhere)).findings == ()
