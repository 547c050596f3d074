"""Which limits run, and in which version: agreement, convention relied on, own rule of the country, our policy."""

from datetime import date
from typing import Any

import pytest

from mla_tracker.domain.limits import Conditions, Convention, Limit, Membership, Span, Trigger
from mla_tracker.domain.precedence import Law, applies, country_of, owner
from mla_tracker.domain.vocabulary import (
    Act,
    Assistance,
    Basis,
    ClockState,
    Effect,
    Obligor,
    RequestKind,
    Stage,
    Unit,
    Urgency,
)
from tests.builders.histories import (
    HistoryBuilder,
    a_limit,
    a_request,
    a_warrant,
    an_extradition,
    an_order,
    spoken,
    words,
)

SENT = a_request().sent("2026-03-02")
ASKED = SENT.received("2026-03-03")


def deciding(history: HistoryBuilder) -> list[str]:
    """The limits that run for the stage of deciding."""
    return sorted(c.limit.id for c in history.clocks().values() if c.limit.stage is Stage.DECIDE)


def agreed(id_: str = "agreed", **changes: Any) -> Limit:
    return a_limit(
        id_, basis=Basis.AGREEMENT, country=None, agreement_id="a-1", instrument="Treaty", **changes
    )


# The convention that the request names.


def warned(history: HistoryBuilder) -> str:
    return words(history.read()[1])


def test_the_convention_named_runs_where_both_are_bound() -> None:
    assert "eio-decide" in deciding(an_order().received("2026-03-03"))
    assert "eio-decide" not in deciding(ASKED)


def test_a_country_not_bound_is_named_and_our_policy_runs() -> None:
    order = a_request().between("FI", "DK").under("eio").sent("2026-03-02").received("2026-03-03")
    assert deciding(order) == ["default-evidence-decide"]
    assert "does not show DK as bound" in warned(order)


def test_the_day_of_leaving_decides_whether_both_are_bound() -> None:
    order = a_request().between("GB", "ES").under("eio")
    assert "eio-decide" in deciding(order.sent("2020-12-31").received("2021-01-04"))
    assert "eio-decide" not in deciding(order.sent("2021-01-01").received("2021-01-04"))


def test_an_instrument_that_was_replaced_between_the_two_gives_way() -> None:
    replaced = an_extradition().between("FI", "ES").sent("2026-03-02").received("2026-03-03")
    assert "eaw-decide" in deciding(replaced)
    assert "takes the place of" in warned(replaced)
    assert "takes the place of" not in warned(an_extradition().sent("2026-03-02"))


def test_an_instrument_that_nobody_knows_is_warned_of() -> None:
    assert "knows no instrument ets999" in warned(a_request().under("ets999").sent("2026-03-02"))


def test_an_instrument_whose_parties_are_not_listed_is_taken_at_its_word() -> None:
    treaty = Convention("t", "A treaty", frozenset({RequestKind.EVIDENCE}), parties_known=False)
    limit = a_limit("t-decide", basis=Basis.LAW, country=None, convention="t")
    history = HistoryBuilder(law=Law((limit,), {"t": treaty}), convention="t").sent("2026-03-02")
    assert list(history.clocks()) == ["t-decide"]


def test_membership_ends_on_the_first_day_on_which_it_no_longer_binds() -> None:
    member = Membership("GB", date(2017, 5, 22), date(2021, 1, 1))
    bound = [
        member.binds_on(date.fromisoformat(day))
        for day in ("2017-05-21", "2017-05-22", "2020-12-31", "2021-01-01")
    ]
    assert bound == [False, True, True, False]


# Agreement before convention before the country's own rule before our default policy.


def test_the_agreement_that_governs_displaces_the_others_and_says_so() -> None:
    order = an_order().received("2026-03-03")
    under_treaty = order.with_agreement(agreed())
    assert deciding(under_treaty) == ["agreed"]
    told = words(under_treaty.clock("agreed").steps)
    assert (
        "It takes the place of the limit eio-decide (EIO Directive 2014/41/EU, Art. 12(3) and 12(5))." in told
    )
    assert "default-evidence-decide" in told


def test_an_agreement_not_in_force_runs_nothing_and_is_warned_of() -> None:
    history = ASKED.with_agreement(agreed(), governs=False)
    assert deciding(history) == ["default-evidence-decide"]
    assert "was not in force between the two on Monday 2 March 2026" in warned(history)


