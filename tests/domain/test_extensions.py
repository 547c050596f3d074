"""Extensions: which clock they prolong, how far, how often, until when they may come, and what they leave alone."""

import pytest

from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.limits import ExtensionRule, PauseRule, Span
from mla_tracker.domain.vocabulary import Act, ClockState, Unit
from tests.builders.histories import HistoryBuilder, a_limit, a_request, an_order, spoken, words

RUNNING, PAUSED, MET, LATE = ClockState.RUNNING, ClockState.PAUSED, ClockState.MET, ClockState.MET_LATE

ORDER = an_order().received("2026-03-03")
ASKED = a_request().sent("2026-03-02").received("2026-03-03")
DECIDE = {"stage": "decide", "reason": "translation"}
EXECUTE = {"stage": "execute", "reason": "the bank answers on paper"}


def thirty(
    *, each: int | None = None, times: int | None = None, total: int | None = None, **more: bool
) -> HistoryBuilder:
    """A request under a policy of thirty days with that rule, received on Tuesday 3 March: due on 2 April."""
    rule = ExtensionRule(
        each=Span(each, Unit.DAYS) if each else None,
        times=times,
        total=Span(total, Unit.DAYS) if total else None,
        **more,
    )
    limit = a_limit(extension=rule, pauses=(PauseRule((Act.POSTPONED,), (Act.RESUMED,)),))
    return a_request().with_limits(limit).sent("2026-03-02").received("2026-03-03")


PROLONGED = [
    # the history, the limit, its last day, the reason
    (
        ORDER.extended("2026-03-30", days=30, **DECIDE),
        "eio-decide",
        "Sat 2026-05-02",
        "Art. 12(5): up to 30 days",
    ),
    (ORDER.extended("2026-03-30", days=10, **DECIDE), "eio-decide", "Sun 2026-04-12", "or fewer"),
    (
        ORDER.extended("2026-03-30", estimated_on="2026-04-20", **DECIDE),
        "eio-decide",
        "Sat 2026-05-02",
        "an estimated date: the thirty days of the directive",
    ),
    (
        ORDER.extended("2026-03-30", until="2026-04-20", **DECIDE),
        "eio-decide",
        "Mon 2026-04-20",
        "until a date",
    ),
    (ORDER.extended("2026-03-30", **DECIDE), "eio-decide", "Thu 2026-04-02", "no estimate: it moves nothing"),
    (ORDER.extended("2026-04-02", days=30, **DECIDE), "eio-decide", "Sat 2026-05-02", "on the last day"),
    (
        ORDER.extended("2026-04-03", days=30, **DECIDE),
        "eio-decide",
        "Thu 2026-04-02",
        "too late: it does not count",
    ),
    (
        ORDER.extended("2026-03-30", days=30, reason="x"),
        "eio-decide",
        "Sat 2026-05-02",
        "the clock that runs",
    ),
    (
        ORDER.accepted("2026-03-16").extended("2026-06-01", days=20, reason="x"),
        "eio-execute",
        "Sat 2026-07-04",
        "Art. 12(6): execution has no cap",
    ),
    (
        ORDER.accepted("2026-03-16").extended("2026-03-16", days=20, **EXECUTE),
        "eio-execute",
        "Sat 2026-07-04",
        "told on the day of the decision",
    ),
    (
        ORDER.accepted("2026-03-16").extended("2026-03-16", days=20, reason="x"),
        "eio-decide",
        "Wed 2026-04-22",
        "without a stage, the clock that ran before that decision",
    ),
    (
        ASKED.extended("2026-03-20", days=10, **DECIDE).extended("2026-04-10", days=10, **DECIDE),
        "default-evidence-decide",
        "Wed 2026-04-22",
        "our policy: again and again",
    ),
    (
        ASKED.extended("2026-03-20", until="2026-05-01", **DECIDE).extended("2026-04-20", days=10, **DECIDE),
        "default-evidence-decide",
        "Mon 2026-05-11",
        "days are added to the date given before",
    ),
    (
        ASKED.extended("2026-03-20", days=10, **DECIDE).extended("2026-04-10", until="2026-05-01", **DECIDE),
        "default-evidence-decide",
        "Fri 2026-05-01",
        "a date after days",
    ),
    (
        ASKED.extended("2026-03-20", until="2026-05-01", **DECIDE).extended(
            "2026-04-20", until="2026-04-25", **DECIDE
        ),
        "default-evidence-decide",
        "Fri 2026-05-01",
        "an earlier date shortens nothing",
    ),
    (ASKED.extended("2026-03-20", **DECIDE), "default-evidence-decide", "Thu 2026-04-02", "without any date"),
    (
        ASKED.extended("2026-03-20", until="2026-05-01", **DECIDE)
        .postponed("2026-04-10")
        .resumed("2026-04-20"),
        "default-evidence-decide",
        "Mon 2026-05-11",
        "a pause after the extension moves the date that it gave",
    ),
    (
        ASKED.postponed("2026-03-10")
        .extended("2026-03-15", until="2026-05-01", **DECIDE)
        .resumed("2026-03-20"),
        "default-evidence-decide",
        "Fri 2026-05-01",
        "whoever gave the date knew of the pause",
    ),
    (
        ASKED.postponed("2026-03-10").extended("2026-05-20", days=10, **DECIDE),
        "default-evidence-decide",
        "Sun 2026-04-12",
        "extended while it stands still: that is not too late",
    ),
    (
        ASKED.postponed("2026-03-10").extended("2026-05-20", days=10, **DECIDE).resumed("2026-05-25"),
        "default-evidence-decide",
        "Sat 2026-06-27",
        "and once it resumed, days and pause add up",
    ),
    (
        thirty(each=10).extended("2026-03-20", reason="x").extended("2026-04-10", reason="x"),
        "test-limit",
        "Wed 2026-04-22",
        "ten days each time, again and again",
    ),
    (
        thirty(each=10)
        .extended("2026-03-20", reason="x", until="2026-04-12")
        .extended("2026-04-10", reason="x", until="2026-04-22"),
        "test-limit",
        "Wed 2026-04-22",
        "each date measured from the one before",
    ),
    (
        thirty(after_expiry=True).extended("2026-05-04", reason="x", days=40),
        "test-limit",
        "Tue 2026-05-12",
        "a source that allows it after the end",
    ),
    (
        thirty(after_expiry=True).extended("2026-05-04", reason="x", until="2026-04-20"),
        "test-limit",
        "Mon 2026-04-20",
        "even to a day that has passed",
    ),
]


