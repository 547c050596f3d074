"""What the feed of changes tells, and to whom."""

from mla_tracker.commands import agreements
from mla_tracker.commands.amending import amend_request
from mla_tracker.commands.flags import acknowledge_flag
from mla_tracker.commands.handling import name_reader
from mla_tracker.commands.overdue import flag_due
from mla_tracker.commands.recounting import recount_stale
from mla_tracker.commands.requests import record_event, void_event
from mla_tracker.commands.retention import set_retention
from mla_tracker.domain.changes import ChangeKind
from mla_tracker.domain.handling import Handling
from mla_tracker.domain.vocabulary import Act, Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.counted import NOW, THE_DAY_BEFORE, a_case, as_owner, with_shipped_limits
from tests.builders.followed import SENT, act, kinds, minutes, told


async def test_the_life_of_a_request_is_told_to_both_sides_with_the_acts_it_concerns(db: Database) -> None:
    morocco, spain = await register.account(db, "MA", role=Role.HEAD), await register.account(db, "ES")
    request = await SENT.logged(db, morocco)
    reminded = (
        await record_event(db, request, act(Act.REMINDED, "2026-02-01"), actor=morocco, now=minutes(1))
    ).id
    await void_event(
        db, request, reminded, reason="Sent to the wrong desk.", replacement=act(Act.REMINDED, "2026-02-02"),
        actor=morocco, now=minutes(2),
    )  # fmt: skip
    await amend_request(db, request, {"language": "fr"}, expected=None, actor=morocco, now=minutes(3))
    for actor in (morocco, spain):
        changes = (await told(db, actor)).changes
        assert [(one.what, one.version) for one in changes] == [
            (ChangeKind.REQUEST_LOGGED, 1),
            (ChangeKind.REQUEST_ACT_RECORDED, 2),
            (ChangeKind.REQUEST_ACT_VOIDED, 3),
            (ChangeKind.REQUEST_AMENDED, 4),
        ]
        assert changes[1].event_ids == (reminded,)
        assert changes[2].event_ids[0] == reminded
        assert len(changes[2].event_ids) == 2
        assert {one.request_id for one in changes} == {request}
        assert [one.at for one in changes] == [THE_DAY_BEFORE, minutes(1), minutes(2), minutes(3)]


