"""Due dates in calendar programs: read back, they are the clocks; the address of a feed is a secret."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from icalendar import Calendar

from mla_tracker.api import calendar_feeds
from mla_tracker.api.edge import path_told
from mla_tracker.commands.accounts import disable_account
from mla_tracker.commands.entries import NewEvent
from mla_tracker.commands.handling import name_reader
from mla_tracker.commands.requests import record_event
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.vocabulary import Act, Role
from mla_tracker.storage.database import Database, DbRole
from tests.builders import register
from tests.builders.api import NOW, ClientOf, Present
from tests.builders.clocks import a_clock
from tests.builders.counted import THE_DAY_BEFORE, a_case, as_owner, with_shipped_limits
from tests.builders.requests import act, id_of, logged

MINE = "/api/v1/me/calendar.ics"
FEED = "/api/v1/me/calendar-feed"
Events = Mapping[str, Any]


def events_of(answer: httpx.Response) -> dict[str, Any]:
    """The events of a calendar by their UID, read back by a program that is not ours."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    calendar = Calendar.from_ical(answer.content)
    found = {str(event["uid"]): event for event in calendar.walk("VEVENT")}
    assert len(found) == len(calendar.walk("VEVENT"))
    return found


async def a_feed(client: httpx.AsyncClient) -> str:
    made = await client.post(FEED)
    assert made.status_code == 201
    path: str = made.json()["path"]
    return path


async def running(db: Database) -> list[dict[str, Any]]:
    async with db.transaction(DbRole.OWNER) as tx:
        rows = await tx.fetch(
            """
            select c.*, l.definition -> 'span' ->> 'unit' as unit from clock c
            left join limit_version l on l.id = c.limit_id and l.version = c.limit_version
            where c.state = 'running' and c.effect <> 'not_before'
            """
        )
    return [dict(row) for row in rows]


async def test_a_calendar_read_back_is_the_clocks_days_for_days_and_instants_for_hours(
    db: Database, client_of: ClientOf
) -> None:
    await with_shipped_limits(db)
    head = await client_of("ES", "FR", "PT", "US", role=Role.HEAD)
    spain = await register.account(db, "ES", role=Role.HEAD)
    # A month from February ends in summer time; Lisbon and Washington are not Madrid.
    await (
        a_case()
        .between("ES", "FR")
        .under(convention="eio")
        .then("sent", "2026-02-27")
        .then("received", "2026-03-02")
        .logged(db, spain)
    )
    await (
        a_case()
        .between("ES", "PT")
        .then("sent", "2026-03-02")
        .then("received", "2026-03-09")
        .logged(db, spain)
    )
    await (
        a_case()
        .between("ES", "US")
        .then("sent", "2026-03-02")
        .then("received", "2026-03-06")
        .logged(db, spain)
    )
    wiretap = (
        await a_case()
        .between("FR", "ES")
        .under(convention="eio")
        .then("sent", "2026-03-02")
        .logged(db, await register.account(db, "FR", role=Role.HEAD))
    )
    notified = NewEvent(Act.NOTIFIED_OF_INTERCEPTION, occurred_at=datetime(2026, 3, 9, 11, 5, tzinfo=UTC))
    await record_event(db, wiretap, notified, actor=spain, now=THE_DAY_BEFORE)
    clocks = await running(db)
    found = events_of(await head.get(MINE, params={"duty": "both"}))
    assert found.keys() == {f"{clock['id']}@mla-tracker" for clock in clocks}
    units = set()
    for clock in clocks:
        event = found[f"{clock['id']}@mla-tracker"]
        starts = event["dtstart"].dt
        units.add(clock["unit"])
        if clock["unit"] in ("hours", "minutes"):
            assert starts == clock["due_at"]
        else:
            assert type(starts) is date, clock
            assert starts == clock["due_on"]
            assert event["dtend"].dt == starts + timedelta(days=1)
    assert {"days", "hours"} <= units
    zones = {clock["due_at"].hour for clock in clocks if clock["unit"] != "hours"}
    assert len(zones) >= 3, "midnights of several zones, and of summer time"


