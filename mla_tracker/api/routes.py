"""What a route says of itself: read by the guard, the readers of body and query, and the contract."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, get_type_hints

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from pydantic import BaseModel

from mla_tracker.api import bodies, problems
from mla_tracker.api.problems import Kind, Problem
from mla_tracker.domain.errors import DomainError
from mla_tracker.domain.permissions import Deed

DEPENDENCIES: Final = frozenset(
    {"entry", "filters", "actor", "database", "now", "settings", "credential", "idempotency", "if_match"}
)
"""What a handler may ask for by the name of an argument, besides what Litestar itself gives."""

MAX_BODY: Final = 256 * 1024
BODY_SECONDS: Final = 30
_READING: Final = "mla_tracker.reading_body"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API."""

    summary: str
    tag: str
    status: int
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    problems: tuple[Kind, ...]
    may: Deed | None
    public: bool
    idempotent: bool
    if_match: bool
    etag: bool
    location: bool
    media: tuple[str, ...]
    also: Mapping[int, str]
    examples: Mapping[str, Any]
    description: str
    max_body: int
    hidden: bool
    limited: bool
    takes: tuple[str, ...]


def documented(
    summary: str,
    *,
    tag: str,
    answer: type[BaseModel] | None,
    status: int = 200,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    problems: Sequence[type[DomainError] | Kind] = (),
    may: Deed | None = None,
    public: bool = False,
    idempotent: bool = False,
    if_match: bool = False,
    etag: bool = False,
    location: bool = False,
    media: Sequence[str] = ("application/json",),
    also: Mapping[int, str] | None = None,
    examples: Mapping[str, Any] | None = None,
    description: str = "",
    max_body: int = MAX_BODY,
    hidden: bool = False,
    limited: bool = True,
    takes: Sequence[str] = (),
) -> dict[str, Any]:
    """The arguments of a Litestar decorator that make a route ours; see `api/openapi.py` for how to add one.

    `body` and `query` become the handler's arguments `entry` and `filters`. `may` names the deed of
    domain/permissions.py that the caller must be allowed. `problems` names those that it
    raises itself; what follows from body, query, token, If-Match and Idempotency-Key is added. `also`
    documents other statuses with the same body. `examples` are bodies by name. `max_body` is in bytes. A `hidden` route
    is no part of the published contract. What is not `limited` may be called however often, by whatever host name.
    `takes`: the media types of a file that is the body; the handler reads it as it comes. Its `examples` go by them.
    """
    if (may is None) is not public:
        raise ValueError(
            f"{summary}: say what a caller must be allowed to do (`may`), or that anybody may (`public`)."
        )
    kinds = tuple(_kind(problem) for problem in problems)
    route = Route(
        summary, tag, status, body, query, answer, kinds, may, public, idempotent, if_match, etag,
        location, tuple(media), dict(also or {}), dict(examples or {}), description, max_body, hidden,
        limited, tuple(takes),
    )  # fmt: skip
    dependencies: dict[str, Provide] = {}
    if body is not None:
        dependencies["entry"] = _provide_entry(body)
    if query is not None:
        dependencies["filters"] = _provide_filters(query)
    return {
        "opt": {"route": route},
        "status_code": status,
        "dependencies": dependencies,
        "request_max_body_size": max_body,
    }


def marked(handler: HTTPRouteHandler) -> HTTPRouteHandler:
    """The handler, its arguments marked as dependencies or parts of the path, as Litestar 3 will demand."""
    if handler.opt.get("marked"):
        return handler
    handler.opt["marked"] = True
    function = handler.fn
    in_path = {name for path in handler.paths for name in re.findall(r"\{(\w+):", path)}
    for name, hint in get_type_hints(function, include_extras=True).items():
        marker: Any = NamedDependency if name in DEPENDENCIES else FromPath if name in in_path else None
        if marker is not None:
            function.__annotations__[name] = marker[hint]
    return handler


def _kind(problem: type[DomainError] | Kind) -> Kind:
    return problem if isinstance(problem, Kind) else problems.kind_of(problem)


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The raw body. Raises the 408 problem if it does not come in time, Litestar's 413 if it is too large.

    Entry and Idempotency-Key are read side by side, and what comes over the wire can be taken once: the second
    waits for the first and gets what it kept.
    """
    lock: asyncio.Lock = cast("dict[str, Any]", request.scope).setdefault(_READING, asyncio.Lock())
    try:
        async with asyncio.timeout(BODY_SECONDS), lock:
            return await request.body()
    except TimeoutError:
        raise Problem(
            problems.TIMED_OUT, f"The body did not arrive within {BODY_SECONDS} seconds. Send it again."
        ) from None
    except InternalServerException:
        raise broken_off() from None


def broken_off() -> Problem:
    """The framework calls it a fault of ours that the caller went away; only the log hears of it."""
    return Problem(problems.TIMED_OUT, "The body broke off before its end. Send it again.")


def _provide_entry(model: type[BaseModel]) -> Provide:
    async def entry(request: Request[Any, Any, Any]) -> BaseModel:
        headers = request.headers
        content_type, encoding = headers.get("Content-Type"), headers.get("Content-Encoding")
        bodies.require_json(content_type, encoding)
        return bodies.parse(model, await read_body(request), content_type, encoding)

    return Provide(entry)


def _provide_filters(model: type[BaseModel]) -> Provide:
    def filters(request: Request[Any, Any, Any]) -> BaseModel:
        return bodies.parse_query(model, request.scope["query_string"])

    return Provide(filters, sync_to_thread=False)