async def test_a_draft_is_told_to_the_other_side_from_its_sending_on(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    await amend_request(db, request, {"language": "fr"}, expected=None, actor=morocco, now=minutes(1))
    assert await kinds(db, spain) == []
    cursor = (await told(db, spain)).cursor
    await record_event(db, request, act(Act.SENT, "2026-01-09"), actor=morocco, now=minutes(2))
    [first] = (await told(db, spain, after=cursor)).changes
    assert (first.what, first.request_id) == (ChangeKind.REQUEST_ACT_RECORDED, request)
    assert await kinds(db, spain) == ["request.act_recorded"], (
        "what was before it was sent stays Morocco's own"
    )
    assert len(await kinds(db, morocco)) == 3


async def test_what_was_sent_by_mistake_is_told_of_no_more(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    sent = (await record_event(db, request, act(Act.SENT, "2026-01-09"), actor=morocco, now=minutes(2))).id
    assert len(await kinds(db, spain)) == 1
    await void_event(db, request, sent, reason="Not signed.", actor=morocco, now=minutes(3))
    assert await kinds(db, spain) == []
    assert await kinds(db, morocco) == ["request.logged", "request.act_recorded", "request.act_voided"]


async def test_what_a_side_keeps_for_itself_is_told_to_that_side_alone(db: Database) -> None:
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await SENT.logged(db, morocco)
    draft = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    link = act(Act.LINKED, "2026-01-10", request_id=str(draft), relation="related")
    linked = (await record_event(db, request, link, actor=morocco, now=minutes(1))).id
    await amend_request(db, request, {"assigned_to": "Desk 4"}, expected=None, actor=spain, now=minutes(2))
    assert await kinds(db, morocco, request) == ["request.logged", "request.act_recorded"]
    assert await kinds(db, spain, request) == ["request.logged", "request.amended"]
    spains = (await told(db, spain)).changes
    assert [one.version for one in spains] == [1, 2], "as Spain counts"
    assert linked not in {event for one in spains for event in one.event_ids}


async def test_an_act_that_links_to_what_an_account_cannot_see_is_not_named(db: Database) -> None:
    head = await register.account(db, "MA", role=Role.HEAD)
    officer = await register.account(db, "MA")
    request = await SENT.logged(db, head)
    other = await SENT.logged(db, head)
    link = act(Act.LINKED, "2026-01-10", request_id=str(other), relation="related")
    linked = (await record_event(db, request, link, actor=head, now=minutes(1))).id
    await amend_request(
        db, other, {"handling": Handling.CONFIDENTIAL}, expected=None, actor=head, now=minutes(2)
    )
    assert (await told(db, head)).changes[2].event_ids == (linked,)
    assert [one.event_ids for one in (await told(db, officer)).changes] == [(), ()]


async def test_a_confidential_request_is_told_to_who_is_named_and_its_reading_is_noted(db: Database) -> None:
    head = await register.account(db, "MA", role=Role.HEAD)
    officer = await register.account(db, "MA")
    other = await register.account(db, "MA")
    request = await SENT.logged(db, head)
    cursor = (await told(db, officer)).cursor
    await amend_request(
        db, request, {"handling": Handling.CONFIDENTIAL}, expected=None, actor=head, now=minutes(1)
    )
    assert await kinds(db, officer) == [], "not even what it was told before"
    await name_reader(db, request, officer.account_id, actor=head, now=minutes(2))
    after = (await told(db, officer, after=cursor)).changes
    assert [one.what.value for one in after] == [
        "request.readers_changed", "request.amended", "request.readers_changed",
    ]  # fmt: skip
    assert await kinds(db, other) == []
    async with db.transaction(DbRole.OWNER) as tx:
        noted = await tx.fetch(
            "select account_id, details from audit_entry where what = 'request.listed' and chain_id = $1",
            request,
        )
    assert {row["account_id"] for row in noted} == {officer.account_id}
    assert all("GET /changes" in row["details"] for row in noted)


async def test_an_officer_of_neither_country_is_told_of_neither(db: Database) -> None:
    morocco, france = await register.account(db, "MA"), await register.account(db, "FR")
    await SENT.logged(db, morocco)
    assert await kinds(db, france) == []


async def test_who_speaks_for_both_countries_is_told_once(db: Database) -> None:
    morocco, both = await register.account(db, "MA"), await register.account(db, "MA", "ES")
    request = await SENT.logged(db, morocco)
    assert await kinds(db, both, request) == ["request.logged"]


async def test_flags_are_told_as_they_are_raised_seen_and_settled(db: Database) -> None:
    await with_shipped_limits(db)
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await SENT.logged(db, morocco)
    raised = await flag_due(db, NOW)
    assert raised.raised > 0
    flags = [one for one in (await told(db, morocco)).changes if one.what is ChangeKind.FLAG_RAISED]
    assert len(flags) == raised.raised
    assert all(one.request_id == request and one.flag_id is not None and one.at == NOW for one in flags)
    assert flags[0].flag_id is not None
    await acknowledge_flag(db, flags[0].flag_id, actor=spain, now=minutes(1), idempotency=None)
    await record_event(db, request, act(Act.ACKNOWLEDGED, "2026-03-10"), actor=spain, now=minutes(2))
    assert "flag.acknowledged" in await kinds(db, spain)
    assert "flag.acknowledged" not in await kinds(db, morocco), "who of Spain saw it is Spain's own"
    assert "flag.settled" in await kinds(db, morocco)


async def test_flags_of_a_draft_are_told_to_its_own_side(db: Database) -> None:
    await with_shipped_limits(db)
    morocco, spain = await register.account(db, "MA"), await register.account(db, "ES")
    request = await a_case().then("drafted", "2026-01-05").logged(db, morocco)
    sent = (await record_event(db, request, act(Act.SENT, "2026-01-09"), actor=morocco, now=minutes(1))).id
    await flag_due(db, minutes(2))
    await void_event(db, request, sent, reason="Not signed.", actor=morocco, now=minutes(3))
    cleared = [one for one in await kinds(db, morocco) if one == "flag.cleared"]
    assert cleared, "the test would prove nothing"
    assert await kinds(db, spain) == []


async def test_dates_that_move_by_themselves_are_told(db: Database) -> None:
    await with_shipped_limits(db)
    morocco = await register.account(db, "MA")
    request = await SENT.logged(db, morocco)
    await as_owner(
        db,
        "update clock set due_on = due_on + 1, due_at = due_at + interval '1 day' where due_on is not null",
    )
    await as_owner(db, "update request set stale_since = $1, stale_causes = '{calendar ES 2}'", NOW)
    assert (await recount_stale(db, minutes(1))).changed == 1
    assert (await kinds(db, morocco, request))[-1] == "request.recounted"


async def test_an_agreement_is_told_to_all_once_it_is_signed(db: Database) -> None:
    morocco, france = await register.account(db, "MA"), await register.account(db, "FR")
    made = await agreements.record_agreement(db, register.entry(), actor=morocco, now=NOW)
    initialled = register.event("initialled", "2020-01-01")
    await agreements.record_event(db, made.id, initialled, actor=morocco, now=minutes(1))
    assert await kinds(db, france) == []
    cursor = (await told(db, france)).cursor
    signed = await agreements.record_event(
        db, made.id, register.event("signed", "2020-02-01"), actor=morocco, now=minutes(2)
    )
    [change] = (await told(db, france, after=cursor)).changes
    assert (change.what, change.agreement_id) == (ChangeKind.AGREEMENT_EVENT_RECORDED, made.id)
    assert change.agreement_event_id == signed.id
    assert await kinds(db, morocco) == [
        "agreement.recorded", "agreement.event_recorded", "agreement.event_recorded",
    ]  # fmt: skip


async def test_what_a_country_publishes_is_told_to_all(db: Database) -> None:
    head, france = await register.account(db, "MA", role=Role.HEAD), await register.account(db, "FR")
    await set_retention(db, "MA", 10, {}, expected=None, actor=head, now=NOW)
    [change] = (await told(db, france)).changes
    assert (change.what, change.country, change.version) == (ChangeKind.RETENTION_SET, "MA", 2)
