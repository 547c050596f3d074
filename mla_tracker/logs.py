"""How the process logs: one event per line to standard error, for people or as JSON; never what somebody entered.

Three nets, one below the other. Exceptions are written without their messages where a message may quote values (a
database names the row at fault, pydantic the input). Fields named like secrets or free text are withheld. And
whatever looks like a token, a credential or a password in an address is masked in the finished line.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, Final

import asyncpg
import structlog

from mla_tracker import tracing
from mla_tracker.settings import Settings
from mla_tracker.storage.errors import CannotRun

QUIET = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "apscheduler",
    "asyncio",
    "httpx",
    "httpcore",
    "asyncpg",
    "joserfc",
    "opentelemetry",
    "requests",
    "urllib3",
    "prometheus_client",
    "aiosmtplib",
    "mail",
)

WITHHELD: Final = "(withheld)"
PRIVATE: Final = frozenset(
    {
        "authorization", "body", "content", "cookie", "database_url", "headers", "key", "narrative", "note", "notes",
        "password", "persons", "query", "query_string", "reason", "reasons", "secret", "subject", "text", "token",
    }
)  # fmt: skip
"""Fields of events that are withheld, whatever they hold."""

_PLAIN: Final = (
    CannotRun,
    OSError,
    TypeError,
    AttributeError,
    NameError,
    ImportError,
    ArithmeticError,
    RuntimeError,
)
"""Exceptions whose messages speak of the program or the machine and quote nothing that was entered."""

_MASKS: Final = (
    (re.compile(r"\bmla_[A-Za-z0-9_-]{20,}"), "mla_…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?"), "eyJ…"),
    (re.compile(r"(://[^\s:/@]*):[^\s/]*@"), r"\1:…@"),
    (re.compile(r"(?i)\b(password|passwd|pwd|client_secret)=[^\s&\"']+"), r"\1=…"),
)


def configure(settings: Settings) -> None:
    """Send our own events and those of the libraries through one formatter."""
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Any] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, stamp]
    if settings.traces_url is not None:
        shared.append(tracing.in_log)
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                without_private_fields,
                structlog.processors.ExceptionRenderer(_formatted),
                lambda logger, name, event: masked(renderer(logger, name, event)),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("asyncpg.pool").addFilter(in_one_line)
    sys.excepthook = _log_uncaught


def in_one_line(record: logging.LogRecord) -> bool:
    """A database that is away for a while is no fault of the program: the reason will do at each new try."""
    if record.exc_info and (error := record.exc_info[1]) is not None:
        record.msg, record.args, record.exc_info = f"{record.getMessage()}: {told(error)}", (), None
    return True


def masked(line: str) -> str:
    """The line without tokens, credentials and passwords in addresses."""
    for pattern, instead in _MASKS:
        line = pattern.sub(instead, line)
    return line


def without_private_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event without fields that are named like secrets or free text, and with exceptions as `told` tells them."""
    for name, value in event.items():
        if name in PRIVATE:
            event[name] = WITHHELD
        elif isinstance(value, BaseException):
            event[name] = told(value)
    return event


def told(error: BaseException) -> str:
    """An exception in one line, without what it may quote of what somebody entered."""
    kind = type(error).__name__
    if isinstance(error, asyncpg.PostgresError):
        # "invalid input for type date: ..." quotes the value; a DETAIL quotes keys, or the row with its texts.
        speaks = not (error.sqlstate or "22").startswith("22")
        message = str(error.args[0]).splitlines()[0] if speaks and error.args else WITHHELD
        where = [f"{name[:-5]} {value}" for name in _NAMED if (value := getattr(error, name, None))]
        return f"{kind} {error.sqlstate}: {', '.join([message, *where])}"
    if isinstance(error, _PLAIN):
        return f"{kind}: {error}"
    return f"{kind}: {WITHHELD}" if error.args else kind


_NAMED: Final = ("table_name", "column_name", "constraint_name")


def _formatted(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    return "\n".join(_chain(exc_info[1], set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    """The lines of a traceback, causes first; code is shown, values are not."""
    seen.add(id(error))
    cause = error.__cause__
    before = cause or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _chain(before, seen)
        yield (
            "\nThe above was the cause of this:\n" if cause else "\nWhile that was handled, this happened:\n"
        )
    yield "Traceback (most recent call last):"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    yield told(error)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(inner) not in seen:
            yield from _chain(inner, seen)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger(__name__).critical("ended by a fault of the program", exc_info=(kind, error, trace))
