"""The world of the access matrix: accounts of every role and party with every credential, and records of Morocco."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from uuid import UUID, uuid4

from mla_tracker.commands import agreements as agreement_commands
from mla_tracker.commands.accounts import create_account, disable_account
from mla_tracker.commands.calendar_feeds import make_feed
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.feed import number_changes
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.opening_balances import NewBalance, restate_opening
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.requests import record_event
from mla_tracker.commands.sealing import seal
from mla_tracker.commands.tokens import create_token, revoke_token
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, Role, Scope, Side
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.counted import NOW, THE_DAY_BEFORE, a_case
from tests.builders.files import imported
from tests.builders.persons import a_person
from tests.builders.telling import confirmed

COUNTRIES = {"own country": "MA", "other country": "FR", "no country": ""}


@dataclass(frozen=True)
class Token:
    """A token that somebody shows."""

    id: UUID
    secret: str


@dataclass
class World:
    """A database with accounts and records, and the ids by which calls name them."""

    db: Database
    morocco: Actor
    ids: dict[str, str]
    numbers: Iterator[int] = field(default_factory=count)
    accounts: dict[tuple[Role, str], UUID] = field(default_factory=dict)
    _tokens: dict[tuple[Role, str, str], Token] = field(default_factory=dict)

    async def token(self, role: Role, party: str, shown: str, scopes: frozenset[Scope]) -> Token:
        """The token of an account in a state; made when it is asked for first."""
        key = (role, party, shown)
        if key not in self._tokens:
            self._tokens[key] = await self._made(role, party, shown, scopes)
        return self._tokens[key]

    async def account(self, role: Role, party: str) -> UUID:
        """The account of a role and a party; made when it is asked for first."""
        if (role, party) not in self.accounts:
            self.accounts[role, party] = await self._opened(role, COUNTRIES[party])
        return self.accounts[role, party]

    async def _opened(self, role: Role, country: str) -> UUID:
        account = await create_account(
            self.db, name=f"{country} {role}", countries=[country or "PT"], role=role, now=NOW
        )
        if not country:
            # No command opens such an account; a row could come to be so by hand.
            async with self.db.transaction(DbRole.OWNER) as tx:
                await tx.execute("update account set countries = '{}' where id = $1", account)
        return account

    async def _made(self, role: Role, party: str, shown: str, scopes: frozenset[Scope]) -> Token:
        of_disabled = shown == "of a disabled account"
        account = (
            await self._opened(role, COUNTRIES[party]) if of_disabled else await self.account(role, party)
        )
        # One that ends with this very instant has ended.
        made_at = NOW - timedelta(hours=1)
        expires_at = NOW if shown == "expired" else None
        made = await create_token(self.db, account, now=made_at, scopes=scopes, expires_at=expires_at)
        if shown == "revoked":
            await revoke_token(self.db, made.id, now=NOW)
        if of_disabled:
            await disable_account(self.db, account, now=NOW)
        return Token(made.id, made.secret)


Fresh = Callable[[World, UUID], Awaitable[UUID]]
"""Makes a record that one call uses up, for the account that calls."""


async def a_world(db: Database) -> World:
    """Requests, a flag, agreements before their signature, a balance and accounts, all made by Morocco."""
    morocco = await register.account(db, "MA", role=Role.HEAD)
    for country in ("MA", "FR"):  # the last administrator of a country cannot leave
        await register.account(db, country, role=Role.ADMIN)
    sent = a_case().then("sent", "2026-01-05").then("received", "2026-01-07")
    request = await sent.logged(db, morocco)
    france = await register.account(db, "FR", role=Role.HEAD)
    await sent.between("FR", "DE").logged(db, france)
    draft = (await agreement_commands.record_agreement(db, register.entry(), actor=morocco, now=NOW)).id
    other = (await agreement_commands.record_agreement(db, register.entry(), actor=morocco, now=NOW)).id
    balance = NewBalance("MA", Side.REQUESTED, None, register.NOW.date(), 3, "The books of Rabat.")
    stated = await restate_opening(db, balance, actor=morocco, now=NOW)
    await flag_due(db, NOW)
    world = World(db, morocco, {"request": str(request), "agreement": str(draft), "other_draft": str(other)})
    async with db.transaction(DbRole.OWNER) as tx:
        flag = await tx.fetchval("select id from flag where request_id = $1 limit 1", request)
        await tx.execute(
            """
            insert into date_move
                (id, request_id, requesting_country, requested_country, clock_key, stage, causes, moved_at)
            select gen_random_uuid(), id, requesting_country, requested_country, 'x', 'decide', '{calendar MA 1}', now()
            from request where id = $1
            """,
            request,
        )
    assert flag is not None, "the sweep raised no flag"
    world.ids |= {
        "flag": str(flag),
        "balance": str(stated.view["id"]),
        "act": str(await an_act(world, morocco.account_id)),
        "agreement_event": str(await an_agreement_event(world, morocco.account_id)),
        "account": str((await register.account(db, "MA")).account_id),
        "person": str(await a_spare_person(world, morocco.account_id)),
        "note": str(await a_note(world, morocco.account_id)),
        "leaver": str((await register.account(db, "MA")).account_id),
        "token": str((await create_token(db, morocco.account_id, now=NOW)).id),
        "feed": str((await make_feed(db, actor=await register.account(db, "MA"), now=NOW)).secret),
        "country": "MA",
        "convention": "un1988",
        "limit": "us-nl-provisional-arrest",
    }
    await number_changes(db)
    world.ids["webhook"] = str(await a_webhook(world, morocco.account_id))
    world.ids["delivery"] = str(await the_delivery(world, morocco.account_id))
    world.ids["import"] = str(await an_import(db, morocco))
    await seal(db, NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        entry = await tx.fetchval(
            "select id from audit_entry where chain_kind = 'request' and chain_id = $1 order by position",
            request,
        )
    world.ids["entry"] = str(entry)
    return world


async def an_import(db: Database, morocco: Actor) -> UUID:
    """An import of Morocco, one row of which was refused."""
    return (
        await imported(db, morocco, "title,kind,parties\nA treaty,extradition,MA; Nowhere\n", "agreements")
    ).id


async def a_spare_person(world: World, caller: UUID) -> UUID:
    """A person of whom nobody needs to know any more."""
    return await a_person().recorded(world.db, UUID(world.ids["request"]), world.morocco, NOW)


async def a_note(world: World, caller: UUID) -> UUID:
    """A note of Morocco."""
    request = UUID(world.ids["request"])
    return (await record_note(world.db, request, "Call Rabat.", actor=world.morocco, now=NOW)).id


async def an_act(world: World, caller: UUID) -> UUID:
    """An act of Morocco that can be voided."""
    entry = NewEvent(Act.REMINDED, occurred_on=NOW.date().replace(day=4))
    request = UUID(world.ids["request"])
    return (await record_event(world.db, request, entry, actor=world.morocco, now=THE_DAY_BEFORE)).id


async def an_agreement_event(world: World, caller: UUID) -> UUID:
    """An event of Morocco's draft that can be taken back."""
    agreement = UUID(world.ids["agreement"])
    day = date(2025, 1, 1) + timedelta(days=next(world.numbers))  # it happens once on a day
    entry = register.event("initialled", str(day))
    made = await agreement_commands.record_event(world.db, agreement, entry, actor=world.morocco, now=NOW)
    return made.id


