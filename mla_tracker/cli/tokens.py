"""Commands for tokens: the bearer tokens of accounts."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from mla_tracker.cli.accounts import AsJson, Countries, token_line, with_database
from mla_tracker.cli.opening import now
from mla_tracker.commands import accounts as commands
from mla_tracker.domain.vocabulary import Role, Scope
from mla_tracker.queries import accounts as queries
from mla_tracker.queries.accounts import TokenView
from mla_tracker.settings import load_settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun

token = App(
    name="token", help="Tokens: the bearer tokens of accounts. A secret is shown once and stored nowhere."
)

Scopes = Annotated[list[Scope], Parameter(name="--scope", negative="")]


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(token)


@token.command(name="create")
def create_token(
    *,
    country: Countries | None = None,
    role: Role | None = None,
    account_id: Annotated[UUID | None, Parameter(name="--account")] = None,
    name: str | None = None,
    scope: Scopes | None = None,
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
    scope
        What it may be used for, within what the role may do; may be given several times. Without: everything.
    days
        How many days it is valid; without, until it is revoked.
    as_json
        Print {"token": …} and the ids as JSON.
    """
    countries = country or []
    if (account_id is None) == (role is None) or (account_id is None) == (not countries):
        raise CannotRun("Give either --account, or --country and --role.")
    if days is not None and not 1 <= days <= 36_500:
        raise CannotRun("Give 1 to 36500 --days, or leave it out for a token without end.")

    async def make(database: Database) -> commands.NewToken:
        moment, owner = now(), account_id
        if owner is None:
            assert role is not None  # either of the two was given
            title = name or f"{role.value} of {', '.join(countries)}"
            owner = await commands.create_account(
                database, name=title, countries=countries, role=role, now=moment
            )
        return await commands.create_token(
            database,
            owner,
            now=moment,
            name=name or "",
            scopes=scope or Scope,
            expires_at=None if days is None else moment + timedelta(days=days),
        )

    made = with_database(load_settings(), make)
    _print_secret(made.id, made.account_id, made.secret, as_json=as_json)


@token.command(name="rotate")
def rotate_token(token_id: UUID, *, overlap_hours: int = 24, as_json: AsJson = False) -> None:
    """Make a token in the place of another, which ends after a while.

    Parameters
    ----------
    token_id
        The token, as `token list` shows it.
    overlap_hours
        How many hours the old one stays valid, 0 to 168.
    as_json
        Print {"token": …} and the ids as JSON.
    """
    if not 0 <= overlap_hours <= 168:
        raise CannotRun("Give 0 to 168 --overlap-hours.")
    made = with_database(
        load_settings(),
        lambda database: commands.rotate_token(
            database, token_id, actor=None, now=now(), overlap=timedelta(hours=overlap_hours)
        ),
    )
    assert made.secret is not None  # without an idempotency key nothing is replayed
    _print_secret(made.id, made.account_id, made.secret, as_json=as_json)


@token.command(name="list")
def list_tokens(
    *, account_id: Annotated[UUID | None, Parameter(name="--account")] = None, as_json: AsJson = False
) -> None:
    """List tokens with their accounts, oldest first; never their secrets.

    Parameters
    ----------
    account_id
        Only tokens of this account.
    as_json
        Print a JSON list.
    """

    async def read(database: Database) -> list[TokenView]:
        async with database.transaction(DbRole.OWNER, read_only=True) as tx:
            return list(await queries.tokens(tx, account_id=account_id))

    found = with_database(load_settings(), read)
    if as_json:
        print(json.dumps([asdict(view) for view in found], default=str))
        return
    for view in found:
        print(f"{','.join(view.countries)}  {view.role.value}  {view.account}  {token_line(view)}")


@token.command(name="revoke")
def revoke_token(token_id: UUID) -> None:
    """End a token at once.

    Parameters
    ----------
    token_id
        The token, as `token list` shows it.
    """
    with_database(load_settings(), lambda database: commands.revoke_token(database, token_id, now=now()))
    print(f"Token {token_id} revoked.")


def _print_secret(token_id: UUID, account_id: UUID, secret: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"token": secret, "id": str(token_id), "account_id": str(account_id)}))
    else:
        print(f"Token {token_id} of account {account_id}; it is shown only now:\n{secret}")
