"""Who a request is about: sealed, told to those who work on it, changed by who recorded it, and gone when erased."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from mla_tracker.commands.notes import erase_note, record_note
from mla_tracker.commands.persons import MOST_PERSONS, change_person, erase_person, record_person
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import (
    ActNotPossible,
    DomainError,
    InvalidEntry,
    NotAllowed,
    NotFound,
    VersionStale,
)
from mla_tracker.domain.persons import ErasureGround, Part
from mla_tracker.domain.vocabulary import RequestKind, Role
from mla_tracker.queries.persons import person
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.idempotency import IdempotencyKey
from mla_tracker.storage.vault import SealBroken, unseal
from tests.builders.counted import NOW, a_case, as_owner, with_shipped_limits
from tests.builders.persons import NAME, a_person
from tests.builders.register import account, refused

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
async def morocco(db: Database) -> Actor:
    await with_shipped_limits(db)
    return await account(db, "MA", role=Role.HEAD)


@pytest.fixture
async def spain(db: Database) -> Actor:
    return await account(db, "ES")


@pytest.fixture
async def request_id(db: Database, morocco: Actor) -> UUID:
    return await a_case().then("sent", "2026-03-02").logged(db, morocco)


async def seen(db: Database, request_id: UUID, person_id: UUID, actor: Actor) -> dict[str, Any]:
    async with db.transaction(DbRole.API, viewer=actor, read_only=True) as tx:
        return await person(tx, request_id, person_id, actor=actor)


async def everything(db: Database) -> str:
    """Every row of every table, as the owner reads it."""
    async with db.transaction(DbRole.OWNER) as tx:
        tables = await tx.fetch(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        )
        found = [
            await tx.fetchval(f"select string_agg(t::text, ' ') from {row[0]} t") or "" for row in tables
        ]
    return "\n".join(found)


async def entries_of(db: Database, request_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    async with db.transaction(DbRole.OWNER) as tx:
        found = await tx.fetch(
            "select what, details from audit_entry where chain_id = $1 order by position", request_id
        )
    return [(row["what"], json.loads(row["details"])) for row in found]


async def test_both_sides_read_a_person_and_one_of_them_corrects_it(
    db: Database, morocco: Actor, spain: Actor, request_id: UUID
) -> None:
    made = (
        await a_person().known(born_on="1987-05", nationalities=["ES"]).recorded(db, request_id, morocco, NOW)
    )
    for reader in (morocco, spain):
        view = await seen(db, request_id, made, reader)
        assert view["names"][0]["as_written"] == NAME
        assert (view["recorded_by"], view["born_on"], view["nationalities"]) == ("MA", "1987-05", ["ES"])
    change = {"born_on": "1987-05-17", "part": "accused"}
    done = await change_person(
        db, request_id, made, change, expected=frozenset({1}), actor=morocco, now=LATER
    )
    assert (done.view["born_on"], done.view["part"], done.view["version"]) == ("1987-05-17", "accused", 2)
    assert done.view["names"][0]["as_written"] == NAME
    error = await refused(
        change_person(db, request_id, made, change, expected=None, actor=spain, now=LATER), NotAllowed
    )
    assert "MA" in error.detail
    head = await account(db, "ES", role=Role.HEAD)
    ground = ErasureGround.ORDERED
    await refused(erase_person(db, request_id, made, ground, actor=head, now=LATER), NotAllowed)
    await refused(
        change_person(db, request_id, made, change, expected=frozenset({1}), actor=morocco, now=LATER),
        VersionStale,
    )


async def test_the_same_again_makes_no_new_version(db: Database, morocco: Actor, request_id: UUID) -> None:
    made = await a_person().known(born_on="1987").recorded(db, request_id, morocco, NOW)
    same = {"born_on": "1987"}
    done = await change_person(db, request_id, made, same, expected=None, actor=morocco, now=LATER)
    assert done.view["version"] == 1
    assert len(await entries_of(db, request_id)) == 2


async def test_no_word_on_a_person_stands_in_the_database_and_none_in_the_audit(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    made = await a_person().known(remarks="Limps").recorded(db, request_id, morocco, NOW)
    await change_person(db, request_id, made, {"remarks": "Walks"}, expected=None, actor=morocco, now=LATER)
    held = await everything(db)
    for word in ("Ruiz", "Limps", "Walks"):
        assert word not in held
        assert word.encode().hex() not in held
    (_, (recorded, told), (changed, after)) = await entries_of(db, request_id)
    assert (recorded, changed) == ("person.recorded", "person.changed")
    assert {one["table"] for one in told["changes"]} == {"person", "record_key"} - {"record_key"}
    [change] = after["changes"]
    assert set(change["after"]) == {"commitment"}
    assert (await verify(db)).findings == ()


async def test_an_erased_person_is_gone_with_the_secret_and_the_commitment_stays(
    db: Database, morocco: Actor, spain: Actor, request_id: UUID
) -> None:
    made = await a_person().recorded(db, request_id, morocco, NOW)
    other = await a_person("Another").recorded(db, request_id, morocco, NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        before = await tx.fetchrow("select commitment from person where id = $1", made)
    assert before is not None
    for _ in range(2):  # a second time changes nothing
        ground = ErasureGround.NOT_CONCERNED
        done = await erase_person(db, request_id, made, ground, actor=morocco, now=LATER)
        assert (done.view["erased_at"], done.view["erased_for"], done.view["names"]) == (LATER, ground, None)
        assert done.view["version"] == 2
    async with db.transaction(DbRole.OWNER) as tx:
        row = await tx.fetchrow("select * from person where id = $1", made)
    assert row is not None
    assert (row["sealed"], row["salt"], row["commitment"]) == (None, None, before["commitment"])
    assert (await seen(db, request_id, made, spain))["names"] is None
    assert (await seen(db, request_id, other, spain))["names"][0]["as_written"] == "Another"
    await refused(
        change_person(db, request_id, made, {"sex": "male"}, expected=None, actor=morocco, now=LATER),
        ActNotPossible,
    )
    assert [what for what, _ in await entries_of(db, request_id)][-1] == "person.removed"
    assert (await verify(db)).findings == ()


async def test_a_document_moved_to_another_person_is_not_read_as_theirs(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    one = await a_person("One").recorded(db, request_id, morocco, NOW)
    other = await a_person("Other").recorded(db, request_id, morocco, NOW)
    await as_owner(
        db, "update person set sealed = (select sealed from person where id = $1) where id = $2", one, other
    )
    with pytest.raises(SealBroken):
        await seen(db, request_id, other, morocco)


async def test_an_extradition_of_two_persons_is_warned_of_and_not_refused(
    db: Database, morocco: Actor
) -> None:
    case = await a_case(RequestKind.EXTRADITION).then("sent", "2026-03-02").logged(db, morocco)
    sought = a_person().as_a(Part.PERSON_SOUGHT)
    first = await sought.recorded(db, case, morocco, NOW)
    witness = await a_person("Witness").as_a(Part.WITNESS).recorded(db, case, morocco, NOW)
    assert (await seen(db, case, first, morocco))["warnings"] == []
    second = await sought.recorded(db, case, morocco, NOW)
    for one in (first, second):
        [warning] = (await seen(db, case, one, morocco))["warnings"]
        assert warning.startswith("2 persons sought")
    assert (await seen(db, case, witness, morocco))["warnings"] == []
    await erase_person(db, case, second, ErasureGround.RECORDED_IN_ERROR, actor=morocco, now=LATER)
    assert (await seen(db, case, first, morocco))["warnings"] == []


async def test_two_persons_sought_in_a_request_for_evidence_are_no_matter(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    sought = a_person().as_a(Part.PERSON_SOUGHT)
    made = [await sought.recorded(db, request_id, morocco, NOW) for _ in range(2)]
    assert (await seen(db, request_id, made[0], morocco))["warnings"] == []


@pytest.mark.parametrize(
    ("content", "pointer"),
    [({"names": []}, "/names"), ({"born_on": "2027"}, "/born_on"), ({"born_on": "2026-03-11"}, "/born_on")],
)
async def test_what_cannot_be_said_of_a_person_is_refused_without_repeating_it(
    db: Database, morocco: Actor, request_id: UUID, content: dict[str, Any], pointer: str
) -> None:
    entry = a_person().known(birth_place="Cartagena", **content)
    error = await refused(
        record_person(db, request_id, entry.entry, actor=morocco, now=NOW), InvalidEntry, pointer
    )
    assert "Cartagena" not in str((error.detail, error.fields))
    made = await a_person().recorded(db, request_id, morocco, NOW)
    await refused(
        change_person(db, request_id, made, content, expected=None, actor=morocco, now=NOW),
        InvalidEntry,
        pointer,
    )


async def test_a_person_born_this_month_or_this_year_is_possible(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    for day in ("2026", "2026-03", "2026-03-10"):
        await a_person().known(born_on=day).recorded(db, request_id, morocco, NOW)


async def test_persons_of_a_draft_are_seen_by_its_own_side_alone(
    db: Database, morocco: Actor, spain: Actor
) -> None:
    draft = await a_case().then("drafted", "2026-03-02").logged(db, morocco)
    made = await a_person().recorded(db, draft, morocco, NOW)
    with pytest.raises(NotFound):
        await seen(db, draft, made, spain)
    ground = ErasureGround.ORDERED
    for attempt in (
        record_person(db, draft, a_person().entry, actor=spain, now=NOW),
        change_person(db, draft, made, {"sex": "male"}, expected=None, actor=spain, now=NOW),
        erase_person(db, draft, made, ground, actor=spain, now=NOW),
        record_note(db, draft, "x", actor=spain, now=NOW),
    ):
        await refused(attempt, NotFound)


async def test_a_person_belongs_to_one_request(db: Database, morocco: Actor, request_id: UUID) -> None:
    made = await a_person().recorded(db, request_id, morocco, NOW)
    other = await a_case().then("sent", "2026-03-02").logged(db, morocco)
    with pytest.raises(NotFound):
        await seen(db, other, made, morocco)
    ground = ErasureGround.ORDERED
    await refused(erase_person(db, other, made, ground, actor=morocco, now=NOW), NotFound)
    note = await record_note(db, request_id, "x", actor=morocco, now=NOW)
    await refused(erase_note(db, other, note.id, ground, actor=morocco, now=NOW), NotFound)


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
async def test_who_does_not_work_on_cases_neither_reads_nor_records(
    db: Database, morocco: Actor, request_id: UUID, role: Role
) -> None:
    made = await a_person().recorded(db, request_id, morocco, NOW)
    onlooker = await account(db, "MA", role=role)
    with pytest.raises(NotFound):
        await seen(db, request_id, made, onlooker)
    ground = ErasureGround.ORDERED
    for attempt in (
        record_person(db, request_id, a_person().entry, actor=onlooker, now=NOW),
        change_person(db, request_id, made, {"sex": "male"}, expected=None, actor=onlooker, now=NOW),
        erase_person(db, request_id, made, ground, actor=onlooker, now=NOW),
        record_note(db, request_id, "x", actor=onlooker, now=NOW),
    ):
        await refused(attempt, NotAllowed)


async def test_a_machine_records_persons_and_erases_none(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    machine = await account(db, "MA", role=Role.INTEGRATION)
    made = await a_person().recorded(db, request_id, machine, NOW)
    await refused(
        erase_person(db, request_id, made, ErasureGround.ORDERED, actor=machine, now=NOW), NotAllowed
    )


async def test_the_first_two_persons_at_once_are_sealed_under_one_key(
    db: Database, morocco: Actor, spain: Actor, request_id: UUID
) -> None:
    made = await asyncio.gather(
        *(
            a_person(f"Person {n}").recorded(db, request_id, who, NOW)
            for n, who in enumerate((morocco, spain) * 3)
        )
    )
    names = {(await seen(db, request_id, one, spain))["names"][0]["as_written"] for one in made}
    assert names == {f"Person {n}" for n in range(6)}
    assert (await verify(db)).findings == ()


async def test_a_repeated_call_makes_one_person(db: Database, morocco: Actor, request_id: UUID) -> None:
    key = IdempotencyKey(morocco.account_id, "POST /x", "k", b"0" * 32)
    made = {
        (await record_person(db, request_id, a_person().entry, actor=morocco, now=NOW, idempotency=key)).id
        for _ in range(2)
    }
    assert len(made) == 1


async def test_a_request_holds_so_many_persons_and_no_more(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    await as_owner(
        db,
        "insert into person (id, request_id, requesting_country, requested_country, recorded_by, recorded_by_account, "
        "part, sealed, salt, commitment, created_at, updated_at) select gen_random_uuid(), $1, 'MA', 'ES', 'MA', $2, "
        f"'other', 'x', 'x', 'x', now(), now() from generate_series(1, {MOST_PERSONS})",
        request_id,
        morocco.account_id,
    )
    await refused(record_person(db, request_id, a_person().entry, actor=morocco, now=NOW), InvalidEntry)


async def test_an_erased_note_is_gone_with_its_secret(db: Database, morocco: Actor, request_id: UUID) -> None:
    made = await record_note(db, request_id, "Ruiz rang", actor=morocco, now=NOW)
    async with db.transaction(DbRole.OWNER) as tx:
        before = await tx.fetchrow("select * from free_text where id = $1", made.id)
        wrapped = await tx.fetchval("select wrapped from record_key where request_id = $1", request_id)
    assert before is not None
    assert db.vault is not None
    key = db.vault.record_key(request_id, wrapped)
    assert unseal(key, before["sealed"], made.id) == "Ruiz rang"
    with pytest.raises(SealBroken):
        unseal(key, before["sealed"], request_id)
    for _ in range(2):
        ground = ErasureGround.ASKED_BY_THE_PERSON
        done = await erase_note(db, request_id, made.id, ground, actor=morocco, now=LATER)
        assert (done.view["text"], done.view["erased_at"], done.view["erased_for"]) == (None, LATER, ground)
    held = await everything(db)
    assert before["sealed"].hex() not in held
    assert before["salt"].hex() not in held
    assert before["commitment"].hex() in held
    whats = [what for what, _ in await entries_of(db, request_id)]
    assert whats == ["request.logged", "note.recorded", "note.erased"]
    assert (await verify(db)).findings == ()


async def test_every_refusal_of_a_person_is_one_of_ours(
    db: Database, morocco: Actor, request_id: UUID
) -> None:
    nowhere = UUID(int=7)
    for attempt in (
        record_person(db, nowhere, a_person().entry, actor=morocco, now=NOW),
        change_person(db, request_id, nowhere, {"sex": "male"}, expected=None, actor=morocco, now=NOW),
        erase_person(db, request_id, nowhere, ErasureGround.ORDERED, actor=morocco, now=NOW),
        erase_note(db, request_id, nowhere, ErasureGround.ORDERED, actor=morocco, now=NOW),
    ):
        with pytest.raises(DomainError):
            await attempt