@pytest.mark.parametrize(("history", "limit", "due", "reason"), PROLONGED)
def test_an_extension_prolongs(history: HistoryBuilder, limit: str, due: str, reason: str) -> None:
    assert history.due(limit) == due, reason


REFUSED = [
    (
        ORDER.extended("2026-03-20", days=10, **DECIDE).extended("2026-04-05", days=10, **DECIDE),
        "allows to be prolonged once",
    ),
    (ORDER.extended("2026-03-30", days=31, **DECIDE), "allows 2026-05-02 at the latest"),
    (ORDER.extended("2026-03-30", until="2026-05-03", **DECIDE), "allows 2026-05-02 at the latest"),
    (
        thirty(each=10)
        .extended("2026-03-20", reason="x", until="2026-04-12")
        .extended("2026-04-10", reason="x", until="2026-04-23"),
        "allows 2026-04-22 at the latest",
    ),
    (thirty(total=20).extended("2026-03-20", reason="x", days=21), "allows 2026-04-22 at the latest"),
    (
        thirty(total=20)
        .extended("2026-03-20", reason="x", days=15)
        .extended("2026-04-10", reason="x", days=6),
        "allows 2026-04-22 at the latest",
    ),
    (
        thirty(times=2)
        .extended("2026-03-20", reason="x", days=1)
        .extended("2026-03-21", reason="x", days=1)
        .extended("2026-03-22", reason="x", days=1),
        "allows to be prolonged 2 times",
    ),
]


