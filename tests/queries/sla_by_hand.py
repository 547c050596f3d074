"""The speed report and the ageing of clocks computed row by row in plain Python, to hold the statements against."""

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from mla_tracker.queries.reports import SlaWanted, Whose
from tests.builders.reporting import Duty

DAY = timedelta(days=1)
RESULTS = ("met", "met_extended", "met_late", "open_in_time", "open_overdue", "ended_overdue")


def result(duty: Duty, as_of: datetime) -> str | None:
    match duty.state:
        case "met":
            return "met_extended" if duty.met_extended else "met"
        case "met_late":
            return "met_late"
        case "running":
            assert duty.due_at is not None
            return "open_overdue" if as_of >= duty.due_at else "open_in_time"
        case "paused":
            assert duty.due_at is not None
            assert duty.paused_since is not None
            return "open_overdue" if duty.paused_since >= duty.due_at else "open_in_time"
        case "cancelled" if duty.due_at is not None:
            assert duty.stopped_at is not None
            stood_still = [begin for begin, end in duty.pauses if end is None]
            return "ended_overdue" if min([duty.stopped_at, *stood_still]) >= duty.due_at else None
    return None


def counted_on(duty: Duty, as_of: datetime) -> date | None:
    if duty.state != "paused":
        return duty.due_on
    assert duty.due_on is not None
    assert duty.paused_since is not None
    return duty.due_on + timedelta(days=max((as_of - duty.paused_since) // DAY, 0))


def backwards(duty: Duty) -> bool:
    assert duty.due_on is not None
    assert duty.started_on is not None
    return duty.due_on < duty.started_on


def days_taken(duty: Duty) -> int | None:
    if backwards(duty):
        return None
    assert duty.started_on is not None
    assert duty.stopped_on is not None
    return max((duty.stopped_on - duty.started_on).days, 0)


def days_taken_without_pauses(duty: Duty) -> int | None:
    days = days_taken(duty)
    if days is None:
        return None
    assert duty.started_at is not None
    end = duty.started_at + timedelta(days=days)
    covered, still = duty.started_at, timedelta()
    for begin, until in sorted((begin, until or end) for begin, until in duty.pauses):
        first, last = max(begin, covered), min(until, end)
        if last > first:
            still += last - first
            covered = last
    return max(days - math.floor(still / DAY + 0.5), 0)


def days_open(duty: Duty, as_of: datetime) -> int | None:
    assert duty.started_at is not None
    return None if backwards(duty) else max((as_of - duty.started_at) // DAY, 0)


def percentile(values: Sequence[int], share: float) -> float | None:
    """As percentile_cont: linear between the two neighbours."""
    if not values:
        return None
    ordered, place = sorted(values), share * (len(values) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def report(
    duties: Iterable[Duty], wanted: SlaWanted, own: Sequence[str], as_of: datetime
) -> dict[tuple[Any, ...], Any]:
    """Every cell of the report by side, basis and what it is divided by."""
    cells: dict[tuple[Any, ...], list[tuple[str, Duty]]] = {}
    for duty in duties:
        for side in wanted.sides:
            ours, theirs = duty.requesting, duty.requested
            if side == "requested":
                ours, theirs = theirs, ours
            owes = (
                side
                if wanted.whose is Whose.OURS
                else {"requesting": "requested", "requested": "requesting"}[side]
            )
            basis = "policy" if duty.basis == "policy" else "law"
            if ours not in own or not (duty.shared or duty.recorded_by in own):
                continue
            if duty.effect != "deadline" or duty.obligor != owes or basis not in wanted.bases:
                continue
            due_on = counted_on(duty, as_of)
            for population, on in (("due", due_on), ("stopped", duty.stopped_on)):
                if on is None or not wanted.from_day <= on < wanted.to_day:
                    continue
                if population == "due" and result(duty, as_of) is None:
                    continue
                if population == "stopped" and duty.state not in ("met", "met_late"):
                    continue
                told = {"counterpart": theirs, "kind": duty.kind, "stage": duty.stage, "month": f"{on:%Y-%m}"}
                key = (str(side), basis, *(told[dimension] for dimension in wanted.group_by))
                cells.setdefault(key, []).append((population, duty))
    return {key: _figures(counted, as_of) for key, counted in cells.items()}


def _figures(counted: Iterable[tuple[str, Duty]], as_of: datetime) -> dict[str, Any]:
    due = [duty for population, duty in counted if population == "due"]
    stopped = [duty for population, duty in counted if population == "stopped"]
    by_result = {name: sum(result(duty, as_of) == name for duty in due) for name in RESULTS}
    in_time = by_result["met"] + by_result["met_extended"]
    so_far = len(due) - by_result["open_in_time"]
    taken = [days for duty in stopped if (days := days_taken(duty)) is not None]
    net = [days for duty in stopped if (days := days_taken_without_pauses(duty)) is not None]
    waiting = [duty for duty in due if duty.state in ("running", "paused")]
    open_days = [days for duty in waiting if (days := days_open(duty, as_of)) is not None]
    return {
        "due": len(due),
        **by_result,
        "on_time_rate": in_time / len(due) if due else None,
        "on_time_rate_so_far": in_time / so_far if so_far else None,
        "stopped": len(stopped),
        "median_days": percentile(taken, 0.5),
        "p90_days": percentile(taken, 0.9),
        "mean_days": sum(taken) / len(taken) if taken else None,
        "median_days_without_pauses": percentile(net, 0.5),
        "p90_days_without_pauses": percentile(net, 0.9),
        "mean_days_without_pauses": sum(net) / len(net) if net else None,
        "open": len(waiting),
        "median_open_days": percentile(open_days, 0.5),
        "oldest_open_days": max(open_days, default=None),
    }
