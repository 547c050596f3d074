"""Acts that were taken back, persons and notes in files: what is taken, skipped, refused, told, and kept back."""

import json
from datetime import timedelta
from typing import Any

from mla_tracker.commands.notes import erase_note
from mla_tracker.commands.persons import erase_person
from mla_tracker.commands.verifying import verify
from mla_tracker.domain.persons import ErasureGround
from mla_tracker.domain.vocabulary import Role
from mla_tracker.queries.notes import notes
from mla_tracker.queries.persons import persons
from mla_tracker.storage.database import Database, DbRole
from tests.builders.files import export_of, imported, without_ids, written
from tests.builders.register import NOW, account

LATER = NOW + timedelta(days=1)

A_CASE: dict[str, Any] = {
    "external_reference": "V-1",
    "kind": "evidence",
    "requesting_country": "MA",
    "requested_country": "ES",
    "assistance": ["records"],
    "events": [
        {"type": "sent", "occurred_on": "2026-01-04", "voided": {"reason": "A day early.", "replaced_by": 2}},
        {"type": "sent", "occurred_on": "2026-01-05", "voided": {"reason": "Still wrong.", "replaced_by": 3}},
        {"type": "sent", "occurred_on": "2026-01-06", "note": "By courier."},
        {"type": "reminded", "occurred_on": "2026-01-20", "voided": {"reason": "On another case."}},
    ],
    "persons": [
        {"part": "suspect", "names": [{"as_written": "Julia Ruiz Ortega"}], "born_on": "1987-05"},
        {"part": "witness", "remarks": "Not known by name.", "names": []},
    ],
    "notes": [{"text": "The court rang."}, {"text": "It rang again."}],
}


def but(**more: Any) -> dict[str, Any]:
    return {name: value for name, value in (A_CASE | more).items() if value is not None}


async def test_the_audit_tells_of_what_was_imported_as_if_it_had_been_done_step_by_step(db: Database) -> None:
    officer = await account(db, "MA")
    done = await imported(db, officer, written(A_CASE), form="ndjson")
    assert done.counts == (1, 0, 0), done.remarks
    async with db.transaction(DbRole.OWNER, read_only=True) as tx:
        entries = await tx.fetch(
            "select what, position, details, account_id, country, seen_by from audit_entry "
            "where chain_kind = 'request' order by position"
        )
        by_id = await tx.fetch("select position from audit_entry where chain_kind = 'request' order by id")
        marks = await tx.fetch("select * from event_void")
        keys = await tx.fetchval("select count(*) from record_key")
    assert [row["what"] for row in entries] == [
        "request.logged", *["request.act_voided"] * 3, *["person.recorded"] * 2, *["note.recorded"] * 2,
    ]  # fmt: skip
    assert [row["position"] for row in entries] == [row["position"] for row in by_id] == list(range(1, 9))
    assert {(row["account_id"], row["country"], *row["seen_by"]) for row in entries} == {
        (officer.account_id, "MA", "MA")
    }
    tables = [[one["table"] for one in json.loads(row["details"])["changes"]] for row in entries]
    assert tables[:4] == [
        ["request", "request_event", "request_event"],
        ["request_event", "free_text", "event_void"],
        ["request_event", "free_text", "free_text", "event_void"],
        ["free_text", "event_void"],
    ]
    assert (len(marks), keys) == (3, 1)
    assert {row["voided_by"] for row in marks} == {"MA"}
    assert (await verify(db)).findings == ()


async def test_what_a_file_is_silent_on_is_not_held_against_it_and_what_it_says_otherwise_is(
    db: Database,
) -> None:
    officer = await account(db, "MA")
    await imported(db, officer, written(A_CASE), form="ndjson")
    standing = [{"type": "sent", "occurred_on": "2026-01-06", "note": "By courier."}]
    same = [
        A_CASE,
        but(persons=None),
        but(notes=None),
        but(events=standing),
        but(events=standing, persons=None, notes=None),
        but(persons=A_CASE["persons"][::-1], notes=A_CASE["notes"][::-1]),
    ]
    done = await imported(db, officer, written(*same), form="ndjson", now=LATER)
    assert done.counts == (0, 6, 0), done.remarks
    late = [{**A_CASE["events"][0], "voided": {"reason": "Another reason.", "replaced_by": 2}}]
    other = {
        "persons": but(persons=A_CASE["persons"][:1]),
        "notes": but(notes=[{"text": "The court wrote."}]),
        "events": but(events=[*late, *A_CASE["events"][1:]]),
        "events, persons": but(
            events=A_CASE["events"][:3], persons=[{**A_CASE["persons"][0], "sex": "female"}]
        ),
    }
    done = await imported(db, officer, written(*other.values()), form="ndjson", now=LATER)
    assert done.counts == (0, 0, 4)
    for row, names in enumerate(other, start=1):
        assert f"something else ({names})" in done.why(row)
    assert "Julia" not in str(done.remarks)