@pytest.mark.parametrize("voided", [False, True])
async def test_an_hour_of_an_authority_with_a_zone_of_its_own_is_no_whole_day(
    db: Database, client_of: ClientOf, present: Present, voided: bool
) -> None:
    # 24 hours from 23:00 in the Canaries end at 23:00 there, and with the day in Madrid.
    await with_shipped_limits(db)
    present.now = datetime(2026, 2, 24, 13, tzinfo=UTC)
    head = await client_of("FR", "ES", role=Role.HEAD)
    made = await logged(
        head,
        act("sent", "2026-02-20"),
        act("received", "2026-02-23T23:00:00Z"),
        act("forwarded", "2026-02-23T23:10:00Z", zone="Atlantic/Canary"),
        requesting_country="FR",
        requested_country="ES",
        convention="eio",
        assistance=["provisional_measure"],
    )
    if voided:
        forwarded = await id_of(head, made["id"], "forwarded")
        path = f"/api/v1/requests/{made['id']}/events/{forwarded}/void"
        assert (await head.post(path, json={"reason": "another case"})).status_code == 201
    found = events_of(await head.get(MINE, params={"duty": "both"})).values()
    [hours] = [one["dtstart"].dt for one in found if isinstance(one["dtstart"].dt, datetime)]
    assert hours == datetime(2026, 2, 24, 23, tzinfo=UTC)
    [day] = [one for one in found if str(one["summary"]).startswith("acknowledge")]
    assert day["dtstart"].dt == date(2026, 3, 3) if voided else date(2026, 3, 2)
    zone, at = ("Europe/Madrid", "2026-03-03 23:00") if voided else ("Atlantic/Canary", "2026-03-03 00:00")
    assert str(day["description"]).endswith(f"Until the day ends in {zone}: {at} UTC.")