@pytest.mark.parametrize(("history", "told"), REFUSED)
def test_an_extension_beyond_what_the_source_allows_is_refused(history: HistoryBuilder, told: str) -> None:
    with pytest.raises(ActNotPossible) as refused:
        history.clocks()
    assert told in refused.value.detail
    assert refused.value.facts["event_ids"][0].startswith("extended-")


def test_all_that_the_source_allows_is_not_refused() -> None:
    history = thirty(total=20, times=2).extended("2026-03-20", reason="x", days=15)
    assert history.extended("2026-04-10", reason="x", days=5).due("test-limit") == "Wed 2026-04-22"


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (ORDER.extended("2026-04-03", days=30, **DECIDE), "extension-after-expiry"),
        (ORDER.extended("2026-03-30", until="2026-03-31", **DECIDE), "extension-without-effect"),
        (ORDER.extended("2026-03-30", **DECIDE), "extension-without-date"),
    ],
)
def test_an_extension_that_moves_nothing_says_why(history: HistoryBuilder, code: str) -> None:
    clock = history.clock("eio-decide")
    assert [step.code for step in clock.warnings] == [code]
    assert clock.extensions == ()


@pytest.mark.parametrize(
    "history",
    [
        ORDER.extended("2026-03-10", days=10, **EXECUTE),
        ORDER.extended("2026-03-10", days=10, stage="acknowledge", reason="x"),
        ORDER.accepted("2026-03-16").extended("2026-03-20", days=10, **DECIDE),
        an_order().extended("2026-03-10", days=10, reason="x"),
    ],
)
def test_an_extension_that_meets_no_clock_is_a_warning(history: HistoryBuilder) -> None:
    assert "extension-without-clock" in history.warnings()


def test_a_second_one_too_late_is_no_second_one() -> None:
    history = ORDER.extended("2026-03-30", days=10, **DECIDE).extended("2026-04-13", days=10, **DECIDE)
    assert history.due("eio-decide") == "Sun 2026-04-12"


def test_what_was_done_in_extended_time_says_so() -> None:
    extended = ORDER.extended("2026-03-30", days=30, **DECIDE)
    for day, state, in_extension in (
        ("2026-04-02", MET, False),
        ("2026-04-03", MET, True),
        ("2026-05-02", MET, True),
        ("2026-05-03", LATE, False),
    ):
        clock = extended.accepted(day).clock("eio-decide")
        assert (clock.state, clock.met_extended, spoken(clock.base_due_on)) == (
            state,
            in_extension,
            "Thu 2026-04-02",
        )


def test_every_extension_stands_in_the_explanation() -> None:
    history = ASKED.extended("2026-03-20", days=10, **DECIDE).extended(
        "2026-04-10", until="2026-05-01", **DECIDE
    )
    clock = history.clock("default-evidence-decide")
    told = words(clock.steps)
    assert (
        "Extended on Friday 20 March 2026: the end moves from Thursday 2 April 2026 to Sunday 12 April 2026"
        in told
    )
    assert (
        "Extended on Friday 10 April 2026: the end moves from Sunday 12 April 2026 to Friday 1 May 2026"
        in told
    )
    assert [(spoken(e.from_day), spoken(e.to_day)) for e in clock.extensions] == [
        ("Thu 2026-04-02", "Sun 2026-04-12"),
        ("Sun 2026-04-12", "Fri 2026-05-01"),
    ]


BY_HOURS = a_limit("by-hours", "24 hours", counting="instants", extension=ExtensionRule())


@pytest.mark.parametrize(
    ("on", "due"),
    [("2026-03-04T14:00+00:00", "2026-03-05T15:00"), ("2026-03-04T16:00+00:00", "2026-03-04T15:00")],
)
def test_hours_are_extended_before_their_instant(on: str, due: str) -> None:
    history = a_request().with_limits(BY_HOURS).sent("2026-03-02").received("2026-03-03T15:00+00:00")
    clock = history.extended(on, days=1, reason="x").clock("by-hours")
    assert clock.due_at is not None
    assert (
        clock.due_at.isoformat()[:16] == due
        if due.startswith("2026-03-04")
        else clock.due_at.isoformat() > due
    )