def test_an_agreement_leaves_other_stages_alone() -> None:
    assert {"agreed", "default-acknowledge", "default-receive"} <= set(
        ASKED.with_agreement(agreed()).clocks()
    )


def test_the_policy_of_the_country_whose_duty_it_is_displaces_ours() -> None:
    assert deciding(ASKED.with_limits(a_limit("ma-policy", country="MA"))) == ["ma-policy"]
    assert deciding(ASKED.with_limits(a_limit("ec-policy", country="EC"))) == ["default-evidence-decide"]


def test_a_policy_runs_beside_the_law_only_where_it_says_so() -> None:
    order = an_order().received("2026-03-03")
    assert "es-policy" not in deciding(order.with_limits(a_limit("es-policy", "20 days", country="ES")))
    beside = order.with_limits(a_limit("es-policy", "20 days", country="ES", in_addition=True))
    assert {"eio-decide", "es-policy"} <= set(deciding(beside))


def test_national_law_is_that_of_the_country_counted_in() -> None:
    law = a_limit(basis=Basis.LAW, country="MA", obligor=Obligor.REQUESTING, counted_in=Obligor.REQUESTED)
    policy = a_limit(country="MA", obligor=Obligor.REQUESTING, counted_in=Obligor.REQUESTED)
    case = ASKED.case()
    assert (owner(law, case), owner(policy, case)) == ("MA", "EC")
    assert country_of(Obligor.PROVIDER, case) == "MA"


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (agreed(span=None), "no number"),
        (agreed(effect=Effect.GOAL), "a goal"),
        (agreed(effect=Effect.NOT_BEFORE), "a time not to act before"),
        (agreed(valid_from=date(2026, 4, 1)), "not yet in force"),
        (agreed(valid_to=date(2026, 3, 3)), "no longer in force"),
        (
            agreed(starts_each=True, starts_on=(Trigger(Act.HEARING_FIXED),)),
            "for acts that have not happened",
        ),
        (agreed(conditions=Conditions(consent=True)), "for a consent that nobody gave"),
    ],
)
def test_a_source_that_says_nothing_by_when_displaces_nothing(limit: Limit, reason: str) -> None:
    assert "default-evidence-decide" in deciding(ASKED.with_agreement(limit)), reason


def test_a_limit_for_each_act_displaces_once_there_is_one() -> None:
    each = agreed(starts_each=True, starts_on=(Trigger(Act.HEARING_FIXED),))
    history = ASKED.with_agreement(each).hearing_fixed("2026-03-10", date="2026-05-04")
    assert deciding(history) == ["agreed"]


# The conditions of a limit that hold for the whole case.

CONDITIONS = [
    ({}, True),
    ({"urgency": frozenset({Urgency.EMERGENCY})}, False),
    ({"urgency": frozenset({Urgency.ROUTINE})}, True),
    ({"assistance": frozenset({Assistance.RECORDS})}, True),
    ({"assistance": frozenset({Assistance.INTERCEPTION})}, False),
    ({"contiguous": True}, False),
    ({"requested_countries": frozenset({"MA"})}, True),
    ({"requested_countries": frozenset({"ES"})}, False),
    ({"requesting_countries": frozenset({"EC"})}, True),
    ({"requesting_countries": frozenset({"MA"})}, False),
]


@pytest.mark.parametrize(("conditions", "holds"), CONDITIONS)
def test_a_limit_applies_under_its_conditions(conditions: dict[str, Any], holds: bool) -> None:
    case = ASKED.about("records").case()
    assert applies(a_limit(conditions=Conditions(**conditions)), case, Law(())) is holds


def test_neighbours_are_neighbours_where_it_is_known() -> None:
    neighbours = a_limit(conditions=Conditions(contiguous=True))
    assert applies(neighbours, ASKED.case(), Law((), contiguous=True))
    assert not applies(neighbours, ASKED.case(), Law((), contiguous=False))


def test_a_limit_applies_to_its_kinds_and_to_a_date_that_is_wished() -> None:
    assert not applies(a_limit(kinds=frozenset({RequestKind.EXTRADITION})), ASKED.case(), Law(()))
    wished = a_limit(span=None, request_date="wished_by")
    assert not applies(wished, ASKED.case(), Law(()))
    assert applies(wished, ASKED.wished("2026-05-04").case(), Law(()))
    assert ASKED.in_urgency("urgent").case().urgency is Urgency.URGENT


