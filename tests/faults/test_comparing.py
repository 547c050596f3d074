"""The books differ where something is wrong: a comparison that finds nothing whatever happens proves nothing."""

from datetime import UTC, date, datetime

import pytest

from mla_tracker.commands.entries import NewEvent, NewRequest
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.requests import log_request
from mla_tracker.domain.vocabulary import Act, RequestKind
from mla_tracker.storage.database import Database, DbRole
from tests.builders.clocks import a_clock
from tests.builders.counted import with_shipped_limits
from tests.builders.register import account
from tests.builders.requests import a_request_body, act
from tests.faults.book import Book, Kind, State, Write
from tests.faults.comparing import IMPOSSIBLE, PARTS, asked, counted


def a_write(mark: str, made: str | None, state: State = State.ACKNOWLEDGED) -> Write:
    body = a_request_body(act("sent", "2026-03-02"), external_reference=mark)
    return Write(Kind.REQUEST, "MA", "/requests", body, mark, made=made, state=state)


async def differences(db: Database, book: Book) -> list[str]:
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        return [sentence for part in PARTS for sentence in [one async for one in part(tx, book)]]


@pytest.fixture
async def request_id(db: Database) -> str:
    """The request A of Morocco, sent on 2 March."""
    await with_shipped_limits(db)
    sent = NewEvent(Act.SENT, occurred_on=date(2026, 3, 2))
    entry = NewRequest(
        RequestKind.EVIDENCE, "MA", "ES", assistance=["records"], events=[sent], external_reference="A"
    )
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    return str((await log_request(db, entry, actor=await account(db, "MA"), now=now)).id)


async def test_books_that_agree_differ_in_nothing(db: Database, request_id: str) -> None:
    assert await differences(db, Book([a_write("A", request_id)])) == []
    assert (
        await differences(db, Book([a_write("A", None, State.UNSURE), a_write("B", None, State.UNSURE)]))
        == []
    )


async def test_what_was_acknowledged_and_is_missing_is_found(db: Database, request_id: str) -> None:
    book = Book([a_write("A", request_id), a_write("B", "somewhere")])
    [found] = await differences(db, book)
    assert found == "request B was acknowledged as somewhere, and None is there"


async def test_what_nobody_wrote_is_found(db: Database, request_id: str) -> None:
    assert "request A is there, and nobody wrote it" in await differences(db, Book())


async def test_an_act_that_is_missing_and_one_too_many_are_found(db: Database, request_id: str) -> None:
    lost = Write(
        Kind.ACT, "MA", "", None, ("reminded", "2026-03-05"), request_id, made="x", state=State.ACKNOWLEDGED
    )
    [missing] = await differences(db, Book([a_write("A", request_id), lost]))
    assert "('reminded', '2026-03-05')" in missing.replace(f"'{request_id}', ", "")
    assert "acknowledged and is missing" in missing
    bare = a_write("A", request_id)
    assert bare.body is not None
    bare.body["events"] = []
    [more] = await differences(db, Book([bare]))
    assert "1 time(s) more than it was written" in more


def test_a_key_that_made_two_things_is_found() -> None:
    book, write = Book(), a_write("A", None)
    book.acknowledged(write, "one")
    book.acknowledged(write, "one")
    assert book.findings == []
    book.acknowledged(write, "two")
    assert len(book.findings) == 1


async def test_a_clock_that_came_due_without_its_flag_is_found(db: Database) -> None:
    await a_clock().due("2026-03-10").warned(None).stored(db)
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        query = IMPOSSIBLE["a clock that came due has no flag"]
        assert await tx.fetch(*asked(query, until=datetime(2026, 3, 12, tzinfo=UTC)))
        assert await tx.fetch(*asked(query, until=datetime(2026, 3, 9, tzinfo=UTC))) == []


async def test_a_flag_of_which_the_feed_does_not_tell_is_found(db: Database) -> None:
    await a_clock().due("2026-03-10").warned(None).stored(db)
    await flag_due(db, datetime(2026, 3, 12, tzinfo=UTC))
    [query] = [query for name, query in IMPOSSIBLE.items() if "a flag of which the feed" in name]
    async with db.transaction(DbRole.OWNER) as tx:
        assert await tx.fetchval("select count(*) from flag") > 0
        assert await tx.fetch(query) == []
        await tx.execute("delete from change where what = 'flag.raised'")
        assert await tx.fetch(query)


def test_findings_that_differ_in_an_id_alone_are_told_once() -> None:
    ids = ["019cd79e-4600-7358-b20e-754b9e423e13", "019cd79e-4600-7358-b20e-754b9e423e14"]
    assert counted([f"flag {id_} is missing" for id_ in ids]) == [f"2 × flag {ids[0]} is missing"]
