"""Traces: a span for what takes time, on the trace of whoever calls, and nothing in them that anybody entered."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from mla_tracker import tracing
from mla_tracker.api.app import create_app
from mla_tracker.api.auth import settle
from mla_tracker.commands.accounts import create_account
from mla_tracker.commands.jobs import run_slot
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.tokens import create_token
from mla_tracker.domain.vocabulary import Role
from mla_tracker.outbound.checkpoints import NotPublished, post
from mla_tracker.outbound.fetching import fetch_json
from mla_tracker.scheduler.jobs import intervals
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.tracing_otlp import OtlpTracer, described
from tests.builders.api import ADDRESS, NOW, SETTINGS
from tests.builders.keys import the_keys

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = "Juan-Perez-4711"


@dataclass
class Receiver:
    """What takes traces, and what came; and a page of its own, that notes what it was asked with."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    asked_with: list[Mapping[str, str]] = field(default_factory=list)
    status: int = 200

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for body in self.bodies
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in of_resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                assert self.headers["Content-Type"] == "application/x-protobuf"
                found.bodies.append(body)
            self.answer(b"")

        def do_GET(self) -> None:
            self.answer(b"{}")

        def answer(self, content: bytes) -> None:
            if self.path != "/v1/traces":
                found.asked_with.append(dict(self.headers.items()))
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Not told."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@contextmanager
def traced(receiver: Receiver, share: float = 1.0) -> Iterator[None]:
    with tracing.exporting(OtlpTracer(f"{receiver.url}/v1/traces", share)):
        yield