async def test_the_same_row_twice_in_one_file_is_skipped_where_it_says_less_and_refused_where_it_says_else(
    db: Database,
) -> None:
    officer = await account(db, "MA")
    rows = written(A_CASE, but(persons=None), but(notes=[{"text": "Another."}]))
    done = await imported(db, officer, rows, form="ndjson")
    assert (done.counts, done.refused) == ((1, 1, 1), [(3, "/external_reference")])
    dry = await imported(db, officer, written(but(external_reference="V-2")), form="ndjson", dry_run=True)
    assert dry.counts == (1, 0, 0)


FAULTS: dict[str, dict[str, Any]] = {
    "/events/0/voided/replaced_by": but(
        events=[{"type": "sent", "occurred_on": "2026-01-04", "voided": {"reason": "x", "replaced_by": 1}}]
    ),
    "/events/1/voided/replaced_by": but(
        events=[
            {**act, "voided": {"reason": "x", "replaced_by": 3}} if place < 2 else act
            for place, act in enumerate(A_CASE["events"])
        ]
    ),
    "/events/0/voided/by": but(
        events=[{"type": "sent", "occurred_on": "2026-01-04", "voided": {"reason": "x", "by": "ES"}}]
    ),
    "/events/0/asserted_by": but(
        events=[
            {"type": "received", "occurred_on": "2026-01-04", "asserted_by": "ES", "voided": {"reason": "x"}}
        ]
    ),
    "/events/0/voided/reason": but(
        events=[{"type": "sent", "occurred_on": "2026-01-04", "voided": {"reason": " "}}]
    ),
    "/events/0/voided/because": but(
        events=[{"type": "sent", "occurred_on": "2026-01-04", "voided": {"because": "x"}}]
    ),
    "/events/0/occurred_on": but(
        events=[{"type": "sent", "occurred_on": "2099-01-04", "voided": {"reason": "x"}}]
    ),
    "/events/0/data/ground": but(
        events=[{"type": "refused", "occurred_on": "2026-01-04", "voided": {"reason": "x"}}]
    ),
    "/persons/1/names": but(persons=[A_CASE["persons"][0], {"part": "suspect"}]),
    "/persons/0/born_on": but(persons=[{"part": "suspect", "remarks": "x", "born_on": "2099"}]),
    "/persons/0/part": but(persons=[{"part": "bystander", "remarks": "x"}]),
    "/persons/0/height": but(persons=[{"part": "suspect", "remarks": "x", "height": 1}]),
    "/persons/0/recorded_by": but(persons=[{"part": "suspect", "remarks": "x", "recorded_by": "ES"}]),
    "/notes/0/country": but(notes=[{"text": "x", "country": "ES"}]),
    "/notes/1/text": but(notes=[{"text": "x"}, {"text": ""}]),
    "/notes/0": but(notes=["x"]),
}


