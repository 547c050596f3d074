"""Bearer tokens: who is calling, checked before anything else of a request is read."""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from mla_tracker.api import bodies
from mla_tracker.api.conditional import idempotency_key
from mla_tracker.api.fields import Query
from mla_tracker.api.problems import (
    IDENTITY_UNAVAILABLE,
    PASSING_FAULTS,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Problem,
)
from mla_tracker.api.routes import Route
from mla_tracker.commands.tokens import TOKEN_PATTERN, note_use, token_hash
from mla_tracker.domain.actors import Actor, Origin
from mla_tracker.domain.permissions import require
from mla_tracker.outbound.identity import IdentityProvider, ProviderUnavailable, TokenRefused
from mla_tracker.queries.accounts import actor_of_identity, bearer_of
from mla_tracker.storage.clock_watch import ClockOff, ClockWatch
from mla_tracker.storage.database import Database, DbRole

USE_NOTED_EVERY: Final = timedelta(minutes=1)
PROVIDER_RETRY_SECONDS: Final = 30
CLOCK_RETRY_SECONDS: Final = 30
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="mla-tracker"'}

_TOKEN: Final = re.compile(rf"Bearer +({TOKEN_PATTERN}) *\Z", re.IGNORECASE | re.ASCII)
_JWT: Final = re.compile(r"Bearer +([\w-]+\.[\w-]+\.[\w-]+) *\Z", re.IGNORECASE | re.ASCII)
_background: set[asyncio.Task[None]] = set()

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller has shown: the account it stands for, the token made here (None: a JWT), when it ends."""

    actor: Actor
    token_id: UUID | None
    expires_at: datetime | None


async def authenticate(
    database: Database, identity: IdentityProvider | None, authorization: str | None, now: datetime
) -> Credential:
    """What an Authorization header shows. Raises the same 401 problem whatever is wrong with it.

    Raises the 503 problem where the keys of the identity provider cannot be had, for its tokens alone.
    """
    header = authorization or ""
    if match := _TOKEN.match(header):
        return await _by_token(database, match[1], now)
    if identity is not None and (match := _JWT.match(header)):
        return await _by_identity(database, identity, match[1], now)
    raise _unauthenticated()


async def _by_token(database: Database, secret: str, now: datetime) -> Credential:
    async with database.transaction(DbRole.API, read_only=True) as tx:
        bearer = await bearer_of(tx, token_hash(secret), now)
    if bearer is None:
        raise _unauthenticated()
    if bearer.last_used_at is None or now - bearer.last_used_at >= USE_NOTED_EVERY:
        task = asyncio.create_task(_note_use(database, bearer.token_id, now))
        _background.add(task)
        task.add_done_callback(_background.discard)
    return Credential(bearer.actor, bearer.token_id, bearer.expires_at)


async def _by_identity(
    database: Database, identity: IdentityProvider, token: str, now: datetime
) -> Credential:
    try:
        claims = await identity.claims_of(token, now)
    except TokenRefused as refusal:
        log.info("token of the identity provider refused", why=str(refusal))
        raise _unauthenticated() from None
    except ProviderUnavailable:
        raise Problem(
            IDENTITY_UNAVAILABLE,
            f"The keys of the identity provider cannot be fetched. Try again in {PROVIDER_RETRY_SECONDS} seconds.",
            headers={"Retry-After": str(PROVIDER_RETRY_SECONDS)},
        ) from None
    async with database.transaction(DbRole.API, read_only=True) as tx:
        actor = await actor_of_identity(tx, identity.issuer, claims.subject, claims.scopes)
    if actor is None:
        log.info("token of the identity provider refused", why="No account has its subject.")
        raise _unauthenticated()
    return Credential(actor, None, claims.expires_at)


async def _note_use(database: Database, token_id: UUID, now: datetime) -> None:
    """Beside the request, so that nobody waits for it; a fault costs one note and is logged."""
    try:
        await note_use(database, token_id, now=now, not_since=now - USE_NOTED_EVERY)
    except PASSING_FAULTS as fault:
        log.warning("use of a token not noted", token_id=str(token_id), fault=fault)


async def require_clock(clock: ClockWatch) -> None:
    """Raises the 503 problem while this node cannot know what is due, which token and which key still counts."""
    try:
        await clock.require()
    except ClockOff as off:
        log.error("call not let in: the clock is wrong", fault=str(off))
        raise Problem(
            UNAVAILABLE,
            "The clock of this node is wrong, so it does nothing until that is put right. Nothing was recorded. Try "
            "another node, or this one again later.",
            headers={"Retry-After": str(CLOCK_RETRY_SECONDS)},
        ) from None


async def settle() -> None:
    """Wait for the notes under way; for the shutdown, before the database closes."""
    if _background:
        await asyncio.gather(*_background, return_exceptions=True)


def _unauthenticated() -> Problem:
    return Problem(
        UNAUTHENTICATED, "Send a token that is valid: Authorization: Bearer <token>.", headers=dict(CHALLENGE)
    )


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard on every route: path well formed, token valid, deed allowed, nothing strange beside the body."""
    if connection.scope.get("method") == "OPTIONS":
        return
    path = connection.scope["path"]
    if any(isinstance(value, UUID) and f"/{value}" not in path for value in connection.path_params.values()):
        raise NotFoundException()
    route: Route = handler.opt["route"]
    state = connection.app.state
    if route.may is not None and state.clock is not None:
        await require_clock(state.clock)
    now = connection.state.now = state.now()
    address = connection.client.host if connection.client else None
    if route.may is not None:
        header = connection.headers.get("Authorization")
        shown: Credential = await state.rates.let_in(
            address, header, now, lambda: authenticate(state.database, state.identity, header, now)
        )
        actor = replace(shown.actor, origin=origin_of(connection, shown))
        connection.scope["auth"] = actor
        connection.state.credential = replace(shown, actor=actor)
        require(actor, route.may)
    elif route.limited:
        await state.rates.public_call(address, now)
    if route.idempotent:
        idempotency_key(connection.headers.get("Idempotency-Key"))
    if route.query is None and connection.scope["query_string"]:
        bodies.parse_query(Query, connection.scope["query_string"])


def origin_of(connection: ASGIConnection[Any, Any, Any, Any], shown: Credential) -> Origin:
    """From where a caller acts: the address that the edge lets stand, what was shown, the request's id in our log."""
    client = connection.scope.get("client")
    return Origin(
        address=client[0] if client else None,
        credential="oidc" if shown.token_id is None else f"token {shown.token_id}",
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """The account that the guard found; a public route has none and must not ask."""
    actor = request.scope["auth"]
    assert isinstance(actor, Actor)
    return actor


def credential_of(request: Request[Any, Any, Any]) -> Credential:
    """What the caller showed to the guard."""
    credential = request.state.credential
    assert isinstance(credential, Credential)
    return credential
