"""The answers of the published contract: statuses, headers, every problem that a route can answer with, examples."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from mla_tracker.api import problems
from mla_tracker.api.edge import SECURITY
from mla_tracker.api.openapi_schemas import Names, reference
from mla_tracker.api.problems import Kind
from mla_tracker.api.routes import Route
from mla_tracker.api.tabular import CSV
from mla_tracker.domain import errors
from mla_tracker.domain.permissions import PERMISSIONS
from mla_tracker.domain.vocabulary import Role

JSON: Final = "application/json"
NOT_MODIFIED: Final = 304
EXAMPLES: Final = Path(__file__).with_name("examples")
"""One answer of each operation that was really given, in a file of the operation's name; written by `make contract`."""

HEADERS: Final[Mapping[str, str]] = {
    "X-Request-ID": "The id of this request in our log: the one that you sent in a header of this name, if it was 8 to "
    "64 letters, digits, `.`, `_` or `-`; else a fresh one.",
    "ETag": "The version of the record, for `If-Match`.",
    "Location": "Where the record is.",
    "Idempotency-Replayed": "`true` if an earlier call under the same key did the work.",
    "WWW-Authenticate": "How to authenticate, or which scope the token lacks.",
    "Retry-After": "Seconds to wait.",
    "Accept": "What the body must be.",
    "Accept-Encoding": "How the body must be encoded: as it is.",
    "Content-Disposition": "The name of the file, where the answer is one.",
    "Vary": "`Accept`, where the answer comes in several forms.",
}
"""Every header that answers carry, but for those that all of them carry alike."""

_SEVERAL: Final = "optional"


def headers_of_every_answer() -> dict[str, str]:
    """What stands on every answer alike, for browsers and caches, unless a page for people says otherwise."""
    return {name.decode().title(): value.decode() for name, value in SECURITY}


def components() -> dict[str, Any]:
    """The headers and the examples of problems that answers refer to."""
    headers: dict[str, Any] = {}
    for name, text in HEADERS.items():
        for required in (True, False):
            headers[_header_name(name, required=required)] = {
                "description": text,
                "required": required,
                "schema": {"type": "string"},
            }
    examples = {
        kind.slug: {"summary": kind.title, "value": _example_of(kind)} for kind in problems.all_kinds()
    }
    return {"headers": headers, "examples": examples}


def _header_name(name: str, *, required: bool) -> str:
    return name if required else f"{name}-{_SEVERAL}"


def _header(name: str, *, required: bool = True) -> dict[str, Any]:
    return {"$ref": f"#/components/headers/{_header_name(name, required=required)}"}


def _example_of(kind: Kind) -> dict[str, Any]:
    said = problems.Problem(kind, kind.meaning, errors=_FAULTS.get(kind.slug, ()))
    example: dict[str, Any] = json.loads(said.body())
    return example


_FAULTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    problems.INVALID_ENTRY.slug: (("/requested_country", "Required."),),
    problems.INVALID_QUERY.slug: (("/limit", "Input should be less than or equal to 200"),),
    problems.INVALID_HEADER.slug: (
        ("/Idempotency-Key", "Give 1 to 200 visible ASCII characters, e.g. a UUID."),
    ),
}


def responses_of(operation_id: str, path: str, route: Route, names: Names) -> dict[str, Any]:
    """Every answer of an operation by its status."""
    responses = _successes(operation_id, route, names)
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds_of(path, route):
        if kind not in by_status.setdefault(kind.status, []):
            by_status[kind.status].append(kind)
    for status, kinds in sorted(by_status.items()):
        examples = {kind.slug: {"$ref": f"#/components/examples/{kind.slug}"} for kind in kinds}
        content = {problems.MEDIA_TYPE: {"schema": reference("Problem"), "examples": examples}}
        headers = {"X-Request-ID": _header("X-Request-ID")}
        earlier = responses.get(str(status))
        if earlier is not None:
            content = {**earlier["content"], **content}
        headers |= _problem_headers(status, kinds, always=earlier is None)
        responses[str(status)] = {
            "description": " ".join(f"{kind.title} (`{kind.type}`)." for kind in kinds),
            "headers": headers,
            "content": content,
            "x-problems": [kind.type for kind in kinds],
        }
    return responses


