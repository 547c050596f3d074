"""What a changed policy, calendar or list of parties would move: open requests counted both ways, nothing stored."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from mla_tracker.commands.projecting import law_and_calendars
from mla_tracker.domain.actors import Actor
from mla_tracker.domain.calendars import WorkingCalendar
from mla_tracker.domain.clocks import Clock, evaluate
from mla_tracker.domain.errors import ActNotPossible
from mla_tracker.domain.histories import Case, Event
from mla_tracker.domain.life import life_of
from mla_tracker.domain.limits import Convention, Limit
from mla_tracker.domain.precedence import side_of
from mla_tracker.domain.vocabulary import Act, ClockState, Side, Stage
from mla_tracker.domain.vocabulary import Effect as LimitEffect
from mla_tracker.storage import requests
from mla_tracker.storage.cases import case_of
from mla_tracker.storage.database import Tx
from mla_tracker.storage.requests import StoredCase
from mla_tracker.storage.stale import OF_POLICY, Changed

MOST_REQUESTS: Final = 5000
"""How many requests one preview counts, at some two milliseconds each."""

OPEN: Final = (ClockState.PENDING, ClockState.RUNNING, ClockState.PAUSED)


@dataclass(frozen=True, slots=True)
class Supposed:
    """A change as if it were in force: a policy with all limits as they would be then, a country's calendar with
    the days on which it differs, or the conventions with another list of parties, and those that requests `named`.
    `recomputed`: and each request were recomputed when the policy begins."""

    policy: Limit | None = None
    limits: tuple[Limit, ...] | None = None
    recomputed: bool = False
    country: str | None = None
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)
    changed: Changed | None = None
    conventions: Mapping[str, Convention] | None = None
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """An open clock whose due date a change moves. `before` None: it would begin to run; `after` None: it would go."""

    request_id: UUID
    clock: str
    stage: Stage
    before: date | None
    after: date | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do to what the account sees.

    `open_clocks`: how many there are that it is about, of the policy's stage, counted in the country or of requests
    that name such a convention. `left_out`: how many of the requests that it can reach were too many to
    count. `impossible`: requests with an act that the changed law would not allow, with the reason.
    """

    open_clocks: int
    moves: Sequence[Move] = ()
    requests: int = 0
    left_out: int = 0
    impossible: Sequence[tuple[UUID, str]] = ()


async def effect_of(tx: Tx, supposed: Supposed, *, actor: Actor | None, now: datetime) -> Effect:
    """Count every open request that the change can reach with and without it; soonest new date first.

    Without an account, as an operator has none, all requests are seen.
    """
    open_clocks = await _open_clocks(tx, supposed, actor)
    ids = await _reached(tx, supposed, actor)
    moves, impossible = list[Move](), list[tuple[UUID, str]]()
    for request_id in ids[:MOST_REQUESTS]:
        stored = await requests.load(tx, request_id, lock=False)
        if stored is None:
            continue
        try:
            moves += await _moved(tx, stored, supposed, now)
        except ActNotPossible as error:
            impossible.append((request_id, error.detail))
    moves.sort(key=lambda move: (move.after or move.before or date.max, move.request_id, move.clock))
    looked_at = min(len(ids), MOST_REQUESTS)
    return Effect(open_clocks, moves, looked_at, len(ids) - looked_at, impossible)


async def _moved(tx: Tx, stored: StoredCase, supposed: Supposed, now: datetime) -> list[Move]:
    case = case_of(stored)
    life = life_of(case)
    law, calendars = await law_and_calendars(tx, stored.record, case, now)
    before, _ = evaluate(case, life, law, calendars)
    changed_law = replace(
        law,
        limits=law.limits if supposed.limits is None else supposed.limits,
        conventions=law.conventions if supposed.conventions is None else supposed.conventions,
    )
    if supposed.recomputed and supposed.policy is not None:
        case = _recomputed(case, supposed.policy)
    after, _ = evaluate(case, life, changed_law, {**calendars, **supposed.calendars})
    return list(_moves(stored.record.id, before, after))