async def a_spare_token(world: World, caller: UUID) -> UUID:
    """Another token of the account that calls."""
    return (await create_token(world.db, caller, now=NOW)).id


async def a_webhook(world: World, caller: UUID) -> UUID:
    """An endpoint of the account that calls, with one delivery."""
    webhook = uuid4()
    async with world.db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            """
            with made as (insert into webhook (id, account_id, url, host, sealed, position, created_at, updated_at)
                values ($1, $2, 'https://hooks.example.org/', 'hooks.example.org', 'x', 0, $3, $3))
            insert into webhook_delivery (id, webhook_id, change_id, created_at, next_at)
            select gen_random_uuid(), $1, id, $3, $3 from change where request_id = $4 and position > 0 limit 1
            """,
            webhook, caller, NOW, UUID(world.ids["request"]),
        )  # fmt: skip
    world.ids["newest_webhook"] = str(webhook)
    return webhook


async def an_own_import(world: World, caller: UUID) -> UUID:
    """An import of the account that calls, one row of which was refused."""
    made = uuid4()
    async with world.db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            """
            with made as (insert into bulk_import (id, account_id, country, scopes, kind, format, encoding, days,
                all_or_nothing, dry_run, kept_here, status, position, refused, created_at, updated_at, finished_at)
                values ($1, $2, 'MA', '{}', 'requests', 'csv', 'utf-8', 'iso', false, false, false, 'done', 1, 1, $3,
                    $3, $3))
            insert into import_remark values ($1, 2, 1, true, 'sent_on', 'Not a date.')
            """,
            made, caller, NOW,
        )  # fmt: skip
    return made


async def the_delivery(world: World, caller: UUID) -> UUID:
    """That of the endpoint made last."""
    async with world.db.transaction(DbRole.OWNER) as tx:
        found: UUID = await tx.fetchval(
            "select id from webhook_delivery where webhook_id = $1", UUID(world.ids["newest_webhook"])
        )
    return found


async def a_confirmed_address(world: World, caller: UUID) -> UUID:
    """The address of the account that calls; to confirm it once more changes nothing."""
    await confirmed(world.db, Actor(caller, (), Role.OFFICER, ""), NOW)
    return caller


def filled(value: object, ids: Mapping[str, str]) -> object:
    """A body or query with every "{name}" replaced by its id."""
    if isinstance(value, str):
        return value.format_map(ids) if value.startswith("{") and value.endswith("}") else value
    if isinstance(value, Mapping):
        return {name: filled(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, ids) for inner in value]
    return value
