"""Tokens of accounts: made, listed, rotated, revoked."""

from datetime import datetime, timedelta
from uuid import UUID

from litestar import Response, get, post

from mla_tracker.api import paging
from mla_tracker.api.account_bodies import (
    SHOWN_ONCE,
    NewTokenBody,
    Rotation,
    TokenAnswer,
    TokenMadeAnswer,
    token_answer,
)
from mla_tracker.api.answers import answer
from mla_tracker.api.auth import Credential
from mla_tracker.api.paging import Page, PageQuery
from mla_tracker.api.routes import documented
from mla_tracker.commands import accounts as commands
from mla_tracker.commands.accounts import TokenMade
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import accounts as queries
from mla_tracker.queries.accounts import TokenView
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

_ONCE = "The secret is told once and stored nowhere: a repeated call under one Idempotency-Key answers without it."


@post(
    "/accounts/{account_id:uuid}/tokens",
    **documented(
        "Make a token",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        body=NewTokenBody,
        answer=TokenMadeAnswer,
        status=201,
        idempotent=True,
        problems=[InvalidEntry, NotFound, NotAllowed, AccountConflict],
        examples={
            "a year of reading": {
                "name": "statistics",
                "scopes": ["read"],
                "expires_at": "2027-03-02T00:00:00Z",
            }
        },
        description=f"{_ONCE} Not for your own account: rotate the token that you have.",
    ),
)
async def issue_token(
    account_id: UUID,
    entry: NewTokenBody,
    actor: Actor,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Makes a token for an account of your countries."""
    made = await commands.issue_token(
        database,
        account_id,
        actor=actor,
        now=now,
        name=entry.name or "",
        scopes=entry.scopes,
        expires_at=entry.expires_at,
        idempotency=idempotency,
    )
    return await _told(database, made, actor)


@get(
    "/accounts/{account_id:uuid}/tokens",
    **documented(
        "List the tokens of an account, oldest first",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        query=PageQuery,
        answer=Page[TokenAnswer],
        problems=[NotFound],
        description="Also those that have ended.",
    ),
)
async def list_tokens(
    account_id: UUID, filters: PageQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """All tokens that the account ever had, without their secrets."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        if await queries.account(tx, account_id, within=actor.countries) is None:
            raise NotFound(f"There is no account {account_id}. List the accounts to find its id.")
        rows = await queries.tokens(tx, account_id=account_id, after=position.after, limit=filters.limit + 1)
    return answer(
        paging.page(rows, filters, position, key=lambda row: (row.created_at, row.id), item=token_answer)
    )


@post(
    "/tokens/{token_id:uuid}/rotate",
    **documented(
        "Rotate a token",
        tag="accounts",
        may=Deed.RENEW_OWN_TOKEN,
        body=Rotation,
        answer=TokenMadeAnswer,
        status=201,
        idempotent=True,
        problems=[InvalidEntry, NotFound, NotAllowed, AccountConflict],
        examples={"an hour to change over": {"overlap_hours": 1}},
        description="Any caller may rotate the token that the call is made with; an administrator those of other "
        "accounts of his countries. The new one has the old one's name and scopes and is valid for as long as that one "
        f"was made for. {_ONCE} A token is rotated once: a second attempt says that somebody else has the secret.",
    ),
)
async def rotate_token(
    token_id: UUID,
    entry: Rotation,
    actor: Actor,
    credential: Credential,
    database: Database,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Makes a token in the place of another."""
    made = await commands.rotate_token(
        database,
        token_id,
        actor=actor,
        now=now,
        overlap=timedelta(hours=entry.overlap_hours),
        using=credential.token_id,
        idempotency=idempotency,
    )
    return await _told(database, made, actor)


@post(
    "/tokens/{token_id:uuid}/revoke",
    **documented(
        "Revoke a token",
        tag="accounts",
        may=Deed.RENEW_OWN_TOKEN,
        answer=TokenAnswer,
        idempotent=True,
        problems=[NotFound],
        description="At once and on every node. Any caller may revoke the tokens of its own account; an administrator "
        "those of all accounts of his countries. A second call changes nothing.",
    ),
)
async def revoke_token(
    token_id: UUID, actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Ends a token and answers with it."""
    done = await commands.revoke_token(database, token_id, actor=actor, now=now, idempotency=idempotency)
    return answer(token_answer(await _token(database, done.id, actor)), replayed=done.replayed)


async def _told(database: Database, made: TokenMade, actor: Actor) -> Response[bytes]:
    view = await _token(database, made.id, actor)
    notice = SHOWN_ONCE if made.secret is None else None
    content = token_answer(view, secret=made.secret, notice=notice)
    return answer(content, status=201, replayed=made.replayed)


async def _token(database: Database, token_id: UUID, actor: Actor) -> TokenView:
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        view = await queries.token(tx, token_id)
    if view is None:
        raise NotFound(f"There is no token {token_id}. List the tokens to find its id.")
    return view