async def test_what_cannot_be_is_refused_with_the_row_and_the_place_in_it(db: Database) -> None:
    officer = await account(db, "MA")
    done = await imported(db, officer, written(*FAULTS.values()), form="ndjson")
    assert done.counts == (0, 0, len(FAULTS)), done.remarks
    assert [field for _, field in done.refused] == list(FAULTS), done.remarks
    assert not any(word in str(done.remarks) for word in ("bystander", "Julia", "court rang", "2099-01"))
    circle = [
        {"type": "sent", "occurred_on": "2026-01-04", "voided": {"reason": "x", "replaced_by": 2}},
        {"type": "sent", "occurred_on": "2026-01-05", "voided": {"reason": "x", "replaced_by": 1}},
    ]
    done = await imported(db, officer, written(but(events=circle)), form="ndjson")
    assert [field for _, field in done.refused] == [f"/events/{place}/voided/replaced_by" for place in (0, 1)]
    header = "kind,requesting_country,requested_country,persons,notes\n"
    rows = 'evidence,MA,ES,"[{""part"": ""suspect""}]","[{""text"": 1}]"\nevidence,MA,ES,[,[]\n'
    done = await imported(db, officer, header + rows)
    assert done.refused == [(2, "notes/0/text"), (3, "persons")]
    done = await imported(db, officer, header + 'evidence,MA,ES,"[{""part"": ""suspect""}]",\n')
    assert done.refused == [(2, "persons/0/names")]


async def test_acts_of_the_other_country_that_records_its_own_are_not_taken_back_in_its_place(
    db: Database,
) -> None:
    officer = await account(db, "MA")
    await account(db, "ES")
    events = [
        {"type": "sent", "occurred_on": "2026-01-05"},
        {"type": "executed", "occurred_on": "2026-01-09", "voided": {"reason": "x"}},
    ]
    done = await imported(db, officer, written(but(events=events)), form="ndjson")
    assert done.refused == [(1, "/events/1/type")]


async def test_two_persons_sought_by_one_extradition_are_taken_with_a_warning(db: Database) -> None:
    officer = await account(db, "MA")
    sought = [{"part": "person_sought", "remarks": "x"}] * 2
    events = [{"type": "sent", "occurred_on": "2026-01-05"}]
    row = but(kind="extradition", assistance=None, persons=sought, events=events)
    done = await imported(db, officer, written(row), form="ndjson")
    assert done.counts == (1, 0, 0)
    assert "an extradition is about one" in done.why(1)