@pytest.fixture
async def client(database_url: str, receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token of an installation that is traced until the client is closed."""
    with traced(receiver):
        async with await Database.open(database_url, pool_size=3, vault=the_keys()) as db:
            account = await create_account(db, name=SECRET, countries=["MA"], role=Role.OFFICER, now=NOW)
            token = (await create_token(db, account, now=NOW)).secret
            app = create_app(db, SETTINGS, now=lambda: NOW, job_intervals=intervals(SETTINGS))
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI typed by litestar and by httpx
            headers = {"Authorization": f"Bearer {token}", "traceparent": CALLER}
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as client:
                yield client
            await settle()


def entry(**more: Any) -> dict[str, Any]:
    return {
        "kind": "evidence", "requesting_country": "MA", "requested_country": "ES", "assistance": ["records"],
        "convention": "un1988", "external_reference": f"ref-{SECRET}", "subject": SECRET, **more,
    }  # fmt: skip


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def flushed(receiver: Receiver) -> list[Span]:
    tracer = tracing._tracer  # what only a test asks
    assert isinstance(tracer, OtlpTracer)
    await asyncio.sleep(0)  # statements are told in the next round of the loop
    await asyncio.to_thread(tracer._provider.force_flush, 5000)
    return receiver.spans


async def test_a_request_is_a_span_on_the_callers_trace_with_transactions_and_statements_below_it(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    made = await client.post("/api/v1/requests", json=entry())
    assert made.status_code == 201, made.text
    spans = await flushed(receiver)
    [served] = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    assert (served.name, served.trace_id.hex(), served.parent_span_id.hex()) == (
        "POST /api/v1/requests", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7",
    )  # fmt: skip
    assert attributes(served) == {
        "http.request.method": "POST", "http.response.status_code": 201, "http.route": "/api/v1/requests",
    }  # fmt: skip
    below = [span for span in spans if span.trace_id == served.trace_id and span is not served]
    transactions = {span.span_id for span in below if span.parent_span_id == served.span_id}
    assert len(transactions) >= 2  # who calls, and what is written
    assert {span.name for span in below if span.span_id in transactions} == {"transaction mla_api"}
    statements = [span for span in below if span.parent_span_id in transactions]
    names = {span.name for span in statements}
    assert {"BEGIN", "COMMIT", "SELECT limit_version"} <= names
    assert any("request" in name for name in names)
    for span in statements:
        assert set(attributes(span)) <= {"db.system.name", "db.operation.name", "db.collection.name"}
        assert served.start_time_unix_nano - 10**9 < span.start_time_unix_nano <= span.end_time_unix_nano


async def test_nothing_that_anybody_entered_and_no_country_id_or_token_is_in_what_is_sent(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    client.headers.update({"tracestate": f"x={SECRET}", "baggage": f"name={SECRET}", "User-Agent": SECRET})
    client.headers["X-Request-Id"] = f"id.{SECRET}"
    made = (await client.post("/api/v1/requests", json=entry())).json()["id"]
    person = {"part": "suspect", "names": [{"kind": "current", "as_written": SECRET}]}
    answers = [
        await client.post(f"/api/v1/requests/{made}/persons", json=person),
        await client.get(f"/api/v1/requests/{made}?q={SECRET}"),
        await client.get("/api/v1/requests", params={"country": "ES", "q": SECRET}),
        await client.get(f"/api/v1/{SECRET}/{SECRET}"),
        await client.post("/api/v1/requests", json=entry()),  # its reference is taken
        await client.post("/api/v1/requests", json=entry(kind=SECRET)),
        await client.request(SECRET, "/api/v1/me"),
        await client.get("/api/v1/me", headers={"Authorization": f"Bearer mla_{SECRET}"}),
        await client.get("/api/v1/reports/ageing"),
    ]
    assert [answer.status_code for answer in answers] == [201, 400, 400, 404, 409, 400, 405, 401, 200]
    await flushed(receiver)
    sent = b"".join(receiver.bodies)
    assert len(receiver.spans) > 40
    token = client.headers["Authorization"].removeprefix("Bearer ")
    for secret in (
        SECRET,
        "4711",
        made,
        token,
        "query",
        "127.0.0.1",
        "tests",
        '"MA"',
        "'MA'",
        "mla.countries",
    ):
        assert secret.encode() not in sent, secret
    told = {str(value) for span in receiver.spans for value in attributes(span).values()}
    assert not told & {"MA", "ES"}
    assert {span.trace_state for span in receiver.spans} == {""}
    assert not any(span.events for span in receiver.spans)
    assert not any(span.status.message for span in receiver.spans)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "junk",
        CALLER.upper(),
        CALLER[:-3],
        "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
        f"{CALLER}x",
        "é" * 40,
    ],
)
async def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(
    client: httpx.AsyncClient, receiver: Receiver, header: str
) -> None:
    await client.get("/health/live", headers=[(b"traceparent", header.encode())])
    [served] = [span for span in await flushed(receiver) if span.kind == Span.SPAN_KIND_SERVER]
    assert served.parent_span_id == b""
    assert served.trace_id.hex() not in (CALLER.split("-")[1], "0" * 32)


async def test_a_job_is_a_span_and_one_that_fails_says_so_without_its_words(
    database_url: str, receiver: Receiver
) -> None:
    async def fails(db: Database, now: object) -> Mapping[str, Any]:
        async with db.transaction(DbRole.JOBS) as tx:
            await tx.execute(f"select '{SECRET}'::uuid")
        return {}

    async def sweeps(db: Database, now: Any) -> Mapping[str, Any]:
        await flag_due(db, now)
        return {}

    with traced(receiver):
        async with await Database.open(database_url, pool_size=3, vault=the_keys()) as db:
            await run_slot(db, "sweep", timedelta(minutes=1), sweeps, node="a", now=NOW)
            await run_slot(db, "broken", timedelta(minutes=1), fails, node="a", now=NOW)
            spans = await flushed(receiver)
    jobs = {span.name: span for span in spans if span.name.startswith("job ")}
    assert {name: attributes(span)["mla.outcome"] for name, span in jobs.items()} == {
        "job sweep": "done", "job broken": "failed",
    }  # fmt: skip
    assert jobs["job broken"].status.code == 2
    failed = [
        span for span in spans if attributes(span).get("error.type") == "InvalidTextRepresentationError"
    ]
    assert {span.trace_id for span in failed} == {jobs["job broken"].trace_id}
    assert SECRET.encode() not in b"".join(receiver.bodies)


async def test_calls_to_the_outside_carry_the_trace_and_are_spans_without_the_address(
    receiver: Receiver,
) -> None:
    with traced(receiver), tracing.span("job seal"):
        await post(f"{receiver.url}/take?key={SECRET}", "a note")
        await fetch_json(f"{receiver.url}/keys")
        receiver.status = 500
        with pytest.raises(NotPublished):
            await post(f"{receiver.url}/take", "a note")
        receiver.status = 200
    calls = [span for span in receiver.spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert [span.name for span in calls] == [
        "publish a checkpoint",
        "fetch a document",
        "publish a checkpoint",
    ]
    parents = [
        next(v for k, v in asked.items() if k.lower() == "traceparent") for asked in receiver.asked_with
    ]
    assert parents == [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in calls]
    assert receiver.url.encode() not in b"".join(receiver.bodies)
    assert SECRET.encode() not in b"".join(receiver.bodies)


async def test_a_receiver_that_is_not_there_costs_nobody_anything_but_the_traces(database_url: str) -> None:
    with tracing.exporting(OtlpTracer("http://127.0.0.1:9/v1/traces", 1.0)):
        async with await Database.open(database_url, pool_size=1, vault=the_keys()) as db:
            for _ in range(20):
                async with db.transaction(DbRole.API) as tx:
                    assert await tx.fetchval("select 1") == 1


async def test_a_share_of_nothing_sends_nothing(database_url: str, receiver: Receiver) -> None:
    with traced(receiver, 0.0):
        async with await Database.open(database_url, pool_size=1, vault=the_keys()) as db:
            await db.ping()
    assert receiver.bodies == []


def test_the_log_names_trace_and_span(receiver: Receiver) -> None:
    assert tracing.in_log(None, "info", {"event": "x"}) == {"event": "x"}
    with traced(receiver), tracing.span("job sweep"):
        event = tracing.in_log(None, "info", {"event": "x"})
        with tracing.calling("fetch a document") as headers:
            inner = tracing.in_log(None, "info", {"event": "x"})
    assert headers["traceparent"] == f"00-{inner['trace_id']}-{inner['span_id']}-01"
    assert event["trace_id"] == inner["trace_id"]
    assert event["span_id"] != inner["span_id"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('mla.countries', 'MA', true)",
            ("BEGIN", None),
        ),
        ("\n  select r.id from request r where x = $1", ("SELECT", "request")),
        ("with found as (select 1) insert into request_event (id) values ($1)", ("WITH", "request_event")),
        ("-- why\nupdate clock set state = $1", ("UPDATE", "clock")),
        (f"select '{SECRET}' from {SECRET}", ("SELECT", None)),
        (f"{SECRET} into request", ("STATEMENT", "request")),
        ("", ("STATEMENT", None)),
    ],
)
def test_of_a_statement_a_verb_and_a_table_of_ours_are_told(
    statement: str, told: tuple[str, str | None]
) -> None:
    assert described(statement) == told


OFF = """
import asyncio, sys
from mla_tracker.cli import app
from mla_tracker.cli.serving import traced
from mla_tracker.settings import Settings
from mla_tracker.api.app import create_app
from mla_tracker.scheduler import running
with traced(Settings()):
    pass
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_without_an_address_nothing_of_opentelemetry_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
