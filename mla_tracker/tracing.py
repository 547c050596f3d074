"""Traces by OpenTelemetry where the operator wants them (MLA_TRACES_URL): this module is all that others know of them.

Off, nothing of OpenTelemetry is imported and a span is an object that does nothing. On, a span tells a name of our own,
how long it took, and whether it failed, by the kind of exception: never an id, an address, a country, a text of a
statement or a value. What a span may tell is the closed list of arguments here.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    import asyncpg

Headers = Iterable[tuple[bytes, bytes]]


class Span(Protocol):
    """Something that takes a while."""

    def answered(self, method: str, route: str | None, status: int) -> None:
        """A request of HTTP was answered; `route` is the template of its path."""

    def ended(self, outcome: str) -> None:
        """How it ended, as a word of ours; `failed` marks it as a fault."""


class Tracer(Protocol):
    """What makes spans."""

    def serving(self, headers: Headers) -> AbstractContextManager[Span]:
        """A request that is answered; it hangs on the caller's trace where the headers hold a sound `traceparent`."""

    def span(self, name: str) -> AbstractContextManager[Span]:
        """A part of what runs, or something of its own."""

    def calling(self, name: str) -> AbstractContextManager[dict[str, str]]:
        """A call to the outside; gives the headers that let the other side hang its trace on ours."""

    def watch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Make a span of each statement on a connection."""

    def ids(self) -> tuple[str, str] | None:
        """The ids of trace and span that this is part of, as the log names them."""

    def close(self) -> None:
        """Send what is left, for some seconds, and end."""


class _Off:
    """The span of one who traces nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def answered(self, method: str, route: str | None, status: int) -> None:
        return None

    def ended(self, outcome: str) -> None:
        return None


class _NoHeaders:
    def __enter__(self) -> dict[str, str]:
        return {}

    def __exit__(self, *_: object) -> None:
        return None


_OFF: Final = _Off()
_NO_HEADERS: Final = _NoHeaders()
_tracer: Tracer | None = None


@contextmanager
def exporting(tracer: Tracer) -> Iterator[None]:
    """Trace while the block runs; what is left is sent at its end."""
    global _tracer  # one per process, as logging is
    _tracer = tracer
    try:
        yield
    finally:
        _tracer = None
        tracer.close()


def serving(headers: Headers) -> AbstractContextManager[Span]:
    """See Tracer.serving."""
    return _OFF if _tracer is None else _tracer.serving(headers)


def span(name: str) -> AbstractContextManager[Span]:
    """See Tracer.span. The name is a word of ours: no value may be in it."""
    return _OFF if _tracer is None else _tracer.span(name)


def calling(name: str) -> AbstractContextManager[dict[str, str]]:
    """See Tracer.calling. The name says what for, and not where to: a host can name a country."""
    return _NO_HEADERS if _tracer is None else _tracer.calling(name)


def watch(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """See Tracer.watch."""
    if _tracer is not None:
        _tracer.watch(connection)


def in_log(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the ids of trace and span into an event of the log, so that one is found by the other."""
    ids = _tracer.ids() if _tracer is not None else None
    if ids is not None:
        event["trace_id"], event["span_id"] = ids
    return event
