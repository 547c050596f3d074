"""Accounts and tokens: made by operators, shown once, ended at once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mla_tracker.commands.accounts import (
    TOKEN_PREFIX,
    create_account,
    create_token,
    disable_account,
    note_use,
    revoke_token,
    token_hash,
)
from mla_tracker.domain.errors import AccountConflict, InvalidEntry, NotFound
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.accounts import Bearer, bearer_of, tokens
from mla_tracker.storage.database import Database, DbRole

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


async def an_account(db: Database) -> UUID:
    return await create_account(
        db, name="Central authority", countries=["MA", "ES", "MA"], role=Role.OFFICER, now=NOW
    )


async def bearer(db: Database, secret: str, now: datetime = NOW) -> Bearer | None:
    async with db.transaction(DbRole.API, read_only=True) as tx:
        return await bearer_of(tx, token_hash(secret), now)


async def test_a_token_leads_to_its_account_with_countries_and_role(db: Database) -> None:
    account = await an_account(db)
    token = await create_token(db, account, now=NOW, name="laptop")
    found = await bearer(db, token.secret)
    assert found is not None
    assert found.actor.account_id == account
    assert found.actor.countries == ("ES", "MA")
    assert found.actor.role is Role.OFFICER
    assert found.token_id == token.id


async def test_a_token_is_long_random_recognisable_and_stored_nowhere(db: Database) -> None:
    account = await an_account(db)
    one, other = await create_token(db, account, now=NOW), await create_token(db, account, now=NOW)
    assert one.secret.startswith(TOKEN_PREFIX)
    assert len(one.secret) == len(TOKEN_PREFIX) + 43
    assert one.secret != other.secret
    async with db.transaction(DbRole.OWNER) as tx:
        stored = await tx.fetchval("select string_agg(api_token::text, ' ') from api_token")
    assert one.secret not in stored


async def test_a_token_expires_at_its_instant(db: Database) -> None:
    account = await an_account(db)
    end = NOW + timedelta(days=1)
    token = await create_token(db, account, now=NOW, expires_at=end)
    assert await bearer(db, token.secret, end - timedelta(microseconds=1)) is not None
    assert await bearer(db, token.secret, end) is None


async def test_a_revoked_token_is_dead_and_stays_revoked_since_then(db: Database) -> None:
    account = await an_account(db)
    token = await create_token(db, account, now=NOW)
    await revoke_token(db, token.id, now=NOW)
    await revoke_token(db, token.id, now=NOW + timedelta(days=1))
    assert await bearer(db, token.secret) is None
    async with db.transaction(DbRole.OWNER) as tx:
        assert [view.revoked_at for view in await tokens(tx)] == [NOW]


async def test_a_disabled_account_ends_all_its_tokens_and_gets_no_new_one(db: Database) -> None:
    account = await an_account(db)
    token = await create_token(db, account, now=NOW)
    await disable_account(db, account, now=NOW)
    assert await bearer(db, token.secret) is None
    with pytest.raises(AccountConflict, match="disabled"):
        await create_token(db, account, now=NOW)


async def test_the_use_of_a_token_is_noted_once_a_minute(db: Database) -> None:
    token = await create_token(db, await an_account(db), now=NOW)
    for seconds in (0, 30, 61):
        now = NOW + timedelta(seconds=seconds)
        await note_use(db, token.id, now=now, not_since=now - timedelta(minutes=1))
        found = await bearer(db, token.secret)
        assert found is not None
        assert found.last_used_at == (now if seconds != 30 else NOW)


async def test_tokens_are_listed_with_their_account(db: Database) -> None:
    account = await an_account(db)
    token = await create_token(db, account, now=NOW, name="laptop")
    async with db.transaction(DbRole.OWNER) as tx:
        [view] = await tokens(tx)
    assert (view.id, view.account_id, view.name, view.countries) == (
        token.id,
        account,
        "laptop",
        ("ES", "MA"),
    )


@pytest.mark.parametrize(
    ("name", "countries", "pointers"),
    [("", ["MA"], ["/name"]), ("x" * 201, [], ["/name", "/countries"]), ("Rabat", ["ma"], ["/countries"])],
)
async def test_an_account_needs_a_name_and_countries(
    db: Database, name: str, countries: list[str], pointers: list[str]
) -> None:
    with pytest.raises(InvalidEntry) as caught:
        await create_account(db, name=name, countries=countries, role=Role.HEAD, now=NOW)
    assert [pointer for pointer, _ in caught.value.fields] == pointers


async def test_what_does_not_exist_cannot_be_ended(db: Database) -> None:
    with pytest.raises(NotFound):
        await revoke_token(db, UUID(int=1), now=NOW)
    with pytest.raises(NotFound):
        await disable_account(db, UUID(int=1), now=NOW)
    with pytest.raises(InvalidEntry):
        await create_token(db, UUID(int=1), now=NOW, expires_at=NOW)
