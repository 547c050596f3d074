"""Recording and changing agreements: who sees them, who changes them, what is refused."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mla_tracker.commands.agreements import NewAgreement, change_agreement, record_agreement, record_event
from mla_tracker.domain.errors import (
    AlreadyRecorded,
    DatedInFuture,
    InvalidEntry,
    NotAllowed,
    NotFound,
    VersionStale,
)
from mla_tracker.domain.limits import Span, Trigger
from mla_tracker.domain.vocabulary import (
    Act,
    AgreementKind,
    AgreementScope,
    AgreementStatus,
    Basis,
    RequestKind,
    Role,
    Unit,
)
from mla_tracker.queries.agreements import AgreementView, governing_between
from mla_tracker.storage.agreements import PartyRow, limits_of, load
from mla_tracker.storage.database import Database, DbRole
from tests.builders.actors import seen_by
from tests.builders.register import DRAFT, IN_FORCE, NOW, SIGNED, account, entry, event, listed, refused, seen


async def test_an_agreement_belongs_to_the_party_that_the_account_speaks_for(db: Database) -> None:
    both = await account(db, "FR", "ES", "MA")
    own = await record_agreement(db, entry(), actor=both, now=NOW)
    foreign = await record_agreement(db, entry(DRAFT, "DE", "PL"), actor=both, now=NOW)
    assert (await seen(db, own.id, both)).recorded_by == "MA"
    assert (await seen(db, foreign.id, both)).recorded_by == "FR"


async def test_before_signature_only_the_recording_country_sees_an_agreement(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    done = await record_agreement(db, entry(), actor=morocco, now=NOW)
    await record_event(db, done.id, event("initialled", "2026-02-01"), actor=morocco, now=NOW)

    await refused(seen(db, done.id, spain), NotFound)
    await refused(
        change_agreement(db, done.id, {"title": "x"}, versions=None, actor=spain, now=NOW), NotFound
    )
    await refused(record_event(db, done.id, event("signed", "2026-03-01"), actor=spain, now=NOW), NotFound)
    assert await listed(db, spain) == []
    assert await listed(db, morocco) == [DRAFT.title]

    await record_event(db, done.id, event("signed", "2026-03-01"), actor=morocco, now=NOW)
    assert (await seen(db, done.id, spain)).status is AgreementStatus.SIGNED
    assert await listed(db, spain) == [DRAFT.title]


async def test_what_does_not_exist_and_what_is_secret_get_the_same_answer(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    secret = (await record_agreement(db, entry(), actor=morocco, now=NOW)).id
    nothing = uuid4()
    hidden = await refused(seen(db, secret, spain), NotFound)
    missing = await refused(seen(db, nothing, spain), NotFound)
    assert hidden.detail.replace(str(secret), "") == missing.detail.replace(str(nothing), "")


async def test_an_agreement_becomes_public_on_the_day_it_is_applied_where_it_was_recorded(
    db: Database,
) -> None:
    ecuador, spain = await account(db, "EC"), await account(db, "ES")
    planned = replace(DRAFT, provisionally_applied_from=date(2026, 3, 3))
    done = await record_agreement(db, entry(planned, "EC", "ES"), actor=ecuador, now=NOW)
    evening_in_quito = datetime(2026, 3, 3, 4, 59, tzinfo=UTC)
    await refused(seen(db, done.id, spain, evening_in_quito), NotFound)
    assert await listed(db, spain, now=evening_in_quito) == []
    midnight_in_quito = evening_in_quito + timedelta(minutes=1)
    assert (await seen(db, done.id, spain, midnight_in_quito)).status is AgreementStatus.PROVISIONALLY_APPLIED
    assert await listed(db, spain, now=midnight_in_quito) == [DRAFT.title]


async def test_only_the_recording_country_changes_what_all_can_see(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    done = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW)
    signature = event("ratified", "2026-01-01", by="ES")
    error = await refused(record_event(db, done.id, signature, actor=spain, now=NOW), NotAllowed)
    assert "recorded by MA" in error.detail
    await refused(
        change_agreement(db, done.id, {"title": "x"}, versions=None, actor=spain, now=NOW), NotAllowed
    )
    assert (await seen(db, done.id, spain)).version == 1


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR])
async def test_ministry_and_auditor_read_only(db: Database, role: Role) -> None:
    officer, reader = await account(db, "MA"), await account(db, "MA", role=role)
    await refused(record_agreement(db, entry(), actor=reader, now=NOW), NotAllowed)
    done = await record_agreement(db, entry(), actor=officer, now=NOW)
    await refused(record_event(db, done.id, event("signed", "2026-03-01"), actor=reader, now=NOW), NotAllowed)
    assert (await seen(db, done.id, reader)).title == DRAFT.title


async def test_notes_and_references_are_for_the_recording_country(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    ministry = await account(db, "MA", role=Role.MINISTRY)
    fields = replace(SIGNED, notes="They insist on Art. 4.", external_reference="MLA/7")
    done = await record_agreement(db, entry(fields), actor=morocco, now=NOW)
    noted = replace(event("amended", "2026-01-01"), note="By exchange of letters.")
    await record_event(db, done.id, noted, actor=morocco, now=NOW)

    def texts(view: AgreementView) -> tuple[str | None, ...]:
        return view.notes, view.external_reference, view.events[0].note

    assert texts(await seen(db, done.id, morocco)) == (
        "They insist on Art. 4.",
        "MLA/7",
        "By exchange of letters.",
    )
    assert texts(await seen(db, done.id, spain)) == (None, None, None)
    assert texts(await seen(db, done.id, ministry)) == (None, "MLA/7", None)


async def test_odd_dates_are_taken_with_a_warning(db: Database) -> None:
    morocco = await account(db, "MA")
    fields = replace(SIGNED, in_force_from=date(2018, 1, 1))
    done = await record_agreement(db, entry(fields), actor=morocco, now=NOW)
    assert [step.code for step in (await seen(db, done.id, morocco)).warnings] == [
        "in-force-before-signature"
    ]


async def test_what_has_not_happened_yet_is_refused_where_the_agreement_was_recorded(db: Database) -> None:
    ecuador, japan = await account(db, "EC"), await account(db, "JP")
    evening_in_quito = datetime(2026, 3, 3, 1, tzinfo=UTC)
    fields = replace(DRAFT, signed_on=date(2026, 3, 3))
    party = PartyRow(country="ES", signed_on=date(2026, 3, 4))
    call = record_agreement(db, entry(fields, "EC", party), actor=ecuador, now=evening_in_quito)
    await refused(call, DatedInFuture, "/signed_on", "/parties/1/signed_on")
    await record_agreement(db, entry(fields, "JP", "ES"), actor=japan, now=evening_in_quito)

    planned = replace(DRAFT, in_force_from=date(2030, 1, 1), terminated_on=date(2040, 1, 1))
    done = await record_agreement(db, entry(planned, "EC", "ES"), actor=ecuador, now=evening_in_quito)
    tomorrow = event("signed", "2026-03-03")
    await refused(
        record_event(db, done.id, tomorrow, actor=ecuador, now=evening_in_quito),
        DatedInFuture,
        "/occurred_on",
    )
    assert (await seen(db, done.id, ecuador)).version == 1


LIMIT: Mapping[str, Any] = {
    "kind": "evidence",
    "stage": "execute",
    "amount": 60,
    "unit": "days",
    "provision": "Art. 9(2)",
    "starts_on": ["received"],
    "stops_on": ["executed", {"act": "refused", "where": {"items": "all"}, "date_field": None}],
}
CONTRADICTIONS: list[tuple[NewAgreement, list[str]]] = [
    (entry(DRAFT, "MA", "ES", "FR"), ["/parties"]),
    (entry(DRAFT, "MA", "MA"), ["/parties/0", "/parties/1"]),
    (entry(replace(DRAFT, scope=AgreementScope.MULTILATERAL), "MA"), ["/parties"]),
    (
        entry(DRAFT, PartyRow(organisation="Caricc"), PartyRow(organisation="CARICC")),
        ["/parties/0", "/parties/1"],
    ),
    (entry(replace(DRAFT, limits=({**LIMIT, "counting": "instants"},))), ["/limits/0/unit"]),
    (entry(replace(DRAFT, limits=(LIMIT, {**LIMIT, "stops_on": ["surrendered"]}))), ["/limits/1/stops_on"]),
    (entry(replace(DRAFT, limits=({**LIMIT, "counting": "lunar"},))), ["/limits/0/counting"]),
    (entry(replace(DRAFT, limits=(LIMIT, {**LIMIT, "amount": 90, "provision": "Art. 10"}))), ["/limits/1"]),
    (
        entry(
            replace(
                DRAFT, limits=({**LIMIT, "valid_to": "2020-01-02"}, {**LIMIT, "valid_from": "2020-01-01"})
            )
        ),
        ["/limits/1"],
    ),
    (
        entry(replace(DRAFT, limits=({**LIMIT, "valid_from": "2020-01-01", "valid_to": "2020-01-01"},))),
        ["/limits/0/valid_to"],
    ),
    (
        entry(
            replace(DRAFT, limits=({**LIMIT, "extension": {"each": {"amount": 2, "unit": "hours"}}},)),
            "MA",
            "MA",
        ),
        ["/parties/0", "/parties/1", "/limits/0/extension/each"],
    ),
]


async def test_limits_for_different_cases_or_days_stand_beside_each_other(db: Database) -> None:
    parted = (
        {**LIMIT, "valid_to": "2020-01-01"},
        {**LIMIT, "valid_from": "2020-01-01", "amount": 45, "conditions": {"urgency": ["routine"]}},
        {**LIMIT, "valid_from": "2020-01-01", "amount": 15, "conditions": {"urgency": ["urgent"]}},
        {**LIMIT, "tier": "may", "amount": 30},
    )
    morocco = await account(db, "MA")
    await record_agreement(db, entry(replace(DRAFT, limits=parted)), actor=morocco, now=NOW)
    assert len(await listed(db, morocco)) == 1


@pytest.mark.parametrize(("wrong", "pointers"), CONTRADICTIONS)
async def test_what_contradicts_itself_is_refused_with_every_field(
    db: Database, wrong: NewAgreement, pointers: list[str]
) -> None:
    morocco = await account(db, "MA")
    await refused(record_agreement(db, wrong, actor=morocco, now=NOW), InvalidEntry, *pointers)
    assert await listed(db, morocco) == []


async def test_a_reference_is_given_once_in_a_country(db: Database) -> None:
    morocco, spain = await account(db, "MA"), await account(db, "ES")
    fields = replace(DRAFT, external_reference="MLA/7")
    first = await record_agreement(db, entry(fields), actor=morocco, now=NOW)
    await record_agreement(db, entry(fields), actor=spain, now=NOW)
    again = record_agreement(db, entry(fields), actor=morocco, now=NOW)
    await refused(again, AlreadyRecorded, "/external_reference")
    other = await record_agreement(db, entry(), actor=morocco, now=NOW)
    changes = {"external_reference": "MLA/7"}
    call = change_agreement(db, other.id, changes, versions=None, actor=morocco, now=NOW)
    await refused(call, AlreadyRecorded, "/external_reference")
    assert await change_agreement(db, first.id, changes, versions=None, actor=morocco, now=NOW) == 1


async def test_two_at_once_with_one_reference_leave_one_agreement(db: Database) -> None:
    morocco = await account(db, "MA")
    fields = replace(DRAFT, external_reference="MLA/7")
    calls = [record_agreement(db, entry(fields), actor=morocco, now=NOW) for _ in range(4)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["AlreadyRecorded"] * 3 + ["Recorded"]


async def test_a_change_needs_the_version_it_is_based_on(db: Database) -> None:
    morocco = await account(db, "MA")
    done = await record_agreement(db, entry(SIGNED), actor=morocco, now=NOW)

    async def change(versions: frozenset[int] | None, **changes: Any) -> int:
        return await change_agreement(db, done.id, changes, versions=versions, actor=morocco, now=NOW)

    assert await change(frozenset({1}), title="Treaty", signed_on=None) == 2
    await refused(change(frozenset({1}), title="Late"), VersionStale)
    assert await change(frozenset({2})) == 2
    assert await change(None, parties=(PartyRow(country="MA"), PartyRow(country="PT"))) == 3
    view = await seen(db, done.id, morocco)
    assert (view.title, view.signed_on, view.visible_to_all_from) == ("Treaty", None, None)
    assert [party.country for party in view.parties] == ["MA", "PT"]


async def test_of_two_changes_at_once_one_is_told_that_it_is_stale(db: Database) -> None:
    morocco = await account(db, "MA")
    done = await record_agreement(db, entry(), actor=morocco, now=NOW)
    calls = [
        change_agreement(db, done.id, {"title": title}, versions=frozenset({1}), actor=morocco, now=NOW)
        for title in ("One", "Two")
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(str(type(result).__name__) for result in results) == ["VersionStale", "int"]


async def test_limits_of_an_agreement_become_limits_of_the_law(db: Database) -> None:
    morocco = await account(db, "MA")
    hours = {
        **LIMIT,
        "stage": "preserve",
        "amount": 24,
        "unit": "hours",
        "obligor": "requesting",
        "stops_on": ["preserved"],
    }
    fuller = {
        **LIMIT,
        "valid_from": "2024-01-01",
        "extension": {"each": {"amount": 30, "unit": "days"}, "times": 1, "total": None},
        "warning_lead": {"amount": 7, "unit": "days"},
        "conditions": {"urgency": ["urgent"]},
        "pauses": [{"begins": ["postponed"], "ends": ["resumed"]}],
        "implied_by": ["results_transmitted"],
    }
    done = await record_agreement(
        db, entry(replace(IN_FORCE, limits=(LIMIT, hours, fuller))), actor=morocco, now=NOW
    )
    async with db.transaction(DbRole.API, viewer=seen_by("MA")) as tx:
        row = await load(tx, done.id)
    assert row is not None
    execute, preserve, urgent = limits_of(row)
    assert execute.id == f"agreement-{done.id}-execute"
    assert urgent.id == f"agreement-{done.id}-execute-2"
    assert {limit.basis for limit in (execute, preserve, urgent)} == {Basis.AGREEMENT}
    assert execute.source == "Convention on legal assistance, Art. 9(2)"
    assert (execute.span, execute.counting) == (Span(60, Unit.DAYS), "calendar")
    assert execute.stops_on == (Trigger(Act.EXECUTED), Trigger(Act.REFUSED, {"items": "all"}))
    assert Act.RESULTS_TRANSMITTED in execute.implied_by
    assert (preserve.counting, preserve.obligor, preserve.counted_in) == (
        "instants",
        "requesting",
        "requested",
    )
    assert urgent.implied_by == (Act.RESULTS_TRANSMITTED,)
    assert urgent.extension is not None
    assert (urgent.extension.each, urgent.extension.times) == (Span(30, Unit.DAYS), 1)
    assert (urgent.warning_lead, urgent.valid_from) == (Span(7, Unit.DAYS), date(2024, 1, 1))
    assert [limit["id"] for limit in (await seen(db, done.id, morocco)).limits] == [
        execute.id,
        preserve.id,
        urgent.id,
    ]


async def test_what_governs_between_two_countries_is_found_in_the_register(db: Database) -> None:
    morocco = await account(db, "MA")
    fields = replace(IN_FORCE, title="In force")
    done = await record_agreement(db, entry(fields), actor=morocco, now=NOW)
    await record_agreement(db, entry(replace(DRAFT, title="Negotiated")), actor=morocco, now=NOW)
    await record_agreement(db, entry(fields, "MA", "FR"), actor=morocco, now=NOW)
    await record_agreement(
        db, entry(replace(fields, title="Ended", terminated_on=date(2025, 1, 1))), actor=morocco, now=NOW
    )
    async with db.transaction(DbRole.API, viewer=seen_by("ES")) as tx:
        found = await governing_between(tx, RequestKind.EVIDENCE, "ES", "MA", date(2026, 3, 2), now=NOW)
    assert found.agreement is not None
    assert found.agreement.id == done.id
    assert [(step.code, step.args["title"]) for step in found.steps] == [
        ("agreement-governs", "In force"),
        ("agreement-does-not-apply", "Ended"),
    ]


async def test_a_list_is_narrowed_by_what_the_law_says_of_a_day(db: Database) -> None:
    morocco = await account(db, "MA")
    many = replace(DRAFT, title="Many", scope=AgreementScope.MULTILATERAL, in_force_from=date(2000, 1, 1))
    late_party = PartyRow(country="FR", signed_on=date(2000, 1, 1), in_force_from=date(2010, 1, 1))
    recorded = [
        entry(replace(DRAFT, title="100%_draft"), "MA", "DE"),
        entry(replace(IN_FORCE, title="Two", kind=AgreementKind.EXTRADITION)),
        entry(replace(IN_FORCE, title="Ended", terminated_on=date(2025, 1, 1))),
        entry(many, "MA", "ES", late_party, PartyRow(organisation="Europol")),
    ]
    for number, one in enumerate(recorded):
        await record_agreement(db, one, actor=morocco, now=NOW + timedelta(seconds=number))

    async def found(**wanted: Any) -> list[str]:
        return await listed(db, morocco, now=NOW + timedelta(hours=1), **wanted)

    assert await found() == ["Many", "Ended", "Two", "100%_draft"]
    assert await found(kind=AgreementKind.EXTRADITION) == ["Two"]
    assert await found(country="ES") == ["Many", "Ended", "Two"]
    assert await found(country="ES", counterpart="FR") == ["Many"]
    assert await found(status=AgreementStatus.IN_FORCE) == ["Many", "Two"]
    assert await found(status=AgreementStatus.NEGOTIATING) == ["100%_draft"]
    assert await found(in_force_on=date(2024, 12, 31)) == ["Many", "Ended", "Two"]
    assert await found(in_force_on=date(2005, 1, 1), country="FR") == []
    assert await found(in_force_on=date(2010, 1, 1), country="FR") == ["Many"]
    assert await found(in_force_on=date(2005, 1, 1), country="MA", counterpart="FR") == []
    assert await found(in_force_on=date(2005, 1, 1), country="MA", counterpart="ES") == ["Many"]
    assert await found(recorded_by="ES") == []
    assert await found(q="0%_D") == ["100%_draft"]
    assert await found(q="%") == ["100%_draft"]
    assert await found(q="europ") == ["Many"]
    assert await found(limit=2) == ["Many", "Ended"]


async def test_a_list_looks_further_until_the_page_is_full(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mla_tracker.queries.agreements.BATCH", 2)
    morocco = await account(db, "MA")
    for number in range(7):
        fields = replace(SIGNED if number % 3 == 0 else DRAFT, title=str(number))
        await record_agreement(db, entry(fields), actor=morocco, now=NOW + timedelta(seconds=number))
    assert await listed(db, morocco, status=AgreementStatus.SIGNED) == ["6", "3", "0"]
