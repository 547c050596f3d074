"""Traces made by OpenTelemetry's SDK and sent as protobuf over HTTP. Imported only where they are wanted."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

import mla_tracker
from mla_tracker.storage.tables import TABLES
from mla_tracker.tracing import Headers

if TYPE_CHECKING:
    import asyncpg

SEND_EVERY_MILLISECONDS: Final = 2_000
SEND_SECONDS: Final = 5
MOST_WAITING: Final = 4_096
"""Spans that wait to be sent; what comes while that many wait is dropped, and nobody waits for it."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?\Z")
_VERB: Final = re.compile(r"\s*(?:--[^\n]*\n\s*)*([a-z]+)", re.IGNORECASE)
_NAMED: Final = re.compile(r"\b(?:from|into|update|table)\s+([a-z_0-9]+)", re.IGNORECASE)
_VERBS: Final = frozenset(
    {
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "WITH",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "SET",
    }
)
_TABLES: Final = frozenset(table._meta.tablename for table in TABLES)


class OtlpSpan:
    """A span under our own short list of attributes."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def answered(self, method: str, route: str | None, status: int) -> None:
        """See tracing.Span."""
        method = method if method in METHODS else "_OTHER"
        self._span.update_name(f"{method} {route}" if route else method)
        self._span.set_attribute("http.request.method", method)
        self._span.set_attribute("http.response.status_code", status)
        if route:
            self._span.set_attribute("http.route", route)
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))

    def ended(self, outcome: str) -> None:
        """See tracing.Span."""
        self._span.set_attribute("mla.outcome", outcome)
        if outcome == "failed":
            self._span.set_status(Status(StatusCode.ERROR))


class OtlpTracer:
    """Makes spans and sends them from a thread of its own. Which traces are sent is not the caller's to say."""

    def __init__(self, url: str, share: float) -> None:
        resource = Resource({"service.name": "mla-tracker", "service.version": mla_tracker.__version__})
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(share), resource=resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=url, timeout=SEND_SECONDS),
                max_queue_size=MOST_WAITING,
                schedule_delay_millis=SEND_EVERY_MILLISECONDS,
            )
        )
        self._tracer = self._provider.get_tracer("mla_tracker")

    def close(self) -> None:
        """Send what is left, for some seconds, and end."""
        self._provider.force_flush(SEND_SECONDS * 1000)
        self._provider.shutdown()

    @contextmanager
    def serving(self, headers: Headers) -> Iterator[OtlpSpan]:
        """See tracing.Tracer. Of what the caller sends `traceparent` alone is read: `tracestate` and `baggage` are free
        texts, and would be sent on."""
        with self._open("HTTP", SpanKind.SERVER, _caller(headers)) as span:
            yield OtlpSpan(span)

    @contextmanager
    def span(self, name: str) -> Iterator[OtlpSpan]:
        """See tracing.Tracer."""
        with self._open(name, SpanKind.INTERNAL, None) as span:
            yield OtlpSpan(span)

    @contextmanager
    def calling(self, name: str) -> Iterator[dict[str, str]]:
        """See tracing.Tracer."""
        with self._open(name, SpanKind.CLIENT, None) as span:
            of = span.get_span_context()
            ids = f"{trace.format_trace_id(of.trace_id)}-{trace.format_span_id(of.span_id)}"
            yield {"traceparent": f"00-{ids}-{of.trace_flags & TraceFlags.SAMPLED:02x}"}

    def watch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """See tracing.Tracer."""
        connection.add_query_logger(self._statement)

    def ids(self) -> tuple[str, str] | None:
        """See tracing.Tracer."""
        of = trace.get_current_span().get_span_context()
        if not of.is_valid:
            return None
        return trace.format_trace_id(of.trace_id), trace.format_span_id(of.span_id)

    @contextmanager
    def _open(self, name: str, kind: SpanKind, above: context.Context | None) -> Iterator[trace.Span]:
        span = self._tracer.start_span(name, context=above, kind=kind)
        # Neither an exception's message nor its traceback is recorded: they may quote what was entered.
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def _statement(self, done: Any) -> None:
        """A statement that has run, as asyncpg tells it: its time, what it does and to which table, nothing else."""
        if not trace.get_current_span().is_recording():
            return
        verb, table = described(done.query)
        end = time.time_ns()
        span = self._tracer.start_span(
            f"{verb} {table}" if table else verb,
            kind=SpanKind.CLIENT,
            start_time=end - int(done.elapsed * 1e9),
            attributes={"db.system.name": "postgresql", "db.operation.name": verb}
            | ({"db.collection.name": table} if table else {}),
        )
        if done.exception is not None:
            span.set_attribute("error.type", type(done.exception).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)


def described(statement: str) -> tuple[str, str | None]:
    """What a statement does, and the first table of ours that it names. Its text is not told: BEGIN holds countries."""
    match = _VERB.match(statement)
    verb = match[1].upper() if match else ""
    names = (name.lower() for name in _NAMED.findall(statement))
    return verb if verb in _VERBS else "STATEMENT", next((name for name in names if name in _TABLES), None)


def _caller(headers: Headers) -> context.Context | None:
    """The span of a caller that sent one sound `traceparent`."""
    given = [value for name, value in headers if name.lower() == b"traceparent"]
    match = _TRACEPARENT.match(given[0]) if len(given) == 1 else None
    if match is None:
        return context.Context()
    of = SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(1))
    return trace.set_span_in_context(trace.NonRecordingSpan(of), context.Context())
