"""The steps by which a clock explains where it comes from and how it ended; the counting has steps of its own."""

from collections.abc import Mapping
from datetime import date

from mla_tracker.domain.explanation import Step
from mla_tracker.domain.runs import Run
from mla_tracker.domain.vocabulary import ClockState, Effect


def opening_steps(run: Run, country: str, started_on: date | None) -> list[Step]:
    """On what the limit rests, what it displaces, and from which act it runs; `country` is where it is counted."""
    limit = run.limit
    steps = [Step("limit-applies", {"stage": limit.stage, "basis": limit.basis}, limit.source)]
    if not limit.verified and limit.evidence != "own":
        steps.append(Step("source-not-verified", {"instrument": limit.instrument}))
    steps += [
        Step("displaces", {"source": other.source, "limit": other.id}) for other in run.chosen.displaced
    ]
    if run.start is None:
        acts = [trigger.act for trigger in limit.starts_on]
        return [*steps, Step("not-started", {"acts": acts})]
    if run.apart:
        steps.append(Step("for-items", {"items": sorted(run.items)}))
    return [*steps, Step("started-by", {"act": run.start.act, "day": started_on, "country": country})]


def closing_steps(run: Run, state: ClockState, due: date, ended_on: date | None) -> list[Step]:
    """How the clock ended, or that it stands still."""
    if run.stop is not None:
        args: Mapping[str, object] = {"act": run.stop.act, "day": ended_on, "due": due}
        early = run.limit.effect is Effect.NOT_BEFORE and ended_on is not None and ended_on <= due
        code = "too-early" if early else "met-in-time" if state is ClockState.MET else "met-late"
        shown = [Step("implied-by", {"act": run.stop.act})] if run.implied else []
        return [*shown, Step(code, args)]
    if run.cancelled_by is not None:
        return [Step("cancelled-by", {"act": run.cancelled_by.act, "day": ended_on})]
    return [Step("paused")] if state is ClockState.PAUSED else []
