"""What does not fit is refused to who brings it in; what was recorded stays recorded, counts, and is warned of."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.limits import ExtensionRule, Span
from mla_tracker.domain.misfits import Misfit, refuse_new
from mla_tracker.domain.sentences import sentence
from mla_tracker.domain.vocabulary import Outcome, Side, Status, Unit
from tests.builders.histories import HistoryBuilder, a_limit, a_request, a_warrant, spoken

TEN_DAYS = ExtensionRule(each=Span(10, Unit.DAYS), times=1)
ROLLED = a_limit(counting="roll-forward", extension=TEN_DAYS)
ASKED = a_request().with_limits(ROLLED).sent("2026-03-02").received("2026-03-03")
# The tenth day more is Sunday 12 April; were Monday a holiday, the limit would end on Tuesday.
ON_A_HOLIDAY = ASKED.with_holidays("MA", "2026-04-13")
EXTENDED = ON_A_HOLIDAY.extended("2026-03-20", until="2026-04-14", reason="x")
HOLIDAY_REPEALED = replace(EXTENDED, holidays={})


def refused(
    misfits: list[Misfit], *entered: str, before: list[Misfit] | None = None
) -> ActNotPossible | None:
    try:
        refuse_new(misfits, set(entered), lambda: before or [])
    except ActNotPossible as error:
        return error
    return None


def in_zone(history: HistoryBuilder, zone: str) -> HistoryBuilder:
    """The history as it reads once the requested country has another zone."""
    here = history.case().zones[Side.REQUESTED]
    moved = tuple(replace(e, zone=ZoneInfo(zone)) if e.zone == here else e for e in history.events)
    return replace(history, events=moved, zones={**history.zones, Side.REQUESTED: zone})


def test_an_extension_that_has_become_too_long_counts_as_far_as_the_source_allows() -> None:
    assert EXTENDED.due("test-limit") == "Tue 2026-04-14"
    assert EXTENDED.misfits() == []
    _, _, (clocks, _) = HOLIDAY_REPEALED.as_recorded()
    [clock] = [clock for clock in clocks if clock.limit.id == "test-limit"]
    assert spoken(clock.due_on) == "Mon 2026-04-13"
    assert [spoken(one.to_day) for one in clock.extensions] == ["Mon 2026-04-13"]
    assert sentence(clock.warnings[0]) == (
        "The extension of Friday 20 March 2026 reaches to Tuesday 14 April 2026; as days are counted in MA now, the "
        "source of the limit test-limit allows Monday 13 April 2026 at the latest, and it counts until Monday "
        "13 April 2026. Void it, or record it anew with an earlier date. Source: A policy, 1."
    )


@pytest.mark.parametrize(
    ("rule", "first", "second", "due"),
    [
        (TEN_DAYS, {"days": 10}, {"days": 10}, "Mon 2026-04-13"),
        (ExtensionRule(total=Span(20, Unit.DAYS)), {"days": 15}, {"days": 15}, "Wed 2026-04-22"),
        (ExtensionRule(total=Span(20, Unit.DAYS)), {"days": 25}, {"days": 5}, "Wed 2026-04-22"),
        (ExtensionRule(total=Span(20, Unit.DAYS)), {"until": "2026-05-30"}, {"days": 5}, "Wed 2026-04-22"),
        (ExtensionRule(each=Span(10, Unit.DAYS)), {"days": 40}, {"days": 5}, "Fri 2026-04-17"),
    ],
)
def test_nothing_counts_beyond_what_the_source_allows(
    rule: ExtensionRule, first: dict[str, object], second: dict[str, object], due: str
) -> None:
    history = (
        a_request().with_limits(replace(ROLLED, extension=rule)).sent("2026-03-02").received("2026-03-03")
    )
    history = history.extended("2026-03-20", reason="x", **first).extended("2026-03-21", reason="x", **second)
    _, _, (clocks, _) = history.as_recorded()
    [clock] = [clock for clock in clocks if clock.limit.id == "test-limit"]
    assert spoken(clock.due_on) == due
    assert history.misfits()
    assert history.shuffled(3).as_recorded()[2] == history.as_recorded()[2]


def test_only_who_enters_the_extension_is_refused_for_it() -> None:
    misfits = HOLIDAY_REPEALED.misfits()
    found = refused(misfits, "extended-1")
    assert found is not None
    assert found.fields == (("/data/until", "At the latest 2026-04-13."),)
    assert refused(misfits, "released-1") is None
    assert refused(misfits) is None, "nor who voids or amends anything"


def test_an_extension_entered_before_one_on_record_is_refused_where_both_are_too_many() -> None:
    both = ASKED.extended("2026-03-20", days=1, reason="x").extended("2026-03-21", days=1, reason="x")
    for one in ("extended-1", "extended-2"):
        found = refused(both.misfits(), one)
        assert found is not None
        assert "allows to be prolonged once" in found.detail
    assert refused(both.misfits(), "acknowledged-1") is None


# Received before it was sent, once the days of Morocco begin where those of Kiritimati do.
TURNED = in_zone(
    a_request().sent("2026-03-04T12:00+00:00").received("2026-03-04").acknowledged("2026-03-06"),
    "Pacific/Kiritimati",
)


def test_acts_that_another_zone_turns_round_stay_and_name_the_zones() -> None:
    [misfit] = TURNED.misfits()
    assert sentence(misfit.warning).startswith(
        "Received on Wednesday 4 March 2026 (Pacific/Kiritimati) lies before sent on Wednesday 4 March 2026, 07:00"
    )
    assert "(America/Guayaquil), which cannot be" in sentence(misfit.warning)
    assert TURNED.as_recorded()[1].status is Status.ACKNOWLEDGED
    assert refused([misfit], "reminded-1", before=[misfit]) is None
    assert refused([misfit], before=[misfit]) is None
    assert refused([misfit], "sent-1", before=[misfit]) is not None


def test_a_change_that_makes_two_recorded_acts_contradict_each_other_is_refused() -> None:
    [misfit] = TURNED.misfits()
    assert refused([misfit], before=[]) is not None


def test_of_two_acts_that_contradict_one_another_each_can_be_voided_or_corrected() -> None:
    twice = TURNED.sent("2026-03-05")
    stood = twice.misfits()
    for gone in ("sent-1", "sent-2", "received-1"):
        assert refused(twice.without(gone).misfits(), before=stood) is None, gone
    corrected = TURNED.without("received-1").did("received", "2026-03-05")
    assert refused(corrected.misfits(), "received-1", before=stood) is None


def test_a_closing_that_nothing_explains_any_more_ends_nothing_by_itself() -> None:
    """Executed by the days of one zone, and after the closing by those of another."""
    closed = a_request().sent("2026-03-02").received("2026-03-03").closed("2026-03-20")
    _, life, (clocks, _) = closed.as_recorded()
    assert (life.status, life.outcome, life.ended_by) == (Status.CLOSED, None, None)
    assert [clock.key for clock in clocks if clock.stop is None and clock.start is not None] == []
    assert [misfit.warning.code for misfit in closed.misfits()] == ["closed-without-outcome"]
    later = closed.executed("2026-03-21").as_recorded()[1]
    assert (later.status, later.outcome) == (Status.CLOSED, Outcome.EXECUTED)


def test_of_two_outcomes_the_one_that_was_reached_counts() -> None:
    history = a_request().sent("2026-03-02").received("2026-03-03").executed("2026-03-20")
    history = history.closed("2026-03-21", outcome="refused")
    assert history.as_recorded()[1].outcome is Outcome.EXECUTED
    assert "which counts" in sentence(history.misfits()[0].warning)


def test_a_release_is_never_refused_for_an_extension_on_record() -> None:
    warrant = a_warrant().received("2026-03-03").arrested("2026-03-03")
    held = warrant.extended("2026-04-20", until="2026-08-01", stage="decide", reason="x")
    assert held.misfits()
    assert refused(held.released("2026-05-04").misfits(), "released-1") is None


HELD_AGAIN = (
    a_warrant()
    .received("2026-03-03")
    .arrested("2026-03-04T08:00:00Z")
    .released("2026-03-10")
    .rearrested("2026-03-20")
    .released("2026-04-08")
)


def test_a_second_release_that_a_zone_puts_after_its_rearrest_is_warned_of() -> None:
    history = HELD_AGAIN.rearrested("2026-04-07T22:30:00Z")
    assert history.misfits() == []  # the 8th in Madrid
    [misfit] = in_zone(history, "America/New_York").misfits()
    assert misfit.detail == (
        "Rearrested on 2026-04-07T18:30-04:00 lies before released on 2026-04-08. Correct one of the two dates."
    )


@pytest.mark.parametrize("again", ["2026-03-21", "2026-04-01T10:00:00Z"])
def test_a_rearrest_entered_twice_is_no_contradiction(again: str) -> None:
    assert HELD_AGAIN.rearrested(again).misfits() == []
