"""Imports over HTTP: handed in, sealed, taken up by a job on any node, told; and exports as files."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar.types import ASGIApp

from mla_tracker.api import imports
from mla_tracker.api.app import create_app
from mla_tracker.api.files.reading import read_rows
from mla_tracker.api.files.samples import sample_file
from mla_tracker.commands.importing import work_off
from mla_tracker.commands.importing_rows import BATCH
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.vocabulary import Role
from mla_tracker.scheduler.jobs import scheduled_jobs
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.imports import CHUNK_BYTES
from tests.builders.api import NOW, SETTINGS, ClientOf, Present
from tests.builders.handing_in import CSV, NDJSON, PATH, a_file, handed_in, read
from tests.builders.register import account
from tests.builders.requests import problem
from tests.builders.secrets import MARK


async def test_a_file_is_taken_at_once_and_imported_by_the_job(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await handed_in(morocco, a_file(3))
    assert (made["status"], made["rows"], made["bytes"]) == ("waiting", 0, len(a_file(3)))
    [job] = [one for one in scheduled_jobs(Settings(), read_rows) if one.name == "import"]
    told = await job.work(db, NOW - timedelta(minutes=1))
    assert told == {"imports": 1, "recorded": 3, "skipped": 0, "refused": 0, "broken_off": 0}
    done = await read(morocco, made)
    assert (done["status"], done["rows"], done["recorded"]) == ("done", 3, 3)
    assert [one["id"] for one in (await morocco.get(PATH)).json()["items"]] == [made["id"]]
    listed = (await morocco.get("/api/v1/requests")).json()["items"]
    assert [one["subject"] for one in listed] == [MARK] * 3
    assert await job.work(db, NOW) == {**told, "imports": 0, "recorded": 0}


async def test_what_was_handed_in_lies_sealed_and_is_erased_when_it_is_over(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    content = a_file(2, subject=f"{MARK} {'x' * 400}") * 400
    made = await handed_in(morocco, content)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        rows = await tx.fetch("select number, sealed from import_chunk order by number")
        assert len(rows) == -(-len(content) // CHUNK_BYTES) > 1
        assert not any(MARK.encode() in row["sealed"] for row in rows)
    await work_off(db, NOW, read_rows)
    assert (await read(morocco, made))["skipped"] == 798
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from import_chunk") == 0
        row = await tx.fetchrow("select wrapped, digest from bulk_import")
        # By the digest of a short file whoever guesses what it said would know that he is right.
        assert row is not None
        assert tuple(row) == (None, None)


async def test_refused_rows_are_a_file_with_row_column_and_reason(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    header = "kind,requesting_country,requested_country,sent_on\n"
    content = header + "evidence,MA,ES,2026-01-05\nevidence,MA,Moon,03/04/2026\n=cmd,MA,ES,\n"
    answer = await morocco.post(PATH, params={"kind": "requests"}, content=content, headers=CSV)
    await work_off(db, NOW, read_rows)
    refused = await morocco.get(f"{PATH}/{answer.json()['id']}/refused")
    assert refused.headers["Content-Type"].startswith("text/csv")
    first, *rows = csv.reader(io.StringIO(refused.text))
    assert first == ["row", "column", "what", "reason"]
    assert [row[:3] for row in rows if row[2] == "refused"] == [
        ["3", "requested_country", "refused"],
        ["3", "sent_on", "refused"],
        ["4", "kind", "refused"],
    ]
    assert "=cmd" not in refused.text


async def test_a_file_that_is_none_ends_as_failed_with_the_reason(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await morocco.post(PATH, params={"kind": "requests"}, content="kind,colour\n", headers=CSV)
    await work_off(db, NOW, read_rows)
    done = await read(morocco, made.json())
    assert done["status"] == "failed"
    assert "colour" in done["error"]


async def test_a_file_of_another_kind_ends_at_once_with_a_reason_that_quotes_nothing_of_it(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await morocco.post(
        PATH, params={"kind": "requests"}, content=f"MA;ES;{MARK};2019;x;y;z\n", headers=CSV
    )
    await handed_in(morocco, a_file(1))
    assert (await work_off(db, NOW, read_rows))["recorded"] == 1
    done = await read(morocco, made.json())
    assert done["status"] == "failed"
    assert "column 3: There is no column of this name." in done["error"]
    assert MARK not in done["error"]


async def test_half_a_character_in_one_row_keeps_no_other_row_from_being_recorded(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    made = await handed_in(morocco, a_file(1, subject="\ud800") + a_file(2).replace("H-", "G-"))
    await work_off(db, NOW, read_rows)
    done = await read(morocco, made)
    assert (done["status"], done["recorded"], done["refused"]) == ("done", 2, 1)


@pytest.mark.parametrize(
    ("query", "headers", "content", "status", "slug"),
    [
        ({"kind": "requests"}, {"Content-Type": "application/json"}, "{}", 415, "unsupported-media-type"),
        ({"kind": "requests"}, {}, "x", 415, "unsupported-media-type"),
        ({"kind": "requests"}, {**CSV, "Content-Encoding": "gzip"}, "x", 415, "unsupported-media-type"),
        ({"kind": "letters"}, CSV, "x", 400, "invalid-query"),
        ({"kind": "requests", "encoding": "ebcdic"}, CSV, "x", 400, "invalid-query"),
        ({"kind": "requests"}, CSV, "", 400, "invalid-entry"),
        ({"kind": "directory"}, CSV, "x", 403, "not-allowed"),
        ({"kind": "requests"}, CSV, "x" * 5000, 413, "body-too-large"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_leaves_nothing(
    db: Database,
    present: Present,
    morocco: httpx.AsyncClient,
    query: dict[str, str],
    headers: dict[str, str],
    content: str,
    status: int,
    slug: str,
) -> None:
    app: ASGIApp = create_app(db, SETTINGS.model_copy(update={"import_bytes": 4096}), now=present)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
    async with httpx.AsyncClient(
        transport=transport, base_url=str(morocco.base_url), headers=morocco.headers
    ) as small:
        problem(await small.post(PATH, params=query, content=content, headers=headers), status, slug)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from import_chunk") == 0
        assert await tx.fetchval("select count(*) from bulk_import where status <> 'failed'") == 0
        assert await tx.fetchval("select count(*) from bulk_import where wrapped is not null") == 0


@pytest.mark.parametrize("pause", [0.05, 1.0])
async def test_a_file_that_comes_byte_by_byte_or_not_at_all_is_given_up(
    db: Database, morocco: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(imports, "PIECE_SECONDS", 0.3)

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x"
            await asyncio.sleep(pause)

    answer = await morocco.post(PATH, params={"kind": "requests"}, content=dripping(), headers=CSV)
    problem(answer, 408, "request-timeout")
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from bulk_import where status <> 'failed'") == 0


@pytest.mark.parametrize(("path", "media"), [(PATH, b"text/csv"), ("/api/v1/requests", b"application/json")])
async def test_who_goes_away_in_the_middle_is_no_fault_of_ours(
    db: Database, app: ASGIApp, morocco: httpx.AsyncClient, path: str, media: bytes
) -> None:
    events = [{"type": "http.request", "body": b"kind", "more_body": True}, {"type": "http.disconnect"}]
    told: list[Any] = []

    async def receive() -> Any:
        return events.pop(0) if len(events) > 1 else events[0]

    async def send(message: Any) -> None:
        told.append(message)

    headers = [
        (b"host", b"tests"), (b"content-type", media), (b"authorization", morocco.headers["Authorization"].encode())
    ]  # fmt: skip
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("tests", 80), "query_string": b"kind=requests" if path == PATH else b"",
    }  # fmt: skip
    await app(scope, receive, send)
    assert told[0]["status"] == 408
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from bulk_import where status <> 'failed'") == 0


async def test_a_repeated_call_under_one_key_hands_in_once(db: Database, morocco: httpx.AsyncClient) -> None:
    headers = {**NDJSON, "Idempotency-Key": "k-1"}
    query = {"kind": "requests"}
    first = await morocco.post(PATH, params=query, content=a_file(1), headers=headers)
    second = await morocco.post(PATH, params=query, content=a_file(1), headers=headers)
    assert (second.json()["id"], second.headers["Idempotency-Replayed"]) == (first.json()["id"], "true")
    problem(
        await morocco.post(PATH, params=query, content=a_file(2), headers=headers),
        422,
        "idempotency-key-reused",
    )
    other = {"kind": "requests", "dry_run": "true"}
    problem(
        await morocco.post(PATH, params=other, content=a_file(1), headers=headers),
        422,
        "idempotency-key-reused",
    )
    assert (await work_off(db, NOW, read_rows))["imports"] == 1


async def test_an_import_is_for_its_country_alone(
    db: Database, morocco: httpx.AsyncClient, spain: httpx.AsyncClient, client_of: ClientOf
) -> None:
    made = await handed_in(morocco, a_file(1))
    await work_off(db, NOW, read_rows)
    for path in (f"{PATH}/{made['id']}", f"{PATH}/{made['id']}/refused"):
        problem(await spain.get(path), 404, "not-found")
        problem(await (await client_of("MA", role=Role.MINISTRY)).get(path), 403, "not-allowed")
    assert (await spain.get(PATH)).json()["items"] == []
    assert (await (await client_of("MA")).get(f"{PATH}/{made['id']}")).status_code == 200


async def test_what_was_told_of_rows_is_for_who_handed_them_in(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    """A reason names days, and the row may be of a case that others do not see."""
    acts = [{"type": "sent", "occurred_on": "2026-01-05"}, {"type": "received", "occurred_on": "2026-01-04"}]
    made = await handed_in(morocco, a_file(1, handling="confidential", events=acts))
    await work_off(db, NOW, read_rows)
    path = f"{PATH}/{made['id']}/refused"
    assert "2026-01-04" in (await morocco.get(path)).text
    for role in (Role.OFFICER, Role.HEAD, Role.INTEGRATION, Role.ADMIN):
        problem(await (await client_of("MA", role=role)).get(path), 403, "not-allowed")
    colleague = await account(db, "MA", role=Role.HEAD)
    async with db.transaction(DbRole.API, viewer=colleague, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from bulk_import") == 1
        assert await tx.fetchval("select count(*) from import_remark") == 0


async def test_comparing_with_a_confidential_record_is_a_reading_of_it(
    db: Database, morocco: httpx.AsyncClient, client_of: ClientOf
) -> None:
    await handed_in(morocco, a_file(1, handling="confidential"))
    await work_off(db, NOW, read_rows)
    auditor = await client_of("MA", role=Role.AUDITOR)
    for number, how in enumerate(({"dry_run": "true"}, {}, {"all_or_nothing": "true"}), start=1):
        made = await handed_in(morocco, a_file(1, handling="confidential", subject="a guess"), **how)
        await work_off(db, NOW, read_rows)
        assert (await read(morocco, made))["refused"] == 1
        entries = (await auditor.get("/api/v1/audit", params={"limit": 200})).json()["items"]
        assert [one["what"] for one in entries].count("request.read") == number
    assert (await verify(db)).findings == ()


async def test_all_or_nothing_records_nothing_of_a_file_with_one_bad_row(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    bad = a_file(1, requested_country="MA").replace("H-0", "H-x")
    made = await handed_in(morocco, a_file(BATCH) + bad + a_file(1), all_or_nothing="true")
    await work_off(db, NOW, read_rows)
    done = await read(morocco, made)
    assert (done["status"], done["rows"], done["recorded"], done["refused"]) == ("failed", BATCH + 2, 0, 1)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        assert await tx.fetchval("select count(*) from request") == 0
    await handed_in(morocco, a_file(2), all_or_nothing="true")
    assert (await work_off(db, NOW, read_rows))["recorded"] == 2


async def test_an_export_is_a_file_in_the_form_that_is_asked_for(
    db: Database, morocco: httpx.AsyncClient
) -> None:
    await handed_in(morocco, a_file(2))
    await work_off(db, NOW - timedelta(minutes=1), read_rows)
    table = await morocco.get("/api/v1/exports/requests")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert table.headers["Content-Disposition"] == 'attachment; filename="requests.csv"'
    [header, *rows] = csv.reader(io.StringIO(table.text))
    assert [dict(zip(header, row, strict=True))["sent_on"] for row in rows] == ["2026-01-05"] * 2
    lines = await morocco.get("/api/v1/exports/requests", headers={"Accept": "application/x-ndjson"})
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line)["subject"] for line in lines.text.splitlines()] == [MARK] * 2
    again = await handed_in(morocco, lines.content)
    await work_off(db, NOW, read_rows)
    assert (await read(morocco, again))["skipped"] == 2
    problem(
        await morocco.get("/api/v1/exports/requests", headers={"Accept": "image/png"}), 406, "not-acceptable"
    )


async def test_the_directory_is_kept_by_a_country_and_read_by_all(client_of: ClientOf, db: Database) -> None:
    head, other = await client_of("MA", role=Role.HEAD), await client_of("ES", role=Role.AUDITOR)
    entry = {
        "country": "MA",
        "authority": "Central Authority",
        "functions": ["extradition"],
        "valid_to": "2026-06-01",
    }
    made = await head.post("/api/v1/directory", json={**entry, "external_reference": "D-9"})
    assert made.status_code == 201, made.text
    problem(
        await head.post("/api/v1/directory", json={**entry, "external_reference": "D-9"}),
        409,
        "already-recorded",
    )
    problem(await head.post("/api/v1/directory", json={**entry, "country": "ES"}), 403, "not-allowed")
    problem(
        await head.post("/api/v1/directory", json={**entry, "instruments": ["none"]}), 400, "invalid-entry"
    )
    problem(await other.post("/api/v1/directory", json=entry), 403, "not-allowed")
    for query, number in (
        ({}, 1), ({"country": "ES"}, 0), ({"kind": "extradition"}, 1), ({"kind": "evidence"}, 0),
        ({"on": "2026-05-31"}, 1), ({"on": "2026-06-01"}, 0),
    ):  # fmt: skip
        items = (await other.get("/api/v1/directory", params=query)).json()["items"]
        assert len(items) == number, query
    [seen] = (await other.get("/api/v1/directory")).json()["items"]
    assert seen["external_reference"] is None
    taken = await head.post(
        PATH, params={"kind": "directory"}, content=sample_file("directory", "csv"), headers=CSV
    )
    await work_off(db, NOW, read_rows)
    assert (await read(head, taken.json()))["recorded"] == 1