# Versions: the one valid on the legal start date, whenever it was recorded.

OLD = a_limit("ma-policy", "30 days", valid_to=date(2026, 3, 10))
NEW = a_limit("ma-policy", "20 days", version=2, valid_from=date(2026, 3, 10))


@pytest.mark.parametrize(
    ("history", "version", "due"),
    [
        (ASKED, 1, "Thu 2026-04-02"),
        (SENT.received("2026-03-10"), 2, "Mon 2026-03-30"),
        (SENT.received("2026-03-09"), 1, "Wed 2026-04-08"),
        (SENT, 1, "-"),
        (ASKED.recomputed("2026-03-12", reason="x"), 2, "Mon 2026-03-23"),
        (ASKED.recomputed("2026-03-12", reason="x", stage="decide"), 2, "Mon 2026-03-23"),
        (ASKED.recomputed("2026-03-12", reason="x", stage="execute"), 1, "Thu 2026-04-02"),
        (ASKED.recomputed("2026-03-08", reason="x"), 1, "Thu 2026-04-02"),
    ],
)
def test_a_version_is_that_of_the_legal_start_date(history: HistoryBuilder, version: int, due: str) -> None:
    clock = history.with_limits(NEW, OLD).clock("ma-policy")
    assert (clock.limit.version, spoken(clock.due_on)) == (version, due)


def test_a_version_that_starts_otherwise_does_so_only_in_its_own_time() -> None:
    later = a_limit(
        "ma-policy",
        "20 days",
        version=2,
        valid_from=date(2026, 3, 10),
        starts_on=(Trigger(Act.RECEIVED_BY_COMPETENT_AUTHORITY),),
    )
    passed_on = ASKED.with_limits(OLD, later).forwarded("2026-03-04")
    before = passed_on.received_by_competent_authority("2026-03-05").clock("ma-policy")
    assert (before.limit.version, spoken(before.due_on)) == (1, "Thu 2026-04-02")


def test_a_policy_that_begins_later_leaves_ours_in_place_until_then() -> None:
    later = a_limit("ma-policy", "20 days", valid_from=date(2026, 3, 10))
    assert deciding(ASKED.with_limits(later)) == ["default-evidence-decide"]
    assert deciding(SENT.received("2026-03-10").with_limits(later)) == ["ma-policy"]
    assert deciding(SENT.with_limits(later)) == ["default-evidence-decide"]


def test_each_start_has_the_version_of_its_own_day() -> None:
    each = {
        "starts_each": True,
        "starts_on": (Trigger(Act.INFORMATION_REQUESTED),),
        "obligor": Obligor.REQUESTED,
    }
    old, new = (
        a_limit("p", "30 days", valid_to=date(2026, 3, 10), **each),
        a_limit("p", "20 days", version=2, valid_from=date(2026, 3, 10), **each),
    )
    clocks = (
        ASKED.with_limits(old, new)
        .information_requested("2026-03-05")
        .information_requested("2026-03-12")
        .clocks()
    )
    found = [clocks[f"p:information_requested-{number}"] for number in (1, 2)]
    assert [spoken(clock.due_on) for clock in found] == ["Sat 2026-04-04", "Wed 2026-04-01"]


def test_a_clock_says_on_what_it_rests_and_whether_that_was_read() -> None:
    shipped = an_order().received("2026-03-03").clock("eio-decide")
    told = words(shipped.steps)
    assert told.startswith(
        "The limit for the stage decide rests on law. Source: EIO Directive 2014/41/EU, Art. 12(3) and 12(5)."
    )
    assert "Received on Tuesday 3 March 2026: the clock begins to run, counted in ES." in told
    from_memory = ASKED.with_limits(a_limit("m", country="MA", evidence="M", verified=False)).clock("m")
    assert "The wording of A policy was not read" in words(from_memory.steps)
    waiting = SENT.clock("default-evidence-decide")
    assert "It has not begun to run: it begins with received." in words(waiting.steps)


def test_a_limit_without_provision_is_cited_by_its_instrument() -> None:
    assert a_limit(provision="").source == "A policy"
    assert a_limit(span=Span(1, Unit.DAYS)).source == "A policy, 1"


def test_a_warrant_and_its_stages_that_have_no_limit_of_their_own_fall_to_our_policy() -> None:
    clocks = a_warrant().received("2026-03-03").clocks()
    assert clocks["default-receive"].state is ClockState.MET
    assert "default-extradition-decide" not in clocks
