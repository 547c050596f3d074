"""What can go wrong, as RFC 9457 problem details: one table from errors to answers, and their handler."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from mla_tracker.domain import errors
from mla_tracker.domain.explanation import plain

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: what stays the same whenever it occurs. `slug` is the last part of its type."""

    slug: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The stable address that names this kind, relative to the server."""
        return f"/problems/{self.slug}"


INVALID_ENTRY = Kind(
    "invalid-entry",
    400,
    "The entry is not valid",
    "One or more fields of the body are missing, unknown or wrong. `errors` names every one of them with a "
    "JSON pointer "
    "and says what to do. Nothing was recorded.",
)
INVALID_QUERY = Kind(
    "invalid-query",
    400,
    "A query parameter is not valid",
    "One or more query parameters are unknown, repeated or wrong. `errors` names every one of them.",
)
INVALID_HEADER = Kind(
    "invalid-header",
    400,
    "A request header is not valid",
    "A header such as Idempotency-Key or If-Match does not have the form that is documented for it.",
)
BAD_REQUEST = Kind("bad-request", 400, "The request is not valid", "It could not be read as HTTP demands.")
UNAUTHENTICATED = Kind(
    "unauthenticated",
    401,
    "A valid token is needed",
    "The request carries no bearer token, or one that is unknown, expired or revoked. The answer does not tell which. "
    "Send `Authorization: Bearer …` with a token made by `mla-tracker token create`.",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "The method does not apply here",
    "The path exists, but not for this method. The `Allow` header lists the methods that do.",
)
TIMED_OUT = Kind(
    "request-timeout",
    408,
    "The body did not arrive in time",
    "The body of the request came too slowly. Send it again.",
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable",
    406,
    "No such form of the answer",
    "The answer does not exist in any media type named in `Accept`.",
)
TOO_LARGE = Kind(
    "body-too-large",
    413,
    "The body is too large",
    "The body exceeds what this route takes. Split it into several calls.",
)
URL_TOO_LONG = Kind(
    "url-too-long",
    414,
    "The address is too long",
    "Path and query exceed what is read. Filter by fewer values at once.",
)
UNKNOWN_HOST = Kind(
    "unknown-host",
    421,
    "Not a host of this installation",
    "The `Host` header names none of the hosts that this installation answers for. Call it by one of them, or have "
    "the operator add the name to the setting `MLA_ALLOWED_HOSTS`.",
)
TOO_MANY_CALLS = Kind(
    "too-many-calls",
    429,
    "Too many calls",
    "The account has made its calls of this minute, or its address has failed to authenticate, or called without a "
    "token, too often. Repeat the call after the seconds in `Retry-After`. The limits are the operator's: "
    "`MLA_CALLS_PER_MINUTE`, `MLA_FAILURES_PER_MINUTE`.",
)
HEADERS_TOO_LARGE = Kind(
    "headers-too-large",
    431,
    "The headers are too large",
    "The headers are more, or longer, than what is read.",
)
TOO_BUSY = Kind(
    "too-busy",
    503,
    "Too many connections",
    "The server has as many connections open as it takes (`MLA_MAX_CONNECTIONS`). Connect again after `Retry-After`.",
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    415,
    "The body is not JSON",
    "Bodies are read only as `Content-Type: application/json` in UTF-8, without a content encoding.",
)
PRECONDITION_REQUIRED = Kind(
    "precondition-required",
    428,
    "If-Match is missing",
    "A change needs `If-Match` with the ETag of the version that it is based on, so that nobody's work is "
    "overwritten unseen.",
)
INTERNAL_ERROR = Kind(
    "internal-error",
    500,
    "Something went wrong on our side",
    "The fault is ours and was logged under the request id of the answer. Nothing was recorded.",
)
UNAVAILABLE = Kind(
    "unavailable",
    503,
    "Not available for the moment",
    "The database did not answer in time or is full, or a clock is wrong. Repeat the call after the seconds in "
    "`Retry-After`; a write under the same `Idempotency-Key`, since it may have been recorded all the same.",
)

IDENTITY_UNAVAILABLE = Kind(
    "identity-provider-unavailable",
    503,
    "The identity provider does not answer",
    "The token is one of the identity provider of this installation, whose keys cannot be fetched for the moment. "
    "Repeat the call after the seconds in `Retry-After`. Tokens made here (`mla_…`) work meanwhile.",
)

PROBLEMS: Final[Mapping[type[errors.DomainError], Kind]] = {
    errors.InvalidEntry: INVALID_ENTRY,
    errors.DatedInFuture: Kind(
        "dated-in-future",
        400,
        "The act lies in the future",
        "An act is dated after the present where it took place. What has not happened yet cannot be "
        "recorded.",
    ),
    errors.ActNotPossible: Kind(
        "act-not-possible",
        409,
        "The act contradicts the history",
        "The act cannot stand beside another act of the same request, or not without one that is missing; they are "
        "named with their dates. Correct the date, record the missing act first, or void the other.",
    ),
    errors.NotFound: Kind(
        "not-found",
        404,
        "Not found",
        "There is nothing at this address, or this account may not see it; the answer is the same.",
    ),
    errors.NotAllowed: Kind(
        "not-allowed",
        403,
        "Not allowed",
        "The account sees the record, but its role or its country may not do this.",
    ),
    errors.InsufficientScope: Kind(
        "insufficient-scope",
        403,
        "The token is not meant for this",
        "The account may do this, but the token carries only other scopes; `scope` in `WWW-Authenticate` and in "
        "`facts` names the one that is missing. Use a token that has it.",
    ),
    errors.AccountConflict: Kind(
        "account-conflict",
        409,
        "Not possible with this account or token as it is",
        "The account is disabled or the last administrator of a country, or the token has ended or was rotated before. "
        "The detail says which, and what to do instead.",
    ),
    errors.AlreadyRecorded: Kind(
        "already-recorded",
        409,
        "Already recorded",
        "Another record of the same country has taken this reference, or another account this identity.",
    ),
    errors.VersionStale: Kind(
        "version-stale",
        412,
        "The record has changed",
        "The record has changed since the version named in `If-Match`. Read it again, and base the change "
        "on what it says now.",
    ),
    errors.IdempotencyKeyReused: Kind(
        "idempotency-key-reused",
        422,
        "The Idempotency-Key was used for something else",
        "The same key came with another body or path within 24 hours. Use a fresh key for each new entry.",
    ),
    errors.ChangesGone: Kind(
        "changes-gone",
        410,
        "These changes are not kept any more",
        "The feed keeps changes for `MLA_FEED_DAYS` days, and `after` lies before that, or the database was restored "
        "to a time before it. Read the lists anew, and follow the feed from `latest=true` asked for before that.",
    ),
    errors.UnknownLimit: Kind(
        "unknown-limit",
        400,
        "Unknown limit, rule or calendar",
        "The catalogue holds no limit, rule or calendar of this name.",
    ),
}

INSUFFICIENT_SCOPE: Final = PROBLEMS[errors.InsufficientScope]
NOT_FOUND: Final = PROBLEMS[errors.NotFound]

HTTP_KINDS: Final[Mapping[int, Kind]] = {
    kind.status: kind
    for kind in (
        BAD_REQUEST, UNAUTHENTICATED, PROBLEMS[errors.NotAllowed], NOT_FOUND, METHOD_NOT_ALLOWED,
        NOT_ACCEPTABLE, TIMED_OUT, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, PRECONDITION_REQUIRED, UNAVAILABLE,
    )
}  # fmt: skip

PASSING_FAULTS: Final = (
    TimeoutError,
    ConnectionError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InsufficientResourcesError,  # of the server: disk, memory, connections
    asyncpg.PostgresSystemError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.PostgresConnectionError,
)
"""Faults of the database, not ours: a time-out, a restart, a full disk, two writers in each other's way."""


