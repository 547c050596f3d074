"""Random clocks for properties: few countries and a few months, so that everything meets everything."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from mla_tracker.domain.vocabulary import Effect
from tests.builders.reporting import Duty, Spell, midnight

COUNTRIES = ("MA", "ES", "EC", "KZ")
AS_OF = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
FIRST = date(2025, 11, 1)

days = st.integers(0, 200).map(lambda number: FIRST + timedelta(days=number))
past_days = st.integers(0, 129).map(lambda number: FIRST + timedelta(days=number))
instants = st.builds(lambda on, hours: midnight(on) + timedelta(hours=hours), past_days, st.integers(0, 23))
accounts = st.sampled_from([("MA",), ("ES",), ("MA", "ES"), ("KZ", "EC", "MA"), ("FR",)])


@st.composite
def duties(draw: st.DrawFn) -> Duty:
    """A clock of any state whose row could stand in the database."""
    requesting, requested = draw(st.permutations(COUNTRIES))[:2]
    state = draw(st.sampled_from(["pending", "running", "paused", "met", "met_late", "cancelled"]))
    duty = Duty(
        requesting=requesting,
        requested=requested,
        recorded_by=draw(st.sampled_from([requesting, requested])),
        shared=draw(st.integers(0, 4)) > 0,
        kind=draw(st.sampled_from(["evidence", "extradition", "proceedings"])),
        basis=draw(st.sampled_from(["law", "agreement", "policy"])),
        stage=draw(st.sampled_from(["receive", "decide", "execute"])),
        effect=draw(st.sampled_from([Effect.DEADLINE.value] * 4 + ["goal", "expiry", "not_before"])),
        obligor=draw(st.sampled_from(["requested", "requested", "requesting", "provider"])),
        assigned_requesting=draw(st.sampled_from([None, "desk 1", "desk 2"])),
        assigned_requested=draw(st.sampled_from([None, "desk 1", "desk 2"])),
        state=state,
    )
    if state == "pending" or (state == "cancelled" and draw(st.integers(0, 3)) == 0):
        stopped_on = draw(past_days) if state == "cancelled" else None
        return duty.on(started_on=None, due_on=None, due_at=None, stopped_on=stopped_on)
    started_on, due_on = draw(past_days), draw(days)
    pauses: list[Spell] = []
    for begin in draw(st.lists(instants, max_size=3)):
        pauses.append((begin, begin + timedelta(hours=draw(st.integers(-5, 500)))))
    if state in ("met", "met_late", "cancelled") and draw(st.integers(0, 3)) == 0:
        pauses.append((draw(instants), None))
    changed = duty.on(
        started_on=started_on,
        due_on=due_on,
        due_at=midnight(due_on) + timedelta(hours=draw(st.sampled_from([24, 24, 10]))),
        pauses=tuple(pauses),
    )
    if state == "paused":
        since = draw(instants)
        return changed.on(paused_since=since, pauses=(*pauses, (since, None)))
    if state != "running":
        return changed.on(stopped_on=draw(past_days), met_extended=state == "met" and draw(st.booleans()))
    return changed
