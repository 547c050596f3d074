"""Imports: what is taken, skipped and refused, in one go or row by row, once or again."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mla_tracker.api.files.bodies import FileRequest
from mla_tracker.api.files.reading import read_rows
from mla_tracker.api.files.samples import sample_file
from mla_tracker.commands.importing import carry_out_file
from mla_tracker.commands.importing_rows import BATCH
from mla_tracker.commands.preparing import prepared
from mla_tracker.commands.requests import log_request
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.errors import InsufficientScope, NotAllowed
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.imports import ImportSpec
from tests.builders.counted import with_shipped_limits
from tests.builders.files import UUIDS, export_of, imported, pieces, without_ids
from tests.builders.register import NOW, account
from tests.builders.requests import contents
from tests.builders.secrets import MARK

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


def a_row(number: int, **more: object) -> dict[str, object]:
    """A request of Morocco with the acts of a life."""
    acts = [("sent", "2026-01-05"), ("received", "2026-01-07"), ("acknowledged", "2026-01-09")]
    return {
        "external_reference": f"N-{number}",
        "kind": "evidence",
        "requesting_country": "MA",
        "requested_country": "FR",
        "convention": "un1988",
        "assistance": ["records"],
        "subject": f"{MARK} {number}",
        "events": [{"type": act, "occurred_on": day} for act, day in acts],
        **more,
    }


def lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


async def rows_of(db: Database, table: str) -> int:
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        return int(await tx.fetchval(f"select count(*) from {table}"))


async def test_a_row_has_the_clocks_texts_and_audit_of_a_request_that_was_logged_by_itself(
    db: Database,
) -> None:
    await with_shipped_limits(db)
    head = await account(db, "MA", role=Role.HEAD)
    body = FileRequest.model_validate_json(json.dumps(a_row(1)))
    one = (await log_request(db, body.entry(), actor=head, now=NOW)).id
    done = await imported(db, head, lines(a_row(2)), form="ndjson")
    assert done.counts == (1, 0, 0), done.remarks
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        other = await tx.fetchval("select id from request where external_reference = 'N-2'")
        alike = []
        for request in (one, other):
            clocks = await tx.fetch(
                "select clock_key, state, due_on, due_at, explanation from clock where request_id = $1 order by 1",
                request,
            )
            checks = await tx.fetch(
                "select kind, level, at from clock_check join clock c on c.id = clock_id where c.request_id = $1 "
                "order by 1, 2, 3",
                request,
            )
            told = await tx.fetch(
                "select what, position, account_role, country, seen_by from audit_entry where chain_id = $1",
                request,
            )
            alike.append(
                [re.sub(UUIDS, "", str([dict(row) for row in found])) for found in (clocks, checks, told)]
            )
        assert alike[0] == alike[1]
        assert len(alike[0][0]) > 100
    report = await verify(db)
    assert report.findings == ()


async def test_row_by_row_takes_what_it_can_and_tells_each_other_row_with_its_column(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    await account(db, "ES")
    wrong = [
        a_row(2, requested_country="MA"),
        a_row(3, events=[{"type": "sent", "occurred_on": "2026-03-09"}]),
        a_row(4, requesting_country="ES", requested_country="FR"),
        a_row(5, convention="eio-of-1900"),
        a_row(6, requested_country="ES", events=[{"type": "executed", "occurred_on": "2026-01-06"}]),
        a_row(7, events=[{"type": "executed", "occurred_on": "2026-01-03"}, *a_row(7)["events"]]),  # type: ignore[misc] # a list
        a_row(8, agreement_reference="nowhere"),
        a_row(9, recorded_by="FR"),
        a_row(1, subject="Something else"),
    ]
    done = await imported(db, head, lines(a_row(1), *wrong, a_row(1)), form="ndjson")
    assert done.counts == (1, 1, 9)
    assert [row for row, _ in done.refused] == sorted(row for row, _ in done.refused)
    assert dict(done.refused) == {
        2: "/requested_country",
        3: "/events/0/occurred_on",
        4: "/requesting_country",
        5: "/convention",
        6: "/events/0/type",
        7: "/events/1/occurred_on",
        8: "/agreement_reference",
        9: "/recorded_by",
        10: "/external_reference",
    }
    assert await rows_of(db, "request") == 1


async def test_all_or_nothing_records_nothing_when_one_row_is_refused_and_tells_every_refusal(
    db: Database,
) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    rows = [a_row(number) for number in range(600)]
    rows[100]["requested_country"] = rows[550]["requested_country"] = "MA"
    done = await imported(db, head, lines(*rows), form="ndjson", all_or_nothing=True, piece=4096)
    assert (done.view["status"], done.counts) == ("failed", (0, 0, 2))
    assert [row for row, _ in done.refused] == [101, 551]
    for table in ("request", "request_event", "free_text", "record_key", "clock"):
        assert await rows_of(db, table) == 0
    rows[100]["requested_country"] = rows[550]["requested_country"] = "FR"
    done = await imported(db, head, lines(*rows), form="ndjson", all_or_nothing=True, piece=4096)
    assert (done.view["status"], done.counts) == ("done", (600, 0, 0))


async def test_a_dry_run_says_what_would_become_of_each_row_and_writes_nothing(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    await imported(db, head, lines(a_row(1)), form="ndjson")
    before = await contents(db)
    twice, linked = a_row(3), a_row(4, events=[*_linked("N-3")])
    rows = [a_row(1), a_row(2), a_row(1, subject="x"), twice, {**twice, "subject": "y"}, linked]
    done = await imported(db, head, lines(*rows), form="ndjson", dry_run=True)
    assert done.counts == (3, 1, 2), done.remarks
    assert [row for row, _ in done.refused] == [3, 5]
    after = await contents(db)
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= {"bulk_import", "import_remark"}
    assert (await imported(db, head, lines(*rows), form="ndjson")).counts == (3, 1, 2)


def _linked(reference: str) -> list[dict[str, object]]:
    data = {"request_reference": reference, "relation": "related"}
    return [
        {"type": "sent", "occurred_on": "2026-01-05"},
        {"type": "linked", "occurred_on": "2026-01-05", "data": data},
    ]


async def test_who_may_not_record_them_one_by_one_imports_none(db: Database) -> None:
    for role, kind in ((Role.ADMIN, "requests"), (Role.MINISTRY, "agreements"), (Role.OFFICER, "directory")):
        actor = await account(db, "MA", role=role)
        with pytest.raises(NotAllowed):
            await imported(db, actor, sample_file(kind, "csv"), kind)
    reader = replace(await account(db, "MA"), scopes=frozenset({Scope.READ}))
    with pytest.raises(InsufficientScope):
        await imported(db, reader, sample_file("requests", "csv"))
    integration = await account(db, "MA", role=Role.INTEGRATION)
    done = await imported(db, integration, lines(a_row(1, handling="confidential")), form="ndjson")
    assert done.counts == (0, 0, 1)


async def test_an_export_holds_what_the_account_sees_and_texts_for_those_who_read_them(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    rows = (
        a_row(1, requested_country="ES", events=[]),
        a_row(2, requested_country="ES", events=a_row(2)["events"][:1]),  # type: ignore[index] # a list
        a_row(3, requested_country="ES", handling="confidential"),
    )
    done = await imported(db, await account(db, "MA", role=Role.HEAD), lines(*rows), form="ndjson")
    assert done.counts[0] == 2, (
        done.remarks
    )  # Spain has accounts, and states its receipts itself or not at all
    own, theirs = await export_of(db, morocco, form="ndjson"), await export_of(db, spain, form="ndjson")
    assert own.count("\n") == 2
    assert theirs.count("\n") == 1, "a draft is nobody else's"
    assert "N-2" not in theirs, "a reference is for who gave it"
    assert f"{MARK} 2" in theirs
    for role in (Role.MINISTRY, Role.AUDITOR, Role.ADMIN):
        plain = await export_of(db, await account(db, "MA", role=role), form="csv")
        assert "N-2" in plain
        assert MARK not in plain


async def test_a_confidential_request_in_an_export_is_told_as_read(db: Database) -> None:
    head, officer = await account(db, "MA", role=Role.HEAD), await account(db, "MA")
    await imported(db, head, lines(a_row(1, handling="confidential")), form="ndjson")
    assert MARK not in await export_of(db, officer, form="ndjson")
    assert MARK in await export_of(db, head, form="ndjson")
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        told = await tx.fetch("select account_id, details from audit_entry where what = 'request.read'")
    assert [row["account_id"] for row in told] == [head.account_id]


async def test_an_import_that_was_broken_off_goes_on_behind_the_last_batch_that_stands(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    rows = [
        {name: value for name, value in a_row(n).items() if name != "external_reference"} for n in range(700)
    ]
    raw = lines(*rows).encode()
    spec, digest = ImportSpec("requests", "ndjson"), hashlib.sha256(raw).digest()

    async def broken() -> AsyncIterator[bytes]:
        async for piece in pieces(raw[: len(raw) * 2 // 3], 4096):
            yield piece
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await carry_out_file(db, spec, digest, len(raw), broken, read_rows, actor=head, now=NOW)
    assert await rows_of(db, "request") == BATCH
    async with db.transaction(DbRole.OWNER) as tx:  # the lease of who was killed runs out
        await tx.execute("update bulk_import set lease_until = clock_timestamp()")
    done = await imported(db, head, raw, form="ndjson", piece=4096)
    assert done.counts == (700, 0, 0)
    assert await rows_of(db, "request") == 700
    assert await rows_of(db, "bulk_import") == 1


async def test_whoever_lost_an_import_to_another_writes_nothing_more(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    raw = lines(*(a_row(number) for number in range(BATCH * 2))).encode()

    async def stolen() -> AsyncIterator[bytes]:
        yield raw[: len(raw) * 2 // 3]
        async with db.transaction(DbRole.OWNER) as tx:
            await tx.execute("update bulk_import set holder = gen_random_uuid()")
        yield raw[len(raw) * 2 // 3 :]

    _, counted, _ = await carry_out_file(
        db, ImportSpec("requests", "ndjson"), b"x" * 32, 1, stolen, read_rows, actor=head, now=NOW
    )
    assert counted.recorded == await rows_of(db, "request") == BATCH


async def test_a_row_that_another_writer_was_faster_with_keeps_no_other_back(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    other = FileRequest.model_validate_json(json.dumps(a_row(2, subject="first")))
    raced = False

    with pytest.MonkeyPatch.context() as patch:
        # Between the look and the writing nothing of ours can be waited for.
        real = prepared

        async def prepared_late(*args: object, **named: object) -> object:
            nonlocal raced
            if not raced:
                raced = True
                await asyncio.create_task(log_request(db, other.entry(), actor=head, now=NOW))
            return await real(*args, **named)  # type: ignore[arg-type] # passed on as they are

        patch.setattr("mla_tracker.commands.importing_requests.prepared", prepared_late)
        done = await imported(db, head, lines(a_row(1), a_row(2), a_row(3)), form="ndjson")
    assert done.counts == (2, 0, 1)
    assert done.refused == [(2, "/external_reference")]


async def test_odd_dates_of_agreements_are_taken_with_a_warning(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    row = "T-1,Old treaty,extradition,MA; USSR,1980-05-01,1979-01-01\n"
    done = await imported(
        db, head, "external_reference,title,kind,parties,signed_on,in_force_from\n" + row, "agreements"
    )
    assert (done.counts, done.view["warned"]) == ((1, 0, 0), 1)
    assert "Soviet Union" in await export_of(db, head, "agreements")


async def test_an_authority_under_the_same_reference_is_brought_in_line(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    first = sample_file("directory", "csv")
    await imported(db, head, first, "directory")
    done = await imported(db, head, first.replace("+212 537 00 00 00", "+212 537 11 11 11"), "directory")
    assert done.counts == (1, 0, 0)
    text = await export_of(db, head, "directory")
    assert "11 11 11" in text
    assert text.count("D-1") == 1
    abroad = await imported(db, head, first.replace("Morocco", "Spain"), "directory")
    assert abroad.refused == [(2, "country")]
    report = await verify(db)
    assert report.findings == ()
