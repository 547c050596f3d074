"""A register in which every audited table has rows, made as people and programs make them."""

from dataclasses import replace
from datetime import date, timedelta

from mla_tracker.catalogue.convention_files import load_conventions
from mla_tracker.commands.accounts import disable_account
from mla_tracker.commands.agreements import change_agreement, record_agreement, record_event
from mla_tracker.commands.agreements import void_event as void_agreement_event
from mla_tracker.commands.calendar_feeds import make_feed
from mla_tracker.commands.calendars import NewCalendar, change_calendar
from mla_tracker.commands.directory import record_entry
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.flags import acknowledge_flag
from mla_tracker.commands.handling import name_reader
from mla_tracker.commands.limits import NewPolicy, set_policy
from mla_tracker.commands.notes import record_note
from mla_tracker.commands.opening_balances import NewBalance, restate_opening
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.party_lists import load_parties
from mla_tracker.commands.persons import change_person, erase_person
from mla_tracker.commands.requests import record_event as record_act
from mla_tracker.commands.requests import void_event as void_act
from mla_tracker.commands.retention import set_retention
from mla_tracker.commands.taking_over import take_over
from mla_tracker.commands.tokens import create_token, revoke_token
from mla_tracker.commands.webhooks import (
    Wanted,
    change_webhook,
    create_webhook,
    delete_webhook,
    rotate_secret,
)
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendar_overrides import CalendarOverrides
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.party_lists import PartyList
from mla_tracker.domain.persons import ErasureGround
from mla_tracker.domain.vocabulary import Act, AgreementScope, RequestKind, Role, Side
from mla_tracker.outbound.webhooks import Reach
from mla_tracker.storage.agreements import PartyRow
from mla_tracker.storage.database import Database, DbRole
from mla_tracker.storage.directory import DirectoryFields
from tests.builders.counted import NOW, a_case, with_shipped_limits
from tests.builders.persons import a_person
from tests.builders.register import DRAFT, IN_FORCE, account, entry, event
from tests.builders.telling import confirmed

LATE = NOW + timedelta(days=400)


async def a_full_register(db: Database) -> Actor:
    """Records of every kind, each changed after it was made; gives the head of Morocco's authority."""
    await with_shipped_limits(db)
    head = await account(db, "MA", role=Role.HEAD)
    spain = await account(db, "ES")
    await _tokens(db, spain)
    await _told(db, spain)
    await take_over(db, NOW)  # accounts
    await _agreement(db, head)
    await _days_and_limits(db, head)
    await _requests(db, head)
    await _webhooks(db, head)
    await take_over(db, NOW)  # requests
    await _acknowledged(db, head)
    return head


async def _tokens(db: Database, actor: Actor) -> None:
    token = await create_token(db, actor.account_id, now=NOW, name="Desk", expires_at=LATE)
    await create_token(db, actor.account_id, now=NOW)
    await revoke_token(db, token.id, now=NOW)
    await disable_account(db, (await account(db, "FR")).account_id, now=NOW)


async def _told(db: Database, actor: Actor) -> None:
    await confirmed(db, actor, NOW)
    await make_feed(db, actor=actor, now=NOW)
    leaver = await account(db, "ES")
    await confirmed(db, leaver, NOW)
    await make_feed(db, actor=leaver, now=NOW)
    await disable_account(db, leaver.account_id, now=NOW)


async def _agreement(db: Database, head: Actor) -> None:
    parties = (PartyRow("MA", declarations="None."), "ES", PartyRow(organisation="European Union"))
    made = await record_agreement(
        db, entry(replace(DRAFT, scope=AgreementScope.MULTILATERAL), *parties), actor=head, now=NOW
    )
    change = {
        "title": "Treaty of Rabat",
        "parties": (PartyRow("MA"), PartyRow("ES", signed_on=date(2020, 1, 1))),
    }
    await change_agreement(db, made.id, change, versions=None, actor=head, now=NOW)
    wrong = await record_event(db, made.id, event("signed", "2026-02-01"), actor=head, now=NOW)
    await void_agreement_event(
        db,
        made.id,
        wrong.id,
        reason="Another day.",
        replacement=event("signed", "2026-02-02"),
        actor=head,
        now=NOW,
    )
    await record_agreement(db, entry(IN_FORCE), actor=head, now=NOW)