async def test_a_feed_needs_no_header_and_reads_nothing_else(
    db: Database, anonymous: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    clock = await a_clock().due("2026-03-12T23:00:00").stored(db)
    path = await a_feed(spain)
    found = events_of(await anonymous.get(path))
    assert found.keys() == {f"{clock.id}@mla-tracker"}
    assert found == events_of(await spain.get(MINE))
    secret = path.split("/")[4]
    for authorization in (f"Bearer {secret}", f"Basic {secret}"):
        refused = await anonymous.get("/api/v1/me", headers={"Authorization": authorization})
        assert refused.status_code == 401
    token = spain.headers["Authorization"].removeprefix("Bearer ")
    assert (await anonymous.get(path.replace(secret, token))).status_code == 404


async def test_a_feed_is_made_anew_ended_and_ends_with_its_account(
    db: Database, anonymous: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    first = await a_feed(spain)
    assert (await anonymous.get(first)).status_code == 200
    assert (await spain.get(FEED)).json()["last_used_at"] == "2026-03-10T12:00:00Z"
    second = await a_feed(spain)
    assert [(await anonymous.get(path)).status_code for path in (first, second)] == [404, 200]
    assert (await spain.delete(FEED)).json() == {"made_at": None, "last_used_at": None}
    assert (await spain.delete(FEED)).status_code == 200
    assert (await anonymous.get(second)).status_code == 404
    third = await a_feed(spain)
    await disable_account(db, UUID((await spain.get("/api/v1/me")).json()["id"]), now=NOW)
    assert (await anonymous.get(third)).status_code == 404
    async with db.transaction(DbRole.OWNER) as tx:
        told = await tx.fetch(
            "select what, details from audit_entry where what like 'calendar_feed.%' order by position"
        )
        kept = await tx.fetchval("select string_agg(a::text, '') from audit_entry a")
    assert [row["what"].partition(".")[2] for row in told] == ["made", "made", "revoked", "made"]
    for path in (first, second, third):
        assert path.split("/")[4] not in kept


async def test_the_address_of_a_feed_is_told_once(spain: httpx.AsyncClient) -> None:
    first = await spain.post(FEED, headers={"Idempotency-Key": "a-key"})
    again = await spain.post(FEED, headers={"Idempotency-Key": "a-key"})
    assert first.json()["path"] is not None
    assert again.json()["path"] is None
    assert again.json()["notice"] is not None
    assert (await spain.get(FEED)).json().keys() == {"made_at", "last_used_at"}


async def test_the_address_of_a_feed_is_in_no_log_and_no_metric(
    db: Database, anonymous: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    path = await a_feed(spain)
    secret = path.split("/")[4]
    with structlog.testing.capture_logs() as events:
        for tried in (
            path,
            f"{path}x",
            path.replace("calendar-feeds", "Calendar-Feeds"),
            path.replace("/due", "//due"),
        ):
            await anonymous.get(tried)
            await anonymous.get(tried, params={"nonsense": "1"})
            await anonymous.post(tried)
        await db.close()
        failed = await anonymous.get(path)
    assert failed.status_code >= 500
    assert len([event for event in events if event["event"] == "request"]) == 13
    assert secret not in repr(events)
    assert secret[9:40] not in repr(events)
    metrics = (await anonymous.get("/metrics")).text
    assert "calendar-feeds/{feed" in metrics
    assert "mla_feed_" not in metrics


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/calendar-feeds/mla_feed_x/due.ics", "/api/v1/calendar-feeds/…"),
        ("/api/v1//Calendar-Feed//mla_feed_x", "/api/v1//Calendar-Feed//…"),
        ("/api/v1/me/calendar-feed", "/api/v1/me/calendar-feed"),
        ("/api/v1/requests/ü", "/api/v1/requests/%C3%BC"),
    ],
)
def test_a_path_is_told_up_to_its_secret(path: str, told: str) -> None:
    assert path_told(path) == told


async def test_guessing_feeds_is_stopped_and_a_good_one_goes_on(
    anonymous: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    path = await a_feed(spain)
    assert (await anonymous.get(path)).status_code == 200
    guess = f"/api/v1/calendar-feeds/mla_feed_{'A' * 43}/due.ics"
    answers = [(await anonymous.get(guess)).status_code for _ in range(130)]
    assert answers[0] == 404
    assert answers[-1] == 429
    assert (await anonymous.get(path)).status_code == 200


async def test_a_calendar_that_is_held_already_is_not_sent_again(
    db: Database, anonymous: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    clock = await a_clock().due("2026-03-12T23:00:00").stored(db)
    path = await a_feed(spain)
    first = await anonymous.get(path)
    held = {"If-None-Match": first.headers["ETag"]}
    again = await anonymous.get(path, headers=held)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    await clock.moved(db, "2026-03-13T23:00:00")
    assert (await anonymous.get(path, headers=held)).status_code == 200


async def test_a_date_that_moves_keeps_its_uid_and_raises_its_sequence(
    db: Database, client_of: ClientOf
) -> None:
    await with_shipped_limits(db)
    client = await client_of("ES", role=Role.HEAD)
    spain = await register.account(db, "ES", role=Role.HEAD)
    case = a_case().between("FR", "ES").under(convention="eio").then("sent", "2026-02-27")
    france = await register.account(db, "FR", role=Role.HEAD)
    request = await case.logged(db, france)
    received = NewEvent(Act.RECEIVED, occurred_on=date(2026, 3, 2))
    made = await record_event(db, request, received, actor=spain, now=THE_DAY_BEFORE)
    before = events_of(await client.get(MINE))
    later = THE_DAY_BEFORE + timedelta(hours=3)
    extended = NewEvent(
        Act.EXTENDED,
        occurred_on=date(2026, 3, 9),
        data={"stage": "decide", "until": "2026-04-20", "reason": "x"},
    )
    assert made.id is not None
    await record_event(db, request, extended, actor=spain, now=later)
    after = events_of(await client.get(MINE))
    moved = [
        uid for uid in before.keys() & after.keys() if before[uid]["dtstart"].dt != after[uid]["dtstart"].dt
    ]
    assert moved
    for uid in moved:
        assert after[uid]["sequence"] > before[uid]["sequence"]
        assert after[uid]["last-modified"].dt == later
    accepted = NewEvent(Act.ACCEPTED, occurred_on=date(2026, 3, 9))
    await record_event(db, request, accepted, actor=spain, now=later + timedelta(minutes=1))
    met = events_of(await client.get(MINE))
    assert not set(moved) & met.keys()


async def test_a_calendar_holds_ones_own_duties_and_both_if_asked(
    db: Database, morocco: httpx.AsyncClient, spain: httpx.AsyncClient
) -> None:
    duty = await a_clock().due("2026-03-12T23:00:00").stored(db)
    lapse = await a_clock().due("2026-03-12T23:00:00").expiring().stored(db)
    paused = await a_clock().in_state("paused").stored(db)
    met = await a_clock().in_state("met").stored(db)
    both = {f"{one.id}@mla-tracker" for one in (duty, lapse)}
    assert events_of(await spain.get(MINE)).keys() == both
    assert events_of(await morocco.get(MINE)).keys() == {f"{lapse.id}@mla-tracker"}
    assert events_of(await morocco.get(MINE, params={"duty": "both"})).keys() == both
    assert {paused.id, met.id}.isdisjoint(both)
    assert (await morocco.get(MINE, params={"duty": "all"})).status_code == 400


async def test_what_is_to_come_goes_before_a_backlog(
    db: Database, spain: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_feeds, "MOST_EVENTS", 3)
    dates = ("2001-03-12", "2026-03-09", "2026-03-12", "2026-03-13")
    made = [await a_clock().due(f"{day}T23:00:00").stored(db) for day in dates]
    assert list(events_of(await spain.get(MINE))) == [f"{one.id}@mla-tracker" for one in made[1:]]


async def test_an_officer_can_ask_for_what_is_his_or_nobodys_alone(
    db: Database, spain: httpx.AsyncClient
) -> None:
    name = (await spain.get("/api/v1/me")).json()["name"]
    await register.account(db, "ES")  # "An authority"
    clocks = {}
    for assigned in (name.upper(), "An authority", None):
        clock = await a_clock().due("2026-03-12T23:00:00").stored(db)
        await as_owner(
            db, "update request set assigned_requested = $2 where id = $1", clock.request_id, assigned
        )
        clocks[assigned] = f"{clock.id}@mla-tracker"
    assert events_of(await spain.get(MINE)).keys() == set(clocks.values())
    mine = events_of(await spain.get(MINE, params={"mine": "true"}))
    assert mine.keys() == set(clocks.values()) - {clocks["An authority"]}


async def test_drafts_other_countries_and_confidential_cases_are_in_no_calendar_of_others(
    db: Database, anonymous: httpx.AsyncClient, client_of: ClientOf
) -> None:
    spain, france = await client_of("ES"), await client_of("FR")
    named = await client_of("ES")
    head = await register.account(db, "ES", role=Role.HEAD)
    plain = await a_clock().due("2026-03-12T23:00:00").stored(db)
    draft = await a_clock().draft().due("2026-03-12T23:00:00").stored(db)
    secret = await a_clock().due("2026-03-12T23:00:00").stored(db)
    for table, column in (("request", "id"), ("clock", "request_id")):
        await as_owner(
            db, f"update {table} set handling = 'confidential' where {column} = $1", secret.request_id
        )
    account = UUID((await named.get("/api/v1/me")).json()["id"])
    await name_reader(db, secret.request_id, account, actor=head, now=NOW)
    uid = {
        key: f"{clock.id}@mla-tracker"
        for key, clock in (("plain", plain), ("draft", draft), ("secret", secret))
    }
    for path, client, seen in (
        (await a_feed(spain), anonymous, {uid["plain"]}),
        (await a_feed(france), anonymous, set()),
        (await a_feed(named), anonymous, {uid["plain"], uid["secret"]}),
        (MINE, spain, {uid["plain"]}),
    ):
        assert events_of(await client.get(path, params={"duty": "both"})).keys() == seen
    async with db.transaction(DbRole.OWNER) as tx:
        read = await tx.fetch("select * from audit_entry where what = 'request.listed'")
    assert {(row["chain_id"], row["account_id"], row["credential"]) for row in read} == {
        (secret.request_id, account, "calendar feed")
    }


async def test_a_calendar_holds_no_text_and_no_trick_of_a_reference(
    db: Database, client_of: ClientOf
) -> None:
    await with_shipped_limits(db)
    spain: Actor = await register.account(db, "ES", role=Role.HEAD)
    client = await client_of("ES", role=Role.HEAD)
    case = a_case().between("FR", "ES").then("sent", "2026-03-02").then("received", "2026-03-03")
    france = await register.account(db, "FR", role=Role.HEAD)
    await replace(
        case, entry=replace(case.entry, subject="Juan Perez", external_reference="of Paris alone",
                            reference_requested="ES;7,\\n 2026")
    ).logged(db, france)  # fmt: skip
    await as_owner(
        db, "update request set reference_requested = $1", "A\r\nEND:VEVENT\r\nB;C,D\\n" + "é" * 120
    )
    answer = await client.get(MINE)
    found = events_of(answer)
    assert found
    for word in ("Juan", "of Paris"):
        assert word not in answer.text
    for event in found.values():
        assert re.search(r"France, A END:VEVENT B;C,D\\né+$", str(event["summary"]))
        assert str(event["class"]) == "CONFIDENTIAL"
    assert all(len(line.encode()) <= 75 for line in answer.text.split("\r\n"))
    assert spain.countries == ("ES",)
