"""Commands for accounts and their tokens."""

import asyncio
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from mla_tracker.cli.opening import now, ready
from mla_tracker.commands import accounts as commands
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import accounts as queries
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.database import DbRole
from mla_tracker.storage.errors import CannotRun

account = App(name="account", help="Accounts: who may use the API, for which country, in which role.")
token = App(
    name="token", help="Tokens: the bearer tokens of accounts. A secret is shown once and stored nowhere."
)

Countries = Annotated[list[str], Parameter(name="--country", negative="")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(account)
    app.command(token)


@account.command(name="create")
def create_account(*, country: Countries, role: Role, name: str, as_json: AsJson = False) -> None:
    """Make an account.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 code in capital letters; may be given several times.
    role
        What the account may do.
    name
        Who it is, for people.
    as_json
        Print the id as JSON.
    """
    made = asyncio.run(_create_account(load_settings(), country, role, name))
    print(json.dumps({"account_id": str(made)}) if as_json else f"Account {made} made.")


async def _create_account(settings: Settings, countries: list[str], role: Role, name: str) -> UUID:
    async with ready(settings) as database:
        return await commands.create_account(database, name=name, countries=countries, role=role, now=now())


@account.command(name="disable")
def disable_account(account_id: UUID) -> None:
    """End an account and all its tokens at once; what it recorded stays.

    Parameters
    ----------
    account_id
        The account, as `token list` shows it.
    """

    async def run() -> None:
        async with ready(load_settings()) as database:
            await commands.disable_account(database, account_id, now=now())

    asyncio.run(run())
    print(f"Account {account_id} disabled.")


@token.command(name="create")
def create_token(
    *,
    country: Countries | None = None,
    role: Role | None = None,
    account_id: Annotated[UUID | None, Parameter(name="--account")] = None,
    name: str | None = None,
    days: int | None = None,
    as_json: AsJson = False,
) -> None:
    """Make a token, for an account that exists or for a new one of a country and a role.

    Parameters
    ----------
    country
        Country of the new account, ISO 3166-1 alpha-2 in capital letters; may be given several times.
    role
        Role of the new account.
    account_id
        An account that exists, instead of country and role.
    name
        Who or what uses the token, for people.
    days
        How many days it is valid; without, until it is revoked.
    as_json
        Print {"token": …} and the ids as JSON.
    """
    made = asyncio.run(_create_token(load_settings(), country or [], role, account_id, name, days))
    if as_json:
        print(json.dumps({"token": made.secret, "id": str(made.id), "account_id": str(made.account_id)}))
    else:
        print(f"Token {made.id} of account {made.account_id}; it is shown only now:\n{made.secret}")


async def _create_token(
    settings: Settings,
    countries: list[str],
    role: Role | None,
    account_id: UUID | None,
    name: str | None,
    days: int | None,
) -> commands.NewToken:
    if (account_id is None) == (role is None) or (account_id is None) == (not countries):
        raise CannotRun("Give either --account, or --country and --role.")
    moment = now()
    async with ready(settings) as database:
        if account_id is None and role is not None:
            title = name or f"{role.value} of {', '.join(countries)}"
            account_id = await commands.create_account(
                database, name=title, countries=countries, role=role, now=moment
            )
        assert account_id is not None
        expires_at = None if days is None else moment + timedelta(days=days)
        return await commands.create_token(
            database, account_id, now=moment, name=name or "", expires_at=expires_at
        )


@token.command(name="list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """List all tokens with their accounts, oldest first; never their secrets.

    Parameters
    ----------
    as_json
        Print a JSON list.
    """
    found = asyncio.run(_list_tokens(load_settings()))
    if as_json:
        print(json.dumps([asdict(view) for view in found], default=str))
        return
    for view in found:
        ended = f"revoked {view.revoked_at:%Y-%m-%d}" if view.revoked_at else ""
        until = f"until {view.expires_at:%Y-%m-%d}" if view.expires_at else "no end"
        print(f"{view.id}  {','.join(view.countries)}  {view.role.value}  {view.account}  {ended or until}")


async def _list_tokens(settings: Settings) -> list[queries.TokenView]:
    async with ready(settings) as database, database.transaction(DbRole.OWNER, read_only=True) as tx:
        return list(await queries.tokens(tx))


@token.command(name="revoke")
def revoke_token(token_id: UUID) -> None:
    """End a token at once.

    Parameters
    ----------
    token_id
        The token, as `token list` shows it.
    """

    async def run() -> None:
        async with ready(load_settings()) as database:
            await commands.revoke_token(database, token_id, now=now())

    asyncio.run(run())
    print(f"Token {token_id} revoked.")
