"""The legal order of acts, which histories can be true, and what a history leaves out."""

from datetime import UTC, date, datetime

import pytest

from mla_tracker.domain.errors import ActNotPossible, DatedInFuture
from mla_tracker.domain.events import Event
from mla_tracker.domain.histories import refuse_future
from mla_tracker.domain.local_time import day_begins_at
from mla_tracker.domain.vocabulary import Act, Side
from tests.builders.histories import HistoryBuilder, a_prosecution, a_request, a_warrant, an_extradition

from zoneinfo import ZoneInfo  # isort: skip

SENT = a_request().sent("2026-03-02")
ASKED = SENT.received("2026-03-03")


# Which histories can be true.

POSSIBLE = [
    (ASKED.executed("2026-03-10").accepted("2026-03-09"), "recorded late"),
    (SENT.acknowledged("2026-03-05"), "the receipt is missing"),
    (a_request().executed("2026-03-05"), "nearly all is missing"),
    (SENT.received("2026-03-02"), "sent and received on one day"),
    (SENT.received("2026-03-02T12:30+00:00"), "a bare date may lie before an instant of that day"),
    (
        SENT.forwarded("2026-03-04").received_by_competent_authority("2026-03-06"),
        "forwarded before the executing authority received it",
    ),
    (
        SENT.received_by_competent_authority("2026-03-03").acknowledged("2026-03-04").received("2026-03-06"),
        "sent directly: the central authority received it last",
    ),
    (
        an_extradition().provisionally_arrested("2026-03-03").sent("2026-03-10"),
        "arrested provisionally, and the formal request follows",
    ),
    (
        an_extradition()
        .provisional_arrest_requested("2026-03-02")
        .granted("2026-03-05")
        .received("2026-03-20"),
        "granted before the formal request came: the person consented",
    ),
    (
        an_extradition()
        .sent("2026-03-01")
        .provisionally_arrested("2026-03-03")
        .provisional_arrest_requested("2026-03-05"),
        "the formal request came first",
    ),
    (ASKED.closed("2026-03-10", outcome="lapsed").executed("2026-03-10"), "on the day of closing"),
    (
        ASKED.executed("2026-03-09").closed("2026-03-10").results_received("2026-03-20"),
        "results arrive after the closing",
    ),
    (
        ASKED.closed("2026-03-10", outcome="lapsed")
        .reopened("2026-03-12", reason="x")
        .executed("2026-03-13"),
        "reopened first",
    ),
    (
        ASKED.information_requested("2026-03-10").information_supplied("2026-03-05"),
        "told without being asked",
    ),
]


@pytest.mark.parametrize(("history", "reason"), POSSIBLE)
def test_what_is_only_missing_or_unusual_is_not_refused(history: HistoryBuilder, reason: str) -> None:
    assert history.judged().history, reason


IMPOSSIBLE = [
    # the history, the act and the other act that the refusal names
    (a_request().sent("2026-03-09").received("2026-03-05"), "received", "sent"),
    (SENT.received("2026-03-01T23:59+00:00").without("sent-1").sent("2026-03-02"), "received", "sent"),
    (SENT.received("2026-03-10").acknowledged("2026-03-05"), "acknowledged", "received"),
    (SENT.received("2026-03-10").executed("2026-03-05"), "executed", "received"),
    (ASKED.resumed("2026-03-05").postponed("2026-03-06"), "resumed", "postponed"),
    (ASKED.reopened("2026-03-05", reason="x").closed("2026-03-06", outcome="lapsed"), "reopened", "closed"),
    (
        ASKED.results_received("2026-03-05").results_transmitted("2026-03-07"),
        "results_received",
        "results_transmitted",
    ),
    (
        a_warrant().received("2026-03-03").consent_withdrawn("2026-03-04").consent_given("2026-03-05"),
        "consent_withdrawn",
        "consent_given",
    ),
    (
        a_warrant().received("2026-03-03").released("2026-03-04").arrested("2026-03-05"),
        "released",
        "arrested",
    ),
    (
        a_warrant()
        .received("2026-03-03")
        .arrested("2026-03-03")
        .surrendered("2026-03-04")
        .decision_final("2026-03-09"),
        "surrendered",
        "decision_final",
    ),
    (
        an_extradition().provisionally_arrested("2026-02-28").provisional_arrest_requested("2026-03-02"),
        "provisionally_arrested",
        "provisional_arrest_requested",
    ),
    (
        a_prosecution().received("2026-03-03").concluded("2026-03-04").charged("2026-03-05"),
        "concluded",
        "charged",
    ),
    (
        a_prosecution()
        .received("2026-03-03")
        .charged("2026-03-04")
        .result_told("2026-03-05")
        .concluded("2026-03-06"),
        "result_told",
        "concluded",
    ),
    (ASKED.closed("2026-03-10", outcome="lapsed").executed("2026-03-11"), "executed", "closed"),
    (
        ASKED.closed("2026-03-10T12:00-05:00", outcome="lapsed").executed("2026-03-10T18:00-05:00"),
        "executed",
        "closed",
    ),
    (
        ASKED.closed("2026-03-10", outcome="lapsed").closed("2026-03-20", outcome="lapsed"),
        "closed",
        "closed",
    ),
    (
        ASKED.information_requested("2026-03-05")
        .information_requested("2026-03-10")
        .information_supplied("2026-03-08", in_reply_to="information_requested-2"),
        "information_supplied",
        "information_requested",
    ),
]


