"""Bearer tokens: who is calling, checked before anything else of a request is read."""

import asyncio
import re
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
from mla_tracker.api.problems import PASSING_FAULTS, UNAUTHENTICATED, Problem
from mla_tracker.api.routes import Route
from mla_tracker.commands.accounts import TOKEN_PREFIX, note_use, token_hash
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import NotAllowed
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.accounts import bearer_of
from mla_tracker.storage.database import Database, DbRole

USE_NOTED_EVERY: Final = timedelta(minutes=1)
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="mla-tracker"'}

_BEARER: Final = re.compile(rf"Bearer +({TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}) *\Z", re.IGNORECASE)
_background: set[asyncio.Task[None]] = set()

log = structlog.get_logger(__name__)


async def authenticate(database: Database, authorization: str | None, now: datetime) -> Actor:
    """The account behind an Authorization header. Raises the same 401 problem whatever is wrong with it."""
    match = _BEARER.match(authorization or "")
    if match is None:
        raise _unauthenticated()
    async with database.transaction(DbRole.API, read_only=True) as tx:
        bearer = await bearer_of(tx, token_hash(match[1]), now)
    if bearer is None:
        raise _unauthenticated()
    if bearer.last_used_at is None or now - bearer.last_used_at >= USE_NOTED_EVERY:
        task = asyncio.create_task(_note_use(database, bearer.token_id, now))
        _background.add(task)
        task.add_done_callback(_background.discard)
    return bearer.actor


async def _note_use(database: Database, token_id: UUID, now: datetime) -> None:
    """Beside the request, so that nobody waits for it; a fault costs one note and is logged."""
    try:
        await note_use(database, token_id, now=now, not_since=now - USE_NOTED_EVERY)
    except PASSING_FAULTS as fault:
        log.warning("use of a token not noted", token_id=str(token_id), fault=fault)


async def settle() -> None:
    """Wait for the notes under way; for the shutdown, before the database closes."""
    if _background:
        await asyncio.gather(*_background, return_exceptions=True)


def _unauthenticated() -> Problem:
    return Problem(
        UNAUTHENTICATED, "Send a token that is valid: Authorization: Bearer <token>.", headers=dict(CHALLENGE)
    )


def needs(actor: Actor, *roles: Role) -> None:
    """Raises NotAllowed unless the account has one of the roles."""
    if actor.role not in roles:
        wanted = " or ".join(filter(None, (", ".join(roles[:-1]), roles[-1])))
        raise NotAllowed(f"This account is {actor.role}; only {wanted} may do this. Ask one of them.")


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard on every route: path well formed, token valid, role allowed, nothing strange beside the body."""
    if connection.scope.get("method") == "OPTIONS":
        return
    path = connection.scope["path"]
    if any(isinstance(value, UUID) and f"/{value}" not in path for value in connection.path_params.values()):
        raise NotFoundException()
    route: Route = handler.opt["route"]
    state = connection.app.state
    now = connection.state.now = state.now()
    address = connection.client.host if connection.client else None
    if not route.public:
        authorization = connection.headers.get("Authorization")
        actor = await state.rates.let_in(
            address, authorization, now, lambda: authenticate(state.database, authorization, now)
        )
        connection.scope["auth"] = actor
        if route.roles:
            needs(actor, *route.roles)
    elif route.limited:
        await state.rates.public_call(address, now)
    if route.idempotent:
        idempotency_key(connection.headers.get("Idempotency-Key"))
    if route.query is None and connection.scope["query_string"]:
        bodies.parse_query(Query, connection.scope["query_string"])


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """The account that the guard found; a public route has none and must not ask."""
    actor = request.scope["auth"]
    assert isinstance(actor, Actor)
    return actor