async def test_who_reads_neither_persons_nor_notes_exports_none(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    await imported(
        db, head, written(A_CASE, but(external_reference="V-2", handling="confidential")), form="ndjson"
    )
    own = await export_of(db, head, form="ndjson")
    assert (own.count("Julia"), own.count("The court rang"), own.count("A day early")) == (2, 2, 2)
    officer = await export_of(db, await account(db, "MA"), form="ndjson")
    assert (officer.count("Julia"), officer.count("The court rang")) == (1, 1)
    other = await export_of(db, await account(db, "ES"), form="ndjson")
    assert ("Julia" in other, "A day early" in other) == (True, True)
    assert "The court rang" not in other
    for role in (Role.MINISTRY, Role.AUDITOR, Role.ADMIN):
        for form in ("csv", "ndjson"):
            plain = await export_of(db, await account(db, "MA", role=role), form=form)
            assert "V-1" in plain
            assert "replaced_by" in plain
            assert not any(
                word in plain for word in ("suspect", "Julia", "court", "day early", "courier", "Still")
            )


async def test_what_was_erased_does_not_come_out_and_the_rest_is_imported(
    db: Database, elsewhere: Database
) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    await imported(db, head, written(A_CASE), form="ndjson")
    async with db.transaction(DbRole.API, viewer=head, read_only=True) as tx:
        of = await tx.fetchval("select id from request")
        [one, _] = await persons(tx, of, actor=head, after=None, as_of=LATER, limit=9)
        [_, note] = await notes(tx, of, actor=head, after=None, as_of=LATER, limit=9)
    await erase_person(db, of, one["id"], ErasureGround.ORDERED, actor=head, now=LATER)
    await erase_note(db, of, note["id"], ErasureGround.ORDERED, actor=head, now=LATER)
    async with db.transaction(DbRole.OWNER) as tx:
        await tx.execute(
            "update free_text set sealed = null, salt = null, erased_at = now() where field = 'void_reason'"
        )
    for form in ("csv", "ndjson"):
        first = await export_of(db, head, form=form)
        assert not any(word in first for word in ("Julia", "The court rang", "day early"))
        assert all(word in first for word in ("Not known by name", "It rang again", "voided"))
        there = await account(elsewhere, "MA", role=Role.HEAD)
        done = await imported(elsewhere, there, first, form=form)
        assert done.counts[2] == 0, done.remarks
        assert without_ids(await export_of(elsewhere, there, form=form)) == without_ids(first)


async def test_more_acts_than_a_request_holds_are_refused_and_those_taken_back_do_not_count(
    db: Database,
) -> None:
    officer = await account(db, "MA")
    sent = {"type": "sent", "occurred_on": "2026-01-05"}
    reminded = {"type": "reminded", "occurred_on": "2026-01-20"}
    many = [sent, *[reminded] * 1000]
    done = await imported(db, officer, written(but(events=many)), form="ndjson", piece=4096)
    assert done.refused == [(1, "/events")]
    fewer = [sent, *[reminded] * 3, *[{**reminded, "voided": {"reason": "x"}}] * 1100]
    done = await imported(db, officer, written(but(events=fewer)), form="ndjson", piece=4096)
    assert done.counts == (1, 0, 0), done.remarks


async def test_a_case_of_which_much_is_told_comes_in_again_from_one_row(
    db: Database, elsewhere: Database
) -> None:
    officer = await account(db, "MA")
    full = but(notes=[{"text": f"{number} {'long ' * 1500}"} for number in range(60)])
    await imported(db, officer, written(full), form="ndjson", piece=4096)
    there = await account(elsewhere, "MA")
    first = await export_of(db, officer)
    done = await imported(elsewhere, there, first, piece=4096)
    assert done.counts == (1, 0, 0), done.remarks
    assert without_ids(await export_of(elsewhere, there)) == without_ids(first)


async def test_a_request_whose_sending_was_taken_back_comes_in_as_what_the_other_country_has_seen(
    db: Database,
) -> None:
    officer = await account(db, "MA")
    reminded = {"type": "reminded", "occurred_on": "2026-01-20"}
    done = await imported(db, officer, written(but(events=[reminded])), form="ndjson")
    assert done.refused == [(1, "/events/0/type")]
    seen = [reminded, {"type": "sent", "occurred_on": "2026-01-05", "voided": {"reason": "Another day."}}]
    done = await imported(db, officer, written(but(events=seen)), form="ndjson")
    assert done.counts == (1, 0, 0), done.remarks
    assert "V-1" not in await export_of(db, await account(db, "ES"), form="ndjson")
    assert "reminded" in await export_of(db, await account(db, "ES"), form="ndjson")


async def test_a_file_from_before_somebody_was_erased_does_not_bring_them_back(db: Database) -> None:
    head = await account(db, "MA", role=Role.HEAD)
    await imported(db, head, written(A_CASE), form="ndjson")
    before = await export_of(db, head, form="ndjson")
    async with db.transaction(DbRole.API, viewer=head, read_only=True) as tx:
        of = await tx.fetchval("select id from request")
        [one, _] = await persons(tx, of, actor=head, after=None, as_of=LATER, limit=9)
    await erase_person(db, of, one["id"], ErasureGround.ORDERED, actor=head, now=LATER)
    done = await imported(db, head, before, form="ndjson", now=LATER)
    assert done.refused == [(1, "/external_reference")]
    assert "(persons)" in done.why(1)
    assert "Julia" not in await export_of(db, head, form="ndjson")


async def test_a_dry_run_leaves_out_links_to_rows_of_its_file_and_what_hangs_on_them(db: Database) -> None:
    officer = await account(db, "MA")
    link = {"request_reference": "V-1", "relation": "related"}
    linked: dict[str, Any] = {"type": "linked", "occurred_on": "2026-01-20", "data": link}
    supplied = {"type": "information_supplied", "occurred_on": "2026-01-21", "data": {"answers_act": 3}}
    sent = {"type": "sent", "occurred_on": "2026-01-05"}
    right = [sent, {**linked, "voided": {"reason": "x", "replaced_by": 3}}, linked, supplied]
    wrong = [*right, {**sent, "voided": {"reason": "x", "replaced_by": 9}}]
    rows = written(
        A_CASE, but(external_reference="V-2", events=right), but(external_reference="V-3", events=wrong)
    )
    for dry_run in (True, False):
        done = await imported(db, officer, rows, form="ndjson", dry_run=dry_run)
        assert done.counts == (2, 0, 1), done.remarks
        assert [row for row, _ in done.refused] == [3]