class Problem(Exception):
    """A request that cannot be answered as asked, with everything its answer says.

    `errors` pairs a JSON pointer (into the body, or "/name" for a query parameter or header) with a sentence.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.facts = dict(facts or {})

    def body(self) -> bytes:
        """The problem as the JSON of its answer."""
        content: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "errors": [{"pointer": pointer, "message": message} for pointer, message in self.errors],
        }
        if self.facts:
            content["facts"] = {name: plain(value) for name, value in self.facts.items()}
        return json.dumps(content, ensure_ascii=False, default=str).encode("utf-8", errors="backslashreplace")

    def response(self) -> Response[bytes]:
        """The answer: status, headers, body."""
        return Response(
            self.body(), status_code=self.kind.status, media_type=MEDIA_TYPE, headers=self.headers
        )


def all_kinds() -> Iterator[Kind]:
    """Every kind of problem once, in the order of the table."""
    seen: set[str] = set()
    others = (
        INVALID_QUERY, INVALID_HEADER, URL_TOO_LONG, UNKNOWN_HOST, TOO_MANY_CALLS, HEADERS_TOO_LARGE,
        TOO_BUSY, INTERNAL_ERROR, IDENTITY_UNAVAILABLE,
    )  # fmt: skip
    for kind in (*PROBLEMS.values(), *HTTP_KINDS.values(), *others):
        if kind.slug not in seen:
            seen.add(kind.slug)
            yield kind


def kind_of(error: type[errors.DomainError]) -> Kind:
    """The kind of problem that a domain error becomes: its own, else its nearest ancestor's."""
    for ancestor in error.__mro__:
        if kind := PROBLEMS.get(ancestor):
            return kind
    return INTERNAL_ERROR