async def _days_and_limits(db: Database, head: Actor) -> None:
    four = {"stage": "receive", "amount": 4, "unit": "days"}
    policy = await set_policy(db, NewPolicy(four, "Circular 4"), actor=head, now=NOW)
    later = {**four, "amount": 5, "valid_from": "2026-06-01"}
    await set_policy(db, NewPolicy(later, "Circular 5", supersedes=policy.id), actor=head, now=NOW)
    decree = CalendarOverrides(holidays=((date(2026, 3, 13), "Mourning"),))
    words = NewCalendar(decree, "Decree 1", {"holidays": ["2026-03-13"]})
    await change_calendar(db, "MA", words, expected=None, actor=head, now=NOW)
    held = load_conventions()["untoc"].parties
    await load_parties(db, PartyList("untoc", date(2026, 2, 1), "UNTC", False, held[1:]), older=True, now=NOW)
    balance = NewBalance("MA", Side.REQUESTING, None, date(2026, 1, 1), 7, "Paper files.")
    await restate_opening(db, balance, actor=head, now=NOW)
    authority = DirectoryFields(
        "MA", "Central Authority", "D-1", ("evidence",), ("un1988",), ("ar",), "Rabat", "+212", "a@b"
    )
    authority = replace(authority, valid_from=date(2020, 1, 1), valid_to=date(2030, 1, 1))
    await record_entry(db, authority, actor=head, now=NOW)
    await set_retention(db, "MA", 10, {RequestKind.EXTRADITION: 30}, expected=None, actor=head, now=NOW)


async def _requests(db: Database, head: Actor) -> None:
    first = await a_case().then("sent", "2026-03-02").logged(db, head)
    await name_reader(db, first, head.account_id, actor=head, now=NOW)
    texts = a_case().then("sent", "2026-03-02")
    second = await replace(texts, entry=replace(texts.entry, subject="Records of a bank")).logged(db, head)
    link = NewEvent(
        Act.LINKED, occurred_on=date(2026, 3, 3), data={"request_id": str(first), "relation": "supplementary"}
    )
    await record_act(db, second, link, actor=head, now=NOW)
    wrong = NewEvent(Act.REMINDED, occurred_on=date(2026, 3, 4), note="By fax")
    made = await record_act(db, second, wrong, actor=head, now=NOW)
    right = NewEvent(Act.REMINDED, occurred_on=date(2026, 3, 5))
    await void_act(
        db,
        second,
        made.id,
        reason="Another day",
        replacement=right,
        actor=head,
        now=NOW + timedelta(minutes=1),
    )
    corrected = await a_person().recorded(db, second, head, NOW)
    await change_person(db, second, corrected, {"born_on": "1990"}, expected=None, actor=head, now=NOW)
    gone = await a_person().recorded(db, second, head, NOW)
    await erase_person(db, second, gone, ErasureGround.NOT_CONCERNED, actor=head, now=NOW)
    await record_note(db, second, "Call again", actor=head, now=NOW)


async def _webhooks(db: Database, head: Actor) -> None:
    reach, kinds = Reach(), [ChangeKind.FLAG_RAISED]
    url = "https://hooks.example.org/mla"
    kept = await create_webhook(db, url, kinds, reach=reach, actor=head, now=NOW)
    await rotate_secret(db, kept.id, actor=head, now=NOW)
    await change_webhook(db, kept.id, Wanted(enabled=False), reach=reach, versions=None, actor=head, now=NOW)
    gone = await create_webhook(db, url, None, reach=reach, actor=head, now=NOW)
    await delete_webhook(db, gone.id, actor=head, now=NOW)


async def _acknowledged(db: Database, head: Actor) -> None:
    await flag_due(db, LATE)
    async with db.transaction(DbRole.OWNER) as tx:
        flags = await tx.fetch("select id from flag order by id limit 2")
    for flag in flags:
        await acknowledge_flag(db, flag["id"], actor=head, now=LATE, idempotency=None)