def _successes(operation_id: str, route: Route, names: Names) -> dict[str, Any]:
    headers = {"X-Request-ID": _header("X-Request-ID")}
    success = dict(headers)
    if route.etag:
        success["ETag"] = _header("ETag")
    if route.location:
        success["Location"] = _header("Location")
    if route.idempotent:
        success["Idempotency-Replayed"] = _header("Idempotency-Replayed", required=False)
    if CSV in route.media:
        success["Content-Disposition"] = _header("Content-Disposition", required=False)
        success["Vary"] = _header("Vary", required=False)
    schema = reference(names[route.answer, "answer"]) if route.answer is not None else {"type": "object"}
    shown = recorded(operation_id)
    responses = {}
    for status, text in {route.status: "As asked.", **route.also}.items():
        example = {"examples": {"as it was answered once": {"value": shown}}} if shown is not None else {}
        as_json = {"schema": schema, **(example if status == route.status else {})}
        content = {media: as_json if media == JSON else _other_content(media) for media in route.media}
        responses[str(status)] = {
            "description": text,
            "headers": success if status in (route.status, NOT_MODIFIED) else headers,
            "content": {} if status == NOT_MODIFIED else content,
        }
    return responses


def _other_content(media: str) -> dict[str, Any]:
    return {"schema": {"type": "string", **({} if media.startswith("text/") else {"format": "binary"})}}


@cache
def recorded(operation_id: str) -> Any:
    """An answer that the operation gave once; None where none was recorded."""
    file = EXAMPLES / f"{operation_id}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _problem_headers(status: int, kinds: Iterable[Kind], *, always: bool) -> dict[str, Any]:
    """The headers that go with problems; `always` unless the status has other answers too."""
    if status == 401:
        return {"WWW-Authenticate": _header("WWW-Authenticate", required=always)}
    if status in (429, 503):
        return {"Retry-After": _header("Retry-After", required=always)}
    if status == 415:
        return {name: _header(name, required=False) for name in ("Accept", "Accept-Encoding")}
    if problems.INSUFFICIENT_SCOPE in kinds:
        return {"WWW-Authenticate": _header("WWW-Authenticate", required=False)}
    return {}


def kinds_of(path: str, route: Route) -> Iterable[Kind]:
    """Every kind of problem that the route can answer with: its own, and what follows from what it takes."""
    yield from route.problems
    if not route.public:
        yield problems.UNAUTHENTICATED
    if route.may is not None:
        if len(PERMISSIONS[route.may].roles) < len(Role):
            yield problems.PROBLEMS[errors.NotAllowed]
        if PERMISSIONS[route.may].scope is not None:
            yield problems.INSUFFICIENT_SCOPE
    if route.body is not None or route.takes:
        yield from (
            problems.INVALID_ENTRY,
            problems.TIMED_OUT,
            problems.TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
        )
    yield problems.INVALID_QUERY
    if route.idempotent:
        yield from (problems.INVALID_HEADER, problems.PROBLEMS[errors.IdempotencyKeyReused])
    if route.if_match:
        yield from (
            problems.INVALID_HEADER,
            problems.PROBLEMS[errors.VersionStale],
            problems.PRECONDITION_REQUIRED,
        )
    if "{" in path:
        yield problems.NOT_FOUND
    yield from (problems.URL_TOO_LONG, problems.HEADERS_TOO_LARGE, problems.TOO_BUSY)
    if route.limited:
        yield from (problems.UNKNOWN_HOST, problems.TOO_MANY_CALLS)
    yield problems.INTERNAL_ERROR
    if not route.public:
        yield from (problems.UNAVAILABLE, problems.IDENTITY_UNAVAILABLE)