@pytest.mark.parametrize(("history", "act", "other"), IMPOSSIBLE)
def test_impossible_pairs_are_refused_naming_both(history: HistoryBuilder, act: str, other: str) -> None:
    with pytest.raises(ActNotPossible) as refused:
        history.judged()
    facts = refused.value.facts
    assert (facts["act"], facts["other_act"]) == (act, other)
    assert facts["dated"] in refused.value.detail
    assert facts["other_dated"] in refused.value.detail


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(ActNotPossible) as refused:
        a_request().sent("2026-03-09").received("2026-03-05T10:00+00:00").judged()
    assert refused.value.detail == (
        "Received on 2026-03-05T10:00+00:00 lies before sent on 2026-03-09. Correct one of the two dates."
    )
    with pytest.raises(ActNotPossible) as refused:
        ASKED.closed("2026-03-10", outcome="lapsed").executed("2026-03-11").judged()
    assert "Record the reopening first, or correct a date." in refused.value.detail


def test_nobody_agrees_on_a_day_that_has_passed() -> None:
    decided = a_warrant().received("2026-03-03").decision_final("2026-04-01")
    assert decided.surrender_date_agreed("2026-04-08", date="2026-04-08").judged().history
    with pytest.raises(ActNotPossible) as refused:
        decided.surrender_date_agreed("2026-04-08", date="2026-03-09").judged()
    assert refused.value.detail == (
        "Surrender date agreed on 2026-04-08 names 2026-03-09, which had passed by then. "
        "Correct one of the two dates."
    )
    assert refused.value.fields == (("/data/date", "At the earliest 2026-04-08, the day of the act."),)


# Where an act lies in the future is judged where it takes place.


def an_event(zone: str, *, on: str | None = None, at: str | None = None) -> Event:
    return Event(
        id="e",
        act=Act.RECEIVED,
        zone=ZoneInfo(zone),
        on=date.fromisoformat(on) if on else None,
        at=datetime.fromisoformat(at) if at else None,
    )


NOW = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)


def test_tomorrow_in_tokyo_is_today() -> None:
    refuse_future(an_event("Asia/Tokyo", on="2026-03-04"), NOW)
    refuse_future(an_event("Europe/Madrid", at="2026-03-04T00:30+01:00"), NOW)
    for event in (
        an_event("America/Guayaquil", on="2026-03-04"),
        an_event("Asia/Tokyo", at="2026-03-04T08:31+09:00"),
    ):
        with pytest.raises(DatedInFuture) as refused:
            refuse_future(event, NOW, pointer="/events/0")
        assert refused.value.fields[0][0].startswith("/events/0/occurred_")


def test_an_act_knows_the_instants_between_which_it_happened() -> None:
    bare = an_event("Europe/Madrid", on="2026-03-29")
    assert (bare.latest - bare.earliest).total_seconds() == 23 * 3600
    timed = an_event("America/Guayaquil", at="2026-03-03T03:00+01:00")
    assert (timed.day, timed.earliest) == (date(2026, 3, 2), timed.latest)
    assert day_begins_at(date(2026, 3, 29), ZoneInfo("Europe/Madrid")) == datetime(
        2026, 3, 28, 23, tzinfo=UTC
    )


# The day on which the law is judged, and whether the other side may see it.


@pytest.mark.parametrize(
    ("history", "day"),
    [
        (a_request(), "2026-01-05"),
        (a_request().drafted("2026-02-01"), "2026-02-01"),
        (a_request().drafted("2026-02-01").sent("2026-03-02").received("2026-03-03"), "2026-03-02"),
        (an_extradition().provisional_arrest_requested("2026-03-01").sent("2026-03-05"), "2026-03-01"),
    ],
)
def test_the_law_is_that_of_the_day_on_which_the_request_left(history: HistoryBuilder, day: str) -> None:
    assert history.case().first_day.isoformat() == day


def test_a_draft_is_not_shared_and_any_act_of_the_other_side_shows_that_it_was_sent() -> None:
    assert not a_request().drafted("2026-03-01").case().shared
    assert not an_extradition().located("2026-03-01").withdrawn("2026-03-02").case().shared
    assert a_request().drafted("2026-03-01").received("2026-03-02").case().shared
    assert an_extradition().provisional_arrest_requested("2026-03-01").case().shared


def test_a_case_names_the_country_of_a_side() -> None:
    case = a_request().case()
    assert [case.country(side) for side in (Side.REQUESTING, Side.REQUESTED)] == ["EC", "MA"]


# What is missing is told, never refused.


@pytest.mark.parametrize(
    ("history", "warnings"),
    [
        (ASKED.acknowledged("2026-03-04").accepted("2026-03-05").executed("2026-03-06"), []),
        (a_request().received("2026-03-03"), ["missing-sent"]),
        (SENT.acknowledged("2026-03-04"), ["missing-received"]),
        (ASKED.executed("2026-03-06"), ["missing-accepted"]),
        (
            ASKED.accepted("2026-03-05").results_transmitted("2026-03-07"),
            ["missing-executed"],
        ),
        (ASKED.information_supplied("2026-03-06"), ["missing-information-requested"]),
        (a_warrant().received("2026-03-03").surrendered("2026-03-09"), ["missing-decision-final"]),
        (ASKED.refused("2026-03-06", ground="bank_secrecy"), ["bank-secrecy-no-ground"]),
        (
            ASKED.refused("2026-03-06", ground="de_minimis").accepted("2026-03-09"),
            ["act-after-the-end"],
        ),
        (
            ASKED.refused("2026-03-06", ground="de_minimis")
            .reopened("2026-03-08", reason="x")
            .accepted("2026-03-09"),
            [],
        ),
    ],
)
def test_what_a_history_leaves_out_is_warned_of(history: HistoryBuilder, warnings: list[str]) -> None:
    assert [step.code for step in history.life().warnings] == warnings