def problem_of(error: Exception) -> Problem:
    """The problem that any exception of a handler becomes; what is unexpected says nothing of the inside."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, errors.DomainError):
        kind = kind_of(type(error))
        if kind is not INTERNAL_ERROR:
            return Problem(
                kind, error.detail, errors=error.fields, facts=error.facts, headers=_challenge_of(error)
            )
    if isinstance(error, HTTPException):
        return _from_litestar(error)
    if isinstance(error, PASSING_FAULTS):
        return Problem(
            UNAVAILABLE,
            f"The database cannot do it for the moment. Try again in {RETRY_AFTER_SECONDS} seconds.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    return Problem(
        INTERNAL_ERROR,
        "The fault is ours and was logged. Try again; if it stays, tell the operator the X-Request-ID of "
        "this answer.",
    )


def _challenge_of(error: errors.DomainError) -> Mapping[str, str]:
    """RFC 6750, 3.1: which scope the credential lacks."""
    if not isinstance(error, errors.InsufficientScope):
        return {}
    return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.facts["scope"]}"'}


def _from_litestar(error: HTTPException) -> Problem:
    allow = (error.headers or {}).get("allow")
    match error.status_code:
        case 404:
            return Problem(NOT_FOUND, "There is nothing at this address, or this account may not see it.")
        case 405:
            return Problem(
                METHOD_NOT_ALLOWED, f"This path takes {allow}.", headers={"Allow": allow} if allow else {}
            )
        case 413:
            return Problem(
                TOO_LARGE, "The body is larger than this route takes. Split it into several calls."
            )
        case status if status in HTTP_KINDS:
            return Problem(
                HTTP_KINDS[status], "The request could not be read. Check its path, headers and parameters."
            )
    return Problem(INTERNAL_ERROR, "The fault is ours and was logged.")


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything; faults of ours are logged with their traceback."""
    problem = problem_of(error)
    if problem.kind is INTERNAL_ERROR:
        log.error("unexpected error", path=request.scope.get("path_template"), exc_info=error)
    elif problem.kind is UNAVAILABLE:
        log.warning("database not available", path=request.scope.get("path_template"), fault=error)
    return problem.response()
