"""Whether what is stored of a request is what its history gives: the stored projection held against a fresh one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json

from mla_tracker.commands.projecting import Projection
from mla_tracker.domain.clocks import Check, Clock
from mla_tracker.domain.vocabulary import FlagKind
from mla_tracker.storage.clocks import clock_content
from mla_tracker.storage.projections import StoredProjection
from mla_tracker.storage.requests import RequestRecord, projection_content


def differences(
    record: RequestRecord, stored: StoredProjection, fresh: Projection, now: datetime
) -> tuple[str, ...]:
    """What is stored otherwise than the history gives it, each as "status" or "clock <key>: due_on"; empty: nothing."""
    content = projection_content(fresh.life, fresh.warnings, first_act_on=fresh.case.first_day)
    return (
        *_differing(stored.request, content),
        *_of_clocks(record, stored, fresh),
        *_of_checks(stored, fresh.clocks, now),
    )


def _of_clocks(record: RequestRecord, stored: StoredProjection, fresh: Projection) -> Iterator[str]:
    clocks = {clock.key: clock_content(record, clock, shared=fresh.life.shared) for clock in fresh.clocks}
    for key in sorted(stored.clocks.keys() | clocks.keys()):
        if key not in clocks:
            yield f"clock {key}: should not be there"
        elif key not in stored.clocks:
            yield f"clock {key}: missing"
        elif names := list(_differing(stored.clocks[key], clocks[key])):
            yield f"clock {key}: {', '.join(names)}"


def _of_checks(stored: StoredProjection, clocks: Sequence[Clock], now: datetime) -> Iterator[str]:
    """Checks that stand though they should not, and such as should and neither stand nor led to a flag."""
    fresh = {
        (clock.key, check.kind.value, check.level): (clock, check)
        for clock in clocks
        for check in clock.checks
    }
    standing = set()
    for found in sorted(stored.checks, key=lambda check: (check.clock_key, check.kind, check.level)):
        key = (found.clock_key, found.kind, found.level)
        standing.add(key)
        if key not in fresh:
            yield f"check {_told(key)}: should not be there"
        elif (fresh[key][1].at, fresh[key][0].due_at) != (found.at, found.due_at):
            yield f"check {_told(key)}: at"
    for key, (clock, check) in fresh.items():
        if (
            key not in standing
            and (*key, clock.due_at) not in stored.flagged
            and not _passed(clock, check, now)
        ):
            yield f"check {_told(key)}: missing"


def _passed(clock: Clock, check: Check, now: datetime) -> bool:
    """Whether a sweep may have taken the check up without a flag: a warning that it came to after the due instant."""
    return check.kind is FlagKind.WARNING and clock.due_at is not None and clock.due_at <= now


def _told(key: tuple[str, str, int]) -> str:
    return f"{key[0]} {key[1]} {key[2]}"


def _differing(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[str]:
    return (name for name, value in fresh.items() if not _same(stored[name], value))


def _same(stored: Any, fresh: Any) -> bool:
    if isinstance(fresh, (list, dict)):
        return bool(stored == from_json(to_json(fresh)))
    return bool(stored == fresh)
