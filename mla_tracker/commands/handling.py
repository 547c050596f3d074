"""How a request is handled, and who is named to read it where that is confidential."""

from datetime import datetime
from typing import Final
from uuid import UUID

from mla_tracker.commands.entries import side_of_writer
from mla_tracker.commands.reading import note_reading_of
from mla_tracker.commands.requests import locked
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.audit import Change, What
from mla_tracker.domain.errors import ActNotPossible, InvalidEntry, NotAllowed, NotFound
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.permissions import PERMISSIONS, Deed, require, roles_of
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries import accounts
from mla_tracker.queries.readers import Reader, readers
from mla_tracker.storage import rows
from mla_tracker.storage.audit import append
from mla_tracker.storage.audited import AUDITED, added, chain_of, removed
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.requests import RequestRecord, reader_row

_LEVELS: Final = list(Handling)
_ROUTE: Final = "/requests/{request_id}/readers/{account_id}"


async def handle_as(
    tx: Tx, record: RequestRecord, wanted: Handling, actor: Actor, now: datetime
) -> list[Change]:
    """Check that the account may have the request handled so, before that is written; gives what became of readers.

    Either side may raise the level, and only the country that recorded the request may lower it. Who makes it
    confidential is named at once: he would not see any more what he has just done. Raises NotAllowed.
    """
    before = Handling(record.handling)
    if wanted is before:
        return []
    require(actor, Deed.NAME_READERS)
    if _LEVELS.index(wanted) < _LEVELS.index(before) and not actor.speaks_for(record.recorded_by):
        raise NotAllowed(
            f"The request is {before}, and only {record.recorded_by}, which recorded it, may have it handled more "
            "openly. Ask its central authority.",
            fields=[("/handling", f"Give {before} or more, or leave it out.")],
        )
    if wanted is not Handling.CONFIDENTIAL:
        return []
    country = side_of_writer(actor, record.requesting_country, record.requested_country)
    await _refuse_blinding_the_other(tx, record, country)
    if any(one.account_id == actor.account_id for one in await readers(tx, record.id, actor)):
        return []
    named = reader_row(record, country, actor.account_id, named_by=actor.account_id, now=now)
    await rows.insert(tx, {"request_reader": [named]})
    return [added("request_reader", named)]


async def _refuse_blinding_the_other(tx: Tx, record: RequestRecord, country: str) -> None:
    """The heads of a side of which nobody is named see the request; without a head nobody there would."""
    sides = {record.requesting_country, record.requested_country}
    [other] = sides - {country}
    if (
        record.shared
        and await accounts.has_accounts(tx, other, roles_of(Deed.RECORD_ACTS))
        and not await accounts.has_accounts(tx, other, [Role.HEAD])
    ):
        raise ActNotPossible(
            f"{other} has no head of authority here: nobody there would see the request any more. Make it restricted, "
            "or ask its central authority to have an account of a head opened.",
            fields=[("/handling", "Give restricted.")],
        )


async def name_reader(
    db: Database, request_id: UUID, account_id: UUID, *, actor: Actor, now: datetime
) -> list[Reader]:
    """Name an account of the own country to a request; gives all that are named. A second call changes nothing.

    Raises NotFound for a request or an account that this one may not see, InvalidEntry for an account that cannot work
    on requests.
    """
    require(actor, Deed.NAME_READERS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        record = (await locked(tx, request_id, actor)).record
        account = await accounts.account(tx, account_id, within=actor.countries)
        sides = [record.requesting_country, record.requested_country]
        country = next((side for side in sides if account and side in account.countries), None)
        if account is None or country is None:
            raise NotFound(
                f"There is no account {account_id} of your side of this request. Ask an administrator of your country "
                "for its id."
            )
        if account.disabled_at is not None or account.role not in PERMISSIONS[Deed.RECORD_ACTS].roles:
            able = ", ".join(roles_of(Deed.RECORD_ACTS))
            state = "closed" if account.disabled_at is not None else str(account.role)
            raise InvalidEntry(
                f"{account.name} cannot be named: the account is {state}. Name one that is open and of the role {able}."
            )
        before = await readers(tx, request_id, actor)
        if any(one.account_id == account_id for one in before):
            await note_reading_of(tx, [request_id], route=f"PUT {_ROUTE}", actor=actor, now=now)
            return before
        named = reader_row(record, country, account_id, named_by=actor.account_id, now=now)
        await rows.insert(tx, {"request_reader": [named]})
        await _tell(tx, record, [added("request_reader", named)], country, actor, now)
        # Not asked anew: a head who stood in does not see the request any more.
        reader = Reader(account_id, country, account.name, account.role, False, actor.account_id, now)
        return [*before, reader]


async def unname_reader(
    db: Database, request_id: UUID, account_id: UUID, *, actor: Actor, now: datetime
) -> list[Reader]:
    """Take an account off the list; gives those that are left. One that is not on it is no error.

    Raises NotFound for a request that the account may not see, ActNotPossible where nobody of the side would be left
    who sees the request: its heads do where nobody is named, so there must be one.
    """
    require(actor, Deed.NAME_READERS)
    async with db.transaction(DbRole.API, viewer=actor) as tx:
        record = (await locked(tx, request_id, actor)).record
        named = await readers(tx, request_id, actor)
        gone = next((one for one in named if one.account_id == account_id), None)
        if gone is None:
            await note_reading_of(tx, [request_id], route=f"DELETE {_ROUTE}", actor=actor, now=now)
            return named
        left = [one for one in named if one is not gone]
        if (
            record.handling == Handling.CONFIDENTIAL
            and not gone.closed
            and all(one.closed for one in left if one.country == gone.country)
            and not await accounts.has_accounts(tx, gone.country, [Role.HEAD])
        ):
            raise ActNotPossible(
                f"Nobody of {gone.country} would see this confidential request any more: no other is named, and the "
                "country has no head. Name somebody else first."
            )
        # The entry goes first: who takes himself off the list does not see the request after that.
        row = await tx.fetchrow(
            f"""
            select {", ".join(AUDITED["request_reader"].columns)} from request_reader
            where request_id = $1 and account_id = $2
            """,
            request_id,
            account_id,
        )
        assert row is not None
        await _tell(tx, record, [removed("request_reader", row)], gone.country, actor, now)
        await tx.execute(
            "delete from request_reader where request_id = $1 and account_id = $2", request_id, account_id
        )
        return left


async def _tell(
    tx: Tx, record: RequestRecord, changes: list[Change], country: str, actor: Actor, now: datetime
) -> None:
    await append(
        tx, chain_of(record.id), What.REQUEST_READERS_CHANGED, changes,
        actor=actor, now=now, seen_by=[country], country=country,
    )  # fmt: skip
