"""Commands for accounts: who may use the API."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, TypeVar
from uuid import UUID

from cyclopts import App, Parameter

from mla_tracker.cli.leaving import run
from mla_tracker.cli.opening import now, ready
from mla_tracker.commands import accounts as commands
from mla_tracker.commands.accounts import Identity, NewAccount
from mla_tracker.domain.errors import NotFound
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import accounts as queries
from mla_tracker.queries.accounts import AccountView, TokenView
from mla_tracker.settings import Settings, load_settings
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.errors import CannotRun

account = App(name="account", help="Accounts: who may use the API, for which country, in which role.")

Countries = Annotated[list[str], Parameter(name="--country", negative="")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
Done = TypeVar("Done")


def register(app: App) -> None:
    """Add the commands of this module."""
    app.command(account)


def with_database(settings: Settings, work: Callable[[Database], Awaitable[Done]]) -> Done:
    """Do something on the open database and close it."""

    async def opened() -> Done:
        async with ready(settings) as database:
            return await work(database)

    return run(opened())


@account.command(name="create")
def create_account(
    *, country: Countries, role: Role, name: str, oidc_subject: str | None = None, as_json: AsJson = False
) -> None:
    """Make an account.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 code in capital letters; may be given several times.
    role
        What the account may do.
    name
        Who it is, for people.
    oidc_subject
        `sub` of the identity provider whose tokens act as this account.
    as_json
        Print the id as JSON.
    """
    settings = load_settings()
    entry = NewAccount(name, country, role, _identity(settings, oidc_subject))
    done = with_database(
        settings, lambda database: commands.open_account(database, entry, actor=None, now=now())
    )
    print(json.dumps({"account_id": str(done.id)}) if as_json else f"Account {done.id} made.")


@account.command(name="change")
def change_account(
    account_id: UUID,
    *,
    name: str | None = None,
    oidc_subject: str | None = None,
    forget_oidc: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Give an account another name, or say who of the identity provider acts as it.

    Parameters
    ----------
    account_id
        The account, as `account list` shows it.
    name
        Who it is, for people.
    oidc_subject
        `sub` of the identity provider whose tokens act as this account.
    forget_oidc
        Nobody of the identity provider acts as it any more.
    """
    if (name, oidc_subject, forget_oidc) == (None, None, False) or (oidc_subject is not None and forget_oidc):
        raise CannotRun("Give --name, or either --oidc-subject or --forget-oidc.")
    settings = load_settings()
    identity = _identity(settings, oidc_subject)
    with_database(
        settings,
        lambda database: commands.change_account(
            database,
            account_id,
            actor=None,
            now=now(),
            name=name,
            identity=identity,
            forget_identity=forget_oidc,
        ),
    )
    print(f"Account {account_id} changed.")


@account.command(name="list")
def list_accounts(*, country: str | None = None, role: Role | None = None, as_json: AsJson = False) -> None:
    """List accounts, oldest first.

    Parameters
    ----------
    country
        Only accounts that speak for this country, alone or beside others.
    role
        Only accounts of this role.
    as_json
        Print a JSON list.
    """

    async def read(database: Database) -> list[AccountView]:
        async with database.transaction(DbRole.OWNER, read_only=True) as tx:
            return list(await queries.accounts(tx, within=None, role=role))

    found = [
        view for view in with_database(load_settings(), read) if country is None or country in view.countries
    ]
    if as_json:
        print(json.dumps([asdict(view) for view in found], default=str))
        return
    for view in found:
        print(_line(view))


@account.command(name="show")
def show_account(account_id: UUID, *, as_json: AsJson = False) -> None:
    """Show an account with its tokens; never their secrets.

    Parameters
    ----------
    account_id
        The account, as `account list` shows it.
    as_json
        Print JSON.
    """

    async def read(database: Database) -> tuple[AccountView | None, list[TokenView]]:
        async with database.transaction(DbRole.OWNER, read_only=True) as tx:
            return (
                await queries.account(tx, account_id, within=None),
                list(await queries.tokens(tx, account_id=account_id)),
            )

    view, tokens = with_database(load_settings(), read)
    if view is None:
        raise NotFound(f"There is no account {account_id}. List the accounts to find its id.")
    if as_json:
        print(json.dumps({**asdict(view), "tokens": [asdict(token) for token in tokens]}, default=str))
        return
    print(_line(view))
    if view.oidc_subject is not None:
        print(f"  acts for {view.oidc_subject} of the identity provider")
    for token in tokens:
        print(f"  {token_line(token)}")


@account.command(name="disable")
def disable_account(account_id: UUID) -> None:
    """End an account and all its tokens at once; what it recorded stays.

    Parameters
    ----------
    account_id
        The account, as `account list` shows it.
    """
    with_database(load_settings(), lambda database: commands.disable_account(database, account_id, now=now()))
    print(f"Account {account_id} disabled.")


def token_line(view: TokenView) -> str:
    """A token for people: what it may, how long."""
    until = f"until {view.expires_at:%Y-%m-%d %H:%M} UTC" if view.expires_at else "no end"
    ended = f"revoked {view.revoked_at:%Y-%m-%d}" if view.revoked_at else until
    used = f"last used {view.last_used_at:%Y-%m-%d}" if view.last_used_at else "never used"
    rotated = f"  rotated to {view.replaced_by}" if view.replaced_by else ""
    return f"{view.id}  {','.join(view.scopes)}  {ended}  {used}  {view.name}{rotated}"


def _line(view: AccountView) -> str:
    ended = f"  disabled {view.disabled_at:%Y-%m-%d}" if view.disabled_at else ""
    return f"{view.id}  {','.join(view.countries)}  {view.role.value}  {view.name}{ended}"


def _identity(settings: Settings, subject: str | None) -> Identity | None:
    if subject is None:
        return None
    if settings.oidc_issuer is None:
        raise CannotRun("There is no identity provider to know the subject. Set MLA_OIDC_ISSUER first.")
    return Identity(settings.oidc_issuer, subject)
