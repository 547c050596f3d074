"""Accounts of an administrator's own countries: POST and GET /accounts, one account, and its end."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, patch, post

from mla_tracker.api import paging
from mla_tracker.api.account_bodies import (
    AccountAnswer,
    AccountChange,
    AccountQuery,
    NewAccountBody,
)
from mla_tracker.api.answers import answer
from mla_tracker.api.paging import Page
from mla_tracker.api.routes import documented
from mla_tracker.commands import accounts as commands
from mla_tracker.commands.accounts import Identity, NewAccount
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import AccountConflict, AlreadyRecorded, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.permissions import Deed
from mla_tracker.queries import accounts as queries
from mla_tracker.settings import Settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey

_NO_PROVIDER = [("/oidc_subject", "This installation has no identity provider. Leave it out.")]


@post(
    "/accounts",
    **documented(
        "Open an account",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        body=NewAccountBody,
        answer=AccountAnswer,
        status=201,
        idempotent=True,
        etag=True,
        location=True,
        problems=[InvalidEntry, NotAllowed, AlreadyRecorded],
        examples={"an officer": {"name": "Desk 4, Rabat", "countries": ["MA"], "role": "officer"}},
        description="Role and countries are for good. It can do nothing before it has a token or a subject.",
    ),
)
async def open_account(
    entry: NewAccountBody,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    idempotency: IdempotencyKey | None,
) -> Response[bytes]:
    """Opens an account and answers with it."""
    asked = NewAccount(entry.name, entry.countries, entry.role, _identity(entry.oidc_subject, settings))
    done = await commands.open_account(database, asked, actor=actor, now=now, idempotency=idempotency)
    return await _shown(database, done.id, actor, status=201, replayed=done.replayed)


@get(
    "/accounts",
    **documented(
        "List the accounts of your countries, oldest first",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        query=AccountQuery,
        answer=Page[AccountAnswer],
        description="Those that speak for another country too are not among them: an operator manages these.",
    ),
)
async def list_accounts(
    filters: AccountQuery, actor: Actor, database: Database, now: datetime
) -> Response[bytes]:
    """Accounts that speak for no country but yours."""
    position = paging.position(filters, actor, keys=(datetime, UUID), now=now)
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        rows = await queries.accounts(
            tx,
            within=actor.countries,
            role=filters.role,
            disabled=filters.disabled,
            after=position.after,
            limit=filters.limit + 1,
        )
    return answer(paging.page(rows, filters, position, key=lambda row: (row.created_at, row.id)))


@get(
    "/accounts/{account_id:uuid}",
    **documented(
        "Read an account",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        answer=AccountAnswer,
        etag=True,
        problems=[NotFound],
    ),
)
async def read_account(account_id: UUID, actor: Actor, database: Database) -> Response[bytes]:
    """One account of your countries."""
    return await _shown(database, account_id, actor)


@patch(
    "/accounts/{account_id:uuid}",
    **documented(
        "Change the name of an account or who acts as it",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        body=AccountChange,
        answer=AccountAnswer,
        if_match=True,
        etag=True,
        problems=[InvalidEntry, NotFound, NotAllowed, AlreadyRecorded, AccountConflict],
        examples={"another name": {"name": "Desk 5, Rabat"}},
        description="Fields left out stay as they are. Role and countries cannot be changed, since what the account "
        "did it did in them; nor can you say who acts as you yourself.",
    ),
)
async def change_account(
    account_id: UUID,
    entry: AccountChange,
    actor: Actor,
    database: Database,
    settings: Settings,
    now: datetime,
    if_match: frozenset[int] | None,
) -> Response[bytes]:
    """Changes an account and answers with it."""
    given = entry.model_fields_set
    await commands.change_account(
        database,
        account_id,
        actor=actor,
        now=now,
        name=entry.name if "name" in given else None,
        identity=_identity(entry.oidc_subject, settings),
        forget_identity="oidc_subject" in given and entry.oidc_subject is None,
        versions=if_match,
    )
    return await _shown(database, account_id, actor)


@post(
    "/accounts/{account_id:uuid}/disable",
    **documented(
        "Disable an account",
        tag="accounts",
        may=Deed.MANAGE_ACCOUNTS,
        answer=AccountAnswer,
        idempotent=True,
        etag=True,
        problems=[NotFound, AccountConflict],
        description="For good, with all its tokens, at once and on every node; what it recorded stays. A second call "
        "changes nothing. The last administrator of a country stays.",
    ),
)
async def disable_account(
    account_id: UUID, actor: Actor, database: Database, now: datetime, idempotency: IdempotencyKey | None
) -> Response[bytes]:
    """Ends an account and answers with it."""
    done = await commands.disable_account(database, account_id, actor=actor, now=now, idempotency=idempotency)
    return await _shown(database, done.id, actor, replayed=done.replayed)


def _identity(subject: str | None, settings: Settings) -> Identity | None:
    """Raises InvalidEntry where there is no identity provider to know the subject."""
    if subject is None:
        return None
    if settings.oidc_issuer is None:
        raise InvalidEntry("The account is not valid. Nothing was recorded.", fields=_NO_PROVIDER)
    return Identity(settings.oidc_issuer, subject)


async def _shown(
    database: Database, account_id: UUID, actor: Actor, *, status: int = 200, replayed: bool = False
) -> Response[bytes]:
    async with database.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        view = await queries.account(tx, account_id, within=actor.countries)
    if view is None:
        raise NotFound(f"There is no account {account_id}. List the accounts to find its id.")
    fields: dict[str, Any] = {name: getattr(view, name) for name in AccountAnswer.model_fields}
    location = f"/api/v1/accounts/{view.id}" if status == 201 else None
    return answer(fields, status=status, version=view.version, location=location, replayed=replayed)
