"""Newer lists of parties: in force at once and whole, what is concerned counted anew, nothing half done."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.commands.party_lists import ListLoaded, load_parties, preview_parties
from mla_tracker.commands.rebuilding import rebuild
from mla_tracker.commands.recounting import Recounted, recount_stale
from mla_tracker.commands.requests import record_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InvalidEntry
from mla_tracker.domain.limits import Membership
from mla_tracker.domain.party_lists import PartyList, in_order
from mla_tracker.domain.vocabulary import RequestKind
from mla_tracker.storage.database import Database, DbRole, Tx
from mla_tracker.storage.law import StoredLaw, stored_law
from tests.builders.counted import NOW, a_case, as_owner, row_of, with_shipped_limits
from tests.builders.keys import the_keys
from tests.builders.register import account, refused

SHIPPED = load_conventions()
LATER = NOW + timedelta(minutes=1)
AS_OF = date(2026, 2, 1)
SOURCE = "United Nations Treaty Collection XVIII.12, status of 1 February 2026"
JAPAN = Membership("JP", date(2017, 8, 10))
FROM_JAPAN = a_case().between("JP", "ES").under(convention="untoc").then("sent", "2026-03-02")
FROM_ISRAEL = (
    a_case(RequestKind.EXTRADITION).between("IL", "CH").under(convention="ets24").then("sent", "2026-03-02")
    .then("received", "2026-03-03").then("provisionally_arrested", "2026-03-03")
)  # fmt: skip


def newer(
    convention: str = "untoc",
    *more: Membership,
    without: str = "",
    as_of: date = AS_OF,
    source: str = SOURCE,
    complete: bool = False,
) -> PartyList:
    """The list that ships with other countries."""
    held = [party for party in SHIPPED[convention].parties if party.country != without]
    return PartyList(convention, as_of, source, complete, in_order((*held, *more)))


@pytest.fixture
async def japan(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "JP")


async def warnings_of(db: Database, request_id: UUID) -> list[tuple[str, Any]]:
    found = (await row_of(db, request_id))["warnings"]
    return [
        (step["code"], step["args"]["as_of"])
        for step in found
        if step["code"].startswith("convention-") and "as_of" in step["args"]
    ]


async def in_force(db: Database, role: DbRole = DbRole.API) -> StoredLaw:
    async with db.transaction(role, read_only=True) as tx:
        return await stored_law(tx)


async def number_of_lists(db: Database) -> int:
    async with db.transaction(DbRole.OWNER) as tx:
        number: int = await tx.fetchval("select count(*) from convention_version")
    return number


async def clocks_of(db: Database, request_id: UUID) -> set[str]:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch("select limit_id from clock where request_id = $1", request_id)
    return {row["limit_id"] for row in rows}


async def test_a_country_that_joined_is_warned_of_no_more_and_a_rebuild_finds_nothing(
    db: Database, japan: Actor
) -> None:
    request_id = await FROM_JAPAN.logged(db, japan)
    other = await a_case().under(convention="un1988").between("JP", "ES").logged(db, japan)
    assert await warnings_of(db, request_id) == [("convention-parties-incomplete", "2015-03-14")]
    loaded = await load_parties(db, newer("untoc", JAPAN), now=NOW)
    assert (loaded.version, loaded.stored, loaded.requests_waiting) == (1, True, 1)
    assert loaded.differences.added == ("JP",)
    assert (await row_of(db, request_id))["stale_since"] == NOW
    assert (await row_of(db, other))["stale_since"] is None
    assert [one.waiting for one in (await rebuild(db, LATER, apply=False)).differences] == [True]
    hours_later = NOW + timedelta(hours=1)
    assert await recount_stale(db, hours_later) == Recounted(1, 1, ())
    assert await warnings_of(db, request_id) == []
    assert (await rebuild(db, hours_later, apply=False)).differing == 0


async def test_the_warning_of_a_country_still_missing_tells_the_day_of_the_newer_list(
    db: Database, japan: Actor
) -> None:
    request_id = await FROM_JAPAN.logged(db, japan)
    await load_parties(db, newer(), now=NOW)
    await recount_stale(db, LATER)
    assert await warnings_of(db, request_id) == [("convention-parties-incomplete", "2026-02-01")]
    assert SOURCE in str((await row_of(db, request_id))["warnings"])
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_by_a_complete_list_the_limits_of_a_country_that_is_missing_do_not_run(db: Database) -> None:
    await with_shipped_limits(db)
    israel = await account(db, "IL")
    request_id = await FROM_ISRAEL.logged(db, israel)
    closed = await FROM_ISRAEL.then("withdrawn", "2026-03-04").then("closed", "2026-03-05").logged(db, israel)
    assert any(clock.startswith("ets24-") for clock in await clocks_of(db, request_id))
    assert await warnings_of(db, request_id) == []
    left = newer("ets24", without="IL", complete=True, source="Council of Europe, chart of signatures")
    preview = await preview_parties(db, left, now=NOW)
    assert preview.effect.requests == 1
    assert preview.effect.open_clocks > 0
    assert {move.request_id for move in preview.effect.moves} == {request_id}
    assert await number_of_lists(db) == 0
    assert (await row_of(db, request_id))["stale_since"] is None
    assert (await load_parties(db, left, now=NOW)).requests_waiting == 2
    await recount_stale(db, LATER)
    assert not any(clock.startswith("ets24-") for clock in await clocks_of(db, request_id))
    for one in (request_id, closed):
        assert await warnings_of(db, one) == [("convention-not-binding", "2026-02-01")]
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_a_request_is_counted_anew_when_what_takes_the_place_of_its_convention_changes(
    db: Database, japan: Actor
) -> None:
    france = await account(db, "FR")
    extradition = a_case(RequestKind.EXTRADITION).between("FR", "ES").under(convention="ets24")
    request_id = (
        await extradition.then("sent", "2026-03-02").then("arrested", "2026-03-02").logged(db, france)
    )
    assert "eaw-decide" in await clocks_of(db, request_id)
    await load_parties(db, newer("eaw", without="FR", complete=True), now=NOW)
    assert (await recount_stale(db, LATER)).changed == 1
    assert "eaw-decide" not in await clocks_of(db, request_id)
    assert (await rebuild(db, LATER, apply=False)).differing == 0


async def test_the_same_list_again_makes_no_version(db: Database, japan: Actor) -> None:
    await FROM_JAPAN.logged(db, japan)
    first = await load_parties(db, newer("untoc", JAPAN), now=NOW)
    again = await load_parties(db, newer("untoc", JAPAN), now=LATER)
    assert (first.version, first.requests_waiting) == (1, 1)
    assert again == ListLoaded(1, False, again.differences, False, 0)
    assert await number_of_lists(db) == 1
    assert not (await preview_parties(db, newer("untoc", JAPAN), now=LATER)).loaded.stored


async def test_an_older_list_is_refused_unless_it_is_said_to_be_right(db: Database) -> None:
    await load_parties(db, newer("untoc", JAPAN), now=NOW)
    older = newer(as_of=date(2026, 1, 1))
    error = await refused(load_parties(db, older, now=LATER), InvalidEntry, "/as_of")
    assert "The list in force is of 2026-02-01, and this one is older (2026-01-01)" in error.fields[0][1]
    await refused(preview_parties(db, older, now=LATER), InvalidEntry, "/as_of")
    before_what_ships = newer("un1988", as_of=date(2015, 3, 13))
    await refused(load_parties(db, before_what_ships, now=LATER), InvalidEntry, "/as_of")
    assert (await load_parties(db, older, older=True, now=LATER)).version == 2
    assert (await in_force(db)).conventions["untoc"].as_of == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("entry", "pointers"),
    [
        (PartyList("unheard-of", AS_OF, SOURCE, False, (JAPAN,)), ["/convention"]),
        (PartyList("untoc", AS_OF, " ", False, (JAPAN,)), ["/source"]),
        (PartyList("untoc", AS_OF, "two\nlines", False, (JAPAN,)), ["/source"]),
        (PartyList("untoc", AS_OF, "x" * 501, False, (JAPAN,)), ["/source"]),
        (PartyList("untoc", AS_OF, SOURCE, False, ()), ["/parties"]),
        (PartyList("untoc", date(2026, 3, 12), SOURCE, False, (JAPAN,)), ["/as_of"]),
        (PartyList("eu-uk-tca", AS_OF, SOURCE, True, (JAPAN,)), ["/parties"]),
        (PartyList("unheard-of", date(2027, 1, 1), "", False, ()), ["/convention", "/source", "/parties", "/as_of"]),
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_meant_is_refused_with_all_that_is_wrong(
    db: Database, entry: PartyList, pointers: list[str]
) -> None:
    await refused(load_parties(db, entry, older=True, now=NOW), InvalidEntry, *pointers)
    assert await number_of_lists(db) == 0


async def test_a_list_of_today_somewhere_is_not_still_to_come(db: Database) -> None:
    assert (await load_parties(db, newer(as_of=date(2026, 3, 11)), now=NOW)).stored


async def test_a_failed_load_leaves_nothing_behind(
    db: Database, japan: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = await FROM_JAPAN.logged(db, japan)

    async def failing(*_: Any) -> int:
        raise OSError("connection lost")

    monkeypatch.setattr("mla_tracker.commands.party_lists.mark_for_conventions", failing)
    with pytest.raises(OSError, match="connection lost"):
        await load_parties(db, newer("untoc", JAPAN), now=NOW)
    assert await number_of_lists(db) == 0
    assert (await row_of(db, request_id))["stale_since"] is None
    assert (await in_force(db)).conventions["untoc"] == SHIPPED["untoc"]


async def test_two_loads_at_once_make_one_version_of_the_same_list(db: Database) -> None:
    done = await asyncio.gather(*(load_parties(db, newer("untoc", JAPAN), now=NOW) for _ in range(3)))
    assert sorted(one.stored for one in done) == [False, False, True]
    assert {one.version for one in done} == {1}


async def test_a_request_being_logged_while_a_list_is_loaded_is_found(
    db: Database, japan: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_before = await FROM_JAPAN.logged(db, japan)
    meanwhile = await FROM_JAPAN.logged(db, japan, now=NOW - timedelta(seconds=1))

    async def unseen(*_: Any) -> int:
        return 0

    monkeypatch.setattr("mla_tracker.commands.party_lists.mark_for_conventions", unseen)
    await load_parties(db, newer("untoc", JAPAN), now=NOW)
    assert await recount_stale(db, LATER) == Recounted(1, 1, ())
    assert await warnings_of(db, meanwhile) == []
    assert await warnings_of(db, long_before) != []
    assert await recount_stale(db, NOW + timedelta(hours=1)) == Recounted(0, 0, ())


async def test_every_node_reads_a_list_as_soon_as_it_is_stored(db: Database, database_url: str) -> None:
    await with_shipped_limits(db)
    async with await Database.open(database_url, vault=the_keys(), pool_size=2) as other:
        assert (await in_force(other)).conventions["untoc"] == SHIPPED["untoc"]
        for number, country in enumerate(("JP", "KR"), start=1):
            entry = newer("untoc", Membership(country, date(2017, 8, 10)))
            await load_parties(db, entry, now=NOW)
            for node in (db, other):
                for role in (DbRole.API, DbRole.JOBS):
                    law = await in_force(node, role)
                    assert law.in_force.version("untoc") == number
                    assert law.conventions["untoc"].parties == entry.parties
                    assert law.conventions["un1988"] == SHIPPED["un1988"]


async def test_a_list_of_an_instrument_that_ships_no_more_is_in_nobodys_way(db: Database) -> None:
    await load_parties(db, newer("untoc", JAPAN), now=NOW)
    await as_owner(db, "update convention_version set convention = 'gone'")
    assert (await in_force(db)).conventions == SHIPPED


async def test_recording_an_act_costs_no_further_round_trip(
    db: Database, japan: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked once for the limits is asked once for limits and lists."""
    request_id = await FROM_JAPAN.logged(db, japan)
    await load_parties(db, newer("untoc", JAPAN), now=NOW)
    await recount_stale(db, LATER)
    asked: list[str] = []

    def listening(name: str) -> None:
        real = getattr(Tx, name)

        async def heard(tx: Tx, query: str, *args: Any) -> Any:
            asked.append(query)
            return await real(tx, query, *args)

        monkeypatch.setattr(Tx, name, heard)

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        listening(name)
    [reminded] = a_case().then("reminded", "2026-03-09").entry.events
    await record_event(db, request_id, reminded, actor=japan, now=LATER)
    of_law = [query for query in asked if "from limit_version" in query or "from convention_version" in query]
    assert len(of_law) == 1
    assert await warnings_of(db, request_id) == []