def _recomputed(case: Case, policy: Limit) -> Case:
    zone = case.zones[side_of(policy.obligor)]
    act = Event("preview", Act.RECOMPUTED, zone, on=policy.valid_from, data={"stage": policy.stage.value})
    return replace(case, events=(*case.events, act))


def _moves(request_id: UUID, before: Iterable[Clock], after: Iterable[Clock]) -> Iterator[Move]:
    """Clocks are the same by key; one that takes the place of another has its stage, its effect and its start."""
    old, new = ({clock.key: clock for clock in clocks if clock.state in OPEN} for clocks in (before, after))
    pairs: list[tuple[Clock | None, Clock | None]] = [
        (old.pop(key), new.pop(key)) for key in [*new] if key in old
    ]
    for key, clock in [*new.items()]:
        instead = next((other for other in old.values() if _role(other) == _role(clock)), None)
        pairs.append((old.pop(instead.key) if instead else None, new.pop(key)))
    pairs += [(clock, None) for clock in old.values()]
    for was, becomes in pairs:
        named = becomes or was
        assert named is not None
        dates = (was.due_on if was else None, becomes.due_on if becomes else None)
        if dates[0] != dates[1]:
            yield Move(request_id, named.key, named.limit.stage, *dates)


def _role(clock: Clock) -> tuple[Stage, LimitEffect, str | None]:
    return clock.limit.stage, clock.limit.effect, clock.start.id if clock.start else None


# What the account sees: its own records, and those of the other side once they were sent.
_SEEN: Final = "($1::text[] is null or shared or recorded_by = any($1))"


async def _open_clocks(tx: Tx, supposed: Supposed, actor: Actor | None) -> int:
    about: list[Any]
    if supposed.policy is not None:
        limit = supposed.policy
        side = "requesting_country" if side_of(limit.obligor) is Side.REQUESTING else "requested_country"
        condition, about = f"{side} = $3 and stage = $4", [limit.country, limit.stage.value]
    elif supposed.conventions is not None:
        condition = "request_id in (select id from request where status <> 'closed' and convention = any($3))"
        about = [sorted(supposed.named)]
    else:
        condition, about = "counted_in_country = $3", [supposed.country]
    number: int = await tx.fetchval(
        f"select count(*) from clock where {condition} and state = any($2) and {_SEEN}",
        _countries_of(actor), [state.value for state in OPEN], *about,
    )  # fmt: skip
    return number


def _countries_of(actor: Actor | None) -> list[str] | None:
    return None if actor is None else list(actor.countries)


async def _reached(tx: Tx, supposed: Supposed, actor: Actor | None) -> list[UUID]:
    """The open requests whose dates the change can move, oldest first."""
    about: list[Any]
    if supposed.policy is not None:
        limit = supposed.policy
        since = date(1600, 1, 1) if supposed.recomputed else limit.valid_from
        condition, about = OF_POLICY, [limit.country, side_of(limit.obligor).value, since]
    elif supposed.conventions is not None:
        condition, about = "convention = any($2)", [sorted(supposed.named)]
    else:
        if supposed.changed is None:
            return []
        condition = """
            (requesting_country = $2 or requested_country = $2) and (stale_since is not null or exists (
                select from clock where clock.request_id = request.id and clock.counted_in_country = $2
                    and clock.state in ('running', 'paused') and least(started_on, due_on) <= $4
                    and greatest(started_on, due_on) >= $3))
        """
        about = [supposed.country, supposed.changed.first, supposed.changed.last]
    rows = await tx.fetch(
        f"select id from request where status <> 'closed' and {_SEEN} and {condition} order by id",
        _countries_of(actor), *about,
    )  # fmt: skip
    return [row["id"] for row in rows]
