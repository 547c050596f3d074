"""Imports: what is taken, skipped and refused, in one go or row by row, once or again."""

import json
import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from mla_tracker.api.files.samples import sample_file
from mla_tracker.domain.vocabulary import Role
from mla_tracker.storage.database import Database
from mla_tracker.storage.embedded import Server
from tests.builders.files import export_of, imported
from tests.builders.keys import the_keys
from tests.builders.register import account
from tests.builders.worker_database import as_superuser

KINDS = ("agreements", "requests", "directory")

_REQUEST = {
    "external_reference": "R-3",
    "kind": "evidence",
    "requesting_country": "MA",
    "requested_country": "ES",
    "recorded_by": "ES",
    "assistance": ["records", "interception"],
}
_ODD = "\n".join(
    json.dumps({**_REQUEST, **more}, ensure_ascii=False)
    for more in (
        {
            "subject": '=2+2; "quoted", and; parted',
            "handling": "confidential",
            "offences": ["one; two", "'apostrophe"],
            "events": [
                {"type": "sent", "occurred_on": "2026-01-05", "note": "  Two\nlines\twith blanks  "},
                {"type": "received", "occurred_at": "2026-01-07T10:00:00+01:00", "asserted_by": "MA"},
                {"type": "received", "occurred_on": "2026-01-08", "asserted_by": "ES"},
                {"type": "information_requested", "occurred_on": "2026-01-09"},
                {
                    "type": "information_supplied",
                    "occurred_on": "2026-01-19",
                    "data": {"answers_act": 4},
                },
                {
                    "type": "refused",
                    "occurred_on": "2026-02-01",
                    "data": {"ground": "ne_bis_in_idem", "reason": "-\nTried before.", "items": [1]},
                },
            ],
        },
        {"external_reference": "R-4", "wished_by": "2026-12-01", "wished_by_reason": "@hearing"},
        {
            "external_reference": "R-5",
            "events": [
                {"type": "sent", "occurred_on": "2026-01-06"},
                {
                    "type": "linked",
                    "occurred_on": "2026-01-06",
                    "data": {"request_reference": "R-4", "relation": "related"},
                },
            ],
        },
    )
)


def without_ids(text: str) -> str:
    """An export without the ids, which every installation gives anew."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)


async def test_the_samples_are_taken_as_they_are_and_skipped_the_second_time(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    for kind, rows in (("agreements", 2), ("requests", 2), ("directory", 1)):
        done = await imported(db, head, sample_file(kind, "csv"), kind)
        assert done.counts == (rows, 0, 0), done.remarks
        again = await imported(db, head, sample_file(kind, "csv"), kind)
        assert again.counts == (0, rows, 0), again.remarks


async def test_the_samples_in_lines_of_json_are_taken_too(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    for kind in ("agreements", "requests", "directory"):
        done = await imported(db, head, sample_file(kind, "ndjson"), kind, "ndjson")
        assert done.counts == (1, 0, 0), done.remarks


@pytest.fixture
async def elsewhere(server: Server, template: str) -> AsyncIterator[Database]:
    """An empty installation beside the one that `db` is."""
    name = f"t{uuid4().hex}"
    await as_superuser(server, f"CREATE DATABASE {name} OWNER mla TEMPLATE {template}")
    async with await Database.open(server.url(name), pool_size=2, vault=the_keys()) as database:
        yield database
    await as_superuser(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_what_is_exported_and_imported_elsewhere_is_exported_the_same(
    db: Database, elsewhere: Database, form: str
) -> None:
    both = await account(db, "MA", "ES", role=Role.HEAD)
    for kind in ("agreements", "requests", "directory"):
        await imported(db, both, sample_file(kind, "csv"), kind)
    odd = await imported(db, both, _ODD, "requests", "ndjson")
    assert odd.counts == (3, 0, 0), odd.remarks
    first = {kind: await export_of(db, both, kind, form) for kind in KINDS}
    there = await account(elsewhere, "MA", "ES", role=Role.HEAD)
    for kind in KINDS:
        done = await imported(elsewhere, there, first[kind], kind, form)
        assert done.counts[1:] == (0, 0), done.remarks
    second = {kind: await export_of(elsewhere, there, kind, form) for kind in KINDS}
    assert {kind: without_ids(text) for kind, text in second.items()} == {
        kind: without_ids(text) for kind, text in first.items()
    }
    for said in ("R-5", "quoted", "information_supplied", "Tried before", "@hearing", "apostrophe"):
        assert said in first["requests"]
